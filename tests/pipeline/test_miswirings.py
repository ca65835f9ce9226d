"""Every way to wire a program wrongly: which line is named, and what to write instead.

Each case is a file of its own. The line that must be named ends with `# here`; the
message says what is wrong, and the hint what to write instead.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import NamedTuple

import pytest

from weft.errors import SetupError

PRELUDE = """
import asyncio, collections, contextlib, dataclasses, json, pickle
from enum import Enum
from typing import Any, Literal, NamedTuple
import pydantic, weft
from weft import branch, each, loop, switch
Team = Literal["cards", "loans"]
class Mood(Enum):
    GLAD = "glad"
    SAD = "sad"
class Page(pydantic.BaseModel):
    title: str
    words: int
ask = weft.Predict("question -> answer: str")
rate = weft.Predict("answer -> score: float, sure: bool")
route = weft.Predict("message -> team: Team", types={"Team": Team})
read = weft.Predict("question, passages: list[str] -> answer: str")
feel = weft.Predict("text -> mood: Mood", types={"Mood": Mood})
class Pair(NamedTuple):
    left: str
    right: str
@dataclasses.dataclass
class Box:
    held: Any
@weft.step
def search(query: str, k: int = 3) -> list[str]: return [query] * k
@weft.step
def open_page(title: str) -> Page: return Page(title=title, words=1)
@weft.step
def note(text: str) -> None: return None
@weft.step
def loose(text): return text
@weft.program
def inner(question: str) -> str:
    return ask(question=question).answer
"""
HEAD = "@weft.program\ndef qa(question: str) -> str:"
AS_STEP = "Do it in a @weft.step function and call that"


class Case(NamedTuple):
    """A mistake, the message it gets, and the remedy."""

    name: str
    code: str
    says: str
    remedy: str


def body(name: str, lines: str, says: str, remedy: str) -> Case:
    """A mistake in the body of a program; the program's head is added."""
    inside = "\n".join(f"    {line}" for line in lines.split("\n"))
    return Case(name, f"{HEAD}\n{inside}", says, remedy)


CALLS = [
    body(
        "misspelt input",
        "return ask(qestion=question).answer  # here",
        "'ask' has no input 'qestion'; its inputs are question",
        "Did you mean 'question'?",
    ),
    body(
        "missing input",
        "return read(question=question).answer  # here",
        "'read' needs 'passages' (",
        "Its inputs are question, passages",
    ),
    body(
        "output given as input",
        "return ask(question=question, answer='x').answer  # here",
        "'answer' is an output of 'ask', not an input",
        "Its inputs are question",
    ),
    body(
        "input without its name",
        "return ask(question).answer  # here",
        "'ask' takes its inputs by name",
        "Write ask(question=...)",
    ),
    body(
        "input of a program given twice",
        "return inner(question, question=question)  # here",
        "'inner' is given 'question' twice",
        "",
    ),
    body(
        "unknown argument of a step",
        "return read(question=question, passages=search(query=question, n=2)).answer"
        "  # here",
        "step 'search' has no parameter 'n'",
        "Known: query, k",
    ),
    body(
        "missing argument of a step",
        "return read(question=question, passages=search()).answer  # here",
        "step 'search': missing a required argument: 'query'",
        "It is search(",
    ),
    Case(
        "step with any arguments",
        "@weft.step\ndef anything(**given: str) -> str: return ''\n"
        f"{HEAD}\n    return anything(a=question)  # here",
        "step 'anything' takes *args or **kwargs",
        "Name each parameter, so that wiring can be checked",
    ),
]
TYPES = [
    body(
        "text for a list",
        "return read(question=question, passages=question).answer  # here",
        "question is str, but read.passages wants list[str]",
        "Convert it in a @weft.step function, or change one of the types",
    ),
    body(
        "list of numbers for a list of texts",
        "scores = [rate(answer=question).score]\n"
        "return read(question=question, passages=scores).answer  # here",
        "list is list[float], but read.passages wants list[str]",
        "Convert it in a @weft.step",
    ),
    body(
        "number for a text",
        "return ask(question=rate(answer=question).score).answer  # here",
        "rate.score is float, but ask.question wants str",
        "Convert it in a @weft.step",
    ),
    body(
        "whole result for a field",
        "return ask(question=ask(question=question)).answer  # here",
        "ask is Answer, but ask.question wants str",
        "Take its field: .answer",
    ),
    body(
        "text for a step's number",
        "return read(question=question, passages=search(question, k=question)).answer"
        "  # here",
        "question is str, but search.k wants int",
        "Convert it in a @weft.step",
    ),
    body(
        "constant of a wrong type for a module",
        "return ask(question=3).answer  # here",
        "ask.question wants str: 3 is not text",
        "Give text",
    ),
    body(
        "constant of a wrong type for a step",
        "return read(question=question, passages=search(question, k='3')).answer"
        "  # here",
        "'3' is str, but search.k wants int",
        "Give a value of that type",
    ),
    Case(
        "promise of another type",
        "@weft.program  # here\ndef qa(question: str) -> int:\n"
        "    return ask(question=question).answer",
        "program 'qa' returns str but promises int",
        "Change the annotation or what is returned",
    ),
    Case(
        "promise of a choice",
        "@weft.program  # here\ndef qa(question: str) -> Team:\n"
        "    return ask(question=question).answer",
        "program 'qa' returns str but promises Literal['cards', 'loans']",
        "Change the annotation or what is returned",
    ),
    Case(
        "default of a wrong type",
        "@weft.program  # here\ndef qa(question: str = 3) -> str:\n"
        "    return ask(question=question).answer",
        "the default of input 'question' of program 'qa': 3 is not text",
        "Give text",
    ),
    Case(
        "type that cannot be resolved",
        "@weft.program  # here\ndef qa(question: 'Nowhere') -> str:\n"
        "    return ask(question=question).answer",
        "program 'qa': name 'Nowhere' is not defined, so a type cannot be resolved",
        "Define the type at module level, before the program",
    ),
]
VALUES = [
    body(
        "output that does not exist",
        "return ask(question=question).anwser  # here",
        "ask has no output 'anwser'; it has question, answer",
        "Did you mean 'answer'?",
    ),
    body(
        "field that does not exist",
        "return open_page(question).titel  # here",
        "open_page has no field 'titel'; it has title, words",
        "Did you mean 'title'?",
    ),
    body(
        "method of a text",
        "return ask(question=question.upper()).answer  # here",
        "question is str; its attribute 'upper' cannot be used while the program is",
        AS_STEP,
    ),
    body(
        "field of a step without a type",
        "return loose(question).name  # here",
        "loose is Any; its attribute 'name' cannot be used while the program is built",
        "Annotate the result of the function that gives it",
    ),
    body(
        "if",
        "if rate(answer=question).sure:  # here\n    return question\nreturn question",
        "rate.sure has no value yet, so `if`, `and`, `or` and `not` cannot test it",
        "Write weft.branch(condition, lambda: ..., lambda: ...)",
    ),
    body(
        "for",
        "return [ask(question=p).answer for p in search(question)]  # here",
        "search has no value yet: `for` and unpacking cannot go over it",
        "Write weft.each(values, lambda value: ...), or weft.loop(...) to repeat; join "
        "lists in a @weft.step function",
    ),
    body("len", "return str(len(question))  # here", "question has no length", AS_STEP),
    body(
        "==",
        "return 'a' if question == 'b' else 'c'  # here",
        "question has no value yet, so `==` cannot use it",
        AS_STEP,
    ),
    body(
        "<",
        "return 'a' if rate(answer=question).score < 0.5 else 'c'  # here",
        "rate.score has no value yet, so `<` cannot use it",
        AS_STEP,
    ),
    body(
        "+",
        "return ask(question='Q: ' + question).answer  # here",
        "question has no value yet, so `+` cannot use it",
        AS_STEP,
    ),
    body(
        "f-string",
        "return ask(question=f'Q: {question}').answer  # here",
        "question is no text yet: str() and f-strings cannot show it",
        "Pass it as an input of its own, or join texts in a @weft.step function",
    ),
    body("print", "print(question)  # here\nreturn question", "is no text yet", "Pass"),
    body(
        "[0]",
        "return search(question)[0]  # here",
        "search has no value yet, so `[...]` cannot take a part of it",
        AS_STEP,
    ),
    body(
        "[0] = x",
        "search(question)[0] = question  # here",
        "search has no value yet, so `setitem` cannot use it",
        AS_STEP,
    ),
    body(
        "in",
        "return 'a' if 'b' in question else 'c'  # here",
        "question has no value yet, so `in` cannot look into it",
        AS_STEP,
    ),
    body(
        "int()",
        "return ask(question=int(question)).answer  # here",
        "question has no value yet, so `int` cannot use it",
        AS_STEP,
    ),
    body(
        "key of a dict",
        "return {question: 1}  # here",
        "question has no value yet: it cannot be a key or an element of a set",
        AS_STEP,
    ),
    body(
        "call of a value",
        "return question()  # here",
        "question is a value to come and cannot be called",
        AS_STEP,
    ),
    body(
        "attribute set",
        "question.seen = True  # here\nreturn question",
        "question.seen cannot be set: values are immutable",
        AS_STEP,
    ),
    body(
        "with",
        "with question:  # here\n    return question",
        "question has no value yet, so `enter` cannot use it",
        AS_STEP,
    ),
    Case(
        "await",
        "@weft.program  # here\nasync def qa(question: str) -> str:\n"
        "    return ask(question=question).answer",
        "program 'qa' is `async def`, or calls an async form",
        "Write a plain `def` with plain calls: nodes run side by side by themselves",
    ),
    Case(
        "async form",
        "@weft.program  # here\ndef qa(question: str) -> str:\n"
        "    return ask.acall(question=question)",
        "program 'qa' is `async def`, or calls an async form",
        "Write a plain `def` with plain calls: nodes run side by side by themselves",
    ),
    Case(
        "yield",
        "@weft.program  # here\ndef qa(question: str) -> str:\n"
        "    yield ask(question=question).answer",
        "program 'qa' yields, and a graph gives one value",
        "Return the values as a list; weft.each makes one",
    ),
]
FOLLOWED = "which has no value yet and is followed in lists, tuples and dicts alone"
SPELT = "spells out a value that is not there yet"
AS_TEXT = "Pass it as an input of its own, or join texts in a @weft.step"
IN_STEP = "Make it in a @weft.step function that is given the value"
AS_NODE = "(...), which becomes a node; run the finished program"
HIDDEN = [
    body("repr", "return loose(f'Q: {question!r}')  # here", SPELT, AS_TEXT),
    body(
        "list in an f-string",
        "return ask(question=f'Q: {[question]}').answer  # here",
        f"the text 'Q: [<question: str>]' {SPELT}",
        AS_TEXT,
    ),
    body(
        "dict as text, in a list",
        "return loose([1, str({'q': question})])  # here",
        SPELT,
        AS_TEXT,
    ),
    body(
        "in an object",
        "return loose(Box(Box(question)))  # here",
        f"Box holds question, {FOLLOWED}",
        IN_STEP,
    ),
    body(
        "in an object in a list",
        "return loose([question, Box(search(question))])  # here",
        f"Box holds search, {FOLLOWED}",
        IN_STEP,
    ),
    body(
        "in a model",
        "return loose(pydantic.create_model('Held', it=(Any, ...))(it=question))"
        "  # here",
        f"Held holds question, {FOLLOWED}",
        IN_STEP,
    ),
    body(
        "in a named tuple",
        "return loose(Pair('a', question))  # here",
        f"Pair holds question, {FOLLOWED}",
        IN_STEP,
    ),
    body(
        "in a queue",
        "return loose(collections.deque([question]))  # here",
        f"deque holds question, {FOLLOWED}",
        IN_STEP,
    ),
    body(
        "in the values of a dict",
        "return loose({'q': question}.values())  # here",
        f"dict_values holds question, {FOLLOWED}",
        IN_STEP,
    ),
    body(
        "in a function",
        "return loose(lambda: question)  # here",
        f"function holds question, {FOLLOWED}",
        IN_STEP,
    ),
    body(
        "generator",
        "return loose(p for p in 'ab')  # here",
        "generator is used up by the program's first run",
        "Give a list",
    ),
    body(
        "refusal that is caught",
        "with contextlib.suppress(Exception):\n"
        "    question = question + '?'  # here\n"
        "return ask(question=question).answer",
        "question has no value yet, so `+` cannot use it",
        AS_STEP,
    ),
    body(
        "pickled",
        "return ask(question=pickle.loads(pickle.dumps(question))).answer  # here",
        "question has no value yet, so it cannot be pickled",
        AS_STEP,
    ),
    Case(
        "join",
        "@weft.program  # here\ndef qa(question: str) -> str:\n"
        "    return ask(question=' '.join(['Q:', question])).answer",
        "expected str instance, Ref found",
        AS_STEP,
    ),
    Case(
        "JSON",
        "@weft.program  # here\ndef qa(question: str) -> str:\n"
        "    return ask(question=json.dumps({'q': question})).answer",
        "Object of type Ref is not JSON serializable",
        AS_STEP,
    ),
    body(
        "run",
        "return ask.run(question=question).value.answer  # here",
        ".run(...) cannot run while a program is built",
        AS_NODE,
    ),
    body(
        "run in a loop of its own",
        "return asyncio.run(ask.acall(question=question)).answer  # here",
        ".acall(...) cannot run while a program is built",
        AS_NODE,
    ),
    body(
        "evaluation",
        "weft.evaluate(ask, [{'question': 'a'}], metric=print)  # here\n"
        "return question",
        "nothing can run while a program is built",
        "Run the finished program",
    ),
    body(
        "settings",
        "with weft.use(sample=3):  # here\n    return ask(question=question).answer",
        "weft.use(...) sets nothing while a program is built",
        "ask again in a @weft.step(uses=[module])",
    ),
    body(
        "key of a switch",
        "return switch('a', {question: lambda: question})  # here",
        "it cannot be a key or an element of a set",
        AS_STEP,
    ),
    body(
        "arm that is async",
        "return branch(rate(answer=question).sure,  # here\n"
        "    lambda: ask.acall(question='a'), lambda: question)",
        "branch: 'then' is `async def`, or calls an async form",
        "Write a plain `def` with plain calls",
    ),
]
NAMES = [
    Case(
        "two modules of one name",
        "other = weft.Predict('question -> answer', name='ask')\n"
        f"{HEAD}\n    first = ask(question=question).answer\n"
        "    return other(question=first).answer  # here",
        "two different things are named 'ask' in program 'qa'",
        "Give one of them another name=...",
    ),
    body(
        "module without a name",
        "return weft.Predict('question -> answer')(question=question).answer  # here",
        "has no name here, and artifacts hang on names",
        "Give it one with name=..., or keep it in a module-level variable",
    ),
    Case(
        "name with a mark",
        "odd = weft.Predict('question -> answer', name='a#2')\n"
        f"{HEAD}\n    return odd(question=question).answer  # here",
        "'a#2' cannot name a part of a program",
        "Leave out / # $",
    ),
    body(
        "unused module",
        "ask(question=question)  # here\nreturn inner(question)",
        "the result of 'ask' is never used, and every call of it would be paid for",
        "Use its result, or leave the call out",
    ),
    Case(
        "nothing returned",
        f"{HEAD.replace('@weft.program', '@weft.program  # here')}\n    note(question)",
        "program 'qa' returns None, which no node and no input gives",
        "Return a module's or a step's result",
    ),
    Case(
        "recursion",
        f"{HEAD.replace('@weft.program', '@weft.program  # here')}\n"
        "    return qa(question=ask(question=question).answer)",
        "program 'qa' calls itself, and a graph has no recursion",
        "Repeat with weft.loop(...), or loop in a @weft.step(uses=[...]) function",
    ),
    Case(
        "recursion in a body",
        f"{HEAD.replace('@weft.program', '@weft.program  # here')}\n"
        "    return branch(rate(answer=question).sure, lambda: question,\n"
        "                  lambda: qa(question=question))",
        "program 'qa' calls itself, and a graph has no recursion",
        "Repeat with weft.loop(...)",
    ),
    Case(
        "program in a program",
        f"{HEAD}\n    @weft.program  # here\n    def more(question: str) -> str:\n"
        "        return ask(question=question).answer\n    return more(question)",
        "program 'more' is defined inside another program",
        "Define it at module level and call it here",
    ),
    Case(
        "program with any inputs",
        "@weft.program  # here\ndef qa(*questions: str) -> str:\n    return 'x'",
        "program 'qa' takes *questions: ",
        "Name each input and give it a type",
    ),
    Case(
        "value of another program",
        "kept: list[str] = []\n@weft.program\ndef one(question: str) -> str:\n"
        "    kept.append(question)\n    return ask(question=question).answer\n"
        f"{HEAD}\n    return ask(question=kept[0]).answer  # here",
        "<question: str> belongs to another program's trace",
        "Pass it as an input of this program",
    ),
    body(
        "after a constant",
        "note(question, after='first')  # here\nreturn question",
        "after='first' is no result of a node",
        "Give what another step returned, or a list of such",
    ),
]
REGIONS = [
    body(
        "each over a text",
        "return each(question, lambda p: ask(question=p).answer)  # here",
        "each: question is str, and only a list can be gone over",
        "Give a list, or make one in a @weft.step function",
    ),
    body(
        "each with a wrong type inside",
        "pages = each(search(question), lambda p: open_page(p))\n"
        "return each(pages, lambda p: ask(question=p.words).answer)  # here",
        "p.words is int, but ask.question wants str",
        "Convert it in a @weft.step",
    ),
    body(
        "each that gives a constant",
        "return each(search(question), lambda p: 'x')  # here",
        "each: 'body' gives a constant of type Literal['x'], whatever it is given",
        "Return what a module or a step gives",
    ),
    body(
        "body with a wrong number of arguments",
        "return each(search(question), lambda: question)  # here",
        "each: 'body' is given a function that cannot be called with 1 argument",
        "Write a function that takes 1 argument",
    ),
    body(
        "value that is kept from a body",
        "kept = []\n"
        "each(search(question), lambda p: kept.append(p) or note(p))\n"
        "return ask(question=kept[0]).answer  # here",
        "<p: str> exists only inside the body that made it",
        "Return it from the body and use the region's result",
    ),
    body(
        "branch on a text",
        "return branch(question, lambda: question, lambda: question)  # here",
        "branch: question is str, and only a bool decides",
        "Compare it in a @weft.step function that gives a bool, or use weft.switch",
    ),
    body(
        "arm that is no function",
        "return branch(rate(answer=question).sure, question, lambda: question)  # here",
        "branch: 'then' is question, not a function that takes 0 arguments",
        "Write a function, such as lambda: respond(question=question)",
    ),
    body(
        "arms of a wrong type",
        "more = branch(rate(answer=question).sure, lambda: question, lambda: None)\n"
        "return ask(question=more).answer  # here",
        "branch is str | None, but ask.question wants str",
        "Convert it in a @weft.step",
    ),
    body(
        "missing case",
        "return switch(route(message=question).team, {'cards': lambda: question})"
        "  # here",
        "switch: no case for 'loans', which route.team may be",
        "Add them, or give default=lambda: ...",
    ),
    body(
        "case that cannot be",
        "return switch(route(message=question).team, {'cards': lambda: question,"
        " 'loan': lambda: question})  # here",
        "switch: route.team is never 'loan'; it is Literal['cards', 'loans']",
        "Did you mean 'loans'?",
    ),
    body(
        "missing member of an enum",
        "return switch(feel(text=question).mood, {Mood.SAD: lambda: question})  # here",
        "switch: no case for 'glad', which feel.mood may be",
        "Add them, or give default=lambda: ...",
    ),
    body(
        "switch on an open text without default",
        "return switch(question, {'a': lambda: question})  # here",
        "switch: question is str, so the cases cannot cover it",
        "Give default=lambda: ..., or make it a Literal or an enum",
    ),
    body(
        "switch on a list",
        "return switch(search(question), {'a': lambda: question})  # here",
        "switch: search is list[str], and only a Literal, an enum, a bool, a text or",
        "Choose in a @weft.step function that gives one of these",
    ),
    body(
        "loop that changes the type",
        "return loop(question, lambda q: search(q), at_most=3)  # here",
        "loop: the body gives list[str], but it starts with question, which is str",
        "Start with a value of the type that the body gives",
    ),
    body(
        "loop whose end is no bool",
        "return loop(question, lambda q: ask(question=q).answer,"
        " until=lambda q: rate(answer=q).score, at_most=3)  # here",
        "loop: 'until' gives float, and only a bool decides",
        "Compare in a @weft.step function that gives a bool",
    ),
    body(
        "loop without a bound",
        "return loop(question, lambda q: ask(question=q).answer, at_most=0)  # here",
        "loop: at_most=0 bounds nothing",
        "Give a whole number from 1 on",
    ),
    body(
        "unused module in a body",
        "def work(p):\n"
        "    ask(question=p)  # here\n"
        "    return inner(p)\n"
        "return each(search(question), work)",
        "the result of 'ask' is never used",
        "Use its result, or leave the call out",
    ),
]
CAUGHT = [
    body(
        "call inside try",
        "try:\n"
        "    return ask(question=question).answer  # here\n"
        "except Exception:\n"
        "    return 'none'",
        "'ask' is called inside `try`, which catches nothing here",
        "Write weft.Fallback(...)",
    ),
    body(
        "region inside try",
        "found = search(question)\n"
        "try:\n"
        "    answers = each(found, lambda q: ask(question=q).answer)  # here\n"
        "except ValueError:\n"
        "    answers = found\n"
        "return read(question=question, passages=answers).answer",
        "'each' is called inside `try`",
        "where `try` catches",
    ),
    body(
        "try in a region's body",
        "def tried(q):\n"
        "    try:\n"
        "        return ask(question=q).answer  # here\n"
        "    except ValueError:\n"
        "        return q\n"
        "return read(question=question, passages=each(search(question), tried)).answer",
        "'ask' is called inside `try`",
        "@weft.step(uses=[...])",
    ),
]
USES = [
    Case(
        "step of an unknown type",
        "@weft.step  # here\ndef pages(goal: 'Nowhere') -> str: return ''",
        "step 'pages': name 'Nowhere' is not defined, so a type cannot be resolved",
        "Define the type at module level, before the step",
    ),
    Case(
        "step that yields",
        "@weft.step  # here\ndef pages(goal: str) -> Any: yield goal",
        "step 'pages' yields, and a node gives one value",
        "Return the values as a list",
    ),
    Case(
        "use of something else",
        "@weft.step(uses=[print])  # here\ndef agent(goal: str) -> str: return goal",
        "step 'agent' uses <built-in function print>, which is no module, step or",
        "List what the function calls: uses=[critic, tool]",
    ),
    Case(
        "use of a module that the function does not name",
        "@weft.step(uses=[ask])  # here\ndef agent(goal: str) -> str: return goal",
        "but its function reaches it by no variable",
        "Give it one with name=..., or leave it out of uses=",
    ),
]
CASES = [*CALLS, *TYPES, *VALUES, *HIDDEN, *NAMES, *REGIONS, *CAUGHT, *USES]


def test_there_are_enough_of_them() -> None:
    """The table holds at least forty mistakes, each under a name of its own."""
    assert len({case.name for case in CASES}) == len(CASES) >= 40


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_mistake_is_named_with_its_line_and_its_remedy(
    case: Case, tmp_path: Path
) -> None:
    """A miswiring is an error at import: file, line, what is wrong, what to write."""
    text = PRELUDE + case.code + "\n"
    lines = text.split("\n")
    path = tmp_path / "wired.py"
    path.write_text(text)
    spec = importlib.util.spec_from_file_location("wired", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    line = next(at for at, one in enumerate(lines, 1) if one.endswith("# here"))

    with pytest.raises(SetupError) as caught:
        spec.loader.exec_module(module)

    assert caught.value.message.startswith(f"{path}:{line}: ")
    assert case.says in caught.value.message
    assert case.remedy in caught.value.hint


def test_a_try_that_catches_no_call_is_none_of_our_business(tmp_path: Path) -> None:
    """Nor is one without `except`, or one in what is called after it."""
    path = tmp_path / "wired.py"
    path.write_text(
        PRELUDE
        + f"""{HEAD}
    try:
        import no_such_module
    except ImportError:
        limit = 3
    try:
        answer = ask(question=question).answer
    finally:
        limit = 4
    return read(question=answer, passages=search(question, k=limit)).answer
"""
    )
    spec = importlib.util.spec_from_file_location("wired", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    assert len(module.qa.structure.nodes) == 3
