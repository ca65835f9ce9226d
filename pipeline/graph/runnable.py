"""What programs and modules share: they are called, run, streamed and batched."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import (
    AsyncGenerator,
    Coroutine,
    Generator,
    Iterable,
    Mapping,
    Sequence,
)
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Any,
    Generic,
    Literal,
    Protocol,
    Self,
    cast,
    overload,
    runtime_checkable,
)

from typing_extensions import ParamSpec, TypeVar

from .. import seam
from ..errors import WeftError
from ..events import Event
from ..ground.hints import brought, hint
from ..ground.options import checked
from ..signature.spec import Spec
from ..trace import NodeRun, Run, Trace

P = ParamSpec("P", default=...)
R_co = TypeVar("R_co", covariant=True, default=Any)
OnError = Literal["raise", "keep"]


class Runner(Protocol):
    """What runs one row at a time: a program here, or what stands for it elsewhere."""

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


@runtime_checkable
class Place(Protocol):
    """Somewhere that rows can run."""

    def opened(self, program: Any) -> Any:
        """An asynchronous context that brings a program there and gives its `Runner`.

        Args:
            program: A program or a module; it is not changed.

        Raises:
            WeftError: The program cannot run there; no row ran.
        """
        ...


class Runnable(ABC, Generic[P, R_co]):
    """Something with typed inputs that runs, and tells how it went."""

    node_kind: seam.Kind
    """What it is as a node."""

    if not TYPE_CHECKING:
        # Hidden, so that checkers refuse what is no member.

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_"):
                raise AttributeError(name)
            said = f"{self.name!r} has no attribute {name!r}"
            raise AttributeError(f"{said}. {self._advice(name)}".removesuffix(". "))

        def __setattr__(self, name: str, value: object) -> None:
            change = "" if name.startswith("_") else self._change(name)
            if change:
                said = f"{self.name!r} never changes, and so {name!r} cannot be set"
                raise AttributeError(f"{said}. {change}")
            super().__setattr__(name, value)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Itself: nothing about it ever changes."""
        return self

    def _advice(self, name: str) -> str:
        """What to write instead of an attribute that is not there, or empty."""
        known = [each for each in dir(type(self)) if not each.startswith("_")]
        said = hint("member", name, known)
        return "" if said.startswith("Known") else said

    def _change(self, name: str) -> str:
        """What to write instead of setting an attribute; empty where it may be set."""
        return brought("member", name)

    @property
    @abstractmethod
    def name(self) -> str:
        """What it is called."""

    @property
    @abstractmethod
    def inputs(self) -> Spec:
        """The typed inputs."""

    @abstractmethod
    def place(
        self, args: Sequence[Any], kwargs: Mapping[str, Any], who: str = ""
    ) -> dict[str, Any]:
        """Arguments by input name; values are not checked.

        Raises:
            CallError: An input is misspelt, doubled or missing.
        """

    def bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Checked argument values by input name, defaults filled in.

        Raises:
            CallError: They do not fit.
        """
        return self.inputs.bind(self.place(args, kwargs), self.name)

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Run and wait for the value; inside a program being traced, add a node."""
        return cast(R_co, seam.answerer().call(self, args, kwargs))

    async def acall(self, /, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """As a call, without blocking the event loop.

        Raises:
            CallError: The arguments do not fit; nothing was sent.
            WeftError: A call failed, or no reply could be used.
        """
        engine = seam.engine(self.name, "acall")
        return cast(R_co, await engine.acall(self, args, kwargs))

    @overload
    def run(self, /, *args: P.args, **kwargs: P.kwargs) -> Run[R_co]: ...
    @overload
    def run(
        self, /, *args: Any, reuse: Trace | Run[Any] | None, **kwargs: Any
    ) -> Run[R_co]: ...
    def run(self, /, *args: Any, **kwargs: Any) -> Run[R_co]:
        """Run, wait, and give back the value with its trace, cost and latency.

        Args:
            args: The inputs.
            kwargs: The inputs, and `reuse`: an earlier run, of this program
                or of one it was edited from, whose results are taken wherever a
                node's parameters, inputs, model and sample are the same.
        """
        engine = seam.engine(self.name, "run")
        return engine.wait(self.arun(*args, **kwargs))

    @overload
    async def arun(self, /, *args: P.args, **kwargs: P.kwargs) -> Run[R_co]: ...
    @overload
    async def arun(
        self, /, *args: Any, reuse: Trace | Run[Any] | None, **kwargs: Any
    ) -> Run[R_co]: ...
    async def arun(self, /, *args: Any, **kwargs: Any) -> Run[R_co]:
        """As `run`, without blocking the event loop.

        Raises:
            CallError: The arguments do not fit; nothing ran.
            WeftError: A node failed.
        """
        engine = seam.engine(self.name, "arun")
        reuse = None if "reuse" in self.inputs.inputs else kwargs.pop("reuse", None)
        return cast("Run[R_co]", await engine.arun(self, args, kwargs, reuse))

    def run_row(
        self, bound: Mapping[str, Any], record: list[NodeRun] | None = None
    ) -> Coroutine[Any, Any, Run[R_co]]:
        """Run with checked inputs; `record` keeps the nodes even of a failed run."""
        return seam.engine(self.name, "run").run_row(self, bound, record)

    def stream(self, /, *args: P.args, **kwargs: P.kwargs) -> Generator[Event]:
        """Run and give back what happens as it happens; the last event is `Finished`.

        Modules' fields arrive piece by piece as the model writes them. Leaving the
        iterator early cancels the run.

        Raises:
            CallError: The arguments do not fit; nothing ran.
            WeftError: A node failed, after the events that came before.
        """
        engine = seam.engine(self.name, "stream")
        return engine.follow(engine.astream(self, args, kwargs))

    def astream(self, /, *args: P.args, **kwargs: P.kwargs) -> AsyncGenerator[Event]:
        """As `stream`, for asynchronous code."""
        return seam.engine(self.name, "astream").astream(self, args, kwargs)

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
        engine = seam.engine(self.name, "batch")
        options = _batch(concurrency, progress, on_error, on)
        return engine.wait(engine.abatch(self, rows, options))

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
        engine = seam.engine(self.name, "abatch")
        options = _batch(concurrency, progress, on_error, on)
        return await engine.abatch(self, rows, options)


def _batch(
    concurrency: int, progress: bool, on_error: OnError, on: Place | None
) -> dict[str, Any]:
    given = {"concurrency": concurrency, "progress": progress}
    return {**given, "on_error": on_error, "on": on}
