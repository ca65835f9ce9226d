"""The reference: what the docstrings of the public names say, as markdown pages.

Nobody writes these pages, and none of them is committed: the docstring is the one
source. A name that is exported and in no group below lands on the last page, so that
no public name is ever missing.
"""

from __future__ import annotations

import importlib
import inspect
import re
import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

GROUPS: dict[str, tuple[str, ...]] = {
    "Signatures and modules": (
        *("Signature", "Input", "Output", "Predict", "ChainOfThought", "predict"),
        *("JsonSchema", "inputs_of", "to_dict"),
        *("Demo", "info"),
    ),
    "Several calls for one answer": (
        *("BestOfN", "Vote", "Refine", "Compare", "Ensemble", "Decompose"),
        "SubQuestion",
        *("Check", "Fallback", "Cascade", "MapReduce"),
    ),
    "Decisions": (
        *("Classify", "Rule", "Choice", "Decision", "calibrate", "acalibrate"),
        *("cloze", "find_words", "afind_words"),
        *("PatternVote", "fit_weights", "afit_weights"),
        *("label_unlabelled", "alabel_unlabelled", "SelfLabelled", "Generation"),
        *("Likelihoods", "Likelihood", "TokenLogprob"),
        *("Coverage", "coverage", "Abstention", "abstain", "aabstain"),
    ),
    "Judges": ("Groundedness", "Completeness", "Rubric", "Pairwise"),
    "Tools and agents": (
        *("ReAct", "Tool", "tool", "AgentStep", "trajectory_of"),
        *("ProgramOfThought", "CodeAct", "Recursive", "Sandbox", "CodeRun"),
        *("CodeError", "CodeStep", "code_steps_of"),
        *("resume", "aresume", "Suspended"),
        "mcp",
    ),
    "Retrieval": (
        *("Index", "Retrieve", "Cited", "Passage", "Citation"),
        *("Embedder", "FunctionEmbedder"),
    ),
    "Media and turns": (
        *("Image", "Audio", "File", "Document"),
        *("History", "Turn", "conversation_rows"),
    ),
    "Programs": (
        *("program", "Program", "step", "each", "branch", "switch", "loop"),
        *("insert_node", "replace_node", "remove_node", "graph_diff", "check_path"),
    ),
    "Running": (
        *("configure", "use", "batch_to", "abatch_to", "Ray", "events"),
        *("TraceLog", "TracedRun", "read_traces", "OpenTelemetry"),
    ),
    "Models": (
        *("LM", "BatchLM", "Cache", "MemoryCache", "RetryPolicy", "Budget", "Ledger"),
        *("ScriptedLM", "FunctionLM", "ReplayLM", "RefusingLM"),
        *("Request", "Response", "ToolCall", "Message", "Usage"),
    ),
    "Measuring": (
        *("evaluate", "aevaluate", "Evaluation", "Score", "Example", "read_rows"),
        *("suspect_labels", "Suspect", "classification", "Classification"),
        "metrics",
    ),
    "Writing prompts": (
        *("draft", "adraft", "Draft", "revise", "arevise", "technique_from_text"),
        *("atechnique_from_text", "interview", "ainterview", "Interview"),
        *("critique", "acritique", "cold_read", "acold_read", "Critique"),
        *("lint", "Wording", "Context", "Soft", "Lora"),
        *("synthesize", "asynthesize", "Synthesis", "read_drafts", "pick_demos"),
        *("copy_rate", "CopyRate", "faithfulness", "afaithfulness", "ReasoningProbe"),
    ),
    "Before it ships": (
        *("gate", "agate", "quote_gate", "Gate", "perturb", "aperturb", "edge_cases"),
        *("red_team", "ared_team", "RedTeam", "agreement", "aagreement", "Agreement"),
        *("side_by_side", "aside_by_side", "SideBySide", "take_eval"),
        *("Novelty", "false_equations"),
    ),
    "Compiling": (
        *("compile", "acompile", "quote", "recompile", "transfer", "Transfer"),
        *("sweep", "Sweep"),
        *("Result", "Report", "compilers"),
    ),
    "Artifacts": (
        *("save", "load", "package", "programs", "origin", "Origin"),
        *("show", "show_html", "diff", "Diff", "explain", "Explanation"),
        *("log", "rollback", "label", "read_labels", "Version"),
        *("standing", "Standing", "artifact_schema"),
    ),
    "Out and in": ("export", "import_dspy", "finetuning_rows", "write_rows"),
    "Errors": ("WeftError", "errors"),
}
OTHERS = "Other names"
_SECTION = re.compile(r"^(Args|Returns|Raises|Yields|Attributes):$")
_ENTRY = re.compile(r"^(\*{0,2}\w+(?: \([^)]*\))?): ?(.*)$")
_EXAMPLE = re.compile(r"^>>> ")
_STARS: dict[Any, str] = {
    inspect.Parameter.VAR_POSITIONAL: "*",
    inspect.Parameter.VAR_KEYWORD: "**",
}


def reference() -> dict[str, str]:
    """Markdown by file name: an overview, and a page for each group."""
    weft = importlib.import_module("weft")
    known = [name for names in GROUPS.values() for name in names]
    others = tuple(name for name in weft.__all__ if name not in known)
    pages: dict[str, str] = {}
    overview = ["# Reference", "Every public name, from its docstring."]
    for title, names in {**GROUPS, OTHERS: others}.items():
        there = [name for name in names if name in weft.__all__]
        if not there:
            continue
        file = f"reference-{slug(title)}.md"
        entries = list(_entries(there))
        pages[file] = "\n\n".join([f"# {title}", *(text for _, text, _ in entries)])
        ids = unique(slug(full) for full, _, _ in entries)
        rows = [
            f"| [`{full}`]({file}#{at}) | {about} |"
            for at, (full, _, about) in zip(ids, entries, strict=True)
        ]
        overview += [
            f"## {title}",
            "\n".join(["| name | what it is |", "|---|---|", *rows]),
        ]
    return {"reference.md": "\n\n".join(overview), **pages}


def slug(title: str) -> str:
    """A heading's id, as GitHub makes it: small letters, words joined by hyphens."""
    kept = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title))
    return kept.strip().lower().replace(" ", "-")


def unique(ids: Iterable[str]) -> list[str]:
    """Ids in their order; those that were there before get a number, as on GitHub."""
    seen: dict[str, int] = {}
    made: list[str] = []
    for name in ids:
        count = seen[name] = seen.get(name, -1) + 1
        made.append(f"{name}-{count}" if count else name)
    return made


def _entries(names: list[str]) -> Iterator[tuple[str, str, str]]:
    """For each public name its full name, its text, and its first sentence."""
    weft = importlib.import_module("weft")
    for name in names:
        found = getattr(weft, name)
        if not inspect.ismodule(found):
            yield f"weft.{name}", entry(f"weft.{name}", found), _first(found)
            continue
        head = f"## weft.{name}\n\n{prose(inspect.getdoc(found) or '')}"
        yield f"weft.{name}", head, _first(found)
        for inner in found.__all__:
            full, held = f"weft.{name}.{inner}", getattr(found, inner)
            yield full, entry(full, held), _first(held)


def entry(full: str, found: Any) -> str:
    """One name: its heading, its call, its docstring, its public members."""
    name = full.rpartition(".")[2]
    parts = [f"## {full}"]
    if not _documented(found):
        return f"{parts[0]}\n\n`{_value(found)}`"
    call = call_of(name, found)
    parts += [f"```python\n{call}\n```" if call else "", prose(_doc(found))]
    if inspect.isclass(found):
        parts += [member(found, name) for name in _members(found)]
    return "\n\n".join(part for part in parts if part)


def member(owner: type, name: str) -> str:
    """A method or property of a class."""
    found = inspect.getattr_static(owner, name)
    if isinstance(found, staticmethod | classmethod):
        found = found.__func__
    text = prose(_doc(found))
    wrapped = getattr(found, "fget", None) or getattr(found, "func", None)
    if wrapped is not None:
        kind = inspect.signature(wrapped).return_annotation
        shown = "" if kind is inspect.Signature.empty else f"`{_kind(kind)}`: "
        return f"#### {name}\n\n{shown}{text}"
    return f"#### {name}\n\n```python\n{call_of(name, found)}\n```\n\n{text}"


def call_of(name: str, found: Any) -> str:
    """How a name is called, on one line or with an argument a line."""
    if inspect.isclass(found) and issubclass(found, BaseException):
        return f"class {name}({found.__bases__[0].__name__})"
    try:
        signature = inspect.signature(found)
    except (TypeError, ValueError):
        return ""
    given = [_shown(p) for p in signature.parameters.values() if p.name != "self"]
    if inspect.isclass(found) and given == ["*args: Any", "**kwargs: Any"]:
        return f"class {name}"  # a metaclass answers the call
    given = _with_marks(given, signature)
    kind = signature.return_annotation
    ends = (
        ""
        if kind is signature.empty or inspect.isclass(found)
        else f" -> {_kind(kind)}"
    )
    start = "async def " if inspect.iscoroutinefunction(found) else ""
    line = f"{start}{name}({', '.join(given)}){ends}"
    if len(line) <= 88:
        return line
    return f"{start}{name}(\n    " + ",\n    ".join(given) + f",\n){ends}"


def _with_marks(given: list[str], signature: inspect.Signature) -> list[str]:
    """The arguments with the star that starts those given by name only."""
    kinds = [p.kind for p in signature.parameters.values() if p.name != "self"]
    only = inspect.Parameter.KEYWORD_ONLY
    if only not in kinds or inspect.Parameter.VAR_POSITIONAL in kinds:
        return given
    at = kinds.index(only)
    return [*given[:at], "*", *given[at:]]


def _shown(parameter: inspect.Parameter) -> str:
    text = _STARS.get(parameter.kind, "") + parameter.name
    if parameter.annotation is not parameter.empty:
        text += f": {_kind(parameter.annotation)}"
    if parameter.default is not parameter.empty:
        default = repr(parameter.default)
        if " at 0x" in default or default.startswith("<"):
            default = "..."
        text += f" = {default}"
    return text


def _kind(annotation: Any) -> str:
    if isinstance(annotation, str):
        return annotation
    shown: str = inspect.formatannotation(annotation)
    return shown


def _members(owner: type) -> list[str]:
    """Public members with a docstring that weft wrote, in the order of the classes."""
    found: dict[str, None] = {}
    for base in owner.__mro__:
        if not base.__module__.startswith("weft."):
            continue
        for name, value in vars(base).items():
            public = name == "__call__" or not name.startswith("_")
            if public and _describes(value):
                found.setdefault(name)
    return list(found)


def _describes(value: Any) -> bool:
    kinds = (staticmethod, classmethod, property)
    made = (
        isinstance(value, kinds) or inspect.isfunction(value) or hasattr(value, "func")
    )
    return made and bool(_doc(value))


def _documented(found: Any) -> bool:
    return inspect.isclass(found) or inspect.isroutine(found) or bool(_own_doc(found))


def _own_doc(found: Any) -> str:
    """A value's docstring, but not that of its class."""
    text = inspect.getdoc(found) or ""
    return "" if text == (inspect.getdoc(type(found)) or "") else text


def _value(found: Any) -> str:
    """A value that has no docstring, such as a union of types."""
    return re.sub(r"\bweft\.[\w.]*\.", "", repr(found))


def _doc(found: Any) -> str:
    return inspect.getdoc(found) or ""


def _first(found: Any) -> str:
    """The first line of a docstring, fit for a cell of a table."""
    text = (
        _doc(found) if _documented(found) or inspect.ismodule(found) else _value(found)
    )
    return text.partition("\n\n")[0].replace("\n", " ").replace("|", "\\|")


def prose(text: str) -> str:
    """A Google docstring as markdown."""
    return "\n\n".join(_blocks(text.splitlines()))


def _blocks(lines: list[str]) -> Iterator[str]:
    at = 0
    while at < len(lines):
        line = lines[at]
        end = at + 1
        if section := _SECTION.match(line):
            while end < len(lines) and (not lines[end] or lines[end][0] == " "):
                end += 1
            body = textwrap.dedent("\n".join(lines[at + 1 : end])).strip()
            yield f"**{section[1].replace('Args', 'Arguments')}**"
            yield _listed(body)
        elif _EXAMPLE.match(line):
            while end < len(lines) and lines[end].strip():
                end += 1
            yield "```python\n" + "\n".join(lines[at:end]) + "\n```"
        elif line.strip():
            while (
                end < len(lines)
                and lines[end].strip()
                and not (_SECTION.match(lines[end]) or _EXAMPLE.match(lines[end]))
            ):
                end += 1
            yield "\n".join(lines[at:end])
        at = end


def _listed(body: str) -> str:
    """The entries of a section as a list; plain text where it has none."""
    if not _ENTRY.match(body.partition("\n")[0]):
        return body
    items: list[str] = []
    for line in body.splitlines():
        found = _ENTRY.match(line)
        if found and not line.startswith(" "):
            items.append(f"- `{found[1]}`: {found[2]}")
        elif line.strip() and items:
            items[-1] += f"\n  {line.strip()}"
    return "\n".join(items)
