"""What a compiler may change of a module: words, demos, form, model, and weights."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from .errors import ConfigError, did_you_mean
from .ground import strictjson
from .ground.frozen import fixed
from .ground.hints import AdvisedParts
from .ground.lazy import deferred
from .ground.options import check_options, explained
from .ground.plain import plain
from .ground.shapes import is_mapping
from .lm.form import is_form
from .lm.lm import SAMPLING, check_logprobs
from .lm.request import JSON
from .lm.soft.words import Soft
from .media.plain import described
from .signature.spec import Spec

if TYPE_CHECKING:
    from .lm.soft import lora as updates
    from .lm.soft.lora import Lora
else:
    updates = deferred(f"{__package__}.lm.soft", "lora")

_DEEPEST = strictjson.MAX_DEPTH - 40
"""Levels of a demo, below those of the artifact that it stands in."""
_LONGEST_NAME = 200
_SCALARS = frozenset({str, int, float, bool, type(None)})
SLOTS = (
    "instruction",
    "demos",
    "nearest",
    "adapter",
    "sampling",
    "model",
    "descriptions",
    "context",
    "glossary",
    "illustrations",
    "soft",
    "lora",
)
_HINTS: Mapping[str, str] = {
    "demos": 'Write weft.Demo({"question": "...", "answer": "..."}) for each',
    "model": 'Write model="openai/gpt-5-mini"; a weft.LM(...) goes into lm=',
    "descriptions": 'Write descriptions={"answer": "in one sentence"}',
    "context": 'Write context={"audience": "people who have never paid online"}',
    "glossary": 'Write glossary={"escalation": "a second team takes over"}',
    "illustrations": 'Write weft.Demo({"question": "...", "answer": "..."}) for each',
    "soft": "Let weft.compile(..., compiler=PromptTuning()) make them, or give None",
    "lora": "Let weft.compile(..., compiler=LoRA()) make them, or give None",
}
_REMEDY = "Write with_(sampling=...), or whichever it is: it gives a new one"
_FACTS = ("product", "audience", "channel", "purpose")


@explained('Write weft.Demo({"question": "...", "answer": "..."})')
@dataclass(frozen=True, eq=False)
class Demo(AdvisedParts):
    """A demonstration: one solved case that the model is shown.

    Args:
        values: Field values, held as plain JSON data; an output may be missing. A
            `weft.Image` and the like become digests, and the demo keeps their data.
        source: The id of the row it comes from.
        by: How it was made: "labelled" or "bootstrap".

    >>> Demo({"q": "1+1", "a": "2"}).id == Demo({"a": "2", "q": "1+1"}).id
    True
    """

    _advised_as = "demo"
    _read_by = "Read .values, a mapping, such as .values['answer']"
    values: Mapping[str, Any]
    source: str = ""
    by: str = "labelled"

    def __post_init__(self) -> None:
        rest = {n: v for n, v in self.values.items() if type(v) not in _SCALARS}
        if rest and (told := described(rest)) is not None:
            # The data of media is in memory for as long as something names it.
            object.__setattr__(self, "_held", told.media)
            rest = {n: told.values[n] for n in rest}
        if rest:  # what is no data is refused where the field is known
            rest = {n: plain(v, lambda same: same) for n, v in rest.items()}
            object.__setattr__(self, "values", {**self.values, **rest})

    @cached_property
    def id(self) -> str:
        """Sixteen hex digits of the SHA-256 of the values."""
        text = strictjson.canonical(dict(self.values))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    if not TYPE_CHECKING:
        # Hidden, so that checkers refuse it.

        def __getattr__(self, name: str) -> Any:
            if name in self.__dict__.get("values", ()):
                said = f"a demo has no attribute {name!r}. Read .values[{name!r}]"
                raise AttributeError(said)
            return super().__getattr__(name)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Demo):
            return NotImplemented
        return self.id == other.id and self.source == other.source

    def __hash__(self) -> int:
        return hash(self.id)


@explained('Write weft.Context(audience="...", glossary={"word": "..."})')
@dataclass(frozen=True, kw_only=True)
class Context:
    """What holds for all that a program is asked: whom it serves, and its own words.

    `program.with_context(...)` gives it to every module, in whose prompts it stands
    below the instruction, once. It is a parameter like the instruction: a compile may
    be told to leave it alone (`keep=`), or to try others.

    Args:
        product: What the answers are about or part of.
        audience: Who reads them.
        channel: Where they are read.
        purpose: What they are for.
        glossary: Words of the house, and what each of them means.

    Raises:
        ConfigError: Something in it is no text, or is blank.

    >>> Context(audience="nurses", glossary={"round": "a visit to each bed"}).slots()
    {'context': {'audience': 'nurses'}, 'glossary': {'round': 'a visit to each bed'}}
    """

    product: str = ""
    audience: str = ""
    channel: str = ""
    purpose: str = ""
    glossary: Mapping[str, str] = field(default_factory=lambda: {})

    def __post_init__(self) -> None:
        facts = {name: cast(object, getattr(self, name)) for name in _FACTS}
        _check("context", {n: said for n, said in facts.items() if said != ""}, "it")
        _check("glossary", self.glossary, "it")

    def slots(self) -> dict[str, dict[str, str]]:
        """The parameters that it is, by slot."""
        facts: dict[str, str] = {name: getattr(self, name) for name in _FACTS}
        held = {name: said for name, said in facts.items() if said}
        return {"context": held, "glossary": dict(self.glossary)}


@dataclass(frozen=True)
class Parameters:
    """The tunable side of one module; immutable.

    Args:
        instruction: What the model is told to do.
        demos: Solved cases, in the order they are shown.
        adapter: The form in which calls are written and read: "auto" for the one that
            works at the endpoint, or "chat", "json", "xml", "plain", "completion"; an
            edition may be named, as in "chat/1"; or a template, by `weft.cloze(...)`.
        sampling: Sampling options for this module, over those of the model.
        nearest: How many of the demos a call shows, those most like its inputs; 0 shows
            all of them, in their order.
        model: The name of the model that a compile chose for this module, or None where
            none did and the module's own `lm`, or the scope's, answers. It is a model
            string, or a name in `weft.use(lms=...)`; a key or an address has no place
            in it.
        descriptions: What the model is told of fields, by name, in place of what the
            signature says of them; of a choice that is described, `tool.search`.
        context: What holds in every case, such as for which `audience`; see `Context`.
        glossary: What words mean, by the word.
        illustrations: Solved cases about other things than those to come. They stand
            in the task's own text, and not among the turns as demos do, so that less
            is copied from them. They are texts: no images, sounds or turns.
        soft: Soft words, trained vectors that stand beside the instruction; None for
            none. A model that does not have them refuses the call before it is made.
        lora: Low-rank updates of the model's weights, through which calls are answered;
            None for none. A model that does not have them refuses likewise.
    """

    instruction: str
    demos: tuple[Demo, ...] = ()
    adapter: str = "auto"
    sampling: Mapping[str, JSON] = field(default_factory=lambda: {})
    nearest: int = 0
    model: str | None = None
    descriptions: Mapping[str, str] = field(default_factory=lambda: {})
    context: Mapping[str, str] = field(default_factory=lambda: {})
    glossary: Mapping[str, str] = field(default_factory=lambda: {})
    illustrations: tuple[Demo, ...] = ()
    soft: Soft | None = None
    lora: Lora | None = None

    def __post_init__(self) -> None:
        # Calls share what is made of them: a later change would reach some of these.
        for slot in ("demos", "illustrations"):
            object.__setattr__(self, slot, tuple(getattr(self, slot)))
        for slot in ("sampling", "descriptions", "context", "glossary"):
            object.__setattr__(self, slot, fixed(getattr(self, slot), _REMEDY))

    def slots(self) -> dict[str, Any]:
        """Values by slot name, in the order of `SLOTS`."""
        return {slot: getattr(self, slot) for slot in SLOTS}

    def with_slots(self, changes: Mapping[str, Any], who: str) -> Parameters:
        """New parameters with some slots changed.

        Raises:
            ConfigError: There is no such slot, or its value is of no use there.
        """
        for slot, value in changes.items():
            if slot not in SLOTS:
                raise ConfigError(
                    f"{who!r} has no parameter {slot!r}", hint=did_you_mean(slot, SLOTS)
                )
            _check(slot, value, who)
        return replace(self, **changes)


def _check(slot: str, value: Any, who: str) -> None:
    wanted = {
        "instruction": "a text without lone surrogates",
        "demos": "a list of weft.Demo",
        "nearest": "a number of demos, or 0 for all of them",
        "adapter": "'auto', a form such as 'chat' or 'json', or weft.cloze(...)",
        "sampling": "a mapping of option to value",
        "model": "the name of a model, which is no address, or None",
        "descriptions": "a mapping of field to text",
        "context": "a mapping of names to texts that are not blank",
        "glossary": "a mapping of words to texts that are not blank",
        "illustrations": "a list of weft.Demo",
        "soft": "weft.Soft words, or None",
        "lora": "weft.Lora updates, or None",
    }[slot]
    good = {
        "instruction": lambda: isinstance(value, str) and strictjson.is_text(value),
        "demos": lambda: _are_demos(value),
        "nearest": lambda: type(value) is int and value >= 0,
        "adapter": lambda: is_form(value),
        "sampling": lambda: isinstance(value, Mapping),
        "model": lambda: value is None or _is_name(value),
        "descriptions": lambda: _are_texts(value),
        "context": lambda: _are_said(value),
        "glossary": lambda: _are_said(value),
        "illustrations": lambda: _are_demos(value),
        "soft": lambda: value is None or isinstance(value, Soft),
        "lora": lambda: value is None or isinstance(value, updates.Lora),
    }[slot]()
    if not good:
        raise ConfigError(
            f"{who!r}: {slot} must be {wanted}, not {value!r}",
            hint=_HINTS.get(slot, ""),
        )
    if slot == "sampling":
        _check_sampling(value, who)
        check_logprobs(value.get("logprobs", 0))


def _is_name(value: Any) -> bool:
    """Whether it is a text that an artifact may hold as a name."""
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_NAME:
        return False
    # An address is no name: an artifact, which holds it, sets no endpoint.
    return value.isprintable() and strictjson.is_text(value) and "://" not in value


def _are_demos(value: Any) -> bool:
    several = isinstance(value, list | tuple)
    return several and all(isinstance(d, Demo) for d in cast("list[Any]", value))


def _are_said(value: Any) -> bool:
    """Whether it is texts by name, none of them blank."""
    return _are_texts(value) and all(
        text.strip() for pair in value.items() for text in pair
    )


def _are_texts(value: Any) -> bool:
    if not is_mapping(value):
        return False
    texts = [text for pair in value.items() for text in pair]
    return all(isinstance(text, str) and strictjson.is_text(text) for text in texts)


def _check_sampling(value: Mapping[str, Any], who: str) -> None:
    check_options(value, SAMPLING, who)
    try:
        strictjson.dumps(dict(value))
    except (TypeError, ValueError, RecursionError):
        raise ConfigError(
            f"{who!r}: sampling holds a value that JSON cannot carry: {value!r}",
            hint="Use finite numbers, texts, lists and dicts with text keys",
        ) from None
    most = value.get("max_tokens", 1)
    if not isinstance(most, int) or isinstance(most, bool) or most < 1:
        raise ConfigError(
            f"{who!r}: max_tokens={most!r} is no positive whole number",
            hint="Give a number of tokens, such as 4096",
        )


def size_of(demo: Demo) -> int:
    """Characters that a demo takes in an artifact.

    Raises:
        ValueError: No artifact can hold it: it is nested too deeply, or holds a number
            of too many digits.
    """
    return len(strictjson.keepable(dict(demo.values), _DEEPEST))


def check_demos(
    demos: Sequence[Demo], spec: Spec, who: str, what: str = "demo"
) -> None:
    """Refuse demos of another signature.

    Raises:
        ConfigError: A demo has a field that the signature lacks, a value of another
            type, or one that no artifact can hold; a missing field is no error.
    """
    known = {field.name: field for field in spec.fields}
    for number, demo in enumerate(demos):
        for name, value in demo.values.items():
            if name not in known:
                raise ConfigError(
                    f"{who!r}: {what} {number} has {name!r}, which is no field",
                    hint=did_you_mean(name, known),
                )
            try:
                known[name].load(value)
            except (TypeError, ValueError) as error:
                raise ConfigError(
                    f"{who!r}: {what} {number} has a wrong {name!r}: {error}",
                    hint=f"Give {known[name].wanted}",
                ) from None
        try:
            size_of(demo)
        except ValueError as error:
            raise ConfigError(
                f"{who!r}: no artifact can hold {what} {number}: {error}",
                hint="Leave it out",
            ) from None


def check_illustrations(demos: Sequence[Demo], spec: Spec, who: str) -> None:
    """Refuse illustrations of another signature, and those that are more than text.

    Raises:
        ConfigError: As for `check_demos`, or a value is media or turns.
    """
    check_demos(demos, spec, who, "illustration")
    names = {field.name for field in spec.media}
    for number, demo in enumerate(demos):
        for name in names & {*demo.values}:
            raise ConfigError(
                f"{who!r}: illustration {number} has {name!r}, which is no text",
                hint="Show it as a demo: with_(demos=[...])",
            )


def check_descriptions(
    descriptions: Mapping[str, str], fields: Iterable[str], who: str
) -> None:
    """Refuse descriptions of what a module has not.

    Raises:
        ConfigError: A name is no field, and no choice of one.
    """
    for name in descriptions:
        if name not in fields:
            raise ConfigError(
                f"{who!r}: descriptions name {name!r}, which is no field",
                hint=did_you_mean(name, fields),
            )


def with_media_read(parameters: Parameters, spec: Spec) -> Parameters:
    """The same, with the URLs in the demos of media read as the values they are."""
    demos = tuple(_media_read(demo, spec) for demo in parameters.demos)
    return replace(parameters, demos=demos)


def _media_read(demo: Demo, spec: Spec) -> Demo:
    media = {
        f: f.load(demo.values[f.name]) for f in spec.media if f.name in demo.values
    }
    read = {f.name: f.dump(value) for f, value in media.items()}
    if all(demo.values[name] == data for name, data in read.items()):
        return demo
    return replace(demo, values={**demo.values, **read})
