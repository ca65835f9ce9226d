"""weft's compilers as they come, on a simulated task."""

from __future__ import annotations

import tempfile
import time
from typing import Any

import weft
from bench.rivals.forked import MODEL, Job, Result, answer_jobs, literal
from bench.world import World, world_of

Row = dict[str, str]


def signatures(world: World) -> list[Any]:
    """One signature a stage."""
    make: Any = type(weft.Signature)
    made: list[Any] = []
    given: dict[str, Any] = {}
    for stage in world.stages:
        kind = literal(stage.labels)
        body: dict[str, Any] = {
            "__doc__": stage.instruction,
            "__module__": __name__,
            "__annotations__": {"message": str, **given, stage.output: kind},
            "message": weft.Input(),
            **{name: weft.Input() for name in given},
            stage.output: weft.Output(),
        }
        made.append(make(stage.output, (weft.Signature,), body))
        given = {stage.output: kind}
    return made


def program_of(world: World) -> Any:
    """The stages of a task, one after the other."""
    modules = [
        weft.Predict(signature, name=f"find_{stage.output}")
        for stage, signature in zip(world.stages, signatures(world), strict=True)
    ]
    if len(modules) == 1:
        return modules[0]
    first, second, third = modules

    @weft.program
    def pipeline(message: str) -> str:
        kind = first(message=message).kind
        grade = second(message=message, kind=kind).grade
        answer: str = third(message=message, grade=grade).bin
        return answer

    return pipeline


def compiler_of(contender: str) -> weft.compilers.Compiler:
    """The compiler that a contender's name says, such as "weft GEPA, published"."""
    named, _, form = contender.partition(", ")
    kind: Any = getattr(weft.compilers, named.split()[1])
    made: weft.compilers.Compiler = kind(**{form: True} if form == "published" else {})
    return made


def work(job: Job) -> Result:
    """Compile once, and score the result and the seed program on the test rows."""
    world = world_of(job["task"], job["world"])
    split = world.rows()
    program, metric = program_of(world), weft.metrics.exact(world.output)
    compiler = compiler_of(job["compiler"])
    lm = weft.LM(MODEL, api_base=job["url"], temperature=0)
    writer = weft.LM(MODEL, api_base=job["url"], temperature=1.0)
    with tempfile.TemporaryDirectory() as cache:
        started = time.perf_counter()
        with weft.use(lm=lm, lms={"proposer": writer}, cache=cache):
            result: weft.Result[..., Any, Any] = weft.compile(
                program,
                split.train,
                split.val,
                metric=metric,
                compiler=compiler,
                budget=f"{job['budget']} calls" if job.get("budget") else None,
                seed=job["seed"],
            )
        seconds = time.perf_counter() - started
    elsewhere = weft.LM(MODEL, api_base=job["test_url"], temperature=0)
    with weft.use(lm=elsewhere, cache=weft.MemoryCache()):
        score = weft.evaluate(result.program, split.test, metric).mean
        before = weft.evaluate(program, split.test, metric).mean
    report = result.report
    claim = report.score if report.returned else report.seed_score
    return {
        "score": score,
        "claimed": claim.mean,
        "seed": before,
        "seconds": seconds,
    }


if __name__ == "__main__":
    answer_jobs(work)
