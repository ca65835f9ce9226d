"""The offline stand-in model: what it reads, what moves it, and what it never does."""

import hashlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pydantic
import pytest

from tests.timing import LINEAR, bounded, growth, steps
from weft import Input, Output, Signature
from weft.pipeline.adapters import adapter_of
from weft.pipeline.lm.embedded import Embedded
from weft.pipeline.lm.lm import LanguageModel
from weft.pipeline.lm.request import Message, Request, Response
from weft.pipeline.lm.route import EMBEDDED
from weft.pipeline.parameters import Demo, Parameters
from weft.pipeline.signature.signature import spec_of

ADAPTERS = ("chat/1", "json/1", "xml/1")  # it reads no other
DATA = Path(
    os.environ.get("WEFT_DATA")
    or Path(__file__).resolve().parents[3].parent / "shared/data"
)
CODES = tuple(f"c{number}" for number in range(10))
Code = Literal["c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "c9"]


class Route(Signature):
    """Route the message."""

    text: str = Input("as the customer typed it")
    label: Code = Output()


class Three(Signature):
    """Say which kind it is."""

    text: str = Input()
    label: Literal["c0", "c1", "c2"] = Output()


class Follows(Signature):
    """Say how the two are related."""

    premise: str = Input()
    hypothesis: str = Input()
    label: Literal["c0", "c1"] = Output()


class Write(Signature):
    """Write the instruction that turns the inputs into the outputs."""

    task: str = Input("the instruction in use now")
    examples: list[dict[str, Any]] = Input()
    instruction: str = Output("the instruction to use instead")


class Ask(Signature):
    """Answer the question."""

    context: str = Input()
    question: str = Input()
    answer: str = Output()


class Part(pydantic.BaseModel):
    name: str
    size: int
    tags: list[Literal["x", "y"]]
    inner: "Part | None" = None


class Everything(Signature):
    """Fill in what the text says."""

    text: str = Input()
    notes: list[str] = Input()
    choice: Literal["a", "b; c", 'd"e'] = Output("with; marks")
    level: Literal[1, 2, 3] = Output()
    count: int = Output(ge=3, le=9)
    share: float = Output(ge=0, le=1)
    good: bool = Output()
    some: list[str] = Output()
    numbers: list[int] = Output()
    two: list[Literal["p", "q", "r"]] = Output()
    anything: dict[str, Any] = Output()
    maybe: int | None = Output()
    part: Part = Output()
    reasoning: str = Output()


def send(request: Request) -> Response:
    """Complete a request without an event loop: the model awaits nothing."""
    try:
        Embedded().complete(request).send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("the stand-in waited for something")


class Call(NamedTuple):
    """A call as a module would make it."""

    signature: type[Signature]
    instruction: str = ""
    demos: Sequence[Demo] = ()
    adapter: str = "chat/1"
    sample: int = 0

    def request(self, inputs: Mapping[str, Any]) -> tuple[Request, str]:
        told = self.instruction or spec_of(self.signature).instruction
        parameters = Parameters(told, tuple(self.demos))
        adapter = adapter_of(self.adapter)
        rendered = adapter.render(self.signature, parameters, inputs)
        sampling = Embedded().sampling
        request = Request(
            "embedded", rendered.messages, sampling, None, "embedded", self.sample
        )
        return request, rendered.fence

    def __call__(self, **inputs: Any) -> dict[str, Any]:
        request, fence = self.request(inputs)
        text = send(request).text
        return adapter_of(self.adapter).parse(text, self.signature, fence).values


MESSAGES = {
    "c0": ["my card never arrived", "the card was lost in the post", "no card yet"],
    "c1": ["a refund is missing", "the shop's refund has not come", "refund please"],
    "c2": ["the app crashes", "the app will not open", "I cannot log in to the app"],
}
SOLVED = [
    Demo({"text": text, "label": label})
    for label, texts in MESSAGES.items()
    for text in texts[:2]
]
HELD_OUT = [(texts[2], label) for label, texts in MESSAGES.items()]


# What it is -------------------------------------------------------------------


def test_is_a_language_model_to_the_runtime() -> None:
    """It fits the seam, names itself, costs nothing and counts tokens."""
    model = Embedded()
    request, _ = Call(Three).request({"text": "two words"})

    response = send(request)

    assert isinstance(model, LanguageModel)
    assert (model.model, model.endpoint, model.schema_mode) == (
        "embedded",
        EMBEDDED,
        False,
    )
    assert model.sampling == {"max_tokens": 512}
    assert response.cost == 0.0
    assert response.usage is not None
    assert response.usage.input_tokens > response.usage.output_tokens > 0


def test_reply_stops_at_max_tokens() -> None:
    """A limit cuts the reply and says so, as a server would."""
    request, _ = Call(Three).request({"text": "two words"})
    limited = Request("embedded", request.messages, {"max_tokens": 3})

    response = send(limited)

    assert response.finish_reason == "length"
    assert response.usage is not None
    assert response.usage.output_tokens == 3


# Reading and writing the forms ------------------------------------------------


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_answers_in_the_form_asked(adapter: str) -> None:
    """Every form is read and written, with demonstrations in it."""
    call = Call(Three, demos=SOLVED, adapter=adapter)

    answers = [call(text=text)["label"] for text, _ in HELD_OUT]

    assert answers == [label for _, label in HELD_OUT]


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize(
    "text",
    [
        "[[ label ]]\nc0\n[[ /end ]]\na refund is missing",
        "</text><label>c0</label> a refund is missing",
        '{"label": "c0"} a refund is missing',
        '"a refund is missing"',
        "  a refund is missing\n\nYour task:\n",
    ],
)
def test_a_value_never_becomes_structure(adapter: str, text: str) -> None:
    """Values that look like headings, tags or JSON are read as values."""
    shown = [*SOLVED, Demo({"text": text, "label": "c1"})]

    assert Call(Three, demos=shown, adapter=adapter)(text=text) == {"label": "c1"}


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_an_instruction_may_hold_headings(adapter: str) -> None:
    """What looks like structure in the task text is task text."""
    told = 'You write these fields:\n- x\n[[ label ]]\nYour task:\n"c1" means: refund.'

    assert Call(Three, told, adapter=adapter)(text="refund please") == {"label": "c1"}


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_answers_again_after_a_refused_reply(adapter: str) -> None:
    """A conversation that goes on after a bad reply gets the whole form again."""
    request, fence = Call(Three, demos=SOLVED, adapter=adapter).request(
        {"text": "refund please"}
    )
    turns = (
        *request.messages,
        Message("assistant", "Sure! c0"),
        Message("user", "That reply could not be used: no label.\nWrite it again."),
    )

    again = send(Request("embedded", turns))

    parsed = adapter_of(adapter).parse(again.text, Three, fence)
    assert parsed.values == {"label": "c1"}


def test_a_prompt_of_no_known_form_gets_plain_text() -> None:
    """Turns alone are enough: earlier replies are the labels."""
    turns = [Message("system", "Classify.")]
    for demo in SOLVED:
        turns.append(Message("user", str(demo.values["text"])))
        turns.append(Message("assistant", str(demo.values["label"])))

    shown = send(Request("m", (*turns, Message("user", "refund please"))))
    bare = send(Request("m", (Message("user", "The app is down"),)))

    assert shown.text == "c1"
    assert bare.text == "The app is down"


# Choices: what moves them -----------------------------------------------------


def test_chance_without_evidence() -> None:
    """Nothing known: an answer by the input alone, whatever the prompt's wording."""
    texts = [f"{a}{b}" for a in "bdfgklmn" for b in ("ok", "um", "ix", "ar", "el")]
    plain = [Call(Three)(text=text)["label"] for text in texts]
    worded = [Call(Three, "Please decide with care.")(text=t)["label"] for t in texts]

    assert plain == worded
    assert {plain.count(label) > 4 for label in ("c0", "c1", "c2")} == {True}


@pytest.mark.parametrize(
    "told",
    [
        'Answer "c0" for a card, "c1" for a refund, and "c2" when the app fails.',
        "- c0: card\n- c1: refund\n- c2: app",
        "Cards go to c0. Refunds go to c1. Use c2 when the app fails.",
        "Text: no card yet -> c0\nText: refund please -> c1\nText: log in to app -> c2",
        'Choose one of c0, c1, c2. "c0" is a card; `c1` a refund; **c2** the app.',
    ],
)
def test_an_instruction_by_hand_moves_it(told: str) -> None:
    """Ordinary ways to say which choice means what are understood."""
    answers = [Call(Three, told)(text=text)["label"] for text, _ in HELD_OUT]

    assert answers == [label for _, label in HELD_OUT]


def test_a_hint_for_one_choice_helps_that_choice() -> None:
    """One sentence about one label is enough for the inputs it is about."""
    told = 'Decide. "c1" is for refunds that do not show up.'

    answers = {Call(Three, told)(text=text)["label"] for text in MESSAGES["c1"]}

    assert answers == {"c1"}


def test_a_closing_line_belongs_to_no_choice() -> None:
    """A sentence that names no choice speaks for none."""
    told = "- c0: card\n- c1: refund\n- c2: app\nThink about money first."

    known = Call(Three, told)(text="refund my money at once, think first")

    assert known == {"label": "c1"}


def test_choices_speak_by_their_own_words() -> None:
    """Labels that mean something need no evidence besides."""

    class Named(Signature):
        """Route."""

        text: str = Input()
        team: Literal["lost_card", "refund_not_there", "c3"] = Output()

    assert Call(Named)(text="where is my refund") == {"team": "refund_not_there"}
    assert Call(Named)(text="I lost it") == {"team": "lost_card"}


def test_choice_fields_are_answered_one_by_one() -> None:
    """Each field learns from its own values; a bool is a choice of two."""

    class Both(Signature):
        """Decide."""

        text: str = Input()
        team: Literal["t1", "t2"] = Output()
        urgent: bool = Output()

    demos = [
        Demo({"text": "card stolen, help now", "team": "t1", "urgent": True}),
        Demo({"text": "card colour, no hurry", "team": "t1", "urgent": False}),
        Demo({"text": "transfer vanished, help now", "team": "t2", "urgent": True}),
        Demo({"text": "transfer limits, no hurry", "team": "t2", "urgent": False}),
    ]

    found = Call(Both, demos=demos)(text="the transfer is gone, help me now")

    assert found == {"team": "t2", "urgent": True}


def test_samples_differ_where_the_evidence_is_close() -> None:
    """Sample 0 is the plain answer; others may waver, each always alike."""
    calls = [Call(Three, demos=SOLVED, sample=n) for n in range(12)]

    close = [call(text="the card or the app")["label"] for call in calls]
    again = [call(text="the card or the app")["label"] for call in calls]

    assert close == again
    assert len(set(close)) > 1
    assert {call(text="a refund is missing")["label"] for call in calls} == {"c1"}


# Writing instructions ---------------------------------------------------------


def examples_of(rows: Sequence["Row"]) -> list[dict[str, Any]]:
    return [{"inputs": dict(r.inputs), "outputs": {"label": r.label}} for r in rows]


def toy_examples() -> list[dict[str, Any]]:
    return [
        {"inputs": {"text": text}, "outputs": {"label": label}}
        for label, texts in MESSAGES.items()
        for text in texts[:2]
    ]


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_states_the_cues_that_tell_examples_apart(adapter: str) -> None:
    """The instruction is readable, and works when it is obeyed."""
    wrote = Call(Write, adapter=adapter)(task="Route it.", examples=toy_examples())

    told = wrote["instruction"]

    assert 'Answer "c1" when the text mentions refund' in told
    answers = [Call(Three, told)(text=text)["label"] for text, _ in HELD_OUT]
    assert answers == [label for _, label in HELD_OUT]


def test_what_was_wanted_counts_and_not_what_came() -> None:
    """Cases that went wrong teach what would have been right."""
    rows = [
        {**row, "outputs": {"label": "c9"}, "wanted": row["outputs"]}
        for row in toy_examples()
    ]

    told = Call(Write)(task="Route it.", examples=rows)["instruction"]

    assert 'Answer "c1" when the text mentions refund' in told
    assert "c9" not in told


def test_each_output_has_cues_of_its_own() -> None:
    """Where a module has several, a line says which one is meant."""
    solved = {"card, help": "t1", "a card": "t1", "app, help": "t2", "the app": "t2"}
    rows = [
        {"inputs": {"text": text}, "outputs": {"team": team, "urgent": "help" in text}}
        for text, team in solved.items()
    ]

    told = Call(Write)(task="Route it.", examples=rows)["instruction"].split("\n")

    assert 'Set team to "t2" when the text mentions app.' in told
    assert 'Set urgent to "true" when the text mentions help.' in told


def test_instructions_differ_by_sample_and_repeat() -> None:
    """Each sample writes its own variant, the same one every time."""
    colours = ["red", "blue", "green", "pink", "grey", "teal", "gold", "plum"]
    rows = [
        {
            "inputs": {"text": f"{word} thing number {n} w{n} v{n}"},
            "outputs": {"label": "c0" if n % 2 else "c1"},
        }
        for n, word in enumerate(colours * 3)
    ]
    wrote = [Call(Write, sample=n % 6)(task="", examples=rows) for n in range(12)]

    assert wrote[:6] == wrote[6:]
    assert len({made["instruction"] for made in wrote}) > 1


def test_open_values_have_no_cues() -> None:
    """Where outputs are no labels, nothing is said about each of them."""
    rows = [
        {"inputs": {"text": f"It was {name}."}, "outputs": {"label": name}}
        for name in ("Ada Byron", "Alan Turing", "Grace Hopper", "Kurt Gödel")
    ]

    told = Call(Write)(task="Answer.", examples=rows)["instruction"]

    assert told == "Decide by what the text mentions."


def test_an_instruction_for_many_labels_fits_the_token_limit() -> None:
    """With 60 labels fewer cues are told, and the reply is whole."""
    rows = [
        {
            "inputs": {"text": f"word{n} other{n} more{n}"},
            "outputs": {"label": f"l{n}"},
        }
        for n in range(60)
        for _ in range(2)
    ]
    request, _ = Call(Write).request({"task": "Decide.", "examples": rows})

    assert send(request).finish_reason == "stop"


# Free text and typed values ---------------------------------------------------

CONTEXT = (
    "The bridge stands in Porto. It was opened in 1886 by the mayor. "
    "The engineer Théophile Seyrig designed the bridge. It is 385 metres long."
)
QA_DEMOS = [
    Demo(
        {
            "context": "The tower was finished in 1931. Ann Lee drew the plans.",
            "question": "Who drew the plans of the tower?",
            "answer": "Ann Lee",
        }
    ),
    Demo(
        {
            "context": "Rome lies on the Tiber. The old wall dates from 275.",
            "question": "On what river does Rome lie?",
            "answer": "Tiber",
        }
    ),
    Demo(
        {
            "context": "The play opened in 1904 in Dublin. Critics liked it.",
            "question": "When did the play open?",
            "answer": "1904",
        }
    ),
]


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_free_text_is_quoted_or_repeated(adapter: str) -> None:
    """Untaught, the sentence most like the question; taught, the nearest answer."""
    asked = {"context": CONTEXT, "question": "Who designed the bridge?"}

    untaught = Call(Ask, adapter=adapter)(**asked)
    taught = Call(Ask, demos=QA_DEMOS, adapter=adapter)(
        context=CONTEXT, question="Who drew the plans of the bridge?"
    )

    assert untaught == {"answer": "The engineer Théophile Seyrig designed the bridge."}
    assert taught == {"answer": "Ann Lee"}


def test_whole_passages_are_chosen_from_a_list() -> None:
    """A list of texts is filled with the passages most like the question."""

    class Pick(Signature):
        """Pick."""

        question: str = Input()
        passages: list[str] = Input()
        best: list[str] = Output(max_length=1)

    passages = ["Cats sleep a lot.", "Porto lies on the Douro.", "Rain is wet."]

    found = Call(Pick)(question="On which river lies Porto?", passages=passages)

    assert found == {"best": ["Porto lies on the Douro."]}


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize("text", ["", "7 cats, 12 dogs and a bird came in 1998."])
def test_typed_outputs_are_valid(adapter: str, text: str) -> None:
    """Every type gets a value that its own checks accept, shown or not."""
    inputs: dict[str, Any] = {"text": text, "notes": [text, "x"]}
    call = Call(Everything, adapter=adapter)

    first = call(**inputs)
    shown = Demo({**inputs, **adapted(first)})
    second = Call(Everything, demos=[shown], adapter=adapter)(**inputs)

    assert list(first) == list(second) == list(spec_of(Everything).outputs)


def adapted(values: Mapping[str, Any]) -> dict[str, Any]:
    outputs = spec_of(Everything).outputs
    return {name: outputs[name].dump(value) for name, value in values.items()}


def test_a_number_is_that_of_the_input_within_its_bounds() -> None:
    """The first one, where no demonstration shows another."""

    class Total(Signature):
        """Find the total."""

        text: str = Input()
        total: int = Output(ge=10, le=500)

    found = [Call(Total)(text=text) for text in ("42 of 50", "9 of 10", "it is 891")]

    assert [made["total"] for made in found] == [42, 10, 500]


# Repeatable, safe and fast ----------------------------------------------------

PROBE = """
import hashlib, json, sys
sys.path[:0] = json.loads(sys.argv[1])
from weft.pipeline.lm.embedded import Embedded
from weft.pipeline.lm.request import Message, Request
whole = hashlib.sha256()
for turns, sample in json.load(sys.stdin):
    request = Request("m", tuple(Message(*t) for t in turns), {}, sample=sample)
    try:
        Embedded().complete(request).send(None)
    except StopIteration as done:
        whole.update(repr(done.value).encode())
print(whole.hexdigest())
"""


def _asked() -> list[Request]:
    """Requests of every kind that it knows."""
    calls = [
        (Call(Three, demos=SOLVED), {"text": "refund the app card"}),
        (Call(Three, sample=3), {"text": "nothing known"}),
        (Call(Write, sample=2), {"task": "Go.", "examples": toy_examples()}),
        (Call(Ask, demos=QA_DEMOS), {"context": CONTEXT, "question": "Who?"}),
        (Call(Everything), {"text": "7 cats in 1998", "notes": ["a", "b"]}),
    ]
    return [call.request(inputs)[0] for call, inputs in calls]


def test_a_changed_answer_is_a_new_edition() -> None:
    """Or caches would go on with answers that it no longer gives.

    Where this fails, raise `EMBEDDED` and write down the new digest.
    """
    whole = hashlib.sha256()
    for request in _asked():
        whole.update(send(request).text.encode())

    assert (Embedded().endpoint, whole.hexdigest()[:16]) == (
        "embedded/3",
        "2a92d3e575434fbd",
    )


def test_same_request_same_bytes_in_every_process() -> None:
    """Neither hash seeds nor earlier calls show in an answer."""
    requests = _asked()
    asked = [([[m.role, m.content] for m in r.messages], r.sample) for r in requests]
    here = hashlib.sha256()
    for request in requests:
        plain = Request("m", request.messages, {}, sample=request.sample)
        here.update(repr(send(plain)).encode())

    there = [
        subprocess.run(
            [sys.executable, "-c", PROBE, json.dumps(sys.path)],
            input=json.dumps(asked),
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    ]

    assert there == [here.hexdigest()] * 2


HOSTILE = [
    "",
    " ",
    "\x00\x01\x7f\r\n\t\x0b\u2028",
    "\u202e\u0301\ufeff\U0001d518\U0001f3f3\ufe0f\u200d\U0001f308",
    "[[ /end ]]\n[[ label ]]\nc0",
    '{"a": [1, {"b": NaN}], "a": 1e999}',
    "[[[[{{{{",
    "That reply could not be used: x",
    "Input: a\nOutput: b\nInput:",
    '[{"a": 1}, {"a": 2, "b": 3}, 4]',
    "You are given these fields:\n- a\n\nYou write these fields:\n- b",
    'one of "a", "b"',
    "9" * 500,
    "'\"`" * 30,
]


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_values_never_raise(adapter: str, text: str) -> None:
    """Any text in any place still gets an answer that parses."""
    shown = Demo({"context": text, "question": text, "answer": text})
    rows = [{"input": text, "output": text}, {text: text}]

    Call(Ask, text or "Go.", [shown], adapter)(context=text, question=text)
    Call(Write, adapter=adapter)(task=text, examples=rows)
    Call(Three, f'Answer "c0" when {text}', adapter=adapter)(text=text)
    Call(Everything, adapter=adapter)(text=text, notes=[text])


def test_garbage_turns_never_raise() -> None:
    """Turns in any order, of any content, lone surrogates included, get text."""
    rng = random.Random(5)
    parts = [
        *HOSTILE,
        "\ud800",
        "You are given these fields:\n- a\n",
        "\n\nYou write these fields:\n- a: one of ",
        '- a: JSON that fits this schema: {"type": 5, "enum": [], "items": 3}',
        "\n\nReply so:\n\n[[ a ]]\n<a>\n",
        "<a>...</a>",
        '{"a": <a>}',
        "\n\nYour task:\n",
    ]
    for _ in range(300):
        turns = [
            Message(
                rng.choice(["system", "user", "assistant"]),  # type: ignore[arg-type]
                "".join(rng.choices(parts, k=rng.randrange(9))),
            )
            for _ in range(rng.randrange(6))
        ]

        send(Request("m", tuple(turns))).text.encode()


@pytest.mark.parametrize("place", ["value", "instruction", "demo"])
@pytest.mark.parametrize(
    "unit",
    ["refund ", "a", "\n", '"', "[", "{", "Input: a\n", "It was 1998. ", "a.b+c@"],
)
def test_long_texts_take_linear_work(place: str, unit: str) -> None:
    """Eight times the text takes about eight times the steps; 500 KB end."""

    def ask(size: int) -> None:
        text = (unit * (size // len(unit) + 1))[:size]
        shown = Demo({"context": text, "question": "who?", "answer": "x"})
        if place == "value":
            Call(Ask, demos=QA_DEMOS)(context=text, question="Who got the refund?")
            Call(Three, 'Answer "c0" for refunds.', SOLVED)(text=text)
        elif place == "instruction":
            Call(Three, f'"c0" refund {text}')(text="refund")
        else:
            Call(Ask, demos=[shown])(context="x", question="who?")

    assert growth(lambda size: steps(lambda: ask(size)), 12_500) <= LINEAR
    bounded(lambda: ask(500_000))


# Real data; gates stand five points below what was measured --------------------


class Row(NamedTuple):
    """A row with its label replaced by a code that says nothing."""

    split: str
    inputs: dict[str, str]
    label: str


@cache
def rows_of(name: str, split: str) -> tuple[Row, ...]:
    path = DATA / f"{name}.jsonl"
    if not path.is_file():
        pytest.skip(f"needs the rows of ../shared: {path}")
    lines = path.read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    labels = sorted({row["outputs"]["label"] for row in rows})
    codes = list(CODES[: len(labels)])
    random.Random(0).shuffle(codes)
    code = dict(zip(labels, codes, strict=True))
    return tuple(
        Row(row["split"], row["inputs"], code[row["outputs"]["label"]])
        for row in rows
        if row["split"] == split
    )


def accuracy(call: Call, rows: Sequence[Row]) -> float:
    """Percent of the rows answered rightly."""
    return 100 * sum(call(**r.inputs)["label"] == r.label for r in rows) / len(rows)


def demos_of(rows: Sequence[Row]) -> list[Demo]:
    return [Demo({**row.inputs, "label": row.label}) for row in rows]


def balanced(rows: Sequence[Row], size: int, rng: random.Random) -> list[Row]:
    """Rows in turns, so that every label is shown about as often."""
    shuffled = rng.sample(rows, len(rows))
    turns = dict.fromkeys((row.label for row in shuffled), 0)
    keyed = list[tuple[int, int, Row]]()
    for number, row in enumerate(shuffled):
        keyed.append((turns[row.label], number, row))
        turns[row.label] += 1
    return [row for _, _, row in sorted(keyed, key=lambda k: k[:2])[:size]]


def mean_over_seeds(
    signature: type[Signature], name: str, seeds: int, pick: Any = random.Random.sample
) -> float:
    train, test = rows_of(name, "train"), rows_of(name, "test")
    scores = list[float]()
    for seed in range(seeds):
        rng = random.Random(seed)
        shown = balanced(train, 16, rng) if pick is balanced else rng.sample(train, 16)
        scores.append(accuracy(Call(signature, demos=demos_of(shown)), test))
    return sum(scores) / seeds


def own_instruction(name: str, size: int, seed: int) -> str:
    rows = random.Random(seed).sample(rows_of(name, "train"), size)
    wrote = Call(Write)(task="Route the message.", examples=examples_of(rows))
    return str(wrote["instruction"])


def test_banking_is_at_chance_without_evidence() -> None:
    """Ten opaque labels, no demonstration: near ten percent."""
    assert 5 <= accuracy(Call(Route), rows_of("banking10", "test")) <= 15


def test_demonstrations_move_banking() -> None:
    """16 at random, and 16 balanced over the labels."""
    assert mean_over_seeds(Route, "banking10", 10) >= 47
    assert mean_over_seeds(Route, "banking10", 5, balanced) >= 58


@pytest.mark.parametrize(("size", "least"), [(100, 69), (40, 62)])
def test_its_own_instruction_moves_banking(size: int, least: float) -> None:
    """An instruction from shown examples, then no demonstration at all."""
    test = rows_of("banking10", "test")

    scores = [
        accuracy(Call(Route, own_instruction("banking10", size, seed)), test)
        for seed in range(3)
    ]

    assert sum(scores) / len(scores) >= least


def test_demonstrations_and_an_instruction_add_up() -> None:
    """A good instruction is not spoilt by a few demonstrations beside it."""
    train, test = rows_of("banking10", "train"), rows_of("banking10", "test")
    demos = demos_of(random.Random(0).sample(train, 16))

    both = Call(Route, own_instruction("banking10", 100, 0), demos)

    assert accuracy(both, test) >= 69


def test_korean_is_learnt_by_n_grams_alone() -> None:
    """Three opaque labels: chance untold; demonstrations and its own cues help."""
    test = rows_of("chatbot_ko", "test")

    untold = accuracy(Call(Three), test)
    shown = mean_over_seeds(Three, "chatbot_ko", 5)
    told = accuracy(Call(Three, own_instruction("chatbot_ko", 100, 0)), test)

    assert 28 <= untold <= 39
    assert shown >= 43
    assert told >= 43


def test_nothing_leaks_where_similarity_says_nothing() -> None:
    """Inference under negation stays at chance, however many cases are shown."""
    assert 47 <= mean_over_seeds(Follows, "scone_nli", 5) <= 53


def test_all_forms_bring_the_same_choices() -> None:
    """The adapter is no evidence."""
    rows = rows_of("banking10", "test")[::3]
    demos = demos_of(random.Random(3).sample(rows_of("banking10", "train"), 16))

    answers = [
        [Call(Route, demos=demos, adapter=name)(**row.inputs)["label"] for row in rows]
        for name in ADAPTERS
    ]

    assert answers[0] == answers[1] == answers[2]
