"""What an artifact holds, as strict data: its format, and how an older one is read."""

from __future__ import annotations

import json
import keyword
import unicodedata
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    model_validator,
)

from ..ground.shapes import as_dict, as_list
from ..lm.form import Form, form_of
from ..media.media import Blob
from ..media.plain import blobs_of
from ..parameters import Demo
from .soft import LoraState, SoftState

FORMAT: Final = "weft.program/2"
SUFFIX: Final = ".weft.json"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_LONGEST_NAME = 200


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


_Name = Annotated[str, AfterValidator(_part_name)]
_Path = Annotated[str, AfterValidator(_name)]
_Identifier = Annotated[str, AfterValidator(_identifier)]


def _model_name(text: str) -> str:
    """A model's name, which is no address: a file sets no endpoint."""
    if "://" in text:
        raise ValueError(f"{text[:80]!r} is an address, and no name of a model")
    return _name(text)


_Model = Annotated[str, AfterValidator(_model_name)]


def _dotted(text: str) -> str:
    """The name of something that is described: of a field, or below one.

    Whoever describes a tool by a schema names its arguments as they like: `per-page`.
    """
    field, *below = text.split(".")
    _identifier(field)
    for part in below:
        _part_name(part)
    return _name(text)


_Dotted = Annotated[str, AfterValidator(_dotted)]


class NoteState(_Strict):
    """What is said of one of a field's choices."""

    name: _Dotted
    label: str
    text: str


class FieldState(_Strict):
    """A field of a signature, or an input of a program."""

    name: _Identifier
    role: Literal["input", "output"]
    schema_: dict[str, Any] = Field(alias="schema")
    description: str = ""
    default: Any = None
    required: bool = True
    notes: list[NoteState] = []
    enforced: dict[str, Any] | None = None


class DemoState(_Strict):
    """A demo."""

    values: dict[str, Any]
    source: str = ""
    by: str = "labelled"

    @property
    def demo(self) -> Demo:
        """As parameters hold it; whether it fits a signature is not asked."""
        return Demo(self.values, self.source, self.by)


class ModuleState(_Strict):
    """A module: its contract, and its parameters or its parts."""

    kind: _Name
    name: _Path
    fields: list[FieldState]
    signature_hash: str
    instruction: list[str]
    demos: list[DemoState] = []
    nearest: Annotated[int, Field(ge=0)] = 0
    adapter: Literal[
        "auto", "chat", "json", "xml", "plain", "completion", "tools", "text", "cloze"
    ] = "chat"
    edition: Annotated[int, Field(ge=1)] = 1
    settled: list[str] | None = None
    template: str | None = None
    sampling: dict[str, Any] = {}
    model: _Model | None = None
    descriptions: dict[_Dotted, str] = {}
    context: dict[str, str] = {}
    glossary: dict[str, str] = {}
    illustrations: list[DemoState] = []
    soft: SoftState | None = None
    lora: LoraState | None = None
    repairs: Annotated[int, Field(ge=0, le=100)] = 1
    returns: str | None = None
    parts: dict[_Identifier, PartState] = {}
    settings: dict[str, Any] = {}

    @property
    def steps(self) -> list[str]:
        """The parts that are steps, by name; what a step is called, if otherwise."""
        own = {name: part.step for name, part in self.parts.items() if part.step}
        return [n if step == n else f"{n}: {step}" for n, step in own.items()]

    @property
    def form(self) -> Form:
        """The form in which the module asks.

        Raises:
            ConfigError: This weft does not know its edition, or what it was settled on.
        """
        text = f"{self.adapter}/{self.edition}"
        if self.settled is not None:
            text += f":{','.join(self.settled)}"
        if self.template is not None:
            text += f"|{self.template}"
        return form_of(text)


class PartState(_Strict):
    """A part of a module: a module, a program, or a step, whose code is elsewhere.

    A step is its name; a program has its name beside it.
    """

    module: ModuleState | None = None
    step: _Identifier | None = None
    program: ProgramState | None = None
    name: _Name | None = None

    @model_validator(mode="after")
    def _one(self) -> PartState:
        given = [one for one in (self.module, self.step, self.program) if one]
        if len(given) != 1 or (self.program is None) != (self.name is None):
            raise ValueError("a part is a module, a step, or a program with its name")
        return self


class _NodeShape(_Strict):
    """What is written of a node; whether it makes a graph, its reader says."""

    id: str
    kind: str
    target: str
    bound: Annotated[dict[str, Any], Field(alias="in")]
    after: list[str] = []
    options: dict[str, Any] = {}
    bodies: list[_BodyShape] = []


class _BodyShape(_Strict):
    """What is written of a region's body."""

    name: str
    params: list[str]
    nodes: list[_NodeShape]
    output: dict[str, Any]


_NodeShape.model_rebuild()  # now, and not while the first file is read


def _node(data: dict[str, Any]) -> dict[str, Any]:
    _NodeShape.model_validate(data)
    return data


class ProgramState(_Strict):
    """A program: its graph, and by name what its nodes call."""

    inputs: list[FieldState]
    nodes: list[Annotated[dict[str, Any], AfterValidator(_node)]]
    output: dict[str, Any]
    modules: dict[_Name, ModuleState]
    steps: dict[_Name, str] = {}
    uses: dict[_Name, dict[_Path, ModuleState]] = {}
    programs: dict[_Name, ProgramState] = {}


class TextOnly(_Strict):
    """The best variant of a program of text alone, so that any model takes it.

    Its inputs and its result are those of the program.
    """

    digest: str = ""
    program: ProgramState


class ArtifactFile(_Strict):
    """The whole file."""

    format: Literal["weft.program/2"]
    name: _Name
    digest: str = ""
    program: ProgramState
    provenance: dict[str, Any] = {}
    returns: dict[str, Any] | None = None
    live: list[str] = []
    kind: Literal["program", "module"] = "program"
    media: dict[str, str] = {}
    text_only: TextOnly | None = None
    _blobs: list[Blob] = PrivateAttr(default_factory=list[Blob])

    @property
    def text_only_data(self) -> dict[str, Any] | None:
        """The variant of text alone as the file holds it."""
        told = self.text_only
        if told is None:
            return None
        return told.model_dump(mode="json", by_alias=True, exclude_unset=True)

    def as_text_only(self) -> ArtifactFile:
        """The variant of text alone; the file itself where it has none."""
        if self.text_only is None:
            return self
        other = self.text_only
        change = {"program": other.program, "digest": other.digest, "text_only": None}
        return self.model_copy(update=change)

    def model_post_init(self, context: Any, /) -> None:
        """Hold the data of the demos' media until there are demos to hold it."""
        self._blobs.extend(blobs_of(self.media))


def modules_of(
    state: ProgramState, prefix: str = "", *, bodies: bool = False
) -> list[tuple[str, ModuleState]]:
    """Every module of a program that asks a model, by path.

    Those of steps, of nested programs and inside other modules are among them.

    Args:
        state: The program.
        prefix: What stands before each path.
        bodies: Whether modules with parts are listed too.
    """
    found: list[tuple[str, ModuleState]] = []
    for name, module in state.modules.items():
        found += _asking(prefix + name, module, bodies=bodies)
    for step, used in state.uses.items():
        found += [(f"{prefix}{step}/{path}", module) for path, module in used.items()]
    for name, inner in state.programs.items():
        found += modules_of(inner, f"{prefix}{name}/", bodies=bodies)
    return found


def _asking(
    path: str, module: ModuleState, *, bodies: bool
) -> list[tuple[str, ModuleState]]:
    if not module.parts:
        return [(path, module)]
    found = [(path, module)] if bodies else []
    for name, part in module.parts.items():
        if part.module is not None:
            found += _asking(f"{path}/{name}", part.module, bodies=bodies)
        elif part.program is not None:
            found += modules_of(part.program, f"{path}/{name}/", bodies=bodies)
    return found


def programs_of(module: ModuleState) -> list[ProgramState]:
    """The programs that are parts of a module, or of a module inside it."""
    parts = module.parts.values()
    inner = [one for p in parts if p.module for one in programs_of(p.module)]
    return [*(p.program for p in parts if p.program), *inner]


def trained_of(state: ProgramState) -> list[SoftState | LoraState]:
    """What a program's modules say of their soft words and low-rank updates."""
    slots = (slot for _, m in modules_of(state) for slot in (m.soft, m.lora))
    return [one for one in slots if one is not None]


def schemas_of(made: ArtifactFile) -> list[dict[str, Any]]:
    """Every JSON Schema of a file."""

    def inside(module: ModuleState) -> list[FieldState]:
        parts = [p.module for p in module.parts.values() if p.module]
        return [*module.fields, *(f for part in parts for f in inside(part))]

    def of(state: ProgramState) -> list[FieldState]:
        used = [module for by in state.uses.values() for module in by.values()]
        modules = [*state.modules.values(), *used]
        found = [*state.inputs, *(f for module in modules for f in inside(module))]
        parts = [inner for module in modules for inner in programs_of(module)]
        inner = [*state.programs.values(), *parts]
        return [*found, *(f for program in inner for f in of(program))]

    found = of(made.program)
    found += of(made.text_only.program) if made.text_only is not None else []
    fields = [field.schema_ for field in found]
    fields += [field.enforced for field in found if field.enforced]
    return [*fields, made.returns] if made.returns is not None else fields


def steps_of(state: ProgramState) -> list[str]:
    """The names of the steps that a program's nodes and its modules' parts call."""

    def inside(module: ModuleState) -> list[str]:
        parts = module.parts.values()
        inner = [name for p in parts if p.module for name in inside(p.module)]
        inner += [name for p in parts if p.program for name in steps_of(p.program)]
        return [*(p.step for p in parts if p.step), *inner]

    modules = state.modules.values()
    return [*state.steps, *(name for module in modules for name in inside(module))]


def figures(found: Any) -> tuple[float, ...]:
    """Shares in [0, 1], such as a mean and the ends of its interval, or nothing."""
    listed = as_list(found)
    numbers = [n for n in listed if isinstance(n, int | float)]
    shares = tuple(float(n) for n in numbers if n is not True and 0 <= n <= 1)
    return shares if len(shares) == len(listed) else ()


def compiled_score(provenance: Mapping[str, Any]) -> tuple[float, ...]:
    """The mean score in [0, 1] that a compile reached, with the ends of its interval.

    As the file says: nobody vouches for it. Empty where it says nothing of the kind.
    """
    return figures(as_dict(provenance.get("score")).get("compiled"))


def artifact_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of `NAME.weft.json`.

    It tells the shape. What only weft can tell, such as a digest that does not match or
    a node that uses what no earlier one gives, is checked when a file is loaded.

    >>> artifact_schema()["properties"]["format"]["const"]
    'weft.program/2'
    """
    made = ArtifactFile.model_json_schema()
    made.pop("description", None)
    title = f"A program compiled by weft ({FORMAT})"
    return {"$schema": _DIALECT, **made, "title": title}


def schema_text() -> str:
    """The schema as the text of its file."""
    return json.dumps(artifact_schema(), ensure_ascii=False, indent=1) + "\n"
