"""Modules: called, asked for their prompt, changed, repaired, and run side by side."""

from __future__ import annotations

import asyncio
import datetime
import enum
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any, Literal

import pydantic
import pytest

import weft
import weft.modules
from tests.timing import PATIENCE
from weft import Demo, FunctionLM, Input, Output, RefusingLM, Request, ScriptedLM
from weft.errors import AuthError, CallError, ConfigError, ParseError, ValidationError
from weft.pipeline.adapters import adapter_of
from weft.pipeline.graph.module import Module, module_of_kind
from weft.pipeline.lm.soft.lora import Lora, matrix_name
from weft.pipeline.lm.soft.words import Soft
from weft.pipeline.parameters import SLOTS
from weft.pipeline.run import settings as runtime
from weft.pipeline.signature.signature import spec_of
from weft.pipeline.trace import NodeRun

GOOD = "[[ answer ]]\nParis\n[[ /end ]]"
BAD = "The answer is Paris."
KINDS = ("Predict", "ChainOfThought")
ADAPTERS = ("chat", "json", "xml")
QUESTION = "question -> answer"


class Triage(weft.Signature):
    """Route a message."""

    message: str = Input()
    team: Literal["cards", "accounts"] = Output()
    score: float = Output(ge=0, le=1)


@pytest.fixture(autouse=True)
def _own_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """No cache, and what a test sets for the process ends with it."""
    monkeypatch.setattr(runtime, "_process", replace(runtime._process, cache=None))


def always(reply: str, **options: Any) -> FunctionLM:
    return FunctionLM(lambda request: reply, **options)


def kind_of(name: str) -> type[Module[..., Any]]:
    made = module_of_kind(name)
    assert made is not None
    return made


def obedient(module: Module[..., Any], **options: Any) -> FunctionLM:
    """A model that answers "Paris" in the form that was asked for."""
    adapter = adapter_of(module.parameters.adapter)
    given = {"reasoning": "so", "answer": "Paris"}
    text = adapter.write(module.spec.outputs.values(), given, "")
    return always(text, **options)


# Every kind of module ---------------------------------------------------------


def test_the_conformance_suite_knows_every_kind() -> None:
    """A new kind of module that asks once is held to what follows."""
    ours = [k for k in Module.__subclasses__() if k.__module__.startswith("weft.")]
    made = {kind.kind for kind in ours if not kind.has_body}

    assert made == set(KINDS)


@pytest.fixture(params=[(kind, name) for kind in KINDS for name in ADAPTERS], ids=str)
def module(request: pytest.FixtureRequest) -> Module[..., Any]:
    """Each kind of module with each adapter."""
    kind, adapter = request.param
    return kind_of(kind)(QUESTION, "Answer.", name="qa", adapter=adapter)


async def test_every_kind_answers_in_each_way_of_asking(module: Any) -> None:
    """Call, acall and parse give the same value, with inputs and outputs on it."""
    lm = obedient(module)

    with weft.use(lm=lm):
        called = module(question="Capital?")
        awaited = await module.acall(question="Capital?")
    parsed = module.parse(weft.info(called).calls[0].reply)

    assert called == awaited
    assert (called.question, called.answer) == ("Capital?", "Paris")
    assert isinstance(called, module.signature)
    assert parsed.answer == "Paris"
    assert lm.calls == 2


def test_every_kind_shows_its_prompt_without_a_call(module: Any) -> None:
    """`prompt` gives the very messages that a call sends."""
    lm = obedient(module)

    with weft.use(lm=lm):
        prompt = module.prompt(question="Capital?")
        assert lm.calls == 0
        module(question="Capital?")

    assert prompt.messages == lm.requests[0].messages
    assert prompt.model == "function"
    assert prompt.tokens > 10
    assert "Capital?" in str(prompt)


def test_every_kind_is_a_value(module: Any) -> None:
    """`with_` changes a copy in every slot and leaves the original alone."""
    before = (module.parameters, module.name, module.lm, module.repairs)
    lm = obedient(module)
    pair = {
        matrix_name("q_proj", which): (1, 1, bytes(4)) for which in ("lora_A", "lora_B")
    }
    lora = Lora("hue", 1, 1.0, ("q_proj",), pair, f"sha256:{'0' * 64}")
    changes: dict[str, Any] = {
        "instruction": "Other.",
        "demos": [Demo({"question": "q", "answer": "a"})],
        "nearest": 1,
        "adapter": "xml",
        "sampling": {"temperature": 0.5},
        "model": "small",
        "descriptions": {"answer": "one word"},
        "context": {"audience": "nurses"},
        "glossary": {"round": "a visit to each bed"},
        "illustrations": [Demo({"question": "x", "answer": "y"})],
        "soft": Soft("hue", "after", bytes(8), 2, 1, f"sha256:{'0' * 64}"),
        "lora": lora,
        "name": "other",
        "lm": lm,
        "repairs": 3,
    }

    made = module.with_(**changes)

    assert (module.parameters, module.name, module.lm, module.repairs) == before
    assert (made.name, made.lm, made.repairs) == ("other", lm, 3)
    assert [made.parameters.slots()[slot] for slot in SLOTS] == [
        "Other.",
        tuple(changes["demos"]),
        1,
        "xml",
        {"temperature": 0.5},
        "small",
        {"answer": "one word"},
        {"audience": "nurses"},
        {"round": "a visit to each bed"},
        tuple(changes["illustrations"]),
        changes["soft"],
        lora,
    ]
    assert type(made) is type(module)
    assert made.signature is module.signature


def test_every_kind_remembers_how_a_result_came_about(module: Any) -> None:
    """`weft.info` holds inputs, outputs, calls and tokens; reasoning is among them."""
    with weft.use(lm=obedient(module)):
        run = weft.info(module(question="Capital?"))

    assert (run.path, run.kind, run.error) == ("qa", "module", "")
    assert run.inputs == {"question": "Capital?"}
    assert run.outputs["answer"] == "Paris"
    assert set(run.outputs) == set(module.spec.outputs)
    assert len(run.calls) == 1
    assert run.calls[0].usage is not None
    assert run.repairs == ()


def test_every_kind_repairs_within_its_bound(module: Any) -> None:
    """An unusable reply is followed by at most `repairs` calls, and then an error."""
    for repairs in (0, 1, 2):
        lm = always("nonsense")
        made = module.with_(repairs=repairs, lm=lm)

        with pytest.raises(ParseError, match=rf"qa \({module.parameters.adapter} ad"):
            made(question="Capital?")

        assert lm.calls == repairs + 1


def test_every_kind_refuses_what_does_not_fit_before_any_call(module: Any) -> None:
    """Misspelt, missing, doubled, wrong and unsendable inputs cost nothing."""
    lm = RefusingLM()
    made = module.with_(lm=lm)
    wrong: list[Callable[[], object]] = [
        lambda: made(qestion="x"),
        made,
        lambda: made("x"),
        lambda: made(question="x", answer="y"),
        lambda: made(question=3),
        lambda: made(question="\ud83e"),
        lambda: made.prompt(question="\ud83e"),
    ]

    for call in wrong:
        with pytest.raises(CallError) as caught:
            call()
        assert caught.value.hint
    assert lm.calls == 0


def test_every_kind_has_a_short_face(module: Any) -> None:
    """The representation tells kind, name, fields and demos."""
    shown = repr(module.with_(demos=[Demo({"question": "q"})]))

    assert shown.startswith(f"{module.kind}('qa': question -> ")
    assert shown.endswith("answer, 1 demo)")


# Calls ------------------------------------------------------------------------


def test_values_come_back_checked_and_typed() -> None:
    """Literals and numbers are values of their types."""
    reply = "[[ team ]]\ncards\n[[ score ]]\n0.5"
    made = weft.Predict(Triage, lm=always(reply))(message="my card")

    assert (made.team, made.score, made.message) == ("cards", 0.5, "my card")
    assert isinstance(made, Triage)


def test_chain_of_thought_thinks_first_and_keeps_the_signature() -> None:
    """Reasoning stands before the answer, and is no field of the caller's contract."""
    think = weft.ChainOfThought(QUESTION)

    assert list(think.spec.outputs) == ["reasoning", "answer"]
    assert "reasoning" not in spec_of(think.signature).outputs
    own = think.own_fields(think.spec.fields)
    assert [field.name for field in own] == ["question", "answer"]


def test_the_function_form_is_called_like_the_function() -> None:
    """Positional inputs, defaults, a bare result; the body never runs."""

    @weft.predict
    def sentiment(text: str, k: int = 3) -> Literal["glad", "sad"]:
        """Say the mood."""
        raise AssertionError("the body never runs")

    lm = always("[[ sentiment ]]\nglad")

    with weft.use(lm=lm):
        answers = [sentiment("hurra"), sentiment("hurra", 4), sentiment(text="hurra")]

    assert answers == ["glad", "glad", "glad"]
    assert sentiment.name == "sentiment"
    assert sentiment.parameters.instruction == "Say the mood."
    assert sentiment.parse("[[ sentiment ]]\nsad") == "sad"
    assert "[[ k ]]\n4" in lm.requests[1].messages[-1].content
    for wrong in (
        lambda: sentiment("a", 1, 2),
        lambda: sentiment("a", text="b"),
        sentiment,
        lambda: sentiment(3),
    ):
        with pytest.raises(CallError):
            wrong()


def test_an_input_may_have_any_name() -> None:
    """`self`, `args` and a module's own words are no trouble as field names."""
    names = "self, args, kwargs, name, lm, prompt, signature, parameters"
    module = weft.Predict(
        f"{names} -> values, spec", lm=always("[[ values ]]\nv\n[[ spec ]]\ns")
    )
    inputs = {name: name for name in names.split(", ")}

    made = module(**inputs)

    assert (made.values, made.spec, made.self, made.lm) == ("v", "s", "self", "lm")
    assert module.prompt(**inputs).messages[-1].content.count("[[") == len(inputs)


def test_a_demo_takes_values_as_python_has_them() -> None:
    """A date, an enum's member, a decimal and a model, which rows may hold too."""

    class Colour(enum.Enum):
        RED = "red"

    class Line(pydantic.BaseModel):
        price: Decimal

    kinds = {"Day": datetime.date, "Colour": Colour, "Line": Line}
    asked = weft.Predict("day: Day -> colour: Colour, lines: list[Line]", types=kinds)
    day = datetime.date(2020, 1, 2)
    line = Line(price=Decimal("3.50"))
    live = Demo({"day": day, "colour": Colour.RED, "lines": [line]})
    lines = [{"price": "3.50"}]
    data = Demo({"day": "2020-01-02", "colour": "red", "lines": lines})

    assert live == data
    assert asked.with_(demos=[live]).prompt(day=day) == asked.with_(
        demos=[data]
    ).prompt(day=day)
    with pytest.raises(ConfigError, match="demo 0 has a wrong 'day'"):
        asked.with_(demos=[Demo({"day": object()})])


def test_demos_and_sampling_reach_the_request() -> None:
    """Options of a module are what is sent with its calls."""
    lm = always(GOOD)
    demo = Demo({"question": "Capital of Spain?", "answer": "Madrid"})
    module = weft.Predict(QUESTION, demos=[demo], temperature=0.25, max_tokens=9, lm=lm)

    with weft.use(sample=4):
        module(question="x")

    request = lm.requests[0]
    assert [m.role for m in request.messages] == ["system", "user", "assistant", "user"]
    assert "Madrid" in request.messages[2].content
    assert request.sampling == {"temperature": 0.25, "max_tokens": 9, "seed": 4}
    assert request.sample == 4


def test_a_schema_is_asked_for_where_the_model_obeys_one() -> None:
    """The json adapter sends the schema of the outputs; others send none."""
    for name in ADAPTERS:
        module = weft.Predict(QUESTION, adapter=name)
        lm = obedient(module, schema_mode=True)
        module.with_(lm=lm)(question="x")

        assert (lm.requests[0].response_format is not None) is (name == "json")
        shown = module.with_(lm=lm).prompt(question="x")
        assert shown.response_format == lm.requests[0].response_format


# Repairs ----------------------------------------------------------------------


def test_a_repair_shows_the_model_its_reply_and_the_error() -> None:
    """The second call is the first, the bad reply, and what was wrong with it."""
    lm = ScriptedLM([BAD, GOOD])

    answer = weft.Predict(QUESTION, lm=lm, name="qa")(question="Capital?")

    first, second = (request.messages for request in lm.requests)
    assert answer.answer == "Paris"
    assert second[: len(first)] == first
    assert [m.role for m in second[len(first) :]] == ["assistant", "user"]
    assert second[-2].content == BAD
    assert "no heading such as [[ answer ]]" in second[-1].content
    assert "[[ answer ]]\n<answer>" in second[-1].content


def test_a_repair_is_counted_and_reported() -> None:
    """Both calls are in the trace and in the account book; the reason is told."""
    with weft.use(lm=ScriptedLM([BAD, GOOD]), budget="10 calls") as scope:
        run = weft.info(weft.Predict(QUESTION)(question="x"))

    assert len(run.calls) == 2
    assert run.calls[0].reply == BAD
    assert run.repairs == ("no heading such as [[ answer ]] in the reply",)
    assert scope.ledger is not None
    assert scope.ledger.spent().calls == 2


def test_an_error_that_no_repair_mends_tells_everything() -> None:
    """It names module, adapter and field, what came back and what was wanted."""
    reply = "[[ team ]]\nbakery\n[[ score ]]\n0.5"
    module = weft.Predict(Triage, lm=always(reply), name="desk")

    with pytest.raises(ValidationError) as caught:
        module(message="x")

    error = caught.value
    assert str(error).startswith("desk (chat adapter): field 'team': 'bakery' is no")
    assert (error.module, error.adapter, error.field) == ("desk", "chat", "team")
    assert error.wanted == 'one of "cards", "accounts"'
    assert error.text == reply


def test_a_reply_with_half_a_character_is_no_answer() -> None:
    """It cannot be kept, nor shown back: the model is asked the same again."""
    lm = ScriptedLM(["[[ answer ]]\n\ud83e", GOOD])

    assert weft.Predict(QUESTION, lm=lm)(question="x").answer == "Paris"
    first, second = lm.requests
    assert first == second


def test_what_is_no_parse_error_is_not_repaired() -> None:
    """A wrong key is not asked again, whatever `repairs` says."""
    lm = ScriptedLM([AuthError("no key")])

    with pytest.raises(AuthError):
        weft.Predict(QUESTION, lm=lm, repairs=5)(question="x")

    assert lm.calls == 1


def test_repairs_are_cached_like_other_calls() -> None:
    """The second run of a repaired question asks nobody."""
    lm = ScriptedLM([BAD, GOOD])

    with weft.use(cache=weft.MemoryCache(), lm=lm):
        module = weft.Predict(QUESTION)
        again = [module(question="x"), module(question="x")]

    assert lm.calls == 2
    assert [call.cached for call in weft.info(again[1]).calls] == [True, True]


# Which model ------------------------------------------------------------------


def test_the_nearest_model_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Own, by path, scope, process, WEFT_LM: in this order."""
    names = ("own", "path", "scope", "process")
    lms = {name: always(f"[[ answer ]]\n{name}", model=name) for name in names}
    bare = weft.Predict(QUESTION, name="qa")
    own = bare.with_(lm=lms["own"])
    monkeypatch.setenv("WEFT_LM", "embedded")

    assert bare.prompt(question="x").model == "embedded"
    weft.configure(lm=lms["process"])
    assert bare(question="x").answer == "process"
    with weft.use(lm=lms["scope"]):
        assert bare(question="x").answer == "scope"
        with weft.use(lms={"qa": lms["path"], "other": lms["own"]}):
            assert bare(question="x").answer == "path"
            assert own(question="x").answer == "own"
        assert bare(question="x").answer == "scope"
    assert bare(question="x").answer == "process"
    assert own.with_(lm=None)(question="x").answer == "process"


def test_weft_lm_names_a_model_that_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment is enough to run."""
    monkeypatch.setenv("WEFT_LM", "embedded")

    made = weft.Predict("text -> label: Literal['a', 'b']")(text="b b b")

    assert made.label in ("a", "b")
    assert weft.info(made).calls[0].model


def test_without_a_model_the_ways_to_set_one_are_named() -> None:
    """No silent stand-in: the error lists configure, use, WEFT_LM and embedded."""
    with pytest.raises(ConfigError, match="no model is set for 'qa'") as caught:
        weft.Predict(QUESTION, name="qa")(question="x")

    for way in ("weft.configure(lm=", "weft.use(lm=", "WEFT_LM", 'lm="embedded"'):
        assert way in caught.value.hint


def test_a_prompt_needs_no_model() -> None:
    """Without one the messages are shown, and the price is unknown."""
    prompt = weft.Predict(QUESTION).prompt(question="x")

    assert (prompt.model, prompt.cost) == ("", None)
    assert "no model set" in str(prompt)


def test_a_known_model_has_a_price() -> None:
    """The estimate covers the input side, from the package's own price list."""
    priced = weft.Predict(QUESTION, lm=weft.LM("openai/gpt-5-mini", api_key="x"))
    unknown = weft.Predict(QUESTION, lm=always(GOOD, model="unheard-of"))

    assert (priced.prompt(question="x").cost or 0) > 0
    assert unknown.prompt(question="x").cost is None


# Hooks ------------------------------------------------------------------------


def test_a_hook_that_fails_costs_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged once; the answers come, and a node's own error is not hidden."""

    def counter(node: object) -> None:
        raise KeyError("no such count")

    ask = weft.Predict("question -> answer: int", repairs=0, name="ask")
    lm = weft.ScriptedLM([{"answer": 1}, {"answer": 2}, "no number"])
    with weft.use(lm=lm, cache=None, hooks=[counter]):
        rows = [{"question": "1"}, {"question": "2"}]
        assert [one.answer for one in ask.batch(rows, concurrency=1)] == [1, 2]
        with pytest.raises(weft.errors.ParseError):
            ask(question="3")

    assert caplog.text.count("the hook 'counter' failed at node 'ask'") == 1


def test_a_hook_may_end_a_run_by_an_error_of_weft() -> None:
    """Whoever guards a run so is obeyed."""

    def guard(node: object) -> None:
        raise weft.errors.ConfigError("enough")

    ask = weft.Predict("question -> answer", name="ask")
    with (
        weft.use(lm=weft.ScriptedLM([{"answer": "a"}]), cache=None, hooks=[guard]),
        pytest.raises(weft.errors.ConfigError, match="enough"),
    ):
        ask(question="?")


def test_hooks_see_every_finished_call_and_every_failure() -> None:
    """A hook gets the whole record of a node, also where it failed."""
    seen: list[NodeRun] = []
    module = weft.Predict(QUESTION, name="qa", repairs=0)

    with weft.use(hooks=[seen.append]):
        module.with_(lm=always(GOOD))(question="x")
        with pytest.raises(ParseError):
            module.with_(lm=always(BAD))(question="y")

    assert [run.path for run in seen] == ["qa", "qa"]
    assert (seen[0].outputs, seen[0].error) == ({"answer": "Paris"}, "")
    assert seen[1].error.startswith("ParseError: ")
    assert (seen[1].outputs, len(seen[1].calls)) == ({}, 1)


# Threads, tasks, loops --------------------------------------------------------


async def test_a_plain_call_works_inside_a_running_loop() -> None:
    """Notebooks and servers may call without awaiting."""
    with weft.use(lm=always(GOOD)):
        assert weft.Predict(QUESTION)(question="x").answer == "Paris"


def test_a_plain_call_inside_wefts_own_loop_is_refused() -> None:
    """It would wait for itself for ever; the error says what to write."""
    module = weft.Predict(QUESTION, lm=always(GOOD))

    @weft.step
    async def wrong(question: str) -> str:
        return str(module(question=question).answer)

    @weft.step
    async def right(question: str) -> str:
        return str((await module.acall(question=question)).answer)

    with pytest.raises(ConfigError, match="inside asynchronous code") as caught:
        weft.program(_asking(wrong))(question="x")

    assert "acall" in caught.value.hint
    assert weft.program(_asking(right))(question="x") == "Paris"


def _asking(step: Any) -> Callable[..., str]:
    def ask(question: str) -> str:
        return step(question)

    return ask


def test_threads_never_see_each_others_settings() -> None:
    """64 threads, each in contexts within contexts, get their own models' answers."""
    module = weft.Predict(QUESTION)
    wrong: list[str] = []

    def work(number: int) -> None:
        for depth in range(8):
            name = f"{number}.{depth}"
            with weft.use(lm=always(f"[[ answer ]]\n{name}")):
                with weft.use(lm=always("[[ answer ]]\ninner")):
                    inner = module(question="x").answer
                outer = module(question="x").answer
            if (inner, outer) != ("inner", name):
                wrong.append(f"{name}: {inner}, {outer}")

    threads = [threading.Thread(target=work, args=(n,)) for n in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []


async def test_tasks_never_see_each_others_settings() -> None:
    """500 tasks that interleave at every await get their own models' answers."""
    module = weft.Predict(QUESTION)

    async def work(number: int) -> bool:
        async def slow(request: Request) -> str:
            for _ in range(number % 7):
                await asyncio.sleep(0)
            return f"[[ answer ]]\n{number}"

        with weft.use(lm=FunctionLM(slow), sample=number):
            await asyncio.sleep(0)
            made = await module.acall(question="x")
            await asyncio.sleep(0)
            return (made.answer, runtime.current().sample) == (str(number), number)

    assert all(await asyncio.gather(*(work(number) for number in range(500))))


def test_a_model_that_exits_does_not_take_the_loop_along() -> None:
    """SystemExit reaches its caller, and the next call works."""

    def leave(request: Request) -> str:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        weft.Predict(QUESTION, lm=FunctionLM(leave))(question="x")

    assert weft.Predict(QUESTION, lm=always(GOOD))(question="x").answer == "Paris"


def script(body: str) -> str:
    """What a new process prints."""
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "ignore::DeprecationWarning",
            "-c",
            textwrap.dedent(body),
        ],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_ctrl_c_cleans_up_and_leaves_a_working_process() -> None:
    """The call under way is cancelled, its clean-up runs, and the next call works."""
    printed = script(
        """
        import asyncio, os, signal, weft
        weft.configure(cache=None)

        async def slow(request):
            try:
                os.kill(os.getpid(), signal.SIGINT)
                await asyncio.sleep(60)
            finally:
                print("cleaned up")

        try:
            weft.Predict("q -> a", lm=weft.FunctionLM(slow))(q="x")
        except KeyboardInterrupt:
            print("interrupted")
        done = weft.FunctionLM(lambda request: "[[ a ]]\\nfine")
        print(weft.Predict("q -> a", lm=done)(q="x").a)
        """
    )

    assert printed.split("\n")[:3] == ["cleaned up", "interrupted", "fine"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="another system: no fork")
def test_a_forked_child_calls_on_its_own() -> None:
    """A process that has called already may fork; the child has a loop of its own."""
    printed = script(
        """
        import os, weft
        weft.configure(cache=None)
        ask = weft.Predict("q -> a", lm=weft.FunctionLM(lambda request: "[[ a ]]\\n1"))
        print(ask(q="x").a, flush=True)
        child = os.fork()
        if child == 0:
            print(ask(q="x").a, flush=True)
            os._exit(0)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        """
    )

    assert printed.split() == ["1", "1", "0"]


@pytest.mark.parametrize("way", ["__call__", "run", "stream"])
def test_an_input_that_is_not_there_may_be_called_as_pythons_own(way: str) -> None:
    """The error is about the module's inputs, whatever name was given."""
    module = weft.Predict(QUESTION, name="m", lm=ScriptedLM([GOOD]))

    with pytest.raises(CallError, match="'m' has no input 'self'"):
        list(getattr(module, way)(self=1, question="x"))
