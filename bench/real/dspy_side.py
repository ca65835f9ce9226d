"""DSPy as its documentation shows it, on a server in the OpenAI format.

Jobs and results are JSON lines (`bench.rivals.forked`). Its caches are off, but for the
memory cache while it compiles: there it is part of what the optimizers cost.
"""

from __future__ import annotations

import importlib
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bench.real.arms import Arm, arm_of
from bench.real.tasks import TASKS, Example, Task, plain
from bench.rivals.forked import Job, Result, answer_jobs

dspy: Any = importlib.import_module("dspy")
ADAPTERS = {
    "": "ChatAdapter",
    "chat": "ChatAdapter",
    "json": "JSONAdapter",
    "schema": "JSONAdapter",
}
ENFORCING = "openai/gpt-4o-mini"
"""A name that litellm knows: only for such a one does DSPy ask the server to enforce a
schema. The server answers to any name; the arm `dspy-schema` uses this."""
MOST_ERRORS = 10_000
"""Unreadable replies that a compile bears: by default it ends after ten."""


def program_of(task: Task, arm: Arm) -> Any:
    """One module with the task's signature."""
    fields = {
        **{name: (kind, dspy.InputField()) for name, kind in task.inputs.items()},
        **{name: (kind, dspy.OutputField()) for name, kind in task.outputs.items()},
    }
    make = dspy.ChainOfThought if arm.thinks else dspy.Predict
    program = make(dspy.Signature(fields, task.instruction))
    shown = examples(task, task.sample("train", arm.demos, arm.draw))
    for predict in program.predictors():
        predict.demos = shown
    return program


def examples(task: Task, rows: list[Example]) -> list[Any]:
    """Rows as DSPy takes them."""
    return [
        dspy.Example(**row.inputs, **row.outputs, id=row.id).with_inputs(*task.inputs)
        for row in rows
    ]


def model_of(url: str, job: Job, *, cache: bool) -> Any:
    """The model behind an address."""
    return dspy.LM(
        job["model"],
        api_base=url,
        api_key="none",
        temperature=0.0,
        max_tokens=job["max_tokens"],
        cache=cache,
    )


def ask(job: Job) -> Result:
    """The test rows, asked as the arm says."""
    task, arm = TASKS[job["task"]], arm_of(job["arm"])
    dspy.configure_cache(enable_disk_cache=False, enable_memory_cache=False)
    return _answers(job, task, program_of(task, arm), job["url"], ADAPTERS[arm.form])


def compile_(job: Job) -> Result:
    """Compile once, and answer the test rows with the result."""
    task = TASKS[job["task"]]
    dspy.configure_cache(enable_disk_cache=False, enable_memory_cache=True)
    dspy.configure(lm=model_of(f"{job['url']}/v1", job, cache=True))
    program = program_of(task, arm_of("dspy"))
    train = examples(task, task.sample("train", job["train"], job["seed"]))
    val = examples(task, task.sample("dev", job["val"], job["seed"]))

    def metric(example: Any, prediction: Any, trace: Any = None) -> float:
        del trace
        got = {name: plain(getattr(prediction, name, None)) for name in task.outputs}
        return task.score({name: example[name] for name in task.outputs}, got)

    started = time.perf_counter()
    if job["compiler"] == "BootstrapFewShot":
        made = dspy.BootstrapFewShot(metric=metric, max_errors=MOST_ERRORS).compile(
            program, trainset=train
        )
    else:
        made = dspy.BootstrapFewShotWithRandomSearch(
            metric=metric,
            num_candidate_programs=job["candidates"],
            num_threads=job["slots"],
            max_errors=MOST_ERRORS,
        ).compile(program, trainset=train, valset=val)
    seconds = time.perf_counter() - started
    tested = _answers(job, task, made, job["test_url"])
    return {**tested, "compile_seconds": seconds}


def _answers(
    job: Job, task: Task, program: Any, base: str, adapter: str = "ChatAdapter"
) -> Result:
    """Each row once; every row has an address of its own, which tells its calls."""
    rows = task.sample("test", job["rows"])
    enforcing = arm_of(job["arm"]).form == "schema"
    asked = {**job, "model": ENFORCING} if enforcing else job

    def answer(at: int) -> dict[str, Any]:
        lm = model_of(f"{base}~{at}/v1", asked, cache=False)
        found: dict[str, Any] = {"id": rows[at].id, "answer": None, "error": ""}
        with dspy.context(lm=lm, adapter=getattr(dspy, adapter)()):
            try:
                said = program(**rows[at].inputs)
            except Exception as error:  # noqa: BLE001 - an unusable reply is a result
                return {**found, "error": f"{type(error).__name__}: {error}"[:300]}
        values = {name: plain(getattr(said, name)) for name in task.outputs}
        return {**found, "answer": values}

    started = time.perf_counter()
    with ThreadPoolExecutor(job["slots"]) as pool:
        answers = list(pool.map(answer, range(len(rows))))
    return {"rows": answers, "seconds": time.perf_counter() - started}


def work(job: Job) -> Result:
    """Either kind of job."""
    return compile_(job) if job["kind"] == "compile" else ask(job)


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    answer_jobs(work)
