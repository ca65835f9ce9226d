"""Calibrating: what a model says whatever the input is, estimated once and kept."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, ParamSpec, TypeVar, cast

from ...pipeline import seam
from ...pipeline.errors import CallError, ConfigError
from ...pipeline.ground.shapes import is_mapping
from ...pipeline.run.rows import map_rows
from ...pipeline.trace import Run
from .classify import Classify

P = ParamSpec("P")
R = TypeVar("R")
Method = Literal["batch", "contextual"]

FREE: Final = ("N/A", "[MASK]", "")
"""Texts without content, as Zhao et al. take them."""


async def acalibrate(
    module: Classify[P, R],
    rows: Iterable[Mapping[str, Any]] | None = None,
    *,
    method: Method = "batch",
    concurrency: int = 8,
) -> Classify[P, R]:
    """As `calibrate`, without blocking the event loop."""
    if not isinstance(cast(object, module), Classify):
        raise ConfigError(
            f"a prior is one of choices, and {module!r} is no Classify",
            hint='Write calibrate(weft.Classify(weft.Predict("text -> label: bool")))',
        )
    inputs = _inputs_for(module, rows, method)
    bare = module.with_prior(None)

    async def one(position: int, row: Mapping[str, Any]) -> Mapping[str, Any]:
        del position
        run: Run[Any] = await cast(Any, bare).arun(**row)
        (top,) = (node for node in run.trace.nodes if "probabilities" in node.facts)
        return top.facts

    found = await map_rows(one, inputs, concurrency=concurrency)
    means = {
        name: math.fsum(facts["probabilities"][name] for facts in found) / len(found)
        for name in module.choices
    }
    prompts = {facts["prompt"] for facts in found}
    if len(prompts) > 1:
        raise ConfigError(
            "the rows were asked in several forms, and a prior is of one",
            hint="Calibrate again: what was learnt of the endpoint holds from now on",
        )
    return module.with_prior(means, prompts.pop())


def calibrate(
    module: Classify[P, R],
    rows: Iterable[Mapping[str, Any]] | None = None,
    *,
    method: Method = "batch",
    concurrency: int = 8,
) -> Classify[P, R]:
    """Estimate what a model says whatever the input is, and take it off from now on.

    No label is read. The prior is estimated here, once, over the rows given, and stays
    with the module and its artifact: what is decided later never hangs on what is
    decided beside it. It is the mean of the probabilities that the module gives without
    a prior, and each probability is divided by it.

    Calibrate after compiling: a prior is of one model and one prompt, and is not taken
    off with others.

    Args:
        module: What decides.
        rows: Inputs by name, such as those of train rows; other fields of a row are not
            looked at. None with `method="contextual"`.
        method: "batch" takes the rows given (batch calibration: Zhou et al. 2023, arXiv
            2309.17249); "contextual" takes three inputs without content (contextual
            calibration: Zhao et al. 2021, arXiv 2102.09690, section 5), for which every
            input must be a text.
        concurrency: How many rows are asked at once.

    Returns:
        A copy with the prior.

    Raises:
        ConfigError: It is no `Classify`, there is no such method, or no row fits it.
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
    made = acalibrate(module, rows, method=method, concurrency=concurrency)
    return cast("Classify[P, R]", seam.engine("calibrate", "calibrate").wait(made))


def _inputs_for(
    module: Classify[..., Any], rows: object, method: str
) -> list[dict[str, Any]]:
    fields = module.spec.inputs
    if method == "contextual":
        if rows is not None:
            raise ConfigError(
                "contextual calibration takes inputs without content, and no rows",
                hint='Leave the rows out, or method="contextual"',
            )
        rows = _without_content(module)
    elif method != "batch":
        hint = 'Give method="batch" or method="contextual"'
        raise ConfigError(f"method={method!r} is no way to calibrate", hint=hint)
    held: list[Any] = (
        [] if rows is None or isinstance(rows, str) else [*cast(Any, rows)]
    )
    if not held or not all(map(is_mapping, held)):
        raise ConfigError(
            "a prior is estimated over rows of inputs, and there are none",
            hint='Give rows such as [{"text": "..."}], or method="contextual"',
        )
    # An input with a default may be missing in a row, and what is no input is not read.
    return [{name: row[name] for name in fields if name in row} for row in held]


def _without_content(module: Classify[..., Any]) -> list[dict[str, Any]]:
    fields = [*module.spec.inputs.values()]
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
            module.bind((), row)
        except CallError:
            continue  # the type of an input allows no such text
        made.append(row)
    return made
