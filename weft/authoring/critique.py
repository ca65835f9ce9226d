"""A prompt read before it is used: what is unclear in it, and what a stranger lacks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..modules.asking.predict import Predict
from ..pipeline.data.example import Example
from ..pipeline.errors import ConfigError
from ..pipeline.ground.options import checked
from ..pipeline.ground.plain import plain
from ..pipeline.ground.words import counted
from ..pipeline.run.bridge import waits_for
from ..pipeline.run.rows import map_rows, require_count, rows_of
from ..pipeline.signature.building import Input, Output
from ..pipeline.signature.signature import Signature
from .asking import Place, Writer, ask, places, prompt_text

_AT_ONCE = 8


class FindUnclear(Signature):
    """Do not do the task of this prompt. Say what in it is unclear, and ask.

    Unclear is what two careful readers would do differently, what is not said, and what
    contradicts itself.
    """

    prompt: str = Input("the prompt as a model gets it; {name} is an input")
    unclear: list[dict[str, str]] = Output(
        'for each: "span", words of the prompt exactly as they stand there, and '
        '"question", what has to be known; nothing where all is clear'
    )


class ReadCold(Signature):
    """You know nothing but this prompt. Do not do its task: say what you lack for it.

    A capable person who was never told of the matter has these inputs before them. List
    what they would have to be told to get each of them right.
    """

    prompt: str = Input("all that there is to read; {name} is an input")
    inputs: list[dict[str, Any]] = Input("some inputs that have to be dealt with")
    missing: list[str] = Output("the missing facts, a few words each; may be empty")


find_unclear = Predict(FindUnclear, name="find_unclear")
read_cold = Predict(ReadCold, name="read_cold")


@dataclass(frozen=True)
class Unclear:
    """Words of a prompt that are unclear.

    Args:
        path: The module whose prompt it is.
        span: The words, as they stand in the prompt.
        question: What has to be known.
    """

    path: str
    span: str
    question: str

    def __str__(self) -> str:
        return f"{self.path}: {self.span!r}: {self.question}"


@dataclass(frozen=True)
class Critique:
    """What was found in the prompts of a program.

    Args:
        unclear: In the order of the modules, each with words that are in its prompt.
        missing: What a reader lacks who has the prompt alone, by module path.
        misquoted: How many remarks were dropped, whose words are in no prompt.
    """

    unclear: tuple[Unclear, ...] = ()
    missing: Mapping[str, tuple[str, ...]] | None = None
    misquoted: int = 0

    def __bool__(self) -> bool:
        """Whether anything was found."""
        return bool(self.unclear) or any((self.missing or {}).values())

    def __str__(self) -> str:
        lines = [str(one) for one in self.unclear]
        for path, facts in (self.missing or {}).items():
            lines += [f"{path}: a reader lacks {fact}" for fact in facts]
        if self.misquoted:
            dropped = counted(self.misquoted, "remark")
            lines.append(f"{dropped} left out: the words are in no prompt")
        return "\n".join(lines) or "nothing is unclear"


@checked
async def acritique(program: Any, *, module: str = "", lm: Writer = None) -> Critique:
    """As `critique`, without blocking the event loop."""
    found = places(program, module)
    texts = [prompt_text(place) for place in found]

    async def one(at: int, place: Place) -> list[dict[str, str]]:
        made = await ask(find_unclear, place, lm, prompt=texts[at])
        return list(made.unclear)

    said = await map_rows(one, found, concurrency=_AT_ONCE)
    unclear: list[Unclear] = []
    dropped = 0
    for place, text, remarks in zip(found, texts, said, strict=True):
        for remark in remarks:
            span, question = (remark.get(n, "").strip() for n in ("span", "question"))
            if span and span in text and question:
                unclear.append(Unclear(place.path, span, question))
            else:
                dropped += 1
    return Critique(tuple(dict.fromkeys(unclear)), misquoted=dropped)


@checked
@waits_for(acritique)
def critique() -> None:
    """Ask a model what is unclear in a program's prompts; the task itself is not run.

    It takes one call for each module. An answer to a question belongs into the
    instruction (`weft.revise`) or the glossary (`program.with_context`).

    Args:
        program: A program or a module.
        module: The path of one module; by default all of them.
        lm: Who reads; as `lms={"proposer": ...}` says by default.

    Raises:
        ConfigError: There is no such module.
    """


@checked
async def acold_read(
    program: Any,
    rows: Iterable[Any],
    *,
    k: int = 5,
    lm: Writer = None,
) -> Critique:
    """As `cold_read`, without blocking the event loop."""
    require_count(k, "k")
    found = places(program)
    read: Sequence[Example] = rows_of(found[0].program.inputs, rows)
    if not read:
        raise ConfigError(
            "a cold read needs inputs, and there are no rows",
            hint="Give a few, such as rows[:5]",
        )
    inputs: list[Any] = [plain(dict(row.inputs), repr) for row in read[:k]]

    async def one(_: int, place: Place) -> tuple[str, ...]:
        text = prompt_text(place)
        made = await ask(read_cold, place, lm, prompt=text, inputs=inputs)
        return tuple(filter(None, map(str.strip, made.missing)))

    said = await map_rows(one, found, concurrency=_AT_ONCE)
    return Critique(
        missing={p.path: facts for p, facts in zip(found, said, strict=True)}
    )


@checked
@waits_for(acold_read)
def cold_read() -> None:
    """Ask a model that sees the prompt and a few inputs alone what it lacks.

    The test that a prompt could be handed to a capable stranger. Labels are never
    shown, and the task is not run: it takes one call for each module. Of a program of
    several modules each is read with the inputs of the whole program.

    Args:
        program: A program or a module.
        rows: Rows in any form that `weft.evaluate` takes.
        k: How many inputs are shown.
        lm: Who reads; by default as `lms={"proposer": ...}` says. A model that wrote
            the prompt knows what it meant: give another one.

    Raises:
        ConfigError: `k` is no number of inputs, or there are no rows.
        DataError: A row does not fit.
    """
