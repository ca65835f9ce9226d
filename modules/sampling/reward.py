"""Rewards and checks: what says how good an answer is, as a part like the others.

A function of the inputs by name and the answer, a step of the same, or a judge: a
module or program that reads some of the fields, and whose last output counts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import (
    Any,
    Final,
    NamedTuple,
    Protocol,
    TypeAlias,
    cast,
    runtime_checkable,
)

from ...pipeline.errors import ConfigError, ModelFailure, StepError, did_you_mean
from ...pipeline.graph.module import Call, Module, Part
from ...pipeline.graph.program import Askable, Program
from ...pipeline.graph.runnable import Runnable
from ...pipeline.graph.step import Step
from ...pipeline.ground.words import brief
from ...pipeline.signature.results import last_type
from ...pipeline.signature.signature import Signature
from ...pipeline.signature.types import (
    type_name,
)
from .repeats import asked_once

Judge: TypeAlias = Step[..., Any] | Module[..., Any] | Program[..., Any]
"""A step of the inputs and the answer, or a module or program that reads fields."""

Reward: TypeAlias = Callable[[Mapping[str, Any], Any], Any] | Judge
"""How good an answer is: a number, higher is better; or words, which count as 0."""

Check: TypeAlias = Callable[[Mapping[str, Any], Any], bool | str] | Judge
"""Whether an answer will do: True, False, or words that say what is wrong with it."""

_GIVES: Final = "a number, True, False, or words that say what is wrong"
_CHECKS: Final = "True, False, or words that say what is wrong"
_RETURN: Final = (
    "Where that says no to the answer, return the words instead of raising them: "
    'return len(text) > 5 or "too short"'
)


_NO_VERDICTS: Final = (str, bytes, list, dict, tuple, set, frozenset)


class Verdict(NamedTuple):
    """How good an answer is, and what is wrong with it, in words or empty."""

    score: float
    words: str = ""


@runtime_checkable
class _Scored(Protocol):
    """A `weft.Score`: a value with feedback."""

    value: float
    feedback: str


def require_bar(bar: object, of: str) -> None:
    """Refuse what is no reward that an answer can be held against.

    Raises:
        ConfigError: It is no number.
    """
    try:
        known = isinstance(bar, int | float) and math.isfinite(bar)
    except OverflowError:  # a whole number that no float holds
        known = False
    if not known:
        raise ConfigError(
            f"{of}: threshold={brief(repr(bar))} is no reward",
            hint="Give a finite number",
        )


def judge_of(
    given: object, module: Askable[..., Any], of: str, role: str = "reward"
) -> Part:
    """What judges a module's answers, as a part.

    Args:
        given: A function, a step, a module or a program.
        module: Whose answers are judged.
        of: The kind of module that asks, for messages.
        role: What it is there, for messages, and its name where it has none.

    Raises:
        ConfigError: It can judge nothing of the kind.
    """
    if not isinstance(given, Module | Program):
        return _step(given, of, role)
    judge = cast("Module[..., Any] | Program[..., Any]", given)
    known = [*module.spec.inputs, *module.spec.outputs]
    for name, field in judge.inputs.inputs.items():
        if field.required and name not in known:
            raise ConfigError(
                f"{of}: the {role} {judge.name!r} reads {name!r}, which is no field of "
                f"{module.name!r}",
                hint=did_you_mean(name, known),
            )
    kind = _judged(judge)
    if isinstance(kind, type) and issubclass(kind, _NO_VERDICTS):
        raise ConfigError(
            f"{of}: the {role} {judge.name!r} gives {type_name(kind)} last, and all of "
            "these would count the same",
            hint="Let its last output be a number or a yes, such as score: float or "
            "ok: bool",
        )
    return cast(Part, judge)


def _judged(judge: Module[..., Any] | Program[..., Any]) -> Any:
    """The type of a judge's verdict, without None; of choices, that of the first."""
    kind = judge.result if isinstance(judge, Module) else judge.structure.result
    return last_type(kind)


def _step(given: Any, of: str, role: str) -> Step[..., Any]:
    made: Step[..., Any] = given
    if not isinstance(given, Step):
        if not callable(given):
            raise ConfigError(
                f"{of}: {role}={given!r} is called with nothing",
                hint=f"Write def {role}(inputs, answer), or give a module that judges",
            )
        name = getattr(given, "__name__", "")
        named = name if name.isidentifier() else role
        made = Step(cast("Callable[..., Any]", given), named)
    known = [*made.parameters.parameters.values()]
    if len(known) < 2 or any(one.default is one.empty for one in known[2:]):
        raise ConfigError(
            f"{of}: {role} {made.name!r} is not called with the inputs and an answer",
            hint=f"Write def {role}(inputs, answer)",
        )
    return made


def judges_of(
    given: Iterable[object], module: Askable[..., Any], of: str, taken: Iterable[str]
) -> dict[str, Part]:
    """Checks by name, in their order.

    Args:
        given: Functions, steps, modules or programs.
        module: Whose answers are checked.
        of: The kind of module that asks, for messages.
        taken: Names that its other parts have.

    Raises:
        ConfigError: One can check nothing, or has a name that is taken.
    """
    if isinstance(given, str) or not isinstance(cast(object, given), Iterable):
        raise ConfigError(
            f"{of}: checks={given!r}", hint="Write a list: checks=[short]"
        )
    found: dict[str, Part] = {}
    for number, one in enumerate(given, 1):
        judge = judge_of(one, module, of, f"check_{number}")
        if judge.name in found or judge.name in taken:
            raise ConfigError(
                f"{of}: two parts are named {judge.name!r}",
                hint="Give the check another name",
            )
        found[judge.name] = judge
    return found


async def asked_of(
    call: Call,
    judge: Part,
    module: Askable[..., Any],
    inputs: Mapping[str, Any],
    answer: Any,
) -> Verdict:
    """What a judge makes of an answer.

    Raises:
        StepError: It gave nothing that can be read as a verdict, or raised.
        ModelFailure: A model that judges brought no usable answer.
    """
    if isinstance(judge, Step):
        names = [*cast("Step[..., Any]", judge).parameters.parameters][:2]
        seen = (dict(inputs), answer)  # what it does to the inputs stays with it
        try:
            raw = await call(judge, dict(zip(names, seen, strict=True)))
        except StepError as error:
            if not isinstance(error.__cause__, AssertionError | ValueError):
                raise
            hint = ". ".join(filter(None, (_RETURN, error.hint)))
            raise StepError(error.message, hint=hint) from error.__cause__
        return _verdict(raw, judge.name)
    held = {**inputs, **outputs_of(module, answer)}
    reads = cast("Runnable[..., Any]", judge).inputs.inputs
    raw = await call(judge, {name: held[name] for name in reads if name in held})
    if not isinstance(raw, Signature):
        return _verdict(raw, judge.name)
    said = dict(raw)
    *others, last = said
    verdict = _verdict(said[last], judge.name)
    words = " ".join(said[name] for name in others if isinstance(said[name], str))
    return verdict if verdict.words else verdict._replace(words=words)


def outputs_of(module: Askable[..., Any], answer: Any) -> dict[str, Any]:
    """The outputs in an answer of a module, by name."""
    if module.single is not None:
        return {module.single: answer}
    return {name: getattr(answer, name) for name in module.spec.outputs}


def _verdict(raw: Any, who: str) -> Verdict:
    if isinstance(raw, str) and raw.strip():
        return Verdict(0.0, raw.strip())
    if isinstance(raw, _Scored):
        return Verdict(_number(raw.value, who), str(raw.feedback).strip())
    return Verdict(_number(raw, who))


def _number(raw: Any, who: str) -> float:
    try:
        score = math.nan if isinstance(raw, str) else float(raw)
    except (TypeError, ValueError, OverflowError):
        score = math.nan
    if math.isnan(score):
        raise StepError(
            f"{who!r} gave {brief(repr(raw))}, which is no verdict",
            hint=f"Give {_GIVES}",
        )
    return score


async def rewarded(
    call: Call,
    judge: Part,
    module: Askable[..., Any],
    inputs: Mapping[str, Any],
    answers: Iterable[Any],
) -> list[Verdict | None]:
    """What a judge makes of several answers, side by side, in their order.

    One that asks a model is asked once of answers that are equal.

    None where a judging model brought no usable answer, unless it brought none at all:
    then its first error is raised.
    """
    failed: dict[int, ModelFailure] = {}

    async def one(position: int, answer: Any) -> Verdict | None:
        try:
            return await asked_of(call, judge, module, inputs, answer)
        except ModelFailure as error:
            failed[position] = error
            return None

    given = [*answers]
    # A model that is asked the same says the same: equal answers are judged once.
    same = [*range(len(given))]
    if not isinstance(judge, Step):
        seen = [outputs_of(module, answer) for answer in given]
        same = [seen.index(values) for values in seen]
    made = await asked_once(one, given, same)
    if failed and not any(made):
        raise failed[min(failed)]
    return made


async def failing(
    call: Call,
    checks: Mapping[str, Part],
    module: Askable[..., Any],
    inputs: Mapping[str, Any],
    answer: Any,
) -> dict[str, str]:
    """What is wrong with an answer: the words of each check that it fails, by name.

    Raises:
        StepError: A check gave neither True, False nor words, or raised.
    """
    found: dict[str, str] = {}
    for name, check in checks.items():
        passes, words = await yes_or_no(call, check, module, inputs, answer)
        if not passes:
            found[name] = words or _said(check)
    return found


async def yes_or_no(
    call: Call,
    judge: Part,
    module: Askable[..., Any],
    inputs: Mapping[str, Any],
    answer: Any,
) -> tuple[bool, str]:
    """Whether a judge says True of an answer, and its words, which are a False.

    Raises:
        StepError: It gave neither True, False nor words, or raised.
    """
    score, words = await asked_of(call, judge, module, inputs, answer)
    if score not in (0.0, 1.0):
        raise StepError(f"{judge.name!r} gave {score:g}", hint=f"Give {_CHECKS}")
    return bool(score), words


def _said(check: Part) -> str:
    """What a check that gives no words says: its docstring, or its name."""
    function = getattr(check, "function", None)
    lines = (getattr(function, "__doc__", None) or "").strip().splitlines()
    return lines[0] if lines else f"the check {check.name!r} says no"
