"""A budget is read strictly, and the bound of a call is a bound."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.pipeline.calls.budget import Budget
from weft.pipeline.calls.reservation import Amount, Room, exceeded
from weft.pipeline.errors import ConfigError
from weft.pipeline.lm.context import token_bounds
from weft.pipeline.lm.request import JSON, Message, Request, Response, Usage


def answer(asked: int = 1, answered: int = 1, usd: float | None = 0.0) -> Response:
    """An answer with its tokens and its price."""
    return Response("x", Usage(asked, answered), cost=usd)


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("500 calls", Budget(calls=500)),
        ("1 call", Budget(calls=1)),
        ("1k calls", Budget(calls=1000)),
        ("1_000 requests", Budget(calls=1000)),
        ("200k tokens", Budget(tokens=200_000)),
        ("1.5M tokens", Budget(tokens=1_500_000)),
        ("$2", Budget(usd=2.0)),
        ("$.50", Budget(usd=0.5)),
        ("2.5 usd", Budget(usd=2.5)),
        ("3 Dollars", Budget(usd=3.0)),
        ("10 min", Budget(seconds=600.0)),
        ("90s", Budget(seconds=90.0)),
        ("2 hours", Budget(seconds=7200.0)),
        ("500 calls, $2", Budget(calls=500, usd=2.0)),
        (" $2 ,10 min,1k tokens ", Budget(tokens=1000, usd=2.0, seconds=600.0)),
    ],
)
def test_parse(text: str, budget: Budget) -> None:
    """Each form means its limits, and several can be given at once."""
    assert Budget.parse(text) == budget
    assert Budget.of(text) == budget


@pytest.mark.parametrize(
    "text",
    [
        *("", "calls", "$2 calls", "5 cows", "-1 calls", "1.5 calls", "5 calls,"),
        *("$", "$2, $3", "1,000 calls", "nan tokens", "1e3 calls", "five calls"),
    ],
)
def test_what_cannot_be_read(text: str) -> None:
    """Anything else is an error that lists the forms."""
    with pytest.raises(ConfigError, match='Write 500, "500 calls"'):
        Budget.parse(text)


@pytest.mark.parametrize("text", ["2", " 5 k "])
def test_a_number_of_nothing(text: str) -> None:
    """A text that is a number may mean calls or dollars; the remedy writes both out."""
    with pytest.raises(ConfigError, match=f'Write "{text.strip()} calls"'):
        Budget.parse(text)


@pytest.mark.parametrize(
    "limits",
    [
        {"calls": -1},
        {"calls": 1.5},
        {"calls": True},
        {"tokens": "5"},
        {"usd": float("nan")},
        {"usd": float("inf")},
        {"seconds": -0.1},
    ],
)
def test_no_limits(limits: dict[str, object]) -> None:
    """A limit is a number that is not negative."""
    with pytest.raises(ConfigError, match=f"a budget's {next(iter(limits))} cannot be"):
        Budget(**limits)  # type: ignore[arg-type] # what an untyped caller may do


def test_of() -> None:
    """A number is a number of calls, None no limit, a budget itself."""
    assert Budget.of(7) == Budget(calls=7)
    assert Budget.of(None) == Budget()
    assert Budget.of(Budget(usd=1)) == Budget(usd=1)


@given(
    st.builds(
        Budget,
        calls=st.none() | st.integers(0, 10**9),
        tokens=st.none() | st.integers(0, 10**12),
        usd=st.none() | st.integers(0, 10**6).map(lambda cents: cents / 100),
        seconds=st.none() | st.integers(0, 10**6).map(float),
    )
)
def test_text_round_trip(budget: Budget) -> None:
    """A budget's text means the budget again."""
    if budget == Budget():
        assert str(budget) == "no limit"
    else:
        assert Budget.parse(str(budget)) == budget


@given(st.text(max_size=50), st.integers(1, 3), st.integers(1, 10_000))
def test_token_bounds(text: str, messages: int, most: int) -> None:
    """The bound counts every byte, 16 a message, and max_tokens."""
    turns = tuple(Message("user", text) for _ in range(messages))
    request = Request("m", turns, {"max_tokens": most})

    size = len(text.encode("utf-8", "surrogatepass"))
    assert token_bounds(request) == (messages * (size + 16), most)


def test_token_bounds_of_a_schema() -> None:
    """A schema is written into the prompt by servers, so it is counted."""
    bare = Request("m", (Message("user", "x"),))
    schema = Request("m", bare.messages, response_format={"type": "json_schema"})

    assert token_bounds(schema)[0] > token_bounds(bare)[0]
    assert token_bounds(bare)[1] == 4096


def test_token_bounds_of_tools() -> None:
    """So is what else a request brings that may become text of the prompt."""
    bare = Request("m", (Message("user", "x"),), {"temperature": 0, "stop": "."})
    tools: list[JSON] = [{"type": "function", "function": {"name": "f" * 1000}}]
    given = Request("m", bare.messages, {**bare.sampling, "tools": tools})

    assert token_bounds(bare)[0] == 17
    assert token_bounds(given)[0] > 1017


@pytest.mark.parametrize(
    ("most", "said"),
    [
        (Amount(calls=0), "make it 1 call of 0"),
        (Amount(calls=1, tokens=0), "make it 1 token of 0"),
        (Amount(calls=1, tokens=1, pico=10**12), "make it 2 US dollars of 1"),
    ],
)
def test_one_call_is_no_calls(most: Amount, said: str) -> None:
    """What is over a limit is counted in words."""
    need = Amount(calls=1, tokens=1, pico=2 * 10**12)

    assert said in exceeded(Room(most, lambda: 1.0), need).message
