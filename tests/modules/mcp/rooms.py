"""A server of MCP written by hand: what it does wrong is on purpose (2025-11-25).

It stands on nothing but Python, so that it starts at once. Calls run in threads; what a
client cancels is written to the file that it is given.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import threading
import time
from typing import Any

DOT = base64.b64encode(b"GIF89a\x01\x00\x01\x00\x00\x00\x00;").decode()
TEXT = {"type": "string"}
KEY = os.environ.get("SECRET", "")
lock = threading.Lock()
said = threading.Event()
here = threading.Barrier(4)
answers: list[Any] = []


def tool(name: str, properties: Any = None, **more: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties or {}}
    schema |= more.pop("schema", {})
    return {
        "name": name,
        "description": f"{name}\n  it  is.",
        "inputSchema": schema,
        **more,
    }


RESULT = {"type": "object", "properties": {"result": {"type": "integer"}}}
TOOLS = [
    tool("add", {"a": {"type": "integer"}, "b": {"type": "integer", "default": 1}},
         schema={"required": ["a"]}, outputSchema=RESULT),
    tool("find-rooms", {"from": TEXT, "max-price": {"type": "number"},
         "where": {"$ref": "#/$defs/P"}, "_kind": {"enum": ["a", "b"]}},
         schema={"required": ["from"], "$defs": {"P": {"type": "object",
         "properties": {"town": TEXT}, "required": ["town"],
         "additionalProperties": False}}}),
    tool("either", {"x": TEXT, "y": TEXT},
         schema={"anyOf": [{"required": ["x"]}, {"required": ["y"]}]}),
    tool("strange", {"ref": {"$ref": "http://192.0.2.1/x.json"}, "any": True,
         "bad": {"type": "string", "pattern": "(("}, "": TEXT}),
    tool("say", {"what": TEXT}),
    tool("refuse"), tool("part"), tool("wait", {"seconds": {"type": "number"}}),
    tool("die"), tool("ask"), tool("steps"), tool("wrong", outputSchema=RESULT),
    tool("together"), tool("code", {"code": {"type": "integer"}}),
]  # fmt: skip
TOOLS[5].pop("description")


PAGES = {
    "rooms://rules": {"text": f"No pets. {KEY}", "mimeType": "text/plain"},
    "rooms://plan": {"blob": DOT, "mimeType": "image/gif"},
    "rooms://broken": {"blob": "?", "mimeType": "image/gif"},
    "rooms://ulm/7": {"text": "Room 7."},
}
OFFERED = {
    "resources/list": {"resources": [
        {"uri": "rooms://rules", "name": "rules", "title": "House  rules"},
        {"uri": "rooms://plan", "name": "plan"}]},
    "resources/templates/list": {"resourceTemplates": [
        {"uriTemplate": "rooms://{town}/{room}", "name": "room"}]},
    "prompts/list": {"prompts": [{"name": "greet", "arguments": [
        {"name": "who", "required": True}, {"name": "tone"}]}]},
}  # fmt: skip


def offered(method: str, asked: dict[str, Any]) -> dict[str, Any] | None:
    """What is there beside tools."""
    given = asked.get("params") or {}
    if method == "resources/read" and given["uri"] in PAGES:
        return {"contents": [{"uri": given["uri"], **PAGES[given["uri"]]}]}
    if method == "resources/read" and given["uri"] == "rooms://slow":
        threading.Event().wait(30)
    if method == "prompts/get":
        said = json.dumps(given.get("arguments") or {}, sort_keys=True)
        turns = [("user", f"Greet {said}"), ("assistant", "Hello.")]
        return {"messages": [
            {"role": role, "content": {"type": "text", "text": words}}
            for role, words in turns]}  # fmt: skip
    return OFFERED.get(method)


def send(**data: Any) -> None:
    with lock:
        print(json.dumps({"jsonrpc": "2.0", **data}), flush=True)


def text(words: str, **more: Any) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": words}], **more}


def result(name: str, given: dict[str, Any], token: Any) -> Any:
    match name:
        case "add":
            made = given["a"] + given.get("b", 1)
            return text(str(made), structuredContent={"result": made})
        case "say":
            return text(given.get("what", KEY))
        case "refuse":
            return text("No seats left\non 3 May.", isError=True)
        case "part":
            image = {"type": "image", "data": DOT, "mimeType": "image/gif"}
            broken = {**image, "mimeType": "image/png"}
            link = {"type": "resource_link", "uri": "http://192.0.2.1/", "name": "n"}
            held = {"uri": "file:///a.txt", "text": "inside"}
            file = {"uri": "file:///b.pdf", "mimeType": "application/pdf"}
            file |= {"blob": base64.b64encode(b"%PDF-1.4").decode()}
            parts = [{"type": "text", "text": "a"}, image, broken, link]
            parts += [{"type": "resource", "resource": r} for r in (held, file)]
            return {"content": parts}
        case "wait":
            time.sleep(given["seconds"])
            return text("done")
        case "die":
            print("out of rooms", file=sys.stderr, flush=True)
            os._exit(3)
        case "ask":
            form = {"type": "object", "properties": {"n": {"type": "integer",
                    "default": 3}, "who": TEXT}, "required": ["who"]}  # fmt: skip
            params = {"message": "Who?", "requestedSchema": form}
            send(id="q", method="elicitation/create", params=params)
            said.wait(5)
            return text(json.dumps(answers.pop()))
        case "steps":
            for done in (1, 2):
                told = {"progressToken": token, "progress": done, "total": 2}
                send(method="notifications/progress", params=told)
            return text("ok")
        case "code":  # an error of the protocol's, as servers choose them
            return {"error": {"code": given["code"], "message": f"busy {KEY}"}}
        case "together":
            here.wait(60)
            return text("all here")
        case "wrong":
            return text("no number", structuredContent={"result": "x"})
    return text(json.dumps(given, sort_keys=True))


def call(number: Any, params: dict[str, Any]) -> None:
    token = (params.get("_meta") or {}).get("progressToken")
    made = result(params["name"], params.get("arguments") or {}, token)
    send(id=number, **(made if "error" in made else {"result": made}))


def main(file: str) -> None:
    for line in sys.stdin:
        asked = json.loads(line)
        method, number = asked.get("method"), asked.get("id")
        if method == "initialize":
            info = {"name": "rooms", "version": "7"}
            made = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}}
            send(id=number, result={**made, "serverInfo": info, "instructions": "Hi."})
        elif method == "tools/list":
            if "cursor" in (asked.get("params") or {}):
                send(id=number, result={"tools": TOOLS[2:], "nextCursor": ""})
            else:
                send(id=number, result={"tools": TOOLS[:2], "nextCursor": "2"})
        elif method == "tools/call":
            threading.Thread(target=call, args=(number, asked["params"])).start()
        elif method == "notifications/cancelled":
            with open(file, "a", encoding="utf-8") as kept:  # noqa: PTH123
                kept.write(f"{asked['params']['requestId']}\n")
        elif method is None:
            answers.append(asked.get("result") or asked.get("error"))
            said.set()
        elif (made := offered(str(method), asked)) is not None:
            send(id=number, result=made)
        elif number is not None:
            send(id=number, error={"code": -32601, "message": f"no {method}"})


if __name__ == "__main__":
    main(sys.argv[1])
