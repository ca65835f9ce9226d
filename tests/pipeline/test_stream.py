"""Streaming a run: typed events while it goes on, over real server-sent events."""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

import weft
from tests.server import Reply, Server
from tests.timing import PATIENCE, seen
from weft.pipeline.events import (
    Event,
    FieldDelta,
    Finished,
    NodeFinished,
    NodeStarted,
    Partial,
    Restarted,
)
from weft.pipeline.run.bridge import on_background

WORDS = "one two three four five six seven eight nine ten eleven twelve"
REPLIES: dict[str, Callable[[str], str]] = {
    "chat": lambda text: f"[[ answer ]]\n{text}\n[[ /end ]]",
    "json": lambda text: f'{{"answer": "{text}"}}',
    "xml": lambda text: f"<answer>{text}</answer>",
}


def two_levels(adapter: str) -> weft.Program[[str], str]:
    """A program that calls a program that calls a module."""
    reply = weft.Predict("question -> answer", name="reply", adapter=adapter)

    @weft.program
    def inner(question: str) -> str:
        return reply(question=question).answer

    @weft.program
    def outer(question: str) -> str:
        return inner(question=question)

    return outer


def joined(events: list[Event]) -> str:
    """All pieces of `answer`."""
    of_it = (e for e in events if isinstance(e, FieldDelta) and e.field == "answer")
    return "".join(e.text for e in of_it)


@pytest.mark.parametrize("adapter", ["chat", "json", "xml"])
async def test_words_arrive_before_the_server_is_done(
    adapter: str, server: Server
) -> None:
    """The first words come out while the server keeps back the last pieces."""
    heard, looks = threading.Event(), itertools.count()
    server.script(
        Reply(REPLIES[adapter](WORDS), until=lambda: next(looks) < 7 or heard.is_set())
    )
    program = two_levels(adapter)

    events = list[Event]()
    with weft.use(lm=weft.LM("m", api_base=server.url), cache=None):
        async for event in program.astream(question="count"):
            events.append(event)
            if isinstance(event, FieldDelta) and not heard.is_set():
                assert server.ended == []
                heard.set()

    assert joined(events) == WORDS
    assert {e.path for e in events if isinstance(e, FieldDelta)} == {"inner/reply"}
    assert isinstance(events[-1], Finished)
    assert events[-1].value == WORDS
    assert server.count == 1


async def test_events_come_in_order(server: Server) -> None:
    """A node starts, writes, is told in part, finishes; the value comes last."""
    server.script(Reply(REPLIES["chat"](WORDS)))
    module = weft.Predict("question -> answer", name="reply")

    @weft.program
    def qa(question: str) -> str:
        return module(question=question).answer

    with weft.use(lm=weft.LM("m", api_base=server.url), cache=None):
        events = [event async for event in qa.astream(question="count")]

    kinds = [type(event) for event in events if not isinstance(event, FieldDelta)]
    assert kinds == [NodeStarted, Partial, NodeFinished, Finished]
    last = events[-1]
    assert isinstance(last, Finished)
    assert last.trace.usage.output_tokens > 0


@pytest.mark.parametrize("adapter", ["chat", "json", "xml"])
async def test_replies_at_the_same_time_are_told_apart(
    adapter: str, server: Server
) -> None:
    """Items of an `each` share a path; `order` says whose the pieces are."""
    words = ["one two three four", "five six seven eight", "nine ten eleven twelve"]
    replies = [REPLIES[adapter](text) for text in words]
    server.script(*(Reply(text, until=lambda: server.count == 3) for text in replies))
    inner = two_levels(adapter)

    @weft.program
    def qa(questions: list[str]) -> list[str]:
        return weft.each(questions, lambda q: inner(question=q))

    pieces: dict[tuple[int, ...], str] = {}
    partial: dict[tuple[int, ...], str] = {}
    with weft.use(lm=weft.LM("m", api_base=server.url), cache=None):
        async for event in qa.astream(questions=["a", "b", "c"]):
            match event:
                case FieldDelta(_, _, text, order):
                    pieces[order] = pieces.get(order, "") + text
                case Partial(_, fields, order):
                    partial[order] = fields["answer"]
                case NodeFinished(path) if path.endswith("reply"):
                    assert pieces[event.order] == event.run.outputs["answer"]
                case Finished(value):
                    answers = value

    assert sorted(words) == sorted(answers)
    assert [pieces[order] for order in sorted(pieces)] == answers
    assert pieces == partial


def test_models_that_do_not_stream_tell_their_reply_at_once() -> None:
    """A model without streaming gives its fields in one piece each."""
    program = two_levels("chat")

    with weft.use(lm=weft.FunctionLM(lambda _: REPLIES["chat"](WORDS)), cache=None):
        events = list(program.stream(question="count"))

    assert joined(events) == WORDS
    assert isinstance(events[-1], Finished)


@pytest.mark.parametrize("adapter", ["chat", "json", "xml"])
def test_a_text_that_may_be_missing_is_told_as_text(adapter: str) -> None:
    """Piece by piece, without the quotes and escapes of the form."""
    said = 'say "hi"\nnow'
    ask = weft.Predict("question -> note: str | None", adapter=adapter)

    with weft.use(lm=weft.ScriptedLM([{"note": said}]), cache=None):
        *events, _ = ask.stream(question="q")

    assert "".join(e.text for e in events if isinstance(e, FieldDelta)) == said


def test_cached_replies_stream_too(server: Server) -> None:
    """A reply from the cache is told like any other, and costs no call."""
    server.script(Reply(REPLIES["chat"](WORDS)))
    program = two_levels("chat")
    lm = weft.LM("m", api_base=server.url)

    with weft.use(lm=lm, cache=weft.MemoryCache()):
        program(question="count")
        events = list(program.stream(question="count"))

    assert joined(events) == WORDS
    assert server.count == 1


READ_OTHERWISE = [
    (
        "chat",
        "n: int, answer",
        "[[ n ]]7[[ answer ]]Rome</think>[[ n ]]7[[ answer ]]Paris",
    ),
    ("json", "answer", '{true#1: {"answer": "Paris"}'),
    ("xml", "answer", "so <answer>Rome</think><Answer>Paris</Answer>"),
    ("plain", "answer", "so Answer: Rome</think>answer: Paris"),
]


@pytest.mark.parametrize(("adapter", "outputs", "reply"), READ_OTHERWISE)
async def test_what_was_told_in_the_end_is_what_was_read(
    server: Server, adapter: str, outputs: str, reply: str
) -> None:
    """Also where only the whole reply tells what of it is the answer."""
    server.script(Reply(reply))
    ask = weft.Predict(f"question -> {outputs}", adapter=adapter)

    with weft.use(lm=weft.LM("m", api_base=server.url), cache=None):
        events = [event async for event in ask.astream(question="Where?")]

    begun = [i for i, event in enumerate(events) if isinstance(event, Restarted)]
    assert joined(events[begun[-1] if begun else 0 :]) == "Paris"
    assert isinstance(events[-1], Finished)
    assert events[-1].value.answer == "Paris"


async def test_an_unusable_reply_starts_anew(server: Server) -> None:
    """After a reply that cannot be used, what was told of it is taken back."""
    bad = "[[ answer ]]\nwrong\n[[ answer ]]\ntwice"
    server.script(Reply(bad), Reply(REPLIES["chat"](WORDS)))
    program = two_levels("chat")

    with weft.use(lm=weft.LM("m", api_base=server.url), cache=None):
        events = [event async for event in program.astream(question="count")]

    at = next(n for n, e in enumerate(events) if isinstance(e, Restarted))
    assert joined(events[at:]) == WORDS
    assert server.count == 2


async def test_a_broken_stream_is_tried_again(server: Server) -> None:
    """A stream that breaks off is asked for again, and the pieces start anew."""
    server.script(
        Reply(REPLIES["chat"](WORDS), pieces=4), Reply(REPLIES["chat"](WORDS))
    )
    program = two_levels("chat")
    retry = weft.RetryPolicy(base=0.01)

    lm = weft.LM("m", api_base=server.url)
    with weft.use(lm=lm, cache=None, retry=retry):
        events = [event async for event in program.astream(question="count")]

    assert any(isinstance(event, Restarted) for event in events)
    assert isinstance(events[-1], Finished)
    assert events[-1].value == WORDS


async def test_leaving_early_cancels_the_run(server: Server) -> None:
    """Who stops listening stops the run, and the server's connection with it."""
    server.script(Reply(REPLIES["chat"](WORDS * 5_000), pace=0.01))  # for minutes
    program = two_levels("chat")

    with weft.use(lm=weft.LM("m", api_base=server.url), cache=None):
        events = program.astream(question="count")
        async for event in events:
            if isinstance(event, FieldDelta):
                break
        await events.aclose()
    await seen(lambda: server.in_flight == 0)

    assert server.ended == []


LEFT_OPEN = """
import sys
import weft

ask = weft.Predict("question -> answer", name="ask",
                   lm=weft.FunctionLM(lambda _: "[[ answer ]]\\nyes"))
events = ask.stream(question="count")
print(type(next(events)).__name__)
if "cycle" in sys.argv:
    held = [events]
    held.append(held)
    del events, held
"""


@pytest.mark.parametrize("held", ["name", "cycle"])
def test_a_stream_that_is_left_open_ends_with_its_process(held: str) -> None:
    """Whether the interpreter's end or its last collection comes upon it."""
    done = subprocess.run(
        [sys.executable, "-c", LEFT_OPEN, held],
        check=True,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )

    assert done.stdout == "NodeStarted\n"
    assert done.stderr == ""


async def test_a_stream_that_is_collected_on_the_loop_cancels_its_run(
    server: Server,
) -> None:
    """The collector runs on whatever thread allocates, the loop's own among them."""
    server.script(Reply(REPLIES["chat"](WORDS * 5_000), pace=0.01))  # for minutes

    def begun() -> list[object]:
        with weft.use(lm=weft.LM("m", api_base=server.url), cache=None):
            events = two_levels("chat").stream(question="count")
            assert any(isinstance(event, FieldDelta) for event in events)
        return [events]

    async def collect() -> None:
        held.clear()

    held = await asyncio.to_thread(begun)
    await on_background(collect())
    await seen(lambda: server.in_flight == 0)

    assert server.ended == []


def test_errors_come_after_their_events() -> None:
    """A failing node's error is raised where its events end."""
    program = two_levels("chat")
    seen: list[Event] = []

    with (
        weft.use(lm=weft.FunctionLM(lambda _: "nonsense"), cache=None),
        pytest.raises(weft.errors.ParseError),
    ):
        seen.extend(program.stream(question="count"))

    with weft.use(lm=weft.FunctionLM(lambda _: "nonsense"), cache=None):
        stream = program.stream(question="count")
        assert isinstance(next(stream), NodeStarted)
        stream.close()
