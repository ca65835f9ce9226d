"""First instructions, other ones after a person's note, and ones by a technique."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar, cast, overload

from ..compilers.propose import knowledge
from ..modules.asking.predict import Predict
from ..modules.sampling.check import Check
from ..pipeline.errors import ConfigError
from ..pipeline.graph.module import Module
from ..pipeline.graph.program import Program
from ..pipeline.ground.options import checked
from ..pipeline.run.bridge import run_sync, waits_for
from ..pipeline.run.rows import map_rows
from ..pipeline.signature.building import Input, Output
from ..pipeline.signature.signature import Signature
from .asking import (
    Draft,
    Place,
    Writer,
    ask,
    asked_of,
    drafted,
    places,
    require_text,
    unnamed,
    writing,
)

_AT_ONCE = 8
V = TypeVar("V")
M = TypeVar("M", bound="Module[..., Any] | Program[..., Any]")


class WriteDraft(Signature):
    """Write the instruction by which a model does this task with these fields.

    Say what is given, what is wanted and how one leads to the other, also where
    something is missing or fits nothing. Name each input as it is written. Make up no
    facts that the task does not tell.
    """

    task: str = Input("the task, in the words of who has it")
    program: str = Input("the program that the module is part of, or nothing")
    fields: list[str] = Input("the fields of the module")
    now: str = Input("the instruction that is there now; it may say too little")
    must_name: list[str] = Input("the inputs that the instruction names")
    instruction: str = Output("the instruction to use", min_length=1)


class ReviseInstruction(Signature):
    """Change the instruction as the note of a person asks, and in nothing else."""

    now: str = Input("the instruction as it is")
    fields: list[str] = Input("the fields of the module")
    note: str = Input("what a person says of it")
    must_name: list[str] = Input("the inputs that the instruction names")
    instruction: str = Output("the instruction to use instead", min_length=1)


def names_its_inputs(inputs: Mapping[str, Any], made: Any) -> bool | str:
    """Each input is named in the instruction."""
    lost = unnamed(inputs["must_name"], made.instruction)
    said = f"The instruction does not name {', '.join(lost)}."
    return f"{said} Name each input as it is written." if lost else True


write_draft = Check(Predict(WriteDraft), [names_its_inputs], name="write_draft")
revise_instruction = Check(
    Predict(ReviseInstruction), [names_its_inputs], name="revise_instruction"
)


@overload
async def adraft(task: str, signature: M, *, lm: Writer = None) -> Draft[M]: ...
@overload
async def adraft(
    task: str, signature: str | type[Signature], *, lm: Writer = None
) -> Draft[Predict[..., Any]]: ...
@checked
async def adraft(task: str, signature: Any, *, lm: Writer = None) -> Draft[Any]:
    """As `draft`, without blocking the event loop."""
    told = require_text(task, "task", 'draft("Route messages to teams.", signature)')
    found = places(signature)

    async def one(_: int, place: Place) -> str:
        given = {**asked_of(place), "task": told}
        made = await ask(write_draft, place, lm, **given)
        return str(made.instruction).strip()

    pairs = await _of_each(one, found)
    return drafted(signature, pairs, by="draft", message=told)


@overload
def draft(task: str, signature: M, *, lm: Writer = None) -> Draft[M]: ...
@overload
def draft(
    task: str, signature: str | type[Signature], *, lm: Writer = None
) -> Draft[Predict[..., Any]]: ...
@checked
def draft(task: str, signature: Any, *, lm: Writer = None) -> Draft[Any]:
    r"""Have a model write the first instruction, from a task and a signature.

    After Anthropic's metaprompt (anthropic-cookbook, `misc/metaprompt.ipynb`), which
    compares the variables that a draft uses with those that it was told of. A draft
    that does not name an input is refused, and asked for once more with what is wrong.

    Args:
        task: What is to be done, in your own words.
        signature: A signature in any form that `Predict` takes, a module, or a program,
            each module of which gets an instruction.
        lm: Who writes; as `lms={"proposer": ...}` says by default.

    Returns:
        A draft with the new program. What was given stays as it is.

    Raises:
        ConfigError: The task is blank.
        CheckFailed: The second answer did not name an input either.

    >>> import weft
    >>> said = ["[[ instruction ]]\nRoute the `message` to a team."]
    >>> with weft.use(lm=weft.ScriptedLM(said), cache=None):
    ...     made = draft("Route customers' messages.", "message -> team")
    >>> made.program.instruction
    'Route the `message` to a team.'
    """
    return run_sync(adraft(task, signature, lm=lm))


@overload
async def arevise(
    program: M, note: str, *, module: str = "", lm: Writer = None
) -> Draft[M]: ...
@overload
async def arevise(
    program: str | type[Signature], note: str, *, module: str = "", lm: Writer = None
) -> Draft[Predict[..., Any]]: ...
@checked
async def arevise(
    program: Any, note: str, *, module: str = "", lm: Writer = None
) -> Draft[Any]:
    """As `revise`, without blocking the event loop."""
    told = require_text(note, "note", 'revise(program, "Say it shorter.")')
    found = places(program, module)

    async def one(_: int, place: Place) -> str:
        known = asked_of(place)
        # What was not named before need not be named now.
        lost = unnamed(known["must_name"], known["now"])
        named = [name for name in known["must_name"] if name not in lost]
        given = {"now": known["now"], "fields": known["fields"], "note": told}
        made = await ask(revise_instruction, place, lm, **given, must_name=named)
        return str(made.instruction).strip()

    pairs = await _of_each(one, found)
    return drafted(program, pairs, by="revise", message=told)


@overload
def revise(
    program: M, note: str, *, module: str = "", lm: Writer = None
) -> Draft[M]: ...
@overload
def revise(
    program: str | type[Signature], note: str, *, module: str = "", lm: Writer = None
) -> Draft[Predict[..., Any]]: ...
@checked
def revise(
    program: Any, note: str, *, module: str = "", lm: Writer = None
) -> Draft[Any]:
    """Have a model change an instruction as a person's note asks.

    The note is the draft's message, which `Draft.save` keeps in the artifact.

    Args:
        program: A program or a module.
        note: What is to be otherwise, such as "Not so formal."
        module: The path of one module; by default all are revised, each by itself.
        lm: Who writes; as `lms={"proposer": ...}` says by default.

    Raises:
        ConfigError: The note is blank, or there is no such module.
        CheckFailed: An input that was named is not named any more, twice.
    """
    return run_sync(arevise(program, note, module=module, lm=lm))


@overload
async def atechnique_from_text(
    document: str,
    program: M,
    *,
    source: str = "",
    module: str = "",
    tokens: int = knowledge.TOKENS,
    lm: Writer = None,
) -> Draft[M]: ...
@overload
async def atechnique_from_text(
    document: str,
    program: str | type[Signature],
    *,
    source: str = "",
    module: str = "",
    tokens: int = knowledge.TOKENS,
    lm: Writer = None,
) -> Draft[Predict[..., Any]]: ...
@checked
async def atechnique_from_text(
    document: str,
    program: Any,
    *,
    source: str = "",
    module: str = "",
    tokens: int = knowledge.TOKENS,
    lm: Writer = None,
) -> Draft[Any]:
    """As `technique_from_text`, without blocking the event loop."""
    found = places(program, module)
    knowledge.parts_of(document, tokens)  # an empty one is told before a call

    async def one(_: int, place: Place) -> str | None:
        with writing(place, lm):
            now = place.module.parameters.instruction
            return await knowledge.by_technique(now, document, tokens)

    known = await _of_each(one, found)
    pairs = {path: text for path, text in known.items() if text is not None}
    if not pairs:
        raise ConfigError(
            f"the writer found no technique in {source or 'the document'}",
            hint="Give the part of it that says how to ask",
        )
    said = f"by the technique of {source or 'a document'}"
    made = drafted(program, pairs, by="technique_from_text", message=said)
    return replace(made, source=source)


@overload
def technique_from_text(
    document: str,
    program: M,
    *,
    source: str = "",
    module: str = "",
    tokens: int = knowledge.TOKENS,
    lm: Writer = None,
) -> Draft[M]: ...
@overload
def technique_from_text(
    document: str,
    program: str | type[Signature],
    *,
    source: str = "",
    module: str = "",
    tokens: int = knowledge.TOKENS,
    lm: Writer = None,
) -> Draft[Predict[..., Any]]: ...
@checked
@waits_for(cast("Any", atechnique_from_text))
def technique_from_text() -> None:
    """Have a model write the instruction anew by the technique of a document.

    `weft.compilers.Technique(document=...)` enters such instructions in a race, where
    one that does not score is not used. This gives one to read.

    Args:
        document: The text of a paper or a page; it is read in parts.
        program: A program or a module.
        source: Where the text is from, such as "arXiv 2201.11903".
        module: The path of one module; by default all of them.
        tokens: How many tokens of the document one request shows, four characters each.
        lm: Who writes; as `lms={"proposer": ...}` says by default.

    Raises:
        ConfigError: The document is empty, there is no such module, or the document
            describes nothing that an instruction could do.
    """


async def _of_each(
    one: Callable[[int, Place], Awaitable[V]], found: Sequence[Place]
) -> dict[str, V]:
    """What is written for each place, by its path."""
    made = await map_rows(one, found, concurrency=_AT_ONCE)
    return {place.path: text for place, text in zip(found, made, strict=True)}
