"""A server with every kind of tool that the conformance scenarios call.

python -m bench.mcp.everything PORT
"""

from __future__ import annotations

import asyncio
import base64
import sys
from typing import Annotated, Any, Literal

import pydantic

import weft

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJ"
    "RU5ErkJggg=="
)
WAV = base64.b64decode("UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=")


@weft.tool
def test_simple_text() -> str:
    """A text."""
    return "This is a simple text response for testing."


@weft.tool
def test_image_content() -> weft.Image:
    """An image."""
    return weft.Image(PNG)


@weft.tool
def test_audio_content() -> weft.Audio:
    """Sound."""
    return weft.Audio(WAV)


@weft.tool
def test_embedded_resource() -> weft.File:
    """A text with a type and an address."""
    data = b"This is an embedded resource content."
    return weft.File(data, media_type="text/plain", name="embedded-resource")


@weft.tool
def test_multiple_content_types() -> list[str | weft.Image | weft.File]:
    """A text, an image and a file."""
    data = weft.File(
        b'{"test":"data","value":123}', media_type="application/json", name="mixed"
    )
    return ["Multiple content types test:", weft.Image(PNG), data]


@weft.tool
async def test_tool_with_logging() -> str:
    """Logs three times."""
    here = weft.mcp.context()
    for text in ("started", "processing data", "completed"):
        await here.log(f"Tool execution {text}")
        await asyncio.sleep(0.05)
    return "Tool with logging executed."


@weft.tool
async def test_tool_with_progress() -> str:
    """Says how far it is, three times."""
    here = weft.mcp.context()
    for done in (0, 50, 100):
        await here.report_progress(done, 100)
        await asyncio.sleep(0.05)
    return "Tool with progress executed."


@weft.tool
def test_error_handling() -> str:
    """Fails."""
    raise ValueError("This tool intentionally returns an error for testing")


@weft.tool
async def test_sampling(prompt: str) -> str:
    """Asks the client's model."""
    said = await weft.mcp.context().sample(prompt, max_tokens=100)
    return f"LLM response: {said}"


class Who(pydantic.BaseModel):
    """Who somebody is."""

    username: str = pydantic.Field(description="User's response")
    email: str = pydantic.Field(description="User's email address")


@weft.tool
async def test_elicitation(message: str) -> str:
    """Asks the client's user."""
    made = await weft.mcp.context().elicit(message, Who)
    return f"User response: {made!r}"


class Defaults(pydantic.BaseModel):
    """Fields with a default of each plain type."""

    name: str = "John Doe"
    age: int = 30
    score: float = 95.5
    status: Literal["active", "inactive", "pending"] = "active"
    verified: bool = True


@weft.tool
async def test_elicitation_sep1034_defaults() -> str:
    """Asks with defaults."""
    made = await weft.mcp.context().elicit("Please review", Defaults)
    return f"Elicitation completed: {made!r}"


OPTIONS = ["option1", "option2", "option3"]
TITLED = [
    {"const": f"value{n}", "title": f"{word} Option"}
    for n, word in enumerate(("First", "Second", "Third"), 1)
]
ENUMS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "untitledSingle": {"type": "string", "enum": OPTIONS},
        "titledSingle": {"type": "string", "oneOf": TITLED},
        "legacyEnum": {
            "type": "string",
            "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option One", "Option Two", "Option Three"],
        },
        "untitledMulti": {
            "type": "array",
            "items": {"type": "string", "enum": OPTIONS},
        },
        "titledMulti": {"type": "array", "items": {"anyOf": TITLED}},
    },
    "required": [],
}


@weft.tool
async def test_elicitation_sep1330_enums() -> str:
    """Asks with choices of every form."""
    made = await weft.mcp.context().elicit("Please choose", ENUMS)
    return f"Elicitation completed: {made!r}"


# Questions under version 2026-07-28, where the answer comes with another call ---------


def form(**fields: str) -> dict[str, Any]:
    """The JSON Schema of a form, by the types of its fields."""
    parts = {name: {"type": kind} for name, kind in fields.items()}
    return {"type": "object", "properties": parts, "required": [*fields]}


@weft.tool
async def test_input_required_result_elicitation() -> str:
    """Asks for a name."""
    here = weft.mcp.context()
    made = await here.elicit(
        "What is your name?", form(name="string"), name="user_name"
    )
    return "Nobody" if made is None else f"Hello, {made['name']}!"


@weft.tool
async def test_input_required_result_sampling() -> str:
    """Asks the client's model."""
    here = weft.mcp.context()
    question = "What is the capital of France?"
    return await here.sample(question, max_tokens=100, name="capital_question")


@weft.tool
async def test_input_required_result_list_roots() -> str:
    """Asks where it may work."""
    return ", ".join(await weft.mcp.context().roots(name="client_roots"))


@weft.tool
async def test_input_required_result_request_state() -> str:
    """Asks, and the client keeps the state."""
    here = weft.mcp.context()
    made = await here.elicit("Please confirm", form(ok="boolean"), name="confirm")
    return f"state-ok: {made}"


@weft.tool
async def test_input_required_result_tampered_state() -> str:
    """Asks, and the client may keep another state than it was given."""
    here = weft.mcp.context()
    made = await here.elicit("Please confirm", form(ok="boolean"), name="confirm")
    return f"state-ok: {made}"


@weft.tool
async def test_input_required_result_multiple_inputs() -> str:
    """Asks three things at once."""
    here = weft.mcp.context()
    who, said, where = await asyncio.gather(
        here.elicit("What is your name?", form(name="string"), name="user_name"),
        here.sample("Write a greeting.", max_tokens=100, name="greeting"),
        here.roots(name="client_roots"),
    )
    return f"{said} {who} {where}"


@weft.tool
async def test_input_required_result_multi_round() -> str:
    """Asks one thing after the other."""
    here = weft.mcp.context()
    one = await here.elicit(
        "Step 1: What is your name?", form(name="string"), name="step1"
    )
    two = await here.elicit(
        "Step 2: What is your favorite color?", form(color="string"), name="step2"
    )
    return f"{one} {two}"


@weft.tool
async def test_input_required_result_capabilities() -> str:
    """Asks only what the client can be asked."""
    here = weft.mcp.context()
    if here.can("elicitation"):
        return str(await here.elicit("Your name?", form(name="string"), name="name"))
    if here.can("sampling"):
        return await here.sample("Write a greeting.", name="greeting")
    return "nothing can be asked"


@weft.tool
async def test_missing_capability() -> str:
    """Asks the client's model, whether it has one or not."""
    return await weft.mcp.context().sample("Write a greeting.", name="greeting")


@weft.tool
async def test_streaming_elicitation() -> str:
    """Logs, and asks the client's user."""
    here = weft.mcp.context()
    await here.report_progress(0, 1)
    await here.log("about to ask")
    return str(await here.elicit("Your name?", form(name="string"), name="name"))


@weft.tool
async def test_logging_tool() -> str:
    """Logs once."""
    await weft.mcp.context().log("logged")
    return "done"


Region = Annotated[str, pydantic.Field(json_schema_extra={"x-mcp-header": "Region"})]


@weft.tool
def test_custom_header(region: Region) -> str:
    """An argument that is sent as a header, too."""
    return region


RICH: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}},
           "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}  # fmt: skip
test_rich = weft.Tool.from_schema(
    "json_schema_2020_12_tool", "Tool with JSON Schema 2020-12 features", RICH, str
)

EVERY = [one for name, one in list(globals().items()) if name.startswith("test_")]

if __name__ == "__main__":
    weft.mcp.serve(
        *EVERY, name="everything", transport="http", port=int(sys.argv[1]), path="/mcp"
    )
