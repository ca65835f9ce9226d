"""Which form a run asks in: settled at its first call, and kept to its last.

The form that works is known before a call or found out by none: the schema where the
endpoint enforces it, else what `weft probe` found, else headings. Where an endpoint
refuses a signature's schema, the next form is taken, once, for the whole run.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from typing import TYPE_CHECKING, Final, cast

from ..ground.lazy import Memo, deferred
from ..lm.abilities import Abilities, abilities_of
from ..lm.form import CHOSEN, FLAGS, Form, form_of, is_form
from ..lm.lm import LanguageModel
from ..lm.route import EMBEDDED
from ..signature.spec import Spec

if TYPE_CHECKING:
    from . import schema, tools
else:
    schema = deferred(__package__, "schema")
    tools = deferred(__package__, "tools")

AUTO: Final = "auto"
_MOST_HELD: Final = 256
_held: Final = Memo[tuple[object, ...], tuple[Abilities | None, Form]](_MOST_HELD)


def settled(
    asked: str,
    lm: LanguageModel | None,
    spec: Spec | None = None,
    *,
    refused: bool = False,
    in_text: bool = False,
) -> Form:
    """A form of which every byte is known, for a model that is asked in it.

    The stand-in, the fakes, and models of a user's own that say nothing of their
    abilities are asked in first editions, unless another one is named.

    Args:
        asked: The form's text; "auto" for the one that works.
        lm: Who is asked; None where nobody is.
        spec: What is asked for, where it is known: outputs that no line can hold are
            no text to be continued.
        refused: Whether the endpoint refused this signature's schema.
        in_text: Whether it refused tools, whatever is known of it or was said.

    >>> str(settled("auto", None)), str(settled("chat/2", None))
    ('chat/1', 'chat/2:stop')
    """
    obeys = lm is not None and lm.schema_mode
    can = None if lm is None or lm.endpoint == EMBEDDED else abilities_of(lm)
    # Asked before every call, and rarely anything new.
    nested = can is not None and bool(can.base) and spec is not None
    nested = nested and schema.line_grammar(cast("Spec", spec), "", None) is None
    calls = can is not None and can.tools is True and asked == AUTO and not in_text
    calls = calls and spec is not None and tools.is_step(spec)
    key = asked, id(can), obeys, nested, refused, calls
    held = _held.get(key)
    if held is None or held[0] is not can:
        how = {"obeys": obeys, "nested": nested, "refused": refused}
        form = Form("tools", 1, ()) if calls else _settled(asked, can, **how)
        held = _held.keep(key, (can, form))
    return held[1]


def _settled(
    asked: str, can: Abilities | None, *, obeys: bool, nested: bool, refused: bool
) -> Form:
    form = form_of(asked)
    if form.flags is not None:
        return form
    if form.name in CHOSEN:
        form = _chosen(can, nested=nested, refused=refused) if can else Form("chat", 1)
    elif can is None and "/" not in asked.partition("|")[0]:
        form = replace(form, edition=1)
    if form.flags is not None:
        return form
    if form.name == "tools":
        return Form("tools", form.edition, ())
    if form.is_first:
        # What first editions send hangs on nothing that is learnt.
        if form.name != "json":
            return form
        return Form("json", 1, ("schema",) if obeys and not refused else ())
    can = can or Abilities(schema=obeys, follows=True)
    flags = _flags(form.name, can, refused=refused)
    # A quarter of the context is the prompt's.
    room = can.context * 3 // 4 if can.context and "schema" in flags else None
    return replace(form, flags=flags, room=room)


def may_probe(lm: LanguageModel) -> bool:
    """Whether there is anything to find out of a model: of no fake, and no stand-in."""
    return lm.endpoint != EMBEDDED and abilities_of(lm) is not None


def _chosen(can: Abilities, *, nested: bool, refused: bool) -> Form:
    """The form that works, as far as anybody knows what the endpoint can do."""
    # A later version may have kept a form that this one does not know.
    usual = "completion" if can.base else "chat"
    found = form_of(can.form if is_form(can.form) else usual)
    # Of llama.cpp it is known that it takes turns for any model, and enforces schemas.
    held = nested and can.grammar and can.schema and not refused
    if can.base and found.name == "completion" and not held:
        return form_of("completion")
    if can.schema and not refused:
        return form_of("json")
    obeys = {"schema": can.schema, "grammar": can.grammar}
    barred = any(found.has(n) and (refused or obeys[n] is False) for n in obeys)
    return form_of("chat") if barred or found.name in CHOSEN else found


def _flags(name: str, can: Abilities, *, refused: bool) -> tuple[str, ...]:
    """What hangs on the model that is asked."""
    obeys = name in ("json", "completion") and can.schema is True and not refused
    cloze = name == "cloze"
    ruled = name in ("completion", "cloze")
    grammar = ruled and can.grammar is True and not refused
    wanted = {
        "grammar": grammar,
        "schema": obeys,
        # A template is the whole of what is shown.
        "shown": not (obeys or grammar or cloze) and can.follows is not True,
        # A model that thinks in its text may think of the mark.
        "stop": not (obeys or can.thinks or can.stop is False or name == "json")
        or (grammar and can.stop is not False),
        "text": cloze and can.base is True,
    }
    return tuple(flag for flag in FLAGS if wanted[flag])


class Forms:
    """The forms of one run, by who asks whom for what.

    Safe in threads: what was settled first stands.
    """

    def __init__(self) -> None:
        self._settled: dict[Hashable, Form] = {}
        self._unhashable: list[LanguageModel] = []  # held, so that each keeps its id
        self._refused: dict[Hashable, str] = {}

    def of(self, asked: str, lm: LanguageModel, spec: Spec) -> Form:
        """The form of a signature's calls in this run."""
        key = self._key(asked, lm, spec)
        found = self._settled.get(key)
        if found is None:
            found = self._settled.setdefault(key, settled(asked, lm, spec))
        return found

    def fix(self, asked: str, lm: LanguageModel, spec: Spec, form: Form) -> None:
        """Settle on a form that was settled before."""
        self._settled[self._key(asked, lm, spec)] = form

    def why(self, asked: str, lm: LanguageModel, spec: Spec) -> tuple[str, ...]:
        """Why the form is not the first choice; nothing where it is."""
        if not self._refused:  # as a rule
            return ()
        why = self._refused.get(self._key(asked, lm, spec))
        return () if why is None else (f"asked in another form: {why}",)

    def refused(
        self, asked: str, lm: LanguageModel, spec: Spec, form: Form, why: str
    ) -> Form | None:
        """The next form after what was refused; None where the form is the user's own.

        Calls that were under way beside this one come here too, and get the same.
        """
        key = self._key(asked, lm, spec)
        called = form.name == "tools"
        enforced = form.has("schema") or form.has("grammar")
        chosen = not called or form_of(asked).name == AUTO
        if form_of(asked).flags is not None or not chosen or not (enforced or called):
            return None
        if self._settled.setdefault(key, form) == form:
            self._refused[key] = why
            following = settled(asked, lm, spec, refused=not called, in_text=called)
            self._settled[key] = following
        return self._settled[key]

    def _key(self, asked: str, lm: LanguageModel, spec: Spec) -> Hashable:
        try:
            hash(lm)
        except TypeError:  # a class of the user's with an __eq__ of its own
            if not any(held is lm for held in self._unhashable):
                self._unhashable.append(lm)
            return asked, id(lm), spec.hash
        return asked, cast("Hashable", lm), spec.hash
