"""A pytest plugin that changes nothing until it is asked to.

`--weft-no-network` refuses the network for the whole run. The fixture `weft_no_network`
does so for one test, and `fault_server` gives it a `weft.testing.FaultServer`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .testing import FaultServer

_stack = pytest.StashKey[contextlib.ExitStack]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the flag."""
    parser.getgroup("weft").addoption(
        "--weft-no-network",
        action="store_true",
        help="refuse every connection and look-up that is not to this machine",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Close the network where the flag says so."""
    if config.getoption("weft_no_network"):
        from .testing import no_network  # noqa: PLC0415 - others pay nothing for it

        config.stash[_stack] = contextlib.ExitStack()
        config.stash[_stack].enter_context(no_network())


def pytest_unconfigure(config: pytest.Config) -> None:
    """Open the network again."""
    if _stack in config.stash:
        config.stash[_stack].close()


@pytest.fixture
def weft_no_network() -> Iterator[None]:
    """Refuse the network while this test runs."""
    from .testing import no_network  # noqa: PLC0415 - as above

    with no_network():
        yield


@pytest.fixture
def fault_server() -> Iterator[FaultServer]:
    """A server on this machine that answers "ok" until it is told otherwise."""
    from .testing import FaultServer  # noqa: PLC0415 - as above

    with FaultServer() as server:
        yield server
