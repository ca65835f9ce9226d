"""Answer words as candidates: found in rows, raced, verified, kept and budgeted."""

from __future__ import annotations

import json
import math
import os
import random
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pytest

import weft
from tests.compilers.worlds import artifact
from tests.server import Reply, Server
from weft.compilers import LabelWords, Sequence, Thresholds
from weft.errors import QuoteError

ROOT = Path(__file__).parents[2]
exact = weft.metrics.exact


class Mood(weft.Signature):
    """How does the reviewer feel?"""

    text: str = weft.Input()
    mood: Literal["pos", "neg"] = weft.Output()


class Both(weft.Signature):
    """How is it?"""

    gist: str = weft.Input()
    mood: Literal["pos", "neg"] = weft.Output()
    warm: bool = weft.Output()


def shares(text: str, *, telling: bool = True) -> dict[str, float]:
    """What a planted model says next: of its own labels nothing can be read.

    Two words tell glad texts from sad ones, and one more does a little.
    """
    rng = random.Random(text)
    glad = "sun" in text if telling else rng.random() < 0.5
    return {
        " the": 0.4,
        " Lovely": rng.uniform(0.02, 0.08) if glad else rng.uniform(0.01, 0.03),
        " bleak": rng.uniform(0.001, 0.01) if glad else rng.uniform(0.01, 0.03),
        " joy": rng.uniform(0.02, 0.05) if glad else rng.uniform(0.005, 0.02),
        " so": rng.uniform(0.02, 0.06),
        " pos": rng.uniform(0.05, 0.09),
        " neg": rng.uniform(0.01, 0.03),
    }


def top_of(said: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    """Log-probabilities, the likeliest first."""
    ranked = sorted(said.items(), key=lambda pair: -pair[1])
    return tuple((word, math.log(share)) for word, share in ranked)


def told(said: Mapping[str, float]) -> weft.Response:
    """A reply of the likeliest word, with what else was likely."""
    top = top_of(said)
    return weft.Response(top[0][0], logprobs=(weft.TokenLogprob(*top[0], top),))


def planted(*, telling: bool = True) -> weft.FunctionLM:
    """A model whose words tell, or tell nothing."""
    return weft.FunctionLM(
        lambda request: told(shares(request.messages[-1].text, telling=telling))
    )


def rows_of(count: int, seed: int = 0) -> list[dict[str, str]]:
    """As many glad texts as sad ones."""
    made = [("sun", "pos"), ("rain", "neg")]
    return [
        {"text": f"{made[n % 2][0]} {seed}.{n}", "mood": made[n % 2][1]}
        for n in range(count)
    ]


def feel_of(**options: Any) -> Any:
    """What decides by a template, one call a row."""
    asked = weft.Predict(Mood, adapter=weft.cloze("[text]\nIt was [z]"))
    given: dict[str, Any] = {"by": "top", "name": "feel", **options}
    return weft.Classify(asked, **given)


def answer(body: dict[str, Any]) -> Reply:
    """The planted model over the wire: its likeliest words, or a forced answer."""
    prompt = body["prompt"] if "prompt" in body else body["messages"][-1]["content"]
    said = shares(prompt)
    ranked = top_of(said)
    if "grammar" in body:
        word = json.loads(body["grammar"].removeprefix("root ::= "))
        ranked = ((word, math.log(said.get(f" {word.strip()}", 0.002))),)
    tokens = [{"token": word, "logprob": log} for word, log in ranked]
    content = [{**tokens[0], "top_logprobs": tokens}]
    choice = {"message": {"content": ranked[0][0]}, "logprobs": {"content": content}}
    tree = {"choices": [{**choice, "finish_reason": "stop"}]}
    return Reply(body=json.dumps(tree).encode())


def compiled(program: Any, rows: Any, compiler: Any = None, **options: Any) -> Any:
    """A compile by answer words."""
    given: dict[str, Any] = {"metric": exact("mood"), **options}
    return weft.compile(program, rows, compiler=compiler or LabelWords(), **given)


def test_words_are_found_raced_verified_and_shown(tmp_path: Path) -> None:
    """As `find_words` finds them; `diff`, `explain`, `save` and `load` know them."""
    rows, feel = rows_of(200), feel_of()
    with weft.use(lm=(lm := planted()), cache=None):
        quote = weft.quote(feel, rows, metric=exact("mood"), compiler=LabelWords())
        assert lm.calls == 0
        result = compiled(feel, rows)
        report, made = result.report, result.program
        assert lm.calls == report.calls <= quote.calls.high
        by_hand = weft.find_words(feel, rows, words_per_label=3)
        parts = weft.explain(made, rows[:40], exact("mood"), base=feel).parts

    assert report.improved
    assert report.score.mean > report.seed_score.mean + 0.2
    assert {*report.winner.values} == {"feel/words", "feel/rule"}
    assert made.words["mood"].words == by_hand.words["mood"].words
    assert made.prior is not None
    assert "feel/words\n  + mood: pos is " in report.diff()
    assert "feel/words" in weft.diff(feel, made).parameters
    assert {part.name for part in parts} >= {"feel/words", "feel/rule"}
    origins = [line.origin for line in report.tried]
    assert "the words that are there, with a prior" in origins
    path = result.save(tmp_path / "feel.weft.json")
    for loaded in (weft.load(path), weft.load(path, program=feel_of())):
        assert loaded.words == made.words
        assert loaded.rules == made.rules


def test_what_the_prior_gains_is_not_put_down_to_the_words() -> None:
    """Words that say all there is to say are kept, and get the prior alone."""
    own = {"pos": ["joy"], "neg": ["bleak"]}
    with weft.use(lm=planted(), cache=None):
        bare = compiled(feel_of(words=own), rows_of(200))
        plain = compiled(feel_of(words=own), rows_of(200), LabelWords(calibrated=False))

    assert {*bare.report.winner.values} <= {"feel/words", "feel/rule"}
    assert bare.program.words["mood"].words == {"pos": ("joy",), "neg": ("bleak",)}
    assert not plain.report.winner.values


def test_the_words_that_were_there_stay_where_sealed_rows_do_not_show_more() -> None:
    """Six worlds in which no word tells anything: nothing worse comes back."""
    for seed in range(6):
        with weft.use(lm=planted(telling=False), cache=None):
            result = compiled(feel_of(), rows_of(60, seed), seed=seed)
        report = result.report
        assert not report.returned or report.score.mean > report.seed_score.mean
        assert report.improved == report.verdict.startswith("improved")
        if not report.returned:
            assert result.program.words == {}
            assert result.program.prior is None


def test_a_program_without_such_a_place_says_so() -> None:
    """No `Classify`, words that are kept, an unsure_below, labels that are rare."""
    plain = weft.Predict(Mood, name="feel")
    reply = "[[ mood ]]\npos\n[[ /end ]]"
    rows = rows_of(40)
    with weft.use(lm=weft.FunctionLM(lambda _: reply), cache=None):
        assert "no module decides" in compiled(plain, rows).report.stopped
    with weft.use(lm=(lm := planted()), cache=None):
        held = compiled(feel_of(), rows, keep=["feel/words"]).report
        unsure = compiled(feel_of(rule=weft.Rule(unsure_below=0.6)), rows).report
        few = [*rows_of(39)[::2], *rows_of(4)]
        lone = compiled(feel_of(), few, val=rows_of(60, seed=1)).report
        known = lm.calls
        kept = compiled(feel_of(), rows_of(200), keep=["feel/rule"])

    for report in (held, unsure):
        assert not report.winner.values
        assert "no words may be found" in report.stopped
    assert not lone.winner.values
    assert "'feel': neg has fewer than 2 rows" in lone.stopped
    assert lm.calls > known
    assert {*kept.report.winner.values} == {"feel/words"}
    assert kept.program.rules == feel_of().rules


@pytest.mark.parametrize("by", ["top", "forced"])
def test_budgets_hold_as_the_server_counts(by: Any, server: Server) -> None:
    """Not by one call, also where each word is one; the smallest budget finds words."""
    server.answer = answer
    rows, rng = rows_of(80), random.Random(by)
    chat = weft.Classify(weft.Predict(Mood), by=by, name="feel")
    options: dict[str, Any] = {"metric": exact("mood"), "compiler": LabelWords()}
    with weft.use(lm=weft.LM("llamacpp/m", api_base=server.url), cache=None):
        quote = weft.quote(chat, rows, **options)
        smallest = quote.smallest
        with pytest.raises(QuoteError, match=f'"{smallest} calls"'):
            compiled(chat, rows, budget=smallest - 1)
        assert server.count == 0
        for budget in (smallest, *(smallest + rng.randint(1, 90) for _ in range(2))):
            before = server.count
            report = compiled(chat, rows, budget=budget).report
            assert report.calls == server.count - before <= budget
            assert any(line.parent and line.rows for line in report.tried)
        before = server.count
        report = compiled(chat, rows).report
        assert quote.calls.low <= server.count - before <= quote.calls.high


def test_concurrency_and_latency_change_no_byte(tmp_path: Path) -> None:
    """Same seed and answers, same artifact; on a tight budget too."""

    def slow(request: weft.Request) -> Any:
        return told(shares(request.messages[-1].text))

    for budget in (None, 130):
        made: set[bytes] = set()
        for concurrency in (1, 64):
            with weft.use(lm=weft.FunctionLM(slow), cache=None):
                result = compiled(
                    feel_of(), rows_of(120), budget=budget, concurrency=concurrency
                )
            made.add(artifact(result, tmp_path))
        assert len(made) == 1


def over(server: Server, run_dir: Path) -> Any:
    """A compile over the wire, with a journal."""
    with weft.use(lm=weft.LM("m", api_base=server.url), cache=None):
        return compiled(
            feel_of(), rows_of(120), LabelWords(), run_dir=run_dir, concurrency=4
        )


@pytest.mark.parametrize("part", [6, 2])
def test_torn_journals_are_resumed_to_the_same_bytes(
    part: int, server: Server, tmp_path: Path
) -> None:
    """Cut in the middle of a line; what is journaled is not paid for again."""
    server.answer = answer
    result = over(server, tmp_path / "a")
    whole = server.count
    lines = (tmp_path / "a" / "journal.jsonl").read_bytes().splitlines(keepends=True)
    kept = len(lines) // part
    (tmp_path / "b").mkdir()
    torn = b"".join(lines[:kept]) + lines[kept][:20]
    (tmp_path / "b" / "journal.jsonl").write_bytes(torn)
    again = over(server, tmp_path / "b")

    answers = sum(b'"response"' in line for line in lines[:kept])
    assert server.count - whole == whole - answers
    assert artifact(again, tmp_path) == artifact(result, tmp_path)


KILLED = """
import sys
from pathlib import Path
from tests.compilers.test_label_words import compiled, feel_of, rows_of
import weft

with weft.use(lm=weft.LM("m", api_base=sys.argv[1]), cache=None):
    run_dir = Path(sys.argv[2])
    compiled(feel_of(), rows_of(120), run_dir=run_dir, concurrency=4)
"""


def killed(server: Server, folder: Path, goal: int) -> int:
    """The exit status of a compile that is struck when so much was asked."""
    pid: list[int] = []

    def striking(body: dict[str, Any]) -> Reply:
        if server.count >= goal and pid:
            os.kill(pid[0], signal.SIGKILL)
        return answer(body)

    server.answer = striking
    command = [sys.executable, "-c", KILLED, server.url, str(folder)]
    with subprocess.Popen(command, cwd=ROOT) as child:
        pid.append(child.pid)
        status = child.wait()
        pid.clear()
    return status


def test_a_kill_while_words_are_found_changes_nothing(
    server: Server, tmp_path: Path
) -> None:
    """SIGKILL in the middle of looking, and of the prior; then to the same bytes."""
    server.answer = answer
    result = over(server, tmp_path / "whole")
    whole, folder = server.count, tmp_path / "torn"
    for stop in (20, 70):
        assert killed(server, folder, server.count + stop) == -signal.SIGKILL
    server.answer = answer
    again = over(server, folder)

    assert artifact(again, tmp_path) == artifact(result, tmp_path)
    assert server.count - whole <= whole + 2 * 4  # what was in flight at each kill


def test_rules_are_fitted_to_the_words_that_were_found() -> None:
    """In a sequence: the words first, then the threshold of their probabilities."""
    both = Sequence(of=(LabelWords(calibrated=False), Thresholds()))
    rows = rows_of(300)
    with weft.use(lm=planted(), cache=None):
        alone = compiled(feel_of(), rows, LabelWords(calibrated=False))
        result = compiled(feel_of(), rows, both)

    assert {*alone.report.winner.values} == {"feel/words"}
    assert {*result.report.winner.values} == {"feel/words", "feel/rule"}
    assert result.program.words == alone.program.words
    assert result.program.rules["mood"].weights is not None
    assert result.report.score.mean >= alone.report.score.mean


def test_words_within_programs_and_of_several_outputs() -> None:
    """What is decided behind a module gets its words by the inputs it met there."""
    note = weft.Predict("text -> gist", "Shorten it.", name="note")
    judge = weft.Classify(weft.Predict(Both), by="top", name="judge")

    @weft.program
    def read(text: str) -> Both:
        return judge(gist=note(text=text).gist)

    def said(request: weft.Request) -> weft.Response:
        text = request.messages[-1].text
        if "[[ gist ]]" not in text:
            gist = text.partition("[[ text ]]\n")[2]
            return weft.Response(f"[[ gist ]]\n{gist.strip()}\n[[ /end ]]")
        rng, glad = random.Random(text), "sun" in text
        if "[[ mood ]]" in text:  # it stands among the inputs of what comes after it
            return told(
                {
                    "true": 0.3,
                    "false": 0.2,
                    "hot": rng.uniform(0.1, 0.2) if glad else rng.uniform(0.01, 0.1),
                    "cold": rng.uniform(0.01, 0.1) if glad else rng.uniform(0.1, 0.2),
                }
            )
        return told({word.strip(): share for word, share in shares(text).items()})

    rows = [
        {"text": row["text"], "mood": row["mood"], "warm": row["mood"] == "pos"}
        for row in rows_of(160)
    ]

    def metric(row: weft.Example, made: Any) -> float:
        right = (made.mood == row.labels["mood"]) + (made.warm == row.labels["warm"])
        return right / 2

    with weft.use(lm=(lm := weft.FunctionLM(said)), cache=None):
        result = compiled(read, rows, metric=metric)

    found = result.report.winner.values["judge/words"]
    assert {*found} == {"mood", "warm"}
    assert found["warm"]["words"] == {"true": ["hot"], "false": ["cold"]}
    assert result.report.improved
    assert lm.calls == result.report.calls


def test_settings_are_checked() -> None:
    """As those of any compiler."""
    for wrong in ({"per_label": 0}, {"rows": -1}, {"words": 3}):
        with pytest.raises((weft.errors.ConfigError, TypeError)):
            LabelWords(**wrong)  # type: ignore[arg-type]
