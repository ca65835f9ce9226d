"""Fakes answer what they were given, count what they were asked, and invent nothing."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import weft
from tests.pipeline.lm.support import asking
from weft.pipeline.calls.call import call
from weft.pipeline.errors import ConfigError, RateLimited
from weft.pipeline.lm.fakes import FunctionLM, RefusingLM, ReplayLM, ScriptedLM
from weft.pipeline.lm.lm import LanguageModel
from weft.pipeline.lm.request import Request, Response, Usage
from weft.pipeline.lm.soft.words import Soft


def test_they_are_language_models(tmp_path: Path) -> None:
    """Every fake satisfies the protocol that the runtime asks for."""
    fakes = [
        ScriptedLM([]),
        FunctionLM(lambda _: ""),
        RefusingLM(),
        ReplayLM(tmp_path / "r.jsonl", record=RefusingLM()),
    ]

    assert all(isinstance(fake, LanguageModel) for fake in fakes)


async def test_replies_in_order() -> None:
    """A list is given in order; at its end the next call is an error, not a guess."""
    lm = ScriptedLM(["a", Response("b", cost=1.0)])

    assert [(await lm.complete(asking(lm))).text for _ in range(2)] == ["a", "b"]
    with pytest.raises(
        ConfigError, match="script of 2 replies is at its end, and call 3"
    ):
        await lm.complete(asking(lm, "one more"))
    assert lm.calls == 3
    assert lm.requests[-1].messages[0].content == "one more"


async def test_replies_by_part() -> None:
    """A mapping answers by the first part that the last message holds."""
    lm = ScriptedLM({"France": "Paris", "Spain": "Madrid"})

    assert (await lm.complete(asking(lm, "capital of Spain?"))).text == "Madrid"
    with pytest.raises(ConfigError, match=r"no reply for .*Peru.* 'France', 'Spain'"):
        await lm.complete(asking(lm, "capital of Peru?"))


async def test_scripted_errors() -> None:
    """An error in a script is raised."""
    lm = ScriptedLM([RateLimited("slow down"), "ok"])

    with pytest.raises(RateLimited):
        await lm.complete(asking(lm))
    assert (await lm.complete(asking(lm))).text == "ok"


async def test_texts_count_words() -> None:
    """A reply that is a text has its tokens counted in words, and costs nothing."""
    lm = ScriptedLM(["three short words"])

    answer = await call(asking(lm, "two words"), lm)

    assert answer.usage == Usage(2, 3)
    assert answer.cost == 0.0


async def test_functions() -> None:
    """A function may be ordinary or async, and give a text or a response."""

    async def later(request: Request) -> Response:
        await asyncio.sleep(0)
        return Response(request.messages[0].content.upper())

    plain, waiting = FunctionLM(lambda r: r.messages[0].content), FunctionLM(later)

    assert (await plain.complete(asking(plain, "x"))).text == "x"
    assert (await waiting.complete(asking(waiting, "x"))).text == "X"
    assert (plain.calls, waiting.calls) == (1, 1)


async def test_refusing() -> None:
    """Any call is an error that shows what was asked."""
    lm = RefusingLM()

    with pytest.raises(ConfigError, match="asked where none should be: 'hello'"):
        await lm.complete(asking(lm, "hello"))
    assert lm.calls == 1


async def test_record_and_replay(tmp_path: Path) -> None:
    """What was recorded is replayed under the same name, endpoint, sampling and key."""
    file = tmp_path / "answers.jsonl"
    real = FunctionLM(lambda r: r.messages[0].content * 2, model="real")
    recording = ReplayLM(file, record=real)
    recorded = [await recording.complete(asking(recording, text)) for text in "ab"]

    replaying = ReplayLM(file)
    replayed = [await replaying.complete(asking(replaying, text)) for text in "ab"]

    assert replayed == recorded
    assert (replaying.model, replaying.endpoint) == ("real", "fake:real")
    assert asking(replaying).key == asking(real).key
    assert replaying.calls == real.calls == 2


async def test_only_what_is_missing_is_recorded(tmp_path: Path) -> None:
    """A file that is recorded into again keeps its answers and gains the new ones."""
    file = tmp_path / "answers.jsonl"
    real = FunctionLM(lambda _: "x")
    first = ReplayLM(file, record=real)
    await first.complete(asking(first, "a"))

    second = ReplayLM(file, record=real)
    for text in "aab":
        await second.complete(asking(second, text))

    assert real.calls == 2
    assert len(file.read_text().splitlines()) == 3
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "script", [{"card": "garbage"}, ["garbage"]], ids=["by part", "in order"]
)
def test_a_repair_without_a_reply_is_told_apart(script: Any) -> None:
    """The script's own reply could not be used: that is what there is to mend."""
    count = weft.Predict("message -> count: int")

    with (
        weft.use(lm=ScriptedLM(script), cache=None),
        pytest.raises(ConfigError, match="a repair: the reply 'garbage' could not"),
    ):
        count(message="my card")


def test_a_repair_can_be_scripted_by_how_it_begins() -> None:
    """As the remedy says."""
    count = weft.Predict("message -> count: int")
    replies = {"card": "garbage", "That reply could not be used": "[[ count ]]\n3"}

    with weft.use(lm=ScriptedLM(replies), cache=None):
        assert count(message="my card").count == 3


async def test_a_missing_recording_shows_the_difference(tmp_path: Path) -> None:
    """The error holds what differs from the nearest recorded request."""
    file = tmp_path / "answers.jsonl"
    recording = ReplayLM(file, record=FunctionLM(lambda _: "x"))
    for text in ("apples\nand pears", "something else"):
        await recording.complete(asking(recording, text))
    lm = ReplayLM(file)

    with pytest.raises(ConfigError) as caught:
        await lm.complete(asking(lm, "apples\nand plums"))

    assert str(caught.value).endswith(
        "differs in:\n-user: and pears\n+user: and plums\n"
        "Record it: ReplayLM(path, record=LM(...))"
    )
    assert "apples" not in str(caught.value)


def test_nothing_recorded(tmp_path: Path) -> None:
    """A file that is not there is an error that says how to record one."""
    with pytest.raises(ConfigError, match=r"ReplayLM\(path, record="):
        ReplayLM(tmp_path / "none.jsonl")


@pytest.mark.parametrize("line", ["{", "[]", '{"request": 1, "response": 2}', '"x"'])
async def test_damaged_recordings(tmp_path: Path, line: str) -> None:
    """A line that is no recording is an error that names it."""
    file = tmp_path / "answers.jsonl"
    recording = ReplayLM(file, record=FunctionLM(lambda _: "x"))
    await recording.complete(asking(recording))
    file.write_text(f"{file.read_text()}{line}\n")

    with pytest.raises(ConfigError, match=r"line 3 of .* is no recording"):
        ReplayLM(file)


def test_recordings_of_another_model(tmp_path: Path) -> None:
    """A file of one model is not continued with another."""
    file = tmp_path / "answers.jsonl"
    ReplayLM(file, record=FunctionLM(lambda _: "x", model="one"))

    with pytest.raises(ConfigError, match="recordings of 'one'"):
        ReplayLM(file, record=FunctionLM(lambda _: "x", model="two"))


def test_recordings_are_plain_json(tmp_path: Path) -> None:
    """A recording is JSON lines that other tools can read."""
    file = tmp_path / "answers.jsonl"
    recording = ReplayLM(file, record=FunctionLM(lambda _: "x"))
    asyncio.run(recording.complete(asking(recording, "q")))

    head, line = map(json.loads, file.read_text().splitlines())

    assert head["model"] == "function"
    assert line["request"]["messages"] == [["user", "q"]]
    assert line["response"]["text"] == "x"


async def test_what_was_trained_is_recorded_by_its_digest(tmp_path: Path) -> None:
    """Requests that differ by their soft words alone are told apart when read back."""
    file = tmp_path / "answers.jsonl"
    said = iter(["one", "two"])
    recording = ReplayLM(file, record=FunctionLM(lambda _: next(said)))
    model = f"sha256:{'0' * 64}"
    words = (Soft("w", "after", bytes([n] * 16), 2, 2, model) for n in range(2))
    asked = [replace(asking(recording, "hi"), soft=soft) for soft in words]
    for one in asked:
        await recording.complete(one)

    replaying = ReplayLM(file)
    assert [(await replaying.complete(one)).text for one in asked] == ["one", "two"]
