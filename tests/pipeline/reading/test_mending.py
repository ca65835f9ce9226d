"""What a reply plainly means is read, whole and in pieces; between two readings
nothing is guessed. The kinds of trouble are those that users of such tools report."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

import weft
from tests.pipeline.reading.replies import arrived, texts_of
from weft.errors import ParseError
from weft.pipeline.adapters import adapter_of
from weft.pipeline.signature.forms import make_signature

Case = tuple[str, str, str, dict[str, Any] | None]
ONE = "question -> answer"
TWO = "question -> answer, source"
SURE = "question -> sure: Literal['yes', 'no'] | None"
PARIS = {"answer": "Paris"}
BOTH = {"answer": "Paris", "source": "an atlas"}

MARKS: list[Case] = [
    ("chat", ONE, "[[ answer ]]\nParis [[ /end ]]", PARIS),
    ("chat", ONE, "[[ answer ]] Paris [[ /end ]] Bye!", PARIS),
    ("chat", ONE, "[[ answer ]]: Paris\n[[ /end ]]", PARIS),
    ("chat", ONE, "[[ answer ]]:\nParis\n[[ /end ]]:\n", PARIS),
    ("chat", ONE, "[[ answer ]]\n: Paris", {"answer": ": Paris"}),
    ("chat", ONE, "[[ answer ]]:) nice", {"answer": ":) nice"}),
    (
        "chat",
        TWO,
        "[[ answer ]]:\nA: b\n[[ source ]]: c",
        {"answer": "A: b", "source": "c"},
    ),
    ("chat", ONE, "[[ answer ]]\nParis\n[[ /end ]]\nMore.\n[[ /end ]]", PARIS),
    ("chat", ONE, "[[ answer ]]\nParis\n[[ question ]]\nAnd now?", PARIS),
    ("chat", ONE, "[[ answer ]]\nParis\n[[ question ]]\nq\n[[ answer ]]\nRome", PARIS),
    ("chat", ONE, "[[ answer ]]\nParis\n[[ /end ]]\n[[ answer ]]\nRome", PARIS),
    ("chat", ONE, "[[ question ]]\nWhere?\n[[ answer ]]\nParis", PARIS),
    ("chat", ONE, "[[ answer ]]\nParis\n[[ /en", PARIS),
    ("chat", TWO, "[[ answer ]]\nParis[[ source ]]\nan atlas\n[[ /end ]]", BOTH),
    ("chat", TWO, "[[ answer ]] Paris [[ source ]] an atlas [[ /end ]]", BOTH),
    ("chat", TWO, "[[ answer ]]\nParis\n[[ /end ]]\n[[ source ]]\nan atlas", BOTH),
    ("chat", ONE, "I fill [[ answer ]] in.\n[[ answer ]]\nParis", None),
    ("chat", ONE, "[[ answer ]]\nAs [[ question ]] says, Paris.", None),
    ("chat", TWO, "[[ answer ]]\nParis\n[[ question ]]\nx\n[[ source ]]\ny", None),
    ("chat", ONE, "**[[ answer ]]**\nParis", None),
    ("xml", ONE, "<answer>Paris</answer><question>q</question>", PARIS),
    ("xml", ONE, "<answer>Paris</answer><question>q</question><answer>b", PARIS),
    ("xml", ONE, "<answer>a </answer> b</answer>", None),
    ("xml", TWO, "<answer>see <source>x</source></answer>", None),
]
THINKING: list[Case] = [
    ("chat", ONE, "<think>\n[[ answer ]]\n...\n</think>\n[[ answer ]]\nParis", PARIS),
    ("chat", ONE, "[[ answer ]]\n?\n[[ /end ]]\n</think>\n[[ answer ]]\nParis", PARIS),
    ("chat", ONE, "Rome? No.</think>[[ answer ]]\nParis", PARIS),
    ("chat", ONE, "[[ answer ]]\nRome?\n</think>\n[[ answer ]]\nParis", PARIS),
    ("chat", ONE, "<thinking>a</thinking><think>b</think>[[ answer ]]\nParis", PARIS),
    ("chat", ONE, "Well. <think>[[ answer ]]</think>\n[[ answer ]]\nParis", PARIS),
    ("chat", ONE, "[THINK][[ answer ]][/THINK][[ answer ]]\nParis", PARIS),
    ("chat", ONE, "[[ answer ]]\n<think>\nhm\n</think>\nParis\n[[ /end ]]", PARIS),
    ("chat", ONE, "[[ answer ]]\nRome? No.</think>\nI cannot say.", None),
    ("chat", ONE, "<think>\n[[ answer ]]\nRome", None),
    ("chat", ONE, "[[ answer ]]\na </think> b\n[[ /end ]]", {"answer": "a </think> b"}),
    ("json", ONE, '<think>I write {"answer": ...}.</think>{"answer": "Paris"}', PARIS),
    ("json", ONE, '{"answer": "Rome"}? No.</think>{"answer": "Paris"}', PARIS),
    ("json", ONE, '<think>{"answer": "Rome"}', None),
    ("json", ONE, '{"answer": "Rome"}? No.</think>I cannot say.', None),
    ("json", ONE, '{"answer": "a </think> b"}', {"answer": "a </think> b"}),
    ("xml", ONE, "<think><answer>Rome</answer></think><answer>Paris</answer>", PARIS),
    ("xml", ONE, "<answer>Rome</answer>?</think><answer>Paris</answer>", PARIS),
    ("xml", ONE, "<answer>Rome</answer>? No.</think>I cannot say.", None),
    (
        "xml",
        "q -> think, answer",
        "<think>a</think><answer>b</answer>",
        {
            "think": "a",
            "answer": "b",
        },
    ),
]
TOKENS: list[Case] = [
    ("chat", ONE, "[[ answer ]]\nParis<|im_end|>", PARIS),
    ("chat", ONE, "[[ answer ]]\nParis\n</s><|endoftext|>\n", PARIS),
    ("chat", ONE, "[[ answer ]]\nParis<|im_end|>\n<|im_start|>user\nAnd?", PARIS),
    (
        "chat",
        ONE,
        "[[ answer ]]\nthe <eos> mark\n[[ /end ]]",
        {"answer": "the <eos> mark"},
    ),
    ("json", ONE, '{"answer": "Paris"}<|eot_id|>', PARIS),
    ("json", ONE, '{"answer": "Paris"}<|im_end|><|im_start|>{"answer": "b"}', PARIS),
    ("xml", ONE, "<answer>Paris</answer><end_of_turn>", PARIS),
    ("chat", "q -> n: int", "[[ n ]]\n7<|im_end|>\n<|im_start|>user\n8", {"n": 7}),
]
AMONG: list[Case] = [
    ("json", ONE, '{"answer": "Paris"}}', PARIS),
    ("json", ONE, '```json\n{"answer": "Paris"}}}\n```', PARIS),
    ("json", ONE, '{"answer": "Paris"}} And so on.', PARIS),
    ("json", ONE, '{"answer": "Paris"}}, "b": 1}', None),
    ("json", ONE, '{"answer": "Paris"}} {"answer": "Rome"}', None),
    ("json", ONE, '{ "a": x {"answer": "Paris"}}', None),
    ("json", ONE, 'From {Rome, Paris} it is:\n{"answer": "Paris"}', PARIS),
    ("json", ONE, '{"answer": "Paris"}\nThat is {my} answer :-}', PARIS),
    ("json", ONE, 'I fill in {"answer": ...}:\n{"answer": "Paris"}', PARIS),
    ("json", ONE, '{"note": "x"} and {"answer": "Paris"}', PARIS),
    ("json", ONE, '{"answer": "Paris"}\n{"answer": "Paris"}', PARIS),
    ("json", ONE, '{"answer": "Paris"}\n{"answer": "Rome"}', None),
    ("json", ONE, '{"note": "he said "x"", "in": {"answer": "Rome"}}', None),
    (
        "chat",
        "q -> c: list[str]",
        '[[ c ]]\nHere:\n```json\n["a"]\n```\nBye',
        {"c": ["a"]},
    ),
    ("chat", "q -> c: list[str]", '[[ c ]]\nThese: ["a"] [sic]', {"c": ["a"]}),
    ("chat", "q -> c: list[str]", '[[ c ]]\n["a"] or ["b"]', None),
    ("xml", "q -> d: dict[str, int]", '<d>So: {"a": 1}</d>', {"d": {"a": 1}}),
]
NEARLY: list[Case] = [
    ("json", ONE, '{{"answer": "Paris"}}', PARIS),
    ("json", ONE, 'So: { {"answer": "Paris"} }', PARIS),
    ("json", ONE, '{{"answer": "Paris"}, {"answer": "Rome"}}', None),
    ("json", ONE, '{"a": {"answer": "Paris"}}', None),
    (
        "json",
        "q -> answer, n: int",
        '{"answer": "a\nb", "n": 2}',
        {
            "answer": "a\nb",
            "n": 2,
        },
    ),
    ("json", ONE, "{'answer': 'Paris',}", PARIS),
    ("json", ONE, "{answer: 'Paris'} // done", PARIS),
    ("json", "q -> ok: bool", '{"ok": True}', {"ok": True}),
    ("json", ONE, '{"answer": "the "old" town"}', None),
    ("json", ONE, '{"answer": }', None),
    ("json", ONE, '{"answer": "Paris"', None),
    ("chat", "q -> c: list[str]", "[[ c ]]\n['a', 'b',]", {"c": ["a", "b"]}),
    ("xml", "q -> c: list[str]", '<c>["a\nb"]</c>', {"c": ["a\nb"]}),
]
ESCAPES: list[Case] = [
    ("json", ONE, r'{"answer": "$\frac{1}{2}$"}', {"answer": r"$\frac{1}{2}$"}),
    ("json", ONE, r'{"answer": "\beta"}', {"answer": r"\beta"}),
    ("json", ONE, r'{"answer": "\alpha + \beta"}', {"answer": r"\alpha + \beta"}),
    ("json", ONE, r'{"answer": "C:\\folder"}', {"answer": r"C:\folder"}),
    ("json", ONE, r'{"answer": "\f"}', {"answer": "\f"}),
    ("json", ONE, r'{"answer": "\frac{a}\nu"}', None),
    ("chat", "q -> c: list[str]", '[[ c ]]\n["\\frac"]', {"c": [r"\frac"]}),
    ("chat", ONE, '[[ answer ]]\n"\\frac"\n[[ /end ]]', {"answer": r"\frac"}),
]
CHOICES: list[Case] = [
    ("chat", SURE, "[[ sure ]]\nYes.\n[[ /end ]]", {"sure": "yes"}),
    ("chat", SURE, "[[ sure ]]\n**NO**\n[[ /end ]]", {"sure": "no"}),
    ("json", SURE, '{"sure": "Yes."}', {"sure": "yes"}),
    ("xml", SURE, "<sure>perhaps</sure>", None),
    ("chat", SURE, "[[ sure ]]\nYes\nFor it is so.", {"sure": "yes"}),
    ("chat", SURE, "[[ sure ]]\nYes\nOr rather no.", None),
    ("chat", SURE, "[[ sure ]]\nSure: yes", {"sure": "yes"}),
    (
        "chat",
        "q -> t: list[Literal['top ups', 'cards']]",
        '[[ t ]]\n["Top-ups"]',
        {"t": ["top ups"]},
    ),
    (
        "json",
        "q -> t: list[Literal['a', 'b'] | None]",
        '{"t": ["A", null]}',
        {"t": ["a", None]},
    ),
    (
        "json",
        "q -> t: dict[str, Literal['a']]",
        '{"t": {"k": "A."}}',
        {"t": {"k": "a"}},
    ),
    ("chat", "q -> stars: Literal[1, 2, 3]", "[[ stars ]]\n**2**", {"stars": 2}),
    ("chat", "q -> stars: Literal[1, 2, 3]", "[[ stars ]]\n4.", None),
    ("chat", "q -> s: Literal[-1, 1]", "[[ s ]]\n\u22121.", {"s": -1}),
    ("chat", "q -> k: Literal['C', 'C#', 'c++']", "[[ k ]]\n`C#`", {"k": "C#"}),
    ("chat", "q -> k: Literal['us', 'US']", "[[ k ]]\nUs", None),
]
KNOWN = "q -> a: Literal[\"don't know\", 'known']"
TYPOGRAPHY: list[Case] = [
    ("chat", KNOWN, "[[ a ]]\nDon\u2019t know\n[[ /end ]]", {"a": "don't know"}),
    ("json", KNOWN, '{"a": "\u201cDon\u2019t know\u201d"}', {"a": "don't know"}),
    (
        "chat",
        "q -> k: Literal['follow-up', 'x']",
        "[[ k ]]\nfollow\u2011up",
        {"k": "follow-up"},
    ),
    (
        "xml",
        "q -> k: Literal['caf\u00e9', 'x']",
        "<k>cafe\u0301</k>",
        {"k": "caf\u00e9"},
    ),
    ("xml", "q -> k: Literal['top up', 'x']", "<k>top\u00a0up</k>", {"k": "top up"}),
    ("chat", "q -> k: Literal['a-b', 'a b']", "[[ k ]]\na\u2011b", None),
]
SCALARS: list[Case] = [
    ("chat", "q -> ok: bool", "[[ ok ]]\nYes.\n[[ /end ]]", {"ok": True}),
    ("chat", "q -> ok: bool", "[[ ok ]]\n**no**", {"ok": False}),
    ("xml", "q -> ok: bool", "<ok>True.</ok>", {"ok": True}),
    ("xml", "q -> ok: bool", "<ok>not true</ok>", None),
    ("chat", "q -> n: int", "[[ n ]]\n**42**", {"n": 42}),
    ("chat", "q -> n: int", "[[ n ]]\n42.", {"n": 42}),
    ("chat", "q -> n: int", "[[ n ]]\n$1,234", {"n": 1234}),
    ("chat", "q -> n: int", "[[ n ]]\n\\boxed{42}", {"n": 42}),
    ("chat", "q -> n: int", "[[ n ]]\n42\nfor 40 + 2 is that", None),
    ("chat", "q -> n: int", "[[ n ]]\nabout 42", None),
    ("chat", "q -> n: int", "[[ n ]]\n5!", None),
    ("chat", "q -> x: float", "[[ x ]]\n1,234", None),
    ("chat", "q -> x: float", "[[ x ]]\n1,5", None),
    ("chat", "q -> x: float", "[[ x ]]\n1,234.5", {"x": 1234.5}),
    ("chat", "q -> x: float", "[[ x ]]\n.5", {"x": 0.5}),
    ("chat", "q -> x: float", "[[ x ]]\n50%", None),
    ("chat", "q -> n: int", "[[ n ]]\n50%", {"n": 50}),
    ("chat", "q -> n: int", "[[ n ]]\n0.5%", None),
    ("plain", "q -> n: int", "n: 16 minutes", {"n": 16}),
    ("plain", "q -> n: int", "n: 1,200 lbs.", {"n": 1200}),
    ("plain", "q -> x: float", "x: 2.5 miles", {"x": 2.5}),
    ("plain", "q -> n: int", "n: 2.5 miles", None),
    ("plain", "q -> n: int", "n: 3 dozens", None),
    ("plain", "q -> n: int", "n: 3 Millions", None),
    ("plain", "q -> n: int", "n: 3 pairs", None),
    ("plain", "q -> x: float", "x: 3 tenths", None),
    ("plain", "q -> n: int", "n: 3 million", None),
    ("plain", "q -> n: int", "n: 3 squared", None),
    ("plain", "q -> n: int", "n: 5 feet 3 inches", None),
    ("plain", "q -> n: int", "n: 2 or 3 apples", None),
    ("plain", "q -> n: int", "n: 3 plus", None),
    ("plain", "q -> n: int", "n: 40+50", None),
    ("plain", "q -> n: int", "n: 40+50=90", {"n": 90}),
    ("plain", "q -> n: int", "n: 4 * (2 + 3) = 20 feet", {"n": 20}),
    ("plain", "q -> n: int", "n: 1 = 2 = 3", None),
    ("plain", "q -> n: int", "n: x = 3", None),
    ("plain", "q -> n: int", "n: 1/4", None),
    ("plain", "q -> n: int", "n: 10.0", {"n": 10}),
    ("plain", "q -> n: int", "n: $10.00", {"n": 10}),
    ("plain", "q -> n: int", "n: 1,234.00 dollars", {"n": 1234}),
    ("plain", "q -> n: int", "n: 10.000", None),
    ("plain", "q -> n: int", "n: 10.01", None),
    ("json", "q -> n: int", '{"n": 10.0}', {"n": 10}),
    ("json", "q -> n: int", '{"n": 10.5}', None),
    ("json", "q -> n: list[int]", '{"n": [1, 10.0]}', {"n": [1, 10]}),
    ("plain", "q -> n: int", "n: $10.50", None),
    ("plain", "q -> n: int", "n: 3 m", None),
    ("plain", "q -> n: Literal[1, 2]", "n: 2 apples", None),
    (
        "chat",
        "q -> d: date",
        "[[ d ]]\n**2024-02-29**.",
        {"d": datetime.date(2024, 2, 29)},
    ),
    ("chat", "q -> d: date", "[[ d ]]\n02/03/2024", None),
]
POEM = "verse -> mood: Literal['positive', 'negative', 'no impact']"
GOOD = {"mood": "positive"}
LONE: list[Case] = [
    *((name, POEM, "positive", GOOD) for name in ("chat", "json", "xml")),
    *((name, POEM, " **Positive.**\n", GOOD) for name in ("chat", "json", "xml")),
    ("chat", POEM, "Mood: positive", GOOD),
    ("chat", POEM, "positive\nBest pizza ever!", GOOD),
    ("chat", POEM, "[[ positive ]]\nBest pizza ever!", GOOD),
    ("chat", POEM, "positive<|im_end|>\n<|im_start|>user\nnegative", GOOD),
    ("chat", POEM, "positive\nThough some say negative.", None),
    ("chat", POEM, "[[ positive ]] or [[ negative ]]", None),
    ("chat", POEM, "It is not positive.", None),
    ("chat", POEM, "positive or negative", None),
    ("xml", POEM, "<mood>positive", GOOD),
    ("xml", POEM, "<mood>positive<mood>", GOOD),
    ("xml", POEM, "<mood>positive<\\/mood>", GOOD),
    ("xml", POEM, "<mood>positive<mood>negative", None),
    ("xml", POEM, "<mood>positive<mood>negative</mood>", None),
    ("xml", "q -> a: str", "<a>positive<a>", None),
    ("chat", POEM, "[[mood]] positive [[/mood]]", GOOD),
    ("chat", POEM, "[[ Mood ]] positive [[/end]]", GOOD),
    ("chat", POEM, "<mood>positive</mood>", GOOD),
    ("chat", POEM, "<think>negative?</think>\n<answer>positive</answer>", GOOD),
    ("chat", POEM, "<answer>positive</answer> or <answer>negative</answer>", None),
    ("chat", POEM, '{"mood": "Positive"}', GOOD),
    ("chat", POEM, '{"mood": "positive", "not": "negative"}', None),
    ("chat", POEM, "Sure! Here is the mood:\n\npositive", GOOD),
    ("chat", POEM, "Sure! Here is what is not the mood:\n\npositive", None),
    ("chat", POEM, "Here is the positive mood:\n\nnegative", None),
    ("chat", POEM, "Here is the mood:\n\npositive\nnegative", None),
    ("chat", POEM, "Verse:\n\npositive", None),
    ("chat", POEM, "assistant\n\npositive", GOOD),
    ("chat", POEM, "Assistant: positive", GOOD),
    ("chat", POEM, "User: positive", None),
    ("chat", POEM, "Output: positive", GOOD),
    ("chat", POEM, "positive<|endoftext|>Human: negative?", GOOD),
    ("plain", POEM, "mood -> positive", GOOD),
    ("plain", POEM, "mood - positive", GOOD),
    ("json", POEM, '"no_impact"', {"mood": "no impact"}),
    ("chat", "q -> n: int", "42", {"n": 42}),
    ("json", "q -> ok: bool", "Yes.", {"ok": True}),
    ("json", "q -> t: list[str]", '["a", "b"]', {"t": ["a", "b"]}),
    *((name, ONE, "Paris", None) for name in ("chat", "json", "xml")),
    ("chat", "q -> a: int | str", "42", None),
    ("chat", "q -> n: int, ok: bool", "42", None),
]
COUNT = "q -> n: int"
STATED: list[Case] = [
    ("chat", COUNT, "[[ n ]]\n25 + 40 = $65.\n\nThe answer is $65.", {"n": 65}),
    ("chat", COUNT, "[[ n ]]\nHalf of 6.\nSo, the final answer is **3**.", {"n": 3}),
    ("chat", COUNT, "It is 6 * 7.\n#### 42", {"n": 42}),
    ("plain", COUNT, "n: Thus \\boxed{1,200} it is", {"n": 1200}),
    ("chat", COUNT, "[[ n ]]\nThe answer is 3.\nMy answer is: 3.", {"n": 3}),
    ("chat", COUNT, "[[ n ]]\n3\n\nThe answer is 3.", {"n": 3}),
    ("xml", COUNT, "<n>Six of 2.\nFinal answer: 12 eggs</n>", {"n": 12}),
    ("chat", "q -> ok: bool", "[[ ok ]]\nIt is. The answer is yes.", {"ok": True}),
    ("chat", POEM, "A sunny verse. The answer is Positive.", GOOD),
    ("chat", COUNT, "[[ n ]]\n5\n\nThe answer is 6.", None),
    ("chat", COUNT, "[[ n ]]\nThe answer is 3.\nThe answer is 4.", None),
    ("chat", COUNT, "[[ n ]]\nThe answer is 3. The answer is 4.", None),
    ("chat", COUNT, "[[ n ]]\n\\boxed{3}, or \\boxed{4}", None),
    ("chat", COUNT, "[[ n ]]\nThe answer is 5 or 6.", None),
    ("chat", COUNT, "[[ n ]]\nThe answer is not 5.", None),
    ("chat", COUNT, "[[ n ]]\nThe answer is unknown.\nThe answer is 5.", None),
    ("chat", COUNT, "[[ n ]]\nThe answer is 5.\nOr perhaps 6.", None),
    ("chat", COUNT, "[[ n ]]\nHm. If the answer is 5", None),
    ("chat", COUNT, '[[ n ]]\nThe text says: "The answer is 5."', None),
    ("chat", COUNT, "[[ n ]]\nThe answer is 1.25.", None),
    ("chat", POEM, "So. The answer is positive or negative.", None),
    ("chat", ONE, "Well. The answer is Paris.", None),
]
CASES = {
    "stated": STATED,
    "marks": MARKS,
    "thinking": THINKING,
    "tokens": TOKENS,
    "among": AMONG,
    "nearly": NEARLY,
    "escapes": ESCAPES,
    "choices": CHOICES,
    "typography": TYPOGRAPHY,
    "scalars": SCALARS,
    "lone": LONE,
}
EACH = [
    pytest.param(*case, id=f"{kind}-{number}")
    for kind, cases in CASES.items()
    for number, case in enumerate(cases)
]


@pytest.mark.parametrize(("name", "signature", "reply", "right"), EACH)
def test_one_reading_is_read_and_two_are_an_error(
    name: str, signature: str, reply: str, right: dict[str, Any] | None
) -> None:
    """The values, with a note of what was mended; or a ParseError."""
    adapter, made = adapter_of(name), make_signature(signature)

    if right is None:
        with pytest.raises(ParseError):
            adapter.parse(reply, made)
        return

    assert adapter.parse(reply, made).values == right


@pytest.mark.parametrize(("name", "signature", "reply", "right"), EACH)
def test_in_pieces_it_says_the_same(
    name: str, signature: str, reply: str, right: dict[str, Any] | None
) -> None:
    """Character by character, what is told of a text is what is read at the end."""
    adapter, made = adapter_of(name), make_signature(signature)

    told = arrived(adapter, made, reply)

    if right is not None:
        texts = texts_of(right, made)
        assert {name: told.get(name) for name in texts} == texts
    marks = ("[[ answer", "[[ /end", "<answer", "</answer")
    assert not any(mark in text for text in told.values() for mark in marks)


CLEAN = [
    ("chat", "[[ answer ]]\nParis\n[[ source ]]\nan atlas\n[[ /end ]]"),
    ("json", '{"answer": "Paris", "source": "an atlas"}'),
    ("xml", "<answer>Paris</answer>\n<source>an atlas</source>"),
]


@pytest.mark.parametrize(("name", "reply"), CLEAN)
def test_a_reply_that_keeps_to_the_form_has_nothing_mended(
    name: str, reply: str
) -> None:
    """No note where there was no slip."""
    parsed = adapter_of(name).parse(reply, make_signature(TWO))

    assert parsed.values == BOTH
    assert parsed.repairs == ()


MENDED = [
    pytest.param(*case, id=f"{kind}-{number}")
    for kind, cases in CASES.items()
    for number, case in enumerate(cases)
    if case[3] is not None and kind not in ("marks", "thinking", "tokens", "escapes")
]


@pytest.mark.parametrize(("name", "signature", "reply", "right"), MENDED)
def test_what_was_mended_is_noted(
    name: str, signature: str, reply: str, right: dict[str, Any]
) -> None:
    """The trace of a call counts each."""
    del right

    assert adapter_of(name).parse(reply, make_signature(signature)).repairs


class Place(weft.Signature):
    """Where it is."""

    text: str = weft.Input()
    city: str = weft.Output()
    kind: str | None = weft.Output(default=None)


def test_no_further_call_is_made_for_what_can_be_read() -> None:
    """One call, and the trace says what was mended."""
    lm = weft.FunctionLM(lambda request: "<think>hm</think>{'city': 'Paris',}")
    module = weft.Predict(Place, adapter="json", lm=lm)

    with weft.use(cache=None):
        run = module.run(text="?")

    assert run.value.city == "Paris"
    assert lm.calls == 1
