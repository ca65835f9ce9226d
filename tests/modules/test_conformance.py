"""Every module is called, traced, streamed, tuned, saved and loaded alike."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import pytest

import weft
from weft import Request
from weft.errors import ArtifactError, BudgetExceeded, ConfigError, ParseError
from weft.pipeline.graph.digest import digest_of
from weft.pipeline.graph.module import Module
from weft.pipeline.graph.program import as_program

ASK = "question -> answer"
FEW: Any = Literal.__getitem__(tuple(f"answer {n}" for n in range(40)))


def shortest(inputs: Mapping[str, Any], made: Any) -> float:
    """A reward: the shorter, the better."""
    assert set(inputs) == {"question"}
    return -float(len(made.answer))


def never(inputs: Mapping[str, Any], made: Any) -> float:
    """A reward that nothing satisfies."""
    del inputs, made
    return 0.0


def wrong(inputs: Mapping[str, Any], made: Any) -> bool:
    """A check that nothing passes."""
    del inputs, made
    return False


def half(question: str) -> str:
    """A tool: the first half of a text."""
    return question[: len(question) // 2]


def earliest(answers: list[Any]) -> Any:
    """What an ensemble gives: its first member's answer."""
    return answers[0]


def judged(judge: Module[..., Any]) -> Module[..., Any]:
    """A module whose answer a judge sees."""
    return weft.BestOfN(weft.Predict(ASK), judge, n=1, name="it")


class FromPassages(weft.Signature):
    """Answer from the passages."""

    question: str = weft.Input()
    passages: list[str] = weft.Input(default=["answer 0 it is"])
    answer: str = weft.Output()


@weft.step
def as_noted(note: str) -> str:
    """A step in the middle of a program."""
    return note


class Told(weft.Signature):
    """Answer from the note."""

    note: str = weft.Input()
    answer: str = weft.Output()


noting = weft.Predict("question -> note", name="noting")
telling = weft.Predict(Told, name="telling")


@weft.program
def in_two(question: str) -> Told:
    """Answer in two calls: a whole program, of modules and a step."""
    return telling(note=as_noted(noting(question=question).note))


MAKERS: dict[str, Callable[[], Module[..., Any]]] = {
    "Predict": lambda: weft.Predict(ASK, name="it"),
    "ChainOfThought": lambda: weft.ChainOfThought(ASK, name="it"),
    "typed steps": lambda: weft.ChainOfThought(ASK, steps=str, name="it"),
    "Decompose": lambda: weft.Decompose(ASK, most=1, name="it"),
    "BestOfN": lambda: weft.BestOfN(weft.Predict(ASK), shortest, n=3, name="it"),
    "Vote": lambda: weft.Vote(weft.ChainOfThought(ASK), n=3, name="it"),
    "Refine": lambda: weft.Refine(weft.Predict(ASK), never, n=2, name="it"),
    "Check": lambda: weft.Check(
        weft.Predict(ASK), [wrong], repairs=2, required=False, name="it"
    ),
    "Fallback": lambda: weft.Fallback(weft.Predict(ASK), models=["spare"], name="it"),
    "Cascade": lambda: weft.Cascade(
        weft.Predict(ASK),
        weft.ChainOfThought(ASK),
        checks=[wrong],
        n=2,
        agreement=0,
        name="it",
    ),
    "Compare": lambda: weft.Compare(weft.ChainOfThought(ASK), n=2, name="it"),
    "Ensemble": lambda: weft.Ensemble(
        [weft.Predict(ASK), weft.ChainOfThought(ASK)], earliest, name="it"
    ),
    "MapReduce": lambda: weft.MapReduce(
        weft.Predict("question -> note"),
        weft.ChainOfThought("notes: list[str] -> answer"),
        most=1,
        name="it",
    ),
    "Classify": lambda: weft.Classify(
        weft.Predict("question -> answer: Few", types={"Few": FEW}), by="top", name="it"
    ),
    "PatternVote": lambda: weft.PatternVote(
        [
            weft.Classify(
                weft.Predict("question -> answer: Few", types={"Few": FEW}), by="top"
            )
            for _ in range(2)
        ],
        [2, 1],
        name="it",
    ),
    # Judges in the place that they have in programs: as the reward of another module.
    "Groundedness": lambda: judged(weft.Groundedness(passages="question")),
    "Completeness": lambda: judged(weft.Completeness(reference="question")),
    "Rubric": lambda: judged(weft.Rubric({"tone": "calm", "use": "solves it"})),
    "Pairwise": lambda: judged(
        weft.Pairwise(first="answer", second="question", reads="")
    ),
    "ReAct": lambda: weft.ReAct(ASK, tools=[half], max_steps=2, name="it"),
    "ProgramOfThought": lambda: weft.ProgramOfThought(ASK, tries=2, name="it"),
    "CodeAct": lambda: weft.CodeAct(ASK, tools=[half], max_steps=2, name="it"),
    "Recursive": lambda: weft.Recursive(ASK, max_steps=2, max_calls=2, name="it"),
    "ReAct, native": lambda: weft.ReAct(
        ASK, tools=[half], max_steps=2, calls="native", name="it"
    ),
    "Cited": lambda: weft.Cited(FromPassages, name="it"),
    "Refine of others": lambda: weft.Refine(
        weft.Vote(weft.Predict(ASK), n=2), never, n=2, name="it"
    ),
    "of each other": lambda: weft.Vote(
        weft.BestOfN(weft.Predict(ASK), shortest, n=2), n=2, name="it"
    ),
    "Vote of a program": lambda: weft.Vote(in_two, n=2, name="it"),
    "Refine of a program": lambda: weft.Refine(in_two, never, n=2, name="it"),
}
# By module: the paths of what asks a model, and how many calls one answer takes.
ASKING = {
    "Predict": (["it"], 1),
    "ChainOfThought": (["it"], 1),
    "typed steps": (["it"], 1),
    "Decompose": (["it/split", "it/solve", "it/answer"], 3),
    "BestOfN": (["it/module"], 3),
    "Vote": (["it/module"], 3),
    "Refine": (["it/module", "it/critic", "it/again"], 3),
    "Check": (["it/module", "it/again"], 3),
    "Fallback": (["it/module"], 1),
    "Cascade": (["it/cheap", "it/strong"], 3),
    "Compare": (["it/module", "it/compare"], 3),
    "Ensemble": (["it/member_1", "it/member_2"], 2),
    "MapReduce": (["it/map", "it/merge", "it/reduce"], 2),
    "Classify": (["it/module"], 1),
    "PatternVote": (["it/pattern_1/module", "it/pattern_2/module"], 2),
    "Groundedness": (["it/module", "it/reward/extract", "it/reward/check"], 3),
    "Completeness": (["it/module", "it/reward/extract", "it/reward/check"], 3),
    "Rubric": (["it/module", "it/reward/judge"], 2),
    "Pairwise": (["it/module", "it/reward/judge"], 3),
    "ReAct": (["it/act", "it/extract"], 3),
    "ProgramOfThought": (["it/write", "it/mend", "it/answer"], 3),
    "CodeAct": (["it/act", "it/extract"], 3),
    "Recursive": (["it/act", "it/ask", "it/extract"], 5),
    "ReAct, native": (["it/act", "it/extract"], 3),
    "Cited": (["it/answer", "it/again"], 1),
    "Refine of others": (["it/module/module", "it/critic"], 5),
    "of each other": (["it/module/module"], 4),
    "Vote of a program": (["it/module/noting", "it/module/telling"], 4),
    "Refine of a program": (["it/module/noting", "it/module/telling", "it/critic"], 5),
}
JUDGED = {
    "claims": '["c"]',
    "supported": "[1]",
    "points": '["p"]',
    "made": "[1]",
    "tone": "3\n[[ use ]]\n2",
    "better": "first",
}
"""What judges are told, by the field that they ask for."""
IDLE = {"MapReduce": {"it/merge"}, "Cited": {"it/again"}}
"""What is asked only where there is more than a short question."""
QUOTED = {"Fallback": 2, "Cited": 2}
"""Calls at the most, where that is more than a sound answer takes."""
ASKING_NOBODY = {"Retrieve"}
"""What calls no model has a suite of its own, `test_retrieval.py`."""
every = pytest.mark.parametrize("kind", MAKERS)
COMPOSITE = [k for k, made in MAKERS.items() if made().has_body]
composite = pytest.mark.parametrize("kind", COMPOSITE)
# Those that ask one prompt several times.
trying = pytest.mark.parametrize("kind", ["BestOfN", "Vote", "Refine", "of each other"])


def said(request: Request) -> str | weft.Response:
    """A reply in whatever fields are asked for; one of its words is the sample."""
    if request.tools:
        return weft.Response("t", tool_calls=(weft.ToolCall.of("half", question="q"),))
    if "logprobs" in request.sampling:
        tokens = [weft.TokenLogprob(t, -0.1) for t in ("[[ answer ]]\n", "answer 0")]
        return weft.Response("[[ answer ]]\nanswer 0", logprobs=tuple(tokens))
    asked = request.messages[0].content
    if "[[ tool ]]" in asked:
        return '[[ thought ]]\nt\n[[ tool ]]\nhalf\n[[ arguments ]]\n{"question": "q"}'
    for field, value in JUDGED.items():
        if f"[[ {field} ]]" in asked:
            return f"[[ reasoning ]]\nr {request.sample}\n[[ {field} ]]\n{value}"
    if "[[ questions ]]" in asked:
        return '[[ questions ]]\n["one?"]'
    if "reasoning: a JSON list" in asked:
        return f'[[ reasoning ]]\n["r"]\n[[ answer ]]\nanswer {request.sample}'
    if "[[ code ]]" in asked:
        ask = "llm_query" if "llm_query" in asked else "half" if "half" in asked else ""
        return f"[[ thought ]]\nt\n[[ code ]]\nprint({ask}('qq'))\n1 / 0"
    if "[[ citations ]]" in asked:
        quoted = '[{"passage": "1", "quote": "it is"}]'
        return f"[[ citations ]]\n{quoted}\n[[ answer ]]\nanswer {request.sample}"
    names = ("reasoning", "advice", "note", "sub_answer", "reply", "answer")
    fields = [n for n in names if f"[[ {n} ]]" in asked]
    return "\n".join(f"[[ {name} ]]\n{name} {request.sample}" for name in fields)


@pytest.fixture
def lm() -> Any:
    """A model that answers by sample."""
    model = weft.FunctionLM(said)
    with weft.use(lm=model, cache=None):
        yield model


def test_the_suite_knows_every_kind() -> None:
    """A new kind of module is held to what follows."""
    ours = [k for k in Module.__subclasses__() if k.__module__.startswith("weft.")]

    assert {kind.kind for kind in ours} <= {*MAKERS, *ASKING_NOBODY}


def test_whoever_loads_knows_every_kind() -> None:
    """Also in a process that has made no module yet."""
    code = (
        "import weft; weft.load\n"
        "from weft.pipeline.graph.module import Module\n"
        "print(*(kind.kind for kind in Module.__subclasses__()))"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    )

    kinds = {maker().kind for maker in MAKERS.values()} | ASKING_NOBODY
    assert kinds <= {*said.stdout.split()}


@every
def test_called_alike(kind: str, lm: weft.FunctionLM) -> None:
    """Called and awaited, alone and in a program, it gives one answer."""
    module = MAKERS[kind]()

    @weft.program
    def within(question: str) -> str:
        return str_of(module(question=question).answer)

    alone = module(question="q").answer
    awaited = asyncio.run(module.acall(question="q")).answer
    assert alone == awaited == within(question="q") == as_program(module)("q").answer
    assert lm.calls == 4 * ASKING[kind][1]


@weft.step
def str_of(value: str) -> str:
    """A step behind a module."""
    return value


@every
def test_traced_alike(kind: str, lm: weft.FunctionLM) -> None:
    """What asks is a node of its own path; all times are those of one clock."""
    run = MAKERS[kind]().run(question="q")

    paths, calls = ASKING[kind]
    asking = {node.path for node in run.trace.nodes if node.calls}
    assert asking == set(paths) - IDLE.get(kind, set())
    assert len(run.trace.calls) == calls == lm.calls
    (top,) = run.trace.tree
    assert top.run.path == "it"
    assert all(n.started + n.seconds <= run.seconds + 1e-6 for n in run.trace.nodes)
    outputs = top.run.outputs
    assert outputs["answer"] == run.value.answer


@every
def test_streamed_alike(kind: str, lm: weft.FunctionLM) -> None:
    """Fields arrive under the path of what writes them; the answer comes last."""
    events = list(MAKERS[kind]().stream(question="q"))

    paths = {e.path for e in events if isinstance(e, weft.events.FieldDelta)}
    assert paths == set(ASKING[kind][0]) - IDLE.get(kind, set())
    last = events[-1]
    assert isinstance(last, weft.events.Finished)
    assert last.value.answer.startswith("answer")
    assert lm.calls == ASKING[kind][1]


@every
def test_batched_alike(kind: str, lm: weft.FunctionLM) -> None:
    """Many rows come in their order."""
    rows = [{"question": str(number)} for number in range(5)]

    made = MAKERS[kind]().batch(rows, concurrency=3)

    assert [answer.question for answer in made] == list("01234")
    assert lm.calls == 5 * ASKING[kind][1]


@every
def test_tuned_alike(kind: str, lm: weft.FunctionLM) -> None:
    """What a compiler changes is what is sent, and the original stays as it was."""
    program = as_program(MAKERS[kind]())
    paths = ASKING[kind][0]
    assert list(program.modules) == paths

    told = {f"{path}/instruction": f"Be {path}." for path in paths}
    tuned = program.with_parameters(told)
    tuned("q")
    sent = "\n".join(m.content for r in lm.requests for m in r.messages)
    assert all((f"Be {p}." in sent) != (p in IDLE.get(kind, ())) for p in paths)

    lm.requests.clear()
    program("q")
    assert "Be it" not in "\n".join(r.messages[0].content for r in lm.requests)


@every
def test_prompts_are_told_before(kind: str, lm: weft.FunctionLM) -> None:
    """The prompt of each part stands there before anything is sent."""
    prompts = as_program(MAKERS[kind]()).prompts(question="what?")

    assert set(prompts) == set(ASKING[kind][0])
    assert lm.calls == 0


@every
def test_reused_alike(kind: str, lm: weft.FunctionLM) -> None:
    """A result of an earlier run is taken whole: no call, and the same nodes."""
    module = MAKERS[kind]()

    @weft.program
    def within(question: str) -> str:
        return str_of(module(question=question).answer)

    for target in (module, within):
        first = target.run(question="q")
        made = lm.calls
        again = target.run(question="q", reuse=first)
        other = target.run(question="r", reuse=first)

        assert all(node.reused for node in again.trace.nodes)
        told = [[(n.path, n.order) for n in run.trace.nodes] for run in (first, again)]
        assert told[0] == told[1]
        assert lm.calls == made + ASKING[kind][1]
        assert not any(node.reused for node in other.trace.nodes if node.calls)


def test_a_reward_that_may_change_is_asked_again(lm: weft.FunctionLM) -> None:
    """A step that says so is no part of what is taken from a trace."""

    @weft.step(reusable=False)
    def moody(inputs: Any, made: Any) -> float:
        return 0.0

    best = weft.BestOfN(weft.Predict(ASK), moody, n=2, name="it")
    first = best.run(question="q")
    best.run(question="q", reuse=first)

    assert lm.calls == 4


@trying
def test_tries_are_different_requests(kind: str, lm: weft.FunctionLM) -> None:
    """Each goes with its sample, the same as its seed, and temperature 1."""
    MAKERS[kind]()(question="q")

    assert len({(r.messages, r.sample) for r in lm.requests}) == lm.calls
    for request in lm.requests:
        assert request.sampling["temperature"] == 1.0
        assert request.sampling["seed"] == request.sample


def test_told_otherwise(lm: weft.FunctionLM) -> None:
    """A part's own temperature holds for its tries."""
    part = weft.Predict(ASK, temperature=0.3)
    weft.BestOfN(part, shortest)(question="q")

    assert {r.sampling["temperature"] for r in lm.requests} == {0.3}
    assert part(question="q").answer == "answer 0"
    assert "seed" not in lm.requests[-1].sampling


@composite
def test_repeats_do_not_meet_the_tries(kind: str, lm: weft.FunctionLM) -> None:
    """Another sample of a whole answer asks nothing that the first one asked."""
    module = MAKERS[kind]()
    module(question="q")
    first = {r.key for r in lm.requests}
    lm.requests.clear()
    with weft.use(sample=1):
        module(question="q")

    assert first.isdisjoint(r.key for r in lm.requests)


@composite
def test_a_module_with_a_body_has_no_parameters(kind: str) -> None:
    """What would change nothing is refused, with the path of what would."""
    module = MAKERS[kind]()

    path = ASKING[kind][0][0].removeprefix("it/")
    with pytest.raises(ConfigError, match=f"with_modules\\({{'{path}'"):
        module.with_(instruction="x")
    with pytest.raises(ConfigError, match=r"\.modules\["):
        module.prompt(question="q")
    assert module.with_(name="other").name == "other"


@composite
def test_a_budget_holds_inside(kind: str, lm: weft.FunctionLM) -> None:
    """Tries are reserved like any call: none is made beyond the limit."""
    most = ASKING[kind][1] - 1
    if not most:
        pytest.skip("it makes one call")
    with weft.use(budget=f"{most} calls"), pytest.raises(BudgetExceeded):
        MAKERS[kind]()(question="q")

    assert lm.calls <= most


@composite
def test_used_by_a_step(kind: str, lm: weft.FunctionLM) -> None:
    """An agent's step may use it: tuned and traced below the step."""
    module = MAKERS[kind]()

    @weft.step(uses=[module])
    def agent(question: str) -> str:
        return module(question=question).answer

    @weft.program
    def whole(question: str) -> str:
        return agent(question)

    paths = [f"agent/{path}" for path in ASKING[kind][0]]
    assert list(whole.modules) == paths
    tuned = whole.with_parameters({f"{paths[0]}/instruction": "Be brief."})
    run = tuned.run(question="q")
    asking = {n.path for n in run.trace.nodes if n.calls}
    assert asking == set(paths) - {f"agent/{path}" for path in IDLE.get(kind, ())}
    assert any("Be brief." in r.messages[0].content for r in lm.requests)


@every
def test_the_same_bytes_at_any_concurrency(kind: str) -> None:
    """What is sent does not hang on what runs beside it."""
    rows = [{"question": str(number)} for number in range(12)]

    def sent(concurrency: int) -> list[str]:
        model = weft.FunctionLM(said)
        with weft.use(lm=model, cache=None):
            MAKERS[kind]().batch(rows, concurrency=concurrency)
        return sorted(r.key for r in model.requests)

    assert sent(1) == sent(64)


@every
def test_cancelled_in_the_middle(kind: str) -> None:
    """What is under way is cancelled with it, and nothing is asked afterwards."""
    begun: list[Request] = []
    hangs = asyncio.Event()

    async def hang(request: Request) -> str:
        begun.append(request)
        if len(begun) < ASKING[kind][1]:  # the last call hangs
            return said(request)
        hangs.set()
        await asyncio.Event().wait()
        return ""

    async def turns() -> int:
        for _ in range(300):
            await asyncio.sleep(0)
        return len(begun)

    async def main() -> None:
        with weft.use(lm=weft.FunctionLM(hang), cache=None):
            task = asyncio.create_task(MAKERS[kind]().acall(question="q"))
            await hangs.wait()
            asked = len(begun)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert asked == await turns()

    asyncio.run(main())
    assert begun


@every
def test_saved_and_loaded(kind: str, lm: weft.FunctionLM, tmp_path: Path) -> None:
    """The loaded program asks the same requests and gives the same answer."""
    program = as_program(MAKERS[kind]())
    paths = ASKING[kind][0]
    program = program.with_parameters({f"{paths[0]}/instruction": "Be tuned."})
    path = weft.save(program, tmp_path / "it.weft.json")
    expected, sent = program("q").answer, [r.key for r in lm.requests]
    lm.requests.clear()

    steps = [shortest, never, half, wrong, earliest, as_noted]
    for loaded in (
        weft.load(path, steps=steps),
        weft.load(path, program=as_program(MAKERS[kind]())),
    ):
        assert list(loaded.modules) == paths
        assert loaded("q").answer == expected
        assert sorted(r.key for r in lm.requests) == sorted(sent)
        lm.requests.clear()
        again = weft.save(loaded, tmp_path / "again.weft.json")
        first, second = (json.loads(p.read_text("utf-8")) for p in (path, again))
        assert first["program"] == second["program"]


HOSTILE: dict[str, Callable[[dict[str, Any]], Any]] = {
    "more tries than there are": lambda state: state["settings"].update(n=10**9),
    "no number": lambda state: state["settings"].update(n="3"),
    "a setting that is none": lambda state: state["settings"].update(lm="openai/x"),
    "a part too few": lambda state: state["parts"].pop("module"),
    "a part too many": lambda state: state["parts"].update(x=state["parts"]["module"]),
    "a part that is nothing": lambda state: state["parts"].update(module={}),
    "another kind": lambda state: state.update(kind="Predict"),
    "an unknown kind": lambda state: state.update(kind="os.system"),
    "another contract": lambda state: state.update(signature_hash="0"),
}


@pytest.mark.parametrize("change", HOSTILE)
def test_a_changed_file_is_refused(change: str, tmp_path: Path) -> None:
    """Whatever a file says of parts, it is put together or an `ArtifactError`."""
    path = weft.save(as_program(MAKERS["Vote"]()), tmp_path / "it.weft.json")
    made = json.loads(path.read_text("utf-8"))
    HOSTILE[change](made["program"]["modules"]["it"])
    made["digest"] = digest_of(made["program"])
    path.write_text(json.dumps(made), "utf-8")

    with pytest.raises(ArtifactError):
        weft.load(path)


@composite
def test_drawn_with_its_parts(kind: str) -> None:
    """A picture shows what a module is made of."""
    program = as_program(MAKERS[kind]())

    names = [name for path in ASKING[kind][0] for name in path.split("/")[1:]]
    for picture in (program.mermaid(), program.svg()):
        assert all(name in picture for name in names)


@every
def test_quoted(kind: str, lm: weft.FunctionLM) -> None:
    """A compile's quote counts every try."""
    rows = [{"question": str(n), "answer": f"answer {n}"} for n in range(40)]

    def quoted(module: Module[..., Any]) -> float:
        return weft.quote(
            as_program(module),
            rows,
            metric=weft.metrics.exact("answer"),
            compiler=weft.compilers.LabeledFewShot(),
        ).calls.high

    one = quoted(weft.Predict(ASK, name="it"))
    assert quoted(MAKERS[kind]()) == QUOTED.get(kind, ASKING[kind][1]) * one
    assert lm.calls == 0


@every
def test_compiled_alike(kind: str) -> None:
    """Its parts are shown what went well, within the budget of a compile."""
    rows = [{"question": str(n), "answer": "answer 0"} for n in range(12)]
    lm = weft.FunctionLM(said)
    with weft.use(lm=lm, cache=None):
        result = weft.compile(
            as_program(MAKERS[kind]()),
            rows,
            metric=lambda row, made: made.answer.startswith("answer"),
            compiler=weft.compilers.BootstrapFewShot(demos=1, bootstrapped=1),
            budget="40 calls",
        )

    assert lm.calls <= 40
    assert [*result.program.modules] == ASKING[kind][0]
    assert any(m.role == "assistant" for r in lm.requests for m in r.messages)


@trying
def test_a_try_that_fails_is_left_out(kind: str) -> None:
    """One unusable reply costs no answer; of many, the first one's error comes."""
    if kind == "Refine":
        pytest.skip("each of its calls needs the one before")
    bad = weft.FunctionLM(lambda r: "?" if r.sample == 0 else said(r))
    with weft.use(lm=bad, cache=None):
        assert MAKERS[kind]()(question="q").answer.startswith("answer")
    with (
        weft.use(lm=weft.FunctionLM(lambda _: "?"), cache=None),
        pytest.raises(ParseError),
    ):
        MAKERS[kind]()(question="q")


def test_refine_stops_when_it_is_good_enough(lm: weft.FunctionLM) -> None:
    """A first answer that satisfies is the only call; the best of all is kept."""
    content = weft.Refine(weft.Predict(ASK), lambda inputs, made: 1.0)
    assert content(question="q").answer == "answer 0"
    assert lm.calls == 1

    worse = weft.Refine(weft.Predict(ASK), lambda i, made: made.answer == "answer 0")
    assert worse(question="q").answer == "answer 0"


def test_vote_takes_what_most_agree_on() -> None:
    """Case and outer space make no difference; the earliest of equals wins."""
    texts = ["Paris", "lyon", " LYON ", "Nice"]
    model = weft.FunctionLM(lambda r: f"[[ answer ]]\n{texts[r.sample]}")
    with weft.use(lm=model, cache=None):
        assert weft.Vote(weft.Predict(ASK), n=4)(question="q").answer == "lyon"
        assert weft.Vote(weft.Predict(ASK), n=1)(question="q").answer == "Paris"


@pytest.mark.parametrize(
    ("made", "match"),
    [
        (lambda: weft.BestOfN(weft.Predict(ASK), shortest, n=0), "n=0 is no number"),
        (lambda: weft.Vote(weft.Predict(ASK), n=1000), "n=1000 is no number of tries"),
        (lambda: weft.BestOfN(ASK, shortest), "made of a module"),
        (lambda: weft.BestOfN(weft.Predict(ASK), lambda made: 1.0), "inputs, answer"),
        (lambda: weft.Vote(weft.Predict(ASK), by="anwser"), "Did you mean 'answer'"),
    ],
)
def test_what_cannot_be(made: Callable[[], Any], match: str) -> None:
    """Mistakes are told when the module is made."""
    with pytest.raises(ConfigError, match=match):
        made()


def test_a_way_past_the_seam_is_refused() -> None:
    """A subclass says what it does in `body`, where it is traced and paid for."""
    with pytest.raises(ConfigError, match="async def body"):
        type("Odd", (Module,), {"kind": "Odd", "acall": lambda self: None})
