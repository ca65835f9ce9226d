"""The simulated model behind `weft.FunctionLM`, with counts of what it was asked."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import weft

from .answering import answer_to, rightly_stated
from .lessons import WRITERS, prompt_of
from .reading import (
    content_of,
    given_in,
    is_list,
    is_map,
    question,
    statements_in,
    tokens,
)
from .tasks import Key, World, case_in
from .writing import fields_of, framed, write

__all__ = ["Asked", "Log", "Simulated"]

Held = frozenset[tuple[str, Key]]


@dataclass(frozen=True)
class Asked:
    """A request to mend an instruction after failures.

    Attributes:
        outputs: The modules whose instruction it shows.
        raced: How many requests had come by then of prompts that are not the seed's.
    """

    outputs: tuple[str, ...]
    raced: int


@dataclass
class Log:
    """What a model was asked, and what it wrote.

    Attributes:
        calls: Requests by kind: "task" and "writer".
        tokens: Of prompts and replies, by kind.
        written: Hidden rules that a reply of the writer stated rightly.
        ran: Hidden rules that a prompt of a module stated rightly.
        asked: Requests to mend after failures, in order.
        seeds: The first prompt of each module, by output.
        raced: Requests of other prompts than these.
    """

    calls: Counter[str] = field(default_factory=Counter[str])
    tokens: Counter[str] = field(default_factory=Counter[str])
    written: Held = frozenset()
    ran: Held = frozenset()
    asked: list[Asked] = field(default_factory=list[Asked])
    seeds: dict[str, object] = field(default_factory=dict[str, object])
    raced: int = 0


class Simulated:
    """A model for one compile: it answers cases, and writes as one kind of writer.

    Args:
        world: The task.
        writer: A name of `WRITERS`.
    """

    def __init__(self, world: World, writer: str) -> None:
        self.world, self.writer = world, WRITERS[writer]
        self.log = Log()
        self.lm = weft.FunctionLM(self.reply, model="planted", schema_mode=True)

    def reply(self, request: weft.Request) -> str:
        """The answer to a request: of a module of the task, or of a writer."""
        fields = fields_of(request)
        query = request.messages[question(request)].text
        stage = next((s for s in self.world.stages if s.output in fields), None)
        case = case_in(query)
        if stage is None or case is None:
            kind, text = "writer", self._written(request, query)
        else:
            kind = "task"
            content = content_of(self.world, stage, request)
            given = given_in(self.world, stage, query)
            sample = request.sample
            answer = answer_to(self.world, stage, content, case, given, sample)
            text = framed(request, dict.fromkeys(fields, "") | {stage.output: answer})
            self.log.ran |= rightly_stated(self.world, stage, content.told)
            first = self.log.seeds.setdefault(stage.output, content)
            self.log.raced += content != first
        self.log.calls[kind] += 1
        read = sum(tokens(message.text) for message in request.messages)
        self.log.tokens[kind] += read + tokens(text)
        return text

    def _written(self, request: weft.Request, query: str) -> str:
        prompt = prompt_of(self.world, query, request.sample)
        failing = any(e.failed for seen in prompt.evidence.values() for e in seen)
        if failing:
            outputs = tuple(stage.output for stage in prompt.stages)
            self.log.asked.append(Asked(outputs, self.log.raced))
        values = write(self.world, self.writer, prompt, fields_of(request))
        plain = "\n".join(_texts(values))
        for stage in self.world.stages:
            told = statements_in(self.world, stage, plain)
            self.log.written |= rightly_stated(self.world, stage, told)
        return framed(request, values)


def _texts(value: object) -> list[str]:
    if is_map(value):
        return [t for one in value.values() for t in _texts(one)]
    if is_list(value):
        return [t for one in value for t in _texts(one)]
    return [str(value)]
