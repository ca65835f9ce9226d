"""Models that are called like functions: `lm("text")`, `lm(messages)`.

A call goes the way of a module's calls, through cache, budget, retries and trace: it
asks the seam.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final, ParamSpec, TypeAlias, TypeVar, Unpack, cast

from .. import seam
from ..errors import CallError
from .request import Message, Response
from .sampling import Sampling

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
        given = cast(Mapping[str, Any], options)
        return cast(Response, _engine(self).ask_now(self, prompt, sample, given))

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
        return _engine(self).ask(self, prompt, sample, cast(Mapping[str, Any], options))


def _engine(model: object) -> seam.Engine:
    remedy = "Ask through a module, which becomes a node: weft.Predict(...); or ask in "
    remedy += "a @weft.step"
    name = getattr(model, "model", "")
    seam.refuse_traced(f"the model {name!r} cannot be asked", remedy)
    return seam.engine(name, "acall")
