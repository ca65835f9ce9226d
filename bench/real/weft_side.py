"""weft as its guide shows it, on a server in the OpenAI format.

Jobs and results are JSON lines (`bench.rivals.forked`). Whatever weft does by default
is what is measured: an arm sets only what its name says.
"""

from __future__ import annotations

import time
from typing import Any

import weft
from bench.real.arms import Arm, arm_of
from bench.real.tasks import TASKS, Example, Task, plain
from bench.rivals.forked import Job, Result, answer_jobs


def program_of(task: Task, arm: Arm) -> Any:
    """One module with the task's signature."""
    inputs, outputs = (
        ", ".join(f"{name}: T_{name}" for name in fields)
        for fields in (task.inputs, task.outputs)
    )
    types = {f"T_{n}": kind for n, kind in {**task.inputs, **task.outputs}.items()}
    options: dict[str, Any] = {"adapter": arm.form} if arm.form else {}
    make: Any = weft.ChainOfThought if arm.thinks else weft.Predict
    program = make(
        f"{inputs} -> {outputs}",
        task.instruction,
        name="answer",
        types=types,
        **options,
    )
    if not arm.demos:
        return program
    shown = task.sample("train", arm.demos, arm.draw)
    demos = [weft.Demo({**row.inputs, **row.outputs}, row.id) for row in shown]
    return program.with_(demos=demos)


def examples(rows: list[Example]) -> list[dict[str, Any]]:
    """Rows as weft takes them."""
    return [{**row.inputs, **row.outputs, "id": row.id} for row in rows]


def model_of(job: Job, url: str, *, schema: bool = True) -> weft.LM:
    """The model behind an address."""
    # What weft.LM("local/...") reads from the file and knows of llama.cpp, and no more:
    # here the model is asked through a proxy that counts.
    told: dict[str, Any] = {"schema": schema, "grammar": schema, "stop": True}
    told["base"] = job["model"].endswith("gemma")
    return weft.LM(
        job["model"],
        api_base=f"{url}/v1",
        temperature=0,
        max_tokens=job["max_tokens"],
        timeout=600,
        abilities=told,
    )


def metric_of(task: Task) -> Any:
    """The task's score as a metric."""

    def score(example: Any, prediction: Any) -> float:
        got = {name: plain(getattr(prediction, name)) for name in task.outputs}
        return task.score({name: example.labels[name] for name in task.outputs}, got)

    return score


def ask(job: Job) -> Result:
    """The test rows, asked as the arm says."""
    task, arm = TASKS[job["task"]], arm_of(job["arm"])
    lm = model_of(job, job["url"], schema=arm.schema)
    return _answers(job, task, program_of(task, arm), lm)


def compile_(job: Job) -> Result:
    """Compile once, and answer the test rows with the result."""
    task = TASKS[job["task"]]
    with weft.use(lm=model_of(job, job["url"]), cache=weft.MemoryCache()):
        started = time.perf_counter()
        result: weft.Result[..., Any, Any] = weft.compile(
            program_of(task, arm_of("weft")),
            examples(task.sample("train", job["train"], job["seed"])),
            examples(task.sample("dev", job["val"], job["seed"])),
            metric=metric_of(task),
            compiler=getattr(weft.compilers, job["compiler"])(),
            budget=f"{job['budget']} calls",
            seed=job["seed"],
        )
        seconds = time.perf_counter() - started
    made: Any = result.program
    tested = _answers(job, task, made, model_of(job, job["test_url"]))
    return {**tested, "compile_seconds": seconds, "said": str(result.report)[:2000]}


def _answers(job: Job, task: Task, program: Any, lm: weft.LM) -> Result:
    """Each row once, with the calls that its trace tells of."""
    rows = task.sample("test", job["rows"])
    started = time.perf_counter()
    with weft.use(lm=lm, cache=weft.MemoryCache()):
        found = weft.evaluate(
            program, examples(rows), metric_of(task), concurrency=job["slots"]
        )
    seconds = time.perf_counter() - started
    return {"rows": [_row(task, one) for one in found.rows], "seconds": seconds}


def _row(task: Task, row: Any) -> dict[str, Any]:
    answer: dict[str, Any] | None = None
    if row.prediction is not None:
        said = row.prediction
        answer = {name: plain(getattr(said, name)) for name in task.outputs}
    nodes = row.trace.nodes
    return {
        "id": row.example.id,
        "answer": answer,
        "error": row.error[:300],
        "calls": sum(len(node.calls) for node in nodes),
        "repairs": [str(repair) for node in nodes for repair in node.repairs],
    }


def work(job: Job) -> Result:
    """Either kind of job."""
    return compile_(job) if job["kind"] == "compile" else ask(job)


if __name__ == "__main__":
    answer_jobs(work)
