"""The Berkeley Function Calling Leaderboard: its functions as tools, its calls read.

`WEFT_BFCL_PYTHON=... python -m bench bfcl` takes an interpreter of an environment of
its own that holds `bfcl-eval` (`pip install --no-deps bfcl-eval` is enough). All its
functions are made tools by `weft.Tool.from_schema`. Then a planted model on the
loopback, which knows the right calls, answers an agent with native calls, and what the
agent called is judged by BFCL's own `ast_checker`: what is lost is lost on the way, in
schemas, names, arguments and their checks, and not by a model. It says nothing of how
well any model calls. `--write` writes the page in docs/.
"""

from __future__ import annotations

import asyncio
import copy
import json
import os
import re
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import weft
from weft.errors import WeftError
from weft.pipeline.ground.shapes import is_dict, is_list
from weft.testing import FaultServer, Reply

from . import BenchError, Findings, Row

__all__ = ["run"]

PAGE = Path(__file__).resolve().parents[1] / "docs" / "bench-bfcl.md"
READ, PASSES = 0.995, 0.97
CATEGORIES: Final = (
    *("simple_python", "simple_java", "simple_javascript"),
    *("multiple", "parallel", "parallel_multiple"),
    *("live_simple", "live_multiple", "live_parallel", "live_parallel_multiple"),
)
"""Those whose calls are judged by themselves, by `ast_checker`."""

_CHECKER: Final = Path(__file__).with_name("_bfcl_check.py")
_KINDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("dict", "object", "HashMap", "Hashtable"), "object"),
    **dict.fromkeys(("tuple", "list", "array", "ArrayList", "Array"), "array"),
    **dict.fromkeys(("Queue", "Stack", "Set"), "array"),
    **dict.fromkeys(("float", "double", "number"), "number"),
    **dict.fromkeys(("byte", "short", "long", "Bigint", "integer"), "integer"),
    **dict.fromkeys(("bool", "Boolean", "boolean"), "boolean"),
    **dict.fromkeys(("char", "String", "string"), "string"),
}
"""JSON Schema's types for BFCL's, as its own handlers of models write them."""
_ID: Final = re.compile(r"\[\[ id(?:#\d+)? \]\]\n(\S+)")
_AT_ONCE: Final = 32
_SHOWN: Final = 40
_HEAD = """\
# Functions of others as tools, measured

Written by `python -m bench bfcl --write`, from the data of `bfcl-eval` {version}, the
[Berkeley Function Calling Leaderboard](https://gorilla.cs.berkeley.edu/leaderboard.html)
(Patil et al. 2025). Each function becomes a tool by
[`weft.Tool.from_schema`](agents.md#tools-that-a-schema-describes). Then a planted model
on the loopback, which is told the right calls, answers an agent in the endpoint's own
format, all calls of a case in one turn; what the agent called is judged by BFCL's own
`ast_checker`. What is lost is lost on the way, and not by a model: this is no score of
any model.
"""


@dataclass(frozen=True)
class Case:
    """One question of BFCL's, with its functions and what may be called."""

    id: str
    category: str
    question: str
    functions: list[dict[str, Any]]
    gold: list[dict[str, Any]]

    @property
    def language(self) -> str:
        """Whose types the functions have."""
        found = self.category.removeprefix("simple_")
        return found if found in ("java", "javascript") else "python"


@dataclass
class Counts:
    """What became of functions and cases."""

    functions: int = 0
    read: int = 0
    reasons: Counter[str] = field(default_factory=Counter[str])
    cases: Counter[str] = field(default_factory=Counter[str])
    passed: Counter[str] = field(default_factory=Counter[str])
    refused: dict[str, str] = field(default_factory=dict[str, str])
    failures: list[str] = field(default_factory=list[str])


def run(write: bool = False) -> list[Row]:
    """The rows of this part; none without the interpreter.

    Args:
        write: Whether the page in docs/ is written.

    Raises:
        BenchError: The interpreter holds no `bfcl-eval`.
    """
    python = os.environ.get("WEFT_BFCL_PYTHON")
    if not python:
        return []
    data, counts = Path(_asked(python)), Counts()
    cases = [case for name in CATEGORIES for case in cases_of(data, name)]
    for function, language in _functions(data):
        _read(function, language, counts)
    calls = asyncio.run(_all_called(cases, counts))
    _judge(python, cases, calls, counts)
    details = page(counts, data)
    if write:
        PAGE.write_text(details, "utf-8")
    return Findings(_rows(counts), details)


def _asked(python: str, *arguments: str, said: str = "") -> str:
    made = subprocess.run(
        [python, str(_CHECKER), *arguments],
        input=said,
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        raise BenchError(f"{python} judges nothing: {made.stderr[-500:]}")
    return made.stdout.strip()


def cases_of(data: Path, category: str) -> Iterator[Case]:
    """The cases of one category, in the order of the file."""
    name = f"BFCL_v4_{category}.json"
    gold = {
        one["id"]: one["ground_truth"]
        for one in _lines(data / "possible_answer" / name)
    }
    for one in _lines(data / name):
        asked = "\n".join(turn["content"] for turn in one["question"][0])
        yield Case(one["id"], category, asked, one["function"], gold[one["id"]])


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_text("utf-8").splitlines():
        if line.strip():
            yield json.loads(line)


def _functions(data: Path) -> list[tuple[dict[str, Any], str]]:
    """Every function of BFCL's, once: of all questions, and those that are played."""
    found: dict[str, tuple[dict[str, Any], str]] = {}
    folders = (data, data / "multi_turn_func_doc")
    for path in (path for folder in folders for path in sorted(folder.glob("*.json"))):
        if path.stem.endswith("format_sensitivity"):  # settings, and no functions
            continue
        language = "python"
        for known in ("java", "javascript"):
            language = known if path.stem.endswith(f"simple_{known}") else language
        for one in _lines(path):
            told = [one] if path.parent != data else one.get("function", [])
            functions: list[Any] = told if is_list(told) else [told]
            for function in functions:
                key = json.dumps(
                    [function["name"], function.get("parameters"), language]
                )
                found.setdefault(key, (function, language))
    return list(found.values())


def schema_of(part: Any, language: str, top: bool = True) -> Any:
    """The JSON Schema of a function's parameters, or of a part of them.

    Arguments in Java and JavaScript are written in their language, as BFCL wants them.
    """
    if not is_dict(part):
        return part
    made = {n: p for n, p in part.items() if n not in ("optional", "default")}
    kind = made.get("type")
    if language != "python" and not top:
        about = f"{part.get('description', '')} Written as {language} {kind}."
        return {"type": "string", "description": about.strip()}
    if isinstance(kind, str):
        made.pop("type")
        made |= {"type": _KINDS[kind]} if kind in _KINDS else {}
    if is_dict(made.get("properties")):
        inner = made["properties"].items()
        made["properties"] = {n: schema_of(p, language, False) for n, p in inner}
    if is_dict(made.get("items")):
        made["items"] = schema_of(made["items"], language, False)
    return made


def _tool(
    function: Mapping[str, Any], language: str, called: list[tuple[str, Any]]
) -> weft.Tool[..., Any]:
    name = function["name"]

    def call(arguments: dict[str, Any]) -> str:
        called.append((name, arguments))
        return "done"

    parameters = schema_of(copy.deepcopy(function["parameters"]), language)
    return weft.Tool.from_schema(name, function.get("description"), parameters, call)


def _read(function: Mapping[str, Any], language: str, counts: Counts) -> None:
    counts.functions += 1
    try:
        _ = _tool(function, language, []).schema
    except WeftError as error:
        counts.reasons[f"{function['name']}: {str(error)[:160]}"] += 1
    else:
        counts.read += 1


def right_calls(case: Case) -> list[tuple[int, dict[str, Any]]]:
    """The right calls of a case: of each argument the first value that is accepted.

    Each is the position of its function, and the arguments.
    """
    made: list[tuple[int, dict[str, Any]]] = []
    for gold in case.gold:
        ((name, arguments),) = gold.items()
        at = next(n for n, f in enumerate(case.functions) if f["name"] == name)
        told = case.functions[at]
        kinds = told["parameters"].get("properties", {})
        chosen = {
            argument: _written(
                _first(values[0]), kinds.get(argument, {}), case.language
            )
            for argument, values in arguments.items()
            if values and values[0] != ""
        }
        made.append((at, chosen))
    return made


def _first(value: Any) -> Any:
    """A value of the gold: in an object each member is a list of what is accepted."""
    if is_list(value):
        return [_first(one) for one in value]
    if not is_dict(value):
        return value
    chosen = {
        name: several[0] if is_list(several) and several else several
        for name, several in value.items()
    }
    return {name: _first(one) for name, one in chosen.items() if one != ""}


def _written(value: Any, part: Mapping[str, Any], language: str) -> Any:
    """A value as BFCL wants it written: in Java and JavaScript as source text."""
    kind = part.get("type", "")
    if language == "python":
        return value
    if kind in ("String", "any", "char") and isinstance(value, str):
        return value
    if language == "javascript":
        return json.dumps(value) if not isinstance(value, str) else value
    inner = part.get("items", {}).get("type", "")
    if is_dict(value):
        puts = " ".join(
            f"put({json.dumps(k)}, {_source(v, '')});" for k, v in value.items()
        )
        return f"new HashMap<String, Object>() {{{{ {puts} }}}}"
    if is_list(value):
        listed = ", ".join(_source(one, inner) for one in value)
        if kind == "Array":
            return f"new {inner or 'Object'}[]{{{listed}}}"
        return (
            f"new ArrayList<{inner}>(Arrays.asList({listed}))"
            if value
            else "new ArrayList<>()"
        )
    return value if isinstance(value, str) else _source(value, kind)


def _source(value: Any, kind: str) -> str:
    """A value as a literal of Java's."""
    ending = {"long": "L", "float": "f"}.get(kind, "")
    return f"{json.dumps(value)}{ending}"


async def _all_called(
    cases: list[Case], counts: Counts
) -> list[list[dict[str, Any]] | None]:
    """What an agent called in each case, as BFCL has it; None where it failed."""
    gold = {case.id: right_calls(case) for case in cases}
    limit = asyncio.Semaphore(_AT_ONCE)
    with FaultServer(partial(_answer, gold)) as server:
        lm = weft.LM("planted", api_base=server.url, api_key="none")

        async def one(case: Case) -> list[dict[str, Any]] | None:
            async with limit:
                try:
                    return await _called(case, lm, counts)
                except WeftError as error:
                    counts.failures.append(f"{case.id}: {str(error)[:200]}")
                    return None

        with weft.use(lm=lm, cache=None):
            return await asyncio.gather(*map(one, cases))


async def _called(case: Case, lm: weft.LM, counts: Counts) -> list[dict[str, Any]]:
    called: list[tuple[str, Any]] = []
    tools = [_tool(function, case.language, called) for function in case.functions]
    agent = weft.ReAct(
        "id, question -> answer", tools=tools, calls="native", max_steps=64, lm=lm
    )
    result = await agent.acall(id=case.id, question=case.question)
    names = {
        tool.name: f["name"] for tool, f in zip(tools, case.functions, strict=True)
    }
    steps = [s for s in weft.trajectory_of(result) if s.tool != "submit"]
    for step in steps:
        if step.error:
            counts.refused[case.id] = step.error
    taken = (step for step in steps if not step.error)
    return [{names[step.tool]: dict(step.arguments)} for step in taken]


def _answer(gold: Mapping[str, list[tuple[int, dict[str, Any]]]], body: Any) -> Reply:
    """The planted model: all right calls in one turn, then the end."""
    user = next(turn["content"] for turn in body["messages"] if turn["role"] == "user")
    found = _ID.search(user)
    calls = gold[found[1] if found else ""]
    if any(turn["role"] == "tool" for turn in body["messages"]):
        calls = [(-1, {"answer": "done"})]
    offered = [tool["function"]["name"] for tool in body["tools"]]
    made = [
        {
            "id": f"c{number}",
            "type": "function",
            "function": {"name": offered[at], "arguments": json.dumps(arguments)},
        }
        for number, (at, arguments) in enumerate(calls)
    ]
    message = {"role": "assistant", "content": None, "tool_calls": made}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    tree = {"id": "1", "model": "planted", "choices": [choice], "usage": usage}
    return Reply(body=json.dumps(tree).encode())


def _judge(
    python: str,
    cases: list[Case],
    calls: list[list[dict[str, Any]] | None],
    counts: Counts,
) -> None:
    lines = [
        json.dumps(
            {
                "functions": case.functions,
                "calls": made or [],
                "gold": case.gold,
                "language": case.language,
                "category": case.category,
            }
        )
        for case, made in zip(cases, calls, strict=True)
    ]
    said = _asked(python, "check", said="\n".join(lines) + "\n").splitlines()
    for case, made, line in zip(cases, calls, said, strict=True):
        verdict = json.loads(line)
        counts.cases[case.category] += 1
        counts.passed[case.category] += verdict["valid"]
        if not verdict["valid"] and made is not None:
            why = counts.refused.get(case.id) or verdict["why"]
            counts.failures.append(f"{case.id}: {why[:200]}")


def _rows(counts: Counts) -> list[Row]:
    cases, passed = sum(counts.cases.values()), sum(counts.passed.values())
    return [
        _row(
            f"functions read, of {counts.functions}",
            counts.read / counts.functions,
            READ,
        ),
        _row(f"cases that ast_checker passes, of {cases}", passed / cases, PASSES),
    ]


def _row(what: str, share: float, least: float) -> Row:
    return Row(what, share, None, f">= {least:g}", share >= least)


def page(counts: Counts, data: Path) -> str:
    """The page in docs/."""
    version = next(
        (p.name.split("-")[1] for p in data.parents[1].glob("bfcl_eval-*.dist-info")),
        "",
    )
    version = version.removesuffix(".dist")
    cases, passed = sum(counts.cases.values()), sum(counts.passed.values())
    summary = (
        f"Of {counts.functions:,} functions {counts.read:,} are read "
        f"({counts.read / counts.functions:.2%}; the bar is {READ:.1%}). Of {cases:,} "
        f"cases `ast_checker` passes {passed:,} ({passed / cases:.2%}; the bar is "
        f"{PASSES:.0%})."
    )
    lines = [
        summary,
        "",
        "| category | cases | passed |",
        "|---|---|---|",
        *(f"| {n} | {counts.cases[n]:,} | {counts.passed[n]:,} |" for n in CATEGORIES),
    ]
    if counts.reasons:
        lines += ["", "Functions that are not read:", ""]
        lines += [f"- {why}" for why in sorted(counts.reasons)[:_SHOWN]]
    if counts.failures:
        many = len(counts.failures)
        lines += [
            "",
            f"The {many} cases that do not pass, with who refuses and why:",
            "",
        ]
        lines += [f"- {why}" for why in sorted(counts.failures)[:_SHOWN]]
    return _HEAD.format(version=version) + "\n" + "\n".join(lines) + "\n"
