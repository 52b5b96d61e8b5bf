"""`python -m jobs` as it is, and then, on the last line of stderr, how many Spark jobs it started; none where it started no Java."""

from __future__ import annotations

import runpy
import sys

MARK = "spark jobs: "
NO_JAVA = "no Java"


def main() -> None:
    try:
        runpy.run_module("jobs", run_name="__main__", alter_sys=True)
    finally:
        print(f"{MARK}{_count()}", file=sys.stderr, flush=True)


def _count() -> str:
    if "pyspark" not in sys.modules:
        return NO_JAVA
    from pyspark import SparkContext

    running = SparkContext._active_spark_context
    if running is None:
        return NO_JAVA if SparkContext._gateway is None else "0"
    return str(running._jsc.sc().dagScheduler().numTotalJobs())


if __name__ == "__main__":
    main()
