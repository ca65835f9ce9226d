"""The public types as users see them, for mypy and pyright; the calls never run.

Importing this file must work too: what stands outside functions is what users decorate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, assert_type

import pydantic

import weft
from weft import Input, Output, Signature
from weft.compilers import BootstrapFewShot, Choose, Point
from weft.pipeline.measure.decisions.resampling import Measured


class Source(pydantic.BaseModel):
    """A nested model."""

    title: str
    page: int = 0


class Triage(Signature):
    """Route a message."""

    message: str = Input("as typed")
    urgent: bool = Input(default=False)
    team: Literal["cards", "accounts"] = Output("who takes it")
    score: float = Output(ge=0, le=1)
    sources: list[Source] = Output(default=[])
    note: str | None = Output(default=None)


class Deeper(Triage):
    """Route a message, and say why."""

    reason: str = Output(max_length=100)


triage = weft.Predict(Triage)


@weft.predict
def sentiment(text: str, k: int = 3) -> Literal["glad", "sad"]:
    """Say the mood."""
    raise NotImplementedError


@weft.step
def search(query: str, k: int = 3) -> list[str]:
    """An ordinary function."""
    return [query] * k


@weft.step
async def fetch(url: str) -> bytes:
    """An asynchronous one."""
    return url.encode()


@weft.step(name="top")
def first_of(passages: Sequence[str]) -> str:
    """One with a name of its own."""
    return passages[0]


@weft.program
def qa(question: str) -> str:
    """Wires typed parts."""
    passages = search(question)
    return triage(message=first_of(passages)).team


@weft.program
def outer(question: str, k: int = 1) -> dict[str, str]:
    """Programs call programs."""
    return {"answer": qa(question=question), "first": first_of(search(question, k))}


def modules() -> None:
    """A module takes its signature's inputs and gives back the signature."""
    routed = triage(message="my card", urgent=True)
    assert_type(routed, Triage)
    assert_type(routed.message, str)
    assert_type(routed.urgent, bool)
    assert_type(routed.team, Literal["cards", "accounts"])
    assert_type(routed.score, float)
    assert_type(routed.sources, list[Source])
    assert_type(routed.sources[0].page, int)
    assert_type(routed.note, str | None)
    assert_type(triage(message="m").team, Literal["cards", "accounts"])
    assert_type(triage.parse("..."), Triage)
    assert_type(triage.prompt(message="m").tokens, int)


def inheritance() -> None:
    """A subclass has its base's fields and its own."""
    deeper = weft.Predict(Deeper)(message="m")
    assert_type(deeper.reason, str)
    assert_type(deeper.team, Literal["cards", "accounts"])


def options() -> None:
    """Options and changes keep the type."""
    tuned = weft.Predict(
        Triage, "Route it.", name="desk", lm="embedded", temperature=0.5, repairs=2
    ).with_(instruction="Other.", demos=[weft.Demo({"message": "m"})], adapter="json")
    assert_type(tuned(message="m"), Triage)


def chain_of_thought() -> None:
    """Reasoning is asked for, and the type stays the signature's."""
    think = weft.ChainOfThought(Triage, max_tokens=99)
    assert_type(think(message="m"), Triage)
    assert_type(think.with_(name="t")(message="m").score, float)


class Note(Signature):
    """Note what a text says."""

    message: str = Input()
    text: str = Input()
    note: str = Output()


class FromNotes(Signature):
    """Route a message by notes."""

    message: str = Input()
    notes: list[str] = Input()
    team: str = Output()


def brief(inputs: Mapping[str, Any], made: Triage) -> bool | str:
    """A check."""
    return made.note is None or "Write no note."


def several_calls() -> None:
    """Modules made of others take what these take, and give what they give."""
    think = weft.ChainOfThought(Triage, steps=Source)
    assert_type(think(message="m"), Triage)
    judge = weft.Predict("message, team -> score: float")
    assert_type(weft.BestOfN(triage, judge, threshold=0.9)(message="m"), Triage)
    assert_type(weft.Vote(triage, n=3, weight=judge)(message="m"), Triage)
    assert_type(weft.Refine(triage, brief)(message="m"), Triage)
    assert_type(weft.Check(triage, [brief, judge])(message="m").score, float)
    assert_type(weft.Fallback(triage, ["embedded"])(message="m"), Triage)
    assert_type(weft.Cascade(triage, think, n=3)(message="m"), Triage)
    assert_type(weft.Compare(think)(message="m"), Triage)
    assert_type(weft.Ensemble([triage, think])(message="m"), Triage)
    assert_type(weft.Decompose(Triage, most=3)(message="m"), Triage)
    index = weft.Index(["a passage"])
    assert_type(index.search("a", k=1), list[weft.Passage])
    assert_type(index.embedded(weft.Embedder("embedded")), weft.Index)
    assert_type(weft.Embedder("embedded").embed(["a"]), list[list[float]])
    read = weft.MapReduce(weft.Predict(Note), weft.Predict(FromNotes), by="sentences")
    assert_type(read(message="m", text="t"), FromNotes)
    assert_type(weft.Vote(sentiment)(text="t"), Literal["glad", "sad"])


def decisions(rows: list[dict[str, str]]) -> None:
    """A decision gives what its module gives, and so does a calibrated one."""
    sure = weft.Classify(sentiment, by="top", shown=5)
    assert_type(sure(text="t"), Literal["glad", "sad"])
    assert_type(weft.calibrate(sure, rows)(text="t"), Literal["glad", "sad"])
    assert_type(weft.Classify(triage).prior, Mapping[str, float] | None)
    cut = weft.Classify(triage, by="decisions", rule=weft.Rule(unsure_below=0.6))
    made = cut.with_rule(temperature=2.0)(message="m")
    assert_type(made, Triage)
    assert_type(weft.info(made).decision("team"), weft.Decision)
    assert_type(weft.info(made).decision().expected, float | None)
    assert_type(cut.rules, Mapping[str, weft.Rule])
    worded = weft.Classify(sentiment, words={"glad": ["great"], "sad": ["awful"]})
    assert_type(worded(text="t"), Literal["glad", "sad"])
    assert_type(weft.find_words(worded, rows)(text="t"), Literal["glad", "sad"])
    assert_type(weft.Choice({"glad": ["great"]}).read("Great"), str | None)
    vote = weft.PatternVote([weft.Classify(triage), weft.Classify(triage)], [1, 2])
    assert_type(weft.fit_weights(vote, rows)(message="m"), Triage)
    labelled = weft.label_unlabelled(vote, rows)
    assert_type(labelled.program(message="m"), Triage)
    assert_type(labelled.generations[0].added, int)
    assert_type(weft.label_unlabelled(worded, rows).program.prior is None, bool)
    lm = weft.LM("embedded", logprobs=5)
    assert_type(lm.score("t", ["a", "b"]), weft.Likelihoods)
    assert_type(lm.score("t", ["a"]).of[0], weft.Likelihood)
    assert_type(lm("t").logprobs, tuple[weft.TokenLogprob, ...] | None)


@weft.tool
def near(place: str, most: int = 3) -> list[str]:
    """A function that a model may call."""
    return [place] * most


@weft.tool(approval=True)
async def order(item: str) -> bool:
    """An asynchronous one, which a person must agree to."""
    return bool(item)


async def agents() -> None:
    """A tool is its function; an agent gives what its signature says, and its steps."""
    assert_type(near("x"), list[str])
    assert_type(await order.acall("x"), bool)
    agent = weft.ReAct(Triage, tools=[near, order, len], max_steps=4)
    assert_type(agent(message="m"), Triage)
    assert_type(weft.trajectory_of(agent(message="m")), list[weft.AgentStep])
    native = weft.ReAct(Triage, tools=[near], calls="native")
    assert_type(native(message="m"), Triage)
    other = weft.Tool.from_schema("web.search", None, {"type": "object"}, str)
    assert_type(other, weft.Tool[[dict[str, Any]], Any])
    assert_type(weft.ToolCall.of("near", place="x").arguments, str)
    try:
        agent.run(message="m")
    except weft.BudgetExceeded as spent:
        assert_type(weft.trajectory_of(spent), list[weft.AgentStep])
    except weft.Suspended as error:
        assert_type(error.pending["tool"], Any)
        assert_type(weft.resume(agent, error.data, approved=True).value, Any)


def code() -> None:
    """Code runs as a typed outcome; modules that write it give the signature's own."""
    run = weft.Sandbox(seconds=2).run("1", inputs={"x": 1}, functions=[near])
    assert_type(run, weft.CodeRun)
    assert_type(run.error, weft.CodeError | None)
    thinker = weft.ProgramOfThought(Triage, tries=2)
    assert_type(thinker(message="m"), Triage)
    assert_type(weft.CodeAct(Triage, tools=[near])(message="m"), Triage)
    reader = weft.Recursive(Triage, tools=[near], max_calls=9, sub_lm="embedded")
    assert_type(reader.run(message="m").value, Triage)
    assert_type(weft.code_steps_of(thinker(message="m")), list[weft.CodeStep])


async def models() -> None:
    """A model that is called gives a response, whatever kind of model it is."""
    lm = weft.LM("embedded", temperature=0)
    assert_type(lm("hi"), weft.Response)
    assert_type(lm("hi").text, str)
    assert_type(lm("hi", temperature=0.5, stop=["."], sample=1).reasoning, str)
    assert_type(lm([{"role": "user", "content": "hi"}]).usage, weft.Usage | None)
    assert_type(lm([weft.Message("user", "hi")]).cost, float | None)
    assert_type(await lm.acall("hi"), weft.Response)
    assert_type(weft.ScriptedLM(["hi"])("hi"), weft.Response)
    assert_type(weft.ScriptedLM([{"answer": 3}, "hi"])("hi"), weft.Response)
    assert_type(weft.ScriptedLM({"hi": {"answer": 3}})("hi"), weft.Response)
    assert_type(weft.FunctionLM(lambda request: {"n": 1})("hi"), weft.Response)
    assert_type(weft.ReplayLM("recorded.jsonl")("hi"), weft.Response)


def strings() -> None:
    """The string form has no types to give."""
    loose = weft.Predict("question, k: int -> answer")
    assert_type(loose, weft.Predict[..., Any])
    assert_type(loose(question="q", k=3), Any)


def functions() -> None:
    """The function form is called like the function."""
    assert_type(sentiment("hurra"), Literal["glad", "sad"])
    assert_type(sentiment(text="hurra", k=1), Literal["glad", "sad"])
    assert_type(sentiment.parse("glad"), Literal["glad", "sad"])


def steps() -> None:
    """Steps keep their parameters and their results, asynchronous ones awaited."""
    assert_type(search("q"), list[str])
    assert_type(search(query="q", k=2), list[str])
    assert_type(fetch("u"), bytes)
    assert_type(first_of(["a"]), str)


def programs() -> None:
    """Programs keep the parameters and the results of their functions."""
    assert_type(qa("q"), str)
    assert_type(qa(question="q"), str)
    assert_type(outer("q", k=2), dict[str, str])
    assert_type(qa.run("q").value, str)
    assert_type(qa.run("q").cost, float | None)
    assert_type(qa.batch([{"question": "q"}]), list[str])
    assert_type(qa.with_parameters({"triage/instruction": "x"})("q"), str)
    assert_type(qa.parameters, dict[str, Any])


async def asynchronous(rows: Sequence[Mapping[str, Any]]) -> None:
    """The asynchronous forms have the same types."""
    assert_type(await triage.acall(message="m"), Triage)
    assert_type(await sentiment.acall("t"), Literal["glad", "sad"])
    assert_type(await qa.acall("q"), str)
    assert_type((await qa.arun("q")).value, str)
    assert_type(await weft.aevaluate(qa, rows, metric=metric), weft.Evaluation)


def metric(example: weft.Example, prediction: str) -> float:
    """A metric of the user's."""
    return float(example["answer"] == prediction)


def measuring(rows: Sequence[Mapping[str, Any]]) -> None:
    """Evaluations of programs and of modules."""
    assert_type(weft.evaluate(qa, rows, metric=metric), weft.Evaluation)
    assert_type(weft.evaluate(triage, rows, metric=weft.metrics.f1("team")).mean, float)


def compiling(rows: Sequence[Mapping[str, Any]]) -> None:
    """A compile gives back a program of the same type."""
    result = weft.compile(
        qa, rows, metric=metric, compiler=BootstrapFewShot(), budget="$2", seed=1
    )
    assert_type(result.program("q"), str)
    assert_type(result.seed(question="q"), str)
    assert_type(result.improved, bool)
    made = weft.compile(triage, rows, metric=metric)
    assert_type(made.program(message="m"), Triage)
    assert_type(made.program.instruction, str)
    assert_type(made.program.with_(name="again").prompt(message="m").tokens, int)
    assert_type(made.best(2)[0](message="m"), Triage)
    again = weft.recompile(made.program, rows, lm="embedded", metric=metric)
    assert_type(again.program(message="m"), Triage)
    choose = Choose(models=[weft.LM("openai/gpt-5-mini"), "openai/gpt-5-nano"])
    asked = weft.compile(triage, rows, metric=metric, compiler=choose)
    assert_type(asked.front.under(usd_per_1000=2.0)(message="m"), Triage)
    assert_type(asked.front[0], Point)
    assert_type(result.front.under(tokens_a_row=90)("q"), str)
    whole = weft.recompile(qa, rows, lm="embedded", metric=metric)
    assert_type(whole.program("q"), str)


async def compiling_later(rows: Sequence[Mapping[str, Any]]) -> None:
    """As the above, without blocking."""
    assert_type((await weft.acompile(qa, rows, metric=metric)).program("q"), str)
    made = await weft.acompile(triage, rows, metric=metric)
    assert_type(made.program(message="m"), Triage)


def loading() -> None:
    """What is fitted to a live program or module is of its type."""
    assert_type(weft.load("qa.weft.json", program=qa)("q"), str)
    assert_type(weft.load("t.weft.json", program=triage)(message="m"), Triage)
    weft.load("t.weft.json").with_(instruction="Other.")
    assert_type(weft.origin(triage), weft.Origin | None)


def results() -> None:
    """Results are mappings of their outputs."""
    routed = triage(message="my card")
    assert_type({**routed}, dict[str, Any])
    assert_type(weft.inputs_of(routed), dict[str, Any])
    assert_type(weft.to_dict(routed), dict[str, Any])


def building() -> None:
    """Signatures built in code are signatures, of which checkers know no field."""
    built = Triage.append("sure", Output("from 0 to 1"), float).without("note")
    assert_type(built, type[Signature])
    assert_type(Triage.with_fields(k=(int, Input())), type[Signature])
    assert_type(Triage.prepend("why", Output()), type[Signature])
    assert_type(Triage.with_instruction("Other."), type[Signature])
    assert_type(weft.Predict(built).instruction, str)


@weft.step(inputs=triage, uses=[triage])
def logged(**kwargs: Any) -> str:
    """A wrapper of a module."""
    return triage(**kwargs).team


@weft.step(inputs="question, k: int", untuned=True)
async def passed_on(*args: Any) -> str:
    """A wrapper by position."""
    return str(args)


@weft.step(uses=[near])
def with_a_tool(place: str) -> str:
    """A tool may stand among what a step uses."""
    return str(near(place))


def wrappers() -> None:
    """Their results are known."""
    assert_type(logged(message="m"), str)
    assert_type(passed_on("q", 3), str)


def servers(program: weft.Program[[str], str]) -> None:
    """The tools of servers are tools; programs are served."""
    with weft.mcp.tools(["python", "server.py"], approval=["pay"]) as box:
        assert_type(box, weft.mcp.Toolbox)
        assert_type(box["pay"].words, str)
        assert_type(len(box), int)
        weft.ReAct(Triage, tools=[*box, near])
    places = weft.mcp.Stdio(["a"], env={"K": "v"}), weft.mcp.Http("http://a/mcp")
    assert_type(weft.mcp.tools(*places, "http://b/mcp"), weft.mcp.Toolbox)
    assert_type(weft.mcp.serve(program, near, len, transport="http", port=1), None)


def runtime() -> None:
    """Settings for a scope and for the process."""
    with weft.use(lm="embedded", cache=None, hooks=[print], budget="10 calls"):
        weft.configure(lm=weft.FunctionLM(lambda request: request.model))


def decisions_are_typed(evaluation: weft.Evaluation) -> None:
    """Figures may be undefined; a judge is a metric and a module."""
    found = weft.classification(evaluation, "team", weights="linear")
    assert_type(found, weft.Classification)
    assert_type(found.kappa, Measured | None)
    assert_type(found.mixed_up, list[tuple[str, str, int]])
    metric = weft.metrics.judged_by(weft.Groundedness(), row={"passages": "context"})
    assert_type(metric, weft.metrics.JudgedBy)
    weft.evaluate(weft.Rubric({"polite": "in tone"}), [], metric)
    weft.evaluate(weft.Pairwise(), [], weft.metrics.agreement("better"))
    weft.evaluate(weft.Pairwise(), [], weft.metrics.likelihood("better"))


def prompts_are_written(evaluation: weft.Evaluation) -> None:
    """A draft is of what was given; what is found is data."""
    house = weft.Context(audience="clerks", glossary={"round": "a visit"})
    assert_type(qa.with_context(house)("q"), str)
    assert_type(weft.draft("Answer.", qa).program("q"), str)
    revised = weft.revise(triage, "Shorter.", lm="embedded").program
    assert_type(revised(message="m").team, Literal["cards", "accounts"])
    made = weft.draft("Answer.", "question -> answer")
    assert_type(made, weft.Draft[weft.Predict[..., Any]])
    assert_type(weft.interview("a -> b", input).instruction, str)
    assert_type(weft.synthesize(triage, 3).short, Mapping[str, int])
    assert_type(weft.pick_demos(triage, [], 2, pick="far"), list[weft.Demo])
    assert_type(weft.copy_rate(qa, evaluation, n=2).rate, float)
    assert_type(weft.faithfulness(qa, []).rows, int)
    weft.compilers.ByHand(instructions=("a",), contexts=(house,))
