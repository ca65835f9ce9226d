"""Running over many rows: what a program's `batch` and `abatch` are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Coroutine, Iterable, Mapping
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar, overload

from ..errors import WeftError
from ..graph.tracing import refuse_running
from ..ground.options import checked
from ..signature.spec import Spec
from .bridge import run_sync
from .elsewhere import Place, placed
from .rows import OnError, batch_rows
from .trace import NodeRun, Run

R_co = TypeVar("R_co", covariant=True)


class Batched(ABC, Generic[R_co]):
    """Something that runs over one row at a time, and so over many."""

    @property
    @abstractmethod
    def name(self) -> str:
        """What it is called."""

    @property
    @abstractmethod
    def inputs(self) -> Spec:
        """The typed inputs."""

    @abstractmethod
    def run_row(
        self, bound: Mapping[str, Any], record: list[NodeRun] | None = None
    ) -> Coroutine[Any, Any, Run[R_co]]:
        """Run with checked inputs; `record` keeps the nodes even of a failed run."""

    @overload
    def batch(
        self,
        rows: Iterable[Any] | str | Path,
        *,
        concurrency: int = 64,
        progress: bool = False,
        on_error: Literal["raise"] = "raise",
        on: Place | None = None,
    ) -> list[R_co]: ...
    @overload
    def batch(
        self,
        rows: Iterable[Any] | str | Path,
        *,
        concurrency: int = 64,
        progress: bool = False,
        on_error: Literal["keep"],
        on: Place | None = None,
    ) -> list[R_co | WeftError]: ...
    @checked
    def batch(
        self,
        rows: Iterable[Any] | str | Path,
        *,
        concurrency: int = 64,
        progress: bool = False,
        on_error: OnError = "raise",
        on: Place | None = None,
    ) -> Any:
        """Run over many rows, side by side; values come in the order of the rows.

        Args:
            rows: Mappings of inputs, a JSONL or CSV path, or a DataFrame.
            concurrency: How many rows run at once.
            progress: Whether a bar is drawn on stderr.
            on_error: "raise" stops at the first failing row; "keep" puts a row's
                error in the place of its value and goes on. An error that no row
                could escape (a refused key, a budget used up) is raised either way.
            on: Where the rows run, such as a `weft.Ray`; here when not given.

        Raises:
            WeftError: The first failing row's error, in the order of the rows.
        """
        refuse_running(self.name, "batch")
        return run_sync(self._batch(rows, concurrency, progress, on_error, on))

    @overload
    async def abatch(
        self,
        rows: Iterable[Any] | str | Path,
        *,
        concurrency: int = 64,
        progress: bool = False,
        on_error: Literal["raise"] = "raise",
        on: Place | None = None,
    ) -> list[R_co]: ...
    @overload
    async def abatch(
        self,
        rows: Iterable[Any] | str | Path,
        *,
        concurrency: int = 64,
        progress: bool = False,
        on_error: Literal["keep"],
        on: Place | None = None,
    ) -> list[R_co | WeftError]: ...
    @checked
    async def abatch(
        self,
        rows: Iterable[Any] | str | Path,
        *,
        concurrency: int = 64,
        progress: bool = False,
        on_error: OnError = "raise",
        on: Place | None = None,
    ) -> Any:
        """As `batch`, without blocking the event loop."""
        return await self._batch(rows, concurrency, progress, on_error, on)

    async def _batch(
        self,
        rows: Iterable[Any] | str | Path,
        concurrency: int,
        progress: bool,
        on_error: OnError,
        on: Place | None,
    ) -> list[Any]:
        async with placed(self, on) as there:

            async def one(bound: Mapping[str, Any]) -> Any:
                return (await there.run_row(bound)).value

            return await batch_rows(
                one,
                self.inputs,
                rows,
                concurrency=concurrency,
                progress=progress,
                on_error=on_error,
            )
