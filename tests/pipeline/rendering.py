"""Prompts of many programs as one text, to be compared byte for byte across Pythons.

It needs weft and nothing of the tests' tools, so that any interpreter can print it:
`python -m tests.pipeline.rendering`.
"""

import json
import sys
from collections.abc import Iterator
from typing import Any

import weft
from tests.pipeline import saved
from weft.pipeline.adapters import adapter_of
from weft.pipeline.graph.digest import program_digest

ADAPTERS = ("chat", "json", "xml")
QUESTION = {"question": 'What of "ü", \u2028 and {braces}?', "passages": ["a\nb", "🧵"]}


def rendered() -> str:
    """Every prompt, one turn a line, as plain ASCII."""
    return "".join(f"{line}\n" for line in _lines())


def _lines() -> Iterator[str]:
    for name, given in _programs():
        program = _in_first_editions(given)
        yield json.dumps([name, program_digest(program)])
        for path, module in program.modules.items():
            inputs = {field: f"{{{field}}}" for field in module.spec.inputs}
            yield from _turns(path, module, inputs)
    for adapter in ADAPTERS:
        module = saved.respond.with_(adapter=f"{adapter}/1")
        yield from _turns(f"values in {adapter}", module, QUESTION)


def _in_first_editions(program: weft.Program[..., Any]) -> weft.Program[..., Any]:
    """The program in the forms that it had when the golden file was written."""
    names = {"auto": "chat/1", **{name: f"{name}/1" for name in ADAPTERS}}
    return program.with_parameters(
        {
            slot: names[value]
            for slot, value in program.parameters.items()
            if slot.endswith("/adapter") and value in names
        }
    )


def _programs() -> Iterator[tuple[str, weft.Program[..., Any]]]:
    yield "checked_qa", saved.checked_qa
    yield "deep", saved.deep
    for adapter in ADAPTERS:
        tuned = saved.with_demos(saved.triage)
        yield adapter, tuned.with_parameters({"triage/adapter": adapter})
    for name, kind in saved.KINDS.items():
        yield name, saved.one(kind).with_parameters({"find/adapter": "json"})


def _turns(path: str, module: Any, inputs: dict[str, Any]) -> Iterator[str]:
    adapter = adapter_of(module.parameters.adapter)
    made = adapter.render(module.asked, module.parameters, inputs, schema_mode=True)
    for turn in made.messages:
        yield json.dumps([path, turn.role, turn.content])
    yield json.dumps(made.response_format)


if __name__ == "__main__":
    sys.stdout.write(rendered())
