"""Partial re-execution: results of an earlier run, found again by content.

A node's result is taken from a trace where the node's path, its parameters, its inputs,
the model that answers and the sample number are all the same. So after an edit only
what lies downstream of it runs again, and of that only what really got other inputs.
"""

from __future__ import annotations

import contextlib
import contextvars
import dataclasses
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, cast

from ..errors import ConfigError
from ..graph.module import Module
from ..graph.program import Program
from ..graph.step import Step
from ..graph.uses import called_by
from ..ground import strictjson
from ..ground.plain import plain
from ..ground.shapes import is_dict, is_sequence
from ..signature.signature import Signature, dump_values, make_value, spec_of
from ..trace import NodeRun, Run, Trace, attach
from .context import Context
from .settings import Settings


@dataclass(frozen=True, eq=False)
class Origin:
    """What made a trace: the program or module, its nodes' path, and the settings."""

    target: Program[..., Any] | Module[..., Any]
    path: str
    settings: Settings


class Hit(NamedTuple):
    """A result that was found again."""

    value: Any


class Memo:
    """Results of an earlier run by content.

    Args:
        origin: What made the trace.
        trace: The run.
    """

    def __init__(self, origin: Origin, trace: Trace) -> None:
        self._found: dict[str, NodeRun] = {}
        self._inner: dict[tuple[int, ...], list[NodeRun]] = {}
        called = dict(_called(origin.target, origin.path))
        for node in trace.nodes:
            key = _key_of_run(called.get(node.path), node, origin.settings)
            if key is not None:
                self._found.setdefault(key, node)
            for length in range(1, len(node.order)):
                self._inner.setdefault(node.order[:length], []).append(node)

    def module(
        self,
        module: Module[..., Any],
        bound: Mapping[str, Any],
        context: Context,
        path: str,
    ) -> Hit | None:
        """A module's result for these inputs, or None where it must run."""
        inputs = module.spec.dump_inputs(bound)
        key = _module_key(module, inputs, context.settings, path)
        old = None if key is None else self._found.get(key)
        if old is None:
            return None
        outputs = module.spec.outputs
        values = {name: outputs[name].load(data) for name, data in old.outputs.items()}
        run = self._replayed(old, context)
        if module.single is not None:
            return Hit(values[module.single])
        made = make_value(module.asked, {**bound, **values})
        attach(made, run)
        return Hit(made)

    def step(
        self,
        step: Step[..., Any],
        arguments: Mapping[str, Any],
        context: Context,
        path: str,
    ) -> Hit | None:
        """A step's result for these arguments, or None where it must run."""
        key = _step_key(step, arguments, context.settings, path)
        old = None if key is None else self._found.get(key)
        if old is None:
            return None
        return Hit(self._replayed(old, context).outputs["result"])

    def _replayed(self, old: NodeRun, context: Context) -> NodeRun:
        """A node of the earlier run as one of this, told with those inside it."""
        context.started(old.path, old.kind)
        for node in self._inner.get(old.order, ()):
            here = context.at(*node.order[len(old.order) :])
            here.started(node.path, node.kind)
            here.finished(_again(node, here))
        return context.finished(_again(old, context))


memory: contextvars.ContextVar[Memo | None] = contextvars.ContextVar(
    "weft_memory", default=None
)


@contextlib.contextmanager
def forgetting() -> Generator[None]:
    """Let nothing in a scope be taken from an earlier run.

    So a body runs: its tries of one program stand under one path, and differ by a
    sample that no trace tells. A module with a body is taken whole, or not at all.
    """
    token = memory.set(None)
    try:
        yield
    finally:
        memory.reset(token)


@contextlib.contextmanager
def remembering(earlier: Trace | Run[Any] | None) -> Generator[None]:
    """Let what runs in a scope take results from an earlier run.

    Raises:
        ConfigError: The trace was not made by a run in this process.
    """
    if earlier is None:
        yield
        return
    trace = earlier.trace if isinstance(earlier, Run) else earlier
    if not isinstance(trace.origin, Origin):
        raise ConfigError(
            "reuse= needs the trace of a program's run in this process",
            hint="Give what program.run(...) returned, or its .trace",
        )
    token = memory.set(Memo(trace.origin, trace))
    try:
        yield
    finally:
        memory.reset(token)


def _again(node: NodeRun, context: Context) -> NodeRun:
    """A node of an earlier run as one of this run, which took its result."""
    return replace(
        node,
        calls=(),
        failed=None,
        seconds=0.0,
        order=context.order,
        started=context.since(time.perf_counter()),
        reused=True,
    )


def _called(part: Any, path: str) -> Iterator[tuple[str, Any]]:
    """The modules and steps of a program, or of one of them, by path, however deep."""
    if part.node_kind != "program":
        yield path, part
    for name, inner in called_by(part).items():
        yield from _called(inner, f"{path}/{name}" if path else name)


def _key_of_run(part: Any, node: NodeRun, settings: Settings) -> str | None:
    if node.error or part is None or part.node_kind != node.kind:
        return None
    key = _module_key if node.kind == "module" else _step_key
    return key(part, node.inputs, settings, node.path)


def _module_key(
    module: Module[..., Any], inputs: Mapping[str, Any], settings: Settings, path: str
) -> str | None:
    if not all(part.options.reusable for part in _steps(module)):
        return None
    made = _fingerprint(module, settings, path)
    return _canonical(["module", path, settings.sample, made, dict(inputs)])


def _step_key(
    step: Step[..., Any], arguments: Mapping[str, Any], settings: Settings, path: str
) -> str | None:
    if not step.options.reusable:
        return None
    try:
        given = _plain(dict(arguments))
    except ValueError:
        return None
    made = _fingerprint(step, settings, path)
    return _canonical(["step", path, settings.sample, made, given])


def _steps(part: Any) -> Iterator[Step[..., Any]]:
    """The steps that a module's body calls, in its parts too."""
    for inner in called_by(part).values():
        if isinstance(inner, Step):
            yield cast("Step[..., Any]", inner)
        else:
            yield from _steps(inner)


def _fingerprint(part: Any, settings: Settings, path: str) -> list[Any]:
    """Everything about a module, or what a step or a body calls, that can matter."""
    if part.node_kind == "module" and not part.has_body:
        return _asking(part, settings, path)
    inner = {
        name: _fingerprint(one, settings, f"{path}/{name}")
        for name, one in called_by(part).items()
    }
    if part.node_kind == "module":
        return [part.kind, part.spec.hash, dict(part.settings()), inner]
    if part.node_kind == "step":
        return [part.serial, inner]
    return [part.structure.hash, inner]


def _asking(module: Module[..., Any], settings: Settings, path: str) -> list[Any]:
    parameters = module.parameters
    lm = settings.model_of(path, module)
    form = settings.form_for(parameters.adapter, lm, module.spec)
    return [
        *(module.kind, module.spec.hash, module.repairs),
        *(parameters.instruction, str(form), dict(parameters.sampling)),
        [dict(demo.values) for demo in parameters.demos],
        [parameters.nearest, parameters.nearest and settings.nearness],
        [dict(parameters.context), dict(parameters.glossary)],
        [dict(demo.values) for demo in parameters.illustrations],
        [[f.name, f.said] for f in spec_of(module.told).fields],
        *(lm.model, lm.endpoint, dict(lm.sampling)),
    ]


def _canonical(content: Any) -> str | None:
    try:
        return strictjson.canonical(content)
    except (TypeError, ValueError):
        return None


def _plain(value: Any) -> Any:
    """Plain JSON data that tells values of different types apart.

    Raises:
        ValueError: The value has no such form; a node that is given it runs again.
    """
    if isinstance(value, Signature):
        return [type(value).__name__, dump_values(value)]
    if is_dict(value):
        return {f"{type(k).__name__} {k}": _plain(v) for k, v in value.items()}
    if is_sequence(value):
        return [type(value).__name__, *(_plain(v) for v in value)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        held = {f.name: _plain(getattr(value, f.name)) for f in fields}
        return [type(value).__name__, held]
    other = cast(Any, value)
    return [type(other).__name__, plain(other)]
