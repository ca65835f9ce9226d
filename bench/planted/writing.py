"""Asked to write: values for whatever fields a request's schema asks for.

The same knowledge goes into any field. A whole instruction is the one in use with the
lessons after it; a passage to be replaced is a line that the cases contradict; edits in
a list are one an object, each with what its properties ask for by name, kind and
choices. What no case teaches is general advice.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import weft

from ..world.advice import ADVICE
from ..world.draw import draw, pick
from .lessons import Prompt, Writer, lessons
from .reading import Statement, is_list, is_map, statements_in
from .tasks import World

__all__ = ["fields_of", "framed", "write"]

_WAYS = (
    "If the case mentions {sign}, answer {answer}.",
    "Cases with {sign} take {answer}.",
    "What shows {sign} calls for {answer}.",
)
_OLD = re.compile(r"^(old|remove|removed|replaced?|target|before|find|passage|anchor)")
_WHOLE = re.compile(r"instruction|prompt|rewritten|^task$", re.IGNORECASE)
_PLACE = re.compile(r"module|path|node|^where$", re.IGNORECASE)
_LISTED = re.compile(r"^- (\w+)(?:: (.*))?$", re.MULTILINE)
_NUMBER = re.compile(r"^\s*[\[(]?(\d+)[\]).:|]+\s")
_OPS = {
    "add": ("add", "insert", "append", "new"),
    "replace": ("replace", "change", "edit", "rewrite", "modify"),
    "delete": ("delete", "remove", "drop", "cut"),
}


_MEMBERS = ("op", "action", "line", "old", "new", "text", "module", "path", "why")


@dataclass(frozen=True)
class Edit:
    """One change: a line that goes, a line that comes, or the one for the other."""

    op: str
    old: str
    new: str
    number: int


@dataclass(frozen=True)
class Draft:
    """What a writer has to say.

    Attributes:
        lines: What it adds, one rule or advice a line.
        whole: The instruction written anew.
        edits: The same as changes of lines.
        place: The output of the module that most of it is about.
    """

    lines: tuple[str, ...]
    whole: str
    edits: tuple[Edit, ...]
    place: str


def fields_of(request: weft.Request) -> dict[str, Any]:
    """The JSON schemas of the fields that a request asks for, by name.

    Where no schema is sent, they are texts, as the prompt lists them.
    """
    form: Any = request.response_format or {}
    schema = form.get("json_schema", {}).get("schema", {})
    if not schema:
        head = request.messages[0].text.partition("You write these fields:")[2]
        listed = _LISTED.findall(head.partition("Your task:")[0])
        return {k: {"type": "string", "description": note} for k, note in listed}
    kept = schema.get("$defs", {})
    return {k: _resolved(v, kept) for k, v in schema.get("properties", {}).items()}


def framed(request: weft.Request, values: Mapping[str, Any]) -> str:
    """Values in the form that a request asks for: JSON, headings, tags, or one text."""
    head = request.messages[0].text if request.messages else ""
    texts = {k: v if isinstance(v, str) else json.dumps(v) for k, v in values.items()}
    if request.response_format is None:
        if all(f"[[ {name} ]]" in head for name in texts):
            parts = [f"[[ {name} ]]\n{text}" for name, text in texts.items()]
            return "\n\n".join([*parts, "[[ /end ]]"])
        if all(f"<{name}>" in head for name in texts) and "{" not in head:
            return "\n".join(f"<{k}>{text}</{k}>" for k, text in texts.items())
    return json.dumps(dict(values))


def write(
    world: World, writer: Writer, prompt: Prompt, fields: Mapping[str, Any]
) -> dict[str, Any]:
    """A value for every field."""
    draft = _draft(world, writer, prompt)
    return {name: _filled(name, one, draft, None) for name, one in fields.items()}


def _resolved(schema: Any, kept: Mapping[str, Any]) -> Any:
    """A schema with what it refers to in its place."""
    if is_map(schema):
        if "$ref" in schema:
            name = str(schema["$ref"]).rpartition("/")[2]
            return _resolved(kept.get(name, {}), kept)
        return {k: _resolved(v, kept) for k, v in schema.items() if k != "$defs"}
    if is_list(schema):
        return [_resolved(item, kept) for item in schema]
    return schema


def _draft(world: World, writer: Writer, prompt: Prompt) -> Draft:
    at: tuple[object, ...] = (world.seed, prompt.query, prompt.sample)
    found = lessons(world, writer, prompt)
    told = {r for s in prompt.stages for r in statements_in(world, s, prompt.text)}
    held = (r for r in prompt.said if r not in told and r not in prompt.rejected)
    rules = list(dict.fromkeys([*(r for r in found if r not in told), *held]))
    lines = [_said(rule, prompt) for rule in rules]
    charm = world.charm
    if charm and charm.text not in prompt.text and draw("charm", *at) < charm.rate:
        lines.append(charm.text)
    if not lines:
        lines = list(dict.fromkeys(pick(ADVICE, "advice", n, *at) for n in range(2)))
    edits = _edits(world, prompt, rules, lines)
    gone = {edit.old for edit in edits if edit.old}
    if draw("copies", *at) < writer.copies:
        return Draft(tuple(lines), prompt.text, edits[:1], _place(prompt))
    kept = [
        line
        for n, line in enumerate(prompt.text.splitlines())
        if line not in gone and (not n or draw("drops", line, *at) >= writer.drops)
    ]
    opener = kept or [prompt.stages[0].instruction]
    whole = "\n".join([*opener, *lines])
    return Draft(tuple(lines), whole, edits, _place(prompt))


def _edits(
    world: World, prompt: Prompt, rules: Sequence[Statement], lines: Sequence[str]
) -> tuple[Edit, ...]:
    """Contradicted lines go or are replaced; what else there is to say is added."""
    made: list[Edit] = []
    left = dict(zip([*rules, *lines[len(rules) :]], lines, strict=True))
    standing = prompt.text.splitlines()
    for n, line in enumerate(standing, 1):
        for stage in prompt.stages:
            for one in statements_in(world, stage, line):
                wrong = [
                    e
                    for e in prompt.evidence[stage.output]
                    if e.failed and e.right and e.case.shows(one.key, e.given)
                    if e.wrote == one.answer != e.right
                ]
                if wrong and not any(edit.old == line for edit in made):
                    new = next((r for r in rules if r.key == one.key), None)
                    op = "replace" if new in left else "delete"
                    text = left.pop(new) if new in left else ""
                    made.append(Edit(op, line, text, _numbered(line, n)))
    end = len(standing)
    return (*made, *(Edit("add", "", text, end) for text in left.values()))


def _numbered(line: str, at: int) -> int:
    """The number that a line bears in the prompt, else its place from 1 on."""
    found = _NUMBER.match(line)
    return int(found.group(1)) if found else at


def _said(rule: Statement, prompt: Prompt) -> str:
    sign = " and ".join(rule.key)
    if rule.key[0] == "range":
        sign = f"a stone count from {rule.key[1]} to {rule.key[2]}"
    way = pick(_WAYS, "way", rule, prompt.sample)
    return way.format(sign=sign, answer=rule.answer)


def _place(prompt: Prompt) -> str:
    """The module that most failing cases with a known right value speak against."""

    def blame(output: str) -> int:
        seen = prompt.evidence[output]
        return sum(e.failed and bool(e.right) and e.wrote != e.right for e in seen)

    outputs = [stage.output for stage in prompt.stages]
    return max(outputs, key=blame)


def _filled(name: str, schema: Any, draft: Draft, edit: Edit | None) -> Any:
    """A value for one property."""
    options = schema.get("anyOf") or schema.get("oneOf")
    if options:
        typed = [one for one in options if one.get("type") != "null"]
        return _filled(
            name, typed[0] | {"description": schema.get("description", "")}, draft, edit
        )
    kind = schema.get("type")
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return _chosen(schema["enum"], draft, edit)
    if kind == "array":
        return _listed(name, schema, draft, edit)
    if kind == "object":
        more = schema.get("properties") or _members(schema)
        return {key: _filled(key, one, draft, edit) for key, one in more.items()}
    if kind == "boolean":
        return True
    if kind in ("integer", "number"):
        wanted = edit.number if edit else schema.get("minimum", 0)
        return max(
            schema.get("minimum", wanted), min(schema.get("maximum", wanted), wanted)
        )
    return _text(name, schema, draft, edit)


def _members(schema: Any) -> dict[str, Any]:
    """Members of an object that has no list of them: those that its note names."""
    note = schema.get("description", "")
    named = [w for w in re.findall(r"\w+", note.lower()) if w in _MEMBERS]
    said = {"type": "string", "description": note}
    return dict.fromkeys(named or ("op", "old", "text"), said)


def _chosen(options: Sequence[Any], draft: Draft, edit: Edit | None) -> Any:
    """The option that says what an edit does, or where it belongs."""
    words = _OPS[edit.op] if edit else ()
    for option in options:
        said = str(option).lower()
        if any(word in said for word in words):
            return option
    return next((o for o in options if draft.place in str(o)), options[0])


def _listed(name: str, schema: Any, draft: Draft, edit: Edit | None) -> list[Any]:
    inner = schema.get("items") or {"type": "string"}
    inner = {"description": schema.get("description", ""), **inner}
    most = schema.get("maxItems", 8)
    if edit is None and (inner.get("type") == "object" or inner.get("anyOf")):
        made = [_filled(name, inner, draft, one) for one in draft.edits]
    elif inner.get("type") == "string" and "enum" not in inner:
        made = list(draft.lines)
    else:
        made = [_filled(name, inner, draft, edit)]
    least = schema.get("minItems", 0)
    while made and len(made) < least:
        made.append(made[-1])
    return made[:most]


def _text(name: str, schema: Any, draft: Draft, edit: Edit | None) -> str:
    note = schema.get("description", "").lower()
    name = name.lower()
    loose = "to replace" in note or "to be replaced" in note
    if _OLD.match(name) or (loose and not edit):
        gone = edit or next((e for e in draft.edits if e.old), None)
        made = gone.old if gone else ""
    elif name.startswith("line") and edit:
        made = edit.new if edit.op == "add" else edit.old
        if re.search(r"number|which line|index", note):
            made = str(edit.number)
    elif name in ("op", "action", "operation") and edit:
        made = next((word for word in _OPS[edit.op] if word in note), edit.op)
    elif _PLACE.search(name):
        made = draft.place
    elif edit:
        made = edit.new
    elif "prefix" in name:
        made = "Answer:"
    elif _WHOLE.search(name):
        made = draft.whole
    else:
        made = "\n".join(draft.lines)
    least = schema.get("minLength", 0)
    return made or (pick(ADVICE, name) if least else "")
