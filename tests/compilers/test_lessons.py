"""What is learnt is what is asked for: the reply of a lesson continues its request.

Nothing here needs torch: a lesson is two texts.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import weft
from weft.compilers.training.lessons import lesson_of
from weft.pipeline.adapters.template import with_text
from weft.pipeline.lm.form import form_of
from weft.pipeline.lm.soft.words import Soft
from weft.pipeline.parameters import Demo
from weft.pipeline.run.settings import current

SIGNATURE = "text -> topic: Literal['transfer', 'talk', 'top up']"
DEMO = Demo({"text": "I sent it", "topic": "transfer"})


def asking(form: Any, lm: Any) -> Any:
    return weft.Predict(SIGNATURE, "Name the topic.", lm=lm, adapter=form, repairs=0)


def model(*, base: bool) -> weft.LM:
    return weft.LM(
        "m",
        api_base="http://127.0.0.1:9/v1",
        base=base,
        max_tokens=20,
        abilities={"soft": ("a",)},
    )


@pytest.mark.parametrize(
    ("template", "reply", "whole"),
    [
        ("[x] It is about [z].", " transfer", "I sent it It is about transfer"),
        ("[x] It is about[z].", "transfer", "I sent it It is abouttransfer"),
        ("[x]\nTopic: [z]\n", " transfer", "I sent it\nTopic: transfer"),
        ("[x], a t [z]", " transfer", "I sent it, a t transfer"),
    ],
)
def test_a_filled_gap_is_the_template_with_its_answer(
    template: str, reply: str, whole: str
) -> None:
    """Whole, and with its blank: an answer that began as its text ended lost that."""
    lm = model(base=True)

    lesson = lesson_of(asking(weft.cloze(template), lm), lm, DEMO, None)

    assert lesson.reply == reply
    assert lesson.request.messages[-1].text + lesson.reply == whole


@pytest.mark.parametrize(
    ("form", "base"),
    [
        ("chat", False),
        ("plain", False),
        ("json", False),
        ("xml", False),
        ("completion", True),
        (weft.cloze("[x] It is about [z]."), True),
        (weft.cloze("[x] It is about [z]."), False),
    ],
    ids=["chat", "plain", "json", "xml", "completion", "cloze", "cloze in turns"],
)
def test_the_reply_that_is_learnt_is_read_as_its_label(form: Any, base: bool) -> None:
    """In every form: a model that says it is right at its first call."""
    lm = model(base=base)
    lesson = lesson_of(asking(form, lm), lm, DEMO, None)

    said = weft.FunctionLM(lambda _: lesson.reply)
    with weft.use(cache=None):
        module = asking(form, said)
        assert module(text="I sent it").topic == "transfer"


@pytest.mark.parametrize(
    "template",
    [
        "[x]\nIt is [z].",
        "[x] is [z]",
        "[x][z]",
        "Say: [x]\n\nTopic:   [z]\n",
        "[[sic] [x] [[x] is for [z]",
    ],
)
@pytest.mark.parametrize("base", [True, False], ids=["a text", "in turns"])
def test_words_are_found_where_they_will_stand(template: str, base: bool) -> None:
    """What is sent is what was learnt from, with words of text for those of numbers."""
    lm, form = model(base=base), form_of(weft.cloze(template))
    soft = Soft("a", "before", bytes(8), 2, 1, "sha256:" + "0" * 64)

    def lesson(text: str, soft: Soft | None) -> Any:
        told = replace(form, template=with_text(template, text))
        asked = asking(str(told), lm)
        settled = current().form_for(str(told), lm, asked.spec)
        return lesson_of(asked, lm, DEMO, soft, settled)

    learnt = lesson(soft.text, soft)
    sent = lesson(" odd [x] words", None)

    texts = [one.request.messages[-1].text for one in (learnt, sent)]
    assert texts[0].count(soft.text) == 1
    assert texts[0].replace(soft.text, " odd [x] words") == texts[1]
    assert learnt.reply == sent.reply
    assert learnt.request.soft == soft
