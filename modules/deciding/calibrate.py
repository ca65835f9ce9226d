"""Calibrating: what a model says whatever the input is, estimated once and kept."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal, TypeVar, cast, get_args

from ...pipeline import seam
from ...pipeline.errors import CallError, ConfigError
from ...pipeline.graph.module import Module
from ...pipeline.graph.program import Program, as_given, as_program
from ...pipeline.ground.options import checked
from ...pipeline.lm.scoring.decision import Decision, decisions_in
from ...pipeline.run.bridge import waits_for
from ...pipeline.run.rows import map_rows
from ...pipeline.signature.field import FieldSpec
from ...pipeline.trace import NodeRun, Run
from .classify import Classify
from .labelled import Rows, rows_of
from .rule import LEAST

T = TypeVar("T", bound="Module[..., Any] | Program[..., Any]")
Method = Literal["batch", "matching", "contextual"]

FREE: Final = ("N/A", "[MASK]", "")
"""Texts without content, as Zhao et al. take them."""
_TURNS: Final = 2000
_EVEN: Final = 1e-6


async def acalibrate(
    target: T,
    rows: Rows | None = None,
    *,
    method: Method = "batch",
    concurrency: int = 8,
) -> T:
    """As `calibrate`, without blocking the event loop."""
    deciding = _deciding(target)
    inputs = _inputs_for(target, rows, method)
    bare = without_priors(target, deciding)

    async def one(position: int, row: Mapping[str, Any]) -> list[NodeRun]:
        del position
        run: Run[Any] = await bare.arun(**row)
        return [node for node in run.trace.nodes if node.path in deciding]

    ran = await map_rows(one, inputs, concurrency=concurrency)
    nodes = [node for run in ran for node in run]
    return with_priors_of(target, deciding, nodes, method)


@checked
@waits_for(acalibrate)
def calibrate() -> None:
    """Estimate what a model says whatever the input is, and take it off from now on.

    No label is read. The prior is estimated here, once, over the rows given, and stays
    with the module and its artifact: what is decided later never hangs on what is
    decided beside it. Each probability is divided by it.

    Calibrate after compiling: a prior is of one model and one prompt, and is not taken
    off with others. Each output of a module gets its own; what is decided before it on
    these rows is decided without a prior.

    Args:
        target: A `Classify`, or a program or module that calls some, such as a
            `PatternVote`: each gets its own prior.
        rows: Inputs by name, such as those of train rows, or what `weft.read_rows`
            gave; other fields of a row are not looked at. None with
            `method="contextual"`.
        method: "batch" takes the mean of the probabilities that the module gives to the
            rows without a prior (batch calibration: Zhou et al. 2023, arXiv
            2309.17249); "matching" the prior with which every choice is as probable as
            any other over the rows (prior matching: Liusie et al. 2023, arXiv
            2309.04992); "contextual" the mean over three inputs without content
            (contextual calibration: Zhao et al. 2021, arXiv 2102.09690, section 5), for
            which every input must be a text.
        concurrency: How many rows are asked at once.

    Returns:
        A copy with the prior, or priors.

    Raises:
        ConfigError: There is no `Classify`, or no such method, or there are no rows.
        CallError: A row lacks an input.
        ModelError: A call failed; nothing is kept of the others but their answers.
        BudgetExceeded: The calls do not fit the budget.

    >>> import weft
    >>> def said(request: weft.Request) -> weft.Response:
    ...     top = (("true", -0.1), ("false", -2.4))
    ...     said = (weft.TokenLogprob("true", -0.1, top),)
    ...     return weft.Response("true", logprobs=said)
    >>> spam = weft.Classify(weft.Predict("text -> spam: bool"))
    >>> with weft.use(lm=weft.FunctionLM(said), cache=None):
    ...     even = weft.calibrate(spam, [{"text": "hi"}, {"text": "you won"}])
    >>> {name: round(p, 2) for name, p in even.prior.items()}
    {'true': 0.91, 'false': 0.09}
    """
    seam.refuse_traced("a prior cannot be estimated", "Calibrate outside of programs")


def _deciding(target: object) -> dict[str, Classify[..., Any]]:
    """What decides in a program or is it, by path.

    Raises:
        ConfigError: Nothing does.
    """
    found: dict[str, Classify[..., Any]] = {}
    if isinstance(target, Module | Program):
        every = as_program(cast(Any, target)).deciders
        found = {n: m for n, m in every.items() if isinstance(m, Classify)}
    if not found:
        raise ConfigError(
            f"a prior is one of choices, and {target!r} is no Classify, and calls none",
            hint='Write calibrate(weft.Classify(weft.Predict("text -> label: bool")))',
        )
    return found


def without_priors(target: T, paths: Iterable[str]) -> T:
    """A copy whose decisions at some paths take no prior and no temperature off."""
    rules = {path: _decider(target, path).rules for path in paths}
    bare: T = _with_priors(
        target, {path: dict.fromkeys(own, _BARE) for path, own in rules.items()}
    )
    return bare


def with_priors_of(
    target: T,
    paths: Iterable[str],
    nodes: Sequence[NodeRun],
    method: Method = "batch",
) -> T:
    """A copy whose priors at some paths follow from what was decided there.

    Args:
        target: What decides.
        paths: Where each `Classify` stands.
        nodes: What ran, of a copy `without_priors`.
        method: As `calibrate` takes it.

    Raises:
        ConfigError: Nothing was decided at a path, or in several forms.
    """
    priors = {
        path: _priors_in(
            path, [decisions_in(n.facts) for n in nodes if n.path == path], method
        )
        for path in paths
    }
    even: T = _with_priors(target, priors)
    return even


def _decider(target: Any, path: str) -> Classify[..., Any]:
    return cast("Classify[..., Any]", as_program(target).deciders[path])


_Changes = Mapping[str, Mapping[str, Any]]
"""What changes in the rules of a module, by output."""
_BARE: Final[Mapping[str, Any]] = {"prior": None, "prior_of": "", "temperature": 1.0}


def _with_priors(target: Any, changes: Mapping[str, _Changes]) -> Any:
    """A copy in which the rules of what decides are changed, by path."""
    program = as_program(target)
    made: dict[str, Module[..., Any]] = {}
    for path, of in changes.items():
        module: Any = program.deciders[path]
        for output, numbers in of.items():
            own = module.rules[output]
            # A temperature of another prompt was left out, and is of this one no more.
            stale = own.prior_of not in ("", numbers["prior_of"])
            kept = {"temperature": 1.0} if stale else {}
            module = module.with_rule(output, **{**kept, **numbers})
        made[path] = module
    return as_given(program.with_modules(made), target)


def _priors_in(path: str, found: list[dict[str, Decision]], method: str) -> _Changes:
    """The prior of each output by what was said of it, and of which prompt it is.

    Raises:
        ConfigError: Nothing was decided there, or in several forms.
    """
    made: dict[str, Mapping[str, Any]] = {}
    for output in found[0] if found else [path]:
        own = [one[output] for one in found]
        prompts = {one.prompt for one in own}
        if len(prompts) != 1:
            why = "in several forms" if prompts else "by none of the rows"
            raise ConfigError(
                f"{path!r} was asked {why}, and a prior is of one prompt",
                hint="Give rows that lead there, or calibrate again: the form changed",
            )
        said = [one.probabilities for one in own]
        prior = _matching(said) if method == "matching" else _means(said)
        made[output] = {"prior": prior, "prior_of": prompts.pop()}
    return made


def _means(said: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: math.fsum(one[name] for one in said) / len(said) for name in said[0]}


def _matching(said: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The prior with which the choices are equally probable over some rows.

    From the mean on, each choice's share is multiplied by how much more than its part
    it still gets. That is Sinkhorn's scaling of a matrix of rows and choices; where all
    numbers are above 0 it comes to the one prior there is.
    """
    rows = [{n: max(p, LEAST) for n, p in one.items()} for one in said]
    at = _means(rows)
    for _ in range(_TURNS):
        gets = _means([_divided(row, at) for row in rows])
        at = {name: at[name] * gets[name] * len(at) for name in at}
        if max(abs(got * len(at) - 1) for got in gets.values()) < _EVEN:
            break
    whole = math.fsum(at.values())
    return {name: share / whole for name, share in at.items()}


def _divided(row: Mapping[str, float], prior: Mapping[str, float]) -> dict[str, float]:
    """Probabilities divided by a prior, as shares again."""
    made = {name: p / prior[name] for name, p in row.items()}
    whole = math.fsum(made.values())
    return {name: one / whole for name, one in made.items()}


def _inputs_for(target: Any, rows: object, method: str) -> list[dict[str, Any]]:
    fields = target.inputs.inputs
    if method == "contextual":
        if rows is not None:
            raise ConfigError(
                "contextual calibration takes inputs without content, and no rows",
                hint='Leave the rows out, or method="contextual"',
            )
        rows = _without_content(target)
    elif method not in get_args(Method):
        hint = f"Give method={' or '.join(map(repr, get_args(Method)))}"
        raise ConfigError(f"method={method!r} is no way to calibrate", hint=hint)
    held = rows_of(rows, "calibrate")
    # An input with a default may be missing in a row, and what is no input is not read.
    return [{name: row[name] for name in fields if name in row} for row in held]


def _without_content(target: Any) -> list[dict[str, Any]]:
    fields: list[FieldSpec] = [*target.inputs.inputs.values()]
    other = next((f.name for f in fields if f.schema.get("type") != "string"), None)
    if other is not None:
        raise ConfigError(
            f"contextual calibration asks with texts, and {other!r} is none",
            hint="Give rows: weft.calibrate(module, rows)",
        )
    made: list[dict[str, Any]] = []
    for text in FREE:
        row = {field.name: text for field in fields}
        try:
            target.bind((), row)
        except CallError:
            continue  # the type of an input allows no such text
        made.append(row)
    return made
