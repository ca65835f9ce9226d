"""Templates of a user's own, with the fields of a signature in their slots."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from ..errors import ConfigError, did_you_mean
from ..lm.form import ANSWER, INSTRUCTION, Slot, form_of, pieces_of, template_of
from ..lm.request import JSON
from ..signature.field import FieldSpec
from ..signature.spec import Spec
from ..signature.types import fits
from ..signature.wording import NOT_GIVEN

TOLD: Final = ("instruction", "context", "glossary", "illustrations")
"""The slots that are told as one text; see `told` in `prompt.py`."""


class Fitted(NamedTuple):
    """A template with the fields of a signature in its slots.

    Args:
        told: What stands behind the instruction; None where none is shown.
        before: Texts and inputs before the gap.
        behind: Texts and inputs behind it.
        output: The field that fills it.
    """

    told: str | None
    before: tuple[str | FieldSpec, ...]
    behind: tuple[str | FieldSpec, ...]
    output: FieldSpec

    @property
    def hangs(self) -> bool:
        """Whether an input stands behind the gap."""
        return any(not isinstance(piece, str) for piece in self.behind)

    @property
    def closing(self) -> str:
        """What follows the gap in its line, or a line break; nothing where it ends."""
        closing = next((p for p in self.behind[:1] if isinstance(p, str)), "")
        line = closing.partition("\n")[0].rstrip()
        if closing and not line:
            line = "\n" if "\n" in closing else ""
        return line


def check_template(form: str, spec: Spec) -> None:
    """Refuse a template that does not fit a signature; of other forms nothing is asked.

    Raises:
        ConfigError: As `fitted`.
    """
    if template := form_of(form).template:
        fitted(template, spec)


def unshown_by(form: str, spec: Spec) -> tuple[str, ...]:
    """The slots of a module that no prompt in a form shows.

    A template describes no field, and what is told beside an instruction stands in it
    where the instruction does.

    >>> unshown_by("chat", Spec("Any", "", ()))
    ()
    """
    template = form_of(form).template
    if not template:
        return ()
    told = fitted(template, spec).told is not None
    return ("descriptions",) if told else ("descriptions", *TOLD)


def with_text(template: str, text: str) -> str:
    r"""A template with a text before its gap, and before the blanks there.

    >>> with_text("[x]\nIt is [z].", " some words"), with_text("[x][z] [[a]", " so")
    ('[x]\nIt is some words [z].', '[x] so[z] [[a]')
    """
    pieces = pieces_of(template)
    gap = pieces.index(Slot(ANSWER))
    *before, last = pieces[:gap] or ("",)
    if isinstance(last, Slot):
        before, last = [*before, last], ""
    begun = last.rstrip(" ")
    return template_of((*before, begun, text, last[len(begun) :], *pieces[gap:]))


def hangs(form: str, spec: Spec) -> bool:
    """Whether a form is a template in which an input stands behind the gap."""
    template = form_of(form).template
    return bool(template) and fitted(template, spec).hangs


@lru_cache(maxsize=512)
def fitted(template: str, spec: Spec) -> Fitted:
    """A template for the fields of a signature.

    Raises:
        ConfigError: The signature has several outputs, or media; or a slot is no input,
            or an input has no slot, or two.
    """
    who = f"the template {template!r:.200}"
    if len(spec.outputs) != 1 or spec.media:
        what = "inputs that are no texts" if spec.media else "several outputs"
        raise ConfigError(
            f"{who} has one gap in a text, and {spec.name!r} has {what}",
            hint='Ask in another form, adapter="auto", or for one output at a time',
        )
    pieces, told = [*pieces_of(template)], None
    if pieces[0] == Slot(INSTRUCTION) and INSTRUCTION not in spec.inputs:
        told, following = "", pieces[1]
        del pieces[0]
        if isinstance(following, str):
            pieces[0] = following.lstrip()
            told = following[: len(following) - len(pieces[0])]
    before, behind = list[str | FieldSpec](), list[str | FieldSpec]()
    side = before
    for piece in pieces:
        if piece == Slot(ANSWER):
            side = behind
            continue
        side.append(piece if isinstance(piece, str) else _input_of(piece, spec, who))
    named = [p.name for p in (*before, *behind) if isinstance(p, FieldSpec)]
    for name in (name for name in spec.inputs if named.count(name) != 1):
        often = "twice" if name in named else "in no slot"
        taken = f"; [{ANSWER}] is the answer's" if name == ANSWER else ""
        raise ConfigError(
            f"{who} has the input {name!r} {often}",
            hint=f"Write [{name}] in one place{taken}",
        )
    return Fitted(told, (*before,), (*behind,), *spec.outputs.values())


def _input_of(slot: Slot, spec: Spec, who: str) -> FieldSpec:
    if slot.name in spec.inputs:
        return spec.inputs[slot.name]
    if slot.name == "x" and len(spec.inputs) == 1:
        return next(iter(spec.inputs.values()))
    why = "is no input"
    if slot.name == INSTRUCTION:
        why = "stands at the beginning, or nowhere"
    near = did_you_mean(slot.name, spec.inputs)
    raise ConfigError(
        f"{who}: [{slot.name}] {why}; the inputs of {spec.name!r} are "
        f"{', '.join(spec.inputs)}",
        hint=f"{near}; [[{slot.name}] writes the words themselves".lstrip("; "),
    )


def filled_in(pieces: Iterable[str | FieldSpec], values: Mapping[str, JSON]) -> str:
    """A template's pieces with values by input name in their places."""
    return "".join(
        piece
        if isinstance(piece, str)
        else written(piece, values.get(piece.name, NOT_GIVEN))
        for piece in pieces
    )


def said_of(fit: Fitted, values: Mapping[str, JSON]) -> str:
    """What fills the gap of a solved case."""
    return written(fit.output, values.get(fit.output.name, NOT_GIVEN))


def written(field: FieldSpec, value: JSON) -> str:
    """A value in a text: a text as it is."""
    return value if isinstance(value, str) and field.plain else field.write(value)


@lru_cache(maxsize=512)
def words_of(field: FieldSpec, edition: int = 1) -> tuple[str, ...]:
    """The few values of a field as they are written; none where they are not few.

    The first edition of the form knows no null beside true and false.
    """
    values: tuple[JSON, ...] = field.options
    if field.kind == "boolean":
        nothing = edition > 1 and fits(type(None), field.annotation)
        values = (True, False, None) if nothing else (True, False)
    return tuple(written(field, value) for value in values)
