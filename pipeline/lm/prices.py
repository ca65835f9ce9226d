"""What a call costs, from a snapshot of prices in the package.

An unknown price is None, never 0. Two ways to make one known: a table passed in, or a
JSON file of the same form as `prices.json` named by the variable `WEFT_PRICES`. A model
that weft runs on this machine costs nothing, whatever its file is called.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from ..errors import ConfigError, cause
from ..ground.files import read_bounded
from ..ground.shapes import as_list, is_dict
from ..ground.strictjson import loads_object
from .abilities import IN_PROCESS, LOCAL
from .context import token_bounds
from .request import Request, Usage

_SNAPSHOT: Final = Path(__file__).with_name("prices.json")
_MILLION: Final = 1_000_000
_MOST_BYTES: Final = 4 * 2**20
_DATE: Final = re.compile(r"(-\d{4}-\d{2}-\d{2}|[-@]\d{8})$")


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens.

    Args:
        input: For tokens of the prompt.
        output: For tokens of the answer.
        cached_input: For prompt tokens that the provider had cached; None is `input`.

    >>> Price(input=0.25, output=2.0).of(Usage(1000, 100))
    0.00045
    """

    input: float
    output: float
    cached_input: float | None = None

    def of(self, usage: Usage) -> float:
        """The price of one call in US dollars."""
        cached = min(usage.cached_input_tokens, usage.input_tokens)
        cheaper = self.input if self.cached_input is None else self.cached_input
        return (
            (usage.input_tokens - cached) * self.input
            + cached * cheaper
            + usage.output_tokens * self.output
        ) / _MILLION


PriceTable: TypeAlias = Mapping[str, Price]

_FREE: Final = Price(0.0, 0.0)


def price_of(
    model: str, usage: Usage, table: PriceTable | None = None, endpoint: str = ""
) -> float | None:
    """The price of a call in US dollars, or None where the model's price is unknown.

    Args:
        model: The model's name, with or without a provider's prefix and a date.
        usage: The tokens.
        table: Prices that win over the file in `WEFT_PRICES` and over the snapshot.
        endpoint: Who answers, where it is known.

    >>> price_of("openai/gpt-5-mini-2025-08-07", Usage(1_000_000, 0))
    0.25
    >>> price_of("nobody/knows", Usage(1, 1)) is None
    True
    >>> price_of("smollm2", Usage(1, 1), endpoint="local:b179c9523d0e6a0f/4096")
    0.0
    """
    price = find_price(model, table, endpoint)
    return None if price is None else price.of(usage)


@dataclass(frozen=True, slots=True)
class Estimate:
    """The most that one call can cost.

    Args:
        input_tokens: An upper bound, not a guess.
        output_tokens: An upper bound, not a guess.
        usd: The price of those, or None where the model's price is unknown.
    """

    input_tokens: int
    output_tokens: int
    usd: float | None = None

    @property
    def tokens(self) -> int:
        """Input and output together."""
        return self.input_tokens + self.output_tokens


def estimate(request: Request, prices: PriceTable | None = None) -> Estimate:
    """The most that one attempt at a request can cost.

    Args:
        request: What would be asked.
        prices: Prices that win over the snapshot in the package.
    """
    asked, answered = token_bounds(request)
    usd = price_of(request.model, Usage(asked, answered), prices, request.endpoint)
    return Estimate(asked, answered, usd)


def find_price(
    model: str, table: PriceTable | None = None, endpoint: str = ""
) -> Price | None:
    """The price of a model, or None where it is unknown; arguments as in `price_of`."""
    if table:
        found = _lookup(model, table)
        if found is not None:
            return found
    if endpoint.startswith((LOCAL, IN_PROCESS)):
        return _FREE
    return _known(model, os.environ.get("WEFT_PRICES", ""))


@functools.lru_cache(maxsize=512)
def money(usd: float | None) -> str:
    """US dollars, or that nobody knows them.

    >>> money(0.01234), money(0.0), money(None)
    ('$0.0123', '$0', 'price unknown')
    """
    if usd is None:
        return "price unknown"
    return f"${usd:.4f}" if usd else "$0"


@functools.lru_cache(maxsize=512)
def _known(model: str, own: str) -> Price | None:
    found = _lookup(model, _load(Path(own))) if own else None
    return found or _lookup(model, _load(_SNAPSHOT))


def _lookup(model: str, table: PriceTable) -> Price | None:
    bare = model.rpartition("/")[2]
    names = (model, bare, _DATE.sub("", model), _DATE.sub("", bare))
    return next((table[name] for name in names if name in table), None)


@functools.lru_cache(maxsize=8)
def _load(path: Path) -> dict[str, Price]:
    hint = 'It holds {"models": {"NAME": [input, cached input, output]}}'
    try:
        models = _models(read_bounded(path, _MOST_BYTES))
        return {name: _read(name, numbers) for name, numbers in models.items()}
    except OSError as error:
        message = f"the prices in {str(path)!r} cannot be read: {cause(error)}"
        raise ConfigError(message, hint=hint) from None
    except ValueError as error:
        message = f"the prices in {str(path)!r} have another form: {error}"
        raise ConfigError(message, hint=hint) from None


def _models(text: str) -> dict[str, object]:
    models = loads_object(text).get("models")
    if not is_dict(models):
        raise ValueError('it has no "models"')
    return models


def _read(name: str, numbers: object) -> Price:
    held = as_list(numbers)
    sound = [type(n) in (int, float) and 0 <= n < _MILLION for n in held]
    if len(held) != 3 or not all(sound):
        raise ValueError(f"{name!r} has {str(numbers)[:80]}")
    each, cached, output = map(float, held)
    return Price(each, output, cached)
