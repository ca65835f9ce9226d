"""A model that can be called like a function, and asked how probable answers are."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final, ParamSpec, TypeAlias, TypeVar, Unpack, cast

from .. import seam
from ..errors import CallError, ConfigError
from ..ground.hints import brought
from ..media.media import Part
from .lm import Sampling
from .request import Message, Response
from .scoring.likelihoods import Likelihoods, Way
from .scoring.tokens import MOST_SHOWN

Prompt: TypeAlias = str | Sequence[Message | Mapping[str, str | Sequence[Part]]]
"""What a model may be asked: a text, or turns, each with its role and its content."""

FORM: Final = 'Write lm("text"), or lm([{"role": "user", "content": "text"}])'
"""How a prompt is written."""

_UNASKED: Final = frozenset({"forward", "aforward", "__call__", "acall"})
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

    def __init_subclass__(cls) -> None:
        """Refuse a subclass that answers by what no module asks.

        Raises:
            ConfigError: It has a `forward`, or a call of its own.
        """
        super().__init_subclass__()
        for name in sorted(_UNASKED & {*vars(cls)}):
            raise ConfigError(
                f"a module asks a model by `complete`, and never by {cls.__name__}."
                f"{name}",
                hint=brought("package", "BaseLM"),
            )

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
                "content", which is a text or its parts: texts, `weft.Image`s.
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

    def score(
        self,
        prompt: Prompt,
        answers: Sequence[str],
        *,
        by: Way = "auto",
        shown: int = MOST_SHOWN,
    ) -> Likelihoods:
        """How probable each of some answers to a prompt is; asks and waits.

        Args:
            prompt: As of a call.
            answers: Different texts, 1 to 1,000.
            by: "echo" has each answer read back behind its prompt, one call an answer,
                where an endpoint of completions does that; "forced" has a grammar allow
                nothing else, one call an answer, which llama.cpp does; "top" looks into
                the likeliest tokens of one reply. "auto" takes the first of these that
                the endpoint is known to have.
            shown: How many of the likeliest tokens are shown at each place.

        Returns:
            `.probabilities` among these answers, `.best`, `.entropy`, `.margin`; and
            `.unsure`, where the choice hangs on an answer of which it is only known
            that it is at most so probable.

        Raises:
            CallError: The prompt is none, or the answers are no texts.
            ConfigError: The endpoint gives no log-probabilities, or not in that way.
            ModelError: A call failed.
            BudgetExceeded: A call does not fit the budget.
        """
        return _engine(self).wait(self.ascore(prompt, answers, by=by, shown=shown))

    def ascore(
        self,
        prompt: Prompt,
        answers: Sequence[str],
        *,
        by: Way = "auto",
        shown: int = MOST_SHOWN,
    ) -> Coroutine[Any, Any, Likelihoods]:
        """As `score`, without blocking the event loop."""
        options = {"by": by, "shown": shown}
        return _engine(self).score(self, prompt, answers, options)


def _engine(model: object) -> seam.Engine:
    remedy = "Ask through a module, which becomes a node: weft.Predict(...); or ask in "
    remedy += "a @weft.step"
    name = getattr(model, "model", "")
    seam.refuse_traced(f"the model {name!r} cannot be asked", remedy)
    return seam.engine(name, "acall")
