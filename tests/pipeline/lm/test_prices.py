"""Prices are known or unknown, never guessed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from weft.pipeline.errors import ConfigError
from weft.pipeline.lm.prices import Price, find_price, price_of
from weft.pipeline.lm.request import Usage


@pytest.mark.parametrize(
    ("model", "usage", "usd"),
    [
        ("gpt-4o-mini", Usage(1_000_000, 0), 0.15),
        ("gpt-4o-mini", Usage(0, 1_000_000), 0.6),
        ("gpt-4o-mini", Usage(1_000_000, 0, 1_000_000), 0.075),
        ("gpt-4o-mini-2024-07-18", Usage(1_000_000, 0), 0.15),
        ("openai/gpt-4o-mini", Usage(1_000_000, 0), 0.15),
        ("anthropic/claude-haiku-4-5-20251001", Usage(0, 1_000_000), 5.0),
        ("gpt-4o-2024-05-13", Usage(1_000_000, 0), 5.0),
        ("embedded", Usage(10**9, 10**9), 0.0),
        ("gpt-4o-mini", Usage(10, 0, 1000), 10 * 0.075e-6),
    ],
)
def test_known(model: str, usage: Usage, usd: float) -> None:
    """A known model has its price, under a provider's prefix and with a date too."""
    assert price_of(model, usage) == pytest.approx(usd)


@pytest.mark.parametrize("model", ["", "nobody", "gpt-4o-minimal", "ft:gpt-4o:me"])
def test_unknown(model: str) -> None:
    """An unknown model has no price, not the price 0."""
    assert price_of(model, Usage(1, 1)) is None


def test_a_table_wins() -> None:
    """A price that is passed in wins over the snapshot."""
    table = {"gpt-4o": Price(1.0, 2.0), "mine": Price(3.0, 4.0)}

    assert price_of("gpt-4o", Usage(1_000_000, 1_000_000), table) == pytest.approx(3.0)
    assert find_price("mine", table) == Price(3.0, 4.0)
    assert find_price("gpt-4o-mini", table) == Price(0.15, 0.6, 0.075)


def test_a_file_of_prices(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`WEFT_PRICES` names a file whose prices win over the snapshot."""
    file = tmp_path / "prices.json"
    file.write_text(json.dumps({"models": {"mine": [1, 0.5, 2], "gpt-4o": [0, 0, 0]}}))
    monkeypatch.setenv("WEFT_PRICES", str(file))

    assert find_price("mine") == Price(1.0, 2.0, 0.5)
    assert price_of("gpt-4o", Usage(1, 1)) == 0.0
    assert price_of("o3", Usage(1_000_000, 0)) == pytest.approx(2.0)


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{}", '{"models": []}', '{"models": {"m": [1]}}'),
        *('{"models": {"m": [1, 1, -1]}}', '{"models": {"m": [1, 1, 1e999]}}'),
        *('{"models": {"m": [1, 1, NaN]}}', '{"models": {"m": [1, 1, 1e9]}}'),
        *('{"models": {"m": [true, 1, 1]}}', '{"models": {"m": ["1", 1, 1]}}'),
        *('{"models": {"m": {"a": 1}}}', '{"models": {"m": [1, 1, 1], "m": []}}'),
        '{"models": {}}' + " " * 2**23,
        '{"models": ' * 10_000,
    ],
    ids=lambda text: text[:40],
)
def test_a_file_of_another_form(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str
) -> None:
    """A file that holds no prices is an error, not a list of unknown prices."""
    file = tmp_path / "prices.json"
    file.write_text(text)
    monkeypatch.setenv("WEFT_PRICES", str(file))

    with pytest.raises(ConfigError, match="have another form"):
        find_price("m")


def test_a_missing_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file that is not there is an error that names it."""
    monkeypatch.setenv("WEFT_PRICES", str(tmp_path / "none.json"))

    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        find_price("m")
