"""`weft probe`: what it finds out of servers of several kinds, and what it spends."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.lm.support import fault
from tests.server import Reply, Server
from weft.cli import main
from weft.pipeline.lm.form import form_of
from weft.pipeline.lm.known import facts, known, learn
from weft.pipeline.lm.models import LM
from weft.probing.forms import MOST_FORMS, ROWS, Trial, best_of, follows
from weft.probing.probe import quote

pytestmark = pytest.mark.usefixtures("asked_as_by_users")

HELLO = "The sea was calm and very blue today."


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


class Played:
    """A server that plays a kind: options taken, ignored or refused, forms followed."""

    def __init__(self, server: Server, **plays: Any) -> None:
        self.server = server
        self.plays: dict[str, Any] = {
            "schema": True,
            "stop": True,
            "grammar": False,
            "follows": ("json", "chat", "plain", "xml", "text"),
            "pages": {},
            "refuses": {},
            "thinks": "",
            "tokens": {},
            **plays,
        }
        server.answer = self.answer

    @property
    def calls(self) -> int:
        """Requests that call the model."""
        return sum(seen.path.endswith("completions") for seen in self.server.seen)

    @property
    def pages(self) -> int:
        """Requests that do not."""
        return self.server.count - self.calls

    def answer(self, body: dict[str, Any]) -> str | Reply:
        path = self.server.seen[-1].path
        if path == "/tokenize":
            tokens = self.plays["tokens"].get(body["content"], [1])
            return Reply(body=json.dumps({"tokens": tokens}).encode())
        if not path.endswith("completions"):
            page = self.plays["pages"].get(path)
            return (
                Reply(status=404)
                if page is None
                else Reply(body=json.dumps(page).encode())
            )
        for option, said in self.plays["refuses"].items():
            turns = [turn["role"] for turn in body.get("messages", ())]
            if option in body or option in turns:
                return fault(400, said)
        text = self.plays["thinks"] + self.reply(body)
        for mark in body.get("stop") or ():
            if self.plays["stop"] and mark in text:
                text = text[: text.index(mark)]
        return self.whole(text, body)

    def whole(self, text: str, body: dict[str, Any]) -> Reply:
        choice: dict[str, Any] = {
            "text": text,
            "message": {"content": text, **self.plays.get("message", {})},
            "finish_reason": "stop",
        }
        if "tools" in body and self.plays.get("calls", True):
            call = {"function": {"name": "tide", "arguments": "{}"}}
            choice["message"]["tool_calls"] = [call]
        if body.get("logprobs") and self.plays.get("logprobs"):
            choice["logprobs"] = {"content": [{"token": text, "logprob": -0.5}]}
        if body.get("stream"):
            return Reply(text)
        return Reply(body=json.dumps({"choices": [choice]}).encode())

    def reply(self, body: dict[str, Any]) -> str:
        """The text: forced by the schema, in the form asked for, or a sentence."""
        turns = [turn["content"] for turn in body.get("messages", ())]
        asked = "\n".join([*turns, body.get("prompt", "")])
        sent = body.get("response_format")
        if sent is not None and self.plays["schema"]:
            members = sent["json_schema"]["schema"]["properties"]
            return json.dumps({n: self.value(asked, s) for n, s in members.items()})
        if "kx7" in body.get("grammar", "") and self.plays["grammar"]:
            return "vw3"
        named = re.search(r"topic|number", asked)
        if named is None:
            return HELLO
        value = self.value(asked, {} if named[0] == "topic" else {"type": "integer"})
        if "grammar" in body and self.plays["grammar"]:
            return f" {value}"
        if "prompt" in body:
            form, text = "text", f" {value}\n\nsentence: another"
        elif "JSON object" in asked:
            form, text = "json", json.dumps({named[0]: value})
        elif "[[" in asked:
            form, text = "chat", f"[[ {named[0]} ]]\n{value}\n[[ /end ]]"
        elif "on its line" in asked:
            form, text = "plain", f"{named[0]}: {value}"
        else:
            form, text = "xml", f"<{named[0]}>{value}</{named[0]}>"
        return text if form in self.plays["follows"] else f"I think it is {value}!"

    @staticmethod
    def value(asked: str, sort: dict[str, Any]) -> Any:
        row = next((row for row in ROWS if row.sentence in asked), None)
        if sort.get("type") == "integer":
            return row.right if row is not None else 1
        if "kx7" in sort.get("enum", ()):
            return "kx7"
        return row.right if row is not None else "food"


Play = Callable[..., Played]


@pytest.fixture
def play(server: Server) -> Play:
    return lambda **plays: Played(server, **plays)


def probed(
    capsys: pytest.CaptureFixture[str], played: Played, *more: str, code: int = 0
) -> dict[str, Any]:
    """What the command says as JSON."""
    words = ["probe", "m", "--api-base", played.server.url, "--json", "--quiet", *more]
    assert main(words) == code
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def values(found: dict[str, Any]) -> dict[str, Any]:
    return {name: known["value"] for name, known in found["abilities"].items()}


LLAMACPP = {
    "/v1/models": {"data": [{"id": "m", "owned_by": "llamacpp"}]},
    "/props": {
        "total_slots": 4,
        "default_generation_settings": {"n_ctx": 2048},
        "chat_template": "{{ '<|im_start|>' + message.role }}",
    },
}


# What is spent ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "plays",
    [
        {},
        {"schema": False, "follows": ()},
        {"pages": LLAMACPP},
        {"refuses": {"tools": "no tools here", "seed": "no seed"}},
    ],
    ids=["all", "none", "llama.cpp", "refusing"],
)
def test_calls_at_the_server_are_those_it_tells_of(
    play: Play, capsys: pytest.CaptureFixture[str], plays: dict[str, Any]
) -> None:
    """Calls and pages are counted as they arrive, and are no more than were quoted."""
    played = play(**plays)

    found = probed(capsys, played, code=int(plays.get("follows") == ()))

    assert (found["calls"], found["pages"]) == (played.calls, played.pages)
    assert found["calls"] <= found["quote"]["calls"]
    assert found["pages"] <= 5


def test_a_quote_asks_nobody(play: Play, capsys: pytest.CaptureFixture[str]) -> None:
    """--quote says what it may spend, and spends nothing."""
    played = play()

    code = main(["probe", "m", "--api-base", played.server.url, "--quote"])

    most = quote(LM("m", api_base=played.server.url)).calls
    assert code == 0
    assert f"up to {most} calls, about " in capsys.readouterr().out
    assert played.server.count == 0


def test_it_says_what_it_may_spend_before_it_does(
    play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    """The quote comes first, and at the end what was really spent."""
    played = play()

    main(["probe", "m", "--api-base", played.server.url])

    told = capsys.readouterr()
    lines = told.err.splitlines()
    assert lines[0].startswith("weft: probing m at http://127.0.0.1:")
    assert "up to " in lines[0]
    assert lines[-1].startswith(f"weft: {played.calls} calls, ")
    assert "the form to take is json" in told.out


def test_nobody_probes_the_stand_in(capsys: pytest.CaptureFixture[str]) -> None:
    """It is no model, and its form is known."""
    assert main(["probe", "embedded"]) == 2

    assert "there is nothing to find out" in capsys.readouterr().err


# What is found ------------------------------------------------------------------------


def test_an_enforcing_server(play: Play, capsys: pytest.CaptureFixture[str]) -> None:
    """Each option that is obeyed is seen, and a schema is the form to take."""
    found = probed(capsys, play(logprobs=True))

    assert values(found) == {
        "schema": True,
        "grammar": False,
        "stop": True,
        "logprobs": True,
        "echo": None,
        "decisions": None,
        "systemone": None,
        "text_logprobs": None,
        "choice": None,
        "forced": None,
        "soft": None,
        "lora": None,
        "control": None,
        "max_completion_tokens": False,
        "system_role": True,
        "tools": True,
        "reasoning": False,
        "thinks": False,
        "seed": True,
        "stream_options": True,
        "context": None,
        "output": None,
        "without": None,
        "slots": None,
        "base": None,
        "follows": True,
        "form": found["form"],
        "images": None,
        "audio": None,
        "files": None,
    }
    assert found["form"] == "json/2:schema"
    assert found["forms"][0]["usable"] == found["forms"][0]["right"] == 12
    assert found["abilities"]["schema"]["how"] == "seen"


def test_a_server_that_ignores(play: Play, capsys: pytest.CaptureFixture[str]) -> None:
    """What is taken without a word and not obeyed is known not to be there."""
    not_so = {"stop": False, "logprobs": False, "calls": False}
    played = play(schema=False, follows=("chat",), **not_so)

    found = probed(capsys, played)

    now = values(found)
    assert (now["schema"], now["stop"], now["logprobs"]) == (False, False, False)
    assert now["tools"] is False
    assert found["form"].startswith("chat")
    assert LM("m", api_base=played.server.url).abilities.schema is False


def test_a_server_that_refuses(play: Play, capsys: pytest.CaptureFixture[str]) -> None:
    """A refusal is an answer: the ability is known not to be there, and why."""
    refuses = {
        "response_format": "response_format is not supported",
        "logprobs": "logprobs are not supported",
        "seed": "unknown field seed",
        "tools": "tools need another flag",
        "stop": "no stop",
    }
    found = probed(capsys, play(refuses=refuses))

    for name in ("schema", "logprobs", "seed", "tools", "stop"):
        assert found["abilities"][name]["value"] is False
        assert found["abilities"][name]["how"] == "refused"
    assert found["forms"][0]["refusal"].endswith("response_format is not supported")
    assert found["form"].startswith("chat")


def test_a_server_that_takes_no_system_turn(
    play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    """Some templates raise an error at one; the forms are tried without it."""
    found = probed(capsys, play(refuses={"system": "System role not supported"}))

    assert values(found)["system_role"] is False
    assert found["abilities"]["system_role"]["how"] == "refused"
    assert found["form"] == "json/2:schema"


def test_a_model_that_wants_the_newer_name(
    play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    """A refusal that names what to write instead is followed, and learnt from."""
    played = play()
    said = (
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
        "'max_completion_tokens' instead."
    )
    whole = played.answer

    def answer(body: dict[str, Any]) -> str | Reply:
        if "max_tokens" in body and "response_format" not in body:
            turns = body.get("messages", [{"content": ""}])
            if turns[-1]["content"].startswith("Write one short"):
                return fault(400, said)
        return whole(body)

    played.server.answer = answer
    found = probed(capsys, played)

    assert found["abilities"]["max_completion_tokens"]["value"] is True
    assert found["abilities"]["max_completion_tokens"]["how"] == "refused"
    assert values(found)["schema"] is True


@pytest.mark.parametrize(
    ("plays", "name"),
    [
        ({"thinks": "<think>Hm.</think>\n"}, "thinks"),
        ({"message": {"reasoning_content": "Hm."}}, "reasoning"),
    ],
)
def test_a_model_that_thinks(
    play: Play, capsys: pytest.CaptureFixture[str], plays: dict[str, Any], name: str
) -> None:
    """Thoughts are seen in the text or beside it, and given room in the rows."""
    played = play(**plays)

    found = probed(capsys, played)

    assert values(found)[name] is True
    assert max(seen.body.get("max_tokens", 0) for seen in played.server.seen) == 1024


def test_what_llamacpp_says_of_itself(
    play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its pages tell slots and context, and the limit on calls follows them."""
    found = probed(capsys, play(pages=LLAMACPP))

    assert values(found)["slots"] == 4
    assert values(found)["context"] == 2048
    assert values(found)["base"] is None
    assert found["abilities"]["slots"]["how"] == "said"
    assert found["server"] == "llamacpp"


def test_control_tokens_are_what_the_server_reads_as_one(
    play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of what the template writes; a word that was added is one token everywhere."""
    said = {"chat_template": "{{ '<|im_start|>' + x + '<|im_end|><think>' }}"}
    pages = {**LLAMACPP, "/props": {**LLAMACPP["/props"], **said, "eos_token": "</s>"}}
    played = play(pages=pages)
    answer = played.server.answer

    def pieces(body: dict[str, Any]) -> str | Reply:
        if "with_pieces" not in body:
            return answer(body)
        words = body["content"].split()
        if not body["parse_special"]:
            words = [part for w in words for part in (("<", w[1:]), (w,))["<t" in w]]
        told = [{"id": n, "piece": word} for n, word in enumerate(words)]
        return Reply(body=json.dumps({"tokens": told}).encode())

    played.server.answer = pieces
    found = probed(capsys, played)

    assert found["abilities"]["control"]["value"] == [
        "<|im_start|>",
        "<|im_end|>",
        "</s>",
    ]
    able = LM("m", api_base=played.server.url).abilities
    assert able.control == ("<|im_start|>", "<|im_end|>", "</s>")


def test_a_template_that_the_server_made_up(
    play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    """Marks of turns that are no tokens were never seen by the model: it is a base."""
    tokens = {"<|im_start|>": [236820, 236909, 548]}

    found = probed(capsys, play(pages=LLAMACPP, tokens=tokens))

    assert found["abilities"]["base"]["value"] is True
    assert found["abilities"]["base"]["how"] == "said"


def test_what_vllm_says_of_itself(
    play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its list of models tells the context; no other page is asked for."""
    models = {"data": [{"id": "m", "owned_by": "vllm", "max_model_len": 32768}]}

    found = probed(capsys, play(pages={"/v1/models": models}))

    assert values(found)["context"] == 32768
    assert found["pages"] == 1


def test_what_ollama_says_of_itself(
    play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    """The context is the one it is served with, not the one it was trained for."""
    pages = {
        "/v1/models": {"data": [{"id": "m", "owned_by": "library"}]},
        "/api/ps": {"models": [{"name": "m:latest", "context_length": 4096}]},
        "/api/show": {
            "capabilities": ["completion", "tools"],
            "model_info": {"llama.context_length": 131072},
        },
    }

    found = probed(capsys, play(pages=pages))

    assert values(found)["context"] == 4096


def test_a_model_that_follows_nothing(
    play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    """Forms that nothing comes of are given up after a few rows; the exit code is 1."""
    found = probed(capsys, play(schema=False, follows=()), code=1)

    assert max(form["asked"] for form in found["forms"]) == 4
    assert found["form"] is None
    assert values(found)["follows"] is False


def test_a_server_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is kept of a server that does not answer, and it is said."""
    code = main(["probe", "m", "--api-base", "http://127.0.0.1:9/v1", "--quiet"])

    assert code == 1
    assert "no connection to 127.0.0.1:9" in capsys.readouterr().err
    assert facts("http://127.0.0.1:9/v1", "m") == {}


# What is kept -------------------------------------------------------------------------


def test_what_was_found_is_kept(play: Play, capsys: pytest.CaptureFixture[str]) -> None:
    """It is in the folder of the cache, with its date, and weighs over the kind's."""
    played = play(schema=False)

    found = probed(capsys, played)

    path = Path(os.environ["WEFT_CACHE"]) / "endpoints.json"
    assert found["kept"] == str(path)
    held = json.loads(path.read_text("utf-8"))["endpoints"][played.server.url]["m"]
    assert held["schema"][:2] == [False, "seen"]
    assert known(played.server.url, "m").form == found["form"]


def test_it_is_forgotten_when_asked(
    play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    """--forget drops what is known of the model, and asks nobody."""
    played = play()
    learn(played.server.url, "m", schema=False, slots=4)

    found = probed(capsys, played, "--forget")

    assert found["forgotten"] == 2
    assert facts(played.server.url, "m") == {}
    assert played.server.count == 0


def test_a_folder_that_cannot_be_written(
    play: Play, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was found is shown all the same, and that it is not kept is said."""
    Path("file").write_text("", "utf-8")
    monkeypatch.setenv("WEFT_CACHE", str(Path("file/cache").absolute()))

    found = probed(capsys, play())

    assert found["kept"] is None
    assert found["remarks"][-1].startswith("this is forgotten when the process ends")


def test_a_base_model_behind_a_server_that_enforces(
    play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is asked for texts under a grammar, and that is the form to take."""
    tokens = {"<|im_start|>": [236820, 236909, 548]}

    found = probed(capsys, play(pages=LLAMACPP, tokens=tokens, grammar=True))

    assert values(found)["grammar"] is True
    assert found["form"] == "completion/4:grammar,schema,stop"
    assert len(found["forms"]) == MOST_FORMS


def test_forms_hang_on_what_the_server_does(
    play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    """No stop sequence where it is ignored, no grammar where nobody enforces one."""
    found = probed(capsys, play(stop=False, follows=("plain",), schema=False))

    assert found["form"] == "plain/1:shown"
    assert not any("stop" in each["form"] for each in found["forms"])
    assert not any("grammar" in each["form"] for each in found["forms"])


# Which form ---------------------------------------------------------------------------


def trial(form: str, usable: int, asked: int = 12) -> Trial:
    return Trial(form_of(form), asked, usable, usable)


def test_the_largest_share_wins_and_ties_go_to_the_first() -> None:
    """A schema before a described form, and that before a shown one."""
    trials = [trial("json/2:schema", 12), trial("chat/2:", 12), trial("plain/1:", 12)]
    assert best_of(trials, base=False) is trials[0]

    shown = trial("chat/2:shown", 11)
    trials = [trial("chat/2:", 0, asked=4), shown, trial("xml/1:", 9)]
    assert best_of(trials, base=False) is shown
    assert best_of([trial("chat/2:", 0)], base=False) is None


def test_a_base_model_continues_texts() -> None:
    """What a schema forces out of it is usable and means little."""
    trials = [trial("json/2:schema", 12), trial("completion/4:", 10)]

    assert best_of(trials, base=True) is trials[1]
    assert best_of(trials, base=False) is trials[0]


def test_the_better_of_two_forms_of_texts() -> None:
    """A base model takes the one that is read more often, the first where both are."""
    lines, ruled = trial("completion/4:shown", 10), trial("completion/1:grammar", 12)

    assert best_of([lines, ruled], base=True) is ruled
    assert best_of([trial("json/2:schema", 12), trial("completion/4:", 4)], base=True)


def test_rows_that_were_not_asked_count_as_lost() -> None:
    """A form that was given up early has no share of its few rows."""
    assert trial("chat/2:", 4, asked=4).share == pytest.approx(1 / 3)
    assert follows([trial("json/2:schema", 12)]) is None
    assert follows([trial("chat/2:shown", 12), trial("completion/4:", 12)]) is None
