"""Parameters of an artifact for a live program: what fits, and what is said if not."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from ..errors import ArtifactError, ConfigError, did_you_mean
from ..graph.program import Origin, remember
from ..ground import strictjson
from ..ground.shapes import as_dict, as_list
from ..ground.words import brief
from ..parameters import (
    Demo,
    Parameters,
    check_demos,
    check_descriptions,
    check_illustrations,
)
from ..signature.spec import default_instruction
from .state import ArtifactFile, ModuleState, ProgramState, modules_of

if TYPE_CHECKING:
    from ..graph.module import Module
    from ..graph.program import Program
    from ..signature.spec import Spec

_log = logging.getLogger("weft")
_LEFT_OUT: Final[dict[str, Any]] = {"may be left out": True}

Contract = tuple[str, str, Mapping[str, Any]]
"""A field's name, role and JSON Schema."""


def fitted(
    program: Program[..., Any],
    made: ArtifactFile,
    where: str,
    *,
    strict: bool = True,
    rename: Mapping[str, str] | None = None,
) -> Program[..., Any]:
    """A live program with the parameters of an artifact.

    Args:
        program: The live program.
        made: What the artifact holds.
        where: The artifact's name, for messages.
        strict: Whether anything that does not fit is an error.
        rename: Live paths by the modules' paths in the artifact.

    Raises:
        ArtifactError: Where strict: the program has other modules, or a signature
            changed; the message names each field that differs. Always: `rename`
            names a module that is not there.
    """
    saved, live = dict(modules_of(made.program)), program.modules
    saved = _renamed(saved, live, rename or {}, where)
    dropped = [f"the program lacks {path!r}" for path in sorted({*saved} - {*live})]
    dropped += [f"the artifact lacks {path!r}" for path in sorted({*live} - {*saved})]
    if dropped and strict:
        raise ArtifactError(
            f"{where} is for another program: {'; '.join(dropped)}",
            hint='Load it without program=, or give rename={"old": "new"}',
        )
    other = list(_other_tools(made.program, program))
    if other and strict:
        raise ArtifactError(
            f"{where}: {'; '.join(other)}",
            hint="Compile again, or keep what still fits with strict=False",
        )
    dropped += other
    changes: dict[str, Any] = {}
    for path in (path for path in live if path in saved):
        if strict or saved[path].signature_hash == live[path].spec.hash:
            slots = tuned(path, saved[path], live[path], where)
        else:
            slots, lost = _what_fits(saved[path], live[path])
            dropped += [f"{path}: {line}" for line in lost]
        changes |= {f"{path}/{slot}": value for slot, value in slots.items()}
    states = dict(modules_of(made.program, bodies=True))
    for path, module in program.deciders.items():
        if (state := states.get(path)) and state.signature_hash == module.spec.hash:
            own = module.slots_in(state.settings)
            changes |= {f"{path}/{slot}": value for slot, value in own.items()}
    for line in dropped:
        _log.warning("%s: %s", where, line)
    try:
        changed = program.with_parameters(changes)
    except ConfigError as error:
        raise ArtifactError(f"{where}: {error.message}", hint=error.hint) from None
    if changed is program:
        changed = program.with_parts(program.parts)
    came = Origin(
        where, made.digest, made.provenance, tuple(dropped), made.text_only_data
    )
    return remember(changed, came)


def _other_tools(
    state: ProgramState, program: Program[..., Any], prefix: str = ""
) -> Iterator[str]:
    """What differs between the tools that a file and a live program's agents know."""
    parts = program.parts
    for name, inner in state.programs.items():
        if name in parts.programs:
            yield from _other_tools(inner, parts.programs[name], f"{prefix}{name}/")
    for name, module in state.modules.items():
        if name in parts.modules:
            yield from _in_module(prefix + name, module, parts.modules[name])


def _in_module(path: str, state: ModuleState, live: Module[..., Any]) -> Iterator[str]:
    now = live.settings()
    for line in tools_changed(state.settings, now):
        yield f"the tools of {path!r} changed: {line}"
    if "digest" in now and now["digest"] != state.settings.get("digest"):
        yield f"{path!r} searches an index of another content"
    for name, part in state.parts.items():
        inner: Any = live.uses.running.get(name)
        if inner is None:
            continue
        if part.module is not None and inner.node_kind == "module":
            yield from _in_module(f"{path}/{name}", part.module, inner)
        elif part.program is not None and inner.node_kind == "program":
            yield from _other_tools(part.program, inner, f"{path}/{name}/")


def tools_changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What differs between the tools in two modules' settings; empty where nothing.

    Each tool is the JSON Schema of its arguments, without what is said of them.
    """
    old, new = as_dict(before.get("tools")), as_dict(after.get("tools"))
    lines = [f"tool {name!r} was removed" for name in old if name not in new]
    lines += [f"tool {name!r} was added" for name in new if name not in old]
    for name in (n for n in old if n in new and old[n] != new[n]):
        fields = [
            [(n, "input", schema) for n, schema in _arguments(as_dict(contract))]
            for contract in (old[name], new[name])
        ]
        said = (line.replace("field ", "argument ", 1) for line in field_diff(*fields))
        lines.append(f"tool {name!r}: {', '.join(said)}")
    return lines


def _arguments(contract: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The schema of each argument, and whether it must be given."""
    needed = as_list(contract.get("required"))
    for name, schema in as_dict(contract.get("properties")).items():
        yield str(name), {**as_dict(schema), **({} if name in needed else _LEFT_OUT)}


def _renamed(
    saved: Mapping[str, ModuleState],
    live: Mapping[str, Module[..., Any]],
    rename: Mapping[str, str],
    where: str,
) -> dict[str, ModuleState]:
    for old, new in rename.items():
        for name, known, who in ((old, saved, "artifact"), (new, live, "program")):
            if name not in known:
                raise ArtifactError(
                    f"{where}: rename: the {who} has no module {name!r}",
                    hint=did_you_mean(name, known),
                )
    made = {rename.get(path, path): module for path, module in saved.items()}
    if len(made) < len(saved):
        raise ArtifactError(
            f"{where}: rename gives two modules one name",
            hint="Rename each to a module of its own",
        )
    return made


_CHECKS = {"demos": check_demos, "illustrations": check_illustrations}


def _what_fits(
    saved: ModuleState, live: Module[..., Any]
) -> tuple[dict[str, Any], list[str]]:
    """Of a module whose signature changed: parameters by slot, and what is lost."""
    slots, lost = parameters_of(saved).slots(), _changes(saved, live.spec)
    if slots["instruction"] == default_instruction(saved.fields):
        del slots["instruction"]
    for slot, check in _CHECKS.items():
        kept: list[Demo] = []
        for demo in slots[slot]:
            try:
                check((demo,), live.spec, saved.name)
                kept.append(demo)
            except ConfigError as error:
                _, _, why = error.message.partition(" 0 ")
                lost.append(f"{slot[:-1]} {demo.id} (row {demo.source}) {why}")
        slots[slot] = tuple(kept)
    told = slots["descriptions"]
    lost += [
        f"the description of {n!r}" for n in told if n not in live.spec.descriptions
    ]
    slots["descriptions"] = {
        n: t for n, t in told.items() if n in live.spec.descriptions
    }
    return slots, lost


def tuned(
    path: str, saved: ModuleState, live: Module[..., Any], where: str
) -> dict[str, Any]:
    """A saved module's parameters by slot, for the live module they were made for.

    Raises:
        ArtifactError: Its signature changed; the message names each field that differs.
    """
    if saved.signature_hash != live.spec.hash:
        difference = "; ".join(_changes(saved, live.spec))
        raise ArtifactError(
            f"{where}: the signature of {path!r} changed: {difference}",
            hint="Compile again, or keep what still fits with strict=False",
        )
    try:
        parameters = parameters_of(saved)
        check_demos(parameters.demos, live.spec, path)
        check_illustrations(parameters.illustrations, live.spec, path)
        check_descriptions(parameters.descriptions, live.spec.descriptions, path)
    except ConfigError as error:
        raise ArtifactError(f"{where}: {error.message}", hint=error.hint) from None
    return parameters.slots()


def parameters_of(state: ModuleState) -> Parameters:
    """A saved module's parameters; demos are not checked against a signature.

    Raises:
        ConfigError: A value cannot be a parameter.
    """
    slots = {
        "demos": tuple(each.demo for each in state.demos),
        "adapter": str(state.form),
        "sampling": state.sampling,
        "nearest": state.nearest,
        "model": state.model,
        "descriptions": state.descriptions,
        "context": state.context,
        "glossary": state.glossary,
        "illustrations": tuple(each.demo for each in state.illustrations),
        "soft": state.soft.soft if state.soft is not None else None,
        "lora": state.lora.lora if state.lora is not None else None,
    }
    return Parameters("\n".join(state.instruction)).with_slots(slots, state.name)


def field_diff(before: Sequence[Contract], after: Sequence[Contract]) -> list[str]:
    """What differs between two signatures' fields, in words; never empty."""
    old, new = ({f[0]: f for f in fields} for fields in (before, after))
    gone, come = [n for n in old if n not in new], [n for n in new if n not in old]
    lines: list[str] = []
    for name in list(gone):
        alike = [n for n in come if old[name][1:] == new[n][1:]]
        if len(alike) == 1:
            lines.append(f"field {name!r} is now called {alike[0]!r}")
            gone.remove(name)
            come.remove(alike[0])
    lines += [f"field {n!r} was removed" for n in gone]
    lines += [f"field {n!r} was added" for n in come]
    for name in (n for n in old if n in new):
        (_, role, schema), (_, now, other) = old[name], new[name]
        if role != now:
            lines.append(f"{name!r} was an {role}, now an {now}")
        if schema != other:
            was, now = (brief(strictjson.canonical(s), 200) for s in (schema, other))
            lines.append(f"the type of {name!r} was {was}, now {now}")
    return lines or [f"the order was {', '.join(old)}, now {', '.join(new)}"]


def _changes(saved: ModuleState, live: Spec) -> list[str]:
    return field_diff(
        [(f.name, f.role, f.schema_) for f in saved.fields],
        [(f.name, f.role, f.schema) for f in live.fields],
    )
