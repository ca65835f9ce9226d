"""Parsers on replies that real models gave: values or a ParseError, and nothing else.

The replies are recorded by `python -m bench replies` from made-up prompts, with the
model, its server and its sampling at the head of each file.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from bench.recorded.corpus import FIGURES, FOLDER, Corpus, Recorded, figures
from bench.recorded.prompts import CASES, FORMS
from weft.errors import ParseError
from weft.pipeline.adapters import adapter_of
from weft.pipeline.signature.signature import spec_of

MODELS = sorted(path.stem for path in FOLDER.glob("*.jsonl"))
PARAMETERS = pytest.mark.parametrize("model", MODELS)
STEPS_TO_START = 400


def replies(model: str) -> list[Recorded]:
    return Corpus.of(model).replies


def streamed(recorded: Recorded, size: int) -> dict[str, str]:
    """What a reader gives out, by field, for a reply in pieces of this size."""
    adapter = adapter_of(recorded.form)
    reader = adapter.reader(spec_of(recorded.module.asked), "")
    found: dict[str, str] = {}
    for at in range(0, len(recorded.reply), size):
        for delta in reader.feed(recorded.reply[at : at + size]):
            found[delta.field] = found.get(delta.field, "") + delta.text
    return found


def steps(act: Callable[[], Any]) -> int:
    """How many calls of functions an act takes, C functions among them."""
    count = 0

    def counted(frame: Any, event: str, what: Any) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(counted)
    try:
        act()
    finally:
        sys.setprofile(before)
    return count


@PARAMETERS
def test_the_corpus_says_where_it_comes_from(model: str) -> None:
    """Model, file, server, sampling and day, and every case in every form once."""
    corpus = Corpus.of(model)

    assert corpus.missing() == []
    assert len(corpus.replies) == len(FORMS) * len(CASES)
    named = {"model", "file", "sha256", "server", "temperature", "max_tokens", "date"}
    assert named <= set(corpus.head)


@PARAMETERS
def test_a_reply_is_read_or_refused(model: str) -> None:
    """Nothing else is raised, and no field is left out of what is read."""
    for recorded in replies(model):
        module = recorded.module
        with contextlib.suppress(ParseError):
            values = module.parse(recorded.reply)
            assert all(hasattr(values, name) for name in module.spec.outputs), recorded


@PARAMETERS
def test_a_reply_reads_alike_in_pieces(model: str) -> None:
    """A character at a time gives out what the whole does, and a text is its value."""
    for recorded in replies(model):
        module = recorded.module
        whole = streamed(recorded, max(1, len(recorded.reply)))

        assert streamed(recorded, 1) == whole, recorded
        with contextlib.suppress(ParseError):
            values = module.parse(recorded.reply)
            for name in whole:
                if module.spec.outputs[name].annotation is str:
                    value = values if module.single else getattr(values, name)
                    assert whole[name] == value, recorded


@PARAMETERS
def test_a_reply_takes_steps_by_its_length(model: str) -> None:
    """Refused or read, one eight times as long takes about eight times the steps."""
    for recorded in _longest_of_each_form(model):
        once = steps(partial(_tried, recorded.module, recorded.reply))
        eight = steps(partial(_tried, recorded.module, recorded.reply * 8))

        assert eight <= 10 * once + STEPS_TO_START, recorded


@PARAMETERS
def test_reading_gets_no_worse(model: str) -> None:
    """Each form reads as many replies as were read when the figures were written.

    After parsers got better: `python -m bench replies --write`.
    """
    known = json.loads(FIGURES.read_text(encoding="utf-8"))[model]

    read = figures(replies(model))

    assert {form: many for form, many in read.items() if many < known[form]} == {}


def _tried(module: Any, text: str) -> None:
    with contextlib.suppress(ParseError):
        module.parse(text)


def _longest_of_each_form(model: str) -> Iterator[Recorded]:
    for form in FORMS:
        mine = [one for one in replies(model) if one.form == form]
        yield max(mine, key=lambda one: len(one.reply))
