"""Programs: a typed Python function, traced once into a graph; immutable."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, Generic, ParamSpec, TypeVar, cast, final

from ..errors import ConfigError, did_you_mean
from ..ground.frozen import Fixed
from ..ground.options import checked, decorator
from ..parameters import SLOTS
from ..run.bridge import run_sync
from ..run.calling import begun
from ..run.engine import run_parts
from ..run.foreseen import foreseen
from ..run.memo import Origin
from ..run.prompt import Prompt
from ..run.run_program import run_program
from ..run.runnable import Runnable
from ..run.runtime import Runtime, current
from ..run.trace import NodeRun, Run, Trace
from ..run.watching import follow
from ..signature.spec import Spec
from ..signature.wording import brief
from .build import Parts, trace_function
from .drawing import Drawn
from .forgiving import stand_in
from .graph import INPUT, Graph, Node, Take
from .module import Module
from .step import Step
from .tracing import tracer
from .uses import below

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)
R = TypeVar("R")


@final
class Program(Drawn, Runnable[P, R_co], Generic[P, R_co]):
    """A graph of modules and steps that is called like the function it was made from.

    Programs are values: `with_parameters` gives a changed copy.

    >>> import weft
    >>> reply = weft.Predict("question -> answer")
    >>> @weft.program
    ... def qa(question: str) -> str:
    ...     return reply(question=question).answer
    >>> qa.structure
    qa(question: str)
      reply = module reply(question=question)
      -> reply.answer: str
    """

    def __init__(self, name: str, parts: Parts) -> None:
        self._name = name
        self._parts = parts
        self._inputs = Spec(name, "", parts.graph.inputs)
        self.__name__ = name

    def __reduce__(self) -> tuple[Any, ...]:
        """Without the function, which has given its name away to the program."""
        told = {"__doc__": self.__doc__, "__module__": self.__module__}
        return Program, (self._name, self._parts), told

    @property
    def name(self) -> str:
        """The function's name."""
        return self._name

    @property
    def parts(self) -> Parts:
        """The graph and, by name, everything its nodes call."""
        return self._parts

    @property
    def structure(self) -> Graph:
        """The graph as immutable data."""
        return self._parts.graph

    @property
    def inputs(self) -> Spec:
        """The typed inputs."""
        return self._inputs

    @cached_property
    def modules(self) -> dict[str, Module[..., Any]]:
        """Every module by path, in the order of the program.

        Those of nested programs are `program/module`, those that a step uses are
        `step/module`.
        """
        parts, found = self._parts, dict[str, Module[..., Any]]()
        for node in self.structure.walk():
            if node.kind == "module":
                found[node.target] = parts.modules[node.target]
            holder = parts.programs.get(node.target) or parts.steps.get(node.target)
            if holder is not None:
                inner = holder.modules.items()
                found.update({f"{node.target}/{path}": m for path, m in inner})
        return Fixed(found, remedy="Write with_modules({...}): it gives a new program")

    @cached_property
    def steps(self) -> dict[str, Step[..., Any]]:
        """Every step by path; those of nested programs as `program/step`."""
        found = dict(self._parts.steps)
        for name, inner in self._parts.programs.items():
            found.update({f"{name}/{path}": s for path, s in inner.steps.items()})
        return found

    @property
    def parameters(self) -> dict[str, Any]:
        """Every parameter, keyed `module/slot`."""
        found = {
            f"{path}/{slot}": value
            for path, module in self.modules.items()
            for slot, value in module.parameters.slots().items()
        }
        remedy = "Write with_parameters({...}): it gives a new program"
        return Fixed(found, remedy=remedy)

    def prompts(self, **inputs: Any) -> dict[str, Prompt]:
        """What each call would send, by the path of its node; nothing is sent.

        Args:
            inputs: Values of some inputs. Where one is not known before a run, what it
                will be stands in its place: `{question}`, `{write_query.query}`.
        """
        return foreseen(self._parts, self._inputs, inputs)

    def _change(self, name: str) -> str:
        return 'with_parameters({"module/slot": value})'

    def _advice(self, name: str) -> str:
        if name in self.modules:
            return f"Read {self._name}.modules[{name!r}]"
        return super()._advice(name)

    @checked
    def with_parameters(self, changes: Mapping[str, Any]) -> Program[P, R_co]:
        """The same program with some parameters changed.

        Args:
            changes: New values keyed `module/slot`.

        Raises:
            ConfigError: A key names no parameter, or a value has the wrong type.
        """
        if not changes:
            return self
        by_path: dict[str, dict[str, Any]] = {}
        known = self.modules
        for key, value in changes.items():
            path, _, slot = key.rpartition("/")
            if path not in known or slot not in SLOTS:
                every = [f"{p}/{s}" for p in known for s in SLOTS]
                raise ConfigError(
                    f"program {self._name!r} has no parameter {key!r}",
                    hint=did_you_mean(key, every),
                )
            by_path.setdefault(path, {})[slot] = value
        return self.with_modules(
            {path: known[path].with_(**slots) for path, slots in by_path.items()}
        )

    def with_modules(self, changes: Mapping[str, Module[..., Any]]) -> Program[P, R_co]:
        """The same program with some modules replaced, keyed by path."""
        old = self._parts
        parts = replace(
            old,
            modules={n: changes.get(n, m) for n, m in old.modules.items()},
            steps={n: s.with_modules(below(changes, n)) for n, s in old.steps.items()},
            programs={
                name: inner.with_modules(below(changes, name))
                for name, inner in old.programs.items()
            },
        )
        return self.with_parts(parts)

    def with_parts(self, parts: Parts) -> Program[P, R_co]:
        """A program of the same name and documentation, made of other parts."""
        made: Program[P, R_co] = Program(self._name, parts)
        made.__doc__, made.__module__ = self.__doc__, self.__module__
        return made

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Run and wait for the value; inside a program being traced, add a node."""
        tracing = tracer.get()
        if tracing is not None:
            return cast(R_co, tracing.record("program", self, args, kwargs))
        return run_sync(self.acall(*args, **kwargs))

    async def acall(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Run without blocking the event loop; give back the value."""
        return (await self.arun(*args, **kwargs)).value

    def run_row(
        self, bound: Mapping[str, Any], record: list[NodeRun] | None = None
    ) -> Coroutine[Any, Any, Run[R_co]]:
        """Run with checked inputs; `record` keeps the nodes even of a failed run."""
        there = begun(self, self._name, current())
        mine = cast("Program[P, R_co]", there.target)
        runs: list[NodeRun] = [] if record is None else record
        return mine.run_at(bound, runs, there.runtime, there.path)

    async def run_at(
        self,
        bound: Mapping[str, Any],
        runs: list[NodeRun],
        outer: Runtime,
        path: str,
        *,
        shown: bool = True,
    ) -> Run[R_co]:
        """Run with checked inputs at a path; `runs` takes the nodes, in order.

        Where a step calls it, it is a node of the step's run, unless it is not `shown`.
        """
        if outer.followed:

            async def work(there: Runtime) -> Run[R_co]:
                return await self.run_at(bound, runs, there, path)

            return await follow(outer, self._name, bound, runs, work)
        if shown and outer.record is not None:

            async def inside() -> Run[R_co]:
                return await self.run_at(bound, runs, outer, path, shown=False)

            return await run_program(path, bound, outer, inside)
        inner = f"{path}/" if outer.record is not None else ""
        now = time.perf_counter()
        began = outer.began or now
        # A run that is no part of another counts from where its nodes do.
        started = began if outer.record is None else now
        runtime = outer.having(record=runs, path=inner, order=(), began=began)
        try:
            value = await run_parts(self._parts, bound, runtime)
        finally:
            runs.sort(key=lambda node: node.order)
            if outer.record is not None:
                first = outer.order
                outer.record.extend(replace(n, order=first + n.order) for n in runs)
        origin = Origin(self.modules, self.steps, outer)
        seconds = time.perf_counter() - started
        trace = Trace(tuple(runs), seconds, origin, outer.run_id)
        return Run(cast(R_co, value), trace)

    async def run_inside(self, arguments: Mapping[str, Any], runtime: Runtime) -> Any:
        """Run as a node of another program."""
        bound = self.inputs.bind(arguments, runtime.path.rstrip("/"))
        return await run_parts(self._parts, bound, runtime)

    def place(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any], who: str = ""
    ) -> dict[str, Any]:
        """Arguments by input name; values are not checked.

        Raises:
            CallError: An input is misspelt, doubled or missing.
        """
        return self.inputs.place(args, kwargs, who or self._name)


@decorator
def program(function: Callable[P, R]) -> Program[P, R]:
    """Trace a typed function into a program.

    The function runs once, now, with references in place of values: every mistake of
    wiring is an error at import, with file, line, both ends, types and a remedy.

    Raises:
        GraphError: The function is wired wrongly.
    """
    try:
        parts = trace_function(function, getattr(function, "__name__", ""))
    except Exception as error:
        # Raised as it is, unless the file is being checked for all that is wrong.
        stands = stand_in(function, error)
        if stands is None:
            raise
        parts = stands
    made: Program[P, R] = Program(function.__name__, parts)
    functools.update_wrapper(made, function, assigned=("__module__", "__doc__"))
    return made


def as_program(target: Any, name: str = "") -> Program[..., Any]:
    """A program as it is, or a module as a program of one node.

    Args:
        target: A program or a module.
        name: What a module is called there; its own name when empty.

    Raises:
        ConfigError: It is neither.
    """
    if isinstance(target, Program):
        return cast("Program[..., Any]", target)
    if not isinstance(target, Module):
        hint = "Decorate a typed function with @weft.program, or give a module"
        if isinstance(getattr(target, "program", None), Program):
            hint = "Give its .program"
        raise ConfigError(f"{brief(repr(target))} is no program", hint=hint)
    module = cast("Module[..., Any]", target)
    spec, name = module.spec, name or module.name
    bindings = {field: Take(f"{INPUT}.{field}") for field in spec.inputs}
    single = module.single
    result = module.asked if single is None else spec.outputs[single].annotation
    node = Node(name, "module", name, bindings, result)
    graph = Graph(name, tuple(spec.inputs.values()), (node,), Take(name), result)
    return Program(name, Parts(graph, {name: module}, {}, {}))
