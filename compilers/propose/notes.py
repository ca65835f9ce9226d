"""Notes: what people said about answers, worked into the instruction."""

from __future__ import annotations

from collections.abc import Sequence

from ...modules.predict import Predict
from ...pipeline.ground.options import settings
from ...pipeline.signature.signature import Input, Output, Signature
from ..search.candidate import Candidate
from ..search.quote import Calls
from ..search.task import Task
from .evidence import patched
from .proposer import Proposer
from .writing import instructed, instruction_of, write_each, writing_calls


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
    notes: tuple[tuple[str, str], ...] = ()
    written: bool = True

    @property
    def about(self) -> tuple[str, ...]:
        """Where the notes belong."""
        return tuple(path for path, _ in self.notes)

    async def propose(
        self, task: Task, parents: Sequence[Candidate], n: int
    ) -> list[Candidate]:
        """All notes first, then a model's version, then each note by itself."""
        parent = parents[0]
        told = {p: self._for(p) for p in task.program.modules if self._for(p)}
        made = [self._added(task, parent, told, "all notes added")]

        async def write(path: str) -> Candidate | None:
            reply = await work_in_notes.acall(
                task=instruction_of(task, parent, path), notes=told[path]
            )
            return instructed(task, parent, path, reply.instruction, "notes worked in")

        if self.written and n > 1:
            made += await write_each(task, list(told)[: n - 1], write)
        for path, notes in told.items():
            for note in notes:
                made.append(self._added(task, parent, {path: [note]}, "a note added"))
        return [c for c in made if c is not None][:n]

    def calls(self, n: int, train: int, calls_a_row: int) -> Calls:
        """One request a module at the most."""
        del train, calls_a_row
        most = writing_calls(n, *self.asks) if self.written else Calls(0, 0, 0)
        return Calls(0, most.expected, most.high)

    def _for(self, path: str) -> list[str]:
        return [note for where, note in self.notes if where in ("", path)]

    def _added(
        self, task: Task, parent: Candidate, told: dict[str, list[str]], origin: str
    ) -> Candidate | None:
        values: dict[str, str] = {}
        for path, notes in told.items():
            now = text = instruction_of(task, parent, path)
            for note in notes:
                text = patched(text, "", note)
            if text != now:
                values[f"{path}/instruction"] = text
        return parent.but(values, origin) if values else None
