"""Suspended runs, gone on with: here, or in another process."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Generator, Mapping
from typing import Any, Final

from .pipeline.errors import ConfigError, DataError
from .pipeline.graph.digest import program_digest
from .pipeline.graph.module import Module
from .pipeline.graph.program import Program, as_program
from .pipeline.ground import strictjson
from .pipeline.ground.shapes import is_dict, is_list, is_mapping
from .pipeline.run.body import FORMAT, resumed
from .pipeline.trace import Run

_REFUSED: Final = "A person refused this call."
_KEYS: Final = {"format", "program", "name", "inputs", "journal", "pending"}


def resume(
    program: Program[..., Any] | Module[..., Any],
    data: Mapping[str, Any] | str,
    *,
    approved: bool | str,
) -> Run[Any]:
    """Go on with a suspended run, in this process or another.

    Args:
        program: The program as it was, with the same tools.
        data: `Suspended.data`, or its JSON text.
        approved: True lets the pending call run, False refuses it; a text refuses it
            too, and is told to the model.

    Returns:
        The finished run; its trace begins where the run goes on.

    Raises:
        DataError: The data is none, or of another program.
        Suspended: The next call waits for approval.
    """
    given = _checked(program, data, approved)
    with _going_on(given, approved):
        return program.run(**given["inputs"])


async def aresume(
    program: Program[..., Any] | Module[..., Any],
    data: Mapping[str, Any] | str,
    *,
    approved: bool | str,
) -> Run[Any]:
    """As `resume`, without blocking the event loop."""
    given = _checked(program, data, approved)
    with _going_on(given, approved):
        return await program.arun(**given["inputs"])


@contextlib.contextmanager
def _going_on(data: Mapping[str, Any], approved: bool | str) -> Generator[None]:
    journal: dict[str, list[Any]] = json.loads(json.dumps(data["journal"]))
    for entry in (entry for kept in journal.values() for entry in kept):
        entry.pop("approved", None)  # nobody approves by data
    pending = data["pending"]
    entry = journal[pending["place"]][pending["number"]]
    # Blank words would look to the model like a tool that ran and gave nothing.
    why = approved if isinstance(approved, str) and approved.strip() else _REFUSED
    entry["approved"] = True if approved is True else why
    token = resumed.set(journal)
    try:
        yield
    finally:
        resumed.reset(token)


def _checked(
    program: Program[..., Any] | Module[..., Any],
    given: Mapping[str, Any] | str,
    approved: object,
) -> dict[str, Any]:
    if not isinstance(approved, bool | str):
        raise ConfigError(
            f"approved={approved!r}", hint="Give True, False, or the reason why not"
        )
    hint = "Give what weft.Suspended held as .data"
    if not isinstance(given, str) and not is_mapping(given):
        said = f"this is no suspended run: it is {given!r:.80}, no JSON object"
        raise DataError(said, hint=hint)
    try:
        loads = strictjson.loads_object
        data = loads(given if isinstance(given, str) else json.dumps(dict(given)))
    except (ValueError, TypeError, RecursionError) as error:
        raise DataError(f"this is no suspended run: {error}", hint=hint) from None
    if {*data} != _KEYS or data["format"] != FORMAT or not _is_whole(data):
        raise DataError(f"this is no suspended run of format {FORMAT!r}", hint=hint)
    if data["program"] != program_digest(as_program(program)):
        raise DataError(
            f"this run is of {data['name']!r:.200} as it was, and {program.name!r} is "
            "another program, or has other parameters or tools",
            hint="Resume it with the program that was suspended",
        )
    return data


def _is_whole(data: Mapping[str, Any]) -> bool:
    """Whether the journal has the entry that is pending."""
    journal, pending = data["journal"], data["pending"]
    if not (is_dict(journal) and is_dict(pending) and is_dict(data["inputs"])):
        return False
    if not all(is_list(kept) and all(map(is_dict, kept)) for kept in journal.values()):
        return False
    place, number = pending.get("place"), pending.get("number")
    kept: list[Any] = journal.get(place, []) if isinstance(place, str) else []
    return type(number) is int and 0 <= number < len(kept)
