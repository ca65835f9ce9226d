"""Descriptions: what the model is told of a field, written anew from failures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...modules.asking.predict import Predict
from ...pipeline.ground.options import Count, settings
from ...pipeline.signature.building import Input, Output
from ...pipeline.signature.signature import Signature, spec_of
from ...pipeline.signature.spec import Spec
from ..search.candidate import Candidate
from ..search.cost import Calls
from ..search.task import Task
from .evidence import cases, evidence_calls, seen_by
from .proposer import Parents
from .writer import Job, Writer


class DescribeField(Signature):
    """Describe one field anew, so that cases like the failing ones come right.

    A model reads the description beside the field's name and type. Say what holds for
    new inputs too; do not copy cases. What the passing cases need must stay.
    """

    instruction: str = Input("what the model is told to do")
    fields: list[dict[str, str]] = Input("the fields as they are described now")
    failing: list[dict[str, Any]] = Input("cases that went wrong")
    passing: list[dict[str, Any]] = Input("cases that went well")
    field: str = Output("the name of the one field to describe anew")
    description: str = Output("what stands there instead, in one line", min_length=1)


describe_field = Predict(DescribeField, name="describe_field")


@settings
class Describe(Writer):
    """A field described in other words; its name and type stay.

    An edit in one place, as in `Reflect`: of one field, in one line, at most so long.

    Args:
        failing: How many failing cases one request shows.
        passing: How many passing ones.
        rows: On how many training rows a parent is run at the most.
        most: How many characters a description may have.
        tools: Whether only what agents are told of their tools is described.
    """

    asks = (describe_field,)
    failing: int = 4
    passing: int = 2
    rows: int = 16
    most: Count = 240
    tools: bool = False

    async def jobs(self, task: Task, parents: Parents, n: int) -> list[Job]:
        """`n` changes with cases of their own, the modules in turn."""
        seen = {
            parent.id: await seen_by(task, parent, self.failing, self.rows)
            for parent in dict.fromkeys(parents)
        }
        frozen = task.keeping.frozen
        free = [
            path
            for path, module in task.program.modules.items()
            if f"{path}/descriptions" not in frozen
            and (of_tools(module.spec) or not self.tools)
        ]
        made: list[Job] = []
        for at in range(n if free else 0):
            parent = parents[at % len(parents)]
            path = free[(task.number * n + at) % len(free)]
            rng, known = task.rng("describe", at), seen[parent.id]
            wrong = cases(known.failing, path, self.failing, rng)
            right = cases(known.passing, path, self.passing, rng)
            if wrong:
                job = Job(task, at, parent, path)
                made.append(replace(job, failing=wrong, passing=right))
        return made

    def running(self, n: int, train: int, calls_a_row: int) -> Calls:
        """The rows of each parent."""
        return evidence_calls(self.rows, n, train, calls_a_row)

    async def write(self, job: Job) -> Candidate | None:
        """One field's new description; None where it names none, or says the same."""
        module = job.parent.apply(job.task.program).modules[job.path]
        told = spec_of(module.told)
        texts = of_tools(told) if self.tools else told.descriptions
        fields = [
            {"name": name, "role": f.role, "description": texts[name]}
            for f in told.fields
            for name in f.descriptions
            if name in texts
        ]
        reply = await describe_field.acall(
            instruction=job.instruction,
            fields=fields,
            failing=job.failing,
            passing=job.passing,
        )
        name, text = reply.field.strip(), " ".join(reply.description.split())
        if name not in texts or not text or len(text) > self.most:
            return None
        if text == texts[name]:
            return None
        values = {**module.parameters.descriptions, name: text}
        slot = {f"{job.path}/descriptions": values}
        return job.parent.but(slot, f"{job.path}.{name} described anew")


def of_tools(spec: Spec) -> dict[str, str]:
    """What a module is told of its tools and their arguments, by name."""
    return {
        name: text
        for field in spec.fields
        for name, text in field.descriptions.items()
        if name != field.name
    }
