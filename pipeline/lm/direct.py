"""Models that are called like functions: `lm("text")`, `lm(messages)`.

A call goes the way of a module's calls, through cache, budget, retries and trace. Those
belong to the runtime, which knows models, so what makes the call is imported when the
first one is made.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import (
    TYPE_CHECKING,
    Any,
    Final,
    ParamSpec,
    TypeAlias,
    TypeVar,
    Unpack,
    cast,
)

from ..errors import CallError
from ..ground.lazy import deferred
from .lm import LanguageModel
from .request import Message, Response
from .sampling import Sampling

if TYPE_CHECKING:
    from ..run import bare
else:
    bare = deferred("weft.pipeline.run", "bare")

Prompt: TypeAlias = str | Sequence[Message | Mapping[str, str]]
"""What a model may be asked: a text, or turns, each with its role and its content."""

FORM: Final = 'Write lm("text"), or lm([{"role": "user", "content": "text"}])'
"""How a prompt is written."""

P = ParamSpec("P")
T = TypeVar("T")


def _asking_one(function: Callable[P, T]) -> Callable[P, T]:
    """Give a call with no prompt, a named one or several a typed error."""

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        given = len(cast("tuple[object, ...]", args))
        if given != 2:  # the model and its prompt
            raise CallError("a model is asked one thing, without a name", hint=FORM)
        return function(*args, **kwargs)

    return wrapper


class Direct:
    """A model that can be called."""

    __slots__ = ()

    @_asking_one
    def __call__(
        self,
        prompt: Prompt,
        /,
        *,
        sample: int | None = None,
        **options: Unpack[Sampling],
    ) -> Response:
        """Ask and wait: a text is what a user says, or what a base model continues.

        Args:
            prompt: A text, or turns: `weft.Message`s, or mappings of "role" and
                "content".
            sample: Which of several answers is wanted; the scope's where not given.
            options: Sampling options for this call, over the model's own.

        Returns:
            The answer: `.text`, `.usage`, `.cost`, `.reasoning`.

        Raises:
            CallError: The prompt is no text and no turns.
            ConfigError: An option is unknown, or has a value that cannot be sent.
            GraphError: A program is traced: there are no values yet.
            ModelError: The call failed.
            BudgetExceeded: The call does not fit the budget; nothing was sent.
        """
        return bare.ask_now(cast(LanguageModel, self), prompt, sample, options)

    @_asking_one
    def acall(
        self,
        prompt: Prompt,
        /,
        *,
        sample: int | None = None,
        **options: Unpack[Sampling],
    ) -> Coroutine[Any, Any, Response]:
        """As a call, without blocking the event loop: `await lm.acall("text")`."""
        return bare.ask_later(cast(LanguageModel, self), prompt, sample, options)
