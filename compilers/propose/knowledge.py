"""Knowledge that no row shows: what a field holds, what a word means, how others do it.

A field is described anew from failures. A word that the house uses in its own sense is
defined once, for all modules. And "give it the paper": a model that is shown how others
went about such a task writes the instruction after them. Whether any of it helps is for
the race to say.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import field, replace
from typing import Any

from ...modules.asking.predict import Predict
from ...pipeline.errors import ConfigError
from ...pipeline.ground.options import Count, settings
from ...pipeline.signature.building import Input, Output
from ...pipeline.signature.signature import Signature, spec_of
from ...pipeline.signature.spec import Spec
from ..search.candidate import Candidate
from ..search.cost import Calls
from ..search.task import Task
from .evidence import cases, seen_by
from .proposer import Parents, writing_calls
from .writer import CaseWriter, Job, Writer

CHARS_A_TOKEN = 4
TOKENS = 3_000
_PARAGRAPH = re.compile(r"\n[ \t]*\n")


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
class Describe(CaseWriter):
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
    changes = ("descriptions",)
    most: Count = 240
    tools: bool = False

    async def jobs(self, task: Task, parents: Parents, n: int) -> list[Job]:
        """`n` changes with cases of their own, the modules in turn."""
        free = [
            path
            for path, module in task.program.modules.items()
            if task.keeping.may(f"{path}/descriptions", *parents)
            and (of_tools(module.spec) or not self.tools)
        ]
        return await _in_turn(self, task, parents, free, n)

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
class Define(CaseWriter):
    """A word of the glossary, new or anew, for all modules at once.

    Args:
        failing: How many failing cases one request shows.
        passing: How many passing ones.
        rows: On how many training rows a parent is run at the most.
        most: How many characters a word, and a meaning, may have.
    """

    asks = (define_term,)
    changes = ("glossary",)
    most: Count = 240

    async def jobs(self, task: Task, parents: Parents, n: int) -> list[Job]:
        """`n` changes with cases of their own, the modules in turn."""
        may = task.keeping.may
        free = [p for p in task.program.modules if may(f"{p}/glossary", *parents)]
        return await _in_turn(self, task, parents, free, n)

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


async def _in_turn(
    by: CaseWriter, task: Task, parents: Parents, free: Sequence[str], n: int
) -> list[Job]:
    """Jobs with cases of their own, modules in turn; none where nothing fails."""
    seen = {
        parent.id: await seen_by(task, parent, by.failing, by.rows)
        for parent in dict.fromkeys(parents)
    }
    made: list[Job] = []
    for at in range(n if free else 0):
        parent = parents[at % len(parents)]
        path = free[(task.number * n + at) % len(free)]
        rng, known = task.rng(by.name.casefold(), at), seen[parent.id]
        wrong = cases(known.failing, path, by.failing, rng)
        right = cases(known.passing, path, by.passing, rng)
        if wrong:
            job = Job(task, at, parent, path)
            made.append(replace(job, failing=wrong, passing=right))
    return made


class NoteTechnique(Signature):
    """Note what this part of a document says to do when a model is asked.

    Only what can be done with the words of an instruction. No results, no praise.
    """

    part: str = Input("a part of the document")
    notes: str = Output("what to do, in a few lines; empty where it says nothing of it")


class ApplyTechnique(Signature):
    """Write the instruction anew, by the technique that the notes describe.

    The task stays what it is: what is given, what is wanted, and every rule of it.
    """

    task: str = Input("the instruction as it is")
    technique: str = Input("notes on the technique")
    instruction: str = Output("the instruction to use instead", min_length=1)


note_technique = Predict(NoteTechnique, name="note_technique")
apply_technique = Predict(ApplyTechnique, name="apply_technique")


def parts_of(document: str, tokens: int = TOKENS) -> list[str]:
    r"""A document in parts of at most so many tokens, four characters each.

    Paragraphs stay whole where they fit, and nothing is left out.

    Raises:
        ConfigError: There is no text, or no room for any.

    >>> parts_of("One.\n\nTwo.\n\nThree is longer.", tokens=3)
    ['One.\n\nTwo.', 'Three is lon', 'ger.']
    """
    room = tokens * CHARS_A_TOKEN
    if not document.strip() or room < 1:
        raise ConfigError(
            "there is no document to read, or no room for any of it",
            hint='Give its text, as in Path("paper.txt").read_text(), and tokens=3000',
        )
    parts: list[str] = []
    for text in filter(None, map(str.strip, _PARAGRAPH.split(document))):
        if parts and len(parts[-1]) + 2 + len(text) <= room:
            parts[-1] += f"\n\n{text}"
        else:
            parts += [text[at : at + room] for at in range(0, len(text), room)]
    return parts


async def by_technique(
    instruction: str, document: str, tokens: int = TOKENS
) -> str | None:
    """The instruction by a document's technique; None where it describes none.

    It takes a call for each part of the document, and one more.
    """
    notes: list[str] = []
    for part in parts_of(document, tokens):
        said = (await note_technique.acall(part=part)).notes.strip()
        notes += [said] if said else []
    if not notes:
        return None
    technique = "\n".join(notes)
    made = await apply_technique.acall(task=instruction, technique=technique)
    return str(made.instruction).strip()


@settings
class FromText(Writer):
    """Instructions by the technique of a document, each proposal drawn anew.

    Args:
        document: Its text.
        source: Where it is from; the report's words for these candidates.
        tokens: How many tokens of it one request shows, four characters each.
        module: The path of the module; empty for every module, in turn.
    """

    asks = (apply_technique,)
    changes = ("instruction",)
    document: str
    source: str = ""
    tokens: Count = TOKENS
    module: str = field(default="")

    @property
    def about(self) -> tuple[str, ...]:
        """The module that it is for."""
        return (self.module,)

    def calls(self, n: int, train: int, calls_a_row: int) -> Calls:
        """A request for each part of the document, and one more, each proposal."""
        del train, calls_a_row
        count = len(parts_of(self.document, self.tokens))
        return writing_calls(n, *(note_technique,) * count, *self.asks)

    async def write(self, job: Job) -> Candidate | None:
        """The instruction by the technique, where the document describes one."""
        if self.module not in ("", job.path):
            return None
        text = await by_technique(job.instruction, self.document, self.tokens)
        origin = f"by the technique of {self.source or 'a document'}"
        return None if text is None else job.child(text, origin)
