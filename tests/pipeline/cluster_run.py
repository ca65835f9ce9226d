"""A process of its own that runs rows on a small Ray cluster, and prints what came.

python -m tests.pipeline.cluster_run FOLDER
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ray

import weft
from tests.pipeline.cluster_app import Ticket, routed
from weft.pipeline.ground.plain import plain

APP = "tests.pipeline.cluster_app"
SETUP = f"{APP}:settings"
ROWS = [{"message": f"row {n}", "team": "cards"} for n in range(60)]
HERE = weft.Ray(workers=2, live=f"{APP}:routed", setup=SETUP, patience=120.0)
TUNED = routed.with_parameters({"triage/instruction": "Route it, please."})


def refuse(self: object, _: object) -> Any:
    """Stand for `__reduce_ex__`: whoever pickles a part of a program fails."""
    raise TypeError(f"{type(self).__name__} is being pickled")


def killed() -> Any:
    """A batch; the server kills the worker that asks it for the 12th time."""
    return [plain(v, repr) for v in TUNED.batch(ROWS, concurrency=8, on=HERE)]


def measured() -> Any:
    """The same rows again, as an evaluation: all answers stand in the cache."""
    made = weft.evaluate(TUNED, ROWS, metric=cards, concurrency=8, on=HERE)
    first = made.rows[0]
    assert isinstance(first.prediction, Ticket)
    return {
        "mean": made.mean,
        "rows": [row.example["message"] for row in made.rows],
        "calls": made.calls,
        "cached": all(call.cached for row in made.rows for call in row.trace.calls),
        "paths": [node.path for node in first.trace.nodes],
        "info": weft.info(first.prediction).path,
    }


def cards(example: weft.Example, prediction: Ticket) -> bool:
    """A metric that is a function of this process alone."""
    return prediction.team == example["team"]


def filed(folder: str) -> Any:
    """A batch into a file, where one row kills whoever looks at it."""
    rows = [*ROWS[:8], {"message": "poison"}, {"message": "nonsense"}, *ROWS[8:20]]
    careful = weft.Ray(
        workers=2, live=HERE.live, setup=SETUP, retries=2, patience=120.0
    )
    path = Path(folder, "rows.jsonl")
    done = weft.batch_to(TUNED, rows, path, concurrency=8, on_error="keep", on=careful)
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return {"failed": done.failed, "lines": lines}


def carried() -> Any:
    """A batch whose model is set here alone."""
    there = weft.Ray(workers=1, live=HERE.live, patience=120.0)
    with weft.use(lm="embedded", cache=None):
        return [value.message for value in TUNED.batch(ROWS[:4], on=there)]


def refused() -> Any:
    """What cannot run there says so before a row does."""
    other = weft.Ray(workers=1, live=f"{APP}:triage", setup=SETUP, patience=120.0)
    broken = weft.Ray(workers=1, live=HERE.live, setup=f"{APP}:broken", patience=120.0)
    nowhere = weft.Ray(
        workers=1, live=HERE.live, setup="no_such_module:f", patience=120.0
    )
    crowd = weft.Ray(workers=1, live=HERE.live, setup=SETUP, cpus=64.0, patience=1.0)
    return [
        said(lambda on=on: routed.batch(ROWS, on=on))
        for on in (other, broken, nowhere, crowd)
    ]


def said(work: Callable[[], object]) -> list[str]:
    """The error that some work ends with."""
    try:
        work()
    except weft.WeftError as error:
        return [type(error).__name__, str(error)]
    return []


def main() -> None:
    """Start a cluster, run all, print one JSON object."""
    for kind in (type(routed), type(routed.modules["triage"]), weft.Example):
        kind.__reduce_ex__ = refuse  # type: ignore[method-assign, assignment]
    ray.init(
        num_cpus=2,
        num_gpus=0,
        include_dashboard=False,
        object_store_memory=80 * 2**20,
        log_to_driver=False,
        _node_ip_address="127.0.0.1",
        _temp_dir=sys.argv[2],
    )
    found = {
        "killed": killed(),
        "measured": measured(),
        "filed": filed(sys.argv[1]),
        "logged": [
            [run.state, [node.path for node in run.trace.nodes]]
            for run in weft.read_traces(os.environ["WEFT_TRACE_LOG"])
        ],
        "refused": refused(),
        "logged after": sum(1 for _ in weft.read_traces(os.environ["WEFT_TRACE_LOG"])),
        "carried": carried(),
    }
    ray.shutdown()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
