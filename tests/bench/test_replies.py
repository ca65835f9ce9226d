"""Replies are recorded once each, and a recording that was stopped goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.real.serving import Model
from bench.recorded.corpus import Corpus, figures
from bench.recorded.prompts import CASES, FORMS
from bench.replies import MAX_TOKENS, record
from tests.server import Reply, Server

pytestmark = pytest.mark.usefixtures("asked_as_by_users")

EVERY = len(FORMS) * len(CASES)


def asked(server: Server) -> int:
    """How many completions the server was asked for."""
    return sum(seen.path.endswith("completions") for seen in server.seen)


def test_a_recording_goes_on_where_it_was(tmp_path: Path) -> None:
    """Only what is missing on disk is asked for; the order there is always the same."""
    with Server(lambda body: Reply("???" if body else "{}")) as server:
        record(Model("fake", server.url), Corpus.of("fake", tmp_path))
        whole = (tmp_path / "fake.jsonl").read_text(encoding="utf-8")
        first = asked(server)
        stopped = Corpus.of("fake", tmp_path)
        del stopped.replies[5:9]
        stopped.save()
        record(Model("fake", server.url), Corpus.of("fake", tmp_path))

        last = asked(server)

    assert (first, last) == (EVERY, EVERY + 4)
    assert (tmp_path / "fake.jsonl").read_text(encoding="utf-8") == whole
    found = Corpus.of("fake", tmp_path)
    assert found.head["max_tokens"] == MAX_TOKENS
    assert {reply.finish_reason for reply in found.replies} == {"stop"}


def test_a_schema_is_asked_for_where_the_form_is_enforced(tmp_path: Path) -> None:
    """And nowhere else; each case of each form is one call, whatever comes back."""
    with Server(lambda body: Reply("???")) as server:
        record(Model("fake", server.url), Corpus.of("fake", tmp_path))

        bodies = [seen.body for seen in server.seen if seen.body]

    enforced = sum("schema" in form for form in FORMS)
    held = [body for body in bodies if body.keys() & {"response_format", "grammar"}]
    assert len(held) == enforced * len(CASES)
    read = figures(Corpus.of("fake", tmp_path).replies)
    # To a text that is continued, anything is a free text.
    assert all(read[form] == 0 for form in FORMS if "completion" not in form)
