"""What a step or a body makes of its modules runs as it was tuned, or is told of."""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

import weft
from weft import Request
from weft.errors import ConfigError, GraphError
from weft.pipeline.graph.module import Call, Module

NEW = "The tuned one."
ask = weft.Predict("question -> answer", "The old one.", name="ask")
judge = weft.Predict("question -> verdict", "The judge.", name="judge")
warmer = ask.with_(sampling={"temperature": 0.7})
vote = weft.Vote(ask, n=1, name="vote")


@weft.program
def asking(question: str) -> str:
    """A program that steps call."""
    return ask(question=question).answer  # type: ignore[no-any-return]


@functools.cache
def made_once() -> Any:
    """A module that outlives the run that made it."""
    return ask.with_(sampling={"temperature": 0.7})


def twice(question: str) -> str:
    """`with_` of `with_`."""
    warm = ask.with_(sampling={"temperature": 0.1}, repairs=0)
    return str(warm.with_(sampling={"temperature": 0.7})(question=question).answer)


def looped(question: str) -> str:
    """One more change a turn, and each of them is called."""
    module, said = ask, ""
    for turn in range(8):
        module = module.with_(sampling={"temperature": turn / 10})
        said = module(question=question).answer
    return said


async def awaited(question: str) -> str:
    """An asynchronous step."""
    made = await ask.with_(sampling={"temperature": 0.7}).acall(question=question)
    return str(made.answer)


async def gathered(question: str) -> str:
    """Several calls side by side."""
    warm = [ask.with_(sampling={"temperature": t}) for t in (0.5, 0.6, 0.7)]
    made = await asyncio.gather(*(m.acall(question=question) for m in warm))
    return str(made[-1].answer)


def batched(question: str) -> str:
    """Rows, which run as a run of their own."""
    warm = ask.with_(sampling={"temperature": 0.7})
    return str(warm.batch([{"question": question}])[0].answer)


BODIES: dict[str, Callable[[str], Any]] = {
    "sampling": lambda q: ask.with_(sampling={"temperature": 0.7})(question=q).answer,
    "a model": lambda q: ask.with_(lm=weft.FunctionLM(said))(question=q).answer,
    "a form": lambda q: ask.with_(adapter="json")(question=q).answer,
    "a name": lambda q: ask.with_(name="other")(question=q).answer,
    "made beside the step": lambda q: warmer(question=q).answer,
    "kept between runs": lambda q: made_once()(question=q).answer,
    "with_ of with_": twice,
    "a loop": looped,
    "an async step": awaited,
    "side by side": gathered,
    "a batch": batched,
}
_seen: list[str] = []


def said(request: Request) -> str:
    """A reply in either form; the whole prompt is kept."""
    asked = "\n".join(message.content for message in request.messages)
    _seen.append(asked)
    return "[[ answer ]]\nyes" if "[[ answer ]]" in asked else '{"answer": "yes"}'


@pytest.fixture(autouse=True)
def lm() -> Any:
    """A model that keeps what it is asked."""
    _seen.clear()
    with weft.use(lm=weft.FunctionLM(said), cache=None):
        yield


def step_of(body: Callable[[str], Any], *used: Any) -> Any:
    """A program of one step, and that is the body."""
    if inspect.iscoroutinefunction(body):

        async def later(question: str) -> str:
            return str(await body(question))

        step: Any = weft.step(name="agent", uses=used)(later)
    else:

        def now(question: str) -> str:
            return str(body(question))

        step = weft.step(name="agent", uses=used)(now)

    @weft.program
    def answered(question: str) -> str:
        return step(question)  # type: ignore[no-any-return]

    return answered


def tuned(program: Any, path: str = "agent/ask") -> Any:
    """The program with another instruction and a demo."""
    demo = weft.Demo({"question": "a shown one", "answer": "yes"})
    return program.with_parameters(
        {f"{path}/instruction": NEW, f"{path}/demos": [demo]}
    )


@pytest.mark.parametrize("body", BODIES)
def test_a_module_changed_in_a_step_keeps_what_was_tuned(body: str) -> None:
    """Instruction and demos are the compiled ones, and the path is the module's."""
    program = tuned(step_of(BODIES[body], ask))

    run = program.run("Well?")

    assert _seen
    assert all(NEW in text and "a shown one" in text for text in _seen)
    assert {n.path for n in run.trace.nodes if n.kind == "module"} == {"agent/ask"}


def test_what_is_changed_in_the_step_wins() -> None:
    """An instruction given there is the one that runs, with the compiled demos."""
    there = step_of(lambda q: ask.with_(instruction="Mine.")(question=q).answer, ask)

    tuned(there)("Well?")

    assert "Mine." in _seen[0]
    assert NEW not in _seen[0]
    assert "a shown one" in _seen[0]


def test_after_saving_and_loading(tmp_path: Path) -> None:
    """A file's parameters are what a changed module runs with."""
    program = step_of(twice, ask)
    file = weft.save(tuned(program), tmp_path / "agent.weft.json")

    weft.load(file, program=program)("Well?")

    assert NEW in _seen[0]


def test_a_step_inside_a_step() -> None:
    """The inner step's modules are tuned below it."""
    inner: Any = weft.step(name="inner", uses=[ask])(twice)
    outer = step_of(inner, inner)

    tuned(outer, "agent/inner/ask")("Well?")

    assert NEW in _seen[0]


def test_a_program_changed_in_a_step() -> None:
    """Programs are changed by `with_parameters`, and keep the rest as well."""

    def warmer_asking(question: str) -> str:
        warm = {"ask/sampling": {"temperature": 0.7}}
        return asking.with_parameters(warm)(question)

    program = step_of(warmer_asking, asking)

    tuned(program, "agent/asking/ask")("Well?")

    assert NEW in _seen[0]


def test_a_module_with_parts_changed_in_a_step() -> None:
    """A part that is changed in place is the tuned part, changed."""
    warm = {"module": ask.with_(sampling={"temperature": 0.7})}
    program = step_of(lambda q: vote.with_modules(warm)(question=q).answer, vote)

    tuned(program, "agent/vote/module")("Well?")

    assert NEW in _seen[0]


class Twice(Module[..., Any]):
    """Asks its part twice, the second time warmer."""

    kind = "test.Twice"

    def __init__(self, part: Module[..., Any], name: str | None = None) -> None:
        self._like(part, name)
        self._part = part

    def parts(self) -> Mapping[str, Any]:
        """The part."""
        return {"part": self._part}

    async def body(self, call: Call, inputs: Mapping[str, Any]) -> Any:
        """Ask, and ask again."""
        await call(self._part, inputs)
        return await call(self._part.with_(sampling={"temperature": 0.7}), inputs)


def test_a_part_changed_in_a_body() -> None:
    """What holds for a step's modules holds for a module's parts."""
    two: Any = Twice(ask, name="two")

    @weft.program
    def asked(question: str) -> str:
        return two(question=question).answer  # type: ignore[no-any-return]

    tuned(asked, "two/part")("Well?")

    assert len(_seen) == 2
    assert all(NEW in text for text in _seen)


def test_a_changed_module_can_be_pickled() -> None:
    """What it was changed from does not travel with it."""
    made = pickle.loads(pickle.dumps(warmer))

    assert dict(made.parameters.sampling) == {"temperature": 0.7}


def calls_by_name(question: str) -> str:
    """The module is a variable of the file."""
    return str(judge(question=question).verdict)


def calls_by_helper(question: str) -> str:
    """A function in between."""
    return calls_by_name(question)


class Held:
    """An object that holds a module, where no reader of code sees it."""

    judge = judge


def calls_by_attribute(question: str) -> str:
    """A class in between."""
    return str(Held.judge(question=question).verdict)


def calls_a_copy(question: str) -> str:
    """A changed module is still the one that nobody named."""
    return str(judge.with_(sampling={"temperature": 0.7})(question=question).verdict)


async def calls_later(question: str) -> str:
    """An asynchronous call."""
    return str((await judge.acall(question=question)).verdict)


@weft.step
def unhelpful(question: str) -> str:
    """Another step that names nothing."""
    return calls_by_name(question)


def calls_a_step(question: str) -> str:
    """A step in between runs as a function."""
    return unhelpful(question)


UNNAMED = {
    "by name": calls_by_name,
    "by a helper": calls_by_helper,
    "by a class": calls_by_attribute,
    "a changed copy": calls_a_copy,
    "later": calls_later,
    "by a step": calls_a_step,
}


def verdict(request: Request) -> str:
    """An answer for the judge."""
    del request
    return "[[ verdict ]]\nyes"


def program_of(function: Callable[..., Any], **options: Any) -> Any:
    """A program of one step, which is the function."""
    step: Any = weft.step(name="judged", **options)(function)

    @weft.program
    def checked(question: str) -> str:
        return step(question)  # type: ignore[no-any-return]

    return checked


ROWS = [{"question": f"row {n}", "verdict": "yes"} for n in range(12)]


def right(example: Any, prediction: Any) -> float:
    """A metric that likes everything."""
    del example, prediction
    return 1.0


@pytest.mark.parametrize("function", UNNAMED.values(), ids=UNNAMED)
def test_a_module_that_uses_does_not_name(
    function: Callable[..., Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told of once, with the line to write; a compile and a save refuse it."""
    caplog.set_level(logging.WARNING, "weft")
    program = program_of(function, uses=[ask])
    line = r"uses=\[ask, judge\]"

    with pytest.raises(ConfigError, match=line):
        weft.save(program, tmp_path / "a.weft.json")
    with pytest.raises(ConfigError, match=line):
        weft.compile(program, ROWS, metric=right)
    assert _seen == []
    with weft.use(lm=weft.FunctionLM(verdict)):
        program("one")
        program("two")

    told = [r.getMessage() for r in caplog.records if "judge" in r.getMessage()]
    assert len(told) == (0 if function in _TOLD else 1)
    _TOLD.add(function)
    assert all("uses=[ask, judge]" in text for text in told)


_TOLD: set[Callable[..., Any]] = set()


def test_what_only_a_run_shows_ends_a_compile() -> None:
    """A module that code reaches by an object is found by the first row."""
    holder = {"it": judge}

    def hidden(question: str) -> str:
        ask(question=question)
        return str(holder["it"](question=question).verdict)

    def both(request: Request) -> str:
        wanted = "verdict" if "verdict" in request.messages[0].content else "answer"
        return f"[[ {wanted} ]]\nyes"

    with (
        weft.use(lm=weft.FunctionLM(both)),
        pytest.raises(ConfigError, match=r"uses=\[ask, judge\]"),
    ):
        weft.compile(program_of(hidden, uses=[ask]), ROWS, metric=right)


def test_a_step_may_say_that_nothing_is_to_be_tuned(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Then nobody warns, and it is saved and compiled as it is."""

    def both(question: str) -> str:
        ask(question=question)
        return str(judge(question=question).verdict)

    def answered(request: Request) -> str:
        wanted = "verdict" if "verdict" in request.messages[0].content else "answer"
        return f"[[ {wanted} ]]\nyes"

    program = program_of(both, uses=[ask], untuned=True)
    with weft.use(lm=weft.FunctionLM(answered)):
        program("one")
        result = weft.compile(program, ROWS, metric=right, budget="100 calls")
    weft.save(program, tmp_path / "a.weft.json")

    assert list(result.program.modules) == ["judged/ask"]
    assert caplog.records == []


def test_a_module_that_is_only_looked_at_is_not_called(tmp_path: Path) -> None:
    """Its name, its fields, its parser: no answer comes of them."""

    def looking(question: str) -> str:
        names = ", ".join(judge.inputs.inputs)
        return f"{judge.name} {names} " + str(judge.parse(question).verdict)

    program = program_of(looking)

    program("[[ verdict ]]\nyes")
    assert weft.save(program, tmp_path / "a.weft.json").is_file()


stub, named_stub = mock.Mock(), mock.MagicMock()
reserved = mock.call


def asks_a_mock(question: str) -> str:
    """A test's stand-in for a service."""
    return str(stub(question)) and question


def asks_a_magic_mock(question: str) -> str:
    """One with every member."""
    return str(named_stub.run(question)) and question


def makes_a_call(question: str) -> str:
    """An object that cannot be hashed."""
    return str(reserved(question)) and question


def looks_at_a_class(question: str) -> str:
    """A class of modules is none."""
    return f"{weft.Predict.__name__} {question}"


LOOKALIKES: dict[str, tuple[Callable[..., Any], Any]] = {
    "a mock": (asks_a_mock, stub),
    "a magic mock": (asks_a_magic_mock, named_stub),
    "what cannot be hashed": (makes_a_call, reserved),
    "a class": (looks_at_a_class, weft.Predict),
}


@pytest.mark.parametrize("case", LOOKALIKES)
def test_what_merely_answers_as_a_module_would_is_none(
    case: str, tmp_path: Path
) -> None:
    """A step may reach it, and cannot name it."""
    function, thing = LOOKALIKES[case]

    assert weft.save(program_of(function), tmp_path / "a.weft.json").is_file()
    with pytest.raises(GraphError, match="which is no module, step or program"):
        weft.step(uses=[thing])(function)


def test_a_module_made_in_a_step_is_to_be_made_outside(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """No line could name it where it is."""

    def making(question: str) -> str:
        made = weft.Predict("question -> verdict", name="inner")
        return str(made(question=question).verdict)

    program = program_of(making)
    with weft.use(lm=weft.FunctionLM(verdict)):
        program("one")
        with pytest.raises(ConfigError, match="Make 'inner' outside of the function"):
            weft.compile(program, ROWS, metric=right)

    assert "Make 'inner' outside" in caplog.records[0].getMessage()


class Sly(Module[..., Any]):
    """Calls what is none of its parts."""

    kind = "test.Sly"

    def __init__(self, part: Module[..., Any], name: str | None = None) -> None:
        self._like(part, name)
        self._part = part

    def parts(self) -> Mapping[str, Any]:
        """Only one of the two that it calls."""
        return {"part": self._part}

    async def body(self, call: Call, inputs: Mapping[str, Any]) -> Any:
        """Ask both."""
        await call(ask.with_(name="aside"), inputs)
        return await call(self._part, inputs)


def test_a_body_that_calls_what_is_no_part(caplog: pytest.LogCaptureFixture) -> None:
    """It is told of, with the place to name it in."""
    caplog.set_level(logging.WARNING, "weft")
    sly: Any = Sly(weft.Predict("question -> answer"), name="sly")

    sly(question="Well?")

    assert "'aside'" in caplog.text
    assert "Name it in parts()" in caplog.text
