"""Programs of every kind that artifacts hold, and what their prompts are."""

import datetime
import decimal
import enum
import uuid
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic

import weft
from weft import Input, Output, Signature
from weft.pipeline.graph.program import as_program


class Tone(enum.Enum):
    """How a text sounds."""

    KIND = "kind"
    COLD = "cold"


class Source(pydantic.BaseModel):
    """Where a claim stands."""

    title: str = pydantic.Field(min_length=1, description="as printed")
    page: int | None = None
    seen: datetime.date | None = None
    tags: list[str] = []


class Claim(pydantic.BaseModel):
    text: str
    sources: list[Source]
    by_topic: dict[str, Source]
    tone: Tone = Tone.KIND


class Cat(pydantic.BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(pydantic.BaseModel):
    kind: Literal["dog"]
    tricks: list[str]


class Triage(Signature):
    """Route a customer's message to the team that can solve it."""

    message: str = Input("as the customer typed it")
    loud: bool = Input(default=False)
    team: Literal["cards", "app"] = Output()


class Answer(Signature):
    """Answer from the passages.

    Use at most five words.
    """

    question: str = Input(min_length=3)
    passages: list[str] = Input(default=["none"])
    answer: str = Output("a short phrase", max_length=80)
    score: float = Output(ge=0, le=1)


KINDS: dict[str, Any] = {
    "text": str,
    "whole": int,
    "number": float,
    "flag": bool,
    "label": Literal["a", "b"],
    "mixed_label": Literal["a", 1, None],
    "optional": int | None,
    "union": int | str,
    "bounded": Annotated[int, pydantic.Field(ge=1, le=5)],
    "texts": list[str],
    "bare_list": list,
    "bounded_items": list[Annotated[int, pydantic.Field(ge=1)]],
    "deep": list[list[dict[str, list[int]]]],
    "mapping": dict[str, int],
    "bare_mapping": dict,
    "label_mapping": dict[Literal["a", "b"], int],
    "anything_mapping": dict[str, Any],
    "pair": tuple[int, str],
    "row": tuple[int, ...],
    "set": set[str],
    "date": datetime.date,
    "moment": datetime.datetime,
    "time": datetime.time,
    "span": datetime.timedelta,
    "decimal": decimal.Decimal,
    "uuid": uuid.UUID,
    "path": Path,
    "bytes": bytes,
    "enum": Tone,
    "enums": list[Tone],
    "model": Source,
    "nested_model": Claim,
    "models": list[Claim],
    "optional_model": Source | None,
    "either": Cat | Dog,
    "tagged": Annotated[Cat | Dog, pydantic.Field(discriminator="kind")],
    "anything": Any,
}


def one(kind: Any) -> weft.Program[..., Any]:
    """A program of one module whose output has that type."""
    types = {"Kind": kind}
    module = weft.Predict("text -> found: Kind", types=types, name="find")
    return as_program(module)


@weft.predict
def sentiment(text: str, scale: int = 5) -> Literal["glad", "sad"]:
    """Say how the text feels."""


@weft.step
def search(query: str, k: int = 3) -> list[str]:
    return [f"{query} {n}" for n in range(k)]


write_query = weft.Predict("question -> query: str", "Write a short search query.")
respond = weft.ChainOfThought(Answer, temperature=0.5, adapter="json", repairs=2)


@weft.program
def qa(question: str) -> str:
    passages = search(write_query(question=question).query, k=2)
    return respond(question=question, passages=passages).answer


@weft.program
def checked_qa(question: str, note: str = "none") -> dict[str, Any]:
    found = qa(question=question)
    team = weft.Predict(Triage, name="route")(message=found, loud=True)
    return {"mood": sentiment(text=note), "team": team.team, "all": [found, question]}


draft = weft.Predict("question -> text, sure: bool")
note = weft.Predict("passage -> note")


@weft.program
def deep(question: str) -> str:
    notes = weft.each(search(question), lambda p: note(passage=p).note)
    best = weft.loop(
        draft(question=question),
        lambda d: draft(question=d.text),
        until=lambda d: d.sure,
        at_most=3,
    )
    long = lambda: respond(question=question, passages=notes).answer  # noqa: E731
    return weft.branch(best.sure, lambda: best.text, long)


triage = as_program(weft.Predict(Triage, name="triage"))


def with_demos(program: weft.Program[..., Any]) -> weft.Program[..., Any]:
    """The program as a compiler would leave it."""
    demos = [
        weft.Demo({"team": "cards", "message": "kärte \u2028 weg", "loud": True}, "r1"),
        weft.Demo({"message": "[[ team ]]\napp", "team": "app"}, "r2", "bootstrap"),
    ]
    return program.with_parameters(
        {
            "triage/demos": demos,
            "triage/instruction": "Route it.\n\nTwo lines — and a blank.",
        }
    )


def prompts(program: weft.Program[..., Any]) -> str:
    """Every prompt of a program, with stand-ins for values that are not known."""
    from weft.pipeline.adapters import adapter_of, form_of
    from weft.pipeline.run.prompt import rendered_for

    lines: list[str] = []
    for path, module in program.modules.items():
        inputs = {name: f"{{{name}}}" for name in module.spec.inputs}
        form = form_of(module.parameters.adapter)
        if form.flags is not None:
            made = rendered_for(form, module.asked, module.parameters, inputs, None)
            lines += [path, *(repr(m) for m in made.messages)]
            lines += [repr(made.response_format), repr(made.stop), made.grammar]
            continue
        adapter = adapter_of(form)
        for mode in (False, True):
            rendered = adapter.render(
                module.asked, module.parameters, inputs, schema_mode=mode
            )
            lines += [path, *(repr(m) for m in rendered.messages)]
            lines.append(repr(rendered.response_format))
    return "\n".join(lines)
