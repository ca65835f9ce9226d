"""DSPy's optimizers at the settings of their documentation, on a simulated task."""

from __future__ import annotations

import importlib
import logging
import time
from collections.abc import Callable
from typing import Any

from bench.rivals.forked import MODEL, Job, Result, answer_jobs, literal
from bench.world import Split, World, world_of

dspy: Any = importlib.import_module("dspy")
THREADS = 4


class Pipeline(dspy.Module):  # type: ignore[misc]
    """The stages of a task, one after the other."""

    def __init__(self, world: World) -> None:
        dspy.Module.__init__(self)
        self.outputs = [stage.output for stage in world.stages]
        for stage, signature in zip(world.stages, signatures(world), strict=True):
            setattr(self, f"find_{stage.output}", dspy.Predict(signature))

    def forward(self, message: str) -> Any:
        """Run the stages; each sees the message and the answer before it."""
        given: dict[str, Any] = {}
        prediction: Any = None
        for output in self.outputs:
            prediction = getattr(self, f"find_{output}")(message=message, **given)
            given = {output: getattr(prediction, output)}
        return prediction


def signatures(world: World) -> list[Any]:
    """One signature a stage."""
    made: list[Any] = []
    given: dict[str, Any] = {}
    for stage in world.stages:
        kind = literal(stage.labels)
        fields: dict[str, Any] = {
            "message": (str, dspy.InputField()),
            **given,
            stage.output: (kind, dspy.OutputField()),
        }
        made.append(dspy.Signature(fields, stage.instruction))
        given = {stage.output: (kind, dspy.InputField())}
    return made


def examples(rows: list[dict[str, str]]) -> list[Any]:
    """Rows as DSPy takes them."""
    return [dspy.Example(**row).with_inputs("message") for row in rows]


def scored(output: str) -> Callable[..., float]:
    """The share of right answers."""

    def metric(example: Any, prediction: Any, trace: Any = None) -> float:
        del trace
        return float(getattr(prediction, output, None) == example[output])

    return metric


def told(output: str) -> Callable[..., Any]:
    """The same with feedback, which GEPA asks for."""
    plain = scored(output)

    def metric(
        gold: Any, pred: Any, trace: Any = None, name: Any = None, part: Any = None
    ) -> Any:
        del trace, name, part
        score, answer = plain(gold, pred), getattr(pred, output, None)
        feedback = f"The answer, {answer}, is right."
        if not score:
            feedback = (
                f"The answer, {answer}, is wrong. The correct one is {gold[output]}."
            )
        return dspy.Prediction(score=score, feedback=feedback)

    return metric


def compiled(
    name: str, world: World, split: Split, writer: Any, seed: int
) -> tuple[Any, float]:
    """The optimized program, and the score that the optimizer reports for it."""
    train, val = examples(split.train), examples(split.val)
    both = train + val  # for those that take one set
    metric, program = scored(world.output), Pipeline(world)
    if name == "BootstrapFewShotWithRandomSearch":
        kind = dspy.BootstrapFewShotWithRandomSearch
        made = kind(metric=metric, num_threads=THREADS).compile(
            program, trainset=train, valset=val
        )
        return made, made.candidate_programs[0]["score"] / 100
    if name == "COPRO":
        made = dspy.COPRO(prompt_model=writer, metric=metric).compile(
            program, trainset=both, eval_kwargs={"num_threads": THREADS}
        )
        return made, made.candidate_programs[0]["score"] / 100
    if name == "MIPROv2 light":
        made = dspy.MIPROv2(
            metric=metric,
            prompt_model=writer,
            auto="light",
            seed=seed,
            num_threads=THREADS,
        ).compile(program, trainset=train, valset=val)
        return made, made.score / 100
    if name == "SIMBA":
        made = dspy.SIMBA(
            metric=metric, prompt_model=writer, num_threads=THREADS
        ).compile(program, trainset=both, seed=seed)
        return made, made.candidate_programs[0]["score"]
    assert name == "GEPA light", name
    made = dspy.GEPA(
        metric=told(world.output),
        auto="light",
        track_stats=True,
        reflection_lm=writer,
        seed=seed,
        num_threads=THREADS,
    ).compile(program, trainset=train, valset=val)
    return made, max(made.detailed_results.val_aggregate_scores)


def work(job: Job) -> Result:
    """Compile once, and score the result and the seed program on the test rows."""
    world = world_of(job["task"], job["world"])
    split = world.rows()
    dspy.configure_cache(enable_disk_cache=False, enable_memory_cache=True)
    key = {"api_base": job["url"], "api_key": "none"}
    writer = dspy.LM(MODEL, temperature=1.0, **key)
    dspy.configure(lm=dspy.LM(MODEL, temperature=0.0, **key))
    started = time.perf_counter()
    made, claimed = compiled(job["compiler"], world, split, writer, job["seed"])
    seconds = time.perf_counter() - started
    elsewhere = dspy.LM(
        MODEL, temperature=0.0, api_base=job["test_url"], api_key="none"
    )
    with dspy.context(lm=elsewhere):
        evaluate = dspy.Evaluate(
            devset=examples(split.test),
            metric=scored(world.output),
            num_threads=THREADS,
            display_progress=False,
            max_errors=10_000,
        )
        score = evaluate(made).score / 100
        before = evaluate(Pipeline(world)).score / 100
    return {"score": score, "claimed": claimed, "seed": before, "seconds": seconds}


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    answer_jobs(work)
