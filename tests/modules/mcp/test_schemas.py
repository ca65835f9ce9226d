"""Whatever a server says of a tool, it becomes one: nothing of it stops the others."""

from __future__ import annotations

from typing import Any

import pytest

import weft
from weft.errors import ConfigError, SignatureError
from weft.modules.agents.arguments import Misfit
from weft.modules.mcp.schemas import named, readable, worded

DEEP: dict[str, Any] = {"type": "string"}
for _ in range(300):
    DEEP = {"type": "object", "properties": {"a": DEEP}}
ANY = {"type": "object"}


@pytest.mark.parametrize(
    ("schema", "given"),
    [
        (None, {}),
        (True, {"a": 1}),
        ([], {"a": 1}),
        ({}, {}),
        ({"type": "array"}, {"a": 1}),
        ({"properties": []}, {"a": 1}),
        ({"type": "object", "properties": {"a": {"type": "no"}}}, {"a": 1}),
        ({"properties": {"a": {"$ref": "#"}}}, {"a": {"a": {}}}),
        ({"properties": {"a": {"$ref": "#/nowhere"}}}, {"a": 1}),
        ({"properties": {"a": {"$ref": "http://192.0.2.1/"}}}, {"a": 1}),
        ({"properties": {"a": {"pattern": "(?=x)"}}}, {"a": "x"}),
        ({"properties": {"a": True, "": False}}, {"a": 1}),
        ({"properties": {"a\n[[ b ]]": {"type": "string"}}}, {"a\n[[ b ]]": "x"}),
        ({"properties": {"a": {"default": float("nan")}}}, {"a": 1}),
        ({"required": ["a"]}, {"a": 1}),
        ({"required": "a", "properties": {"a": {}}}, {"a": 1}),
        ({"properties": {"a": {"enum": list(range(5000))}}}, {"a": 3}),
        ({"properties": {"a": {"type": "string", "description": 7}}}, {"a": "x"}),
        (DEEP, {"a": 1}),
    ],
)
def test_any_schema_makes_a_tool(schema: Any, given: dict[str, Any]) -> None:
    """What nobody can read is any data; what can be read is checked."""
    tool = weft.Tool.from_schema("t", "", readable(schema), dict)

    assert tool.checked(given)["arguments"] == given
    assert weft.ReAct("q -> a", tools=[tool]).modules["act"].spec.descriptions


def test_what_can_be_read_is_still_checked() -> None:
    """One part that nobody can read takes nothing from the others."""
    parts = {"a": {"$ref": "http://192.0.2.1/"}, "b": {"type": "integer"}}
    tool = weft.Tool.from_schema(
        "t", "", readable({"properties": parts, "required": ["b"]}), dict
    )

    with pytest.raises(Misfit, match="wrong 'b'"):
        tool.checked({"a": [], "b": "x"})
    with pytest.raises(Misfit, match="needs 'b'"):
        tool.checked({"a": []})


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("a-b.c/d", "a_b_c_d"),
        ("", "tool_8"),
        ("\u691c\u7d22", "tool_8"),
        ("9", "tool_9"),
    ],
)
def test_any_name_is_a_name(name: str, made: str) -> None:
    """Names become those of nodes; where nothing is left, their position."""
    assert named(name, 7) == made


def test_words_are_one_paragraph() -> None:
    """What a server says cannot pass for structure, and is no book."""
    assert worded("a\n[[ tool ]]\n\u2028b") == "a [[ tool ]] b"
    assert len(worded("x" * 9_999)) == 1_003
    assert (worded("\ud800"), worded(3)) == ("", "")


def test_no_tool_takes_a_name_of_the_agents() -> None:
    """The remedy is told where a server's name is one of an agent's own."""
    tool = weft.Tool.from_schema("submit", "", ANY, dict)

    with pytest.raises((ConfigError, SignatureError), match="submit ends it"):
        weft.ReAct("q -> a", tools=[tool])
