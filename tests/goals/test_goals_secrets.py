"""Goal 28: a key leaves no trace, in a compile, on the command line, and in faults.

The server here is the worst kind: every so often it answers with an error that quotes
all that it was sent, the address and every header.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import networkx
import pytest

import weft
from tests.compilers.worlds import Asked, classifier, exact, learner, planted_rows
from tests.goals.conftest import Figure
from tests.server import Reply, Server
from weft.compilers import APE, BootstrapRandomSearch
from weft.errors import WeftError

ROOT = Path(__file__).resolve().parents[2]
ENV, ARGUMENT, HEADER, LOGIN, QUERY, DOTENV = CANARIES = tuple(
    f"CANARY{name}xyzzy" for name in ("env", "arg", "head", "login", "query", "dot")
)
CODED = base64.b64encode(f"user:{LOGIN}".encode()).decode()


class Quoting:
    """Answers as the planted world does; one in so many requests it quotes at first.

    Which ones follows from their words, and the second attempt is answered: nobody can
    run out of attempts, however many requests arrive at once.
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        self.often = 7
        self.quoted = 0
        self.known = set[str]()

    def __call__(self, body: dict[str, Any]) -> str | Reply:
        words = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        if words not in self.known and int(words, 16) % self.often == 0:
            self.known.add(words)
            self.quoted += 1
            return self.quote(500)
        return _said(body)

    def quote(self, status: int) -> Reply:
        """An error in the words of the last request."""
        last = self.server.seen[-1]
        said = f"refused {last.path} with {dict(last.headers)}"
        text = json.dumps({"error": {"message": said}})
        return Reply(status=status, body=text.encode())


def _said(given: Any) -> str:
    turns = [weft.Message(m["role"], m["content"]) for m in given["messages"]]
    asked = Asked.read(weft.Request("m", tuple(turns)))
    return asked.reply(learner(asked))


def models(url: str) -> dict[str, weft.LM]:
    """A model for each way in which a key is given, by the canaries it sends."""
    where = url.replace("http://", f"http://user:{LOGIN}@")
    return {
        "env": weft.LM("openai/m", api_base=url),
        "argument": weft.LM("m", api_base=url, api_key=ARGUMENT),
        "header": weft.LM("m", api_base=url, headers={"X-Key": HEADER}),
        "address": weft.LM("m", api_base=f"{where}?key={QUERY}&v=1"),
    }


@pytest.fixture
def quoting(server: Server, monkeypatch: pytest.MonkeyPatch) -> Quoting:
    monkeypatch.setenv("OPENAI_API_KEY", ENV)
    made = Quoting(server)
    server.answer = made
    return made


def found_in(texts: list[str], *folders: Path) -> dict[str, list[str]]:
    """Where each canary is: `text N`, or a file's path; empty is good."""
    hits: dict[str, list[str]] = {}
    for canary in (*CANARIES, CODED):
        for number, text in enumerate(texts):
            if canary in text:
                hits.setdefault(canary, []).append(f"text {number}: {text[:300]}")
        for path in (p for folder in folders for p in folder.rglob("*")):
            if path.is_file() and canary.encode() in path.read_bytes():
                hits.setdefault(canary, []).append(str(path))
    return hits


# A compile ----------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["env", "argument", "header", "address"])
def test_a_compile_leaves_no_secret(
    way: str,
    quoting: Quoting,
    figure: Figure,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Not in cache, journal, artifact, reports, pages, logs, drawings or exports."""
    caplog.set_level(logging.DEBUG)
    lm = models(quoting.server.url)[way]
    module, rows = classifier(), planted_rows(60)
    retry = weft.RetryPolicy(base=0.001, cap=0.001)

    with weft.use(lm=lm, cache=str(tmp_path / "cache"), retry=retry):
        texts: list[str] = []
        for compiler in (BootstrapRandomSearch(demos=4), APE()):
            run = tmp_path / compiler.describe()["name"]
            result = weft.compile(
                module, rows, metric=exact, compiler=compiler, run_dir=run
            )
            texts += said_by(result, tmp_path)
        found = weft.evaluate(result.program, planted_rows(20, seed=1), exact)
        texts += [*of_evaluation(found), str(weft.explain(module, rows[:4], exact))]

    texts.append(caplog.text)
    hits = found_in(texts, tmp_path)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    figure(
        f"goal 28: a compile with the key by {way}, {quoting.quoted} of "
        f"{len(quoting.server.seen)} answers quote it, {len(files)} files: "
        f"{len(hits)} found"
    )
    assert hits == {}
    assert quoting.quoted > 10
    assert sent(way) <= quoted_by(quoting.server)
    assert {"report.html", "review.json", "index.json"} <= {p.name for p in files}
    for path in (tmp_path / "cache").glob("*.db*"):
        assert path.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "cache").stat().st_mode & 0o777 == 0o700


def sent(way: str) -> set[str]:
    """What goes over the wire; a login goes in base64."""
    alone = {"env": {ENV}, "argument": {ARGUMENT}, "header": {HEADER}}
    return alone.get(way, {QUERY, CODED})


def quoted_by(server: Server) -> set[str]:
    seen = json.dumps([[s.path, dict(s.headers)] for s in server.seen])
    return {canary for canary in (*CANARIES, CODED) if canary in seen}


def said_by(result: weft.Result[..., Any, Any], folder: Path) -> Iterator[str]:
    """Everything that can be asked of a result, as text; its files are written."""
    program, report = result.program, result.report
    path = result.save(folder / "programs" / "made.weft.json")
    weft.save(program, path, history=True)
    weft.label(path.parent, "production", weft.log(path.parent)[0].digest)
    weft.package(path.parent)
    yield from (repr(result), str(report), repr(report), report.to_json())
    yield from (report.to_html(), report.diff(), repr(program), program.mermaid())
    yield from (program.svg(), str(weft.diff(result.seed, program)))
    yield from (weft.show(program, prompts=True), weft.show_html(path))
    yield json.dumps(networkx.node_link_data(program.graph, edges="edges"))
    yield repr(list(program.modules.values()))
    yield str(program.modules["classify"].prompt(text="x"))
    for form in ("openai-messages", "litellm", "dspy", "langfuse", "mlflow"):
        yield json.dumps(weft.export(program, to=form))
    yield from of_evaluation(report.score)


def of_evaluation(found: weft.Evaluation) -> Iterator[str]:
    yield from (repr(found), found.to_html(), found.to_json(prompts=True))
    yield repr([row.trace for row in found.rows])
    yield json.dumps(weft.finetuning_rows(found, at_least=0.0))
    yield found.to_pandas().to_json()


# Faults -------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["env", "argument", "header", "address"])
def test_a_fault_holds_no_secret_in_any_frame(way: str, quoting: Quoting) -> None:
    """Reporters of errors keep the variables of every frame, and the server quotes."""
    lm = models(quoting.server.url)[way]

    texts = [
        reported(lm, quoting, lambda status=status: quoting.quote(status))
        for status in (400, 401, 404, 429, 500, 503, 200)
    ]

    assert found_in(texts) == {}
    assert sent(way) <= quoted_by(quoting.server)
    assert all("***" in text for text in texts if "answered 4" in text)


def test_a_server_that_is_not_there_hides_the_address() -> None:
    """The address that could not be reached holds a login and a query."""
    lm = weft.LM("m", api_base=f"http://user:{LOGIN}@127.0.0.1:1/v1?key={QUERY}")

    text = reported(lm, None, None)

    assert "no connection to 127.0.0.1:1" in text
    assert found_in([text]) == {}


def reported(
    lm: weft.LM, quoting: Quoting | None, answer: Callable[[], Reply] | None
) -> str:
    """An error with its causes, its notes, and the variables of all its frames."""
    ask = weft.Predict("question -> answer", lm=lm)
    if quoting is not None and answer is not None:
        quoting.server.answer = lambda _: answer()
    try:
        with weft.use(retry=weft.RetryPolicy(retries=0), cache=None):
            ask(question="well?")
    except WeftError as error:
        whole = traceback.TracebackException.from_exception(error, capture_locals=True)
        return "".join([*whole.format(), repr(error), repr(vars(error))])
    raise AssertionError("the call did not fail")


# The command line ---------------------------------------------------------------------

PROGRAM = """
import weft
from typing import Literal

Label = Literal["K0", "K1", "K2", "K3", "K4", "K5", "K6", "K7", "K8", "K9"]
classify = weft.Predict(
    "text -> label: Label", "Give the label.", types={"Label": Label}, name="classify"
)
"""


@pytest.mark.slow
@pytest.mark.parametrize("way", ["env", "address"])
def test_commands_leave_no_secret(
    way: str, quoting: Quoting, figure: Figure, tmp_path: Path
) -> None:
    """What is printed, with tracebacks too, and every file beside the user's .env."""
    place = tmp_path / "project"
    place.mkdir()
    (place / "mine.py").write_text(PROGRAM, "utf-8")
    rows = "".join(f"{json.dumps(row)}\n" for row in planted_rows(60))
    (place / "rows.jsonl").write_text(rows, "utf-8")
    (place / ".env").write_text(f"OPENAI_API_KEY={DOTENV}\n", "utf-8")
    url = quoting.server.url
    model = ["--model", "openai/m", "--api-base", url]
    if way == "address":
        where = url.replace("http://", f"http://user:{LOGIN}@")
        model = ["--model", "m", "--api-base", f"{where}?key={QUERY}"]
    made, data = "programs/made.weft.json", "--data rows.jsonl --metric exact:label"
    asking = [
        "run mine.py:classify --data rows.jsonl --json",
        f"eval mine.py:classify {data} --save e.json --html e.html",
        f"compile mine.py:classify {data} --compiler ape --out {made} --run-dir run",
        f"finetune {made} {data} --out chats.jsonl --at-least 0",
    ]
    looking = [f"show {made} --prompt", f"export {made} --to langfuse", "watch run"]
    if way == "env":
        asking, looking = asking[2:3], []
    commands = [[*words.split(), *model] for words in asking]
    commands += [words.split() for words in looking]
    quoting.often = 40

    texts = [command(*words, cwd=place) for words in commands]
    quoting.server.answer = lambda _: quoting.quote(401)
    fails = ["run", "mine.py:classify", *model, "--set", "text=new", "--json"]
    texts += [command(*fails, cwd=place, WEFT_DEBUG=debug) for debug in ("0", "1")]

    (place / ".env").unlink()
    hits = found_in(texts, tmp_path)
    figure(f"goal 28: {len(texts)} commands with the key by {way}: {len(hits)} found")
    assert hits == {}
    assert (place / made).is_file()
    assert "Traceback" in texts[-1]
    assert "answered 401" in texts[-2]
    assert sent(way) == quoted_by(quoting.server)
    assert quoting.quoted > 0


def command(*words: str, cwd: Path, **surroundings: str) -> str:
    """What a command says on both of its streams."""
    done = subprocess.run(
        [sys.executable, "-m", "weft", *words],
        capture_output=True,
        check=False,
        cwd=cwd,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": str(ROOT), **surroundings},
        timeout=120,
    )
    return done.stdout + done.stderr
