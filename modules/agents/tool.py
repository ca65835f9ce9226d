"""Tools: typed functions that a model may ask for, with arguments of its choosing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import (
    Any,
    Generic,
    ParamSpec,
    TypeVar,
    cast,
    final,
    overload,
)

from ...pipeline.errors import ConfigError, ModelFailure, SignatureError, StepError
from ...pipeline.graph.runnable import Runnable
from ...pipeline.graph.step import Step, StepOptions
from ...pipeline.graph.uses import Used
from ...pipeline.ground import strictjson
from ...pipeline.ground.hints import Advised
from ...pipeline.ground.options import checked
from ...pipeline.ground.plain import described, plain
from ...pipeline.ground.words import brief, counted, said
from ...pipeline.lm.request import JSON
from .arguments import arguments_of, call_words, fields_of, schema_of
from .described import Calling, Described, function_of, node_name
from .docstring import said_in

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)
R = TypeVar("R")

MOST_CHARACTERS = 8_000
"""Of what one call of a tool shows the model, unless the tool says otherwise."""

_ERROR_CHARACTERS = 500


@dataclass(frozen=True)
class ToolOptions:
    """How a tool's results are shown, and who must agree to a call.

    Args:
        most: Characters of a result that the model is shown.
        approval: Whether a person must agree before the function runs.
    """

    most: int = MOST_CHARACTERS
    approval: bool = False

    def __post_init__(self) -> None:
        if type(cast(object, self.most)) is not int or self.most < 1:
            raise ConfigError(
                f"most={self.most!r} is no number of characters",
                hint="Give 1 or more",
            )


@final
class Tool(Advised, Generic[P, R_co]):
    """A typed function that an agent's model may call; to you it is still the function.

    Its arguments are its parameters, checked by their types before it runs. What it
    gives is shown as text, anything else as JSON, cut where it is too long. What it
    raises is told to the model and ends no run. It reaches nothing by itself: whatever
    it may touch, the function was given.

    Args:
        function: Blocking or async, each parameter typed; or a `weft.step`.
        name: What the model calls it; the function's own name by default.
        description: When to use it; what the docstring says by default.
        arguments: What is said of arguments, by name; over the docstring's `Args`.
        options: How results are shown, and who must agree.
        step: How the function runs as a node: timeout, retries.
        uses: Modules, steps and programs that the function calls by itself.

    Raises:
        SignatureError: A parameter has no type or no name, or a type no JSON Schema.
        ConfigError: `arguments` names none of its parameters.

    >>> def look_up(word: str, most: int = 3) -> list[str]:
    ...     '''Look a word up.
    ...
    ...     Args:
    ...         word: In lower case.
    ...     '''
    ...     return [word] * most
    >>> tool = Tool(look_up)
    >>> tool.words
    'look_up(word: text, most: a whole number = 3)'
    >>> tool.descriptions
    {'': 'Look a word up.', 'word': 'In lower case.', 'most': ''}
    >>> tool.checked({"word": "sea", "most": "2"})
    {'word': 'sea', 'most': 2}
    """

    _advised_as = "tool"
    _described: Described | None = None

    @checked
    def __init__(
        self,
        function: Callable[P, Any],
        name: str | None = None,
        description: str | None = None,
        *,
        arguments: Mapping[str, str] | None = None,
        options: ToolOptions | None = None,
        step: StepOptions | None = None,
        uses: Iterable[Used] = (),
    ) -> None:
        uses = tuple(uses)
        rest = {"arguments": arguments, "options": options, "step": step, "uses": uses}
        kind = cast(Any, Tool)
        self._made_again: Callable[[], Any] = partial(
            kind, function, name, description, **rest
        )
        made = _step_of(function, name, uses, step)
        said = said_in(made.__doc__)
        self.description = said.of_all if description is None else description
        words = {**said.of_each, **(arguments or {})}
        self.fields = tuple(fields_of(made, words))
        self._stands_for(made, options)
        known = [each.name for each in self.fields]
        for argument in arguments or ():
            if argument not in known:
                raise ConfigError(
                    f"tool {self.name!r} has no argument {argument!r}",
                    hint=f"It has {', '.join(known) or 'none'}",
                )
        _ = self.schema  # what no schema can say is told now

    @staticmethod
    @checked
    def from_schema(
        name: str,
        description: str | None,
        schema: Mapping[str, Any] | None,
        call: Calling,
        *,
        options: ToolOptions | None = None,
        step: StepOptions | None = None,
    ) -> Tool[[dict[str, Any]], Any]:
        """A tool that a JSON Schema describes, as servers and other frameworks do.

        Its arguments are plain JSON data, by names of any kind, checked against the
        whole schema. An artifact holds the schema, as of any tool.

        Args:
            name: What the model calls it. Characters other than ASCII letters, digits
                and `_` become `_`, since its name is also that of a node.
            description: When to use it; None for nothing.
            schema: The JSON Schema of its arguments, an object, by any draft; None
                where it takes none.
            call: Runs it, blocking or async, with the arguments as one dict. To pickle
                the tool, give a function that can be.
            options: How results are shown, and who must agree.
            step: How it runs as a node: timeout, retries.

        Raises:
            SignatureError: The schema is none, or not one of an object; or it holds a
                pattern that takes more than linear time.
            ConfigError: There is no name, or `call` cannot be called.

        >>> schema = {
        ...     "type": "object",
        ...     "properties": {
        ...         "q": {"type": "string"},
        ...         "per-page": {"type": "integer"},
        ...     },
        ...     "required": ["q"],
        ... }
        >>> found = Tool.from_schema("web.search", "Search.", schema, str)
        >>> found.words
        'web_search(q: text, "per-page"?: a whole number)'
        >>> found.checked({"q": "sea", "per-page": "5"})
        {'arguments': {'q': 'sea', 'per-page': 5}}
        >>> found({"q": "sea"})
        "{'q': 'sea'}"
        """
        made = cast("Tool[[dict[str, Any]], Any]", Tool.__new__(cast(Any, Tool)))
        known = node_name(name)
        again = partial(Tool.from_schema, name, description, schema, call)
        made._made_again = partial(again, options=options, step=step)
        made._described = Described(known, schema)
        made.description, made.fields = description or "", made._described.fields
        made._stands_for(Step(function_of(call, known), known, (), step), options)
        return made

    def _stands_for(self, step: Step[..., Any], options: ToolOptions | None) -> None:
        """Take the step that runs it, and what is known by it."""
        step.tool = self
        self.step: Step[P, R_co] = cast(Any, step)
        self.options = options or ToolOptions()
        self.__name__ = self.name = step.name
        self.__doc__, self.__module__ = step.__doc__, step.__module__
        self.__wrapped__ = step.function

    @property
    def descriptions(self) -> dict[str, str]:
        """What is said of it, under the empty name, and of each argument by name."""
        return {"": self.description} | {f.name: f.description for f in self.fields}

    @property
    def words(self) -> str:
        """How it is called, as a model is told."""
        return call_words(self.name, self.fields)

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of its arguments, an object; as wire formats want it."""
        schema = self.contract
        for each in self.fields:
            part = schema["properties"][each.name]
            if each.description and isinstance(part, dict):
                said = {"description": each.description}
                schema["properties"][each.name] = {**part, **said}
        return schema

    @property
    def contract(self) -> dict[str, Any]:
        """The schema without what is said of arguments: what an artifact compares."""
        if self._described is not None:
            return self._described.contract
        return schema_of(self.name, self.fields)

    def checked(self, arguments: Mapping[str, JSON]) -> dict[str, Any]:
        """Arguments that a model chose, as the function takes them.

        What one plainly means is read: "2" where a whole number is wanted. Defaults are
        left to the function. That of a schema's tool takes them as one dict.

        Args:
            arguments: Plain JSON data by name.

        Raises:
            Misfit: One is unknown, missing, or of another type.
        """
        if self._described is not None:
            return {"arguments": self._described.checked(arguments)}
        return arguments_of(self.name, self.fields, arguments)

    def shown(self, value: Any) -> str:
        """What the function gave, as the model is shown it: text, or JSON."""
        text = strictjson.as_text(plain(value, described))
        return shortened(text, self.options.most)

    @overload
    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> R_co: ...
    @overload
    def __call__(self, /, *args: Any, after: object, **kwargs: Any) -> R_co: ...
    def __call__(self, /, *args: Any, **kwargs: Any) -> R_co:
        """Call the function; inside a program being traced, add a node."""
        return self.step(*args, **kwargs)

    async def acall(self, /, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Call the function without blocking the event loop."""
        return await self.step.acall(*args, **kwargs)

    def __reduce__(self) -> str | tuple[Any, ...]:
        """A tool is found by its name, as its function would be, or made again."""
        path = self.step.function.__qualname__
        found: object = sys.modules.get(self.__module__)
        for name in path.split("."):
            found = getattr(found, name, None)
        return path if found is self else (self._made_again, ())

    def __repr__(self) -> str:
        return f"Tool({self.words})"


def shortened(text: str, most: int) -> str:
    """A text of at most so many characters, and how many it lacks.

    >>> shortened("abcdef", 4)
    'abcd (cut: 2 characters more)'
    """
    if len(text) <= most:
        return text
    return f"{text[:most]} (cut: {counted(len(text) - most, 'character')} more)"


def told(error: StepError | ModelFailure) -> str:
    """What went wrong in a tool, as its model is told: no place in code, no trace."""
    cause = error.__cause__
    words = error.message if cause is None else f"{type(cause).__name__}: {said(cause)}"
    words = words.removesuffix(": ")  # it has no words of its own, as a timeout
    return strictjson.clean(brief(words, _ERROR_CHARACTERS))


def _step_of(
    function: Any, name: str | None, uses: Iterable[Used], options: StepOptions | None
) -> Step[..., Any]:
    """The function as a step of the tool's own, or the step that was given.

    Raises:
        SignatureError: It is no function with a name.
    """
    if not isinstance(function, Step):
        own = getattr(function, "__name__", "")
        asks = isinstance(function, Runnable)
        if asks or not own or not (name or own).isidentifier():
            called = repr(function.name) if asks else brief(repr(function), 100)
            above = f"@weft.tool(uses=[{function.name}])" if asks else "@weft.tool"
            raise SignatureError(
                f"{called} is no tool: a tool is a function with a name",
                hint=f"Write {above} above a typed function that calls it",
            )
        return Step(function, name, uses, options)
    given = cast("Step[..., Any]", function)
    if given.tool is None and name in (None, given.name):
        return given
    return Step(given.function, name, given.uses.originals.values(), given.options)


def tools_in(given: Iterable[Any], what: str = "tool") -> Iterator[Tool[..., Any]]:
    """Tools, steps and typed functions as tools, each with a name of its own.

    Args:
        given: A list of them.
        what: What each is called, for messages.

    Raises:
        ConfigError: It is no list, one is no tool, or two share a name.
    """
    if isinstance(given, str) or not isinstance(cast(object, given), Iterable):
        raise ConfigError(f"{what}s={given!r}", hint=f"Write a list: {what}s=[search]")
    names: set[str] = set()
    for tool in map(as_tool, given):
        if tool.name in names:
            raise ConfigError(
                f"two {what}s are named {tool.name!r}",
                hint="Give one of them another name: weft.Tool(function, name=...)",
            )
        names.add(tool.name)
        yield tool


def as_tool(given: Any) -> Tool[..., Any]:
    """A tool as it is, or a function or a step as one.

    Raises:
        ConfigError: It is none of them.
    """
    if isinstance(given, Tool):
        return cast("Tool[..., Any]", given)
    held = getattr(given, "tool", None)
    if isinstance(held, Tool):
        return cast("Tool[..., Any]", held)
    if not callable(given) or isinstance(given, type):
        raise ConfigError(
            f"{given!r} is no tool", hint="Write @weft.tool above a typed function"
        )
    made: Tool[..., Any] = Tool(given)
    return made
