"""The sandbox: what goes in, what comes out, and where it ends."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import weft
from weft.errors import BudgetExceeded, ConfigError
from weft.modules.code import session
from weft.modules.code.reading import likeliest
from weft.pipeline.ground.loops import PerLoop

pytest.importorskip("pydantic_monty")

BOX = weft.Sandbox(seconds=0.5, memory=50_000_000, printed=100, calls=20)


def double(n: int, times: int = 1) -> int:
    """Twice a number, so many times."""
    return n * 2**times


def seven(text: str) -> int:
    """Seven."""
    del text
    return 7


async def later(text: str) -> dict[str, Any]:
    """A text after a turn of the loop."""
    await asyncio.sleep(0)
    return {"text": text, "size": len(text)}


def broken(kind: str) -> str:
    """Raise."""

    class OfOurs(Exception):
        pass

    kinds = {"value": ValueError("no: é"), "ours": OfOurs("x"), "key": KeyError("k")}
    raise kinds[kind]


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("1 + 1", 2),
        ("(1, {3, 1, 2}, 2.5, None, True)", [1, [1, 2, 3], 2.5, None, True]),
        ("{'b': 1, 2: [], None: 0, 1.5: 0}", {"b": 1, "2": [], "null": 0, "1.5": 0}),
        ("import datetime\ndatetime.date(2020, 1, 2)", "2020-01-02"),
        ("import decimal\n[decimal.Decimal('1.50')]", ["1.50"]),
        (
            "from dataclasses import dataclass\n@dataclass\nclass P:\n  x: int\nP(3)",
            {"x": 3},
        ),
        ("'\U0001f9f5é' * 2", "\U0001f9f5é\U0001f9f5é"),
        ("10 ** 30", 10**30),
        ("x = 1", None),
        ("", None),
        ("```python\n2 * 3\n```", 6),
        ("eval('1 + 2')", 3),
        ("double(4)", 8),
        ("double(n=4, times=2)", 16),
        ("double('4')", 8),
        ("f = double\nf(f(1))", 4),
        ("await double(4)", 8),
        ("async def g():\n  return await later('ab')\n(await g())['size']", 2),
        ("later('ab')['size'] + double(1)", 4),
        ("[double(i) for i in range(3)]", [0, 2, 4]),
        ("len('ab')", 7),
    ],
)
def test_values_are_plain_data(code: str, value: Any) -> None:
    """What code is worth crosses as JSON data, and so do arguments and results."""
    also: list[Any] = [weft.tool(later), weft.Tool(seven, name="len")]
    run = BOX.run(code, functions=[double, *also])

    assert (run.value, run.error) == (value, None)
    json.dumps(run.value)


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("float('inf')", "inf"),
        ("1 + 2j", "(1+2j)"),
        ("len", "<an object of len>"),
        ("class A: pass\nA()", "<an object of A>"),
        ("b'x'", "<a value of type bytes>"),
        ("10 ** 5000", "<a whole number of 16610 bits>"),
        (
            "x = [1]\nfor i in range(60): x = [x, x]\nx",
            "<a list that is too large, or holds no data>",
        ),
        (
            "x = []\nfor i in range(9000): x = [x]\nx",
            "<a list that is too large, or holds no data>",
        ),
        ("x = [1]\nx.append(x)\nx", '[1, "[...]"]'),
        ("'ab' * 200", "ab" * 50 + " (cut: longer than 100 characters)"),
    ],
)
def test_what_is_no_data_is_only_shown(code: str, shown: str) -> None:
    """Objects stay inside; so do numbers and trees beyond all measure."""
    run = BOX.run(code)

    assert run.error is None
    assert run.shown == shown
    assert isinstance(run.value, str | list | None)


@pytest.mark.parametrize(
    ("code", "kind", "words", "line"),
    [
        ("x = 1\n1 / 0", "ZeroDivisionError", "division by zero", 2),
        ("def f():\n  return {}['k']\n\nf()", "KeyError", "k", 2),
        ("def f(:", "SyntaxError", "Expected a parameter or the end of", 1),
        ("raise ValueError", "ValueError", "", 1),
        ("import time\ntime.time()", "RuntimeError", "the sandbox has no clock", 2),
        ("input()", "NameError", "name 'input' is not defined", 1),
        ("double()", "TypeError", "double needs 'n'; it is double(n: a whole", 1),
        ("double(1, 2, 3)", "TypeError", "double got 3 arguments, and takes at", 1),
        ("list(map(double, [1]))", "NotImplementedError", "double cannot be called", 1),
        ("double(1, n=2)", "TypeError", "double got 'n' twice", 1),
        ("double(len)", "TypeError", "double: an object of len is no data", 1),
        ("broken('value')", "ValueError", "no: é", 1),
        ("broken('ours')", "RuntimeError", "OfOurs: x", 1),
        ("while True: double(1)", "RuntimeError", "more than 20 calls", 0),
        (
            "while True:\n  try: nothing\n  except NameError: pass",
            *("RuntimeError", "too many names that are not there", 0),
        ),
        ("while 1: pass", "TimeoutError", "the code ran longer than 0.5 seconds;", 0),
        ("def f(n): f(n + 1)\nf(0)", "RecursionError", "maximum recursion", 1),
        ("raise KeyboardInterrupt", "KeyboardInterrupt", "", 1),
        ("raise SystemExit('bye')", "SystemExit", "bye", 1),
        ("(" * 100_000, "SyntaxError", "Source is too deeply nested", 1),
        ("x\0", "SyntaxError", "Got unexpected token \0", 1),
        ("assert 1 == 2", "AssertionError", "assert 1 == 2", 1),
    ],
)
def test_errors_are_told_with_their_line(
    code: str, kind: str, words: str, line: int
) -> None:
    """Whatever goes wrong inside is an observation: its kind, its words, its line."""
    error = BOX.run(code, functions=[double, broken]).error

    assert error is not None
    assert (error.kind, error.line) == (kind, line)
    assert error.message.startswith(words)
    assert str(error).startswith(kind)


def test_what_is_printed_is_kept_to_a_length() -> None:
    """The first of it is kept, whatever becomes of the code."""
    run = BOX.run("print('a' * 60)\nprint('é' * 60)\nprint(1)\n1 / 0")

    assert (
        run.printed == "a" * 60 + "\n" + "é" * 39 + " (cut: longer than 100 characters)"
    )
    assert run.error is not None
    assert run.error.line == 4
    flood = BOX.run("while True: print('x' * 1000)")
    assert flood.printed == "x" * 100 + " (cut: longer than 100 characters)"


class Secret:
    """What is no data, and tells nothing of itself."""

    def __repr__(self) -> str:
        raise TypeError


class Silent(Exception):
    """What fails where its words are asked for."""

    def __str__(self) -> str:
        raise TypeError


def odd(kind: str) -> Any:
    """Give what is no data, or raise what has no words."""
    if kind == "silent":
        raise Silent
    return {
        "object": [object()],
        "secret": Secret(),
        "large": 10**6000,
        "surrogate": "\ud800",
    }[kind]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("object", "[<object object>]"),
        ("secret", "<Secret>"),
        ("large", "<int>"),
        ("surrogate", "'\\ud800'"),
        ("silent", "Silent"),
    ],
)
def test_functions_that_give_no_data(kind: str, value: str) -> None:
    """Their words stand for it, the same in each run; nothing is raised here."""
    code = f"try:\n  x = odd({kind!r})\nexcept RuntimeError as e:\n  x = str(e)\nx"

    assert BOX.run(code, functions=[odd]).value == value


@pytest.mark.parametrize("last", ["eval('\u201c')", "raise SyntaxError('\u201c')"])
def test_code_that_ran_is_never_read_in_another_way(last: str) -> None:
    """An error of syntax that it raises itself is no reason to run it again."""
    called: list[int] = []

    def pay(n: int) -> None:
        """Pay."""
        called.append(n)

    run = BOX.run(f"pay(1)\n{last}", functions=[pay])

    assert called == [1]
    assert run.error is not None
    assert run.error.kind == "SyntaxError"


def test_what_calls_hand_over_is_bounded() -> None:
    """As many bytes in one run as the sandbox has memory."""
    code = "s = 'x' * 9_000_000\nfor _ in range(9):\n  try: seven(s)\n  except: pass"

    error = BOX.run(code, functions=[seven]).error
    assert "hand over more than 50000000 bytes" in str(error)


def test_a_session_is_opened_first() -> None:
    """Neither before nor after does it start a process that nobody would end."""

    async def runs() -> None:
        session = BOX.session()
        with pytest.raises(ConfigError, match="not open"):
            await session.run("1")
        async with session:
            assert (await session.run("1")).value == 1
        with pytest.raises(ConfigError, match="async with"):
            await session.run("1")

    asyncio.run(runs())


def test_errors_of_functions_may_be_caught() -> None:
    """They are exceptions like any other."""
    code = "try:\n  broken('key')\nexcept KeyError as e:\n  print('caught', e)"

    assert BOX.run(code, functions=[broken]).printed == "caught 'k'\n"


def test_a_session_keeps_its_variables_until_a_limit() -> None:
    """After a limit of time it begins anew, with the inputs alone."""

    async def runs() -> list[Any]:
        async with BOX.session(inputs={"n": [1, 2]}) as here:
            codes = "x = sum(n)", "x", "while True: pass", "n", "x", "'y' * 10**9", "n"
            return [await here.run(code) for code in codes]

    made = asyncio.run(runs())

    assert [run.value for run in made] == [None, 3, None, [1, 2], None, None, [1, 2]]
    kinds = [run.error.kind for run in made if run.error]
    assert kinds == ["TimeoutError", "NameError", "MemoryError"]


def test_runs_of_a_session_take_turns() -> None:
    """Those that are begun side by side run one after the other."""

    async def runs() -> list[Any]:
        async with BOX.session(inputs={"x": 0}) as here:
            code = "x = x + 1\nx"
            return await asyncio.gather(*(here.run(code) for _ in range(5)))

    assert [run.value for run in asyncio.run(runs())] == [1, 2, 3, 4, 5]


def test_the_same_each_time() -> None:
    """Chance, hashes and the order of sets are the same in every run."""
    code = (
        "import random\nimport asyncio\nimport time\ntime.sleep(1000)\n"
        "(random.random(), hash('a'), list({'b', 'a', 'c'}), id([]), "
        "random.choice('xyz'))"
    )
    first = BOX.run(code)

    async def many() -> list[Any]:
        return await asyncio.gather(*(BOX.arun(code) for _ in range(64)))

    assert first.error is None
    assert {repr(run) for run in asyncio.run(many())} == {repr(first)}


def test_the_loop_goes_on_and_cancelling_is_clean() -> None:
    """Code computes elsewhere; who is cancelled ends it."""
    long = weft.Sandbox(seconds=3_600)

    async def both() -> Any:
        begins = asyncio.Event()

        async def began() -> None:
            """Say so."""
            begins.set()

        code = "began()\nwhile True: pass"
        task = asyncio.create_task(long.arun(code, functions=[began]))
        await begins.wait()
        beside = await long.arun("7")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return beside.value, (await long.arun("8")).value

    assert asyncio.run(both()) == (7, 8)


def test_only_so_many_compute_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A time limit is no shorter because others run: who waits does not compute."""

    async def let_go(_: object) -> None:
        """Nothing to close."""

    one: PerLoop[Any] = PerLoop(lambda: asyncio.Semaphore(1), let_go)
    monkeypatch.setattr(session, "_turns", one)
    said: list[str] = []
    begins = asyncio.Event()

    async def say(word: str) -> None:
        """Say a word."""
        said.append(word)
        begins.set()

    async def both() -> None:
        code = "say('began')\nfor n in range(1_000_000): pass\nsay('done')"
        box = weft.Sandbox(seconds=60)
        long = asyncio.create_task(box.arun(code, functions=[say]))
        await begins.wait()
        await box.arun("say('beside')", functions=[say])
        await long

    asyncio.run(both())
    assert said == ["began", "done", "beside"]


def test_a_function_that_must_end_the_run_does() -> None:
    """A spent budget is nothing that code may catch."""

    def spent() -> int:
        """Spend."""
        raise BudgetExceeded("no more")

    code = "try:\n  spent()\nexcept BaseException:\n  pass\n5"
    with pytest.raises(BudgetExceeded):
        BOX.run(code, functions=[spent])


WRONG: list[Any] = [
    weft.Sandbox,
    weft.CodeAct,
    weft.Recursive,
]  # called as no checker allows


@pytest.mark.parametrize(
    ("made", "match"),
    [
        (lambda: weft.Sandbox(seconds=0), "seconds=0 is not"),
        (lambda: weft.Sandbox(memory=10**12), "memory=1000000000000 is no limit"),
        (
            lambda: WRONG[0](second=1),
            "no option 'second'. Did you mean 'seconds'",
        ),
        (lambda: BOX.run("1", inputs={"a b": 1}), "no name of a variable"),
        (lambda: BOX.run("1", inputs={"class": 1}), "'class' is no name of a variable"),
        (lambda: BOX.run("1", inputs={"\ufb01": 1}), "no name of a variable"),
        (lambda: BOX.run("1", inputs={"a": object()}), "'a' cannot go into a sandbox"),
        (lambda: BOX.run("1", functions=[1]), "1 is no tool"),
        (lambda: WRONG[0]().run(5), "code=5 is no text"),
        (
            lambda: BOX.run("1", inputs={"x": "a" * 60_000_000}),
            "the inputs cannot go into a sandbox.*memory=50000000 may be",
        ),
        (lambda: WRONG[0]().run("1", inputs=[1]), r"inputs=\[1\]"),
        (lambda: WRONG[0]().run("1", inputs={1: 2}), "1 is no name of a variable"),
        (lambda: WRONG[0]().run("1", function=[]), "Did you mean 'functions'"),
        (
            lambda: BOX.run("1", inputs={"double": 1}, functions=[double]),
            "'double' is an input and a function",
        ),
        (lambda: BOX.run("1", functions=[double, double]), "two functions are named"),
        (
            lambda: BOX.run("1", functions=[weft.Tool(double, name="class")]),
            "no code can call a tool by the name 'class'",
        ),
        (
            lambda: weft.CodeAct("q -> a", tools=[weft.Tool(double, name="\ufb01")]),
            "no code can call a tool by the name",
        ),
        (
            lambda: BOX.run("1", functions=[weft.tool(approval=True)(double)]),
            "waits for approval",
        ),
        (
            lambda: WRONG[1]("q -> a", tools=[double], sandbox=3),
            "sandbox=3 is none",
        ),
        (lambda: weft.CodeAct("q -> a", tools=[double], max_steps=0), "max_steps=0"),
        (lambda: weft.CodeAct("double -> a", tools=[double]), "name of an input"),
        (lambda: weft.CodeAct("submit -> a", tools=[double]), "input 'submit' has"),
        (lambda: weft.Recursive("q -> a", max_calls=-1), "max_calls=-1"),
        (lambda: weft.ProgramOfThought("q -> a", tries=True), "tries=True"),
        (
            lambda: WRONG[1]("q -> a", tools=[double], max_iters=5),
            "CodeAct has no option 'max_iters'. Write max_steps=",
        ),
        (lambda: WRONG[1]("q -> a"), "CodeAct: missing a required .*'tools'"),
        (lambda: WRONG[2]("q -> a", max_llm_calls=5), "Write max_calls="),
        (lambda: weft.Recursive("photo: Image, q -> a"), "no code can read .*'photo'"),
        (lambda: weft.ProgramOfThought("code -> a"), "the input 'code' has the name"),
    ],
)
def test_what_cannot_be(made: Any, match: str) -> None:
    """Mistakes are told before anything runs."""
    with pytest.raises(weft.errors.SetupError, match=match):
        made()


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """The remedy is named; modules can be made all the same."""
    monkeypatch.setitem(sys.modules, "pydantic_monty", None)

    weft.ProgramOfThought("question -> answer")
    with pytest.raises(ConfigError, match=r"pip install 'pydantic-monty>=1.4'"):
        BOX.run("1")


def test_after_a_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads stay with the parent: a child is told, and does not hang."""
    BOX.run("1")
    monkeypatch.setattr(session, "_used_by", [1])

    with pytest.raises(ConfigError, match="forked"):
        BOX.run("1")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("x = 1", "x = 1"),
        ("  x = 1\n  y = 2\n", "x = 1\ny = 2"),
        ("Sure!\n\n```python\nx = 1\n```\nDone.", "x = 1"),
        ("```\nx = 1\n```", "x = 1"),
        ("~~~py\nx = 1\n~~~", "x = 1"),
        ("```python\nx = 1", "x = 1"),
        ("```repl\na = 1\n```\ntext\n```repl\nb = 2\n```", "a = 1\nb = 2"),
        ("```json\n{}\n```\n```python\nx = 1\n```\n```text\nout\n```", "x = 1"),
        ("  ```python\n  if 1:\n    x = 1\n  ```", "if 1:\n  x = 1"),
        ("````python\ns = '''\n```\n'''\n````", "s = '''\n```\n'''"),
        ("<code>\nx = 1\n</code>", "x = 1"),
        ("x = 1\r\ny = 2\r", "x = 1\ny = 2"),
        ("\ufeffx = 1", "x = 1"),
        ("```python\n```", "```python\n```"),
    ],
)
def test_code_in_replies(text: str, code: str) -> None:
    """Fences and words around them are taken off."""
    assert likeliest(text) == code


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        (">>> x = 1\n>>> print(x)\n1", "1\n"),
        ("print(\u201chi\u201d)", "hi\n"),
        ("x = 1\\nprint(x)", "1\n"),
        ("print('a\\nb')", "a\nb\n"),
        ("print('\u201chi\u201d')", "\u201chi\u201d\n"),
        ("`print(1)`", "1\n"),
        ("```python print(1)```", "1\n"),
        ("x = '<code>1</code>'\nprint(x)", "<code>1</code>\n"),
        ("s = '''\n```python\nx = 1\n```\n'''\nprint(len(s))", "21\n"),
        (
            "```python\ns = '''\n```\nt\n```\n'''\nprint(s)\n```\nSo.",
            "\n```\nt\n```\n\n",
        ),
        ("```py\ns = '''\n```py\nt\n```\n'''\nprint(1)\n```\nOut:\n```\n1\n```", "1\n"),
    ],
)
def test_what_code_plainly_means(text: str, printed: str) -> None:
    """Another reading is taken only where the first is no Python at all."""
    run = BOX.run(text)

    assert (run.printed, run.error) == (printed, None)


PIECES = st.sampled_from(
    [
        *"x=[](){}:\n,.'\"\\#@`10/*\0\ud800\u202e",
        *("```", "```python", "if", "for", "in", "def", "class", "lambda", "while"),
        *("True", "None", "**", "print(", "open(", "import", "os", "await", "async"),
        *("return", "raise", "try:", "except", "f'{x}'", "__class__", "eval(", "[x]"),
        *("exec(", "{1:2}", "range(9)", "'a'*9"),
    ]
)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
)
@given(
    st.one_of(
        st.text(st.characters(exclude_categories=()), max_size=60),
        st.lists(PIECES, max_size=25).map(" ".join),
    )
)
def test_any_text_is_an_outcome(text: str) -> None:
    """Nothing but the typed outcome comes of it, whatever the text."""
    run = BOX.run(text)

    assert isinstance(run, weft.CodeRun)
    json.dumps([run.printed, run.value, run.shown, str(run.error)]).encode()
    (run.printed + run.shown + str(run.error) + run.code).encode()
