"""A client for the conformance scenarios: `weft.mcp.tools`, and calls of what it gives.

The suite appends the server's address, and names the scenario in the environment.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import Any

import weft


def call_every(box: weft.mcp.Toolbox, arguments: dict[str, Any]) -> None:
    """Call each tool with what it needs, made up by its types."""
    for tool in box:
        given = {
            spec.name: arguments.get(spec.name, made_up(spec.schema))
            for spec in tool.fields
            if spec.required or spec.name in arguments
        }
        with contextlib.suppress(weft.errors.StepError):
            print(tool.name, tool(given))


def made_up(schema: dict[str, Any]) -> Any:
    """A value of a type."""
    kinds: dict[str, Any] = {
        "integer": 1,
        "number": 1,
        "boolean": True,
        "array": [],
        "object": {},
    }
    return kinds.get(str(schema.get("type")), "text")


def main(url: str) -> None:
    """Do what a scenario wants of a client."""
    scenario = os.environ.get("MCP_CONFORMANCE_SCENARIO", "")
    version = os.environ.get("MCP_CONFORMANCE_PROTOCOL_VERSION", "auto")
    told = json.loads(os.environ.get("MCP_CONFORMANCE_CONTEXT") or "{}")
    handlers = weft.mcp.Handlers(
        elicit=lambda message, schema: {},
        lm=weft.ScriptedLM({"": "a sentence"}),
        roots=["."],
    )
    place = weft.mcp.Http(url, protocol=version)
    with weft.mcp.tools(place, handlers=handlers, timeout=20) as box:
        for planned in told.get("toolCalls") or ():
            print(planned)
            with contextlib.suppress(weft.errors.StepError):
                box[planned["name"]](planned.get("arguments") or {})
        if scenario.startswith("json-schema") and "json_schema_echo" in box.by_name:
            rich = box.told["json_schema_2020_12_tool"]["inputSchema"]
            box["json_schema_echo"]({"schema": rich})
            return
        if scenario != "initialize" and not told.get("toolCalls"):
            call_every(box, {"a": 5, "b": 3})


if __name__ == "__main__":
    main(sys.argv[-1])
