"""The seam behind which rows run somewhere else: on other processes, other machines.

Whatever runs rows (`batch`, `batch_to`, `evaluate`) asks a `Runner` for one row at a
time. A program is one, here; a `Place` makes others. `weft.Ray` is a place.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from ..signature.spec import Spec
from .trace import NodeRun, Run


class Runner(Protocol):
    """What runs one row at a time: a program, or what stands for it elsewhere."""

    @property
    def name(self) -> str:
        """The program's name."""
        ...

    @property
    def inputs(self) -> Spec:
        """The typed inputs."""
        ...

    def run_row(
        self, bound: Mapping[str, Any], record: list[NodeRun] | None = None
    ) -> Coroutine[Any, Any, Run[Any]]:
        """Run with checked inputs; `record` keeps the nodes even of a failed run.

        Raises:
            WeftError: The row failed, as it would have here.
        """
        ...


class Place(Protocol):
    """Somewhere that rows can run."""

    def opened(self, program: Any) -> AbstractAsyncContextManager[Runner]:
        """Bring a program there for as long as the context lasts.

        Args:
            program: A program or a module; it is not changed.

        Raises:
            WeftError: The program cannot run there; no row ran.
        """
        ...


@contextlib.asynccontextmanager
async def placed(program: Runner, on: Place | None) -> AsyncGenerator[Runner]:
    """A program where its rows run: here, or on a place."""
    if on is None:
        yield program
        return
    async with on.opened(program) as there:
        yield there
