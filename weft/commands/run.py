"""The commands that let a program answer: once, on rows, or as a server does.

`weft run` prints what it gave, `weft finetune` writes chats of its good rows, and
`weft mcp serve` answers clients of the Model Context Protocol.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..exports import finetuning_rows, write_rows
from ..modules.mcp.server import (
    Server,
    Transport,
    listen_at,
    place_of,
    process_wire,
)
from ..pipeline.artifact.state import SUFFIX
from ..pipeline.data.example import Example
from ..pipeline.errors import ConfigError, WeftError, did_you_mean
from ..pipeline.graph.program import Program
from ..pipeline.ground.words import counted
from ..pipeline.measure.row_result import outputs
from ..pipeline.run.bridge import run_sync
from ..pipeline.run.rows import bind_row, map_rows, progress_bar
from ..pipeline.trace import Call, NodeRun
from .arguments import inputs_from, measured, rows_at, settings
from .files import require_writable
from .output import (
    Outcome,
    Spent,
    json_text,
    on_terminal,
    remark,
)
from .targets import objects_named, program_named


def run(arguments: argparse.Namespace) -> Outcome:
    """Run a program with the inputs of --set, or on the rows of --data."""
    program = program_named(arguments.target, arguments.program)
    if arguments.data is not None:
        return _on_rows(arguments, program)
    inputs = inputs_from(program, arguments.set)
    with settings(arguments):
        made = program.run(**inputs)
    value, spent = outputs(made.value), Spent.on(made.trace.calls)
    text = value if isinstance(value, str) else json_text(value)
    data = {"program": program.name, "value": value, **spent.data()}
    return Outcome(text, {**data, "seconds": round(made.seconds, 3)}, 0, str(spent))


def _on_rows(arguments: argparse.Namespace, program: Program[..., Any]) -> Outcome:
    rows = rows_at(arguments.data, program)
    remark(f"{program.name}: {counted(len(rows), 'row')}", quiet=arguments.quiet)
    calls: list[Call] = []
    drawn = on_terminal(quiet=arguments.quiet)
    with (
        settings(arguments),
        progress_bar(len(rows), program.name, shown=drawn) as advance,
    ):
        lines = run_sync(_answers(program, rows, calls, arguments.concurrency, advance))
    failed = sum("error" in line for line in lines)
    spent = Spent.on(calls)
    text = "\n".join(json_text(line) for line in lines)
    data = {"program": program.name, "rows": lines, "failed": failed, **spent.data()}
    said = f"{counted(len(lines), 'row')}, {spent}"
    if failed:
        said += f"\n{counted(failed, 'row')} failed; the output says why"
    return Outcome(text, data, int(failed > 0), said)


async def _answers(
    program: Program[..., Any],
    rows: list[Example],
    calls: list[Call],
    concurrency: int,
    done: Callable[[], None],
) -> list[dict[str, Any]]:
    """One line a row, in their order; an error that only one row has is its line."""
    bound = [bind_row(program.inputs, row.inputs, row.id) for row in rows]

    async def one(position: int, inputs: Mapping[str, Any]) -> dict[str, Any]:
        row, nodes = rows[position].id, list[NodeRun]()
        try:
            made = await program.run_row(inputs, nodes)
        except WeftError as error:
            if error.aborts:
                raise
            return {"id": row, "error": f"{type(error).__name__}: {error}"}
        finally:
            calls.extend(call for node in nodes for call in node.calls)
        return {"id": row, "value": outputs(made.value)}

    return await map_rows(one, bound, concurrency=concurrency, done=done)


def finetune(arguments: argparse.Namespace) -> Outcome:
    """Run a program on rows, and keep what its modules said where it was right."""
    given = measured(arguments)
    program = given.program
    out, module = Path(arguments.out), arguments.module
    if module is not None and module not in program.modules:
        hint = did_you_mean(module, program.modules)
        raise ConfigError(f"{program.name!r} has no module {module!r}", hint=hint)
    require_writable(out)
    with settings(arguments):
        found = given.scored(arguments)
    made = finetuning_rows(found, at_least=arguments.at_least, module=module)
    write_rows(made, out)
    spent, failed = Spent.of(found), len(found.failures)
    data = {"out": str(out), "chats": len(made), "rows": len(found.rows)}
    data |= {"failures": failed, **spent.data()}
    said = f"{spent}; {counted(failed, 'row')} failed" if failed else str(spent)
    text = f"{counted(len(made), 'chat')} from {counted(len(found.rows), 'row')}"
    return Outcome(f"{text}, in {out}", data, int(failed > 0), said)


def mcp(arguments: argparse.Namespace) -> Outcome:
    """Serve until the client leaves, or, over HTTP, until it is interrupted."""
    host, port = str(arguments.host), arguments.http
    with contextlib.ExitStack() as stack:
        # What a target prints while it is imported is none of the protocol, either.
        wire = None if port is not None else stack.enter_context(process_wire())
        socket = None if port is None else stack.enter_context(listen_at(host, port))
        stack.enter_context(settings(arguments))
        server = Server(*_served(arguments.target))
        names = ", ".join(tool["name"] for tool in server.listed())
        where = "stdio" if socket is None else f"http://{place_of(socket)}/mcp"
        remark(f"serving {names} on {where}", quiet=arguments.quiet)
        allowed = arguments.allow_host
        given: dict[str, Any] = {"host": host, "listening": socket, "wire": wire}
        transport: Transport = "stdio" if socket is None else "http"
        asyncio.run(server.run(transport, **given, allowed_hosts=allowed))
    return Outcome("", None)


def _served(texts: list[str]) -> list[Any]:
    """What is served, in the order in which it was named."""
    live = [text for text in texts if not text.endswith(SUFFIX)]
    found = dict(zip(live, objects_named(live), strict=True))
    for text, target in found.items():
        if not callable(target) or isinstance(target, type):
            raise ConfigError(
                f"{text!r} is of type {type(target).__name__}, nothing to serve",
                hint="Name a program, a module, a tool or a typed function",
            )
    return [found[text] if text in found else program_named(text) for text in texts]
