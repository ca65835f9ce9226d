"""What programs and modules share: to run, to stream and to batch."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncGenerator, Coroutine, Generator, Mapping
from typing import (
    TYPE_CHECKING,
    Any,
    Generic,
    ParamSpec,
    Self,
    TypeVar,
    cast,
    overload,
)

from ..graph.tracing import refuse_running
from ..ground.hints import brought, hint
from .batching import Batched
from .bridge import run_sync
from .calling import begun
from .events import Event
from .memo import remembering
from .runtime import Runtime, current
from .stream import events_of, sync_events
from .trace import NodeRun, Run, Trace

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)


class Runnable(Batched[R_co], Generic[P, R_co]):
    """Something with typed inputs that runs, and tells how it went."""

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
                raise AttributeError(f"{said}. Write {change}: it gives a new one")
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
        """How a copy with another attribute is made; empty where it may be set."""
        fixed = brought("member", name) or hasattr(type(self), name)
        return f"with_({name}=...)" if fixed else ""

    @abstractmethod
    def place(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any], who: str = ""
    ) -> dict[str, Any]:
        """Arguments by input name; values are not checked.

        Raises:
            CallError: An input is misspelt, doubled or missing.
        """

    @abstractmethod
    def run_at(
        self, bound: Mapping[str, Any], runs: list[NodeRun], outer: Runtime, path: str
    ) -> Coroutine[Any, Any, Run[R_co]]:
        """Run with checked inputs at a path; `runs` takes the nodes, in order."""

    @overload
    def run(self, *args: P.args, **kwargs: P.kwargs) -> Run[R_co]: ...
    @overload
    def run(
        self, *args: Any, reuse: Trace | Run[Any] | None, **kwargs: Any
    ) -> Run[R_co]: ...
    def run(self, *args: Any, **kwargs: Any) -> Run[R_co]:
        """Run, wait, and give back the value with its trace, cost and latency.

        Args:
            args: The inputs.
            kwargs: The inputs, and `reuse`: an earlier run, of this program
                or of one it was edited from, whose results are taken wherever a
                node's parameters, inputs, model and sample are the same.
        """
        refuse_running(self.name, "run")
        return run_sync(self.arun(*args, **kwargs))

    @overload
    async def arun(self, *args: P.args, **kwargs: P.kwargs) -> Run[R_co]: ...
    @overload
    async def arun(
        self, *args: Any, reuse: Trace | Run[Any] | None, **kwargs: Any
    ) -> Run[R_co]: ...
    async def arun(self, *args: Any, **kwargs: Any) -> Run[R_co]:
        """As `run`, without blocking the event loop.

        Raises:
            CallError: The arguments do not fit; nothing ran.
            WeftError: A node failed.
        """
        refuse_running(self.name, "arun")
        reuse = None if "reuse" in self.inputs.inputs else kwargs.pop("reuse", None)
        there = begun(self, self.name, current())
        mine = cast("Self", there.target)
        bound = mine.inputs.bind(mine.place(args, kwargs), self.name)
        with remembering(reuse):
            return await mine.run_at(bound, [], there.runtime, there.path)

    def stream(self, *args: P.args, **kwargs: P.kwargs) -> Generator[Event]:
        """Run and give back what happens as it happens; the last event is `Finished`.

        Modules' fields arrive piece by piece as the model writes them. Leaving the
        iterator early cancels the run.

        Raises:
            CallError: The arguments do not fit; nothing ran.
            WeftError: A node failed, after the events that came before.
        """
        refuse_running(self.name, "stream")
        return sync_events(self.astream(*args, **kwargs))

    def astream(self, *args: P.args, **kwargs: P.kwargs) -> AsyncGenerator[Event]:
        """As `stream`, for asynchronous code."""
        bound = self.inputs.bind(self.place(args, kwargs), self.name)
        return events_of(lambda: self.run_row(bound))
