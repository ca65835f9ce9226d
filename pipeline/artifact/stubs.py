"""Type stubs for packages of artifacts: what checkers see of each program.

A program is written as the decorated function it could have been made from, so that
its parameters keep their names and its result its type:

    @weft.program
    def triage(message: str) -> Literal["cards", "accounts"]: ...

A module is written as the stub that `@weft.predict` makes one of.
"""

from __future__ import annotations

import enum
import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel

from ..graph.program import Program, as_given
from ..graph.ref import parts_of
from ..signature.field import FieldSpec
from ..signature.signature import Signature, spec_of
from ..signature.types import plain_type

HEADER = "# Written by `weft package`; what is changed here is lost."
_BARE = {"list": "list[Any]", "dict": "dict[str, Any]", "tuple": "tuple[Any, ...]"}
_LEFT_ALONE = ("# ruff: noqa: E501, I001, RUF100", "# fmt: off")
_LIBRARY = ("datetime", "decimal", "pathlib", "uuid")


def package_stub(programs: Mapping[str, Program[..., Any]]) -> str:
    """The text of `__init__.pyi` for programs by the names they are imported by."""
    writer = _Writer({*programs, "weft", "Any", "Literal", "BaseModel", "Enum"})
    parts = [writer.program(name, programs[name]) for name in sorted(programs)]
    names = ", ".join(f'"{name}"' for name in sorted(programs))
    imports = [f"import {name}" for name in _LIBRARY if name in writer.imported]
    body = "\n".join([f"__all__ = [{names}]", "", *writer.classes.values(), *parts])
    used = {
        "from enum import Enum": "(Enum)",
        "from typing import Any": "Any",
        "from typing import Literal": "Literal[",
        "import weft": "",
        "from pydantic import BaseModel": "(BaseModel)",
    }
    imports += [line for line, sign in used.items() if sign in body]
    return "\n".join([HEADER, *_LEFT_ALONE, *imports, "", body])


@dataclass
class _Writer:
    """Writes types as source; classes that it meets are written once, by name."""

    taken: set[str]
    classes: dict[Any, str] = field(default_factory=dict[Any, str])
    names: dict[Any, str] = field(default_factory=dict[Any, str])
    imported: set[str] = field(default_factory=set[str])

    def program(self, name: str, program: Program[..., Any]) -> str:
        given = ", ".join(self._argument(f) for f in program.inputs.fields)
        result = self.written(program.structure.result)
        module = as_given(program)
        if isinstance(module, Program):
            return f"@weft.program\ndef {name}({given}) -> {result}: ...\n"
        # By position only what is called like a function is given its inputs.
        given = given if module.single is not None else f"*, {given}"
        return f"@weft.predict\ndef {name}({given}) -> {result}: ...\n"

    def _argument(self, spec: FieldSpec) -> str:
        default = "" if spec.required else " = ..."
        return f"{spec.name}: {self.written(spec.annotation)}{default}"

    def written(self, kind: Any) -> str:
        """A type as source."""
        kind = plain_type(kind)
        parts = parts_of(kind)
        if len(parts) > 1:
            return " | ".join(self.written(part) for part in parts)
        if kind is NoneType:
            return "None"
        origin, args = get_origin(kind), get_args(kind)
        if origin is Literal:
            return f"Literal[{', '.join(_literal(choice) for choice in args)}]"
        if isinstance(origin, type):
            inner = ", ".join("..." if a is ... else self.written(a) for a in args)
            return f"{origin.__name__}[{inner}]" if inner else origin.__name__
        return self._class(kind) if isinstance(kind, type) else "Any"

    def _class(self, kind: type[Any]) -> str:
        if kind.__module__ == "builtins":
            return _BARE.get(kind.__name__, kind.__name__)
        # pathlib keeps its classes in private modules since Python 3.13.
        library = kind.__module__.partition(".")[0]
        if library in _LIBRARY:
            self.imported.add(library)
            return f"{library}.{kind.__name__}"
        if not issubclass(kind, Signature | BaseModel | enum.Enum):
            return "Any"
        if kind not in self.names:
            self.names[kind] = self._free(kind.__name__)
            self.classes[kind] = self._body(kind)
        return self.names[kind]

    def _body(self, kind: type[Any]) -> str:
        name = self.names[kind]
        if issubclass(kind, enum.Enum):
            lines = [f"    {m.name} = {_literal(m.value)}" for m in kind]
            return "\n".join([f"class {name}(Enum):", *lines, ""])
        if issubclass(kind, BaseModel):
            fields = kind.model_fields.items()
            lines = [
                f"    {n}: {self.written(f.annotation)}"
                + ("" if f.is_required() else " = ...")
                for n, f in fields
            ]
            return "\n".join([f"class {name}(BaseModel):", *lines, ""])
        lines = [
            f"    {f.name}: {self.written(f.annotation)} = weft.{f.role.capitalize()}()"
            for f in spec_of(kind).fields
        ]
        return "\n".join([f"class {name}(weft.Signature):", *lines, ""])

    def _free(self, title: str) -> str:
        """A Python name like a class's that nothing else in the stub has."""
        name = re.sub(r"\W", "_", title).strip("_") or "Model"
        if not name.isidentifier() or keyword.iskeyword(name):
            name = f"Type_{name}"
        count = 1
        free = name
        while free in self.taken:
            count += 1
            free = f"{name}{count}"
        self.taken.add(free)
        return free


def _literal(value: Any) -> str:
    r"""A value as source, a text in double quotes where that needs no escape.

    >>> _literal("cards"), _literal('a "card"'), _literal(3)
    ('"cards"', '\'a "card"\'', '3')
    """
    text = repr(value)
    if not isinstance(value, str) or '"' in text or "\\'" in text:
        return text
    return f'"{text[1:-1]}"'
