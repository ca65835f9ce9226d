"""The string and the function form of signatures, and signatures made from others.

Types and signatures are read from text as Python writes them; nothing is run.
"""

from __future__ import annotations

import ast
import datetime
import inspect
import re
import typing
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Literal, Union

from ..errors import SignatureError, did_you_mean
from ..ground.hints import brought
from ..ground.words import brief
from ..media.turns import History
from ..media.values import Audio, File, Image
from .field import FieldSpec
from .signature import Signature, class_of, spec_of
from .spec import Spec, check_fields, default_instruction
from .types import resolved_hints

_SHOWN = 200
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_KNOWN: dict[str, Any] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": bool,
    "list": list,
    "dict": dict,
    "tuple": tuple,
    "set": set,
    "None": None,
    "Any": Any,
    "Literal": Literal,
    "Optional": typing.Optional,
    "Union": Union,
    "List": list,
    "Dict": dict,
    "date": datetime.date,
    "datetime": datetime.datetime,
    "time": datetime.time,
    "Image": Image,
    "Audio": Audio,
    "File": File,
    "History": History,
}
_FORMS: list[Any] = [Literal, typing.Optional, Union]
_ARITY: dict[Any, int] = {list: 1, set: 1, dict: 2, typing.Optional: 1}


def make_signature(
    fields: str | tuple[FieldSpec, ...],
    instruction: str = "",
    *,
    name: str = "",
    types: Mapping[str, Any] | None = None,
) -> type[Signature]:
    """A signature from its string form, or from fields.

    Args:
        fields: `"question, k: int -> answer: str"`; an untyped field is `str`.
        instruction: What the model is to do; a plain default is made from the fields.
        name: The signature's name; by default that of its first output, as a class
            would be called.
        types: Further type names that the string may use.

    Raises:
        SignatureError: The text is no signature; the message names the part.

    >>> list(spec_of(make_signature("question, k: int -> answer")).inputs)
    ['question', 'k']
    """
    specs = parse_fields(fields, types) if isinstance(fields, str) else fields
    check_fields(
        specs, name or (repr(fields) if isinstance(fields, str) else "Signature")
    )
    spec = Spec(name or _title(specs), instruction or default_instruction(specs), specs)
    return class_of(spec, Signature)


def signature_of(
    given: str | Callable[..., Any], types: Mapping[str, Any] | None = None
) -> type[Signature]:
    """A signature from whatever a module is made of.

    Raises:
        SignatureError: It is neither a signature class nor the string form of one.
    """
    if isinstance(given, str):
        return make_signature(given, types=types)
    if (
        isinstance(given, type)
        and issubclass(given, Signature)
        and spec_of(given).fields
    ):
        return given
    raise SignatureError(
        f"{given!r} is no signature",
        hint='Give a weft.Signature class or a text such as "question -> answer"; '
        "for a function use @weft.predict",
    )


def _title(specs: tuple[FieldSpec, ...]) -> str:
    """A class's name made of the first output's: `short_answer` gives ShortAnswer."""
    first = next(f.name for f in specs if f.role == "output")
    return "".join(part[:1].upper() + part[1:] for part in first.split("_"))


def snake_case(name: str) -> str:
    """A class's name as a module's.

    >>> snake_case("TriageMessage")
    'triage_message'
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def extended(signature: type[Signature], *more: FieldSpec) -> type[Signature]:
    """The same signature with more fields: inputs behind the others, outputs before."""
    spec = spec_of(signature)
    for field in more:
        if any(f.name == field.name for f in spec.fields):
            raise SignatureError(
                f"{spec.name} already has a field {field.name!r}",
                hint="Leave it out of the signature, since this module adds it; "
                "or rename it, or use weft.Predict, which adds no field",
            )
    fields = (
        *spec.inputs.values(),
        *(field for field in more if field.role == "input"),
        *(field for field in more if field.role == "output"),
        *spec.outputs.values(),
    )
    return class_of(replace(spec, fields=fields), signature) if more else signature


def described(
    signature: type[Signature], descriptions: Mapping[str, str]
) -> type[Signature]:
    """The same signature whose fields are described in other words; itself if none."""
    if not descriptions:
        return signature
    spec = spec_of(signature)
    fields = tuple(field.described(descriptions) for field in spec.fields)
    return class_of(replace(spec, fields=fields), signature)


def function_signature(function: Callable[..., Any]) -> type[Signature]:
    """The signature of a typed stub function; its body never runs.

    Args:
        function: Its parameters are the inputs, its docstring the instruction, its name
            that of the output.

    Raises:
        SignatureError: A parameter or the result has no type.
    """
    if not inspect.isfunction(function):
        raise SignatureError(
            f"{function!r} is no function",
            hint="Decorate a typed stub such as def sentiment(text: str) -> str: ...",
        )
    hints = resolved_hints(function, function.__name__)
    if hints.get("return", type(None)) is type(None):
        raise SignatureError(
            f"{function.__name__!r} has no result type",
            hint=f"Write def {function.__name__}(...) -> str: ...",
        )
    specs: list[FieldSpec] = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            raise SignatureError(
                f"{function.__name__!r} takes {parameter}",
                hint="Name each input: a model must be told what it is given",
            )
        if parameter.name not in hints:
            raise SignatureError(
                f"{function.__name__}: {parameter.name!r} has no type",
                hint=f"Write {parameter.name}: {_type_for(parameter.default)}",
            )
        unset = parameter.default is parameter.empty
        extra = {} if unset else {"default": parameter.default}
        specs.append(FieldSpec(parameter.name, "input", hints[parameter.name], **extra))
    specs.append(FieldSpec(function.__name__, "output", hints["return"]))
    return make_signature(
        tuple(specs), inspect.getdoc(function) or "", name=function.__name__
    )


def _type_for(default: Any) -> str:
    """The type to write for a parameter of that default."""
    known = type(default) in (bool, int, float)
    return type(default).__name__ if known else "str"


def parse_type(text: str, known: Mapping[str, Any] | None = None) -> Any:
    """Read a type such as `list[str] | None` without running it.

    Args:
        text: The type as Python writes it.
        known: Further names that may occur, with the types they stand for.

    Raises:
        SignatureError: The text is no type, or a name in it is not known.

    >>> parse_type("dict[str, list[int]]")
    dict[str, list[int]]
    >>> parse_type("lst[str]")
    Traceback (most recent call last):
    weft.pipeline.errors.SignatureError: unknown type 'lst'. Did you mean 'list'?
    """
    try:
        if "#" in _QUOTED.sub("", text):
            raise _no_type(text)  # a comment, which Python would leave out
        tree = ast.parse(text.strip(), mode="eval").body
        return _build(tree, {**_KNOWN, **_models(text), **(known or {})}, text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _no_type(text) from None


def _models(text: str) -> dict[str, Any]:
    """Those known types that are pydantic models, as far as a text may name them.

    What makes such models takes long to import, and few ask for one.
    """
    found: dict[str, Any] = {}
    if "Document" in text:
        from ..media.documents import Document  # noqa: PLC0415 - see above

        found["Document"] = Document
    if "Passage" in text or "Citation" in text:
        from ..media.passages import KNOWN  # noqa: PLC0415 - see above

        found |= KNOWN
    return found


def parse_fields(
    text: str, types: Mapping[str, Any] | None = None
) -> tuple[FieldSpec, ...]:
    """Read the string form of a signature, such as `"question, k: int -> answer"`.

    Raises:
        SignatureError: The text is no signature; the message names the part.

    >>> [(f.name, f.role) for f in parse_fields("question -> answer")]
    [('question', 'input'), ('answer', 'output')]
    """
    left, *right = _split(text, "->", text)
    if len(right) != 1 or left.endswith("-") or right[0].startswith(">"):
        raise SignatureError(
            f"{text!r} has {'two' if len(right) > 1 else 'no'} '->'",
            hint=_corrected(text),
        )
    sides: tuple[tuple[Literal["input", "output"], str], ...] = (
        ("input", left),
        ("output", right[0]),
    )
    specs: list[FieldSpec] = []
    for role, side in sides:
        for part in _split(side, ",", text) if side else ():
            name, colon, kind = part.partition(":")
            annotation = parse_type(kind, types) if colon else str
            specs.append(FieldSpec(name.strip(), role, annotation))
    return tuple(specs)


def _build(node: ast.expr, known: Mapping[str, Any], text: str) -> Any:
    if isinstance(node, ast.Constant) and node.value is None:
        return None
    if isinstance(node, ast.Name):
        if node.id not in known:
            raise _unknown(node.id, known)
        if known[node.id] in _FORMS:
            raise SignatureError(
                f"{node.id} stands alone in {text!r}", hint=f"Write {node.id}[...]"
            )
        return known[node.id]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        left, right = _build(node.left, known, text), _build(node.right, known, text)
        return Union[left, right]  # noqa: UP007 - built at run time from parts
    if isinstance(node, ast.Subscript):
        return _subscript(node, known, text)
    if isinstance(node, ast.Attribute) and node.attr in known:
        raise SignatureError(
            f"{text.strip()!r}: types are known by their own names",
            hint=f"Write {node.attr} in place of {ast.unparse(node)}",
        )
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        raise _unknown(node.attr, known)
    raise _no_type(text)


def _unknown(name: str, known: Mapping[str, Any]) -> SignatureError:
    remedy = brought("type", name)
    if not remedy and _near(name, known):
        remedy = did_you_mean(name, known)
    otherwise = f'Pass types={{"{name}": {name}}}, or write the signature as a class'
    return SignatureError(f"unknown type {name!r}", hint=remedy or otherwise)


def _no_type(text: str) -> SignatureError:
    return SignatureError(
        f"{brief(text.strip(), _SHOWN)!r} is not a type",
        hint="Write for example list[str] or int | None",
    )


def _subscript(node: ast.Subscript, known: Mapping[str, Any], text: str) -> Any:
    base = _head(node.value, known, text)
    inner = node.slice
    parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    if base is Literal and parts:
        return Literal[tuple(_literal(part, text) for part in parts)]
    open_end = _is_open(base, parts)
    args = [_build(p, known, text) for p in (parts[:1] if open_end else parts)]
    if not args or len(args) != _ARITY.get(base, len(args)):
        raise _no_type(text)
    if open_end:
        args.append(...)
    try:
        return base[tuple(args) if len(args) > 1 else args[0]]
    except TypeError as error:
        raise SignatureError(f"{text!r} is not a type: {error}") from None


def _head(node: ast.expr, known: Mapping[str, Any], text: str) -> Any:
    """What stands before the brackets; only there may a special form stand."""
    if isinstance(node, ast.Name) and known.get(node.id) in _FORMS:
        return known[node.id]
    return _build(node, known, text)


def _is_open(base: Any, parts: list[ast.expr]) -> bool:
    """Whether this is `tuple[X, ...]`."""
    last = parts[-1] if parts else None
    dots = isinstance(last, ast.Constant) and last.value is ...
    return base is tuple and len(parts) == 2 and dots


def _literal(node: ast.expr, text: str) -> str | int | bool | None:
    if isinstance(node, ast.Constant) and isinstance(
        node.value, str | int | bool | None
    ):
        return node.value
    if (
        isinstance(node, ast.UnaryOp)
        and isinstance(node.op, ast.USub)
        and isinstance(node.operand, ast.Constant)
        and type(node.operand.value) is int
    ):
        return -node.operand.value
    raise SignatureError(
        f"{text.strip()!r}: a Literal holds texts, whole numbers, True, False or None",
        hint='Write for example Literal["yes", "no"]',
    )


def _near(word: str, known: Mapping[str, Any]) -> bool:
    return did_you_mean(word, known).startswith("Did")


def _corrected(text: str) -> str:
    """What to write: the text with the arrow that was probably meant, or an example."""
    meant, arrows = re.subn(r"\s*(?:-+\s*>+|=+\s*>+|→|—>|–>)\s*", " -> ", text)
    example = 'Write for example "question -> answer"'
    return f'Write "{meant}"' if arrows == 1 else example


def _split(side: str, mark: str, text: str) -> list[str]:
    """The parts of a text between marks that stand in no bracket and no quote."""
    parts, depth, quote, start, at = list[str](), 0, "", 0, 0
    while at < len(side):
        char = side[at]
        if quote:
            at += char == "\\"
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char in "[(":
            depth += 1
        elif char in "])":
            depth -= 1
        elif depth == 0 and side.startswith(mark, at):
            parts.append(side[start:at])
            start = at + len(mark)
        at += 1
    if depth or quote:
        raise SignatureError(f"{text!r}: a bracket or a quote is never closed")
    return [part.strip() for part in [*parts, side[start:]]]
