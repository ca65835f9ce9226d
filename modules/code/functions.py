"""Functions that code in a sandbox may call, and what it gets where it calls one."""

from __future__ import annotations

import builtins
import keyword
import unicodedata
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from ...pipeline.errors import ConfigError, ModelFailure, StepError, WeftError
from ...pipeline.ground import strictjson
from ...pipeline.ground.plain import described, plain
from ...pipeline.ground.words import brief, counted, said
from ...pipeline.lm.request import JSON
from ...pipeline.signature.field import FieldSpec
from ..agents.arguments import Misfit
from ..agents.tool import Tool, tools_in
from .outcome import NoData, data_of

Function = Callable[[Sequence[JSON], Mapping[str, JSON]], Awaitable[JSON]]
"""Called with the plain data that the code gave, by position and by name."""

MODULES: Final = (
    *("asyncio", "base64", "binascii", "bisect", "collections", "copy", "csv"),
    *("dataclasses", "datetime", "decimal", "functools", "hashlib", "itertools"),
    *("json", "math", "random", "re", "tomllib", "typing", "unicodedata"),
)
"""What code may import, as far as a model is told; nothing of it reaches outside."""

_CLOCKS: Final = ("time.", "datetime.", "date.")
_MOST_WORDS: Final = 1_000
_KNOWN: Final = frozenset(
    (
        *("ArithmeticError", "AssertionError", "AttributeError", "Exception"),
        *("FileExistsError", "FileNotFoundError", "ImportError", "IndexError"),
        *("IsADirectoryError", "KeyError", "LookupError", "MemoryError", "NameError"),
        *("NotADirectoryError", "NotImplementedError", "OSError", "OverflowError"),
        *("PermissionError", "RecursionError", "RuntimeError", "TimeoutError"),
        *("TypeError", "ValueError", "ZeroDivisionError"),
    )
)


class Raised(Exception):
    """An ordinary exception inside the code that called.

    Args:
        kind: Its type, one that Python has built in; any other is a RuntimeError.
        words: What it says.
    """

    def __init__(self, kind: str, words: str) -> None:
        super().__init__(words)
        self.kind = kind if kind in _KNOWN else "RuntimeError"


class Ended(Exception):
    """The run is over, as if the code ended where it called."""


def raised_of(error: BaseException) -> Raised:
    """What a function raised, as its caller in the sandbox sees it: no path, no trace.

    >>> error = raised_of(KeyError("Ada"))
    >>> error.kind, str(error)
    ('KeyError', 'Ada')
    """
    words = error.message if isinstance(error, WeftError) else said(error)
    if isinstance(error, KeyError) and len(error.args) == 1:
        words = said(error.args[0])  # which the code's own KeyError puts in quotes
    words = brief(words, _MOST_WORDS)
    for kind in type(error).__mro__:
        if kind.__name__ in _KNOWN and kind is getattr(builtins, kind.__name__):
            name = kind.__name__
            break
    else:
        name = "RuntimeError"
    if type(error).__name__ == name:
        return Raised(name, words)
    plainly = "RuntimeError" if name == "Exception" else name
    return Raised(plainly, f"{type(error).__name__}{': ' if words else ''}{words}")


def raised_by(error: StepError | ModelFailure) -> Raised:
    """The same of a part that failed: what its function raised, where one did."""
    return raised_of(error.__cause__ or error)


def named(
    name: str,
    fields: Sequence[FieldSpec],
    given: Sequence[JSON],
    more: Mapping[str, JSON],
) -> dict[str, JSON]:
    """The arguments of a call, all by name.

    Raises:
        Misfit: There are too many, or one is given twice.
    """
    names = [field.name for field in fields]
    if len(given) > len(names):
        takes = f"at most {len(names)}: {', '.join(names)}" if names else "none"
        raise Misfit(f"{name} got {counted(len(given), 'argument')}, and takes {takes}")
    made: dict[str, JSON] = dict(zip(names, given, strict=False))
    for key, value in more.items():
        if key in made:
            raise Misfit(f"{name} got {key!r} twice")
        made[key] = value
    return made


def check_called(tool: Tool[..., Any]) -> None:
    """Refuse a tool that no code can call by its name.

    Raises:
        ConfigError: Python reads its name as something else.
    """
    if not is_name(tool.name):
        raise ConfigError(
            f"no code can call a tool by the name {tool.name!r}",
            hint="Give it another name: weft.Tool(function, name=...)",
        )


def is_name(text: str) -> bool:
    """Whether Python reads a text as the name that it is.

    >>> is_name("prices"), is_name("class"), is_name("\ufb01"), is_name("a b")
    (True, False, False, False)
    """
    as_read = unicodedata.normalize("NFKC", text) == text
    return text.isidentifier() and not keyword.iskeyword(text) and as_read


def functions_of(given: Iterable[Any]) -> dict[str, Function]:
    """Tools and typed functions, by the names by which code calls them.

    Raises:
        ConfigError: One is no tool, two share a name, or one waits for approval.
    """
    made: dict[str, Function] = {}
    for tool in tools_in(given, "function"):
        check_called(tool)
        if tool.options.approval:
            raise ConfigError(
                f"{tool.name!r} waits for approval, and a sandbox alone asks nobody",
                hint="Give it to weft.CodeAct, whose run is suspended for it",
            )
        made[tool.name] = _function(tool)
    return made


def _function(tool: Tool[..., Any]) -> Function:
    async def called(given: Sequence[JSON], more: Mapping[str, JSON]) -> JSON:
        try:
            checked = tool.checked(named(tool.name, tool.fields, given, more))
            value: Any = await tool.step.acall(**checked)
        except Misfit as error:
            raise Raised("TypeError", str(error)) from None
        except (StepError, ModelFailure) as error:
            raise raised_by(error) from None
        except WeftError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the code sees it
            raise raised_of(error) from None
        return given_back(value)

    return called


def given_back(value: Any) -> JSON:
    """What a function gave, as the code gets it: plain data, else its text."""
    data: JSON = plain(value, described)
    return data


async def called(at: Any, functions: Mapping[str, Function]) -> dict[str, Any]:
    """What a function gives, or raises in the code, where it stopped to call one."""
    try:
        given = [data_of(value) for value in at.args]
        named = {name: data_of(value) for name, value in at.kwargs.items()}
        value = await functions[str(at.function_name)](given, named)
    except NoData as error:
        return {"exc_type": "TypeError", "message": f"{at.function_name}: {error}"}
    except Raised as error:
        return {"exc_type": error.kind, "message": strictjson.clean(str(error))}
    return {"return_value": value}


async def refused(at: Any) -> Any:
    """What code gets that asks for what is not there."""
    name = str(at.function_name)
    if not at.is_os_function:
        return await at.resume(
            {"exc_type": "NameError", "message": f"name {name!r} is not defined"}
        )
    if name == "import":
        return await at.resume(
            {
                "exc_type": "ModuleNotFoundError",
                "message": f"No module named {str(at.args[0])!r}; there are "
                f"{', '.join(MODULES)}",
            }
        )
    if name.startswith(_CLOCKS):
        words = "the sandbox has no clock: the time would have to be an input"
        return await at.resume({"exc_type": "RuntimeError", "message": words})
    return await at.resume_not_handled()
