"""Ensembles: several programs answer, and the answer given most often is taken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ParamSpec, TypeVar, cast

from ..pipeline.errors import ConfigError
from ..pipeline.graph.binding import INPUT, Pack, Take
from ..pipeline.graph.graph import Graph, Node
from ..pipeline.graph.module import Module
from ..pipeline.graph.program import Parts, Program, as_program
from ..pipeline.graph.step import step
from ..pipeline.ground.options import checked
from ..pipeline.ground.plain import plain
from ..pipeline.ground.strictjson import canonical

P = ParamSpec("P")
R = TypeVar("R")


@step
def majority(answers: list[Any]) -> Any:
    """The answer given most often; the earlier one where two are.

    >>> majority(["b", "a", "a"])
    'a'
    """
    keys = [_key(answer) for answer in answers]
    return answers[max(range(len(keys)), key=lambda at: (keys.count(keys[at]), -at))]


@checked
def ensemble(
    programs: Sequence[Program[P, R] | Module[P, R]], name: str = "ensemble"
) -> Program[P, R]:
    """One program that runs several side by side and takes the majority's answer.

    Self-consistency across prompts (Wang et al. 2022, arXiv 2203.11171), DSPy's
    Ensemble. A saved one is loaded with `steps=[majority]`.

    Args:
        programs: At least one, all with the same inputs, such as `result.best(3)`;
            a module counts as a program of one node.
        name: The new program's name.

    Raises:
        ConfigError: There is none, it is a single one, or their inputs differ.
    """
    if isinstance(cast(object, programs), Program | Module):
        lone = cast("Program[P, R] | Module[P, R]", programs)
        raise ConfigError(
            f"{lone.name!r} is one program, and an ensemble is made of several",
            hint="Write ensemble([first, second])",
        )
    if not programs:
        raise ConfigError("there are no programs for an ensemble", hint="Give some")
    members = {f"member_{n}": as_program(p) for n, p in enumerate(programs, 1)}
    head, *others = members.values()
    first = head.structure
    for other in others:
        if list(other.inputs.inputs) != list(head.inputs.inputs):
            raise ConfigError(
                f"{other.name!r} has other inputs than {head.name!r}",
                hint="Give programs that are called alike",
            )
    bindings = {field.name: Take(f"{INPUT}.{field.name}") for field in first.inputs}
    nodes = [Node(n, "program", n, bindings, first.result) for n in members]
    voted = {"answers": Pack("list", tuple(Take(n) for n in members))}
    nodes.append(Node("majority", "step", "majority", voted, first.result))
    graph = Graph(name, first.inputs, tuple(nodes), Take("majority"), first.result)
    return Program(name, Parts(graph, {}, {"majority": majority}, members))


def _key(answer: Any) -> str:
    return canonical(plain(answer))
