"""What an artifact holds, as strict data."""

from __future__ import annotations

import keyword
import unicodedata
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ..adapters.reply_form import Form, form_of


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _name(text: str) -> str:
    """A name that can be shown: no control character turns a terminal against it."""
    if not 0 < len(text) <= _LONGEST_NAME or not text.isprintable():
        raise ValueError(f"{text[:80]!r} is no name")
    return text


def _part_name(text: str) -> str:
    if "/" in text:
        raise ValueError(f"{text!r}: '/' sets the parts of a path apart")
    return _name(text)


def _identifier(text: str) -> str:
    if not text.isidentifier() or keyword.iskeyword(text):
        raise ValueError(f"{text[:80]!r} is no name of a field")
    if unicodedata.normalize("NFKC", text) != text:
        raise ValueError(f"Python reads the name {text!r} as another one")
    return _name(text)


_LONGEST_NAME = 200
_Name = Annotated[str, AfterValidator(_part_name)]
_Path = Annotated[str, AfterValidator(_name)]
_Identifier = Annotated[str, AfterValidator(_identifier)]


class FieldState(_Strict):
    """A field of a signature, or an input of a program."""

    name: _Identifier
    role: Literal["input", "output"]
    schema_: dict[str, Any] = Field(alias="schema")
    description: str = ""
    default: Any = None
    required: bool = True


class DemoState(_Strict):
    """A demo."""

    values: dict[str, Any]
    source: str = ""
    by: str = "labelled"


class ModuleState(_Strict):
    """A module: its contract, and its parameters."""

    kind: _Name
    name: _Path
    fields: list[FieldState]
    signature_hash: str
    instruction: list[str]
    demos: list[DemoState] = []
    nearest: Annotated[int, Field(ge=0)] = 0
    adapter: Literal["auto", "chat", "json", "xml", "plain", "completion"] = "chat"
    edition: Annotated[int, Field(ge=1)] = 1
    settled: list[str] | None = None
    sampling: dict[str, Any] = {}
    repairs: Annotated[int, Field(ge=0, le=100)] = 1
    returns: str | None = None

    @property
    def form(self) -> Form:
        """The form in which the module asks.

        Raises:
            ConfigError: This weft does not know its edition, or what it was settled on.
        """
        text = f"{self.adapter}/{self.edition}"
        if self.settled is not None:
            text += f":{','.join(self.settled)}"
        return form_of(text)


class ProgramState(_Strict):
    """A program: its graph, and by name what its nodes call."""

    inputs: list[FieldState]
    nodes: list[dict[str, Any]]
    output: dict[str, Any]
    modules: dict[_Name, ModuleState]
    steps: dict[_Name, str] = {}
    uses: dict[_Name, dict[_Path, ModuleState]] = {}
    programs: dict[_Name, ProgramState] = {}


class ArtifactFile(_Strict):
    """The whole file."""

    format: Literal["weft.program/2"]
    name: _Name
    digest: str = ""
    program: ProgramState
    provenance: dict[str, Any] = {}
    returns: dict[str, Any] | None = None
    live: list[str] = []


def modules_of(state: ProgramState, prefix: str = "") -> list[tuple[str, ModuleState]]:
    """Every module of a program by path, those of steps and nested programs too."""
    found = [(prefix + name, module) for name, module in state.modules.items()]
    for step, used in state.uses.items():
        found += [(f"{prefix}{step}/{path}", module) for path, module in used.items()]
    for name, inner in state.programs.items():
        found += modules_of(inner, f"{prefix}{name}/")
    return found
