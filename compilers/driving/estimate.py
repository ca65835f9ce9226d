"""The estimate of what one model call of a compile costs, before any was made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from statistics import fmean
from typing import Any

from ...pipeline.data.example import Example
from ...pipeline.errors import ConfigError
from ...pipeline.graph.module import Module
from ...pipeline.graph.program import Program
from ...pipeline.lm.lm import LanguageModel
from ...pipeline.lm.prices import Estimate, estimate, price_of
from ...pipeline.lm.request import JSON, Request, Usage
from ...pipeline.parameters import Demo
from ...pipeline.run.prompt import prompt_of, rendered_for, request_for
from ...pipeline.run.settings import Settings, current
from ...pipeline.signature.signature import spec_of
from ..propose.proposer import Proposer
from ..search.cost import CallGuess

_FREE_CHARS = 400  # of an output that no row has a label for, such as reasoning
_CHARS_PER_TOKEN = 4
_HEADING = 8  # characters around a field in a reply
_WRITTEN = 150  # tokens of an instruction that a model wrote
_ROWS = 32


def guess_of(
    program: Program[..., Any],
    rows: Sequence[Example],
    proposers: Sequence[Proposer],
    models: Sequence[LanguageModel] = (),
) -> CallGuess:
    """What a call costs, from the prompts that can be rendered now.

    Most candidates of a compiler that draws demos or has instructions written hold
    them, so each call is taken to. Where models are chosen among, each is asked as
    often as the others.
    """
    shown = min(len(rows), max((p.shows for p in proposers), default=0))
    written = _WRITTEN if any(p.asks for p in proposers) else 0
    rows = rows[:_ROWS]
    sizes = [sum(len(str(v)) for v in row.inputs.values()) for row in rows] or [0]
    plain = list[Estimate]()
    likely = list[Estimate]()
    most = list[Estimate]()
    for path, module in program.modules.items():
        try:
            own = current().model_of(path, module)
        except ConfigError:
            continue
        inputs, longest = _inputs(module, fmean(sizes)), _inputs(module, max(sizes))
        answers = {name: _like_labels(rows, name) for name in module.spec.outputs}
        demo = Demo({**inputs, **answers})
        for lm in (own, *models):
            bare = prompt_of(_request(module, lm, inputs)).tokens
            each = prompt_of(_request(module, lm, inputs, demo)).tokens - bare
            reply = _reply_tokens(module, answers)
            plain.append(_priced(lm, bare, reply))
            likely.append(_priced(lm, bare + written + shown * each, reply))
            most.append(estimate(_request(module, lm, longest)))
    if not plain:
        return CallGuess()
    return CallGuess(
        sum(one.tokens for one in plain) // len(plain),
        max(one.tokens for one in most),
        _usd(plain, fmean),
        _usd(most, max),
        sum(one.tokens for one in likely) // len(likely),
        _usd(likely, fmean),
        (_usd(likely, max) or 0.0) if models else 0.0,
    )


def _priced(lm: LanguageModel, asked: int, answered: int) -> Estimate:
    usage = Usage(asked, answered)
    return Estimate(asked, answered, price_of(lm.model, usage, endpoint=lm.endpoint))


def _usd(
    calls: Sequence[Estimate], together: Callable[[list[float]], float]
) -> float | None:
    """Their prices as one, or None where one of them is unknown."""
    known = [call.usd for call in calls if call.usd is not None]
    return together(known) if len(known) == len(calls) else None


def _inputs(module: Module[..., Any], chars: float) -> dict[str, JSON]:
    names = module.spec.inputs
    return {name: "x" * (round(chars) // len(names)) for name in names}


def _like_labels(rows: Sequence[Example], name: str) -> str:
    """A text as long as the labels of that name are on the average."""
    found = [len(str(row.labels[name])) for row in rows if name in row.labels]
    return "x" * (round(fmean(found)) if found else _FREE_CHARS)


def _request(
    module: Module[..., Any],
    lm: LanguageModel,
    inputs: Mapping[str, JSON],
    *demos: Demo,
) -> Request:
    """What would be asked with further demos; values need not be of the right type."""
    now = module.parameters
    parameters = replace(now, demos=(*now.demos, *demos), nearest=0)
    form = current().form_for(now.adapter, lm, module.spec)
    rendered = rendered_for(form, module.told, parameters, inputs, lm)
    return request_for(lm, now, rendered._replace(response_format=None), Settings())


def _reply_tokens(module: Module[..., Any], answers: Mapping[str, str]) -> int:
    """Tokens of a reply with these answers, and with what the module asks besides."""
    asked = spec_of(module.asked).outputs
    chars = (len(answers.get(name, "x" * _FREE_CHARS)) + _HEADING for name in asked)
    return sum(chars) // _CHARS_PER_TOKEN
