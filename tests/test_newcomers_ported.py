"""What a program that is carried over from DSPy runs into, line by line.

Each case stood in a port of one of DSPy's tutorials: it works, or ends in an error
whose message holds the remedy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pydantic
import pytest

import weft
from weft import errors

ANY: Any = weft  # a checker would refuse most of what stands here
ROWS = [{"question": f"q{n}", "answer": "red"} for n in range(4)]
EXACT = weft.metrics.exact("answer")

reply: Any = weft.Predict("question -> answer")
told: Any = weft.Predict("texts: list[str] -> answer", name="told")
found: Any = weft.Retrieve(weft.Index(["Oak trees are old."]), name="found")
TALK: Any = weft.History([("user", "Open?"), ("assistant", "Yes."), ("user", "When?")])
ROW: Any = weft.Example("r1", {"question": "x"}, {"answer": "y"})


@pytest.fixture(autouse=True)
def _offline() -> Iterator[None]:  # pyright: ignore[reportUnusedFunction] - a fixture
    with weft.use(lm=weft.FunctionLM(lambda _: {"answer": "red"}), cache=None):
        yield


class RAG:
    """A module of DSPy's, as far as a class gets by itself."""

    def forward(self, question: str) -> str:
        return reply(question=question).answer


class Out(pydantic.BaseModel):
    """A prediction, as a class."""

    answer: str


@weft.step
def shouted(question: str) -> str:
    return question.upper()


def answered(question: str) -> str:
    return question


def spread(question: str) -> dict[str, Any]:
    return {"question": question, **reply(question=question)}


def asked(function: Any) -> Any:
    with weft.use(lm=weft.FunctionLM(function)):
        return reply(question="x")


def as_text(request: Any) -> dict[str, str]:
    return {"answer": str("red" in request)}


def as_mapping(request: Any) -> str:
    return request.messages[-1]["content"]


def always(inputs: Any, made: Any) -> float:
    return 1.0


def vectors(texts: list[str]) -> list[list[float]]:
    return [[1.0] for _ in texts]


def evaluation() -> Any:
    return weft.evaluate(reply, ROWS, EXACT)


def built(body: Callable[[Any], Any]) -> Any:
    def made(question: str) -> str:
        return body(question)

    return weft.program(made)


Mistake = tuple[Callable[[], Any], type[Exception], str]


class Callback:
    """A BaseCallback of DSPy's."""

    def on_lm_end(self, call_id: str, outputs: Any, exception: Any) -> None: ...


def hooked(hooks: Any) -> None:
    with weft.use(hooks=hooks):
        reply(question="x")


MISTAKES: dict[str, Mistake] = {
    # classes with `forward`
    "bound method": (
        lambda: ANY.program(RAG().forward),
        errors.GraphError,
        "'RAG.forward' is a method, and a program has no object",
    ),
    "object with forward": (
        lambda: ANY.evaluate(RAG(), ROWS, EXACT),
        errors.ConfigError,
        "Write what it does as a typed function under @weft.program",
    ),
    "forward of a module": (
        lambda: type("RAG", (ANY.Predict,), {"forward": RAG.forward}),
        errors.ConfigError,
        "or as a typed function under @weft.program",
    ),
    "get of a result to come": (
        lambda: built(lambda question: reply(question=question).get("answer")),
        errors.GraphError,
        "has no output 'get'; it has question, answer. Take one: .answer",
    ),
    "model of a result to come": (
        lambda: built(lambda question: Out(answer=reply(question=question).answer)),
        errors.GraphError,
        "Make Out in a @weft.step function, or give a dict",
    ),
    "step in a program's place": (
        lambda: ANY.evaluate(shouted, ROWS, EXACT),
        errors.ConfigError,
        "Call it in a typed function under @weft.program",
    ),
    "function in a program's place": (
        lambda: ANY.evaluate(answered, ROWS, EXACT),
        errors.ConfigError,
        "Decorate a typed function with @weft.program",
    ),
    "Prediction": (lambda: ANY.Prediction, AttributeError, "returns a dict"),
    # models of one's own
    "BaseLM": (lambda: ANY.BaseLM, AttributeError, "Write weft.FunctionLM(function)"),
    "forward of a model": (
        lambda: type("Mine", (ANY.LM,), {"forward": RAG.forward}),
        errors.ConfigError,
        "never by Mine.forward. Write weft.FunctionLM(function), or a class with model",
    ),
    "call of a model": (
        lambda: type("Mine", (ANY.ScriptedLM,), {"__call__": RAG.forward}),
        errors.ConfigError,
        "never by Mine.__call__. Write weft.FunctionLM(function), or a class",
    ),
    "text in a request": (
        lambda: asked(as_text),
        errors.CallError,
        "Read .messages[-1].text",
    ),
    "content of a message by name": (
        lambda: asked(as_mapping),
        errors.CallError,
        "Read .role, and .text or .content",
    ),
    "script of one text": (
        lambda: ANY.ScriptedLM("red"),
        errors.ConfigError,
        "Write a list: ScriptedLM([...])",
    ),
    "script of one reply by field": (
        lambda: ANY.ScriptedLM({"answer": "red"})("Which colour?"),
        errors.ConfigError,
        "a reply by field stands in a list",
    ),
    # scores
    "for of an evaluation": (
        lambda: list(evaluation()),
        errors.CallError,
        "Read .rows: each has an example, a prediction and a score",
    ),
    "float of an evaluation": (
        lambda: float(evaluation()),
        errors.CallError,
        "Evaluation is no number. Read .mean",
    ),
    "round of an evaluation": (
        lambda: round(evaluation(), 2),
        errors.CallError,
        "Read .mean",
    ),
    "evaluation above a number": (
        lambda: evaluation() > 0.5,
        errors.CallError,
        "Read .mean",
    ),
    "number below an evaluation": (
        lambda: evaluation() >= 0.5,
        errors.CallError,
        "Read .mean",
    ),
    "evaluation with decimals": (
        lambda: f"{evaluation():.2f}",
        errors.CallError,
        "no number that '.2f' can show. Read .mean",
    ),
    "metric and rows exchanged": (
        lambda: ANY.evaluate(reply, EXACT, ROWS * 100),
        errors.MetricError,
        "... is no metric",
    ),
    # usage
    "usage of a result": (
        lambda: reply(question="x").get_lm_usage(),
        AttributeError,
        "Read program.run(...).trace.usage",
    ),
    "usage of what made a result": (
        lambda: ANY.info(reply(question="x")).usage,
        AttributeError,
        "Read .calls: each has its usage",
    ),
    "reasoning of a Predict": (
        lambda: reply(question="x").reasoning,
        AttributeError,
        "Write weft.ChainOfThought",
    ),
    "history of a fake": (
        lambda: ANY.ScriptedLM([]).history,
        AttributeError,
        "Read program.run(...).trace",
    ),
    "usage of a ledger": (
        lambda: ANY.Ledger().usage,
        AttributeError,
        "Read .spent()",
    ),
    "usage by attribute": (
        lambda: reply(question="x").usage,
        AttributeError,
        "weft.info(result).calls: each has its own",
    ),
    "json of a result": (
        lambda: reply(question="x").json(),
        AttributeError,
        "Write weft.to_dict(result)",
    ),
    "fields of a module": (lambda: reply.fields, AttributeError, ".spec.fields"),
    "exceptions of a batch": (
        lambda: reply.batch(ROWS, return_exceptions=True),
        errors.ConfigError,
        'Write on_error="keep"',
    ),
    # events and demos
    "status messages": (
        lambda: ANY.events.StatusMessage,
        AttributeError,
        "Write weft.events.NodeStarted",
    ),
    "misspelt event": (
        lambda: ANY.events.FieldDelt,
        AttributeError,
        "Did you mean 'FieldDelta'?",
    ),
    "chunk of an event": (
        lambda: ANY.events.FieldDelta("reply", "answer", "red").chunk,
        AttributeError,
        "Read .text",
    ),
    "field of a demo by name": (
        lambda: ANY.Demo({"answer": "red"})["answer"],
        errors.CallError,
        "Read .values, a mapping",
    ),
    "field of a run": (
        lambda: ANY.Predict("q -> answer").run(q="x")["answer"],
        errors.CallError,
        "Read .value, what the program gave",
    ),
    "trace by its name": (
        lambda: reply.run(question="x")["trace"],
        errors.CallError,
        ".trace",
    ),
    "loop over a trace": (
        lambda: list(reply.run(question="x").trace),
        errors.CallError,
        "Read .nodes: each has a path",
    ),
    "row of an evaluation as a triple": (
        lambda: [score for _, _, score in evaluation().rows],
        errors.CallError,
        "Read .example, .prediction and .score",
    ),
    "field of a demo": (
        lambda: ANY.Demo({"answer": "red"}).answer,
        AttributeError,
        "Read .values['answer']",
    ),
    "inputs of a demo": (
        lambda: ANY.Demo({"answer": "red"}).inputs(),
        AttributeError,
        "Read .values, a mapping",
    ),
    # lists and lengths
    "length of an answer": (
        lambda: len(ANY.ScriptedLM(["red"])("?")),
        errors.CallError,
        "Read .text",
    ),
    "length of a row": (lambda: len(ROW), errors.DataError, "{**row.inputs"),
    "passages for texts": (
        lambda: built(lambda question: told(texts=found(query=question).passages)),
        errors.GraphError,
        "Write list[Passage] there, or take the texts out of it",
    ),
    "split": (lambda: ANY.split, AttributeError, "weft.compile sets rows aside"),
    "optimize": (lambda: ANY.optimize, AttributeError, "Write weft.compile("),
    # options
    "model by its place": (
        lambda: ANY.configure("embedded"),
        errors.ConfigError,
        'Write configure(lm="openai/gpt-5-mini")',
    ),
    "model of a scope by its place": (
        lambda: ANY.use("embedded").__enter__(),
        errors.ConfigError,
        'Write `with use(lm="openai/gpt-5-mini"):`',
    ),
    "program of a load by its place": (
        lambda: ANY.load("a.weft.json", reply),
        errors.ConfigError,
        "load(path, program=...)",
    ),
    "number in the reward's place": (
        lambda: ANY.BestOfN(reply, 3, always),
        errors.ConfigError,
        "behind the reward: BestOfN(module, reward, n)",
    ),
    "fail_count": (
        lambda: ANY.Refine(reply, always, 3, fail_count=1),
        errors.ConfigError,
        "a reply that cannot be used is no candidate",
    ),
    "function that embeds": (
        lambda: ANY.Embedder(vectors),
        errors.ConfigError,
        "Write weft.FunctionEmbedder(function)",
    ),
    "function that embeds several": (
        lambda: ANY.FunctionEmbedder(vectors).embed(["a"]),
        errors.ConfigError,
        "Write FunctionEmbedder(lambda text: function([text])[0])",
    ),
    "package that is no name": (
        lambda: ANY.programs(5),
        errors.ConfigError,
        "Write weft.programs(__name__)",
    ),
    # options of DSPy's optimizers, of its cache and of its streams
    "demos given to compile": (
        lambda: ANY.compile(reply, ROWS, metric=EXACT, max_bootstrapped_demos=4),
        errors.ConfigError,
        "Give it to the compiler, such as weft.compilers.BootstrapRandomSearch(",
    ),
    "minibatches of MIPROv2": (
        lambda: ANY.compile(reply, ROWS, metric=EXACT, minibatch=False),
        errors.ConfigError,
        "candidates race on some rows first",
    ),
    "minibatches of GEPA": (
        lambda: ANY.compilers.GEPA(reflection_minibatch_size=3),
        errors.ConfigError,
        "candidates race on some rows first",
    ),
    "merges of GEPA": (
        lambda: ANY.compilers.GEPA(use_merge=True),
        errors.ConfigError,
        "Write weft.compilers.GEPA(merges=1)",
    ),
    "order of steps": (
        lambda: ANY.compile(reply, ROWS, metric=EXACT, strategy="p -> w -> p"),
        errors.ConfigError,
        "weft.compilers.Sequence(of=(",
    ),
    "cache that is switched off": (
        lambda: ANY.configure(enable_disk_cache=False),
        errors.ConfigError,
        "Write weft.configure(cache=None) for no cache",
    ),
    "marks for a provider's cache": (
        lambda: ANY.LM("anthropic/x", cache_control_injection_points=[]),
        errors.ConfigError,
        'weft.LM(..., extra={"cache_control_injection_points": ...})',
    ),
    "listeners of a stream": (
        lambda: reply.stream(question="x", stream_listeners=[]),
        errors.CallError,
        "match the events of program.stream(...)",
    ),
    "turns as classes": (
        lambda: ANY.System("Be brief."),
        AttributeError,
        'Write lm([{"role": "system"',
    ),
    "descriptions of a tool's arguments": (
        lambda: ANY.Tool(answered, arg_desc={"question": "what is asked"}),
        errors.ConfigError,
        'Write arguments={"name": "what it is"}',
    ),
    "reasoning that stands in the signature": (
        lambda: ANY.ChainOfThought("question -> answer, reasoning"),
        errors.SignatureError,
        "Leave it out of the signature, since this module adds it",
    ),
    "outputs that are spread": (
        lambda: ANY.program(spread),
        errors.GraphError,
        "`**` needs a value: name each field",
    ),
    "feedback that is None": (
        lambda: ANY.Score(1.0, feedback=None),
        errors.MetricError,
        "leave feedback out where there is nothing to say",
    ),
    "what a model can do": (
        lambda: ANY.LM("openai/x").supports_function_calling,
        AttributeError,
        "`weft probe MODEL` asks it",
    ),
    "streams of the events": (
        lambda: ANY.events.streamify,
        AttributeError,
        "Write program.stream(...)",
    ),
    "evaluation among the metrics": (
        lambda: ANY.metrics.Evaluate,
        AttributeError,
        "Write weft.evaluate(program, rows",
    ),
    # types
    "class that nobody told": (
        lambda: ANY.Predict("text -> people: list[Person]"),
        errors.SignatureError,
        'Pass types={"Person": Person}',
    ),
    "DSPy's tools in a signature": (
        lambda: ANY.Predict("question, tools: list[dspy.Tool] -> answer"),
        errors.SignatureError,
        "Write weft.ReAct(",
    ),
    "DSPy's calls in a signature": (
        lambda: ANY.Predict("question -> outputs: dspy.ToolCalls"),
        errors.SignatureError,
        "unknown type 'ToolCalls'. Write weft.ReAct(",
    ),
    "a callback among the hooks": (
        lambda: hooked([Callback()]),
        errors.ConfigError,
        "its .calls have the messages",
    ),
    "the class of a callback": (
        lambda: hooked([Callback]),
        errors.ConfigError,
        "its .calls have the messages",
    ),
    "hooks by their names": (
        lambda: hooked({"on_module_end": print}),
        errors.ConfigError,
        "it has .path, .inputs, .outputs and .error",
    ),
    "the history behind a call": (
        lambda: ANY.inspect_history(n=1),
        AttributeError,
        "Read weft.info(result) after a call",
    ),
    "a sampler that talks": (
        lambda: ANY.compilers.OptunaTPE(verbose=True),
        errors.ConfigError,
        "`weft watch RUN` shows a compile",
    ),
    "candidates of a sampler": (
        lambda: ANY.compilers.OptunaTPE(num_candidate_programs=8),
        errors.ConfigError,
        "Give a budget to weft.compile",
    ),
    "one model for all": (
        lambda: ANY.compilers.LoRA(multitask=True),
        errors.ConfigError,
        "each module has updates of its own",
    ),
    "tuned without demos": (
        lambda: ANY.compilers.LoRA(exclude_demos=True),
        errors.ConfigError,
        "module.with_(demos=[])",
    ),
    "what a callback is to know": (
        lambda: ANY.evaluate(reply, [], len, callback_metadata={"run": 1}),
        errors.ConfigError,
        "noted in the node's facts",
    ),
    "and of one call": (
        lambda: ANY.Predict("a -> b")(a="x", callback_metadata={"run": 1}),
        errors.CallError,
        "noted in the node's facts",
    ),
    "the soft words of a module": (
        lambda: ANY.Predict("a -> b").soft,
        AttributeError,
        "Read module.parameters.soft",
    ),
    "the history of a run": (
        lambda: reply.run(question="x").inspect_history(),
        AttributeError,
        "Read .trace: its nodes have the calls",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_ported_line_is_told_its_remedy(mistake: Mistake) -> None:
    """The error has a type to catch, and says what to write instead."""
    make, kind, remedy = mistake

    with pytest.raises(kind) as caught:
        make()

    assert remedy in str(caught.value)


def test_turns_are_taken_by_number_and_by_slice() -> None:
    """A turn is a turn; the last few are a conversation, which a module takes."""
    assert TALK[0].content == "Open?"
    assert TALK[-1].role == "user"
    assert TALK[-2:] == weft.History([("assistant", "Yes."), ("user", "When?")])
    with pytest.raises(IndexError):
        TALK[3]


def test_an_output_is_read_by_name_while_a_program_is_built() -> None:
    """`result["answer"]` is `result.answer`, before there is a value as after."""
    by_name = built(lambda question: reply(question=question)["answer"])
    by_attribute = built(lambda question: reply(question=question).answer)

    assert by_name(question="x") == "red"
    assert str(by_name) == str(by_attribute)


def test_what_has_no_length_is_true() -> None:
    """`if response:` and `if row:` ask for no length."""
    answer: Any = weft.ScriptedLM([""])("?")

    assert bool(answer)
    assert bool(ROW)


def test_an_evaluation_is_shown_without_a_form() -> None:
    """An f-string tells what `print` does."""
    assert f"{evaluation()}" == str(evaluation())


def test_the_attributes_that_remedies_of_a_report_name_are_there() -> None:
    """A compile's result has no DSPy names, and says where each thing is."""
    result: Any = weft.compile(
        reply,
        ROWS * 3,
        metric=EXACT,
        compiler=weft.compilers.LabeledFewShot(demos=1),
    )

    for name in ("best_score", "demos", "cost"):
        with pytest.raises(AttributeError, match="Read "):
            getattr(result, name)
    for name in ("baseline", "spent", "gain"):
        with pytest.raises(AttributeError, match="Read "):
            getattr(result.report, name)
    report = result.report
    assert report.seed_score.mean == report.score.mean == 1.0
    assert (report.calls, report.tokens, report.usd) != (0, 0, None)
    assert report.comparison is not None
    assert result.program.modules
