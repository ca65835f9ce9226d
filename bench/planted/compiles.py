"""One compile of a planted task, and everything about it that is measured."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import weft

from .families import claim_world, world_of
from .model import Asked, Log, Simulated
from .programs import metric_of, oracle, program_of, truth_of
from .tasks import Truth, World

__all__ = ["Job", "Outcome", "compiled"]


@dataclass(frozen=True)
class Job:
    """A compile to be made.

    Attributes:
        part: "families", "fault" or "claims".
        family: Of tasks; "claim" has the gain that is set.
        writer: The kind of writer.
        seed: Of the task and of the compile.
        budget: Calls.
        train: Rows to learn from.
        select: Rows to select on; sealed rows are cut from both.
        gain: Of a claim, what its one sentence is worth.
        graded: Of a claim, whether scores lie between 0 and 1.
    """

    part: str
    family: str
    writer: str
    seed: int
    budget: int
    train: int = 60
    select: int = 60
    gain: float = 0.0
    graded: bool = False

    @property
    def world(self) -> World:
        """Its task."""
        if self.family == "claim":
            return claim_world(self.seed, self.gain, graded=self.graded)
        return world_of(self.family, self.seed)


@dataclass(frozen=True)
class Outcome:
    """What came of a compile; scores and gains are shares of 1.

    Attributes:
        job: What was compiled.
        before: Truth of the seed program.
        after: Truth of what was returned.
        oracle: Truth of all that can be known.
        winner: Truth of the best candidate, returned or not; None where it is unknown.
        task: Calls of the task's modules.
        writing: Calls of the writer.
        tokens: Of all calls.
        found: Hidden rules that the writer stated rightly in any reply.
        ran: Those of them that a prompt of a module held.
        kept: Those found that the result's prompt states.
        hidden: Hidden rules of the task.
        returned: Whether a candidate came back, and not the seed.
        improved: What the report claims.
        difference: Reported difference of best candidate and seed, with its interval.
        score: Reported score of the best candidate, with its interval.
        flips: Sealed rows gained and lost.
        sealed: Rows behind the report's comparison.
        p: The report's p value.
        fault: The module in which the ignorance is, or "".
        named: The module that was mended first once candidates had run, or "".
        first: The module that was mended first of all, or "".
        aimed: Share of the mends that were of the faulty module, or None.
    """

    job: Job
    before: float
    after: float
    oracle: float
    winner: float | None
    task: int
    writing: int
    tokens: int
    found: int
    ran: int
    kept: int
    hidden: int
    returned: bool
    improved: bool
    difference: tuple[float, float, float]
    score: tuple[float, float, float]
    flips: tuple[int, int]
    sealed: int
    p: float
    fault: str = ""
    named: str = ""
    first: str = ""
    aimed: float | None = None

    @property
    def calls(self) -> int:
        """All calls."""
        return self.task + self.writing

    @property
    def gain(self) -> float:
        """The true gain of what was returned."""
        return self.after - self.before

    def describe(self) -> dict[str, Any]:
        """As plain data, for a line of a file."""
        text = json.dumps(asdict(self))
        made: dict[str, Any] = json.loads(text, parse_float=_short)
        return made

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Outcome:
        """From plain data."""
        triples = {k: tuple(data[k]) for k in ("difference", "score", "flips")}
        made: Any = {**data, **triples, "job": Job(**data["job"])}
        return cls(**made)


@lru_cache(maxsize=512)
def _before(world: World) -> Truth:
    return truth_of(world, program_of(world))


def compiled(job: Job) -> Outcome:
    """Compile once with the default compiler, and measure what came of it."""
    world = job.world
    program, model = program_of(world), Simulated(world, job.writer)
    train, select = world.rows(job.train, job.select)
    runtime: Any = {"lm": model.lm, "lms": {"proposer": model.lm}, "adapter": "json"}
    with weft.use(**runtime, cache=weft.MemoryCache()):
        result: Any = weft.compile(
            program,
            train,
            select,
            metric=metric_of(world),
            budget=f"{job.budget} calls",
            seed=job.seed,
        )
    report, log, seed = result.report, model.log, _before(world)
    after = truth_of(world, result.program) if report.returned else seed
    gain, held = report.comparison, log.written & world.hidden
    score = report.score
    return Outcome(
        job=job,
        before=seed.score,
        after=after.score,
        oracle=oracle(world),
        winner=after.score if report.returned else _unreturned(world, result),
        task=log.calls["task"],
        writing=log.calls["writer"],
        tokens=sum(log.tokens.values()),
        found=len(held),
        ran=len(held & log.ran),
        kept=len(held & after.stated),
        hidden=len(world.hidden),
        returned=report.returned,
        improved=report.improved,
        difference=(gain.difference, gain.interval.low, gain.interval.high),
        score=(score.mean, score.interval.low, score.interval.high),
        flips=(gain.wins, gain.losses),
        sealed=gain.n,
        p=gain.p,
        **_blame(world, log),
    )


def _unreturned(world: World, result: Any) -> float | None:
    """Truth of a best candidate that did not come back, where it is the ranking's."""
    values = result.report.winner.values
    best = result.best(1)
    if not values:
        return _before(world).score
    if not best or getattr(best[0], "parameters", None) is None:
        return None
    return truth_of(world, best[0]).score


def _blame(world: World, log: Log) -> dict[str, Any]:
    """Which module was mended, before and after the first candidates had run."""
    if world.fault < 0:
        return {}
    fault = world.stages[world.fault].output
    asked = [one for one in log.asked if len(one.outputs) == 1]
    later = [one for one in asked if one.raced]
    burst = [one for one in later if one.raced == later[0].raced]
    hits = sum(one.outputs == (fault,) for one in asked)
    return {
        "fault": fault,
        "named": _most(burst or asked),
        "first": asked[0].outputs[0] if asked else "",
        "aimed": hits / len(asked) if asked else None,
    }


def _most(asked: list[Asked]) -> str:
    """The module that most of some requests are about, the earlier of two."""
    counts = Counter(one.outputs[0] for one in asked)
    return max(counts, key=lambda output: counts[output], default="")


def _short(number: str) -> float:
    return round(float(number), 5)
