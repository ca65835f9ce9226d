"""Templates of a user's own: `[x]` for what is read, `[z]` for what is answered."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import weft
from tests.server import Reply, Server
from weft.pipeline.adapters import adapter_of
from weft.pipeline.adapters.settling import settled
from weft.pipeline.artifact.diff import diff
from weft.pipeline.errors import ConfigError
from weft.pipeline.graph.digest import program_digest
from weft.pipeline.graph.program import as_program
from weft.pipeline.lm.as_json import request_to_json
from weft.pipeline.lm.form import form_of
from weft.pipeline.measure.explain import ablations
from weft.pipeline.signature.signature import spec_of

KOREAN = "이 기사는 [z]에 관한 내용입니다: [x]"
GOLDEN = Path(__file__).parent / "golden" / "cloze-1.json"
texts = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=40)


class News(weft.Signature):
    """What is it about?"""

    article: str = weft.Input()
    topic: Literal["과학", "경제"] = weft.Output()


class Mood(weft.Signature):
    """How does the reviewer feel?"""

    review: str = weft.Input()
    mood: Literal["great", "terrible"] = weft.Output()


def about(form: str, **options: Any) -> Any:
    """A module by a template, in some form of it."""
    return weft.Predict(News, name="about", adapter=form, **options)


def sent(module: Any, **inputs: str) -> list[Any]:
    """The request that a call sends, to a model that then says something."""
    asked: list[weft.Request] = []
    lm = weft.FunctionLM(lambda r: asked.append(r) or "과학")
    with weft.use(lm=lm, cache=None):
        module(**inputs)
    return [request_to_json(one) for one in asked]


def whole_texts(template: str, article: str) -> list[str]:
    """Prompt and answer, for each choice, as they are scored."""
    adapter = adapter_of(form_of(f"cloze/1:text|{template}"))
    module = about(weft.cloze(template))
    inputs = {"article": article}
    rendered = adapter.render(module.told, module.parameters, inputs)
    [field] = module.spec.outputs.values()
    around = rendered.around
    assert around is not None
    return [
        rendered.messages[0].text
        + around.head
        + adapter.write([field], {"topic": word}, "")
        + around.tail
        for word in ("과학", "경제")
    ]


@given(texts, st.lists(texts.filter(lambda t: "[" not in t), min_size=3, max_size=3))
@settings(max_examples=100)
def test_a_template_is_sent_as_it_was_written(article: str, own: list[str]) -> None:
    """Byte for byte, whatever the input holds: what looks like a slot there is none."""
    article = f"[z] {article} [x]"
    for order in ("[x]{}[z]", "[z]{}[article]"):
        template = f".{own[0]}{order.format(own[1])}{own[2]}"
        at = template.index("[x]" if "[x]" in template else "[article]")
        gap = template.index("[z]")
        wanted = [
            "".join(
                (
                    template[:gap],
                    word,
                    template[gap + 3 :].replace("[article]", article),
                )
                if gap < at
                else (template[:at], article, template[at + 3 : gap], word)
            )
            + (template[gap + 3 :] if at < gap else "")
            for word in ("과학", "경제")
        ]
        assert whole_texts(template, article) == wanted


def test_the_first_edition_stays_byte_for_byte() -> None:
    """In turns and as a text, with demos, an instruction, and the gap in an input."""
    demos = [weft.Demo({"article": "금리가 올랐다.", "topic": "경제"})]
    templates = [KOREAN, "[instruction]\n\n[article]\n주제: [z]\n"]
    ruled = "[article]\nTopic: [z]."
    made = [
        sent(about(f"cloze/1:{flags}|{template}", demos=some), article=article)
        for template, flags in [
            (templates[0], ""),
            (templates[1], ""),
            (templates[1], "stop,text"),
            (ruled, "grammar,stop,text"),
        ]
        for some in ([], demos)
        for article in ("로켓을 쏘았다.", "[z] 안의 [x]")
    ]
    text = json.dumps(made, ensure_ascii=False, indent=1) + "\n"

    assert GOLDEN.read_text("utf-8") == text


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("[x] is it", r"has no \[z\]"),
        ("", r"has no \[z\]"),
        ("[z] or [z]: [x]", r"has \[z\] twice"),
        ("[z]", "'article' in no slot"),
        ("[z]: [x] [x]", r"has \[x\] twice"),
        ("[z]: [x] [article]", "'article' twice"),
        ("[z]: [articel]", r"\[articel\] is no input.*article"),
        ("[속보] [x] [z]", r"\[\[속보\] writes the words themselves"),
        ("[x] [instruction] [z]", "at the beginning"),
        ("[x] [z] [z#1", "may stand for the gap"),
        ("[x]\ud800[z]", "lone surrogate"),
    ],
)
def test_a_wrong_template_says_what_is_wrong(template: str, said: str) -> None:
    """A missing slot, a doubled one, one that is no input: before anything is asked."""
    with pytest.raises(ConfigError, match=said):
        about(weft.cloze(template))


def test_a_template_needs_a_signature_that_fits() -> None:
    """One output, no media, no input called z; the form needs a template."""
    with pytest.raises(ConfigError, match="several outputs"):
        weft.Predict("a -> b, c", adapter=weft.cloze("[a] [z]"))
    with pytest.raises(ConfigError, match="no texts"):
        weft.Predict("a: Image -> b", adapter=weft.cloze("[a] [z]"))
    with pytest.raises(ConfigError, match=r"\[z\] is the answer's"):
        weft.Predict("z -> b", adapter=weft.cloze("[z]"))
    with pytest.raises(ConfigError, match="no text"):
        weft.cloze(7)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="needs a template"):
        form_of("cloze")
    with pytest.raises(ConfigError, match="no adapter"):
        form_of("chat|[x] [z]")


def test_brackets_can_be_written() -> None:
    """A doubled one before a word is the word in brackets; others are as they are."""
    asked = about(weft.cloze("[[속보] [1] [[1,2]] [x]: [z]")).prompt(article="하나")

    assert asked.messages[0].text.startswith("[속보] [1] [[1,2]] 하나: [z]\n\n")


def lm_at(server: Server, kind: str, **options: Any) -> weft.LM:
    """A base model at a loopback server."""
    return weft.LM(f"{kind}/m", api_base=server.url, base=True, **options)


def scoring(body: dict[str, Any]) -> Reply:
    """A server that reads a text back, and likes whole texts with 과학 and 로켓."""
    forced = json.loads(body["grammar"].removeprefix("root ::= "))
    text = body["prompt"] + forced
    # A word by itself tells nothing: it is said before the article.
    likely = -3.0 if "내용" in text and ("과학" in text) != ("로켓" in text) else -1.0
    tree = {"content": [{"token": forced, "logprob": likely, "top_logprobs": []}]}
    choice = {"text": forced, "logprobs": tree, "finish_reason": "stop"}
    return Reply(body=json.dumps({"choices": [choice]}).encode())


def test_what_stands_behind_the_gap_is_scored(server: Server) -> None:
    """A word behind the text before the gap, and what follows behind that word."""
    server.answer = scoring
    classify = weft.Classify(about(weft.cloze(KOREAN)), name="about")
    with weft.use(lm=lm_at(server, "llamacpp"), cache=None):
        made = [classify(article=t).topic for t in ("로켓을 쏘았다", "금리가 올랐다")]
        with pytest.raises(ConfigError, match="behind the gap"):
            weft.Classify(about(weft.cloze(KOREAN)), by="top")(article="로켓")
        with pytest.raises(ConfigError, match="before it reads"):
            about(weft.cloze(KOREAN))(article="로켓")

    assert made == ["과학", "경제"]
    sent = [one.body for one in server.seen]
    wholes = [b["prompt"] + json.loads(b["grammar"][9:]) for b in sent]
    assert wholes[1:4:2] == [
        f"이 기사는 {word}에 관한 내용입니다: 로켓을 쏘았다"
        for word in ("과학", "경제")
    ]
    assert wholes[0:3:2] == ["이 기사는 과학", "이 기사는 경제"]
    assert classify.times() == {"module": 4}
    assert len(wholes) == 8  # nothing was sent of what is refused


def test_a_gap_at_the_end_is_looked_for_among_the_likeliest(server: Server) -> None:
    """One call; blanks before the gap are the words', as tokens have them."""
    words = {" great": math.log(0.2), " terrible": math.log(0.7), "great": -9.0}
    token = {
        "token": " terrible",
        "logprob": words[" terrible"],
        "top_logprobs": [{"token": t, "logprob": p} for t, p in words.items()],
    }
    choice = {"text": " terrible", "logprobs": {"content": [token]}}
    tree = {"choices": [{**choice, "finish_reason": "stop"}]}
    server.answer = lambda _: Reply(body=json.dumps(tree).encode())
    form = weft.cloze("[review]\nAll in all, it was [z].")
    classify = weft.Classify(weft.Predict(Mood, adapter=form), by="top")
    with weft.use(lm=lm_at(server, "hosted_vllm"), cache=None):
        facts = weft.info(classify(review="I wept.")).facts

    [body] = [one.body for one in server.seen]
    assert body["prompt"] == "I wept.\nAll in all, it was"
    assert facts["probabilities"]["terrible"] == pytest.approx(7 / 9)
    assert not facts["unsure"]


@pytest.mark.parametrize(
    ("template", "reply", "mood"),
    [
        ("[x] It was [z].", " great. And more", "great"),
        ("[x] It was [z]", " great\n\nNext", "great"),
        ("[x] It was [z]\nEnd", "\n great\nEnd", "great"),
        ("[x] It was [z]", " great\nI mean it", "great"),
    ],
)
def test_a_reply_is_read_up_to_its_end(template: str, reply: str, mood: str) -> None:
    """What stands behind the gap, a blank line, or a line of few values."""
    adapter = adapter_of(f"cloze/1:text|{template}")

    assert adapter.parse(reply, Mood).values == {"mood": mood}


@given(texts, st.lists(st.integers(0, 60), max_size=6))
@settings(max_examples=100)
def test_pieces_add_up_to_what_is_read(said: str, cuts: list[int]) -> None:
    """However a text arrives, its pieces are the value that is read of it."""
    signature = weft.Predict("x -> y").signature
    adapter = adapter_of("cloze/1:text|[x] is [z]; so.")
    reply = f" {said}; so. And so on"
    try:
        value = adapter.parse(reply, signature).values["y"]
    except weft.errors.ParseError:
        return
    places = sorted({0, len(reply), *(cut % len(reply) for cut in cuts)})
    reader = adapter.reader(spec_of(signature), "")

    came = [
        delta.text
        for a, b in itertools.pairwise(places)
        for delta in reader.feed(reply[a:b])
    ]
    came += [delta.text for delta in reader.close()]
    assert "".join(came) == value


def test_a_template_is_kept_and_compared(tmp_path: Path) -> None:
    """It is in the artifact, and `diff` shows another one."""
    old = about(weft.cloze("[x] [z]"))
    new = old.with_(adapter=weft.cloze("[x]\n\n주제 | 분류: [z]"))
    paths = [
        weft.save(m, tmp_path / f"{n}.weft.json") for n, m in enumerate((old, new))
    ]

    loaded = weft.load(paths[1])
    assert loaded.parameters.adapter == str(form_of(new.parameters.adapter))
    assert "주제 | 분류" in str(diff(*paths))
    assert program_digest(as_program(new)) == program_digest(as_program(loaded))
    with pytest.raises(ConfigError, match=r"\[who\] is no input"):
        loaded.with_(adapter=weft.cloze("[who] [z]"))


def test_who_is_asked_settles_the_rest() -> None:
    """A base model continues a text, held by a grammar; others are asked in turns."""
    form = weft.cloze(KOREAN)

    assert str(settled(form, None)) == f"cloze/1:stop|{KOREAN}"
    base = weft.LM("llamacpp/m", api_base="http://127.0.0.1:9/v1", base=True)
    assert str(settled(form, base)) == f"cloze/2:grammar,stop,text|{KOREAN}"
    assert form_of(str(settled(form, base))).template == KOREAN


def test_what_no_prompt_shows_is_no_part_that_earns_something() -> None:
    """Rows were run without it, and its +0.0 points were said to be chance, perhaps."""
    context = weft.Context(audience="children")
    bare = about(weft.cloze(KOREAN)).with_context(context)
    told = about(weft.cloze(f"[instruction]\n\n{KOREAN}")).with_context(context)

    with weft.use(adapter=weft.cloze(KOREAN)):
        scoped = ablations(as_program(about("auto").with_context(context)))

    assert scoped == ablations(as_program(bare)) == {}
    assert [*ablations(as_program(told))] == ["about/context"]
