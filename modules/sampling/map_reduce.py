"""MapReduce: a long text in chunks, a note on each, and an answer from the notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, cast, final, get_origin

from ...pipeline.errors import CallError, ConfigError, did_you_mean
from ...pipeline.graph.module import Call, Module, P, Part, R_co
from ...pipeline.ground import strictjson
from ...pipeline.ground.options import checked, require_whole
from ...pipeline.ground.words import counted
from ...pipeline.lm.request import JSON
from ...pipeline.signature.field import FieldSpec
from ...pipeline.signature.forms import make_signature
from ...pipeline.signature.signature import class_of, make_value, spec_of
from ...pipeline.signature.spec import Spec
from ...pipeline.signature.types import fits, plain_type, type_name
from ..asking.predict import Predict
from .chunks import By, chunks_of
from .contract import asking_the_same
from .repeats import asked_once

_MERGE: Final = (
    "Merge the notes into one. Keep all that may matter, and add nothing to it."
)
_SIZES: Final[dict[str, int]] = {"characters": 8_000, "sentences": 8_000, "items": 20}
_MOST: Final = 10_000
_LONGEST: Final = 100_000_000
_WORDS: Final = 'weft.MapReduce(weft.Predict("question, text -> note"), weft.Predict('
_EXAMPLE: Final = f'Write {_WORDS}"question, notes: list[str] -> answer"))'


@final
class MapReduce(Module[P, R_co]):
    r"""Take a note of each chunk of a long input, and answer from the notes.

    MapReduce (Dean and Ghemawat 2004) over a text, as in the recursive summaries of Wu
    et al. 2021, arXiv 2109.10862. The input `over` is cut; the part `map` sees one
    chunk in its place, and its one output is the note. The part `reduce` gets the list
    of notes as its input `into`, in the order of the chunks. Where they are longer than
    `room`, the part `merge` makes one note of each few first, as often as it takes. All
    three can be tuned. The chunks are asked side by side, and equal ones once.

    How many calls there are is known before the first: a text that makes more than
    `most` chunks is refused. Each chunk makes a call, and merging fewer than that.
    A chunk whose reply cannot be used fails the whole, so that nothing is left out
    silently. An empty input has no chunk, and `reduce` sees no note.
    `weft.info(result).facts` has how many `chunks` and `merges` there were.

    Args:
        map: Asked of each chunk; it has one output beside what its kind adds.
        reduce: Asked of the notes; the inputs that both have are given to both.
        over: The input that is cut, a text or a list; by default the one that only
            `map` has.
        into: The input of `reduce` for the notes; by default the one that only it has.
        by: Where it is cut: "sentences", "characters", or "items" of a list.
        size: How long a chunk is at the most, in characters or items; 8,000 characters
            or 20 items by default.
        overlap: How much of the one before it a chunk repeats, in the same units.
        room: How many characters of notes, as JSON, one call may be shown.
        most: How many chunks there may be.
        name: Its name; that of `reduce` by default.

    Raises:
        ConfigError: The two do not fit together, or a number makes no sense.

    >>> import weft
    >>> read = weft.MapReduce(
    ...     weft.Predict("question, text -> note"),
    ...     weft.Predict("question, notes: list[str] -> answer"),
    ...     size=24,
    ... )
    >>> said = ["[[ note ]]\nnone", "[[ note ]]\nin 1871", "[[ answer ]]\n1871"]
    >>> text = "The sea is cold. It was built in 1871."
    >>> with weft.use(lm=weft.ScriptedLM(said), cache=None):
    ...     made = read(question="When was it built?", text=text)
    >>> made.answer, weft.info(made).facts["chunks"]
    ('1871', 2)
    """

    kind = "MapReduce"

    @checked
    def __init__(
        self,
        map: Module[P, Any],  # noqa: A002 - the word of the method
        reduce: Module[..., R_co],
        *,
        over: str | None = None,
        into: str | None = None,
        by: By | None = None,
        size: int | None = None,
        overlap: int = 0,
        room: int = 24_000,
        most: int = 32,
        name: str | None = None,
    ) -> None:
        for role, part in (("map", map), ("reduce", reduce)):
            if not isinstance(cast(object, part), Module):
                raise ConfigError(
                    f"MapReduce: {role}={part!r} is no module, and what reads chunks "
                    "and notes has to be one",
                    hint=_EXAMPLE,
                )
        self._over = _only(over, map, reduce, "over")
        self._into = _only(into, reduce, map, "into")
        self._map, self._reduce = map, reduce
        self._note = _note_of(map)
        self._check_types()
        self._cut(by, size, overlap)
        require_whole("MapReduce: room", room, 1, _LONGEST)
        require_whole("MapReduce: most", most, 1, _MOST)
        self._room, self._most = room, most
        self._begin(name)
        shared = [f for n, f in self._notes.items() if n in map.inputs.inputs]
        seen = (*shared, self._notes[self._into])
        if any(field.name == "merged" for field in seen):
            raise ConfigError(
                "MapReduce: the input 'merged' has a name of its own parts",
                hint="Give the input another name",
            )
        merged = replace(self._note, name="merged", description="")
        merge = make_signature((*seen, merged), _MERGE, name="Merge")
        merger: Predict[..., Any] = Predict(
            merge, name="merge", adapter=reduce.parameters.adapter
        )
        self._merge = asking_the_same(reduce, merger)

    @property
    def _notes(self) -> dict[str, FieldSpec]:
        """What `reduce` is given, by name."""
        return self._reduce.inputs.inputs

    def _begin(self, name: str | None) -> None:
        """Begin as what takes what `map` does, and gives what `reduce` does."""
        reduce, inputs = self._reduce, self._map.inputs.inputs
        rest = [f for n, f in self._notes.items() if n not in {*inputs, self._into}]
        own, asked = spec_of(reduce.signature), reduce.spec
        fields = (*inputs.values(), *rest)
        taken = {field.name for field in fields} & {*asked.outputs}
        if taken:
            raise ConfigError(
                f"MapReduce: {min(taken)!r} is an input of map and an output of reduce",
                hint="Give one of them another name",
            )

        def with_outputs(spec: Spec) -> Any:
            made = Spec(own.name, own.instruction, (*fields, *spec.outputs.values()))
            return class_of(made, reduce.signature)

        options: dict[str, Any] = {"name": reduce.name if name is None else name}
        Module.__init__(cast(Any, self), with_outputs(own), **options)
        self._asked, self._single = with_outputs(asked), reduce.single
        self._forget()

    def _check_types(self) -> None:
        """Refuse parts whose fields do not fit together."""
        held, notes = self._map.inputs.inputs, self._notes
        for name in (n for n in notes if n in held):
            if held[name].schema != notes[name].schema:
                raise ConfigError(
                    f"MapReduce: {name!r} is {held[name].wanted} of map, and "
                    f"{notes[name].wanted} of reduce",
                    hint="Give both the same type",
                )
        wanted = notes[self._into]
        kind: Any = self._note.annotation
        if not fits(list[kind], wanted.annotation):
            raise ConfigError(
                f"MapReduce: reduce takes {self._into}: "
                f"{type_name(wanted.annotation)}, and the notes of map are "
                f"list[{type_name(kind)}]",
                hint=f"Write {self._into}: list[{type_name(kind)}]",
            )

    def _cut(self, by: str | None, size: int | None, overlap: int) -> None:
        """Settle how the long input is cut."""
        kind = plain_type(self._map.inputs.inputs[self._over].annotation)
        is_list = (get_origin(kind) or kind) is list
        if kind is not str and not is_list:
            raise ConfigError(
                f"MapReduce: {self._over!r} is {type_name(kind)}, and cannot be cut",
                hint=f"Write {self._over}: str, or a list",
            )
        known = ("items",) if is_list else ("sentences", "characters")
        self._by: By = cast(By, by or known[0])
        if self._by not in known:
            raise ConfigError(
                f"MapReduce: {self._over!r} is {type_name(kind)}: by={by!r} cuts none",
                hint=f"Give {' or '.join(map(repr, known))}",
            )
        self._size = _SIZES[self._by] if size is None else size
        require_whole("MapReduce: size", self._size, 1, _LONGEST)
        require_whole("MapReduce: overlap", overlap, 0, self._size - 1)
        self._overlap = overlap

    def parts(self) -> Mapping[str, Part]:
        """What is asked of each chunk, of too many notes, and of the notes."""
        return {"map": self._map, "merge": self._merge, "reduce": self._reduce}

    def settings(self) -> Mapping[str, JSON]:
        """What is cut and how, where the notes go, and how many there may be."""
        cut: dict[str, JSON] = {"over": self._over, "into": self._into, "by": self._by}
        sizes: dict[str, JSON] = {"size": self._size, "overlap": self._overlap}
        return {**cut, **sizes, "room": self._room, "most": self._most}

    def times(self) -> Mapping[str, int]:
        """A call for each chunk that there may be; merging takes fewer."""
        return {"map": self._most, "merge": self._most - 1}

    def times_on(self, inputs: Mapping[str, Any]) -> Mapping[str, int]:
        """A call for each chunk of a known input."""
        value = inputs.get(self._over)
        if not isinstance(value, list if self._by == "items" else str):
            return self.times()
        chunks = self._chunks(value)
        number = self._most if chunks is None else len(chunks)
        return {"map": number, "merge": max(0, number - 1)}

    async def body(self, call: Call, inputs: Mapping[str, Any]) -> Any:
        """Take a note of each chunk, merge them while they are too long, and answer."""
        chunks = self._chunks(inputs[self._over])
        if chunks is None:
            raise CallError(
                f"{self.name!r}: {self._over!r} makes more than "
                f"{counted(self._most, 'chunk')} of {self._size} {self._units}",
                hint="Give a larger size=, or a larger most= and a budget for it",
            )
        call.report(chunks=len(chunks), merges=0)
        given = {name: inputs[name] for name in self._map.inputs.inputs}

        async def one(_: int, chunk: Any) -> Any:
            made = await call(self._map, {**given, self._over: chunk})
            return self._noted(self._map, made, self._note.name)

        field = self._map.inputs.inputs[self._over]
        keys = [repr(field.dump(chunk)) for chunk in chunks]
        notes = await asked_once(one, chunks, keys)
        shared = {n: inputs[n] for n in self._notes if n != self._into}
        notes = await self._merged(call, shared, notes)
        made = await call(self._reduce, {**shared, self._into: notes})
        if self.single is not None:
            return made
        outputs = {name: getattr(made, name) for name in self.spec.outputs}
        # The notes too, as a result of `reduce` has them.
        return make_value(self._asked, {**inputs, **outputs, self._into: notes})

    @property
    def _units(self) -> str:
        return "items" if self._by == "items" else "characters"

    def _chunks(self, value: Any) -> list[Any] | None:
        """The chunks of an input, or None where there are more than there may be."""
        if len(value) > self._most * self._size:
            return None  # and nothing so long is cut to be counted
        chunks = chunks_of(value, self._by, self._size, self._overlap)
        return chunks if len(chunks) <= self._most else None

    async def _merged(
        self, call: Call, shared: Mapping[str, Any], notes: list[Any]
    ) -> list[Any]:
        """The notes, merged level by level until there is room for them."""
        merges, known = 0, dict[Any, Any]()
        seen = {n: shared[n] for n in self._merge.inputs.inputs if n in shared}

        async def one(_: int, group: list[Any]) -> Any:
            if len(group) == 1:
                return group[0]
            made = await call(self._merge, {**seen, self._into: group})
            return made.merged

        while len(notes) > 1 and sum(map(self._length, notes)) > self._room:
            groups = self._groups(notes)
            merges += sum(len(group) > 1 for group in groups)
            keys = [repr([*map(self._note.dump, group)]) for group in groups]
            notes = await asked_once(one, groups, keys, known)
            call.report(merges=merges)
        return notes

    def _groups(self, notes: Sequence[Any]) -> list[list[Any]]:
        """Neighbours that there is room for together, two of them at least."""
        groups, used = [[notes[0]]], self._length(notes[0])
        for note in notes[1:]:
            length = self._length(note)
            if len(groups[-1]) < 2 or used + length <= self._room:
                groups[-1].append(note)
                used += length
            else:
                groups.append([note])
                used = length
        return groups

    def _length(self, note: Any) -> int:
        return len(strictjson.dumps(self._note.dump(note)))

    @staticmethod
    def _noted(module: Module[..., Any], made: Any, name: str) -> Any:
        return made if module.single is not None else getattr(made, name)


def _only(
    given: str | None, module: Module[..., Any], other: Module[..., Any], word: str
) -> str:
    """The input that only one of two modules has, or the one that is named.

    Raises:
        ConfigError: There is none, or more than one.
    """
    mine, theirs = module.inputs.inputs, other.inputs.inputs
    own = [name for name in mine if name not in theirs]
    role = "map" if word == "over" else "reduce"
    if given is not None and given not in mine:
        raise ConfigError(
            f"MapReduce: {word}={given!r} is no input of {role}",
            hint=did_you_mean(str(given), mine),
        )
    if given is not None and given not in own:
        raise ConfigError(
            f"MapReduce: {word}={given!r} is an input of map and of reduce",
            hint="Let only one of them have it",
        )
    if given is None and len(own) != 1:
        raise ConfigError(
            f"MapReduce: {role} alone has the inputs {', '.join(own) or '(none)'}, "
            f"and {word} is one of them",
            hint=f"Say which: {word}={own[0]!r}" if own else _EXAMPLE,
        )
    return own[0] if given is None else given


def _note_of(module: Module[..., Any]) -> FieldSpec:
    """The one output of `map`.

    Raises:
        ConfigError: There are more.
    """
    outputs = spec_of(module.signature).outputs
    if len(outputs) != 1:
        raise ConfigError(
            f"MapReduce: map gives {', '.join(outputs)}, and a note is one value",
            hint="Make them one output; a pydantic model holds several",
        )
    return next(iter(outputs.values()))
