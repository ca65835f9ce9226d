"""Servers of local models live as long as their process, and no longer."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.lm.ggufs import write_model
from tests.pipeline.lm.serving import ask, gone, heard, lives, owner, server_ids
from tests.pipeline.lm.support import asking
from tests.timing import PATIENCE
from weft.pipeline.errors import ConfigError, ConnectError
from weft.pipeline.lm.local import server as server_file
from weft.pipeline.lm.local.server import SERVERS
from weft.pipeline.lm.models import LM

WHEEL = str(Path(__file__).with_name("llama"))


@pytest.fixture(autouse=True)
def _wheel(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The wheel is one that stands in for llama.cpp, in this process and in others."""
    monkeypatch.syspath_prepend(WHEEL)
    monkeypatch.setenv("PYTHONPATH", WHEEL)
    yield
    SERVERS.stop()


@pytest.fixture
def model(tmp_path: Path) -> str:
    return f"local/{write_model(tmp_path / 'mine.gguf')}"


def pid(answer: str) -> int:
    told: dict[str, int] = json.loads(answer)
    return told["pid"]


def test_nothing_starts_before_it_is_asked(model: str) -> None:
    """To name a model starts no server; the first call does."""
    lm = LM(model)
    before = server_ids()

    answer = ask(lm)

    assert before == []
    assert server_ids() == [pid(answer)]


def test_one_server_for_all_who_ask_for_the_same(model: str) -> None:
    """Models, threads and loops share the server of one file, context and slots."""
    answers: list[str] = []

    def work() -> None:
        answers.append(ask(LM(model, temperature=0)))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answers.append(ask(LM(model, temperature=1, timeout=9)))

    assert len({pid(answer) for answer in answers}) == 1
    assert [pid(answers[0])] == server_ids()


def test_another_context_is_another_server(model: str) -> None:
    """What changes answers is not shared."""
    small, large = LM(model, context=512), LM(model, context=1024)

    told = [json.loads(ask(lm)) for lm in (small, large)]

    assert [each["context"] for each in told] == [512, 1024]
    assert told[0]["pid"] != told[1]["pid"]
    assert small.endpoint != large.endpoint


def test_the_key_is_nobody_elses(model: str) -> None:
    """It is in no command line and no environment, and no word of it is kept."""
    lm = LM(model)
    (served,) = [server_ids() for _ in [ask(lm)]]
    (running,) = SERVERS._started

    process = Path(f"/proc/{served[0]}")
    shown = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()

    assert len(running.key) >= 32
    assert running.key.encode() not in shown
    assert running.key not in f"{running!r} {lm!r} {lm.endpoint}"


def test_the_event_loop_goes_on_while_a_server_starts(model: str) -> None:
    """To start one takes a second, and other tasks run meanwhile."""
    lm, steps = LM(model), 0

    async def count() -> None:
        nonlocal steps
        while True:
            steps += 1
            await asyncio.sleep(0.001)

    async def both() -> None:
        counting = asyncio.create_task(count())
        await lm.complete(asking(lm))
        counting.cancel()

    asyncio.run(both())

    assert steps > 5


def test_a_caller_that_is_cancelled_takes_nothing_from_the_others(model: str) -> None:
    """Who waits for a start beside it gets an answer."""
    lm = LM(model)

    async def two() -> str:
        first = asyncio.create_task(lm.complete(asking(lm)))
        second = asyncio.create_task(lm.complete(asking(lm)))
        await asyncio.sleep(0)
        first.cancel()
        return (await second).text

    answer = asyncio.run(two())

    assert pid(answer) in server_ids()


@pytest.mark.parametrize("words", ["die", "break off"])
def test_the_call_that_sees_a_server_die_may_be_made_again(
    model: str, words: str
) -> None:
    """It gets an error that says so, and the next call starts the server again."""
    lm = LM(model)
    before = pid(ask(lm))

    with pytest.raises(
        ConnectError, match=r"'mine' died \(killed by SIGKILL\)"
    ) as died:
        ask(lm, words)
    after = pid(ask(lm))

    assert died.value.retryable
    assert "smaller context=" in died.value.hint
    assert not lives(before)
    assert server_ids() == [after]


def test_a_server_that_died_unseen_is_started_again(model: str) -> None:
    """Nobody need have been asking."""
    lm = LM(model)
    before = pid(ask(lm))
    os.kill(before, signal.SIGKILL)
    assert gone(before)

    after = pid(ask(lm))

    assert after != before


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    """The error holds the last lines that it wrote, and each caller gets its own."""
    lm = LM(f"local/{write_model(tmp_path / 'large.gguf', b'refuses')}")

    async def two() -> list[Any]:
        calls = [lm.complete(asking(lm)) for _ in range(2)]
        return await asyncio.gather(*calls, return_exceptions=True)

    first, second = asyncio.run(two())

    for error in (first, second):
        assert isinstance(error, ConfigError)
        assert (
            "server of 'large' ended (exit code 1) before it listened" in error.message
        )
        assert "E there is no room for it" in error.message
        assert "smaller context=" in error.hint
    assert first is not second
    assert server_ids() == []


def test_a_server_that_hangs_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is a bound to how long one waits for the weights."""
    monkeypatch.setattr(server_file, "_PATIENCE", 0.3)
    lm = LM(f"local/{write_model(tmp_path / 'slow.gguf', b'hangs')}")

    with pytest.raises(ConfigError, match="was not ready within 0 s"):
        ask(lm)


def test_a_file_that_changed_is_not_served_under_its_old_name(model: str) -> None:
    """The digest in keys and journals is that of what answers."""
    lm = LM(model)
    write_model(Path(model.removeprefix("local/")), b"other weights")

    with pytest.raises(ConfigError, match="another than when the model was made"):
        ask(lm)
    answer = ask(LM(model))

    assert pid(answer) in server_ids()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_server_goes_with_its_process_killed(
    model: str, number: signal.Signals
) -> None:
    """Nobody has to clean up after a kill."""
    with owner("waits", model) as process:
        (served,) = heard(process)
        before = lives(served)

        process.send_signal(number)

        assert before
        assert gone(served)


def test_a_server_goes_with_its_process(model: str) -> None:
    """An ordinary end is an end."""
    with owner("ends", model) as process:
        (served,) = heard(process)

        status = process.wait(PATIENCE)

    assert status == 0
    assert gone(served)


def test_a_fork_that_stays_does_not_keep_the_server(model: str) -> None:
    """The server is the parent's, and goes with it whoever else holds its pipe."""
    with owner("leaves a fork", model) as process:
        served, child = heard(process)
        process.kill()

        ended = gone(served)

        assert ended
        assert lives(child)
        os.kill(child, signal.SIGKILL)


def test_a_forked_process_has_servers_of_its_own(model: str) -> None:
    """It starts its own, and ends without an end to its parent's."""
    with owner("forks", model) as process:
        told = heard(process)

    assert told["status"] == 0
    assert told["theirs"] != told["ours"]
    assert told["after"] == told["ours"]
    assert gone(told["theirs"][0])


def test_ctrl_c_is_the_business_of_the_process_alone(model: str) -> None:
    """Who goes on after Ctrl-C has the server still; who ends leaves none behind."""
    with owner("interrupted", model) as process:
        before = heard(process)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does

        after = heard(process)
        status = process.wait(PATIENCE)

    assert after == before
    assert status == 0
    assert gone(before[0])


def test_where_no_process_can_be_made(
    model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interpreter that is not there is a wrong set-up, and costs no retries."""
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    lm = LM(model)
    before = len(list(Path("/proc/self/fd").iterdir()))

    with pytest.raises(ConfigError, match="no server for 'mine' can be started: No su"):
        ask(lm)

    assert len(list(Path("/proc/self/fd").iterdir())) <= before
