"""One contestant in a process of its own, so that its memory and CPU are its alone: `python -m tests.bench.contestant NAME INBOX WORK RUNS`."""

from __future__ import annotations

import json
import os
import shutil
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from tests.bench.measure import Meter, job_counter

WITHOUT_SPARK = ("by_hand", "by_hand_unchecked", "by_polars")
OWN_SESSION = ("plain", "spark_gx")


def main(name: str, inbox: Path, work: Path, runs: int) -> None:
    """Run a contestant, each time into a fresh folder; print its costs as JSON. The folder of the last run stays."""
    import importlib

    module: Any = importlib.import_module(f"tests.bench.{name.removesuffix('_tuned')}")
    spark: Any = None
    found: list[dict[str, Any]] = []
    root = work / name
    for _ in range(runs):
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True)
        meter = Meter(os.getpid(), root)
        if name not in WITHOUT_SPARK:
            from jobs.session import open_session

            if spark is None:
                with meter.stage("start"):
                    spark = module.start() if name in OWN_SESSION else open_session("bench")
                found.append({"start": meter.costs.pop().as_dict()})
            meter.jobs = job_counter(spark)
        with module.timing_checks(os.getpid()) if name == "product" else nullcontext({}) as checks:
            said = module.run(spark, inbox, root, meter)
        found.append({"stages": [c.as_dict() for c in meter.costs], "checks": dict(checks), "said": said})
        print(name, [f"{c.name} {c.cpu:.1f}" for c in meter.costs], file=sys.stderr, flush=True)
    print(json.dumps(found, default=str))
    if spark is not None:
        spark.stop()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
