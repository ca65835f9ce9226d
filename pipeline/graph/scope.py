"""Recording: what a traced function calls becomes nodes, checked as they are made.

A scope is one level of a program: its function's own, or a body of a region. Scopes of
one program share names and ids; a body may use values of the scopes around it.

What holds no reference is a constant. It is copied, so that nothing that happens to the
original changes the program, and it may hide no reference: that one's value would never
come.
"""

from __future__ import annotations

import functools
from collections import Counter, deque
from collections.abc import (
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    MappingView,
)
from dataclasses import dataclass, field
from types import FunctionType, ModuleType
from typing import Any, TypeGuard

from ..errors import CallError, GraphError
from ..ground.shapes import is_dict, is_list, is_mapping, is_sequence, is_set, is_tuple
from ..seam import Recorder, caller
from ..signature.field import FieldSpec
from ..signature.types import type_name
from ..signature.wording import to_give
from .binding import Binding, Const, Pack, Take, copied, is_node, takes_of
from .graph import Node, unused
from .ref import (
    Ref,
    field_that_fits,
    fit,
    holds_ref,
    item_type,
    members_of_kind,
    owner_of,
    shown,
    take_of,
    type_of,
)
from .uses import Part, closure_of, frame_names, variables_of

_ODD = "/#$"


@dataclass(eq=False)
class Trail:
    """What all scopes of one program share.

    Args:
        name: The program's name.
        variables: Names by which its code reaches modules, by identity.
        targets: What its nodes call, by name.
        taken: How many nodes have each name.
        spelt: Texts that spell a reference, and so are no text to pass on.
        refusal: The first thing that a reference refused.
    """

    name: str
    variables: dict[int, str]
    targets: dict[str, Part] = field(default_factory=dict[str, Part])
    taken: Counter[str] = field(default_factory=Counter[str])
    spelt: set[str] = field(default_factory=set[str])
    refusal: GraphError | None = None

    def new_id(self, name: str) -> str:
        """An id for a further node of that name."""
        self.taken[name] += 1
        count = self.taken[name]
        return name if count == 1 else f"{name}#{count}"

    def learn(self, function: Callable[..., Any]) -> None:
        """Take in the variables of a further function of the program."""
        for known, name in variables_of(function).items():
            self.variables.setdefault(known, name)


@dataclass(eq=False)
class Scope(Recorder):
    """One level of a program while it is traced."""

    trail: Trail
    parent: Scope | None = None
    nodes: list[Node] = field(default_factory=list[Node])

    def call(
        self,
        target: Any,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        after: Any = (),
    ) -> Ref:
        """Record a call as a node; give back a reference to its result."""
        where = caller()
        name = self._name_of(target, where)
        given = _bind(target, name, args, kwargs, where)
        wants = wants_of(target)
        bindings = {
            argument: self.wire(value, wants[argument], f"{name}.{argument}", where)
            for argument, value in given.items()
        }
        first = tuple(dict.fromkeys(self._before(after, where)))
        identity, result = self.trail.new_id(name), result_of(target)
        node = Node(identity, target.node_kind, name, bindings, result, where, first)
        return self.add(node)

    def refused(self, error: GraphError) -> None:
        """Keep what a reference refused: it ends the trace, even if it is caught."""
        self.trail.refusal = self.trail.refusal or error

    def spelt(self, text: str) -> None:
        """Keep the `repr` of a reference: no constant may hold that text."""
        self.trail.spelt.add(text)

    def inner(self) -> Scope:
        """A scope for a body inside this one."""
        return Scope(self.trail, self)

    def add(self, node: Node) -> Ref:
        """Add a node; give back a reference to its result."""
        self.nodes.append(node)
        return Ref(Take(node.id), node.result, self)

    def around(self) -> Iterator[Scope]:
        """This scope and those around it."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent

    def wire(self, value: Any, wanted: Any, end: str, where: str) -> Binding:
        """The binding of an argument, its type compared with what is wanted."""
        binding = self.binding(value, where)
        spec = wanted if isinstance(wanted, FieldSpec) else None
        kind = spec.annotation if spec else wanted
        constant = isinstance(binding, Const)
        if constant and spec is not None:
            _check_constant(spec, value, end, where)
            return binding
        source = type_of(value, exact=True)
        if not fit(source, kind):
            raise GraphError(
                f"{where}: {shown(value)} is {type_name(type_of(value))}, but {end} "
                f"wants {type_name(kind)}",
                hint=_conversion(source, kind, constant=constant),
            )
        return binding

    def binding(self, value: Any, where: str) -> Binding:
        """Where a value comes from.

        Raises:
            GraphError: It belongs to another program, or to a body that is closed, or
                it hides a reference.
        """
        if isinstance(value, Ref):
            if all(owner_of(value) is not scope for scope in self.around()):
                raise self._foreign(value, where)
            return take_of(value)
        if is_record(value) or not holds_ref(value):
            return Const(constant(value, self.trail.spelt, where))
        if is_dict(value):
            items = tuple(self.binding(v, where) for v in value.values())
            return Pack("dict", items, tuple(value))
        items = tuple(self.binding(v, where) for v in value)
        return Pack("list" if is_list(value) else "tuple", items)

    def refuse_unused(self, output: Binding) -> None:
        """Refuse module calls whose result nothing uses."""
        idle = unused(self.nodes, output)
        if idle is not None:
            raise GraphError(
                f"{idle.where}: the result of {idle.id!r} is never used, and every "
                "call of it would be paid for",
                hint="Use its result, or leave the call out",
            )

    def _foreign(self, value: Ref, where: str) -> GraphError:
        owner = owner_of(value)
        if isinstance(owner, Scope) and owner.trail is self.trail:
            return GraphError(
                f"{where}: {value!r} exists only inside the body that made it",
                hint="Return it from the body and use the region's result",
            )
        return GraphError(
            f"{where}: {value!r} belongs to another program's trace",
            hint="Pass it as an input of this program",
        )

    def _before(self, after: Any, where: str) -> Iterator[str]:
        if isinstance(after, Ref):
            binding = self.binding(after, where)
            yield from (t.source for t in takes_of(binding) if is_node(t.source))
        elif is_sequence(after):
            for one in after:
                yield from self._before(one, where)
        else:
            raise GraphError(
                f"{where}: after={after!r} is no result of a node",
                hint="Give what another step returned, or a list of such",
            )

    def _name_of(self, target: Any, where: str) -> str:
        trail = self.trail
        explicit = target.node_kind != "module" or target.named
        name = target.name if explicit else trail.variables.get(id(target))
        if name is None:
            name = frame_names().get(id(target))
        if name is None:
            raise GraphError(
                f"{where}: {target!r} has no name here, and artifacts hang on names",
                hint="Give it one with name=..., or keep it in a module-level variable",
            )
        if any(mark in name for mark in _ODD) or not name:
            raise GraphError(
                f"{where}: {name!r} cannot name a part of a program",
                hint="Leave out / # $: they stand for paths, second calls and inputs",
            )
        known = trail.targets.setdefault(name, target)
        if known is not target:
            raise GraphError(
                f"{where}: two different things are named {name!r} in program "
                f"{trail.name!r}: {known!r} and {target!r}",
                hint="Give one of them another name=...",
            )
        return name


def _bind(
    target: Any, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], where: str
) -> dict[str, Any]:
    bound: dict[str, Any]
    if target.node_kind == "step":
        bound = target.bind(args, kwargs, where)
        return bound
    try:
        bound = target.place(args, kwargs, name)
    except CallError as error:
        raise GraphError(f"{where}: {error.message}", hint=error.hint) from None
    return bound


def _conversion(source: Any, wanted: Any, *, constant: bool) -> str:
    if constant:
        return "Give a value of that type"
    convert = "Convert it in a @weft.step function, or change one of the types"
    if item_type(wanted) is str and members_of_kind(item_type(source)):
        # Passages, say, for texts.
        convert = f"Write {type_name(source)} there, or take the texts out of it in a "
        convert += "@weft.step function"
    return field_that_fits(source, wanted) or convert


def _check_constant(spec: FieldSpec, value: Any, end: str, where: str) -> None:
    try:
        spec.check(value)
    except ValueError as error:
        raise GraphError(
            f"{where}: {end} wants {type_name(spec.annotation)}: {error}",
            hint=to_give(spec.name, spec.annotation, spec.wanted, value),
        ) from None


def wants_of(target: Any) -> Mapping[str, Any]:
    """What each argument wants: a field of a signature or program, or a step's type."""
    if target.node_kind == "step":
        return {name: target.wants(name) for name in target.parameters.parameters}
    fields: Mapping[str, FieldSpec] = target.inputs.inputs
    return fields


def needs_of(target: Any) -> list[str]:
    """The arguments that no call may leave out."""
    if target.node_kind == "step":
        known = target.parameters.parameters.items()
        return [name for name, p in known if p.default is p.empty]
    return [name for name, field in wants_of(target).items() if field.required]


def result_of(target: Any) -> Any:
    """The type of what a call gives back."""
    of_program = target.node_kind == "program"
    return target.structure.result if of_program else target.result


def constant(value: Any, spelt: Collection[str], where: str) -> Any:
    """A constant, copied.

    Args:
        value: What is passed on.
        spelt: Texts that spell references.
        where: File and line of the call that it is passed to.

    Raises:
        GraphError: It hides a reference, spells one out, or is used up by one run.
    """
    if isinstance(value, Iterator):
        what = f"{shown(value)} is used up by the program's first run"
        raise GraphError(f"{where}: {what}", hint="Give a list")
    for held in _everything(value):
        if isinstance(held, Ref):
            raise GraphError(
                f"{where}: {shown(value)} holds {shown(held)}, which has no value yet "
                "and is followed in lists, tuples and dicts alone",
                hint="Make it in a @weft.step function that is given the value",
            )
        if isinstance(held, str) and any(text in held for text in spelt):
            raise GraphError(
                f"{where}: the text {held!r:.80} spells out a value that is not there "
                "yet",
                hint="Pass it as an input of its own, or join texts in a @weft.step "
                "function",
            )
    return copied(value)


def is_record(value: object) -> bool:
    """Whether a value is a named tuple, whose class a list of its items would lose."""
    return is_tuple(value) and hasattr(value, "_fields")


def _everything(value: Any) -> Iterator[Any]:
    """A value and what it holds, however deep; of very large ones the beginning."""
    seen, todo = set[int](), deque([value])
    while todo and len(seen) < 10_000:
        one = todo.popleft()
        if id(one) not in seen:
            seen.add(id(one))
            todo.extend(_held(one))
            yield one


def _held(value: Any) -> Iterable[Any]:
    """What a value holds, as far as it is known without running its code."""
    if isinstance(value, Ref | str | int | float | bytes | type | ModuleType):
        return ()
    if is_mapping(value):
        return value.values()
    if is_sequence(value) or is_set(value) or _is_shown(value):
        return value
    if isinstance(value, FunctionType):
        return closure_of(value).values()
    if isinstance(value, functools.partial):
        return (*value.args, *value.keywords.values())
    kept: dict[str, Any] = getattr(value, "__dict__", {})
    return kept.values()


def _is_shown(value: object) -> TypeGuard[Iterable[Any]]:
    return isinstance(value, deque | MappingView)
