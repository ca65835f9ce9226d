"""An interview before the first instruction: the signature asks, then a model does."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, cast, get_args

from ..modules.asking.predict import Predict
from ..modules.sampling.check import Check
from ..pipeline.errors import BudgetExceeded, ConfigError, ModelError
from ..pipeline.ground.options import checked
from ..pipeline.run.bridge import in_thread, run_sync
from ..pipeline.run.rows import require_count
from ..pipeline.run.settings import current
from ..pipeline.signature.building import Input, Output
from ..pipeline.signature.field import FieldSpec
from ..pipeline.signature.signature import Signature
from ..pipeline.signature.spec import Spec
from .answers import ELSEWHERE, Answers, answers_in
from .asking import Draft, Place, Writer, ask, asked_of, drafted, places, writing
from .draft import names_its_inputs

_FAILURES = (ModelError, BudgetExceeded)

Answerer = Callable[[str], str | None]
"""Takes a question, gives the answer: blank where nobody knows, None to end it."""
AwaitedAnswerer = Callable[[str], Awaitable[str | None]]
"""The same, awaited."""
Asker = Literal["signature", "model"]


class AskNext(Signature):
    """Ask the one question whose answer would change the instruction most.

    Ask nothing that was answered or that the fields tell. Where nothing is open any
    more, write no question.
    """

    task: str = Input("the task, in the words of who has it; may be empty")
    fields: list[str] = Input("the fields of the module")
    answers: list[dict[str, str]] = Input("what was asked so far, and the answers")
    question: str = Output("one question in plain words, or nothing")


class WriteFromBrief(Signature):
    """Write the instruction by which a model does this task as the brief says.

    Each answer of the brief stands in the instruction in its own words.
    """

    fields: list[str] = Input("the fields of the module")
    now: str = Input("the instruction that is there now; it may say too little")
    brief: str = Input("questions that were asked, and the answers to them")
    must_name: list[str] = Input("the inputs that the instruction names")
    instruction: str = Output("the instruction to use", min_length=1)


ask_next = Predict(AskNext, name="ask_next")
write_from_brief = Check(
    Predict(WriteFromBrief), [names_its_inputs], name="write_from_brief"
)


@dataclass(frozen=True)
class Answered:
    """A question that was asked.

    Args:
        question: The question.
        answer: What was answered; empty where it stayed open.
        by: Who asked: the signature, or a model.
    """

    question: str
    answer: str
    by: Asker


@dataclass(frozen=True)
class Interview:
    """What an interview came to.

    Args:
        asked: The questions in their order, with the answers.
        draft: The instruction that holds each answer, in its program.
        failed: What the model failed at, or empty. Where it asked nothing usable, the
            asking ended; where it wrote nothing usable, the answers stand below the
            instruction as it was: what a person said is never lost.
    """

    asked: tuple[Answered, ...]
    draft: Draft[Any]
    failed: str = ""

    @property
    def brief(self) -> str:
        """Questions and answers, one pair below the other."""
        held = (one for one in self.asked if one.answer)
        return "\n".join(f"{one.question}\n  {one.answer}" for one in held)

    @property
    def open(self) -> tuple[str, ...]:
        """The questions that nobody answered."""
        return tuple(one.question for one in self.asked if not one.answer)

    @property
    def instruction(self) -> str:
        """The instruction."""
        return next(iter(self.draft.instructions.values()))

    def __str__(self) -> str:
        lines = [self.brief, str(self.draft)]
        if self.open:
            lines.append("\n".join(["open:", *(f"  {text}" for text in self.open)]))
        if self.failed:
            lines.append(f"the model failed: {self.failed}")
        return "\n\n".join(filter(None, lines))


def questions_of(spec: Spec) -> list[str]:
    """What a signature leaves open by its types alone, field by field.

    What comes in may be of another kind than its type says; a choice may fit nothing;
    a text has no length yet.

    >>> from ..pipeline.signature.forms import make_signature
    >>> from ..pipeline.signature.signature import spec_of
    >>> text = "rows: list[str] -> chart: Literal['bar', 'line']"
    >>> for question in questions_of(spec_of(make_signature(text))):
    ...     print(question)
    What is to be done where `rows` is empty, or is no list of text?
    Which `chart` is it where none of bar, line fits, or two do?
    """
    return [*_questions(spec)]


def _questions(spec: Spec) -> Iterator[str]:
    for field in spec.inputs.values():
        if not (field.plain and not field.choices):
            kind = _kind(field)
            yield f"What is to be done where `{field.name}` is empty, or is no {kind}?"
    for field in spec.outputs.values():
        if field.choices:
            named = ", ".join(map(str, field.choices))
            yield f"Which `{field.name}` is it where none of {named} fits, or two do?"
        elif field.plain:
            yield f"How long is `{field.name}` at the most, and in what form?"
        else:
            yield f"What is `{field.name}` where the inputs do not tell?"


def _kind(field: FieldSpec) -> str:
    """A type in a person's words: how it is written is no business of theirs."""
    return field.wanted.removeprefix("a ").replace("JSON ", "") or "such value"


@checked
async def ainterview(
    signature: Any,
    answer: Answerer | AwaitedAnswerer,
    *,
    task: str = "",
    most: int = 8,
    lm: Writer = None,
    out: str | Path | None = None,
) -> Interview:
    """As `interview`, without blocking the event loop.

    A person is waited for in a thread, or on this loop where `answer` is asynchronous.
    """
    loop = asyncio.get_running_loop()

    def answered(question: str) -> str | None:
        said = answer(question)
        if not inspect.isawaitable(said):
            return said
        return asyncio.run_coroutine_threadsafe(_awaited(said), loop).result()

    return await in_thread(
        partial(interview, signature, answered, task=task, most=most, lm=lm, out=out)
    )


async def _awaited(said: Awaitable[str | None]) -> str | None:
    return await said


@checked
def interview(
    signature: Any,
    answer: Answerer,
    *,
    task: str = "",
    most: int = 8,
    lm: Writer = None,
    out: str | Path | None = None,
) -> Interview:
    """Ask a person about a task, and have the instruction written from the answers.

    Li et al. 2023 (GATE), arXiv 2310.11589, found that answers to a model's questions
    tell it more than the prompts that people write by themselves, at less effort. The
    signature asks first, of what its types leave open; then a model asks one question
    after another, until it has none, or `most` were asked, or the person has enough. An
    answer that the written instruction does not hold word for word is added to it.

    Args:
        signature: A signature in any form that `Predict` takes, or a module.
        answer: Takes a question and gives the answer, such as `input`; blank where the
            person does not know, None where it is enough.
        task: The task in a few words, where it is known.
        most: How many questions are asked at the most.
        lm: Who asks and writes; as `lms={"proposer": ...}` says by default.
        out: A JSONL file that keeps each answer before the next question is asked. What
            is answered in it is not asked again. Without it an interrupt loses what was
            typed.

    Raises:
        ConfigError: It is a program of several modules, or nothing was answered; or
            `out` cannot be written, is written by another call now, or holds answers
            for another task or signature.
    """
    require_count(most, "most")
    found = places(signature)
    if len(found) > 1:
        raise ConfigError(
            f"an interview is about one module, and {found[0].program.name!r} has "
            f"{len(found)}",
            hint=f"Give one: program.modules[{found[0].path!r}]",
        )
    (place,) = found
    with writing(place, lm):
        current().model_of(place.path, ask_next)  # no answer is asked for in vain
    with answers_in(out, _is_answer) as kept:
        asked, failed = _asked(place, answer, task, most, lm, kept)
    if not any(one.answer for one in asked):
        raise ConfigError(
            "no question was answered, so there is nothing to write from",
            hint='Answer one, or write weft.draft("the task", signature)',
        )
    held = Interview(tuple(asked), drafted(signature, {}, by="interview", message=task))
    try:
        text = run_sync(_written(place, held.brief, lm))
    except _FAILURES as error:
        failed, text = str(error), place.module.parameters.instruction
    lost = [one for one in asked if one.answer and one.answer not in text]
    text = "\n".join([text, *(f"{one.question} {one.answer}" for one in lost)])
    known = {"by": "interview", "message": held.brief}
    made = drafted(signature, {place.path: text}, **known)
    return Interview(held.asked, made, failed)


def _asked(
    place: Place, answer: Answerer, task: str, most: int, lm: Writer, kept: Answers
) -> tuple[list[Answered], str]:
    """Questions with their answers, and what the asking failed at.

    A person is waited for between calls, and not in one.
    """
    spec = place.module.spec
    own_fields = place.module.own_fields(spec.fields)
    own = questions_of(Spec(spec.name, "", own_fields))
    asked = _known(kept, own, task)[:most]
    while len(asked) < most:
        fixed = len(asked) < len(own)
        try:
            more = "" if fixed else run_sync(_next(place, task, asked, lm))
        except _FAILURES as error:
            return asked, str(error)
        question = own[len(asked)] if fixed else more
        if not question or any(question == one.question for one in asked):
            break
        said = cast(object, answer(question))
        if said is None:
            break
        if not isinstance(said, str):
            raise ConfigError(
                f"the answer to {question!r} is of type {type(said).__name__}",
                hint="Give a text; a blank one where nobody knows; None to end",
            )
        by: Asker = "signature" if fixed else "model"
        asked.append(Answered(question, said.strip(), by))
        kept.keep(repr(question), {**vars(asked[-1]), "task": task})
    return asked, ""


def _is_answer(line: dict[str, Any]) -> bool:
    texts = all(isinstance(line.get(n), str) for n in ("question", "answer", "task"))
    return texts and line.get("by") in get_args(Asker)


def _known(kept: Answers, own: Sequence[str], task: str) -> list[Answered]:
    """What earlier calls were answered, in the order in which it was asked.

    Raises:
        ConfigError: It was for another task, or for a signature that asks otherwise.
    """
    known: list[Answered] = []
    for where, line in kept.known:
        one = Answered(line["question"], line["answer"], line["by"])
        if line["task"] != task:
            raise ConfigError(
                f"{where} answers for the task {line['task']!r}",
                hint=f"Give that task. {ELSEWHERE}",
            )
        if (one.by == "signature") != (len(known) < len(own)) or (
            one.by == "signature" and one.question != own[len(known)]
        ):
            raise ConfigError(
                f"{where} answers {one.question!r}, and the signature asks otherwise",
                hint=ELSEWHERE,
            )
        known.append(one)
    return known


async def _next(place: Place, task: str, asked: list[Answered], lm: Writer) -> str:
    told = asked_of(place)
    answers = [{"question": one.question, "answer": one.answer} for one in asked]
    given = {"task": task, "fields": told["fields"], "answers": answers}
    return str((await ask(ask_next, place, lm, **given)).question).strip()


async def _written(place: Place, brief: str, lm: Writer) -> str:
    told = asked_of(place)
    told.pop("program")
    made = await ask(write_from_brief, place, lm, **told, brief=brief)
    return str(made.instruction).strip()
