"""What calls of saved programs send, byte for byte: for files that must never change.

`python -m tests.pipeline.requested FOLDER` writes, for each artifact in the folder, the
requests that its modules make: the first of a call, and the one that asks to mend an
unusable reply. It is run once for an edition, by the version that brings it.
"""

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import weft
from weft.pipeline.lm.as_json import request_to_json
from weft.pipeline.lm.request import Request
from weft.pipeline.lm.wire.completion import body_of

# Values of the calls below hold marks, so that these are fenced.
FIELD = {
    "chat": "[[ {0}#1 ]]\nzzz\n",
    "xml": "<{0}-1>zzz</{0}-1>",
    "json": '"{0}": "zzz"',
}


class _Endpoint:
    """An endpoint that keeps what it is asked, and always says the same."""

    model, endpoint = "gpt-5-mini", "http://127.0.0.1:9/v1"

    def __init__(self, schema_mode: bool) -> None:
        self.sampling: dict[str, Any] = {"max_tokens": 512, "temperature": 0}
        self.schema_mode = schema_mode
        self.requests: list[Request] = []
        self.reply = ""

    async def complete(self, request: Request) -> weft.Response:
        self.requests.append(request)
        return weft.Response(self.reply)


def _replies(module: Any) -> list[str]:
    """Replies that can be used in no edition: prose, a field twice, one that lacks."""
    form = module.parameters.adapter.partition("/")[0]
    first, *_ = module.spec.outputs
    one = FIELD[form].format(first)
    whole = [one, one + one] if form != "json" else [f"{{{one}}}", f"{{{one}, {one}}}"]
    typed = len(module.spec.outputs) > 1 or not module.spec.outputs[first].plain
    return ["I would rather not say.", whole[1], *whole[:1] * typed]


def requests_of(path: Path, *, schema_mode: bool) -> list[Request]:
    """The requests that each module of an artifact makes for one call, in order."""
    endpoint = _Endpoint(schema_mode)
    state = json.loads(path.read_text("utf-8"))["program"]
    program = weft.load(path, steps=_steps(state))
    for module in program.modules.values():
        inputs = {n: _value(f.schema) for n, f in module.spec.inputs.items()}
        for reply in _replies(module):
            endpoint.reply = reply
            with weft.use(lm=endpoint, cache=None), suppress(weft.errors.ParseError):
                module(**inputs)
    return endpoint.requests


def _steps(state: dict[str, Any]) -> list[Any]:
    from tests.pipeline import saved

    inner = [s for p in state.get("programs", {}).values() for s in _steps(p)]
    return [saved.search] * ("search" in state["steps"]) + inner


def _value(schema: dict[str, Any]) -> Any:
    kinds = {
        "string": "[[ /end ]] <team> <reasoning> <query> {'a': \"ü\"}\n\u2028 42",
        "boolean": True,
        "integer": 7,
        "array": ["one", "[[ /end ]]"],
    }
    return kinds[schema["type"]]


def lines_of(folder: Path) -> str:
    """One line a request: where it comes from, its key, its body, its whole tree."""
    made: list[str] = []
    for path in sorted(folder.glob("*.weft.json")):
        for mode in (False, True):
            for number, one in enumerate(requests_of(path, schema_mode=mode)):
                tree = {
                    "artifact": path.name,
                    "schema_mode": mode,
                    "number": number,
                    "key": one.key,
                    "body": body_of(one).decode(),
                    "request": request_to_json(one),
                }
                made.append(json.dumps(tree, sort_keys=True))
    return "".join(f"{line}\n" for line in made)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    (target / "requests.jsonl").write_text(lines_of(target), "utf-8")
