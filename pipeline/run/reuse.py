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
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, cast

from ..errors import ConfigError
from ..graph.module import Module
from ..graph.step import Step
from ..ground import strictjson
from ..ground.plain import plain
from ..ground.shapes import is_dict, is_sequence
from ..signature.signature import Signature, dump_values, make_value
from ..trace import NodeRun, Run, Trace, attach
from .context import Context
from .settings import Settings


@dataclass(frozen=True, eq=False)
class Origin:
    """What made a trace: the program's modules and steps by path, and the settings."""

    modules: Mapping[str, Module[..., Any]]
    steps: Mapping[str, Step[..., Any]]
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
        for node in trace.nodes:
            key = _key_of_run(origin, node)
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
        context.started(path, "module")
        values = {name: outputs[name].load(data) for name, data in old.outputs.items()}
        run = _again(old, context)
        context.finished(run)
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
        context.started(path, "step")
        for node in self._inner.get(old.order, ()):
            here = context.at(*node.order[len(old.order) :])
            here.started(node.path, node.kind)
            here.finished(_again(node, here))
        context.finished(_again(old, context))
        return Hit(old.outputs["result"])


memory: contextvars.ContextVar[Memo | None] = contextvars.ContextVar(
    "weft_memory", default=None
)


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


def _key_of_run(origin: Origin, node: NodeRun) -> str | None:
    if node.error:
        return None
    if node.kind == "module" and node.path in origin.modules:
        module = origin.modules[node.path]
        return _module_key(module, node.inputs, origin.settings, node.path)
    if node.kind == "step" and node.path in origin.steps:
        step = origin.steps[node.path]
        return _step_key(step, node.inputs, origin.settings, node.path)
    return None


def _module_key(
    module: Module[..., Any], inputs: Mapping[str, Any], settings: Settings, path: str
) -> str | None:
    made = _fingerprint(module, settings, path)
    return _canonical(["module", path, settings.sample, made, dict(inputs)])


def _step_key(
    step: Step[..., Any], arguments: Mapping[str, Any], settings: Settings, path: str
) -> str | None:
    if not step.options.reusable:
        return None
    used = {
        name: _fingerprint(module, settings, f"{path}/{name}")
        for name, module in step.modules.items()
    }
    try:
        given = _plain(dict(arguments))
    except ValueError:
        return None
    return _canonical(["step", path, settings.sample, step.serial, used, given])


def _fingerprint(module: Module[..., Any], settings: Settings, path: str) -> list[Any]:
    """Everything about a module that can change its answers."""
    if module.has_body:
        inner = {
            name: _fingerprint(part, settings, f"{path}/{name}")
            for name, part in module.modules.items()
        }
        steps = {
            name: cast("Step[..., Any]", part).serial
            for name, part in module.uses.running.items()
            if part.node_kind == "step"
        }
        return [module.kind, module.spec.hash, dict(module.settings()), inner, steps]
    parameters = module.parameters
    lm = settings.model_for(path, module.lm)
    form = settings.form_for(parameters.adapter, lm, module.spec)
    return [
        *(module.kind, module.spec.hash, module.repairs),
        *(parameters.instruction, str(form), dict(parameters.sampling)),
        [dict(demo.values) for demo in parameters.demos],
        parameters.nearest,
        [[f.name, f.description] for f in module.spec.fields],
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
