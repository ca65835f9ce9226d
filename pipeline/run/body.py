"""How a module's body runs: it calls parts, keeps what it did, and may be suspended.

Where a body needs a person's word it ends the run with an error that holds the run's
journal as plain JSON data. Resuming is running again: a body takes from the journal
what it did already, so that nothing is done twice, and goes on from there.
"""

from __future__ import annotations

import contextvars
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, Final, NoReturn, cast

from .. import seam
from ..errors import ModelFailure, Suspended
from ..graph.digest import program_digest
from ..graph.module import MOST_TRIES, Module
from ..graph.program import as_program
from ..ground.journal import Entries, Journal, copied
from ..ground.shapes import as_dict, is_dict
from ..lm.request import JSON
from ..signature.signature import Signature
from ..trace import Run, attach, was_run
from .context import Asked, Context, Recorded
from .reuse import forgetting
from .rows import map_rows
from .settings import current, entered

FORMAT: Final = "weft.suspended/1"
_CALLS: Final = "calls"  # that a body had made when it kept something

resumed: contextvars.ContextVar[Entries | None] = contextvars.ContextVar(
    "weftresumed", default=None
)


def journal_of_run(before: tuple[int, ...] = ()) -> Journal:
    """The journal of a run that begins here: empty, or the resumed one's."""
    known = resumed.get()
    return Journal({} if known is None else copied(known), before)


def journal_inside(caller: Context) -> Journal | None:
    """The journal of a run inside another, whose orders begin anew."""
    known = caller.journal
    return known and known.inside(caller.order)


def suspend(
    journal: Journal, place: str, number: int, what: Mapping[str, JSON]
) -> NoReturn:
    """End the run until somebody decides about an entry of its journal.

    Raises:
        Suspended: Always; the run's program and inputs are added by the engine.
    """
    error = Suspended(
        f"{what.get('tool')!r} waits for approval: {dict(what)!r:.300}",
        hint="Keep error.data, and go on with weft.resume(program, data, "
        "approved=True), or with the reason why not",
        data={
            "format": FORMAT,
            "journal": journal.copied,
            "pending": {"place": place, "number": number, **what},
        },
    )
    raise journal.under_way.end(error)


def begun_by(error: Suspended, target: Any, inputs: Mapping[str, JSON]) -> Suspended:
    """The same error, with the program that is to be run again and its inputs."""
    if "inputs" in error.data:
        return error
    data = {
        **error.data,
        "name": target.name,
        "program": program_digest(as_program(target)),
        "inputs": dict(inputs),
    }
    begun = Suspended(error.message, hint=error.hint, data=data)
    begun.trajectory = error.trajectory
    return begun


async def run_body(
    module: Module[..., Any],
    bound: Mapping[str, Any],
    context: Context,
    path: str,
    inside: seam.Engine,
    asked: Asked,
) -> Any:
    """Run a module's body as a node; what it calls are nodes inside it.

    Args:
        module: What runs.
        bound: Its checked inputs.
        context: Its `order` is the node's place in the run.
        path: The node's path.
        inside: Answers what the body calls.
        asked: The calls that it makes of a model itself.
    """
    fields = module.spec.outputs.items()
    with Recorded(context, path, "module", module.spec.dump_inputs(bound)) as entry:
        entry.asked = asked
        calling = _Calling(inside, asked, context, path)
        with seam.answered_by(inside), entered(context.settings), forgetting():
            try:
                made = await module.body(calling, bound)
            except Suspended as error:
                await calling.settled(error)
                raise
        if module.single is not None:
            held: dict[str, Any] = {module.single: made}
        else:
            held = cast("dict[str, Any]", made if is_dict(made) else vars(made))
        entry.outputs = {n: f.dump(held[n]) for n, f in fields if n in held}
    if isinstance(made, Signature) and not was_run(made):
        attach(made, entry.run)  # no part's answer as it is, but one of its own
    return made


class _Calling:
    """Calls the parts of the module whose body runs; see `graph.module.Call`."""

    def __init__(
        self, engine: seam.Engine, asked: Asked, context: Context, path: str
    ) -> None:
        self._engine, self._asked = engine, asked
        self._journal = context.journal or Journal()
        self._place = self._journal.place(path, context.order)
        self._calls = 0

    def note(self, words: str) -> None:
        """Say in the trace, among the node's repairs, what went otherwise."""
        self._asked.repairs.append(words)

    def report(self, **facts: JSON) -> None:
        """Say how the answer came about, as facts by name."""
        self._asked.facts.update(facts)

    def kept(self, number: int) -> dict[str, JSON] | None:
        """What was kept under a number by the run that this one goes on with."""
        entries = self._journal.entries.get(self._place, [])
        if number >= len(entries):
            return None
        made = as_dict(entries[number])
        after = made.get(_CALLS)
        if type(after) is int and self._calls < after <= MOST_TRIES * MOST_TRIES:
            self._engine.skip(after - self._calls)
            self._calls = after
        return made

    @property
    def made(self) -> int:
        """How many calls were made so far, by this run or the one before it."""
        return self._calls

    def passed(self) -> None:
        """Count a call that is not made, so that those behind it keep their places."""
        self._calls += 1
        self._engine.skip(1)

    def keep(
        self, number: int, data: Mapping[str, JSON], *, since: int | None = None
    ) -> None:
        """Keep what was done, under 0, 1, ..., for a run that is suspended."""
        entries = self._journal.entries.setdefault(self._place, [])
        made = self._calls if since is None else since
        entries[number:] = [{**data, _CALLS: made}]

    @contextmanager
    def working(self) -> Generator[None]:
        """Where something is done that is kept before it ends."""
        with self._journal.under_way.work():
            yield

    def suspend(self, number: int, what: Mapping[str, JSON]) -> NoReturn:
        """End the run until somebody decides about what was kept."""
        suspend(self._journal, self._place, number, what)

    async def settled(self, error: Suspended) -> None:
        """Wait until what is under way elsewhere in the run is kept, for the data."""
        await self._journal.under_way.settled()
        error.data["journal"] = self._journal.copied

    async def __call__(
        self, part: Any, inputs: Mapping[str, Any], *, sample: int | None = None
    ) -> Any:
        """Call a part, as a try where a sample is named."""
        self._calls += 1
        settings = current()
        if sample is not None:
            number = settings.sample * MOST_TRIES + sample
            settings = settings.having(sample=number, tried=True)
        with entered(settings):
            return await self._engine.acall(part, (), inputs)

    async def run(self, part: Any, inputs: Mapping[str, Any]) -> Run[Any]:
        """Call a part; the answer with its trace."""
        self._calls += 1
        made: Run[Any] = await self._engine.arun(part, (), inputs, None)
        return made

    async def decide(self, part: Any, inputs: Mapping[str, Any], **options: Any) -> Any:
        """Decide a part's outputs by how probable each of their choices is."""
        self._calls += 1
        return await self._engine.decide(part, inputs, options)

    async def tries(self, part: Any, inputs: Mapping[str, Any], n: int) -> list[Any]:
        """Call a part several times; what came, without the tries that failed."""
        failed: dict[int, ModelFailure] = {}

        async def one(position: int, _: None) -> Any:
            try:
                return await self(part, inputs, sample=position)
            except ModelFailure as error:
                failed[position] = error

        came = await map_rows(one, [None] * n, concurrency=n)
        if len(failed) == n:
            raise failed[min(failed)]
        return [made for position, made in enumerate(came) if position not in failed]
