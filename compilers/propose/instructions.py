"""Instructions that a model writes from solved examples, from texts, or from scores."""

from __future__ import annotations

from typing import Any

from ...modules.asking.predict import Predict
from ...pipeline.ground.options import settings
from ...pipeline.ground.words import counted
from ...pipeline.signature.building import Input, Output
from ...pipeline.signature.signature import Signature, spec_of
from ..search.candidate import Candidate
from ..search.cost import FREE, Calls
from ..search.task import Task
from .evidence import solved_examples
from .lines import instruction_of
from .proposer import Case, Parents, Proposer, writing_calls
from .writer import Job, Writer, patched, spread, write_each

STYLES = (
    "the same in other words",
    "as steps in the order in which they are done",
    "as a list of short rules",
    "with the reason for each rule",
    "with what is most often mistaken, and how to avoid it",
    "as simple as possible",
)
TIPS = (
    "",
    "Be creative.",
    "Keep it simple and clear.",
    "Say what matters most and what is often mistaken.",
    "Be exact about how each output is decided.",
    "Say who the reader is and what depends on the answer.",
)
ANGLES = (
    "what tells the outputs apart",
    "the steps that lead from the inputs to the outputs",
    "the mistakes that are easy to make",
    "what somebody new to the task has to be told",
)


class WriteInstruction(Signature):
    """Write the instruction that turned these examples' inputs into their outputs.

    Say how to tell the outputs apart in words that also hold for new inputs: which
    signs in the inputs call for which output. Do not copy examples.
    """

    task: str = Input("the instruction in use now; it may say too little")
    examples: list[dict[str, Any]] = Input("solved examples, inputs and outputs")
    instruction: str = Output("the instruction to use instead", min_length=1)


write_instruction = Predict(WriteInstruction, name="write_instruction")


@settings
class Induce(Writer):
    """Instructions induced from solved examples (Zhou et al. 2022, arXiv 2211.01910).

    Each proposal shows the model other examples, balanced over the outputs' values.
    The examples are labelled rows, or passing traces for modules inside a program.

    Args:
        examples: How many examples one request shows, as far as they fit.
    """

    asks = (write_instruction,)
    changes = ("instruction",)
    examples: int = 64

    async def jobs(self, task: Task, parents: Parents, n: int) -> list[Job]:
        """Spread over the modules that there are examples of."""
        paths = [
            path
            for path in task.program.modules
            if solved_examples(task, path, 1, task.rng("any"))
        ]
        return spread(task, parents, n, paths) if paths else []

    async def write(self, job: Job) -> Candidate | None:
        """The instruction that examples imply."""
        examples = _examples(job, self.examples, "induce", job.path, job.number)
        reply = await write_instruction.acall(task=job.instruction, examples=examples)
        return job.child(
            reply.instruction, f"induced from {counted(len(examples), 'example')}"
        )


class InduceRules(Signature):
    """Write the rules by which these examples were solved, so that others can be.

    Each rule is general, short, and can be followed without seeing the examples.
    """

    task: str = Input("the task's instruction")
    examples: list[dict[str, Any]] = Input("solved examples, inputs and outputs")
    rules: str = Output("the rules, one a line", min_length=1)


induce_rules = Predict(InduceRules, name="induce_rules")


@settings
class Rules(Writer):
    """Rules induced from examples and added to the instruction (DSPy's InferRules).

    Args:
        examples: How many examples one request shows, as far as they fit.
    """

    asks = (induce_rules,)
    changes = ("instruction",)
    examples: int = 32

    async def write(self, job: Job) -> Candidate | None:
        """The instruction with rules, each set from other examples."""
        examples = _examples(job, self.examples, "rules", job.number)
        if not examples:
            return None
        now = job.instruction
        reply = await induce_rules.acall(task=now, examples=examples)
        text = f"{now}\nFollow these rules:\n{reply.rules.strip()}"
        return job.child(text, f"rules from {counted(len(examples), 'example')}")


class GroundInstruction(Signature):
    """Write the instruction of one module of a program, knowing program and data."""

    program: str = Input("the program's modules and how they are wired")
    module: str = Input("the module that the instruction is for")
    task: str = Input("its instruction now")
    examples: list[dict[str, Any]] = Input("solved examples of this module")
    tip: str = Input("a hint on how to write")
    instruction: str = Output("the instruction to use instead", min_length=1)


ground_instruction = Predict(GroundInstruction, name="ground_instruction")


@settings
class Grounded(Writer):
    """Grounded proposals (MIPRO, Opsahl-Ong et al. 2024, arXiv 2406.11695, section 3).

    On purpose unlike it: the data speak through examples instead of a summary made
    beforehand, which saves up to ten calls.

    Args:
        examples: How many examples one request shows.
        tips: Hints, in turn.
    """

    asks = (ground_instruction,)
    changes = ("instruction",)
    examples: int = 16
    tips: tuple[str, ...] = TIPS

    async def write(self, job: Job) -> Candidate | None:
        """The instruction from what the program does and what the data look like."""
        reply = await ground_instruction.acall(
            program=repr(job.task.program.structure),
            module=job.path,
            task=job.instruction,
            examples=_examples(job, self.examples, "grounded", job.number),
            tip=self.tips[job.number % len(self.tips)],
        )
        return job.child(reply.instruction, "grounded in data")


class ImproveOnHistory(Signature):
    """Write an instruction that scores higher than all of those that were tried."""

    tried: list[dict[str, Any]] = Input(
        "instructions and scores in [0, 100], best last"
    )
    examples: list[dict[str, Any]] = Input("solved examples, inputs and outputs")
    instruction: str = Output("an instruction unlike those tried", min_length=1)


improve_on_history = Predict(ImproveOnHistory, name="improve_on_history")


@settings
class History(Writer):
    """An instruction from those before it and their scores.

    OPRO (Yang et al. 2023, arXiv 2309.03409) and COPRO (Opsahl-Ong et al. 2024) do so.

    Args:
        shown: How many earlier instructions one request shows.
        examples: How many solved examples beside them.
    """

    asks = (improve_on_history,)
    changes = ("instruction",)
    shown: int = 20
    examples: int = 3

    async def write(self, job: Job) -> Candidate | None:
        """Something better than what was tried."""
        reply = await improve_on_history.acall(
            tried=self._tried(job.task, job.path),
            examples=_examples(job, self.examples, "history", job.number),
        )
        return job.child(reply.instruction, f"after {len(job.task.archive)} tried")

    def _tried(self, task: Task, path: str) -> list[dict[str, Any]]:
        best: dict[str, float] = {}
        for candidate, score in task.raced():
            text = instruction_of(task, candidate, path)
            best[text] = max(score, best.get(text, 0.0))
        top = sorted(best.items(), key=lambda item: item[1])[-self.shown :]
        return [{"text": text, "score": round(100 * score)} for text, score in top]


class StartOver(Signature):
    """Write the instruction for a task that you know by its fields and examples."""

    fields: list[str] = Input("what is given and what is wanted")
    examples: list[dict[str, Any]] = Input("solved examples, inputs and outputs")
    angle: str = Input("what to begin with")
    instruction: str = Output("an instruction for new inputs", min_length=1)


start_over = Predict(StartOver, name="start_over")


@settings
class Restart(Writer):
    """Fresh starts beside the climb.

    An edit keeps the defects of what it edits: from a seed that misleads, GEPA ended
    below it, and random restarts recovered (VISTA, 2026, arXiv 2603.18388). So the
    writer sees neither the instruction nor the seed's, and what the parents gained
    besides is left behind.

    Args:
        examples: How many solved examples one request shows.
        angles: What to begin with, in turn.
    """

    asks = (start_over,)
    changes = ("instruction",)
    examples: int = 16
    angles: tuple[str, ...] = ANGLES

    async def jobs(self, task: Task, parents: Parents, n: int) -> list[Job]:
        """Children of the seed."""
        del parents
        return spread(task, [Candidate()], n)

    async def write(self, job: Job) -> Candidate | None:
        """An instruction by somebody who has not read the one in use."""
        fields = spec_of(job.task.program.modules[job.path].told).fields
        reply = await start_over.acall(
            fields=[f"{f.role} {f.name}: {f.description}" for f in fields],
            examples=_examples(job, self.examples, "restart", job.number),
            angle=self.angles[job.turn % len(self.angles)],
        )
        return job.child(reply.instruction, "started over")


class ParaphraseInstruction(Signature):
    """Write the same instruction in another way; it must ask for the same result."""

    task: str = Input("the instruction as it is")
    style: str = Input("how to write it")
    instruction: str = Output("the instruction in that style", min_length=1)


paraphrase_instruction = Predict(ParaphraseInstruction, name="paraphrase_instruction")


@settings
class Paraphrase(Writer):
    """The same instruction in other words (APE's resampling, Zhou et al. 2022).

    Args:
        styles: How to write it, in turn (PromptWizard's thinking styles).
    """

    asks = (paraphrase_instruction,)
    changes = ("instruction",)
    styles: tuple[str, ...] = STYLES

    async def write(self, job: Job) -> Candidate | None:
        """The instruction in one of the styles."""
        style = self.styles[job.turn % len(self.styles)]
        reply = await paraphrase_instruction.acall(task=job.instruction, style=style)
        return job.child(reply.instruction, f"said {style}")


class ShortenInstruction(Signature):
    """Write the same instruction with fewer words; nothing that matters may be lost."""

    task: str = Input("the instruction as it is")
    instruction: str = Output("the shorter instruction", min_length=1)


shorten_instruction = Predict(ShortenInstruction, name="shorten_instruction")


@settings
class Shorten(Writer):
    """The same instruction with fewer words; longer replies are left out."""

    asks = (shorten_instruction,)
    changes = ("instruction",)

    async def write(self, job: Job) -> Candidate | None:
        """The shorter text."""
        reply = await shorten_instruction.acall(task=job.instruction)
        if len(reply.instruction) >= len(job.instruction):
            return None
        return job.child(reply.instruction, "shortened")


class WorkInNotes(Signature):
    """Work people's notes into an instruction; what they do not touch stays."""

    task: str = Input("the instruction as it is")
    notes: list[str] = Input("what people said about results, the worst first")
    instruction: str = Output("the instruction to use instead", min_length=1)


work_in_notes = Predict(WorkInNotes, name="work_in_notes")


@settings
class Notes(Proposer):
    """People's notes as they are, one by one, all together, and worked in by a model.

    Args:
        notes: (Module path or "", note); without a path a note is for every module.
        written: Whether a model may work them in.
    """

    asks = (work_in_notes,)
    changes = ("instruction",)
    notes: tuple[tuple[str, str], ...] = ()
    written: bool = True

    @property
    def about(self) -> tuple[str, ...]:
        """Where the notes belong."""
        return tuple(path for path, _ in self.notes)

    async def propose(self, task: Task, parents: Parents, n: int) -> list[Candidate]:
        """All notes first, then a model's version, then each note by itself."""
        about = {p: self._for(p) for p in task.program.modules if self._for(p)}
        free = task.keeping.free
        told = {p: notes for p, notes in about.items() if free(p, parents[0])}
        jobs = [Job(task, at, parents[0], path) for at, path in enumerate(told)]

        async def write(job: Job) -> Candidate | None:
            notes = told[job.path]
            reply = await work_in_notes.acall(task=job.instruction, notes=notes)
            return job.child(reply.instruction, "notes worked in")

        made = [_noted(task, parents[0], told, "all notes added")]
        if self.written and n > 1:
            made += await write_each(task, jobs[: n - 1], write)
        for path, notes in told.items():
            for note in notes:
                made.append(_noted(task, parents[0], {path: [note]}, "a note added"))
        return [c for c in made if c is not None][:n]

    def calls(self, n: int, train: int, calls_a_row: int) -> Calls:
        """One request a module at the most."""
        del train, calls_a_row
        most = writing_calls(n, *self.asks) if self.written else FREE
        return most._replace(low=0)

    def _for(self, path: str) -> list[str]:
        return [note for where, note in self.notes if where in ("", path)]


def _noted(
    task: Task, parent: Candidate, told: dict[str, list[str]], origin: str
) -> Candidate | None:
    values: dict[str, str] = {}
    for path, notes in told.items():
        now = text = instruction_of(task, parent, path)
        for note in notes:
            text = patched(text, "", note)
        if text != now:
            values[f"{path}/instruction"] = text
    return parent.but(values, origin) if values else None


def _examples(job: Job, count: int, *purpose: str | int) -> list[Case]:
    """Solved examples of a job's module, drawn by a generator of their own."""
    return solved_examples(job.task, job.path, count, job.task.rng(*purpose))
