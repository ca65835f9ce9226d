"""Glossaries and contexts: a word defined from failures, or one line of them left out.

Both are shared: a candidate tells every module the same.
"""

from __future__ import annotations

from typing import Any

from ...modules.asking.predict import Predict
from ...pipeline.ground.options import Count, settings
from ...pipeline.signature.building import Input, Output
from ...pipeline.signature.signature import Signature
from ..search.candidate import Candidate
from ..search.task import Task
from .proposer import Parents, Proposer
from .reflection import Critic
from .writer import Job

_SLOTS = ("context", "glossary")


class DefineTerm(Signature):
    """Define one word, so that cases like the failing ones come right.

    It is a word that the inputs or the outputs use, and that a reader from elsewhere
    takes for something else. Say what holds for new inputs too; do not copy cases.
    """

    instruction: str = Input("what the model is told to do")
    glossary: dict[str, str] = Input("the words that are defined now")
    failing: list[dict[str, Any]] = Input("cases that went wrong")
    passing: list[dict[str, Any]] = Input("cases that went well")
    term: str = Output("the one word or phrase to define, or to define anew")
    meaning: str = Output("what it means, in one line", min_length=1)


define_term = Predict(DefineTerm, name="define_term")


@settings
class Define(Critic):
    """A word of the glossary, new or anew, for all modules at once.

    Args:
        failing: How many failing cases one request shows.
        passing: How many passing ones.
        rows: On how many training rows a parent is run at the most.
        most: How many characters a word, and a meaning, may have.
    """

    asks = (define_term,)
    most: Count = 240

    async def write(self, job: Job) -> Candidate | None:
        """One meaning; None where it is missing, too long, or the same."""
        program = job.parent.apply(job.task.program)
        now = program.modules[job.path].parameters.glossary
        reply = await define_term.acall(
            instruction=job.instruction,
            glossary=dict(now),
            failing=job.failing,
            passing=job.passing,
        )
        term, said = (" ".join(t.split()) for t in (reply.term, reply.meaning))
        if not term or not said or max(len(term), len(said)) > self.most:
            return None
        if now.get(term) == said:
            return None
        values = {
            f"{path}/glossary": {**module.parameters.glossary, term: said}
            for path, module in program.modules.items()
        }
        return job.parent.but(values, f"{term!r} defined")


@settings
class LeaveOut(Proposer):
    """A context or a glossary without one of its lines, in all modules."""

    async def propose(self, task: Task, parents: Parents, n: int) -> list[Candidate]:
        """Each line of each parent, the longest first; of too many a seeded draw."""
        made: list[Candidate] = []
        for parent in dict.fromkeys(parents):
            modules = parent.apply(task.program).modules
            lines = {
                (slot, name): len(text)
                for module in modules.values()
                for slot in _SLOTS
                for name, text in getattr(module.parameters, slot).items()
            }
            for slot, name in sorted(lines, key=lambda line: (-lines[line], line)):
                values: dict[str, Any] = {}
                for path, module in modules.items():
                    held: dict[str, str] = getattr(module.parameters, slot)
                    if name in held:
                        left = {n: text for n, text in held.items() if n != name}
                        values[f"{path}/{slot}"] = left
                made.append(parent.but(values, f"without {name!r} in the {slot}"))
        rng = task.rng("leave out")
        return made if len(made) <= n else rng.sample(made, n)
