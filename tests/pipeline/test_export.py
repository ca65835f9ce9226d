"""Out of weft and into it: chat templates, litellm, DSPy's states, fine-tuning rows."""

import json
import logging
import math
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import weft
from tests.pipeline import saved
from tests.timing import PATIENCE
from weft.errors import ArtifactError, ConfigError
from weft.pipeline.graph.program import as_program

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = Path(__file__).parent / "golden"
DSPY = ROOT / ".venv-bench" / "bin" / "python"
needs_dspy = pytest.mark.skipif(
    not DSPY.exists(),
    reason="dspy is in another lock: make .venv-bench/.installed",
)


def fill(template: Any, inputs: Mapping[str, Any]) -> Any:
    """An exported template with values in place of `{{name}}`, as a user would do it.

    One pass, so that a value which looks like a place is no place.
    """
    if isinstance(template, dict):
        return {key: fill(value, inputs) for key, value in template.items()}
    if isinstance(template, list):
        return [fill(value, inputs) for value in template]
    names = "|".join(map(re.escape, inputs))
    places = rf'"\{{\{{({names})\}}\}}"|\{{\{{({names})\}}\}}'
    return re.sub(places, lambda found: written(found, inputs), template)


def written(found: re.Match[str], inputs: Mapping[str, Any]) -> str:
    """A value: a text as it is where no quotes stand around its place, else JSON."""
    value = inputs[found[1] or found[2]]
    bare = found[1] is None and isinstance(value, str)
    return value if bare else json.dumps(value, ensure_ascii=False)


def dspy(code: str, folder: Path) -> str:
    """What a process with dspy 3.4.1 prints."""
    done = subprocess.run(
        [DSPY, "-c", code],
        cwd=folder,
        env={**os.environ, "HOME": str(folder), "DSPY_CACHEDIR": str(folder / "c")},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


respond = weft.ChainOfThought(
    "question, passages: list[str] -> answer",
    "Answer from the passages.\nBe brief.",
    name="respond",
    demos=[
        weft.Demo(
            {"question": "q?", "passages": ["a", "b"], "reasoning": "r", "answer": "x"},
            "r1",
            "bootstrap",
        )
    ],
)
route = weft.Predict("message, loud: bool -> team", "Route it.", name="route").with_(
    demos=[weft.Demo({"message": "ü", "loud": True, "team": "cards"}, "r2")]
)


@weft.program
def support(message: str) -> str:
    team = route(message=message, loud=True).team
    return respond(question=message, passages=[team]).answer


# Templates ----------------------------------------------------------------------------


@pytest.mark.parametrize("adapter", ["chat", "json", "xml"])
def test_a_filled_template_is_the_prompt(adapter: str) -> None:
    """Values in place of the names give the very messages that weft would send."""
    module = respond.with_(adapter=adapter)
    inputs = {"question": "What of {{passages}}?", "passages": ["one", 'two "2"']}

    made = weft.export(module, to="openai-messages")["respond"]

    sent = [
        {"role": m.role, "content": m.content} for m in module.prompt(**inputs).messages
    ]
    assert fill(made["messages"], inputs) == sent


def test_an_export_is_plain_json() -> None:
    """Any language reads it."""
    for form in ("openai-messages", "litellm", "dspy"):
        made = weft.export(support, to=form)
        assert json.loads(json.dumps(made)) == made


def test_litellm_takes_an_export_as_it_is() -> None:
    """The real library accepts the arguments and answers, without a network."""
    module = saved.respond.with_(name="respond")
    made = weft.export(module, to="litellm")["respond"]
    arguments = {**made, "messages": fill(made["messages"], {"question": "q"})}
    code = (
        "import json, sys, litellm; a = json.load(sys.stdin); "
        "r = litellm.completion(model='openai/gpt-4o-mini', mock_response='hi', **a); "
        "print(r.choices[0].message.content)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(arguments),
        env={**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert made["temperature"] == 0.5
    assert "response_format" in made
    assert done.stdout.endswith("hi\n"), done.stderr


def test_an_unknown_form_is_refused() -> None:
    """The forms are named."""
    with pytest.raises(ConfigError, match=r"no export to 'dsp'\. Did you mean 'dspy'"):
        weft.export(support, to="dsp")


# DSPy ---------------------------------------------------------------------------------

PROGRAM = """
import json, dspy
class Support(dspy.Module):
    def __init__(self):
        super().__init__()
        self.route = dspy.Predict("message, loud: bool -> team")
        self.respond = dspy.ChainOfThought("question, passages: list[str] -> answer")
made = Support()
"""
READ = """
made.load("state.json")
adapter = dspy.ChatAdapter()
out = {}
for name, predictor in made.named_predictors():
    out[name] = [predictor.signature.instructions, [dict(d) for d in predictor.demos]]
    inputs = {k: "v" for k in predictor.signature.input_fields}
    out[name].append(adapter.format(predictor.signature, predictor.demos, inputs))
print(json.dumps(out))
"""
WRITE = """
sig = dspy.Signature("message, loud: bool -> team").with_instructions("Route it, dspy.")
made.route = dspy.Predict(sig)
made.route.demos = [
    dspy.Example(message="m1", loud=True, team="cards").with_inputs("message"),
    dspy.Example(message="m2", loud=False, team="app", augmented=True),
]
inner = made.respond.predict
inner.signature = inner.signature.with_instructions("Answer, dspy.")
inner.demos = [
    dspy.Example(
        question="q", passages=["a", "b"], reasoning="r", answer="x", augmented=True
    )
]
lm = dspy.LM("openai/secret", api_key="sk-canary", api_base="http://evil.example")
made.set_lm(lm)
made.save("state.json")
inner.save("one.json")
"""


@needs_dspy
@pytest.mark.slow
def test_dspy_loads_an_export_and_renders_it(tmp_path: Path) -> None:
    """Instruction and demos arrive in dspy 3.4.1, and stand in its own prompt."""
    state = weft.export(support, to="dspy")
    (tmp_path / "state.json").write_text(json.dumps(state), "utf-8")

    out = json.loads(dspy(PROGRAM + READ, tmp_path))

    assert out["route"][:2] == [
        "Route it.",
        [{"message": "ü", "loud": True, "team": "cards"}],
    ]
    instruction, demos, messages = out["respond.predict"]
    assert instruction == "Answer from the passages.\nBe brief."
    assert demos == [
        {
            **respond.parameters.demos[0].values,
            "augmented": True,
        }
    ]
    prompt = "\n".join(m["content"] for m in messages)
    assert all(word in prompt for word in ("Be brief.", "q?", "[[ ## answer ## ]]\nx"))


@needs_dspy
@pytest.mark.slow
def test_dspy_saves_what_the_golden_files_hold(tmp_path: Path) -> None:
    """The committed states are those of dspy 3.4.1 itself."""
    dspy(PROGRAM + WRITE, tmp_path)

    for made, golden in (("state", "program"), ("one", "predictor")):
        found = json.loads((tmp_path / f"{made}.json").read_text("utf-8"))
        wanted = json.loads((GOLDEN / f"dspy-{golden}.json").read_text("utf-8"))
        del found["metadata"], wanted["metadata"]  # versions, of Python too
        assert found == wanted


def test_a_state_saved_by_dspy_is_imported_and_runs(tmp_path: Path) -> None:
    """Instructions and demos of dspy 3.4.1 land in typed modules; no key does."""
    tuned = weft.import_dspy(GOLDEN / "dspy-program.json", support)
    one = weft.import_dspy(GOLDEN / "dspy-predictor.json", respond)

    values = tuned.parameters
    assert values["route/instruction"] == "Route it, dspy."
    assert [d.by for d in values["route/demos"]] == ["labelled", "bootstrap"]
    assert values["respond/instruction"] == "Answer, dspy."
    assert values["respond/demos"][0].values["passages"] == ["a", "b"]
    assert one.parameters.demos == values["respond/demos"]
    assert [m.lm for m in tuned.modules.values()] == [None, None]
    with weft.use(lm="embedded", cache=None):
        assert isinstance(tuned(message="m1"), str)
    path = weft.save(tuned, tmp_path / "support.weft.json")
    assert "canary" not in path.read_text()
    assert "evil" not in path.read_text()


@needs_dspy
@pytest.mark.slow
def test_there_and_back_keeps_instruction_and_demos(tmp_path: Path) -> None:
    """An export that dspy loads and saves again imports as it was."""
    state = weft.export(support, to="dspy")
    (tmp_path / "state.json").write_text(json.dumps(state), "utf-8")
    one = weft.export(respond, to="dspy")
    (tmp_path / "one.json").write_text(json.dumps(one), "utf-8")
    again = 'made.respond.load("one.json"); made.respond.save("one.json")'
    dspy(
        f'{PROGRAM}\nmade.load("state.json"); made.save("back.json"); {again}', tmp_path
    )
    bare = support.with_parameters(
        {f"{n}/{s}": v for n in ("route", "respond") for s, v in NOTHING.items()}
    )

    back = weft.import_dspy(tmp_path / "back.json", bare)
    single = weft.import_dspy(tmp_path / "one.json", respond.with_(demos=[]))

    for key in ("route/instruction", "respond/instruction"):
        assert back.parameters[key] == support.parameters[key]
    assert single.parameters.demos[0].id == respond.parameters.demos[0].id
    for key in ("route/demos", "respond/demos"):
        assert [d.id for d in back.parameters[key]] == [
            d.id for d in support.parameters[key]
        ]


NOTHING: dict[str, Any] = {"instruction": "x", "demos": ()}


LOUD = {"message": "m", "loud": "x", "team": "app"}


def predictor(**more: Any) -> dict[str, Any]:
    return {
        "demos": [],
        "signature": {"instructions": "Route it.", "fields": [{}, {}, {}]},
        **more,
    }


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"rout": predictor(), "metadata": {}}, "no module for the predictor 'rout'"),
        ({"hops[0]": predictor()}, r'Give rename=\{"hops\[0\]": "module"\}\. Known: '),
        ({"route": predictor(demos=[{"text": "x"}])}, "has 'text', which is no field"),
        ({"route": predictor(demos=[LOUD])}, "has a wrong 'loud'"),
        ({"route": predictor(demos=["x"])}, "demo 0 of 'route' is no mapping"),
        (
            {"respond.predict": predictor()},
            "has 3 fields, and the module has 4: question, passages, reasoning, answer",
        ),
        ({"route": predictor(signature={})}, "has no instructions or no demos"),
        ({"route": predictor(signature=[])}, "has no instructions or no demos"),
        ({"route": predictor(), "os": 1}, "'os' is no predictor"),
        ({"metadata": {}}, "it holds none"),
        ([], "is no state of a dspy program"),
    ],
)
def test_a_state_that_does_not_fit_is_refused(
    state: Any, message: str, tmp_path: Path
) -> None:
    """dspy would load some of these in silence; here each says what is wrong."""
    path = tmp_path / "state.json"
    path.write_text(json.dumps(state), "utf-8")

    with pytest.raises(ArtifactError, match=message):
        weft.import_dspy(path, support)


QUESTION = {"question": "2 + 2?", "answer": "4"}
HEADINGS = [{"prefix": "Question:"}, {"prefix": "Answer:"}]
FURTHER = {"level": "easy", "source": "book", "tags": ["a"], "n": 3}


def one_state(*demos: Any, fields: Any = HEADINGS) -> dict[str, Any]:
    """A state as LabeledFewShot leaves it: its demos are rows of a dataset."""
    signature = {"instructions": "Answer.", "fields": fields}
    return {"traces": [], "train": [], "demos": [*demos], "signature": signature}


def imported(state: Any, module: Any, folder: Path) -> list[dict[str, Any]]:
    path = folder / "state.json"
    path.write_text(json.dumps(state), "utf-8")
    made = weft.import_dspy(path, module)
    return [dict(d.values) for d in made.modules["m"].parameters.demos]


@pytest.mark.parametrize(
    ("demo", "values", "left_out"),
    [
        ({**QUESTION, **FURTHER}, QUESTION, ["level", "source", "tags", "n"]),
        ({**QUESTION, "augmented": True, "dspy_uuid": "u", "x": 1}, QUESTION, ["x"]),
        ({**QUESTION, "id": 3, "dspy_split": "train"}, QUESTION, ["id"]),
        ({**QUESTION, "reasoning": "r"}, QUESTION, ["reasoning"]),
        (QUESTION, QUESTION, []),
    ],
)
def test_further_columns_of_a_datasets_rows_are_left_out(
    demo: Any,
    values: Any,
    left_out: list[str],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As DSPy leaves them out of its prompts; they are named once."""
    caplog.set_level(logging.WARNING, "weft")
    module = weft.Predict("question -> answer", name="m")

    found = imported(one_state(demo, demo), module, tmp_path)

    assert found == [values, values]
    assert len(caplog.records) == bool(left_out)
    for record in caplog.records:
        said = record.getMessage()
        assert said.endswith(f"left out: {', '.join(map(repr, left_out))}")


@pytest.mark.parametrize(
    ("demo", "fields", "message"),
    [
        (
            {"question_text": "?", "answer": "4", "level": "easy"},
            [{"prefix": "Question Text:"}, {"prefix": "Answer:"}],
            "has 'question_text', which is no field",
        ),
        (
            {"query": "?", "reply": "4"},
            [{"prefix": "Query:"}, {"prefix": "Reply:"}],
            "has 'query', which is no field",
        ),
        ({"level": "easy"}, [], "has 'level', which is no field"),
    ],
)
def test_a_field_of_another_name_is_no_further_column(
    demo: Any, fields: Any, message: str, tmp_path: Path
) -> None:
    """Its values would be lost."""
    module = weft.Predict("question -> answer", name="m")

    with pytest.raises(ArtifactError, match=message):
        imported(one_state(demo, fields=fields), module, tmp_path)


def test_values_of_a_csv_file_are_read_by_their_type(tmp_path: Path) -> None:
    """DSPy keeps them as text; a value that is missing is no part of a demo."""
    module = weft.Predict("q -> n: int, ok: bool", name="m")
    demos = [
        {"q": "a", "n": "7", "ok": "True", "id": 1},
        {"q": "b", "n": 7, "ok": True, "id": 2},
        {"q": "c", "n": None, "ok": "", "id": 3},
    ]
    fields = [{"prefix": "Q:"}, {"prefix": "N:"}, {"prefix": "Ok:"}]

    found = imported(one_state(*demos, fields=fields), module, tmp_path)

    typed = {"n": 7, "ok": True}
    assert found == [{"q": "a", **typed}, {"q": "b", **typed}]  # the third says nothing


STATES = """
import dspy


def tool(x: str) -> str:
    return x


class Inner(dspy.Module):
    def __init__(self):
        self.write = dspy.ChainOfThought("question -> query")
        self.say = dspy.Predict("question, query -> answer")


class Outer(dspy.Module):
    def __init__(self):
        self.inner = Inner()
        self.steps = [dspy.Predict("question -> answer")]


further = {"level": "easy", "source": "book"}
row = dspy.Example(question="2 + 2?", answer="4", **further).with_inputs("question")
one = dspy.Predict("question -> answer")
dspy.LabeledFewShot(k=1).compile(one, trainset=[row]).save("m.json")
thought = dspy.ChainOfThought("question -> answer")
thought.predict.demos = [row, dspy.Example(augmented=True, reasoning="r", **row)]
thought.save("thought.json")
outer = Outer()
for name, predictor in outer.named_predictors():
    held = dict.fromkeys(predictor.signature.fields, "x")
    predictor.demos = [dspy.Example(augmented=True, **held, **further)]
outer.save("outer.json")
agent = dspy.ReAct("question -> answer", tools=[tool])
for name, predictor in agent.named_predictors():
    held = dict.fromkeys(predictor.signature.fields, "x")
    held |= {"next_tool_name": "finish", "next_tool_args": {}}
    predictor.demos = [dspy.Example(augmented=True, **held, **further)]
agent.save("agent.json")
"""


@needs_dspy
@pytest.mark.slow
def test_every_kind_of_state_comes_with_the_fields_of_its_signature(
    tmp_path: Path,
) -> None:
    """Single predictors, chains of thought, nested programs and agents."""
    dspy(STATES, tmp_path)
    m = weft.Predict("question -> answer", name="m")
    thought = weft.ChainOfThought("question -> answer", name="m")
    write = weft.ChainOfThought("question -> query", name="write")
    say = weft.Predict("question, query -> answer", name="say")
    first = weft.Predict("question -> answer", name="first")
    react = weft.Predict(
        "question, trajectory -> next_thought, next_tool_name, next_tool_args: dict",
        name="react",
    )
    extract = weft.ChainOfThought("question, trajectory -> answer", name="extract")

    @weft.program
    def inner(question: str) -> str:
        return say(question=question, query=write(question=question).query).answer

    @weft.program
    def outer(question: str) -> str:
        return first(question=inner(question=question)).answer

    @weft.program
    def agent(question: str) -> str:
        seen = react(question=question, trajectory="").next_thought
        return extract(question=question, trajectory=seen).answer

    found = {
        name: weft.import_dspy(tmp_path / f"{name}.json", program, rename=rename)
        for name, program, rename in (
            ("m", m, {}),
            ("thought", thought, {}),
            ("outer", outer, {"steps[0]": "first"}),
            ("agent", agent, {}),
        )
    }

    for name, program in found.items():
        for path, module in program.modules.items():
            demos = module.parameters.demos
            assert len(demos) == (2 if name == "thought" else 1), path
            for demo in demos:
                assert set(demo.values) <= set(module.spec.names)
                assert set(module.spec.inputs) <= set(demo.values)


def test_predictors_can_be_renamed(tmp_path: Path) -> None:
    """Attribute names in dspy need not be module names here."""
    path = tmp_path / "state.json"
    path.write_text(json.dumps({"sort.predict": predictor()}), "utf-8")

    made = weft.import_dspy(path, support, rename={"sort.predict": "route"})

    assert made.parameters["route/instruction"] == "Route it."


# Fine-tuning --------------------------------------------------------------------------


def _moods(**options: Any) -> Any:
    """A classifier of which a template asks, with a text behind the input."""
    ask = weft.Predict(
        "text -> mood: Mood", types={"Mood": saved.Tone}, adapter=weft.cloze(FELT)
    )
    return weft.Classify(ask, name="feel", **options)


FELT = "[text]\nIt was [z]."


def _scored(classify: Any, likely: dict[str, float], by: str = "") -> Any:
    """Rows that are kind, and a model that finds words so probable."""

    def said(request: weft.Request) -> weft.Response:
        forced = [w for w in likely if w in str(request.sampling.get("grammar", ""))]
        word = forced[0] if forced else max(likely, key=lambda word: likely[word])
        top = tuple((word, math.log(p)) for word, p in likely.items())
        token = weft.TokenLogprob(word, math.log(likely[word]), top)
        return weft.Response(word, logprobs=(token,))

    rows = [{"text": "So warm.", "mood": "kind"}]
    with weft.use(lm=weft.FunctionLM(said), cache=None):
        return weft.evaluate(classify, rows, weft.metrics.exact("mood"))


@pytest.mark.parametrize(
    ("options", "likely", "taught"),
    [
        ({"by": "top"}, {"kind": 0.6, "cold": 0.3}, ["kind"]),
        ({"by": "forced"}, {"kind": 0.6, "cold": 0.3}, ["kind"]),
        # Decided by the prior: the model said another choice.
        (
            {"by": "top", "prior": {"cold": 0.9, "kind": 0.1}},
            {"kind": 0.3, "cold": 0.6},
            [],
        ),
        (
            {"by": "top", "words": {"kind": ["warm", "sweet"], "cold": ["icy"]}},
            {"warm": 0.3, "sweet": 0.5, "icy": 0.1},
            ["sweet"],
        ),
    ],
)
def test_a_decision_teaches_what_was_decided(
    options: Any, likely: dict[str, float], taught: list[str]
) -> None:
    """Not the last choice that was scored, nor what the model said against it."""
    scored = _scored(_moods(**options), likely)

    assert scored.mean == 1.0
    chats = [one["messages"] for one in weft.finetuning_rows(scored)]
    assert [chat[-1]["content"] for chat in chats] == taught


@pytest.mark.parametrize("to", ["openai-messages", "litellm", "langfuse", "mlflow"])
def test_a_prompt_that_asks_for_answer_words_is_exported_with_them(to: str) -> None:
    """It was written with the labels, which no call asks for."""
    words = {"kind": ["warm"], "cold": ["icy"]}
    demo = weft.Demo({"text": "Hugs.", "mood": "kind"})
    asks = _moods(words=words).with_modules(
        {"module": _moods().modules["module"].with_(demos=[demo])}
    )
    made = str(weft.export(asks, to=to))

    assert '"icy"' in made
    assert "'warm'" in made
    assert "kind" not in made


def test_rows_that_went_well_become_training_chats(tmp_path: Path) -> None:
    """The prompt as it was sent, and the reply that could be used."""
    feel = as_program(weft.Predict("text -> mood: Mood", types={"Mood": saved.Tone}))
    replies = {"good": "kind", "bad": "cold", "mended": "kind"}
    asked: dict[str, int] = {}

    def answer(request: weft.Request) -> str:
        word = next(w for w in replies if w in str(request.messages))
        asked[word] = asked.get(word, 0) + 1
        if word == "mended" and asked[word] == 1:
            return "[[ mood ]]\nwho knows\n[[ /end ]]"
        return f"[[ mood ]]\n{replies[word]}\n[[ /end ]]"

    rows = [{"text": word, "mood": "kind"} for word in replies]
    with weft.use(lm=weft.FunctionLM(answer), cache=None):
        scored = weft.evaluate(feel, rows, weft.metrics.exact("mood"))

    made = weft.finetuning_rows(scored)
    path = weft.write_rows(made, tmp_path / "train.jsonl")

    chats = [json.loads(line)["messages"] for line in path.read_text().splitlines()]
    assert len(chats) == 2
    for chat, word in zip(chats, ("good", "mended"), strict=True):
        assert [turn["role"] for turn in chat] == ["system", "user", "assistant"]
        assert word in chat[1]["content"]
        assert chat[2]["content"] == "[[ mood ]]\nkind\n[[ /end ]]"
    assert weft.finetuning_rows(scored, module="other") == []
    assert len(weft.finetuning_rows(scored, at_least=0)) == 3
