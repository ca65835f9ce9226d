"""Programs: a typed Python function, traced once into a graph; immutable."""

from __future__ import annotations

import contextlib
import contextvars
import functools
import inspect
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeAlias, cast, final
from weakref import WeakKeyDictionary

from .. import seam
from ..adapters.prompt import Prompt
from ..errors import CallError, ConfigError, did_you_mean
from ..ground.frozen import Fixed
from ..ground.options import checked, decorator
from ..ground.shapes import as_dict
from ..ground.words import brief
from ..parameters import SLOTS, Context
from ..signature.results import signature_of_result
from ..signature.signature import Signature, spec_of
from ..signature.spec import Spec
from .binding import Take
from .build import Traced, trace_function
from .drawing import Drawn, Picture
from .graph import CALLS, Graph, Node
from .module import Module, slots_of_context
from .runnable import P, R_co, Runnable
from .step import Step
from .uses import (
    Ancestor,
    Uses,
    below,
    changed,
    deciders_of,
    descent_of,
    inside_of,
    modules_of,
    require_known,
)

if TYPE_CHECKING:
    from builtins import property as kept  # to checkers as any other
else:
    kept = cached_property


@dataclass(frozen=True, eq=False)
class Parts:
    """What a program is made of: its graph, and by name everything its nodes call."""

    graph: Graph
    modules: Mapping[str, Module[..., Any]]
    steps: Mapping[str, Step[..., Any]]
    programs: Mapping[str, Program[..., Any]]

    @property
    def targets(self) -> dict[str, Any]:
        """Everything that its nodes call, by name; see `parts_of_targets`."""
        return {**self.modules, **self.steps, **self.programs}

    def target(self, node: Node) -> Any:
        """What a node calls: a module, a step or a program."""
        kinds = {"module": self.modules, "step": self.steps, "program": self.programs}
        return kinds[node.kind][node.target]


def parts_of_targets(graph: Graph, targets: Mapping[str, Any]) -> Parts:
    """Parts out of a graph and everything that its nodes call, by name."""

    def of(kind: type[Any]) -> dict[str, Any]:
        return {n: t for n, t in targets.items() if isinstance(t, kind)}

    others = {n: t for n, t in targets.items() if not isinstance(t, Module | Step)}
    return Parts(graph, of(Module), of(Step), others)


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

    node_kind: seam.Kind = "program"
    has_body: ClassVar[bool] = True
    """It asks nothing itself: what it calls does."""
    _descent: tuple[Ancestor, ...] = ()

    def __init__(self, name: str, parts: Parts, *, lone: bool = False) -> None:
        self._name = name
        self._lone = lone
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
    def lone(self) -> bool:
        """Whether it is a module, which was made a program of one node."""
        return self._lone

    @property
    def structure(self) -> Graph:
        """The graph as immutable data."""
        return self._parts.graph

    @property
    def picture(self) -> Picture:
        """What pictures show: the graph, and what modules with parts are made of."""
        return Picture(self.structure, inside_of(self._parts.modules))

    @property
    def uses(self) -> Uses:
        """Nothing: what it calls are nodes of its own graph."""
        return Uses()

    @property
    def descent(self) -> tuple[Ancestor, ...]:
        """What it was changed from, the nearest first."""
        return self._descent

    @property
    def inputs(self) -> Spec:
        """The typed inputs."""
        return self._inputs

    @kept
    def signature(self) -> type[Signature]:
        """The contract with whoever calls it, as a module has one.

        A result that is no signature's is one output: of the field that it is taken
        from, as `answer` of `return respond(...).answer`, or else of `result`.

        Raises:
            SignatureError: It gives a field of the name of one of its inputs.
        """
        flow = self.structure
        path = flow.output.path if isinstance(flow.output, Take) else ()
        words = inspect.cleandoc(self.__doc__ or "")
        told = (path[-1] if path else "result", words)
        return signature_of_result(self._name, flow.inputs, flow.result, *told)

    @property
    def asked(self) -> type[Signature]:
        """The same contract: a program asks for nothing beside it."""
        return self.signature

    @property
    def spec(self) -> Spec:
        """The fields of the contract."""
        return spec_of(self.signature)

    @property
    def single(self) -> str | None:
        """The output that a call gives back alone, or None where it gives a result."""
        result = self.structure.result
        if isinstance(result, type) and issubclass(result, Signature):
            return None
        return next(iter(self.spec.outputs))

    @property
    def tells_unsure(self) -> bool:
        """Never: only a module's facts say whether its answer is unsure."""
        return False

    @kept
    def modules(self) -> dict[str, Module[..., Any]]:
        """Every module by path, in the order of the program.

        Those of nested programs are `program/module`, those that a step uses are
        `step/module`, and the parts of a module are `module/part`.
        """
        called = {
            node.target: self._parts.target(node)
            for node in self.structure.walk()
            if node.kind in CALLS
        }
        found = modules_of(called)
        return Fixed(found, remedy="Write with_modules({...}): it gives a new program")

    @cached_property
    def deciders(self) -> dict[str, Module[..., Any]]:
        """Modules with a body that have parameters of their own, by path.

        Such as each `Classify` with the rule by which it decides; not those that a step
        uses.
        """
        found = deciders_of(self._parts.targets)
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
        for path, module in self.deciders.items():
            found |= {f"{path}/{slot}": own for slot, own in module.slots().items()}
        remedy = "Write with_parameters({...}): it gives a new program"
        return Fixed(found, remedy=remedy)

    def prompts(self, **inputs: Any) -> dict[str, Prompt]:
        """What each call would send, by the path of its node; nothing is sent.

        Args:
            inputs: Values of some inputs. Where one is not known before a run, what it
                will be stands in its place: `{question}`, `{write_query.query}`.

        Raises:
            CallError: There is no such input, or a value is of another type.
        """
        for name in inputs:
            if name not in self._inputs.inputs:
                raise CallError(
                    f"{self._name!r} has no input {name!r}; its inputs are "
                    f"{', '.join(self._inputs.inputs)}",
                    hint=did_you_mean(name, self._inputs.inputs),
                )
        return seam.one_off().prompts(self, inputs)

    def _change(self, name: str) -> str:
        if not hasattr(type(self), name):
            return 'Write with_parameters({"module/slot": value}): it gives a new one'
        others = 'with_parameters({"module/slot": value}) changes the others'
        return f"It comes from the function under @weft.program; {others}"

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
        own: dict[str, dict[str, Any]] = {}
        known, deciders = self.modules, self.deciders
        for key, value in changes.items():
            path, _, slot = key.rpartition("/")
            if path in deciders and slot in deciders[path].slots():
                own.setdefault(path, {})[slot] = value
                continue
            if path not in known or slot not in SLOTS:
                every = [f"{p}/{s}" for p in known for s in SLOTS]
                every += [f"{p}/{s}" for p, m in deciders.items() for s in m.slots()]
                raise ConfigError(
                    f"program {self._name!r} has no parameter {key!r}",
                    hint=did_you_mean(key, every),
                )
            by_path.setdefault(path, {})[slot] = value
        asking = {p: known[p].with_(**slots) for p, slots in by_path.items()}
        made = {p: deciders[p].with_slots(slots) for p, slots in own.items()}
        return self.with_modules({**asking, **made})

    def with_context(self, context: Context) -> Program[P, R_co]:
        """The same program, every module of which is told what holds in every case.

        Args:
            context: In place of what was said; `weft.Context()` says nothing.

        Raises:
            ConfigError: It is no `weft.Context`.
        """
        slots = slots_of_context(context).items()
        return self.with_parameters(
            {f"{path}/{slot}": said for path in self.modules for slot, said in slots}
        )

    def with_modules(self, changes: Mapping[str, Module[..., Any]]) -> Program[P, R_co]:
        """The same program with some modules replaced, keyed by path.

        Raises:
            ConfigError: There is no module at a path, or a change is none.
        """
        if not changes:
            return self
        require_known(changes, self.modules, self.name)
        old = self._parts
        parts = replace(
            old,
            modules={n: changed(m, n, changes) for n, m in old.modules.items()},
            steps={n: s.with_modules(below(changes, n)) for n, s in old.steps.items()},
            programs={
                name: inner.with_modules(below(changes, name))
                for name, inner in old.programs.items()
            },
        )
        made = self.with_parts(parts)
        made._descent = descent_of(self, modules=changes)
        return made

    def with_parts(self, parts: Parts) -> Program[P, R_co]:
        """A program of the same name and documentation, made of other parts."""
        lone = self._lone and parts.graph is self._parts.graph
        made: Program[P, R_co] = Program(self._name, parts, lone=lone)
        made.__doc__, made.__module__ = self.__doc__, self.__module__
        return made

    def place(
        self, args: Sequence[Any], kwargs: Mapping[str, Any], who: str = ""
    ) -> dict[str, Any]:
        """Arguments by input name; values are not checked.

        Raises:
            CallError: An input is misspelt, doubled or missing.
        """
        return self.inputs.place(args, kwargs, who or self._name)


Askable: TypeAlias = Module[P, R_co] | Program[P, R_co]
"""What is asked by a module that is made of it: a module, or a whole program."""


Forgiver = Callable[[Callable[..., Any], Exception], Traced]
"""What stands for a program that cannot be traced, so that a file is checked on."""

_forgiver: contextvars.ContextVar[Forgiver | None] = contextvars.ContextVar(
    "weft_forgiver", default=None
)


@contextlib.contextmanager
def forgiving(forgiver: Forgiver) -> Generator[None]:
    """Let a scope go on past programs that cannot be traced."""
    token = _forgiver.set(forgiver)
    try:
        yield
    finally:
        _forgiver.reset(token)


@decorator
def program(function: Callable[P, R_co]) -> Program[P, R_co]:
    """Trace a typed function into a program.

    The function runs once, now, with references in place of values: every mistake of
    wiring is an error at import, with file, line, both ends, types and a remedy.

    Raises:
        GraphError: The function is wired wrongly.
    """
    try:
        traced = trace_function(function, getattr(function, "__name__", ""))
    except Exception as error:
        forgiver = _forgiver.get()
        if forgiver is None or not inspect.isfunction(cast(object, function)):
            raise
        traced = forgiver(function, error)
    parts = parts_of_targets(traced.graph, traced.targets)
    made: Program[P, R_co] = Program(function.__name__, parts)
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
        shown = brief(repr(target))
        hint = "Decorate a typed function with @weft.program, or give a module"
        if isinstance(getattr(target, "program", None), Program):
            hint = "Give its .program"
        elif isinstance(target, Step):
            hint = "Call it in a typed function under @weft.program"
        elif not inspect.isfunction(target) and (
            callable(target) or hasattr(target, "forward")
        ):
            hint = (
                "Write what it does as a typed function under @weft.program, and keep "
            )
            hint += "the modules that it calls in variables beside it"
        raise ConfigError(f"{shown} is no program", hint=hint)
    module = cast("Module[..., Any]", target)
    name = name or module.name
    parts = Parts(module.structure_as(name), {name: module}, {}, {})
    made: Program[..., Any] = Program(name, parts, lone=True)
    if module in _origins:
        _origins[made] = _origins[module]
    return made


def as_given(
    program: Program[..., Any], given: object = None
) -> Program[..., Any] | Module[..., Any]:
    """What `as_program` was given: the module where it made a program of one.

    Args:
        program: The program.
        given: What a caller handed over, if anything; a program stays one.

    >>> import weft
    >>> reply = weft.Predict("question -> answer", name="reply")
    >>> as_given(as_program(reply)) is reply
    True
    """
    if not program.lone or isinstance(given, Program):
        return program
    (module,) = program.parts.modules.values()
    if program in _origins:
        _origins[module] = _origins[program]
    return module


@dataclass(frozen=True)
class Origin:
    """The artifact that a program was loaded from.

    Args:
        where: The file, or the package and the file in it.
        digest: The digest of the program's behaviour as it was saved.
        provenance: What the file says of its making; nobody vouches for it.
        dropped: What did not fit the live program, with `strict=False`; in words.
        text_only: Of a program with soft words or low-rank updates, its best variant
            without any, as the file holds it; else None.
    """

    where: str
    digest: str
    provenance: Mapping[str, Any] = field(default_factory=dict[str, Any])
    dropped: tuple[str, ...] = ()
    text_only: Mapping[str, Any] | None = None


_origins: WeakKeyDictionary[Any, Origin] = WeakKeyDictionary()


def origin(program: Program[..., Any] | Module[..., Any]) -> Origin | None:
    """Where a program or a module was loaded from.

    None where it was not, or was changed since.

    >>> import weft
    >>> @weft.program
    ... def same(text: str) -> str:
    ...     return weft.Predict("text -> answer", name="reply")(text=text).answer
    >>> origin(same) is None
    True
    """
    return _origins.get(program)


def remember(program: Program[P, R_co], came: Origin) -> Program[P, R_co]:
    """The program, its origin kept while it lives; its modules know their models."""
    known = as_dict(came.provenance.get("models"))
    near = str(came.provenance.get("embedder", ""))
    modules = program.modules.items()
    told = {
        p: m.for_model(known[p], near)
        for p, m in modules
        if isinstance(known.get(p), str)
    }
    made = program.with_modules(told)
    _origins[made] = came
    return made
