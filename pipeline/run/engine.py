"""The engine: it answers calls, here and now, and says what really runs for each."""

from __future__ import annotations

import itertools
import time
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Coroutine,
    Generator,
    Mapping,
    Sequence,
)
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple, TypeVar

from ..adapters import parsed_in
from ..adapters.prompt import Prompt
from ..adapters.settling import Forms
from ..errors import Suspended
from ..graph.binding import INPUT, resolve
from ..graph.graph import REGIONS, Node
from ..graph.module import Module
from ..graph.program import Parts, Program
from ..graph.step import Step
from ..graph.unnamed import tell_unnamed
from ..graph.uses import Part, Uses
from ..signature.signature import make_value
from ..trace import NodeRun, Run, Trace, attach
from .ask import ask
from .body import begun_by, journal_inside, journal_of_run, run_body
from .bridge import run_ahead, run_sync, side_by_side
from .context import Context, Recorded, follow
from .nodes import bound_in, fitting, run_function, run_level, run_region, run_step
from .prompt import prompts_of, tell_other_model, tell_other_nearness
from .reuse import Origin, memory, remembering
from .rows import batch_rows, placed
from .scoring.decided import decided
from .scoring.direct import DirectCalls
from .settings import current
from .stream import events_of, sync_events

T = TypeVar("T")


class _There(NamedTuple):
    """What really runs when something is called: which version, under which path."""

    target: Any
    path: str
    context: Context


class LocalEngine(DirectCalls):
    """Runs what is called, in this process.

    Args:
        at: The place of the step or body that runs; None outside a run.
        caller: The step, or the module whose body runs; it says what stands in for
            what it calls.
    """

    def __init__(self, at: Context | None = None, caller: Part | None = None) -> None:
        super().__init__(at)
        self._caller = caller
        self._uses = Uses() if caller is None else caller.uses
        self._count = itertools.count()
        self._outside: Context | None = None  # for as long as the settings stay

    def call(
        self,
        target: Any,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        after: Any = (),
    ) -> Any:
        """Answer a call and wait; outside a step's uses a step is its function."""
        del after  # Python's own order holds
        kind = target.node_kind
        if kind == "step" and not target.awaited and not self._named(target):
            return target.function(*args, **kwargs)
        # One question needs no loop where its answer is at hand.
        alone = kind == "module" and not target.has_body
        ahead = alone and not self._here().followed
        run = run_ahead if ahead else run_sync
        return run(self.acall(target, args, kwargs))

    async def acall(
        self, target: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        """Answer a call without blocking the event loop."""
        kind = target.node_kind
        if kind == "program":
            run: Run[Any] = await self.arun(target, args, kwargs, None)
            return run.value
        if kind == "step" and not self._named(target):
            return await run_function(target, target.bind(args, kwargs, target.name))
        there = self._there(target)
        if kind == "step":
            arguments = target.bind(args, kwargs, target.name)
            return await _step(there.target, arguments, there.context, there.path)
        bound = bound_in(self._at, there.target, args, kwargs)
        context = there.context
        if self._at is None and there.target.has_body:
            context = context.having(journal=journal_of_run((0,)))
        try:
            if not context.followed:
                return await _module(there.target, bound, context, there.path)
            return await _followed_module(there._replace(context=context), bound)
        except Suspended as error:
            raise self._suspended(error, target, bound) from None

    async def arun(
        self, target: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], reuse: Any
    ) -> Run[Any]:
        """Run, and give back the value with its trace."""
        there = self._begun(target)
        bound = bound_in(self._at, there.target, args, kwargs)
        with remembering(reuse):
            return await self._resumably(there, bound, [])

    def run_row(
        self, target: Any, bound: Mapping[str, Any], record: list[NodeRun] | None
    ) -> Coroutine[Any, Any, Run[Any]]:
        """Run with checked inputs; `record` keeps the nodes even of a failed run."""
        runs = [] if record is None else record
        return self._resumably(self._begun(target), bound, runs)

    def astream(
        self, target: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> AsyncGenerator[Any]:
        """Run, and tell what happens as it happens."""
        bound = target.bind(args, kwargs)
        return events_of(lambda: self.run_row(target, bound, None))

    async def abatch(
        self, target: Any, rows: Any, options: Mapping[str, Any]
    ) -> list[Any]:
        """Run over many rows, side by side."""
        given = dict(options)
        async with placed(target, given.pop("on")) as there:

            async def one(bound: Mapping[str, Any]) -> Any:
                return (await there.run_row(bound)).value

            return await batch_rows(one, target.inputs, rows, **given)

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end for a synchronous caller."""
        return run_sync(work)

    def follow(self, events: AsyncGenerator[Any]) -> Generator[Any]:
        """The same events for a synchronous caller."""
        return sync_events(events)

    def each(self, body: Callable[[Any], Any], items: Sequence[Any], most: int) -> Any:
        """A function's results for some items, side by side, in their order."""
        return side_by_side(body, items, most)

    def prompts(self, target: Any, inputs: Mapping[str, Any]) -> dict[str, Prompt]:
        """What each call would send, by the path of its node."""
        return prompts_of(target, inputs)

    def parse(self, module: Any, text: str) -> Mapping[str, Any]:
        """The values that a module would read in a reply."""
        form = current().form_asked(module.parameters.adapter)
        return parsed_in(form, text, module.asked).values

    async def decide(
        self, target: Any, inputs: Mapping[str, Any], options: Mapping[str, Any]
    ) -> Any:
        """Decide a module's outputs by how probable each of their choices is."""
        there = self._there(target)
        bound = there.target.bind((), inputs)
        return await decided(there.target, bound, there.context, there.path, **options)

    async def _resumably(
        self, there: _There, bound: Mapping[str, Any], runs: list[NodeRun]
    ) -> Run[Any]:
        """Run; one that is suspended says how it is resumed."""
        if self._at is None:
            context = there.context.having(journal=journal_of_run())
            there = _There(there.target, there.path, context)
        try:
            return await _run(there, bound, runs)
        except Suspended as error:
            raise self._suspended(error, there.target, bound) from None

    def _suspended(
        self, error: Suspended, target: Any, bound: Mapping[str, Any]
    ) -> Suspended:
        """The error of a suspended run: where the run began, with what began it."""
        if self._at is not None:
            return error
        return begun_by(error, target, target.inputs.dump_inputs(bound))

    def _here(self) -> Context:
        """The place of this engine, with the settings that hold now."""
        if self._at is None:
            settings, held = current(), self._outside
            if held is None or held.settings is not settings:
                held = self._outside = Context(settings)
            return held
        return self._at.having(settings=current())

    def skip(self, calls: int) -> None:
        """Leave out the places of calls that a resumed run made already."""
        for _ in range(calls):
            next(self._count)

    def _there(self, target: Any) -> _There:
        """Which version runs, and where it is traced."""
        if self._at is None:
            return _There(target, target.name, self._here())
        here = self._here()
        name, runs = self._named(target) or (target.name, target)
        return _There(runs, here.path + name, here.at(next(self._count)))

    def _named(self, target: Part) -> tuple[str, Part] | None:
        """By which name the caller uses it, and what runs; whoever does not is told."""
        known = self._uses.stand_in(target)
        if known is None and self._caller is not None:
            tell_unnamed(self._caller, target)
        return known

    def _begun(self, target: Any) -> _There:
        """As `_there`, for what asks more than once: in one form from the first."""
        there = self._there(target)
        settings = there.context.settings
        if settings.forms is not None:
            return there
        settings = settings.having(forms=Forms())
        context = there.context.having(settings=settings)
        return _There(there.target, there.path, context)


ONE_OFF = LocalEngine()


async def _followed_module(there: _There, bound: Mapping[str, Any]) -> Any:
    """Call a module as a run of its own that somebody follows."""
    nodes: list[NodeRun] = []

    async def work(context: Context) -> Any:
        here = context.having(record=nodes)
        return await _module(there.target, bound, here, there.path)

    return await follow(there.context, there.path, bound, nodes, work)


async def _run(
    there: _There, bound: Mapping[str, Any], runs: list[NodeRun]
) -> Run[Any]:
    """Run as a run of its own, or as a part of the step's that calls it."""
    target, path, outer = there
    if outer.followed:

        async def work(context: Context) -> Run[Any]:
            return await _run(there._replace(context=context), bound, runs)

        return await follow(outer, path, bound, runs, work)
    if outer.record is None or target.node_kind == "module":
        return await _recorded_run(there, bound, runs)
    with Recorded(outer, path, "program", bound) as entry:
        run = await _recorded_run(there, bound, runs)
        entry.outputs = {"result": run.value}
    return run


async def _recorded_run(
    there: _There, bound: Mapping[str, Any], runs: list[NodeRun]
) -> Run[Any]:
    """Run; `runs` takes the nodes, in the order of the program."""
    target, path, outer = there
    # A body that nobody records has a path all the same.
    nested = outer.record is not None or bool(outer.path)
    began = time.perf_counter()
    clock = outer.began or began
    journal = journal_inside(outer)
    moved = partial(outer.having, record=runs, began=clock, journal=journal)
    try:
        if target.node_kind == "program":
            inside = moved(path=f"{path}/" if nested else "", order=())
            value = await _graph(target, bound, inside)
        else:
            value = await _known_module(target, bound, moved(path="", order=(0,)), path)
    finally:
        if len(runs) > 1:
            runs.sort(key=lambda node: node.order)
        if outer.record is not None:
            first = outer.order
            outer.record.extend(replace(n, order=first + n.order) for n in runs)
    seconds = time.perf_counter() - (began if nested else clock)
    at_root = target.node_kind == "program" and not nested
    origin = Origin(target, "" if at_root else path, outer.settings)
    return Run(value, Trace(tuple(runs), seconds, origin, outer.run_id))


def _graph(
    program: Program[..., Any], bound: Mapping[str, Any], context: Context
) -> Coroutine[Any, Any, Any]:
    """Run a program's graph with checked inputs."""
    values = {f"{INPUT}.{name}": value for name, value in bound.items()}
    return run_level(program.structure, values, context, partial(_node, program.parts))


def _node(
    parts: Parts, node: Node, position: int, values: dict[str, Any], context: Context
) -> Awaitable[Any]:
    here = context.at(position)
    if node.kind in REGIONS:
        return run_region(node, values, here.having(seen=None), partial(_node, parts))
    arguments = {name: resolve(b, values) for name, b in node.bindings.items()}
    path = context.path + node.target
    if node.kind == "module":
        module = parts.modules[node.target]
        bound = fitting(module.spec.bind, arguments, path, node=node)
        return _known_module(module, bound, here, path)
    if node.kind == "step":
        step, known = parts.steps[node.target], memory.get()
        if known is not None and (hit := known.step(step, arguments, here, path)):
            return _known(hit.value)
        return _step(step, arguments, here, path, node.where)
    return _program(parts.programs[node.target], arguments, here, node)


async def _known(value: Any) -> Any:
    return value


async def _program(
    program: Program[..., Any], arguments: Mapping[str, Any], here: Context, node: Node
) -> Any:
    """Run a program as a node of another."""
    path = here.path + node.target
    with Recorded(here, path, "program", arguments) as entry:
        bound = fitting(program.inputs.bind, arguments, path, node=node)
        value = await _graph(program, bound, here.having(path=f"{path}/"))
        entry.outputs = {"result": value}
    return value


def _step(
    step: Step[..., Any],
    arguments: Mapping[str, Any],
    here: Context,
    path: str,
    where: str = "",
) -> Coroutine[Any, Any, Any]:
    """Run a step as a node; it is the engine's place while it runs."""
    # One count for all attempts: what a later one calls has places of its own.
    inside = LocalEngine(here.having(path=f"{path}/", seen=set()), step)
    return run_step(step, arguments, here, path, where, inside, inside.asked)


def _known_module(
    module: Module[..., Any], bound: Mapping[str, Any], here: Context, path: str
) -> Awaitable[Any]:
    """Run a module, or take its result from an earlier run."""
    known = memory.get()
    if known is not None and (hit := known.module(module, bound, here, path)):
        return _known(hit.value)
    return _module(module, bound, here, path)


async def _module(
    module: Module[..., Any], bound: Mapping[str, Any], here: Context, path: str
) -> Any:
    """Run a module as a node: it asks once, or its body calls its parts."""
    if module.has_body:
        # What it asks stands in the body that calls it, where one does.
        inside = LocalEngine(here.noting().having(path=f"{path}/"), module)
        return await run_body(module, bound, here, path, inside, inside.asked)
    outputs, inputs = module.spec.outputs, module.spec.dump_inputs(bound)
    lm = here.settings.model_of(path, module)
    if module.compiled_for is not None:
        tell_other_model(path, module.compiled_for, lm.model)
        tell_other_nearness(path, module, here.settings)
    with Recorded(here, path, "module", inputs) as entry:
        values = await ask(
            path,
            module.told,
            module.parameters,
            module.spec.show_inputs(bound, inputs),
            lm=lm,
            repairs=module.repairs,
            context=here,
            asked=entry.asked,
        )
        entry.outputs = {name: outputs[name].dump(values[name]) for name in values}
    if module.single is not None:
        return values[module.single]
    made = make_value(module.asked, {**bound, **values})
    attach(made, entry.run)
    return made
