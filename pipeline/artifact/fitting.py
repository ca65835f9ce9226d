"""Parameters of an artifact for a live program: what fits, and what is said if not."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import ArtifactError, ConfigError, did_you_mean
from ..ground import strictjson
from ..parameters import Demo, Parameters, check_demos
from ..signature.wording import brief
from .origins import Origin, remember
from .state import ArtifactFile, FieldState, ModuleState, ProgramState, modules_of

if TYPE_CHECKING:
    from ..graph.module import Module
    from ..graph.program import Program
    from ..signature.spec import Spec

_log = logging.getLogger("weft")

Contract = tuple[str, str, Mapping[str, Any]]
"""A field's name, role and JSON Schema."""


@dataclass(frozen=True)
class Fitted:
    """What of an artifact fits a program.

    Args:
        changes: Parameters keyed `module/slot`.
        dropped: What does not fit, in words.
    """

    changes: Mapping[str, Any]
    dropped: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fitting:
    """How an artifact is fitted to a live program.

    Args:
        where: The artifact's name, for messages.
        strict: Whether anything that does not fit is an error.
        rename: Live paths by the modules' paths in the artifact.
    """

    where: str
    strict: bool = True
    rename: Mapping[str, str] = field(default_factory=dict[str, str])

    def fit(self, program: Program[..., Any], state: ProgramState) -> Fitted:
        """The parameters of an artifact as changes to a live program.

        Raises:
            ArtifactError: Where strict: the program has other modules, or a signature
                changed; the message names each field that differs. Always: `rename`
                names a module that is not there.
        """
        saved, live = self._renamed(dict(modules_of(state)), program), program.modules
        dropped = self._others(set(saved), set(live))
        changes: dict[str, Any] = {}
        for path in (path for path in live if path in saved):
            slots, lost = self._module(path, saved[path], live[path])
            changes |= {f"{path}/{slot}": value for slot, value in slots.items()}
            dropped += lost
        for line in dropped:
            _log.warning("%s: %s", self.where, line)
        return Fitted(changes, tuple(dropped))

    def _module(
        self, path: str, saved: ModuleState, live: Module[..., Any]
    ) -> tuple[dict[str, Any], list[str]]:
        if self.strict or saved.signature_hash == live.spec.hash:
            return tuned(path, saved, live, self.where), []
        slots = parameters_of(saved).slots()
        if slots["instruction"] == _default(saved.fields):
            del slots["instruction"]
        kept, lost = _demos_that_fit(path, slots["demos"], live)
        slots["demos"] = kept
        return slots, [f"{path}: {line}" for line in _changes(saved, live.spec)] + lost

    def _renamed(
        self, saved: dict[str, ModuleState], program: Program[..., Any]
    ) -> dict[str, ModuleState]:
        for old, new in self.rename.items():
            for name, known, who in (
                (old, saved, "artifact"),
                (new, program.modules, "program"),
            ):
                if name not in known:
                    raise ArtifactError(
                        f"{self.where}: rename: the {who} has no module {name!r}",
                        hint=did_you_mean(name, known),
                    )
        made = {self.rename.get(path, path): saved[path] for path in saved}
        if len(made) < len(saved):
            raise ArtifactError(
                f"{self.where}: rename gives two modules one name",
                hint="Rename each to a module of its own",
            )
        return made

    def _others(self, saved: set[str], live: set[str]) -> list[str]:
        parts = [f"the program lacks {name!r}" for name in sorted(saved - live)]
        parts += [f"the artifact lacks {name!r}" for name in sorted(live - saved)]
        if parts and self.strict:
            raise ArtifactError(
                f"{self.where} is for another program: {'; '.join(parts)}",
                hint='Load it without program=, or give rename={"old": "new"}',
            )
        return parts


def fitted(
    program: Program[..., Any],
    made: ArtifactFile,
    where: str,
    *,
    strict: bool = True,
    rename: Mapping[str, str] | None = None,
) -> Program[..., Any]:
    """A live program with the parameters of an artifact; see `Fitting`.

    Raises:
        ArtifactError: The artifact is for another program.
    """
    found = Fitting(where, strict, rename or {}).fit(program, made.program)
    try:
        changed = program.with_parameters(found.changes)
    except ConfigError as error:
        raise ArtifactError(f"{where}: {error.message}", hint=error.hint) from None
    if changed is program:
        changed = program.with_parts(program.parts)
    came = Origin(where, made.digest, made.provenance, found.dropped)
    return remember(changed, came)


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
    except ConfigError as error:
        raise ArtifactError(f"{where}: {error.message}", hint=error.hint) from None
    return parameters.slots()


def parameters_of(state: ModuleState) -> Parameters:
    """A saved module's parameters; demos are not checked against a signature.

    Raises:
        ConfigError: A value cannot be a parameter.
    """
    demos = tuple(Demo(d.values, d.source, d.by) for d in state.demos)
    slots = {
        "demos": demos,
        "adapter": str(state.form),
        "sampling": state.sampling,
        "nearest": state.nearest,
    }
    return Parameters("\n".join(state.instruction)).with_slots(slots, state.name)


def _demos_that_fit(
    path: str, demos: tuple[Demo, ...], live: Module[..., Any]
) -> tuple[tuple[Demo, ...], list[str]]:
    kept: list[Demo] = []
    lost: list[str] = []
    for demo in demos:
        try:
            check_demos((demo,), live.spec, path)
            kept.append(demo)
        except ConfigError as error:
            _, _, why = error.message.partition("demo 0 ")
            lost.append(f"{path}: demo {demo.id} (row {demo.source}) {why}")
    return tuple(kept), lost


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


def _default(fields: list[FieldState]) -> str:
    given = ", ".join(f.name for f in fields if f.role == "input")
    wanted = ", ".join(f.name for f in fields if f.role == "output")
    return f"Given {given}, write {wanted}."
