"""The far side: one program in a process of its own, told what to do in JSON text.

The program comes as its artifact. Its code does not come at all: the steps and types
that it needs, and the settings of the process, are what this process imports by the
names that the caller wrote in code.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

from .. import modules
from ..pipeline.artifact.fit import fitted
from ..pipeline.artifact.load import parse_artifact
from ..pipeline.artifact.rebuild import rebuilt
from ..pipeline.errors import (
    ArtifactError,
    ConfigError,
    DataError,
    StepError,
    WeftError,
)
from ..pipeline.graph.digest import program_digest
from ..pipeline.graph.module import Module
from ..pipeline.graph.program import Program, as_program
from ..pipeline.ground import strictjson
from ..pipeline.run.bridge import in_thread
from ..pipeline.run.remote import Result, configure_from, error_data, nodes_data
from ..pipeline.run.settings import current, entered
from ..pipeline.trace import NodeRun, Run, info

__all__ = ["Host", "modules"]  # each kind of module is known before a program comes


class Host:
    """Runs rows of one program; each of its methods takes and gives JSON text."""

    def __init__(self) -> None:
        self._program: Program[..., Any] | None = None
        self._result = Result(Any)

    async def begin(
        self, artifact: str, live: str, setup: str, settings: str = ""
    ) -> str:
        """Take a program in.

        Args:
            artifact: The program's.
            live: "module:name" of the program whose steps and types are used, or empty.
            setup: "module:name" of a function that is called once, first, or empty.
            settings: What held where the rows come from, or empty; what `setup` sets
                wins.

        Returns:
            `{}`, or `{"error": ...}`.
        """
        try:
            program = await in_thread(_program, artifact, live, setup, settings)
        except Exception as error:  # noqa: BLE001 - user code; it crosses as its words
            return strictjson.dumps({"error": error_data(_of_setup(error))})
        self._program, self._result = program, Result(program.structure.result)
        return "{}"

    async def run(self, text: str) -> str:
        """Run one row.

        Args:
            text: `inputs` by name, as plain data, the number of the `sample`, and
                whether the run is `logged` where the row came from.

        Returns:
            `value` and `seconds`, or `error`; and `nodes`, those that ran. Where a
            module made the value, `made` is the position of its node.
        """
        nodes: list[NodeRun] = []
        try:
            made = await self._row(strictjson.loads(text), nodes)
        except Exception as error:  # noqa: BLE001 - user code; it crosses as its words
            made = {"error": error_data(error)}
        return _within({**made, "nodes": nodes_data(nodes)})

    async def _row(self, row: Any, nodes: list[NodeRun]) -> dict[str, Any]:
        program = self._program
        if program is None:
            raise ConfigError("a row came before its program")
        given, fields = row["inputs"], program.inputs.inputs
        try:
            bound = {name: fields[name].load(given[name]) for name in fields}
        except ValueError as error:
            raise DataError(str(error)) from None
        here = replace(current(), sample=row["sample"])
        if row["logged"]:
            # The row's line is written where it came from, and only there.
            here = replace(here, trace_log=None)
        with entered(here):
            run = await program.run_row(bound, nodes)
        value = self._result.dump(run.value)
        return {"value": value, "seconds": run.seconds, "made": _maker(run)}


def _program(artifact: str, live: str, setup: str, settings: str) -> Program[..., Any]:
    if settings:
        configure_from(strictjson.loads_object(settings))
    if setup:
        cast("Callable[[], object]", _named(setup, "setup"))()
    where = "the program that was sent"
    made = parse_artifact(artifact, where)
    program = fitted(_live(live), made, where) if live else rebuilt(made, (), where)
    if program_digest(program) != made.digest:
        raise ArtifactError(
            f"{live or where} is not the program {made.name!r} that was sent",
            hint="Let each machine have the same code",
        )
    return program


def _live(text: str) -> Program[..., Any]:
    found = _named(text, "live")
    if isinstance(found, Program | Module):
        return as_program(found)
    raise ConfigError(f"live={text!r} is of type {type(found).__name__}, no program")


def _named(text: str, what: str) -> Any:
    place, _, name = text.partition(":")
    found: Any = importlib.import_module(place)
    if not hasattr(found, name):
        raise ConfigError(
            f"{what}={text!r}: the module {place!r} has no {name!r}",
            hint='Write "package.module:name", as a machine of the cluster imports it',
        )
    return getattr(found, name)


def _within(made: dict[str, Any]) -> str:
    """The text of an answer; one that nobody would read becomes an error."""
    text = strictjson.dumps(made)
    if len(text) <= strictjson.MAX_CHARS:
        return text
    told = StepError(
        f"a row's result and trace take {len(text)} characters, and "
        f"{strictjson.MAX_CHARS} may cross",
        hint="Return less from the program",
    )
    return strictjson.dumps({"error": error_data(told), "nodes": []})


def _of_setup(error: Exception) -> WeftError:
    if isinstance(error, WeftError):
        return error
    return ConfigError(
        f"a worker could not begin: {type(error).__name__}: {error}",
        hint="It imports live= and setup= by name; they must be on its path",
    )


def _maker(run: Run[Any]) -> int | None:
    """The position of the node that made the value, for `weft.info`."""
    try:
        made = info(run.value)
    except TypeError:
        return None
    nodes = run.trace.nodes
    return next((n for n, node in enumerate(nodes) if node is made), None)
