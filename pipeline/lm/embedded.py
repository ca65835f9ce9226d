"""The offline stand-in: a small in-context learner that no weights stand behind.

It is not a language model. It exists so that the demo, the examples, the documentation
and the tests run without a network, a key or a bill, and so that demonstrations and
instructions still move a score as they do with a model. It reads nothing but the
rendered messages, and compares texts by one index of character trigrams:

    a closed choice   the one whose texts are most like the input: demonstrations that
                      chose it, what the instruction says of it, and its own name
    an instruction    `Answer "X" when the text mentions a, b.` for each label among the
                      solved examples that the request shows
    anything else     as in the demonstration whose input is most like this one; without
                      any, a sentence or number of the input, or the plainest value

Values are filled into the form of the reply that the prompt spells out; where it spells
out none, the most similar demonstration's whole reply comes again. The same request
brings the same bytes in every process.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from ..ground.shapes import is_dict, is_list
from ..ground.text_index import TextIndex
from .request import JSON, REPAIR, Message, Request, Response, Usage
from .route import EMBEDDED

_WORD = re.compile(r"\w\w+")
_EXAMPLES = re.compile(r'\[\{"inputs": ')
_DECODER = json.JSONDecoder()
_TOKEN = re.compile(r"\w+|[^\w\s]")
_MARK = re.compile(r"^\[\[ .*? \]\]\n|</?\w+(?:#\d+)?>", re.MULTILINE)
# A place of the form to be filled: `<name>`, or the dots of `<name>...</name>`.
_PLACE = re.compile(r"(?<=>)\.\.\.(?=</)|<\w+>(?!\.\.\.)")
_SCALAR = r'(?:"(?:[^"\\\n]|\\.)*"|[\w.+-]+)'
_CHOICES = re.compile(rf"(?:null, or )?one of ({_SCALAR}(?:, {_SCALAR})*)")
_INSTRUCTION = re.compile(r"instruction|prompt", re.IGNORECASE)
_NOT_GIVEN = "(not given"
_PART = re.compile(r"(?<=[.!?])[\"\]\s]+|\n+|(?<=\")[\],]\s*")
_CLAUSE = re.compile(r"(?<=[.!?])\s+|[\n;]+")
_NUMBER = re.compile(r"(?<![\w.])-?\d{1,15}(?:\.\d{1,15})?(?!\w)")
_BOUNDS = re.compile(r"at (least|most) (-?\d+)")
_SCHEMA = "JSON that fits this schema: "
_SHARPNESS = 4
_LONGEST, _LONGEST_QUOTED, _DEEPEST = 10_000, 160, 8
_MOST_LABELS, _MOST_WORDS, _ROOM = 30, 12, 200


def _default_sampling() -> dict[str, JSON]:
    return {"max_tokens": 512}


@dataclass(frozen=True)
class Embedded:
    """The offline stand-in for a language model; satisfies `LanguageModel`.

    Args:
        sampling: Sampling parameters sent with every request. A temperature above zero
            and the request's sample index make written instructions and close choices
            vary a little, always in the same way.
    """

    sampling: Mapping[str, JSON] = field(default_factory=_default_sampling, hash=False)

    @property
    def model(self) -> str:
        """Always "embedded"."""
        return "embedded"

    @property
    def endpoint(self) -> str:
        """No address, for nothing leaves the process: the edition that answers."""
        return EMBEDDED

    @property
    def schema_mode(self) -> bool:
        """Never: the form of the reply is read from the prompt."""
        return False

    async def complete(self, request: Request) -> Response:
        """Answer one request; never fails, whatever the messages hold."""
        text = _reply(_Prompt.of(request)).encode("utf-8", "replace").decode()
        tokens = list(_TOKEN.finditer(text))
        sent = sum(len(_TOKEN.findall(turn.text)) for turn in request.messages)
        usage, finish = Usage(sent, len(tokens)), "stop"
        limit = request.sampling.get("max_tokens")
        limit = limit or request.sampling.get("max_completion_tokens")
        if isinstance(limit, int) and 0 < limit < len(tokens):
            text = text[: tokens[limit - 1].end()]
            usage, finish = Usage(sent, limit), "length"
        return Response(text, usage, finish, model="embedded", cost=0.0)


# What is asked ------------------------------------------------------------------------


class _Prompt(NamedTuple):
    """What a request says."""

    fields: Mapping[str, str]  # what is wanted of each output, in words
    form: tuple[str, ...]  # of the reply, cut at the places to fill; empty if unknown
    task: str
    demos: tuple[tuple[str, str], ...]  # inputs of solved cases, with the replies
    given: str
    draw: int  # 0 for the plain answer; else which of several answers it is

    @classmethod
    def of(cls, request: Request) -> _Prompt:
        """Read a request; repairs ask again for what was asked at first."""
        turns = list(request.messages) or [Message("user", "")]
        while len(turns) > 2 and turns[-1].text.startswith(REPAIR):
            del turns[-2:]
        before, _, task = turns[0].text.partition("\n\nYour task:\n")
        told, _, form = before.rpartition("\n\n")
        listed = told.partition("You write these fields:\n")[2].partition("\n\n")[0]
        lines = [line[2:] for line in listed.split("\n") if line.startswith("- ")]
        fields = {line.partition(": ")[0]: line.partition(": ")[2] for line in lines}
        places = tuple(_PLACE.split(form))
        demos = tuple(
            (_bare(one.text), two.text)
            for one, two in itertools.pairwise(turns[:-1])
            if two.role == "assistant" and one.role == "user"
        )
        warm = request.sampling.get("temperature") or 0
        draw = _digest(warm, request.sample) if warm or request.sample else 0
        known = fields and len(places) == len(fields) + 1
        places = places if known else ()
        return cls(fields, places, task, demos, _bare(turns[-1].text), draw)

    def known(self, name: str) -> list[tuple[str, str]]:
        """Inputs of solved cases, with the values of one output as they are written."""
        at = list(self.fields).index(name)
        read = [(given, _filled(self.form, reply)) for given, reply in self.demos]
        found = [(given, values[at]) for given, values in read if values]
        return [pair for pair in found if not pair[1].startswith(_NOT_GIVEN)]

    def written(self, value: Any) -> str:
        """A value as the form wants it: JSON in an object, else bare where a text."""
        bare = isinstance(value, str) and value.strip() and value[0] != '"'
        if bare and not self.form[0].startswith("{"):
            return str(value)
        return json.dumps(value, ensure_ascii=False)


def _bare(turn: str) -> str:
    """The values of a turn as one text, without headings, tags and keys."""
    data = _json(turn)
    turn = "\n".join(map(_text, data.values())) if is_dict(data) else turn
    return _MARK.sub("", turn).strip()


def _filled(form: Sequence[str], reply: str) -> list[str]:
    """What stands in the places of a form; nothing where a reply is not in it."""
    found, at = list[str](), len(form[0])
    if not reply.startswith(form[0]):
        return []
    for part in (*form[1:-1], f"{form[-1]}\0"):
        end = f"{reply}\0".find(part, at)
        if end < 0:
            return []
        found.append(reply[at:end])
        at = end + len(part)
    return found


def _digest(*parts: object) -> int:
    raw = "\0".join(map(str, parts)).encode("utf-8", "replace")
    return int.from_bytes(hashlib.sha256(raw).digest()[:8], "big")


def _json(text: str) -> Any:
    """The JSON value that a text begins with; the text itself where it is none."""
    try:
        return _DECODER.raw_decode(text)[0]
    except (ValueError, RecursionError):
        return text


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


# What is answered ---------------------------------------------------------------------


def _reply(prompt: _Prompt) -> str:
    if prompt.form:
        values = [_value(prompt, name) for name in prompt.fields]
        ends = zip(values, prompt.form[1:], strict=True)
        return prompt.form[0] + "".join(value + end for value, end in ends)
    return _nearest(prompt.demos, prompt.given) or _quote(prompt.given)


def _value(prompt: _Prompt, name: str) -> str:
    """One value, as it is written in the form that is asked for."""
    kind = prompt.fields[name]
    if choices := _choices(kind):
        return prompt.written(choices[_chosen(prompt, name, choices)])
    if kind.startswith("text") and _INSTRUCTION.search(name):
        return prompt.written(_instruction(prompt))
    shown = _nearest(prompt.known(name), prompt.given)
    return prompt.written(_unseen(prompt.given, kind)) if shown is None else shown


@lru_cache(maxsize=64)
def _index(texts: tuple[str, ...]) -> TextIndex:
    return TextIndex.of(texts)


def _nearest(pairs: Sequence[tuple[str, str]], given: str) -> str | None:
    """What belongs to the text that is most like the input."""
    index = _index(tuple(text for text, _ in pairs))
    return pairs[index.nearest(given, 1)[0]][1] if pairs else None


@lru_cache(maxsize=64)
def _choices(kind: str) -> tuple[Any, ...]:
    if kind.startswith("true or false"):
        return (True, False)
    match = _CHOICES.match(kind)
    return tuple(map(_json, re.findall(_SCALAR, match[1]))) if match else ()


def _chosen(prompt: _Prompt, name: str, choices: Sequence[Any]) -> int:
    """The place of the choice whose texts are most like the input.

    Where nothing is like it, a draw keyed on the input alone decides, so that a prompt
    without evidence scores as chance does and does not move with its wording.
    """
    names = tuple(map(_text, choices))
    shown = [(text, _text(_json(value))) for text, value in prompt.known(name)]
    pairs = [pair for pair in shown if pair[1] in names]
    pairs += _cues(f"{prompt.task}\n{prompt.fields[name]}", names)
    likeness = _index(tuple(text for text, _ in pairs)).likeness(prompt.given)
    scores = dict.fromkeys(names, 0.0)
    for (_, choice), share in zip(pairs, likeness, strict=True):
        chance = 1 + _digest(choice, prompt.draw) % 16 if prompt.draw else 1
        scores[choice] += share**_SHARPNESS / chance
    if not any(scores.values()):
        return _digest(prompt.given, prompt.draw) % len(names)
    return names.index(max(names, key=lambda choice: scores[choice]))


@lru_cache(maxsize=64)
def _cues(task: str, choices: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Texts that speak for a choice: a clause that names no other, and its own name."""
    found = [(choice, choice) for choice in choices if len(choice) > 2]
    longest_first = sorted(filter(str.strip, choices), key=len, reverse=True)
    names = [rf"(?<!\w){re.escape(choice)}(?!\w)" for choice in longest_first]
    pattern = re.compile("|".join(names) or r"\Z.")
    for clause in _CLAUSE.split(task):
        several = len(set(pattern.findall(clause))) > 1
        for part in clause.split(",") if several else [clause]:
            named = set(pattern.findall(part))
            if len(named) == 1:
                found.append((pattern.sub(" ", part), named.pop()))
    return tuple(found)


def _unseen(given: str, kind: str) -> Any:
    """A value that no demonstration shows: of the input, or the plainest that fits."""
    if kind.startswith(("text", "a JSON list of text")):
        return _quote(given) if kind.startswith("text") else [_quote(given)]
    if kind.startswith(("a whole number", "a number")):
        return _number(given, kind)
    if kind.startswith(_SCHEMA):
        schema = _json(kind.removeprefix(_SCHEMA))
        return _plainest(schema, schema)
    return None if kind.startswith("null") else []


def _quote(given: str) -> str:
    """The sentence that is most like the question, or like the first one."""
    parts = [part.strip(' []{}"\r') for part in _PART.split(given[:_LONGEST])]
    first, *others = list(filter(None, parts)) or ["?"]
    question = next((part for part in others if part.endswith("?")), first)
    rest = [part for part in (first, *others) if part is not question]
    found = _nearest([(part, part) for part in rest], question) or question
    return found[:_LONGEST_QUOTED]


def _number(given: str, kind: str) -> float:
    """The first number of the input, within the bounds that are named."""
    match = _NUMBER.search(given)
    found = float(match[0]) if match else 0.0
    for side, bound in _BOUNDS.findall(kind):
        found = (max if side == "least" else min)(found, float(bound))
    return int(found) if "whole" in kind else found


def _plainest(schema: Any, whole: Any, depth: int = 0) -> Any:
    """The plainest value that a JSON Schema allows, where that is a simple one."""
    if not is_dict(schema) or depth > _DEEPEST:
        return None
    parts, options = schema.get("properties"), schema.get("enum", schema.get("anyOf"))
    if "$ref" in schema and is_dict(known := whole.get("$defs")):
        name = str(schema["$ref"]).rpartition("/")[2]
        return _plainest(known.get(name), whole, depth + 1)
    if is_list(options) and options:
        last = options[-1]  # null, where that is one of them
        return last if "enum" in schema else _plainest(last, whole, depth + 1)
    if is_dict(parts):
        return {name: _plainest(part, whole, depth + 1) for name, part in parts.items()}
    numbers: dict[str, Any] = {"integer": 0, "number": 0, "boolean": False}
    others: dict[str, Any] = {"string": "?", "array": [], "object": {}}
    return (numbers | others).get(str(schema.get("type")))


# Writing instructions -----------------------------------------------------------------


def _instruction(prompt: _Prompt) -> str:
    """The words that tell the labels of the shown examples apart, in sentences."""
    match = _EXAMPLES.search(prompt.given)
    rows = _json(prompt.given[match.start() :]) if match else None
    if not is_list(rows):
        return _quote(prompt.given)
    seen: dict[str, dict[str, list[str]]] = {}
    for row in filter(is_dict, rows):
        inputs, labels = row.get("inputs"), row.get("wanted", row.get("outputs"))
        if is_dict(inputs) and is_dict(labels):
            given = " ".join(map(_text, inputs.values()))
            for name, label in labels.items():
                seen.setdefault(name, {}).setdefault(_text(label), []).append(given)
    lines = ["Decide by what the text mentions."]
    for name, texts in seen.items():
        if 2 * len(texts) > len(rows):
            continue  # nearly as many values as cases: these are no labels
        say = "Answer" if len(seen) == 1 else f"Set {name} to"
        for label, words in _telling(texts, prompt.draw).items():
            lines.append(f'{say} "{label}" when the text mentions {", ".join(words)}.')
    return "\n".join(lines)


def _telling(texts: Mapping[str, Sequence[str]], draw: int) -> dict[str, list[str]]:
    """The words of each label's texts that are the most its own, by tf-idf.

    A draw leaves some of them out.
    """
    counts = {
        label: Counter(word for text in held for word in {*_WORD.findall(text.lower())})
        for label, held in sorted(texts.items())[:_MOST_LABELS]
    }
    spread = Counter(word for count in counts.values() for word in count)
    most = min(_MOST_WORDS, _ROOM // len(counts) - 5)
    found: dict[str, list[str]] = {}
    for label, count in counts.items():
        worth = {w: n * math.log(len(counts) / spread[w]) for w, n in count.items()}
        own = [word for word in worth if worth[word]]
        often = [word for word in own if count[word] > 1] or own
        kept = [word for word in often if not draw or _digest(word, draw) % 4] or often
        if own:
            found[label] = sorted(kept, key=lambda w: (-worth[w], w))[:most]
    return found
