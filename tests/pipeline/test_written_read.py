"""Whatever is written is read again by its own reader, or refused before it is paid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import weft
from tests.compilers.worlds import exact, model, planted_rows
from weft.compilers import LabeledFewShot
from weft.errors import ConfigError
from weft.pipeline.ground.files import AppendLog
from weft.pipeline.ground.plain import plain
from weft.pipeline.ground.strictjson import keepable, loads

ROWS = planted_rows(40)


def deep(levels: int) -> Any:
    made: Any = 1
    for _ in range(levels):
        made = [made]
    return made


class Anything(weft.Signature):
    """Answer."""

    text: str = weft.Input()
    answer: Any = weft.Output()


ask = weft.Predict(Anything, name="ask", adapter="json")
REPLIES = {
    "long": '"' + "x" * 9_000_000 + '"',
    "as deep as a reply may be": "[" * 98 + "]" * 98,
    "many": "[" + ",".join(["1"] * 100_000) + "]",
    "many digits": "9" * 1000,
    "odd characters": '"\\u0000\\u2028\\ud83e\\uddf5\\n"',
}


@pytest.mark.parametrize("kind", REPLIES)
def test_a_journal_takes_any_reply_twice(kind: str, tmp_path: Path) -> None:
    """The second compile finds each answer and asks nobody."""
    asked = list[weft.Request]()

    def reply(request: weft.Request) -> str:
        asked.append(request)
        return f'{{"answer": {REPLIES[kind]}}}'

    def run() -> None:
        with weft.use(lm=weft.FunctionLM(reply), cache=None):
            weft.compile(
                ask,
                [{"text": f"row {n}", "answer": "no"} for n in range(6)],
                metric=exact_text,
                compiler=LabeledFewShot(demos=1),
                run_dir=tmp_path / "run",
            )

    run()
    before = len(asked)
    run()

    assert len(asked) == before


def exact_text(row: weft.Example, given: Any) -> float:
    return float(str(given)[:9] == "no")


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ("text", "x" * 9_000_000),
        *(
            (part, text)
            for part in ("model", "request_id", "reasoning")
            for text in ("\ud800", "a\udfff", "x" * 9_000_000)
        ),
    ],
)
def test_a_journal_takes_any_text_of_a_model(
    part: str, text: str, tmp_path: Path
) -> None:
    """What came is kept as it came: it was paid for."""
    asked = list[weft.Request]()

    def reply(request: weft.Request) -> weft.Response:
        asked.append(request)
        said: Any = {"text": "[[ label ]]\nK1\n[[ /end ]]", part: text}
        return weft.Response(**said)

    def run() -> None:
        with weft.use(lm=weft.FunctionLM(reply), cache=None):
            weft.compile(
                weft.Predict("text -> label", name="classify"),
                ROWS[:12],
                metric=exact,
                compiler=LabeledFewShot(demos=1),
                run_dir=tmp_path / "run",
            )

    run()
    before = len(asked)
    run()

    assert len(asked) == before


VALUES: dict[str, Any] = {
    "as deep as a reply": deep(99),
    "deeper": deep(150),
    "too deep": deep(250),
    "deeper than repr": deep(3000),
    "long": "x" * 9_000_000,
    "many digits": 10**1500,
    "more digits": 10**5000,
    "no number": float("nan"),
    "half a character": "\ud800",
    "two keys that are one": {1: "a", "1": "b"},
    "no data": object(),
}


@pytest.mark.parametrize("kind", VALUES)
def test_a_batch_reads_the_file_that_it_wrote(kind: str, tmp_path: Path) -> None:
    """The same call once more finds every row done, and the file as it was."""

    @weft.step
    def give(text: str) -> Any:
        return VALUES[kind]

    @weft.program
    def giving(text: str) -> Any:
        return give(text)

    path, rows = tmp_path / "out.jsonl", [{"text": "a"}, {"text": "b"}]
    weft.batch_to(giving, rows, path, on_error="keep")
    before = path.read_bytes()
    again = weft.batch_to(giving, rows, path, on_error="keep")

    assert (again.rows, again.resumed) == (2, 2)
    assert path.read_bytes() == before


@pytest.mark.parametrize("levels", [1, 99, 180])
def test_what_can_be_kept_is_kept_as_it_is(levels: int) -> None:
    """A reply is read to 100 levels, and what it is put into adds some."""
    assert plain(deep(levels), repr) == deep(levels)
    assert loads(keepable({"value": [deep(levels)]}), own=True)


@pytest.mark.parametrize("value", [deep(250), 10**1500, [10**2000], {"a": deep(195)}])
def test_what_could_not_be_read_again_is_no_data(value: Any) -> None:
    """It is written as its text, as other values without a JSON form are."""
    assert isinstance(plain(value, lambda _: "text"), str)
    with pytest.raises(ValueError, match=r"nested|digits"):
        keepable(value)


def test_a_row_whose_id_is_no_text_is_refused(tmp_path: Path) -> None:
    """Before anything is run for it."""

    @weft.program
    def echo(text: str) -> str:
        return text

    with pytest.raises(weft.errors.DataError, match="lone surrogate"):
        weft.batch_to(echo, [{"id": "\ud800", "text": "a"}], tmp_path / "out.jsonl")


@pytest.mark.parametrize("char", ["x", "é", "\u4e2d", "\U0001f9f5"])
def test_an_artifact_is_measured_in_characters(char: str, tmp_path: Path) -> None:
    """What `save` takes `load` takes, whatever its characters take on disk."""
    module = weft.Predict("text -> mood", char * 2_200_000, name="feel")

    path = weft.save(module, tmp_path / "feel.weft.json")

    assert weft.load(path).name == "feel"


@pytest.mark.parametrize(
    "value", [deep(61), deep(95), 10**1200, [{"a": deep(70)}], {"a": [10**1001]}]
)
def test_a_demo_that_no_artifact_can_hold_is_refused(value: Any) -> None:
    """When it is given, and not when all is paid for and to be saved."""
    with pytest.raises(ConfigError, match="no artifact can hold"):
        ask.with_(demos=[weft.Demo({"text": "a", "answer": value})])


@pytest.mark.parametrize("value", [deep(40), deep(70), deep(95), "x" * 1_500_000])
def test_a_compile_picks_demos_that_it_can_save(value: Any, tmp_path: Path) -> None:
    """A row that is too large for a demo is scored as ever, and is no demo."""
    rows = [{"text": f"row {n}", "answer": value} for n in range(12)]

    def reply(request: weft.Request) -> str:
        return '{"answer": 1}'

    with weft.use(lm=weft.FunctionLM(reply), cache=None):
        result = weft.compile(
            ask,
            rows,
            metric=lambda row, given: 0.0,
            compiler=LabeledFewShot(demos=8),
            seed=0,
        )
        path = result.save(tmp_path / "ask.weft.json")
        ranked = [weft.save(each, path) for each in result.ranking]

    assert ranked


def test_a_best_that_cannot_be_kept_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The compile goes on: its journal has every answer."""
    (tmp_path / "run" / "best.weft.json").mkdir(parents=True)
    (tmp_path / "run" / "best.weft.json" / "x").touch()

    with weft.use(lm=model(), cache=None):
        weft.compile(
            weft.Predict("text -> label", name="classify"),
            ROWS,
            metric=exact,
            compiler=LabeledFewShot(demos=2),
            run_dir=tmp_path / "run",
        )

    assert caplog.text.count("the best so far is not kept") == 1


def test_a_line_that_would_not_be_read_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One limit for both: what is there stays, and further lines can follow."""
    monkeypatch.setattr("weft.pipeline.ground.files._LONGEST_LINE", 10)

    with AppendLog(tmp_path / "log") as log:
        log.append(b"one\n")
        with pytest.raises(OSError, match="more than 10 bytes"):
            log.append(b"x" * 20 + b"\n")
        log.append(b"two\n")
        found = list(log.read(bytes))

    assert found == [b"one", b"two"]
