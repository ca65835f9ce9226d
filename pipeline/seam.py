"""The seam: who answers when a module, a step, a program or a model is called.

One context variable holds it. While a program is traced it is the recorder, which gives
references in place of values. While a step or a module's body runs it is the engine at
that place of the run. Outside both it is a one-off engine, which the face installs.
What is called asks here, and knows neither.
"""

from __future__ import annotations

import contextlib
import contextvars
import sys
from abc import ABC, abstractmethod
from collections.abc import (
    AsyncGenerator,
    Callable,
    Coroutine,
    Generator,
    Mapping,
    Sequence,
)
from typing import Any, ClassVar, Literal, TypeVar, cast

from .errors import GraphError

Kind = Literal["module", "step", "program"]
T = TypeVar("T")


class Answerer(ABC):
    """Who answers a call."""

    runs: ClassVar[bool] = False
    """Whether it runs what is called, as an `Engine` does; asked for in every call."""

    @abstractmethod
    def call(
        self,
        target: Any,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        after: Any = (),
    ) -> Any:
        """Answer the call of a module, a step or a program.

        Args:
            target: The module, step or program.
            args: Positional arguments.
            kwargs: Named arguments.
            after: Results of nodes that must have run before.
        """


class Recorder(Answerer):
    """Records calls while a program's function runs with references for values."""

    @abstractmethod
    def refused(self, error: GraphError) -> None:
        """Keep what a reference refused: it ends the trace, even if it is caught."""

    @abstractmethod
    def spelt(self, text: str) -> None:
        """Keep the `repr` of a reference: no constant may hold that text."""


class Engine(Answerer):
    """Runs what is called; targets are programs, modules or steps."""

    runs = True

    @abstractmethod
    def acall(
        self, target: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Coroutine[Any, Any, Any]:
        """Answer a call without blocking the event loop."""

    @abstractmethod
    def arun(
        self, target: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], reuse: Any
    ) -> Coroutine[Any, Any, Any]:
        """Run, and give back the value with its trace; `reuse` is an earlier run."""

    @abstractmethod
    def run_row(
        self, target: Any, bound: Mapping[str, Any], record: list[Any] | None
    ) -> Coroutine[Any, Any, Any]:
        """As `arun`, with checked inputs; `record` keeps even a failed run's nodes."""

    @abstractmethod
    def astream(
        self, target: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> AsyncGenerator[Any]:
        """Run, and tell what happens as it happens."""

    @abstractmethod
    def abatch(
        self, target: Any, rows: Any, options: Mapping[str, Any]
    ) -> Coroutine[Any, Any, list[Any]]:
        """Run over many rows, side by side."""

    @abstractmethod
    def skip(self, calls: int) -> None:
        """Leave out the places of calls that a resumed run made already."""

    @abstractmethod
    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end for a synchronous caller."""

    @abstractmethod
    def follow(self, events: AsyncGenerator[Any]) -> Generator[Any]:
        """The same events for a synchronous caller."""

    @abstractmethod
    def each(self, body: Callable[[Any], Any], items: Sequence[Any], most: int) -> Any:
        """A function's results for some items, side by side, in their order."""

    @abstractmethod
    def prompts(self, target: Any, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """What each call would send, by the path of its node; nothing is sent."""

    @abstractmethod
    def parse(self, module: Any, text: str) -> Mapping[str, Any]:
        """The values that a module would read in a reply."""

    @abstractmethod
    def ask(
        self, lm: Any, prompt: Any, sample: int | None, options: Mapping[str, Any]
    ) -> Coroutine[Any, Any, Any]:
        """Ask a model without a module."""

    @abstractmethod
    def ask_now(
        self, lm: Any, prompt: Any, sample: int | None, options: Mapping[str, Any]
    ) -> Any:
        """As `ask`, for a synchronous caller."""

    @abstractmethod
    def score(
        self, lm: Any, prompt: Any, answers: Any, options: Mapping[str, Any]
    ) -> Coroutine[Any, Any, Any]:
        """Say how probable each answer to a prompt is."""

    @abstractmethod
    def embed(self, model: Any, texts: Sequence[str]) -> Coroutine[Any, Any, Any]:
        """The vector of each text, by an embedding model."""

    @abstractmethod
    def decide(
        self, target: Any, inputs: Mapping[str, Any], options: Mapping[str, Any]
    ) -> Coroutine[Any, Any, Any]:
        """Decide a module's output by how probable each choice is, inside a body."""


_answerer: contextvars.ContextVar[Answerer | None] = contextvars.ContextVar(
    "weft_answerer", default=None
)
_made: list[Engine] = []
_installed: list[Callable[[], Engine]] = []
_models: list[Callable[[str], Any]] = []


def install(engine: Callable[[], Engine], model: Callable[[str], Any]) -> None:
    """Say what stands above, imported at first use.

    Args:
        engine: Gives who answers where nobody else does; asked once.
        model: Gives the model of a name such as "openai/gpt-5-mini".
    """
    _installed[:], _made[:], _models[:] = [engine], [], [model]


def model_named(name: str) -> Any:
    """The model that a name stands for.

    Raises:
        ConfigError: The name leads nowhere.
    """
    return _models[0](name)


def one_off() -> Engine:
    """The engine for calls outside any run."""
    if not _made:
        _made.append(_installed[0]())
    return _made[0]


def answerer() -> Answerer:
    """Who answers a call made here."""
    return _answerer.get() or one_off()


def recorder() -> Recorder | None:
    """Who records what is called here, while a program is traced; else None."""
    here = _answerer.get()
    return None if here is None or here.runs else cast("Recorder", here)


@contextlib.contextmanager
def answered_by(one: Answerer) -> Generator[None]:
    """Let one answer the calls of a scope."""
    token = _answerer.set(one)
    try:
        yield
    finally:
        _answerer.reset(token)


def engine(who: str, verb: str) -> Engine:
    """Who runs things here.

    Args:
        who: The name of what is to run.
        verb: The method that was called.

    Raises:
        GraphError: A program is traced right now: there are no values yet.
    """
    here = _answerer.get() or (_made[0] if _made else one_off())
    if here.runs:
        return cast("Engine", here)
    remedy = f"Write {who}(...), which becomes a node; run the finished program"
    raise _refusal(f"{who}.{verb}(...) cannot run", remedy)


def refuse_traced(what: str, remedy: str) -> None:
    """Refuse what makes no sense while a program is traced: there are no values yet.

    Raises:
        GraphError: A program is traced right now.
    """
    if recorder() is not None:
        raise _refusal(what, remedy)


def _refusal(what: str, remedy: str) -> GraphError:
    return GraphError(f"{caller()}: {what} while a program is built", hint=remedy)


def caller() -> str:
    """File and line of the nearest code outside weft and the standard library."""
    # What `inspect.currentframe` is; importing `inspect` takes milliseconds.
    here = sys._getframe()  # pyright: ignore[reportPrivateUsage]
    frame, nearest = here.f_back, ""
    while frame is not None:
        name = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if name != "weft":
            place = f"{frame.f_code.co_filename}:{frame.f_lineno}"
            if name not in sys.stdlib_module_names:
                return place
            nearest = nearest or place
        frame = frame.f_back
    return nearest or "unknown place"
