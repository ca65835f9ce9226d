"""Prompts in registries: what Langfuse and MLflow take, keep, and fill in again.

The real libraries run where they are installed: in this environment, in that of the
benchmarks, or in the one whose Python `WEFT_EXPORT_PYTHON` names.
"""

import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import weft
from tests.pipeline.test_export import ROOT, respond, support
from tests.timing import PATIENCE
from weft.errors import ConfigError

GOLDEN = Path(__file__).parent / "golden"
QUESTION = 'What of "this" \\ and {that}?'
PASSAGES = ["one", 'two "2"', "drei ü"]
INPUTS: dict[str, dict[str, Any]] = {
    "respond": {"question": QUESTION, "passages": PASSAGES},
    "route": {"message": QUESTION, "loud": True},
}
TUNED = support.with_parameters(
    {
        # First editions: what a registry holds by now was exported of these.
        "respond/adapter": "json/1",
        "route/adapter": "chat/1",
        "respond/sampling": {"temperature": 0.5, "stop": "###", "seed": 3},
        "route/instruction": 'Route it, as in {"team": {"name": "cards"}}.',
    }
)


@functools.cache
def python_with(library: str) -> Path | None:
    """An interpreter that can import a library."""
    named = os.environ.get("WEFT_EXPORT_PYTHON")
    places = [sys.executable, ROOT / ".venv-bench" / "bin" / "python", named]
    find = "import sys, importlib.util as u; sys.exit(not u.find_spec(sys.argv[1]))"
    for place in (Path(p) for p in places if p):
        words = [place, "-c", find, library]
        if place.exists() and not subprocess.run(words, check=False).returncode:
            return place
    return None


def run(library: str, code: str, folder: Path, given: Any) -> Any:
    """What a process with the library prints as JSON, or a skip."""
    python = python_with(library)
    if python is None:
        pytest.skip(f"{library} is in no lock; WEFT_EXPORT_PYTHON may name a Python")
    done = subprocess.run(
        [python, "-c", code],
        cwd=folder,
        env={**os.environ, "HOME": str(folder), "MLFLOW_ALLOW_FILE_STORE": "true"},
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def sent(module: Any, **inputs: Any) -> list[dict[str, str]]:
    """The turns that weft itself would send."""
    prompt = module.prompt(**inputs)
    return [{"role": m.role, "content": m.content} for m in prompt.messages]


def filled(values: dict[str, str], inputs: dict[str, Any]) -> dict[str, str]:
    """The inputs as an export says that it wants them."""
    return {
        name: inputs[name]
        if values[name] == "text"
        else json.dumps(inputs[name], ensure_ascii=False)
        for name in values
    }


@pytest.mark.parametrize("form", ["langfuse", "mlflow"])
def test_an_export_is_what_it_was(form: str) -> None:
    """The shape that the libraries accepted; it changes only on purpose."""
    made = weft.export(TUNED, to=form)

    golden = GOLDEN / f"export-{form}.json"
    assert made == json.loads(golden.read_text("utf-8"))


LANGFUSE = """
import http.server, json, sys, threading
from langfuse import Langfuse
from langfuse.api import CreateChatPromptRequest

bodies = []
class Server(http.server.BaseHTTPRequestHandler):
    def log_message(self, *words): pass
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        bodies.append([self.path, body])
        reply = json.dumps({**body, "version": 1}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

server = http.server.HTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = Langfuse(
    public_key="pk", secret_key="sk", tracing_enabled=False,
    base_url=f"http://127.0.0.1:{server.server_port}",
)
out = {}
for path, (given, values) in json.load(sys.stdin).items():
    extra = CreateChatPromptRequest.model_validate(given).model_extra
    made = client.create_prompt(**given)
    turns = [{k: t[k] for k in ("role", "content")} for t in made.compile(**values)]
    out[path] = [made.name, turns, dict(extra), bodies[-1], made.variables]
print(json.dumps(out))
"""


@pytest.mark.slow
def test_langfuse_keeps_an_export_and_fills_it(tmp_path: Path) -> None:
    """Its own client sends the prompt to a server, and compiles it to weft's words."""
    made = weft.export(TUNED, to="langfuse")
    given = {
        path: [made[path], filled(made[path]["config"]["weft"]["values"], values)]
        for path, values in INPUTS.items()
    }

    out = run("langfuse", LANGFUSE, tmp_path, given)

    for path, (name, turns, extra, (place, body), names) in out.items():
        assert name == f"support/{path}"
        assert turns == sent(TUNED.modules[path], **INPUTS[path])
        assert extra == {}
        assert place == "/api/public/v2/prompts"
        assert body["prompt"] == made[path]["prompt"]
        assert sorted(names) == sorted(INPUTS[path])


MLFLOW = """
import json, os, sys
import mlflow
mlflow.set_tracking_uri(f"file://{os.getcwd()}/store")
mlflow.set_registry_uri(f"file://{os.getcwd()}/store")
out = {}
for path, (given, values) in json.load(sys.stdin).items():
    mlflow.genai.register_prompt(**given)
    made = mlflow.genai.load_prompt(f"prompts:/{given['name']}/1")
    turns = [dict(turn) for turn in made.format(**values)]
    told = [made.tags, made.model_config, made.response_format]
    out[path] = [turns, sorted(made.variables), told]
print(json.dumps(out))
"""


@pytest.mark.slow
def test_mlflow_keeps_an_export_and_fills_it(tmp_path: Path) -> None:
    """Its registry stores the prompt, and formats it to weft's own words."""
    made = weft.export(TUNED, to="mlflow")
    given = {
        path: [
            made[path],
            filled(json.loads(made[path]["tags"]["weft_values"]), values),
        ]
        for path, values in INPUTS.items()
    }

    out = run("mlflow", MLFLOW, tmp_path, given)

    for path, (turns, names, (tags, _, _)) in out.items():
        assert turns == sent(TUNED.modules[path], **INPUTS[path])
        assert names == sorted(INPUTS[path])
        assert tags == made[path]["tags"]
    _, settings, wanted = out["respond"][2]
    assert settings == {"temperature": 0.5, "stop_sequences": ["###"], "seed": 3}
    assert wanted["required"] == ["reasoning", "answer"]


# Braces -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "words", "said"),
    [
        ("langfuse", "Write {{ as it is.", "'{{'"),
        ("langfuse", "Fill {{other}} later.", "'{{'"),
        ("mlflow", "Fill {{ other }} later.", "'{{ other }}'"),
        ("mlflow", "Write {% if %}.", "'{%'"),
        ("openai-messages", "Say {{question}}.", "'{{question}}'"),
        ("litellm", "Say {{passages}}.", "'{{passages}}'"),
    ],
)
def test_words_that_would_be_taken_for_a_place_are_refused(
    form: str, words: str, said: str
) -> None:
    """No form has an escape, so what would be filled or run is named instead."""
    with pytest.raises(ConfigError) as caught:
        weft.export(respond.with_(instruction=words), to=form)

    assert said in str(caught.value)
    assert "'respond'" in str(caught.value)


def test_a_demo_with_braces_is_refused_too() -> None:
    """Demos are the user's words as much as the instruction."""
    demo = weft.Demo({"question": "{{question}}", "passages": [], "answer": "x"})

    with pytest.raises(ConfigError, match="holds"):
        weft.export(respond.with_(demos=[demo]), to="openai-messages")


@pytest.mark.parametrize(
    ("form", "turns"),
    [("langfuse", "prompt"), ("mlflow", "template"), ("openai-messages", "messages")],
)
def test_single_braces_survive(form: str, turns: str) -> None:
    """JSON in an instruction is nobody's place, nested or not."""
    words = 'Answer as {"a": {"b": [{}]}}, {name} or { {}.'

    made = weft.export(respond.with_(instruction=words), to=form)

    assert words in made["respond"][turns][0]["content"]


def test_a_name_that_mlflow_does_not_take_is_refused() -> None:
    """Its own rule for names, told before anything is sent."""
    odd = weft.Predict("text -> mood", name="gefühl")

    with pytest.raises(ConfigError, match="no prompt of the name 'gefühl'"):
        weft.export(odd, to="mlflow")
