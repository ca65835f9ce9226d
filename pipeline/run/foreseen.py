"""The prompts of a program before it runs: what is known stands, the rest is named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import CallError, did_you_mean
from ..graph.binding import INPUT, Binding, Const, Take, resolve, show, takes_of
from ..graph.module import Module
from ..signature.spec import Spec
from .prompt import Prompt, prompt_with

if TYPE_CHECKING:
    from ..graph.build import Parts


@dataclass(frozen=True)
class _Later:
    """A value that only a run can tell, by where it will come from."""

    words: str

    def __str__(self) -> str:
        return f"{{{self.words}}}"


def foreseen(parts: Parts, inputs: Spec, given: Mapping[str, Any]) -> dict[str, Prompt]:
    """The prompt of each call, by the path of its node; modules of steps by theirs.

    Args:
        parts: The program's.
        inputs: Its inputs.
        given: Values of some of them.

    Raises:
        CallError: There is no such input, or a value is of another type.
    """
    for name in given:
        if name not in inputs.inputs:
            raise CallError(
                f"{inputs.name!r} has no input {name!r}; its inputs are "
                f"{', '.join(inputs.inputs)}",
                hint=did_you_mean(name, inputs.inputs),
            )
    fields = inputs.inputs.items()
    some = tuple(f for name, f in fields if name in given or not f.required)
    known = Spec(inputs.name, "", some).bind(given, inputs.name)
    return dict(_level(parts, {n: known.get(n, _Later(n)) for n, _ in fields}, ""))


def _level(
    parts: Parts, values: Mapping[str, Any], prefix: str
) -> Iterator[tuple[str, Prompt]]:
    """The calls of a program whose inputs have these values, known or later."""
    for node in parts.graph.walk():
        path = prefix + node.id
        bound = {name: _value(b, values) for name, b in node.bindings.items()}
        if node.kind == "module":
            yield path, _prompt(parts.modules[node.target], bound)
        elif node.kind == "program":
            inner = parts.programs[node.target]
            fields = inner.inputs.inputs.items()
            filled = {n: bound[n] if n in bound else f.fallback() for n, f in fields}
            yield from _level(inner.parts, filled, f"{path}/")
        elif node.kind == "step":
            for name, module in parts.steps[node.target].modules.items():
                yield f"{path}/{name}", _prompt(module, {})


def _value(binding: Binding, values: Mapping[str, Any]) -> Any:
    """What a binding will be: the value where it is known now, else its words."""
    if isinstance(binding, Const):
        return binding.value
    sources = {
        take.source: values.get(take.source.removeprefix(f"{INPUT}."), _Later(""))
        if take.source.startswith(f"{INPUT}.")
        else _Later("")
        for take in takes_of(binding)
    }
    if not any(isinstance(value, _Later) for value in sources.values()):
        return resolve(binding, sources)
    outer = sources.get(binding.source) if isinstance(binding, Take) else None
    if isinstance(binding, Take) and isinstance(outer, _Later) and outer.words:
        return _Later(".".join((outer.words, *binding.path)))
    return _Later(show(binding))


def _prompt(module: Module[..., Any], bound: Mapping[str, Any]) -> Prompt:
    inputs: dict[str, Any] = {}
    for name, field in module.spec.inputs.items():
        value = bound.get(name, _Later(name) if field.required else field.fallback())
        later = isinstance(value, _Later)
        inputs[name] = str(value) if later else field.dump(field.check(value))
    return prompt_with(module, inputs)
