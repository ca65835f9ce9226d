"""Recording: what a traced function calls becomes nodes, checked as they are made.

A scope is one level of a program: its function's own, or a body of a region. Scopes of
one program share names and ids; a body may use values of the scopes around it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from ..errors import CallError, GraphError
from ..ground.shapes import is_dict, is_list, is_sequence
from ..seam import Kind, Recorder, caller
from ..signature.field import FieldSpec
from ..signature.types import type_name
from ..signature.wording import to_give
from ..trace import NodeKind
from .binding import Binding, Const, Pack, Take, is_node, takes_of
from .constants import constant, is_record
from .graph import Node, acts
from .inferring import field_that_fits, fit, holds_ref, type_of
from .module import Module
from .naming import frame_names, variables_of
from .ref import Ref, owner_of, shown, take_of
from .regions import trace_region
from .step import Step
from .targets import result_of, wants_of
from .uses import Part

_ODD = "/#$"


@dataclass(eq=False)
class Trail:
    """What all scopes of one program share.

    Args:
        name: The program's name.
        home: The Python module that defines it.
        variables: Names by which its code reaches modules, by identity.
        targets: What its nodes call, by name.
        taken: How many nodes have each name.
        spelt: Texts that spell a reference, and so are no text to pass on.
        refusal: The first thing that a reference refused.
    """

    name: str
    home: str
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
        kind: Kind,
        target: Any,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        after: Any = (),
    ) -> Ref:
        """Record a call as a node; give back a reference to its result."""
        where = caller()
        name = self._name_of(kind, target, where)
        given = _bind(kind, target, name, args, kwargs, where)
        wants = wants_of(kind, target)
        bindings = {
            argument: self.wire(value, wants[argument], f"{name}.{argument}", where)
            for argument, value in given.items()
        }
        first = tuple(dict.fromkeys(self._before(after, where)))
        identity, result = self.trail.new_id(name), result_of(kind, target)
        node = Node(identity, kind, name, bindings, result, where, first)
        return self.add(node)

    def region(
        self,
        kind: str,
        value: Any,
        bodies: Mapping[Any, Callable[..., Any]],
        options: Mapping[str, Any],
    ) -> Ref:
        """Record a region as a node; give back a reference to its result."""
        return trace_region(self, cast(NodeKind, kind), value, bodies, options)

    def refused(self, error: GraphError) -> None:
        """Keep what a reference refused: it ends the trace, even if it is caught."""
        self.trail.refusal = self.trail.refusal or error

    def spelt(self, text: str) -> None:
        """Keep the `repr` of a reference: no constant may hold that text."""
        self.trail.spelt.add(text)

    def inner(self) -> Scope:
        """A scope for a body inside this one."""
        return Scope(self.trail, self)

    def recorder(self) -> Recorder:
        """Itself."""
        return self

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
        used = {t.source for t in takes_of(output)}
        for node in reversed(self.nodes):
            if node.id in used or acts(node):
                used.update(node.sources)
            else:
                raise GraphError(
                    f"{node.where}: the result of {node.id!r} is never used, and every "
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

    def _name_of(self, kind: str, target: Any, where: str) -> str:
        trail = self.trail
        explicit = target.named if kind == "module" else True
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
    kind: str,
    target: Any,
    name: str,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    where: str,
) -> dict[str, Any]:
    if kind == "step":
        return cast("Step[..., Any]", target).bind(args, kwargs, where)
    try:
        return cast("Module[..., Any]", target).place(args, kwargs, name)
    except CallError as error:
        raise GraphError(f"{where}: {error.message}", hint=error.hint) from None


def _conversion(source: Any, wanted: Any, *, constant: bool) -> str:
    if constant:
        return "Give a value of that type"
    convert = "Convert it in a @weft.step function, or change one of the types"
    return field_that_fits(source, wanted) or convert


def _check_constant(spec: FieldSpec, value: Any, end: str, where: str) -> None:
    try:
        spec.check(value)
    except ValueError as error:
        raise GraphError(
            f"{where}: {end} wants {type_name(spec.annotation)}: {error}",
            hint=to_give(spec.name, spec.annotation, spec.wanted, value),
        ) from None
