"""What code is given that asks for something outside: functions, names, a clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...pipeline.ground import strictjson
from .functions import Function, Raised
from .outcome import NoData, data_of

MODULES: Final = (
    *("asyncio", "base64", "binascii", "bisect", "collections", "copy", "csv"),
    *("dataclasses", "datetime", "decimal", "functools", "hashlib", "itertools"),
    *("json", "math", "random", "re", "tomllib", "typing", "unicodedata"),
)
"""What code may import, as far as a model is told; nothing of it reaches outside."""

_CLOCKS: Final = ("time.", "datetime.", "date.")


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
