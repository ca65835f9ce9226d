"""A pytest plugin: each reply that DSPy's tests give its adapters is given to ours too.

It runs in the environment that holds dspy. DSPy's marks are rewritten as ours, the
signature's outputs are taken with their types, and what both make of the reply is
written as a JSON line to the file that `OVERHEARD` names. What a test expects is no
matter here: only what the two libraries read.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from weft.errors import ParseError, WeftError
from weft.pipeline.adapters import adapter_of
from weft.pipeline.ground.plain import plain
from weft.pipeline.signature import Input, Output, Signature, SignatureMeta

dspy: Any = importlib.import_module("dspy")
_HEADING = re.compile(r"\[\[ ## (\w+) ## \]\]")
_ADAPTERS = (
    ("chat", dspy.ChatAdapter),
    ("json", dspy.JSONAdapter),
    ("xml", dspy.XMLAdapter),
)
_heard: set[tuple[str, str, str]] = set()


def pytest_configure(config: pytest.Config) -> None:
    """Listen from now on."""
    del config
    for form, adapter in _ADAPTERS:
        adapter.parse = _listening(form, adapter, adapter.parse)


def _listening(form: str, adapter: type, parse: Any) -> Any:
    @functools.wraps(parse)
    def listening(self: Any, signature: Any, completion: str) -> Any:
        try:
            made = parse(self, signature, completion)
        except Exception as error:
            if type(self) is adapter:
                _hear(form, signature, completion, None, repr(error))
            raise
        if type(self) is adapter:
            _hear(form, signature, completion, made, "")
        return made

    return listening


def _hear(form: str, signature: Any, reply: Any, theirs: Any, refused: str) -> None:
    """Write down what both make of a reply."""
    key = (form, str(signature), reply)
    if key in _heard or not isinstance(reply, str):
        return
    _heard.add(key)
    said: dict[str, Any] = {"form": form, "reply": reply, "theirs": refused}
    if theirs is not None:
        said["theirs"] = {name: _shown(value) for name, value in theirs.items()}
    try:
        rewritten = _rewritten(form, reply)
        values = adapter_of(form).parse(rewritten, _ours(signature)).values
        said["ours"] = {name: _shown(value) for name, value in values.items()}
        same = theirs is not None and dict(values) == dict(theirs)
        outcome = "differ" if theirs is not None else "ours alone"
        said["outcome"] = "agree" if same else outcome
    except ParseError as error:
        said["ours"] = str(error)
        said["outcome"] = "both refuse" if theirs is None else "refuse"
    except WeftError as error:
        said["ours"] = str(error)
        said["outcome"] = "no signature of ours"
    with Path(os.environ["OVERHEARD"]).open("a", encoding="utf-8") as file:
        file.write(f"{json.dumps(said)}\n")


def _rewritten(form: str, reply: str) -> str:
    """DSPy's headings as ours; its tags and its objects are the same."""
    if form != "chat":
        return reply
    return _HEADING.sub(
        lambda found: f"[[ {'/end' if found[1] == 'completed' else found[1]} ]]", reply
    )


def _ours(signature: Any) -> Any:
    """A signature of ours with the same outputs, their types and their defaults."""
    inputs = dict.fromkeys(signature.input_fields or ["nothing_given"], str)
    fields: dict[str, Any] = {name: Input() for name in inputs}
    types: dict[str, Any] = dict(inputs)
    for name, field in signature.output_fields.items():
        types[name] = field.annotation
        default = field.get_default(call_default_factory=True)
        fields[name] = Output() if field.is_required() else Output(default=default)
    return SignatureMeta("Heard", (Signature,), {"__annotations__": types, **fields})


def _shown(value: Any) -> str:
    try:
        return repr(plain(value))
    except ValueError:
        return repr(value)
