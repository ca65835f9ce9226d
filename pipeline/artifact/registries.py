"""Prompts for registries: Langfuse and MLflow, in the arguments that theirs take.

Both keep a chat as a list of turns with `{{name}}` for a value, and both put a value in
with `str()`; so a prompt comes with a note of which values it wants as JSON. Shapes
were taken from langfuse 5.0 and mlflow 3.17.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..errors import ConfigError
from ..graph.module import Module
from ..graph.program import Program
from ..ground import strictjson
from .origins import origin
from .program_data import program_digest
from .templates import Stored, stored_prompt

# Langfuse's Python client leaves places without a value alone, the JavaScript one fills
# with mustache, to which any double brace is a tag.
_LANGFUSE = re.compile(r"\{\{")
# `mlflow.prompt.constants`, and a prompt with "{%" is a Jinja program.
_MLFLOW = re.compile(
    r"\{\{\s*[a-zA-Z_][a-zA-Z0-9_]*(?:\.[a-zA-Z_][a-zA-Z0-9_]*)*\s*\}\}|\{%"
)
_MLFLOW_NAME = re.compile(r"[a-zA-Z0-9_.-]+")
_LONGEST_NAME = 255


def langfuse_prompts(program: Program[..., Any]) -> dict[str, Any]:
    """By module path, the arguments of `Langfuse.create_prompt`.

    They are also the body of `POST /api/public/v2/prompts`. No label is set: which
    version serves is for you to say.

    Raises:
        ConfigError: A prompt's own words would be taken for a place, or a name is too
            long.
    """
    digest = _digest(program)
    made: dict[str, Any] = {}
    for path, module in program.modules.items():
        stored = stored_prompt(module, _LANGFUSE, "langfuse")
        weft = {"module": path, "digest": digest, "values": dict(stored.values)}
        format_ = stored.response_format
        config = {
            **module.parameters.sampling,
            **({} if format_ is None else {"response_format": dict(format_)}),
            "weft": weft,
        }
        made[path] = {
            "name": _name(program, path, "/"),
            "type": "chat",
            "prompt": [dict(turn) for turn in stored.messages],
            "config": config,
            "labels": [],
            "tags": ["weft"],
        }
    return made


def mlflow_prompts(program: Program[..., Any]) -> dict[str, Any]:
    """By module path, the arguments of `mlflow.genai.register_prompt`.

    Raises:
        ConfigError: A prompt's own words would be taken for a place, or a name is none
            that MLflow allows.
    """
    digest = _digest(program)
    made: dict[str, Any] = {}
    for path, module in program.modules.items():
        stored = stored_prompt(module, _MLFLOW, "mlflow")
        name = _name(program, path.replace("/", "."), ".")
        if _MLFLOW_NAME.fullmatch(name) is None:
            raise ConfigError(
                f"mlflow takes no prompt of the name {name!r}",
                hint="Use letters, digits, '_', '-' and '.' in the names of modules",
            )
        made[path] = {
            "name": name,
            "template": [dict(turn) for turn in stored.messages],
            **_wanted(stored, module),
            "tags": {
                "weft_module": path,
                "weft_digest": digest,
                "weft_values": strictjson.dumps(dict(stored.values)),
            },
        }
    return made


def _digest(program: Program[..., Any]) -> str:
    """The artifact's digest where there is one: steps may be stood in for here."""
    came = origin(program)
    if came is None or came.dropped or not came.digest:
        return program_digest(program)
    return came.digest


def _wanted(stored: Stored, module: Module[..., Any]) -> Mapping[str, Any]:
    """The schema of the reply, and the sampling under MLflow's names."""
    sampling = dict(module.parameters.sampling)
    stop: Any = sampling.pop("stop", None)
    if stop is not None:
        sampling["stop_sequences"] = [stop] if isinstance(stop, str) else list(stop)
    made: dict[str, Any] = {"model_config": sampling} if sampling else {}
    if stored.response_format is not None:
        made["response_format"] = stored.response_format["json_schema"]["schema"]
    return made


def _name(program: Program[..., Any], path: str, between: str) -> str:
    """A name for the whole registry: the program's before the module's."""
    name = path if path == program.name else f"{program.name}{between}{path}"
    if len(name) > _LONGEST_NAME:
        raise ConfigError(f"the name {name[:60]!r}... is longer than {_LONGEST_NAME}")
    return name
