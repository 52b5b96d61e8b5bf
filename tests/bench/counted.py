"""`python -m jobs` as it is, and then, on the last line of stderr, how many Spark jobs it started."""

from __future__ import annotations

import runpy
import sys

MARK = "spark jobs: "


def main() -> None:
    try:
        runpy.run_module("jobs", run_name="__main__", alter_sys=True)
    finally:
        print(f"{MARK}{_count()}", file=sys.stderr, flush=True)


def _count() -> int:
    if "pyspark" not in sys.modules:
        return 0
    from pyspark import SparkContext

    running = SparkContext._active_spark_context
    return int(running._jsc.sc().dagScheduler().numTotalJobs()) if running else 0


if __name__ == "__main__":
    main()
