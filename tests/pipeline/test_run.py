"""Running: dataflow, limits of time, further attempts, cancellation, reuse."""

from __future__ import annotations

import asyncio
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import CancelledError, Future
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import weft
from tests.pipeline.answers import echo, model
from tests.server import Reply, Server
from tests.timing import PATIENCE, virtual
from weft.errors import (
    AuthError,
    ConfigError,
    DataError,
    RateLimited,
    ServerError,
    StepError,
    WeftError,
)
from weft.pipeline.trace import Trace

ROOT = Path(__file__).resolve().parents[2]
NAP = 0.1


@weft.step
async def nap(text: str) -> str:
    await asyncio.sleep(NAP)
    return text + "."


@weft.step
async def nap_two(left: str, right: str) -> str:
    await asyncio.sleep(NAP)
    return left + right


@weft.program
def diamond(text: str) -> str:
    top = nap(text)
    return nap_two(nap(top), nap(top))


def test_a_diamond_takes_as_long_as_its_critical_path() -> None:
    """Four nodes of 100 ms, two of them side by side, take 300 ms of a loop's clock."""
    run, slept = virtual(lambda: diamond.arun("a"))

    assert run.value == "a..a.."
    assert slept == pytest.approx(3 * NAP)


def test_traces_stand_in_the_order_of_the_program() -> None:
    """Whatever ends first, a trace is sorted by where its nodes stand."""
    ended = asyncio.Event()

    @weft.step
    async def slow(text: str) -> str:
        await ended.wait()
        return text

    @weft.step
    async def fast(text: str) -> str:
        ended.set()
        return text

    @weft.program
    def both(text: str) -> list[str]:
        return [slow(text), fast(text)]

    trace = both.run("a").trace

    assert [node.path for node in trace.nodes] == ["slow", "fast"]


def test_nothing_leaks_when_a_run_fails() -> None:
    """After a failure no task of the run is left on the loop."""
    begun = asyncio.Semaphore(0)

    @weft.step
    async def waits(text: str) -> str:
        begun.release()
        await asyncio.Event().wait()
        return text

    @weft.step
    async def fails(text: str) -> str:
        for _ in range(4):
            await begun.acquire()
        raise ValueError("no")

    @weft.program
    def both(text: str) -> Any:
        return [waits(text), fails(text), weft.each([text] * 3, waits)]

    async def tasks_left() -> int:
        with pytest.raises(StepError, match="'fails' raised ValueError: no"):
            await both.acall("a")
        return len(asyncio.all_tasks()) - 1

    assert asyncio.run(tasks_left()) == 0


def test_the_first_error_in_the_order_of_the_program_is_raised() -> None:
    """Which error comes out does not hang on timing, where both have happened."""

    def failing(text: str) -> Any:
        @weft.step(name=text)
        async def fails(given: str) -> str:
            raise ValueError(text)

        return fails

    one, two = failing("one"), failing("two")

    @weft.program
    def both(text: str) -> list[str]:
        return [one(text), two(text)]

    for _ in range(20):
        with pytest.raises(StepError, match="one"):
            both("a")


class TestLimits:
    """@step(timeout=, retries=)."""

    def test_a_step_that_takes_too_long_fails(self) -> None:
        """The error names the step, the limit and the place of the call."""

        @weft.step(timeout=0.05)
        async def slow(text: str) -> str:
            await asyncio.Event().wait()
            return text

        @weft.program
        def run(text: str) -> str:
            return slow(text)

        with pytest.raises(
            StepError, match=r"'slow' took longer than 0.05 s"
        ) as caught:
            run("a")
        assert Path(__file__).name in caught.value.hint

    def test_a_blocking_step_does_not_hold_up_the_run(self) -> None:
        """Its thread cannot be stopped, but the run goes on without it."""
        told = threading.Event()

        @weft.step(timeout=0.05)
        def slow(text: str) -> str:
            assert told.wait(PATIENCE)
            return text

        @weft.program
        def run(text: str) -> str:
            return slow(text)

        with pytest.raises(StepError, match="took longer"):
            run("a")
        told.set()  # only now, so that nothing but the limit has ended the run

    def test_a_step_is_tried_again_as_often_as_it_says(self) -> None:
        """A further attempt may succeed; the trace keeps what went wrong."""
        attempts: list[int] = []

        @weft.step(retries=2)
        def shaky(text: str) -> str:
            attempts.append(1)
            if len(attempts) < 3:
                raise OSError(f"attempt {len(attempts)}")
            return text

        @weft.program
        def run(text: str) -> str:
            return shaky(text)

        made = run.run("a")

        assert made.value == "a"
        assert len(made.trace.nodes[0].repairs) == 2
        attempts[:] = [0, 0, 0, 0]
        assert run("a") == "a"

    def test_the_last_attempt_s_error_is_raised(self) -> None:
        """When no attempt is left, the step's error is the run's."""

        @weft.step(retries=1)
        def broken(text: str) -> str:
            raise OSError("still down")

        @weft.program
        def run(text: str) -> str:
            return broken(text)

        with pytest.raises(StepError, match="OSError: still down"):
            run("a")

    @pytest.mark.parametrize("attempts", [1, 2])
    def test_it_may_raise_what_no_task_can(self, attempts: int) -> None:
        """`next` of nothing ends the run with an error, and does not hang it."""

        @weft.step(retries=attempts - 1)
        def first(text: str) -> str:
            return next(letter for letter in text if letter == "!")

        @weft.program
        def qa(text: str) -> str:
            return first(text)

        with pytest.raises(StepError, match=r"'first' raised .*StopIteration"):
            qa("none")

    def test_each_attempt_has_its_own_places(self) -> None:
        """What a step calls in several attempts is told apart in traces and spans."""
        ask = weft.Predict("text -> answer: str", name="ask")
        tried: list[str] = []

        @weft.step(uses=[ask], retries=2)
        def agent(text: str) -> str:
            tried.append(ask(text=text).answer)
            if len(tried) < 3:
                raise ValueError("again")
            return tried[-1]

        @weft.program
        def qa(text: str) -> str:
            return agent(text)

        with weft.use(lm=model(lambda given, field: "ok"), cache=None):
            run = qa.run("hi")

        assert [(n.path, n.order) for n in run.trace.nodes] == [
            ("agent", (0,)),
            *(("agent/ask", (0, attempt)) for attempt in range(3)),
        ]

    def test_an_error_of_its_own_called_timeout_is_no_limit(self) -> None:
        """A TimeoutError that the function raises itself is reported as raised."""

        @weft.step(timeout=5)
        def raising(text: str) -> str:
            raise TimeoutError("mine")

        @weft.program
        def run(text: str) -> str:
            return raising(text)

        with pytest.raises(StepError, match="raised TimeoutError: mine"):
            run("a")

    def test_what_is_given_up_holds_up_no_other_step(self) -> None:
        """It runs on in a thread of its own, however many there are."""
        held = threading.Event()

        @weft.step(timeout=0.01)
        def hangs(text: str) -> str:
            held.wait(PATIENCE)
            return text

        @weft.step
        def shouts(text: str) -> str:
            return text.upper()

        @weft.program
        def hanging(text: str) -> str:
            return hangs(text)

        @weft.program
        def going(text: str) -> str:
            return shouts(text)

        rows = [{"text": str(number)} for number in range(100)]
        given_up = hanging.batch(rows, on_error="keep", concurrency=100)
        went = going("on")
        still, _ = held.is_set(), held.set()

        assert all("took longer than 0.01 s" in str(one) for one in given_up)
        assert (went, still) == ("ON", False)

    def test_what_is_given_up_does_not_hold_the_process(self) -> None:
        """It ends with its last line, though the step would never end."""
        code = """
            import threading, weft
            forever = threading.Event()
            def hangs(text: str) -> str:
                forever.wait()
            hangs = weft.step(timeout=0.01)(hangs)
            @weft.program
            def hanging(text: str) -> str:
                return hangs(text)
            try:
                hanging("x")
            except weft.errors.StepError as error:
                print(error.message)
        """
        words = [sys.executable, "-c", textwrap.dedent(code)]
        done = subprocess.run(
            words, check=False, capture_output=True, text=True, timeout=PATIENCE
        )

        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == "step 'hangs' took longer than 0.01 s\n"

    @pytest.mark.parametrize("options", [{"timeout": 0}, {"retries": -1}])
    def test_limits_that_make_no_sense_are_refused(self, options: Any) -> None:
        """A timeout leaves time, and there is no negative number of attempts."""
        with pytest.raises(ConfigError):
            weft.step(**options)


async def test_cancelling_a_run_cancels_its_nodes() -> None:
    """Cancellation reaches every node under way and comes back as itself."""
    cancelled: list[str] = []
    begun = asyncio.Semaphore(0)

    @weft.step
    async def waits(text: str) -> str:
        begun.release()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(text)
            raise
        return text

    @weft.program
    def many(texts: list[str]) -> list[str]:
        return weft.each(texts, waits)

    task = asyncio.create_task(many.acall(["a", "b", "c"]))
    for _ in range(3):
        await begun.acquire()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert sorted(cancelled) == ["a", "b", "c"]


def test_ctrl_c_ends_a_run_at_once_and_cleanly() -> None:
    """Ctrl-C cancels what is under way, lets it clean up, and raises once."""
    script = textwrap.dedent(
        """
        import asyncio, weft

        @weft.step
        async def waits(text: str) -> str:
            print("started", flush=True)
            try:
                await asyncio.sleep(60)
            finally:
                print("cleaned", flush=True)
            return text

        @weft.program
        def run(text: str) -> list[str]:
            return [waits(text), waits(text)]

        try:
            run("a")
        except KeyboardInterrupt:
            print("interrupted", flush=True)
        """
    )
    child = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    lines = [child.stdout.readline().strip() for _ in range(2)]
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=PATIENCE)

    assert lines == ["started", "started"]
    assert out.split() == ["cleaned", "cleaned", "interrupted"]
    assert err == ""
    assert child.returncode == 0


class TestOnError:
    """batch(on_error=...)."""

    def program(self) -> Any:
        @weft.step
        def half(number: int) -> int:
            if number % 2:
                raise ValueError(f"{number} is odd")
            return number // 2

        @weft.program
        def halves(number: int) -> int:
            return half(number)

        return halves

    def test_keep_puts_errors_in_their_places(self) -> None:
        """A failed row's error stands where its value would stand."""
        rows = [{"number": n} for n in range(5)]

        found = self.program().batch(rows, on_error="keep")

        assert [v for v in found if not isinstance(v, WeftError)] == [0, 1, 2]
        assert [str(found[n].message)[-8:] for n in (1, 3)] == ["1 is odd", "3 is odd"]

    def test_raise_is_the_default(self) -> None:
        """Without a word the earliest row's error stops the batch."""
        with pytest.raises(StepError, match="1 is odd"):
            self.program().batch([{"number": n} for n in range(5)])

    def test_what_no_row_could_escape_is_raised_anyway(self) -> None:
        """A refused key stops at once: every further row would fail alike."""
        ask = weft.Predict("question -> answer", name="ask")

        @weft.program
        def qa(question: str) -> str:
            answer: str = ask(question=question).answer
            return answer

        def refused(*_: Any) -> str:
            raise AuthError("no key")

        def busy(given: Any, field: str) -> str:
            if given["question"] == "1":
                raise RateLimited("busy")
            return "ok"

        rows = [{"question": str(n)} for n in range(3)]
        patient = weft.RetryPolicy(retries=0)
        with weft.use(lm=model(refused), cache=None), pytest.raises(AuthError):
            qa.batch(rows, on_error="keep")
        with weft.use(lm=model(busy), cache=None, retry=patient):
            found = qa.batch(rows, on_error="keep")
        assert found[0] == found[2] == "ok"
        assert isinstance(found[1], RateLimited)

    def test_bad_rows_and_options_are_refused_before_anything_runs(self) -> None:
        """Keeping errors is no licence for rows that do not fit."""
        with pytest.raises(DataError):
            self.program().batch([{"number": "x"}], on_error="keep")
        with pytest.raises(ConfigError, match="on_error='skip'"):
            self.program().batch([], on_error="skip")


LINKS = [weft.Predict("text -> text_out: str", name=f"link{n}") for n in range(4)]


@weft.program
def chain(text: str) -> str:
    first = LINKS[0](text=text).text_out
    second = LINKS[1](text=first).text_out
    third = LINKS[2](text=second).text_out
    last: str = LINKS[3](text=third).text_out
    return last


class TestReuse:
    """program.run(..., reuse=an earlier run)."""

    def edited(self, link: int) -> Any:
        return chain.with_parameters({f"link{link}/instruction": f"Edit {link}."})

    @pytest.mark.parametrize(("link", "calls"), [(3, 1), (2, 2), (1, 3), (0, 4)])
    def test_only_what_lies_downstream_of_an_edit_runs_again(
        self, server: Server, link: int, calls: int
    ) -> None:
        """Chain of four: the last edited costs one call a row, the first four."""
        rows = ["a", "b", "c"]

        def answer(body: Any) -> Reply:
            system, user = (m["content"] for m in body["messages"][:2])
            mark = "e" if "Edit" in system else "-"
            said = user.split("\n")[1]
            return Reply(f"[[ text_out ]]\n{said}{mark}\n[[ /end ]]")

        server.answer = answer
        lm = weft.LM("openai/fake", api_base=server.url, api_key="k")
        with weft.use(lm=lm, cache=None):
            before = [chain.run(text) for text in rows]
            count = server.count
            edited = self.edited(link)
            again = [
                edited.run(text, reuse=run)
                for text, run in zip(rows, before, strict=True)
            ]

        assert count == 12
        assert server.count - count == calls * len(rows)
        assert again[0].value == "a" + "-" * link + "e" + "-" * (3 - link)
        assert [node.reused for node in again[0].trace.nodes] == [
            n < link for n in range(4)
        ]
        assert len(again[0].trace.calls) == calls

    def test_the_same_program_costs_nothing_again(self) -> None:
        """Nothing edited, nothing called; values, traces and demos are the same."""
        lm = model(echo)
        with weft.use(lm=lm, cache=None):
            first = chain.run("a")
            again = chain.run("a", reuse=first.trace)
            third = chain.run("a", reuse=again)

        assert lm.calls == 4
        assert first.value == again.value == third.value
        assert "reused" in str(again.trace)
        pairs = zip(first.trace.nodes, third.trace.nodes, strict=True)
        assert all(a.outputs == b.outputs and a.order == b.order for a, b in pairs)

    def test_other_inputs_models_and_samples_run_again(self) -> None:
        """What could change an answer is part of what is compared."""
        lm, other = model(echo), model(echo, name="other")
        with weft.use(lm=lm, cache=None):
            first = chain.run("a")
            chain.run("b", reuse=first)
            assert lm.calls == 8
            with weft.use(sample=1):
                chain.run("a", reuse=first)
            assert lm.calls == 12
            with weft.use(lm=other):
                chain.run("a", reuse=first)
            assert other.calls == 4

    def test_an_edit_that_changes_no_value_stops_there(self) -> None:
        """Downstream of an edit only what really gets other inputs runs again."""
        lm = model(echo)
        with weft.use(lm=lm, cache=None):
            first = chain.run("a")
            self.edited(0).run("a", reuse=first)

        assert lm.calls == 5

    def test_steps_are_reused_unless_they_say_otherwise(self) -> None:
        """A step's result is taken again; `reusable=False` always runs."""
        ran: list[str] = []

        @weft.step
        def plain(text: str) -> str:
            ran.append("plain")
            return text

        @weft.step(reusable=False)
        def clock(text: str) -> str:
            ran.append("clock")
            return text

        @weft.step
        def opaque(text: Any) -> Any:
            ran.append("opaque")
            return object()

        @weft.step
        def last(thing: Any) -> str:
            ran.append("last")
            return "done"

        @weft.program
        def run(text: str) -> str:
            return last(opaque([plain(text), clock(text)]))

        first = run.run("a")
        ran.clear()
        run.run("a", reuse=first)

        assert ran == ["clock", "last"]

    def test_agents_and_regions_are_reused_whole(self) -> None:
        """Bodies' nodes are found by content; an agent with all it called."""
        critic = weft.Predict("draft -> advice: str", name="critic")

        @weft.step(uses=[critic])
        def agent(goal: str) -> str:
            first: str = critic(draft=goal).advice
            return str(critic(draft=first).advice)

        @weft.program
        def many(goals: list[str]) -> list[str]:
            return weft.each(goals, agent)

        lm = model(echo)
        with weft.use(lm=lm, cache=None):
            first = many.run(["a", "b"])
            again = many.run(["b", "a"], reuse=first)
            more = many.run(["a", "b", "c"], reuse=first)

        assert again.value == first.value[::-1]
        assert lm.calls == 4 + 2
        assert len(more.trace.nodes) == 1 + 3 * 3

    def test_traces_from_elsewhere_are_refused(self) -> None:
        """A trace that was sent or read knows nothing of its program."""
        with weft.use(lm=model(echo), cache=None):
            made = chain.run("a")
        sent = pickle.loads(pickle.dumps(made.trace))

        assert sent.nodes == made.trace.nodes
        with pytest.raises(ConfigError, match="reuse= needs the trace"):
            chain.run("a", reuse=sent)
        with pytest.raises(ConfigError, match="reuse= needs the trace"):
            chain.run("a", reuse=Trace(()))


class Named(BaseModel):
    name: str


@pytest.mark.parametrize("last", [True, False])
def test_a_step_that_gives_another_type_than_it_promises(last: bool) -> None:
    """What is taken of it is not there: that is the step's fault, in that row alone."""

    @weft.step
    def named(text: str) -> Named:
        return Named(name=text) if text == "right" else {"name": text}  # type: ignore[return-value]

    @weft.step
    def shout(text: str) -> str:
        return text.upper()

    @weft.program
    def program(text: str) -> str:
        return named(text).name if last else shout(named(text).name)

    with pytest.raises(StepError) as raised:
        program(text="wrong")
    rows = [{"text": "right"}, {"text": "wrong"}]
    found = weft.evaluate(program, rows, lambda _, given: bool(given))

    assert raised.value.message == (
        "named.name is not there: {'name': 'wrong'} is of the type dict, which has no "
        "'name'"
    )
    assert raised.value.hint == "Let 'named' give what its annotation promises"
    assert (found.mean, len(found.failures)) == (1.0, 1)


def test_a_failing_server_error_is_retryable_in_a_step() -> None:
    """A step that calls a model is tried again where the model's error may pass."""
    ask = weft.Predict("question -> answer: str", name="ask")
    calls: list[str] = []

    def once(given: Any, field: str) -> str:
        calls.append(given["question"])
        if len(calls) == 1:
            raise ServerError("hiccup")
        return "ok"

    @weft.step(uses=[ask], retries=1)
    def agent(question: str) -> str:
        return str(ask(question=question).answer)

    @weft.program
    def run(question: str) -> str:
        return agent(question)

    with weft.use(lm=model(once), cache=None, retry=weft.RetryPolicy(retries=0)):
        assert run("q") == "ok"
    assert calls == ["q", "q"]


@pytest.mark.parametrize("waits", [False, True])
def test_a_step_cannot_end_the_process(waits: bool) -> None:
    """sys.exit in a step fails its row with a remedy; the rows beside it go well."""

    def leave(text: str) -> str:
        if text == "b":
            sys.exit(3)
        return text

    async def leave_later(text: str) -> str:
        return leave(text)

    leaves: Any = weft.step(leave_later if waits else leave)

    @weft.program
    def run(text: str) -> str:
        return leaves(text)

    made = run.batch([{"text": text} for text in "abc"], on_error="keep")

    assert (made[0], made[2]) == ("a", "c")
    assert isinstance(made[1], StepError)
    assert "tried to end the process with sys.exit(3). Return a" in str(made[1])


@pytest.mark.parametrize("waits", [False, True])
def test_a_step_that_cancels_itself_has_failed(waits: bool) -> None:
    """As after a wait for something cancelled; a run is cancelled from outside only."""

    def give_up(text: str) -> str:
        gone: Future[str] = Future()
        gone.cancel()
        return gone.result() if text == "b" else text

    async def give_up_later(text: str) -> str:
        if text == "b":
            raise asyncio.CancelledError
        return text

    gives: Any = weft.step(give_up_later if waits else give_up)

    @weft.step
    def beside(text: str) -> str:
        return text

    @weft.step
    def joined(one: str, other: str) -> str:
        return one + other

    @weft.program
    def chain(text: str) -> str:
        return gives(text)

    @weft.program
    def wide(text: str) -> str:
        return joined(gives(text), beside(text))

    for run in (chain, wide):
        made = run.batch([{"text": text} for text in "abc"], on_error="keep")
        assert isinstance(made[1], StepError)
        assert "raised CancelledError" in str(made[1])
        assert [isinstance(one, str) for one in made] == [True, False, True]


def test_a_model_that_cancels_itself_cancels_the_run() -> None:
    """Also where other nodes run beside it: no value is missed in silence."""

    async def gone(request: weft.Request) -> str:
        raise asyncio.CancelledError

    ask, other = (weft.Predict("question -> answer", name=n) for n in "ab")

    @weft.program
    def wide(question: str) -> list[str]:
        return [ask(question=question).answer, other(question=question).answer]

    with (
        weft.use(lm=weft.FunctionLM(gone), cache=None),
        pytest.raises(CancelledError),
    ):
        wide("q")


@pytest.mark.parametrize("given", ["coroutine", "future"])
async def test_work_that_a_step_did_not_wait_for_is_no_value(given: str) -> None:
    """An `await` forgotten in front of `acall` would be a wrong answer, row by row."""

    @weft.step
    async def slip(text: str) -> Any:
        return nap.acall(text) if given == "coroutine" else asyncio.Future()

    @weft.program
    def careless(text: str) -> str:
        return slip(text)

    with pytest.raises(StepError, match="'slip' gave back work"):
        await careless.acall("x")


CLOSED_AT_EXIT = """
import asyncio, atexit
made = []
new = asyncio.new_event_loop
asyncio.new_event_loop = lambda: made.append(new()) or made[-1]
atexit.register(lambda: print([loop.is_closed() for loop in made]))
import weft

@weft.step
async def echo(text: str) -> str:
    await asyncio.sleep(0)
    return text

print(echo("a"))
"""


def test_the_loop_of_synchronous_calls_is_closed_at_the_exit() -> None:
    """An interpreter that ends would close it half, and complain of what is gone."""
    done = subprocess.run(
        [sys.executable, "-c", CLOSED_AT_EXIT],
        capture_output=True,
        check=True,
        text=True,
        timeout=PATIENCE,
    )

    assert (done.stdout.split(), done.stderr) == (["a", "[True]"], "")
