"""What people get wrong first, many of them coming from DSPy, and what they are told.

Each case is a mistake that somebody makes in the first hour. It ends in an error that
can be caught and whose message holds the remedy, or it simply works.
"""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import functools
import json
import pickle
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal, NamedTuple

import pydantic
import pytest

import weft
from weft import errors, hints

ANY: Any = weft  # a checker would refuse most of what stands here


class Triage(weft.Signature):
    """Route the message."""

    message: str = weft.Input()
    team: Literal["cards", "transfers"] = weft.Output()


triage: Any = weft.Predict(Triage)
reply: Any = weft.Predict("question -> answer")


@weft.step
def shout(text: str) -> str:
    return text.upper()


@weft.program
def traced(question: str) -> str:
    return shout(reply(question=question).answer)


@weft.step
def asks(question: str) -> str:
    return reply(question=question).answer


@weft.program
def hidden(question: str) -> str:
    return asks(question)


@weft.program
def answered(question: str) -> dict[str, str]:
    made = reply(question=question)
    return {"question": question, "answer": made.answer}


qa: Any = traced
several: Any = answered
emotion: Any = weft.Predict("sentence -> sentiment")
ASKED = [{"question": "x", "answer": "y"}]
signature: Any = Triage
ROWS = [{"message": f"card {n}", "team": "cards"} for n in range(8)]
UNNAMED: Callable[[Any], Any] = lambda question: reply(question=question)  # noqa: E731 - that is it
EXACT: Any = weft.metrics.exact("team")


@pytest.fixture(autouse=True)
def _offline() -> Iterator[None]:  # pyright: ignore[reportUnusedFunction] - a fixture
    with weft.use(lm="embedded", cache=None):
        yield


class Model(pydantic.BaseModel):
    message: str = "x"


@dataclasses.dataclass
class Row:
    message: str = "x"


class Pair(NamedTuple):
    message: str = "x"


class FromDSPy:
    def toDict(self) -> dict[str, str]:  # noqa: N802 - DSPy's name
        return {}


class Judge:
    @staticmethod
    def whole(example: Any, prediction: Any) -> Any:
        return reply(question=example.message)

    @staticmethod
    def getting(example: Any, prediction: Any) -> Any:
        return example.get("team")

    @staticmethod
    def number(request: Any) -> int:
        return 7

    @staticmethod
    def field(example: Any, prediction: Any) -> Any:
        return prediction.answer == example.answer

    @staticmethod
    def label(example: Any, prediction: Any) -> Any:
        return prediction.team == example.team.name

    @staticmethod
    def three(example: Any, prediction: Any, trace: Any) -> bool:
        raise NotImplementedError


def part(state: Any) -> Any:
    return state["x"]


def scored(metric: Any, rows: Any = ROWS) -> Any:
    return weft.evaluate(triage, rows, metric)


def built(body: Callable[[Any], Any]) -> Any:
    def made(question: str) -> str:
        return body(question)

    return weft.program(made)


def method() -> Any:
    class QA:
        @ANY.program
        def forward(self, question: str) -> str:
            return reply(question=question).answer

    return QA


def set_on(thing: Any, name: str) -> None:
    setattr(thing, name, "x")


Mistake = tuple[Callable[[], Any], type[Exception], str]
MISTAKES: dict[str, Mistake] = {
    # names
    "InputField": (lambda: ANY.InputField, AttributeError, "Write weft.Input("),
    "Module": (lambda: ANY.Module, AttributeError, "under @weft.program"),
    "Evaluate": (lambda: ANY.Evaluate, AttributeError, "weft.evaluate(program"),
    "context": (lambda: ANY.context, AttributeError, "`with weft.use(lm=...):`"),
    "typo": (lambda: ANY.Predct, AttributeError, "Did you mean 'Predict'?"),
    "MIPROv2": (lambda: ANY.compilers.MIPROv2, AttributeError, "compilers.MIPRO()"),
    "accuracy": (lambda: ANY.metrics.accuracy, AttributeError, 'exact("label")'),
    "Flex": (lambda: ANY.Flex, AttributeError, "@weft.step(uses=[module])"),
    "RLM": (lambda: ANY.RLM, AttributeError, "Write weft.Recursive("),
    "Interpreter": (lambda: ANY.PythonInterpreter, AttributeError, "weft.Sandbox()"),
    "LocalSandbox": (lambda: ANY.LocalSandbox, AttributeError, "weft.Sandbox()"),
    "Reasoning": (lambda: ANY.Reasoning, AttributeError, "calls[0].reasoning"),
    "MultiChainComparison": (
        lambda: ANY.MultiChainComparison,
        AttributeError,
        "weft.Compare(",
    ),
    "Assert": (lambda: ANY.Assert, AttributeError, "Use a type that holds it"),
    "BaseTool": (lambda: ANY.BaseTool, AttributeError, "Write @weft.tool above"),
    "ColBERTv2": (lambda: ANY.ColBERTv2, AttributeError, "under @weft.step"),
    "JSONAdapter": (lambda: ANY.JSONAdapter, AttributeError, 'adapter="json"'),
    "TwoStepAdapter": (lambda: ANY.TwoStepAdapter, AttributeError, "two modules"),
    "GEPA": (lambda: ANY.GEPA, AttributeError, "weft.compilers.GEPA()"),
    "teleprompt": (lambda: ANY.teleprompt, AttributeError, "weft.compilers"),
    "SemanticF1": (lambda: ANY.SemanticF1, AttributeError, "semantic_f1("),
    "answer_exact_match": (
        lambda: ANY.metrics.answer_exact_match,
        AttributeError,
        "normalize=weft.metrics.squad",
    ),
    "answer_passage_match": (
        lambda: ANY.metrics.answer_passage_match,
        AttributeError,
        'within="context"',
    ),
    "recall": (lambda: ANY.metrics.recall, AttributeError, "of your own"),
    "check_metric": (lambda: ANY.metrics.check_metric, AttributeError, "the report"),
    "metric_threshold": (
        lambda: ANY.compile(triage, ASKED, metric=EXACT, metric_threshold=0.8),
        errors.ConfigError,
        "Did you mean 'passing'?",
    ),
    "settings": (
        lambda: ANY.settings.configure(lm="embedded"),
        AttributeError,
        "weft.configure(lm=...)",
    ),
    "inspect_history": (lambda: ANY.inspect_history(), AttributeError, ".trace"),  # noqa: PLW0108 - as it is called
    "BootstrapFinetune": (
        lambda: ANY.compilers.BootstrapFinetune,
        AttributeError,
        'LoRA(source="traces")',
    ),
    "BetterTogether": (
        lambda: ANY.compilers.BetterTogether,
        AttributeError,
        "Sequence(of=(BootstrapFewShot(),",
    ),
    "f1_score": (lambda: ANY.metrics.f1_score, AttributeError, 'f1("answer")'),
    "forward": (lambda: qa.forward(question="x"), AttributeError, "like a function"),
    "demos appended": (
        lambda: triage.demos.append({}),
        AttributeError,
        "with_(demos=[...])",
    ),
    "history": (lambda: triage.history, AttributeError, ".trace"),
    "rationale": (lambda: triage(message="x").rationale, AttributeError, ".reasoning"),
    "completions": (
        lambda: triage(message="x").completions,
        AttributeError,
        "weft.use(sample=1)",
    ),
    "set_lm": (lambda: triage.set_lm("x"), AttributeError, "module.with_(lm=...)"),
    "save": (lambda: qa.save("x.json"), AttributeError, "weft.save(program"),
    "module of a program": (lambda: qa.reply, AttributeError, ".modules['reply']"),
    "toDict": (
        lambda: triage(message="x").toDict(),
        AttributeError,
        "Write dict(result)",
    ),
    "instructions": (
        lambda: signature.instructions,
        AttributeError,
        "parameters.instruction",
    ),
    "compile of a compiler": (
        lambda: ANY.compilers.LabeledFewShot().compile(triage),
        AttributeError,
        "weft.compile(program, rows, metric=..., compiler=LabeledFewShot(",
    ),
    "answer of a run": (
        lambda: qa.run(question="x").answer,
        AttributeError,
        "Read .value",
    ),
    "keys of a result": (
        lambda: triage(message="x").items(),
        AttributeError,
        "dict(result).items()",
    ),
    "ReActV2": (lambda: ANY.ReActV2, AttributeError, 'Write weft.ReAct("question'),
    "ImageUrl": (lambda: ANY.ImageUrl, AttributeError, "weft.Image.from_url(url)"),
    "streaming": (lambda: ANY.streaming, AttributeError, "program.stream(...)"),
    "DSPy's error": (
        lambda: ANY.LMRateLimitError,
        AttributeError,
        "Catch weft.errors.RateLimited",
    ),
    "get of a row": (
        lambda: scored(Judge.getting),
        errors.DataError,
        "row.labels.get(name)",
    ),
    "score": (lambda: scored(EXACT).score, AttributeError, "Read .mean"),
    # what never changes
    "demos set": (
        lambda: set_on(triage, "demos"),
        AttributeError,
        "Write with_(demos=...)",
    ),
    "lm set": (lambda: set_on(triage, "lm"), AttributeError, "Write with_(lm=...)"),
    "program's attribute set": (
        lambda: set_on(qa, "lm"),
        AttributeError,
        "Write with_parameters({",
    ),
    "parameter set": (
        lambda: qa.parameters.update({"reply/instruction": "x"}),
        errors.ConfigError,
        "Write with_parameters({...})",
    ),
    "module set": (
        lambda: qa.modules.__setitem__("reply", triage),
        errors.ConfigError,
        "Write with_modules({...})",
    ),
    "sample": (
        lambda: triage.with_(sample=1),
        errors.ConfigError,
        "weft.use(sample=1)",
    ),
    "temperature": (
        lambda: triage.with_(temperature=1),
        errors.ConfigError,
        'Write with_(sampling={"temperature": 1})',
    ),
    "demos as dicts": (
        lambda: triage.with_(demos=[{"message": "x"}]),
        errors.ConfigError,
        "Write weft.Demo({",
    ),
    # options and arguments
    "trainset": (
        lambda: ANY.compile(triage, trainset=ROWS, metric=EXACT),
        errors.ConfigError,
        "Did you mean 'train'?",
    ),
    "no metric": (
        lambda: ANY.evaluate(triage, ROWS),
        errors.ConfigError,
        "Write evaluate(program, rows, metric)",
    ),
    "metric in val's place": (
        lambda: ANY.compile(triage, ROWS, EXACT),
        errors.ConfigError,
        "Write compile(program, train, metric=...)",
    ),
    "num_threads": (
        lambda: qa.batch([{"question": "x"}], num_threads=2),
        errors.ConfigError,
        "Did you mean 'concurrency'?",
    ),
    "concurrency as text": (
        lambda: ANY.evaluate(triage, ROWS, EXACT, concurrency="4"),
        errors.ConfigError,
        "Give 1 or more",
    ),
    "no repeats": (
        lambda: ANY.evaluate(triage, ROWS, EXACT, repeats=0),
        errors.ConfigError,
        "Give 1 or more",
    ),
    "configure's lm by place": (
        lambda: ANY.configure("embedded"),
        errors.ConfigError,
        'Write configure(lm="openai/gpt-5-mini")',
    ),
    "metric of a compiler": (
        lambda: ANY.compilers.BootstrapFewShot(metric=EXACT),
        errors.ConfigError,
        "Give it to weft.compile",
    ),
    "config of a call": (
        lambda: triage(message="x", config={"temperature": 1}),
        errors.CallError,
        "module.with_(sampling={...})",
    ),
    "model of a call": (
        lambda: triage(message="x", lm="embedded"),
        errors.CallError,
        "module.with_(lm=...)",
    ),
    "n": (lambda: ANY.Predict(Triage, n=5), errors.ConfigError, "weft.use(sample=1)"),
    "instructions of a text": (
        lambda: ANY.Predict("question -> answer", instructions="Be brief."),
        errors.ConfigError,
        "Write it second",
    ),
    "adapter of the process": (
        lambda: ANY.configure(adapter="JSONAdapter"),
        errors.ConfigError,
        "Give 'auto', 'chat', 'json'",
    ),
    "retriever of the process": (
        lambda: ANY.configure(rm=print),
        errors.ConfigError,
        "under @weft.step",
    ),
    "auto": (
        lambda: ANY.compilers.GEPA(max_metric_calls=100),
        errors.ConfigError,
        "Give a budget",
    ),
    "teacher of a compiler": (
        lambda: ANY.compilers.BootstrapFewShot(teacher_settings={}),
        errors.ConfigError,
        "Give teacher= to weft.compile",
    ),
    "teacher that is a model": (
        lambda: ANY.compilers.MIPRO(teacher="openai/gpt-5"),
        errors.ConfigError,
        "a model, or a program",
    ),
    "metric of a compiler by place": (
        lambda: ANY.compilers.GEPA(EXACT),
        errors.ConfigError,
        "GEPA takes its options by name",
    ),
    "seed of a compiler": (
        lambda: ANY.compilers.MIPRO(seed=9),
        errors.ConfigError,
        "Give it to weft.compile",
    ),
    "folder of a compiler": (
        lambda: ANY.compilers.GEPA(log_dir="runs"),
        errors.ConfigError,
        "Give run_dir= to weft.compile",
    ),
    "rows of a compiler": (
        lambda: ANY.compilers.GEPA(trainset=ROWS),
        errors.ConfigError,
        "weft.compile(program, train",
    ),
    "model of a compiler": (
        lambda: ANY.compilers.MIPRO(task_model="openai/gpt-5"),
        errors.ConfigError,
        "weft.use(lm=...)",
    ),
    "callbacks": (
        lambda: ANY.configure(callbacks=[]),
        errors.ConfigError,
        "Did you mean 'hooks'?",
    ),
    "temperature of the process": (
        lambda: ANY.configure(temperature=0),
        errors.ConfigError,
        "temperature=...)",
    ),
    "custom_types": (
        lambda: ANY.Predict("question -> answer", custom_types={}),
        errors.ConfigError,
        "Did you mean 'types'?",
    ),
    "budget of a ledger as text": (
        lambda: ANY.Ledger("100 calls"),
        errors.ConfigError,
        "weft.Budget.of('100 calls')",
    ),
    "display_table": (
        lambda: ANY.evaluate(triage, ROWS, EXACT, display_table=5),
        errors.ConfigError,
        ".to_pandas()",
    ),
    "base_url": (
        lambda: ANY.LM("openai/gpt-5-mini", base_url="http://localhost:8000/v1"),
        errors.ConfigError,
        "Did you mean 'api_base'?",
    ),
    "bare model": (
        lambda: ANY.LM("gpt-5-mini"),
        errors.ConfigError,
        'Did you mean "openai/gpt-5-mini"?',
    ),
    "cache of a model": (
        lambda: ANY.LM("openai/gpt-5-mini", cache=False),
        errors.ConfigError,
        "weft.use(cache=...)",
    ),
    "temperature as text": (
        lambda: ANY.LM("openai/gpt-5-mini", temperature="0"),
        errors.ConfigError,
        "without quotes",
    ),
    "class of a model": (
        lambda: ANY.configure(lm=weft.LM),
        errors.ConfigError,
        "Give a model string",
    ),
    "model called by name": (
        lambda: ANY.LM("embedded")(messages=[{"role": "user", "content": "hello"}]),
        errors.CallError,
        'Write lm("text"), or lm([{"role": "user"',
    ),
    "model called for several": (
        lambda: ANY.LM("embedded")("hello", n=3),
        errors.ConfigError,
        "weft.use(sample=1)",
    ),
    "choices": (
        lambda: ANY.Output(choices=["a"]),
        errors.SignatureError,
        "Literal[",
    ),
    "compiler as text": (
        lambda: ANY.compile(triage, ROWS, metric=EXACT, compiler="mipro"),
        errors.ConfigError,
        "weft.compilers.MIPRO()",
    ),
    "compiler as class": (
        lambda: ANY.compile(
            triage, ROWS, metric=EXACT, compiler=weft.compilers.LabeledFewShot
        ),
        errors.ConfigError,
        "weft.compilers.LabeledFewShot()",
    ),
    # rows and metrics
    "Example of fields": (
        lambda: ANY.Example(message="x").with_inputs("message"),
        errors.ConfigError,
        "plain dicts",
    ),
    "inputs of an Example": (
        lambda: ANY.Example("1", {"message": "x"}).with_inputs("message"),
        errors.DataError,
        "Leave it out",
    ),
    "Demo of fields": (
        lambda: ANY.Demo(message="x"),
        errors.ConfigError,
        "weft.Demo({",
    ),
    "objects": (
        lambda: scored(EXACT, [SimpleNamespace(message="x")]),
        errors.DataError,
        "Give [vars(row) for row in rows]",
    ),
    "dataclasses": (
        lambda: scored(EXACT, [Row()]),
        errors.DataError,
        "dataclasses.asdict(row)",
    ),
    "models": (lambda: scored(EXACT, [Model()]), errors.DataError, "row.model_dump()"),
    "named tuples": (lambda: scored(EXACT, [Pair()]), errors.DataError, "_asdict()"),
    "DSPy's rows": (lambda: scored(EXACT, [FromDSPy()]), errors.DataError, "toDict()"),
    "misspelt key": (
        lambda: scored(EXACT, [{"mesage": "x", "team": "cards"}]),
        errors.DataError,
        "Rename the key 'mesage' of the row to 'message'",
    ),
    "misspelt label": (
        lambda: scored(EXACT, [{"message": "x", "teem": "cards"}]),
        errors.DataError,
        "The row has 'teem'",
    ),
    "no inputs": (
        lambda: ANY.read_rows(ROWS),
        errors.ConfigError,
        "Write read_rows(source, inputs)",
    ),
    "metric of three": (
        lambda: scored(Judge.three),
        errors.MetricError,
        "Give a function of (example, prediction)",
    ),
    "metric by name": (lambda: scored("exact"), errors.MetricError, "exact("),
    "metric not made": (
        lambda: scored(weft.metrics.exact),
        errors.MetricError,
        'weft.metrics.exact("answer")',
    ),
    "metric of a list": (
        lambda: ANY.metrics.exact(["team"]),
        errors.ConfigError,
        'exact("answer")',
    ),
    "metric without a field": (
        ANY.metrics.exact,
        errors.ConfigError,
        "Write exact(field)",
    ),
    "metric by hand": (
        lambda: EXACT({"team": "cards"}, triage(message="x")),
        errors.DataError,
        "Write weft.read_rows(",
    ),
    "field of a text": (
        lambda: weft.evaluate(qa, ASKED, Judge.field),
        errors.MetricError,
        "that is the prediction: compare it itself",
    ),
    "field of a dict": (
        lambda: weft.evaluate(several, ASKED, Judge.field),
        errors.MetricError,
        "It is a dict: write ['answer']",
    ),
    "field of a label": (
        lambda: scored(Judge.label, [{"message": "x", "team": {"name": "cards"}}]),
        errors.MetricError,
        "It is a dict: write ['name']",
    ),
    "module as a metric": (
        lambda: scored(weft.ChainOfThought("context, given -> correct: bool")),
        errors.MetricError,
        "def metric(example, prediction): return correct(...)",
    ),
    "program as a metric": (
        lambda: scored(qa),
        errors.MetricError,
        "def metric(example, prediction): return traced(...)",
    ),
    "label near an input": (
        lambda: weft.evaluate(emotion, [{"text": "x", "sentiment": "joy"}], EXACT),
        errors.DataError,
        "The row has 'text', 'sentiment': rename the key that is meant to 'sentence'",
    ),
    "feedback alone": (
        lambda: ANY.Score(feedback="x"),
        errors.ConfigError,
        "weft.Score(0.5",
    ),
    "rows first": (
        lambda: ANY.evaluate(ROWS, triage, EXACT),
        errors.ConfigError,
        "is no program",
    ),
    # files and fakes
    "whole program saved": (
        lambda: ANY.save(qa, "qa.weft.json", save_program=True),
        errors.ConfigError,
        "Leave it out: the graph",
    ),
    "pickle loaded": (
        lambda: ANY.load("qa.weft.json", allow_pickle=True),
        errors.ConfigError,
        "Leave it out: a file is data",
    ),
    "tools for a saved agent": (
        lambda: ANY.load("agent.weft.json", tools=[shout]),
        errors.ConfigError,
        "Did you mean 'steps'?",
    ),
    "texts to embed at once": (
        lambda: ANY.Embedder("openai/some-embedder", batch_size=100),
        errors.ConfigError,
        "Did you mean 'batch'?",
    ),
    "an answer as a turn": (
        lambda: ANY.History().answered(reply(question="x")),
        errors.CallError,
        "of an answer one field, such as result.answer",
    ),
    "loaded into what is no program": (
        lambda: ANY.load("qa.weft.json", program=shout),
        errors.ConfigError,
        "is no program",
    ),
    "reply as a list": (
        lambda: reply.with_(lm=ANY.ScriptedLM([["red"]]))(question="x"),
        errors.ConfigError,
        "Write what the model would",
    ),
    "reply as a number": (
        lambda: reply.with_(lm=ANY.FunctionLM(Judge.number))(question="x"),
        errors.ConfigError,
        "Write what the model would",
    ),
    # signatures
    "module's type": (
        lambda: weft.Predict("text -> day: datetime.date"),
        errors.SignatureError,
        "Write date in place of datetime.date",
    ),
    "spaced arrow": (
        lambda: weft.Predict("question - > answer"),
        errors.SignatureError,
        'Write "question -> answer"',
    ),
    "double arrow": (
        lambda: weft.Predict("question => answer"),
        errors.SignatureError,
        'Write "question -> answer"',
    ),
    "long arrow": (
        lambda: weft.Predict("question --> answer"),
        errors.SignatureError,
        'Write "question -> answer"',
    ),
    "two words": (
        lambda: weft.Predict("my question -> answer"),
        errors.SignatureError,
        "such as 'my_question'",
    ),
    "field of a result": (
        lambda: triage(message="x")["teem"],
        errors.CallError,
        "Did you mean 'team'?",
    ),
    "instructions of a signature set": (
        lambda: set_on(Triage, "instructions"),
        AttributeError,
        "module.with_(instruction=...)",
    ),
    "docstring of a signature set": (
        lambda: set_on(Triage, "__doc__"),
        AttributeError,
        "Triage.with_instruction(...)",
    ),
    "instructions of a module set": (
        lambda: set_on(triage, "instructions"),
        AttributeError,
        "never changes",
    ),
    "temperature of a module set": (
        lambda: set_on(triage, "temperature"),
        AttributeError,
        "never changes",
    ),
    "signature of a text": (
        lambda: ANY.Signature("question -> answer", "Be brief."),
        errors.CallError,
        'Write weft.Predict("question -> answer"',
    ),
    # programs
    "instance as a program": (
        lambda: ANY.program(FromDSPy()),
        errors.GraphError,
        "above a typed function",
    ),
    "partial as a step": (
        lambda: ANY.step(functools.partial(print, "x")),
        errors.SignatureError,
        "above a typed `def`",
    ),
    "module as a step": (
        lambda: ANY.step(triage),
        errors.SignatureError,
        "above a typed `def`",
    ),
    "program as a step": (
        lambda: ANY.step(qa),
        errors.SignatureError,
        "above a typed `def`",
    ),
    "class as a program": (
        lambda: ANY.program(Row),
        errors.GraphError,
        "Write what `forward` does as a typed function",
    ),
    "method as a program": (method, errors.GraphError, "outside the class"),
    "lambda as a program": (
        lambda: ANY.program(UNNAMED),
        errors.GraphError,
        "above a typed function",
    ),
    "brackets": (ANY.program, errors.ConfigError, "without brackets"),
    "class as a step": (
        lambda: ANY.step(Row),
        errors.SignatureError,
        "above a typed `def`",
    ),
    "number into a field without a type": (
        lambda: reply(question=3),
        errors.CallError,
        "Give text, or declare it as question: int",
    ),
    "list into a field without a type": (
        lambda: built(lambda question: reply(question=[question, "x"]).answer),
        errors.GraphError,
        "change one of the types",
    ),
    "constant list into a field without a type": (
        lambda: built(lambda question: reply(question=[]).answer + question),
        errors.GraphError,
        "or declare it as question: list[str]",
    ),
    "list extended": (
        lambda: built(lambda question: [*reply(question=question).answer]),
        errors.GraphError,
        "join lists in a @weft.step",
    ),
    "key of a state": (
        lambda: built(lambda question: ANY.loop({"x": question}, part, at_most=1)),
        errors.GraphError,
        "of a pydantic model a field can be taken",
    ),
    "whole result": (
        lambda: built(lambda question: reply(question=question)),
        errors.GraphError,
        "Take its field: .answer",
    ),
    "run while it is built": (
        lambda: built(lambda question: reply.run(question=question)),
        errors.GraphError,
        "which becomes a node",
    ),
    "batch while it is built": (
        lambda: built(lambda question: reply.batch([{"question": question}])),
        errors.GraphError,
        "which becomes a node",
    ),
    "range while it is built": (
        lambda: built(lambda question: list(range(question))),
        errors.GraphError,
        "weft.loop(...) to repeat",
    ),
    "acall while it is built": (
        lambda: built(lambda question: reply.acall(question=question)),
        errors.GraphError,
        "plain calls",
    ),
    "json.dumps while it is built": (
        lambda: built(lambda question: json.dumps(reply(question=question).answer)),
        errors.GraphError,
        "Do it in a @weft.step function",
    ),
    "one module as a step's uses": (
        lambda: ANY.step(uses=reply),
        errors.ConfigError,
        "uses=[module]",
    ),
    "step that hides its module": (
        lambda: weft.compile(hidden, [{"question": "x", "answer": "y"}], metric=EXACT),
        errors.ConfigError,
        "@weft.step(uses=[reply])",
    ),
    "whole result as a score": (
        lambda: scored(Judge.whole),
        errors.MetricError,
        "Return one of .answer",
    ),
    "one argument of each": (
        lambda: ANY.each([1]),
        errors.ConfigError,
        "Write each(items, body)",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_with_its_remedy(mistake: Mistake) -> None:
    """The error has a type to catch, and says what to write instead."""
    make, kind, remedy = mistake

    with pytest.raises(kind) as caught:
        make()

    assert remedy in str(caught.value)


def test_a_judge_is_written_as_a_plain_function() -> None:
    """It asks a module by a plain call, in an evaluation and in a compile."""
    judge: Any = weft.Predict("message, given -> correct: bool", name="judge")
    asked: list[str] = []

    def metric(example: weft.Example, prediction: Any, trace: object = None) -> bool:
        asked.append(example.id)
        return bool(judge(message=example.message, given=prediction.team).correct)

    measured = scored(metric)
    rows = [{"message": f"{n} lost", "team": "cards"} for n in range(9)]
    few = weft.compilers.LabeledFewShot(demos=1)
    judged = weft.compile(triage, rows, metric=metric, compiler=few, budget=100)
    plain = weft.compile(triage, rows, metric=EXACT, compiler=few, budget=100)

    assert not measured.failures
    assert set(asked) >= {row.example.id for row in measured.rows}
    assert judged.report.calls > plain.report.calls


KINDS = (
    *("package", "compiler", "metric", "member", "signature", "result", "model"),
    *("response", "history", "media", "tool", "sandbox", "type", "call", "row"),
    "option",
)


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_remedy_names_is_there(kind: str) -> None:
    """Each `weft.NAME` of a remedy exists, so that nobody is sent astray twice."""
    said = hints.section(kind).values()
    assert said

    # A file such as NAME.weft.json is named too, and is no attribute.
    for path in {
        p for text in said for p in re.findall(r"(?<!\.)\bweft\.([\w.]+\w)", text)
    }:
        found: Any = weft
        for name in path.split("."):
            found = getattr(found, name)


@pytest.mark.parametrize(
    ("kind", "there"),
    [("package", weft), ("compiler", weft.compilers), ("metric", weft.metrics)],
)
def test_a_name_that_exists_needs_no_remedy(kind: str, there: Any) -> None:
    """The table says what to write instead, and holds nothing that could be written."""
    assert [name for name in hints.section(kind) if name in there.__all__] == []


def test_a_state_of_dspy_is_no_artifact(tmp_path: Path) -> None:
    """Whoever loads one is sent to the function that reads it."""
    state = tmp_path / "qa.json"
    state.write_text(json.dumps({"reply": {"demos": []}, "metadata": {}}))

    with pytest.raises(errors.ArtifactError, match=r"weft\.import_dspy"):
        weft.load(state)


def test_an_evaluation_without_a_score_shows_none() -> None:
    """Where every row failed there is no mean to read, and the reason is told."""
    down = weft.ScriptedLM([errors.ServerError("gone")] * 2)

    with weft.use(lm=down, retry=weft.RetryPolicy(retries=0)):
        found = scored(EXACT, ROWS[:2])

    assert not found.values
    assert str(found).endswith("no score, because every row failed: ServerError: gone")


@pytest.mark.parametrize("adapter", ["chat", "json", "xml"])
@pytest.mark.parametrize("said", ["", "I cannot help with that."])
def test_an_unreadable_reply_is_shown(adapter: str, said: str) -> None:
    """What came back stands in the error; an empty reply is seen to be empty."""
    mute = weft.ScriptedLM([said] * 2)

    with weft.use(lm=mute), pytest.raises(errors.ParseError) as caught:
        triage.with_(adapter=adapter)(message="x")

    assert str(caught.value).endswith(f"The reply was {said!r}")


def test_a_result_of_a_compile_leads_to_its_program() -> None:
    """It is no program itself: whoever takes it for one is told where one is."""
    result: Any = weft.compile(
        triage,
        [
            {"message": f"{n} {team}", "team": team}
            for n in "abcd"
            for team in ("cards",)
        ],
        metric=lambda example, prediction: float(prediction.team == example.team),
        compiler=weft.compilers.LabeledFewShot(demos=1),
    )

    for wrong in (
        lambda: result(message="x"),
        lambda: weft.evaluate(result, ROWS, EXACT),
        lambda: weft.save(result, "x.weft.json"),
    ):
        with pytest.raises((errors.CallError, errors.ConfigError), match=r"\.program"):
            wrong()
    assert "Result('triage': " in repr(result)


def test_a_result_is_read_by_name_too() -> None:
    """Like a row of data: by attribute, by name, and as a dict."""
    result = triage(message="x")

    assert result["message"] == result.message == "x"
    assert dict(result) == {"team": result.team}
    assert weft.inputs_of(result) == {"message": "x"}


@pytest.mark.parametrize("thing", [qa, triage, reply], ids=["program", "class", "text"])
def test_programs_and_modules_are_copied_and_pickled(thing: Any) -> None:
    """A copy is the thing itself; a pickle brings back one that does the same."""
    given = {"message": "x"} if thing is triage else {"question": "x"}

    again = pickle.loads(pickle.dumps(thing))

    assert copy.deepcopy(thing) is thing
    assert again(**given) == thing(**given)
    assert again.batch([given]) == thing.batch([given])


def test_what_is_pickled_keeps_its_tuned_parts() -> None:
    """A changed instruction, a step's changed module, and a result of a text form."""
    changed = qa.with_parameters({"reply/instruction": "Be brief."})

    again = pickle.loads(pickle.dumps(changed))

    assert again.parameters == changed.parameters
    assert pickle.loads(pickle.dumps(agent_of_brief)).parameters == (
        agent_of_brief.parameters
    )
    made = reply(question="x")
    assert pickle.loads(pickle.dumps(made)) == made


@weft.step(uses=[reply])
def looped(question: str) -> str:
    return reply(question=question).answer


@weft.program
def agent(question: str) -> str:
    return looped(question)


agent_of_brief = agent.with_parameters({"looped/reply/instruction": "Be brief."})


def test_calls_work_inside_a_running_loop() -> None:
    """As in a notebook, whose cells run inside one."""

    async def cell() -> tuple[Any, Any]:
        return qa(question="x"), weft.evaluate(triage, ROWS[:2], EXACT).mean

    assert asyncio.run(cell())[0] == qa(question="x")


def test_messages_name_a_text_form_by_what_it_gives() -> None:
    """A module and its results are called like its first output."""
    short: Any = weft.Predict("question -> short_answer, source")

    assert short.name == "short_answer"
    assert repr(short(question="x")).startswith("ShortAnswer(question='x'")
    with pytest.raises(errors.CallError, match="'short_answer' has no input 'query'"):
        short(query="x")


def test_reprs_are_short() -> None:
    """What a shell shows of a result fits into a line, whatever the prompts hold."""
    run = qa.run(question="x")
    evaluation = scored(EXACT)

    shown = [repr(run), repr(run.trace), repr(run.trace.nodes[0]), repr(evaluation)]
    shown += [repr(evaluation.rows[0]), str(evaluation.interval)]
    shown += [str(evaluation.compare(evaluation))]

    assert all(len(text) < 160 and "\n" not in text for text in shown), shown
    assert "1 call," in repr(run)
    assert evaluation.metric in evaluation._repr_html_()


@pytest.mark.parametrize(
    ("named", "meant"),
    [("triag", "triage"), ("propser", "proposer"), ("teacher", "weft.compile(")],
)
def test_a_model_that_would_never_be_asked_is_refused(named: str, meant: str) -> None:
    """A key of `lms=` is a module's path, and a misspelt one changes nothing."""
    mute = weft.RefusingLM()
    rows = [{"message": "x", "team": "app"}] * 9
    exact = weft.metrics.exact("team")

    with weft.use(lm=mute, lms={named: mute}), pytest.raises(errors.ConfigError) as no:
        weft.compile(triage, rows, metric=exact)

    assert meant in str(no.value)


def test_models_of_other_programs_may_stand_in_the_same_scope() -> None:
    """A key that is nothing like a module's path is somebody else's."""
    sure = weft.FunctionLM(lambda _: "[[ team ]]\napp")
    rows = [{"message": "x", "team": "app"}]

    with weft.use(lm=sure, lms={"judge": weft.RefusingLM()}, cache=None):
        weft.evaluate(triage, rows, weft.metrics.exact("team"))

    assert sure.calls


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("history", "program.run(...).trace"),
        ("forward", 'lm("text")'),
        ("kwargs", "lm.sampling"),
        ("samplin", "Did you mean 'sampling'?"),
    ],
)
def test_a_model_says_where_its_habits_have_gone(name: str, meant: str) -> None:
    """It is called, or asked through modules, and never changes."""
    with pytest.raises(AttributeError, match=re.escape(meant)):
        getattr(weft.LM("embedded"), name)
