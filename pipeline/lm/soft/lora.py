"""Low-rank updates of a frozen model's weights: what a module holds of a tuned model.

To a projection W of the model the product alpha / rank * B A is added while a request
that carries the updates is answered; W itself stays as it is. Hu et al. 2021, "LoRA:
Low-Rank Adaptation of Large Language Models", arXiv 2106.09685. The matrices have the
names and the layout of peft's files.
"""

from __future__ import annotations

import hashlib
import math
import re
import sys
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, cast

from ...errors import ConfigError
from ...ground.words import counted
from .words import is_soft_name

Tensor = tuple[int, int, bytes]
"""Rows, width and bytes, as little-endian float32."""

DOWN: Final = "lora_A"
"""The matrix that is multiplied first, [rank, width that goes in], in peft's names."""
UP: Final = "lora_B"
"""The one behind it, [width that comes out, rank]."""
BASE: Final = "base_model.model."
"""What stands before the name of a projection in peft's files."""
_TENSOR: Final = re.compile(
    r"base_model\.model\.([A-Za-z0-9_.]{1,200})\.(lora_[AB])\.weight"
)
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_HEAD: Final = b"weft.lora/1\n"


@dataclass(frozen=True, eq=False)
class Lora:
    """Low-rank updates of a module: matrices that were trained for one frozen model.

    Args:
        name: What they are called, such as "triage"; of letters, digits and `_.-`.
        rank: Rows of A, and numbers in a row of B.
        alpha: The product of the matrices is multiplied with alpha / rank.
        targets: The projections that are changed, by the last part of their names, such
            as "q_proj".
        tensors: By peft's name, rows, width and little-endian float32 numbers row by
            row: of each projection A, [rank, in], and B, [out, rank].
        model: "sha256:" and the digest of the weights that they were trained for.

    Raises:
        ConfigError: Something of it cannot be; the message says what.

    >>> at = "base_model.model.layers.0.q_proj"
    >>> pair = {f"{at}.lora_A.weight": (1, 2, bytes(8))}
    >>> pair[f"{at}.lora_B.weight"] = (3, 1, bytes(12))
    >>> made = Lora("triage", 1, 2.0, ("q_proj",), pair, "sha256:" + "0" * 64)
    >>> made.count, made.projections
    (5, ('layers.0.q_proj',))
    """

    name: str
    rank: int
    alpha: float
    targets: tuple[str, ...]
    tensors: Mapping[str, Tensor] = field(repr=False)
    model: str

    def __post_init__(self) -> None:
        if not is_soft_name(self.name):
            raise ConfigError(
                f"{self.name!r} is no name of low-rank updates",
                hint='Give one of letters, digits and _ . -, such as "triage"',
            )
        alpha = cast(object, self.alpha)
        if not isinstance(alpha, int | float) or not 0 < alpha < math.inf:
            raise ConfigError(
                f"low-rank updates {self.name!r}: alpha={alpha!r} is no scale",
                hint="Give a number above 0, such as twice the rank",
            )
        if type(self.rank) is not int or self.rank < 1:
            raise ConfigError(
                f"low-rank updates {self.name!r}: rank={self.rank!r} is no rank",
                hint="Give a whole number, 1 or more",
            )
        if not isinstance(cast(object, self.model), str) or not _DIGEST.fullmatch(
            self.model
        ):
            raise ConfigError(
                f"low-rank updates {self.name!r}: model={self.model!r} is no digest",
                hint='Give "sha256:" and 64 hex digits, as LM("torch/...").weights has',
            )
        self._check_tensors()

    def _check_tensors(self) -> None:
        """Refuse matrices that are no pairs, or of another shape.

        Raises:
            ConfigError: A matrix is wrong; the message names it.
        """
        found = dict[str, set[str]]()
        for name, (rows, width, numbers) in self.tensors.items():
            match = _TENSOR.fullmatch(name)
            target = match[1].rpartition(".")[2] if match else ""
            own = width if match and match[2] == UP else rows
            if match is None or target not in self.targets or own != self.rank:
                raise self._wrong(name, "is of no such rank, or of no target")
            if len(numbers) != 4 * rows * width or not rows * width:
                raise self._wrong(
                    name, f"is not {counted(rows, 'row')} of {counted(width, 'number')}"
                )
            if not _is_finite(numbers):
                raise self._wrong(name, "holds a number that is not finite")
            found.setdefault(match[1], set()).add(match[2])
        lone = [at for at, pair in found.items() if pair != {DOWN, UP}]
        if lone or not found:
            raise self._wrong(lone[0] if lone else "all", "has no two matrices")

    def _wrong(self, what: str, why: str) -> ConfigError:
        return ConfigError(
            f"low-rank updates {self.name!r}: {what[:200]!r} {why}",
            hint="Let weft.compile(..., compiler=LoRA()) make them; where numbers are "
            "not finite, with a lower rate",
        )

    @property
    def projections(self) -> tuple[str, ...]:
        """The projections that are changed, by their whole names in the model."""
        ends = f".{DOWN}.weight"
        names = (name for name in self.tensors if name.endswith(ends))
        return tuple(sorted(n.removeprefix(BASE).removesuffix(ends) for n in names))

    @property
    def count(self) -> int:
        """How many numbers they are: rank * (in + out) for each projection."""
        return sum(rows * width for rows, width, _ in self.tensors.values())

    @property
    def scale(self) -> float:
        """What the product of the two matrices is multiplied with."""
        return self.alpha / self.rank

    @cached_property
    def digest(self) -> str:
        """The digest of scale, names, shapes and numbers, behind "sha256:"."""
        made = hashlib.sha256(_HEAD + f"{self.rank} {float(self.alpha)!r}\n".encode())
        for name in sorted(self.tensors):
            rows, width, numbers = self.tensors[name]
            made.update(f"{name} {rows}x{width}\n".encode())
            made.update(numbers)
        return f"sha256:{made.hexdigest()}"

    @property
    def mark(self) -> str:
        """The name with twelve digits of the digest: what a model says that it has."""
        return f"{self.name}@{self.digest.removeprefix('sha256:')[:12]}"

    def as_data(self) -> dict[str, Any]:
        """All but the matrices, as plain data; their digest stands for them."""
        return {
            "name": self.name,
            "rank": self.rank,
            "alpha": float(self.alpha),
            "targets": [*self.targets],
            "count": self.count,
            "model": self.model,
            "sha256": self.digest,
        }

    def identity(self) -> dict[str, Any]:
        """What of it can change an answer, as plain data."""
        return {"sha256": self.digest}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Lora):
            return NotImplemented
        mine = self.name, self.model, self.digest
        return mine == (other.name, other.model, other.digest)

    def __hash__(self) -> int:
        return hash((self.name, self.digest))


def matrix_name(projection: str, which: str) -> str:
    """The name of a matrix of a projection, as peft has it.

    >>> matrix_name("model.layers.0.self_attn.q_proj", DOWN)
    'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight'
    """
    return f"{BASE}{projection}.{which}.weight"


def _is_finite(numbers: bytes) -> bool:
    """Whether float32 numbers have a finite sum; one that is not finite spoils it."""
    held = array("f", numbers)
    if sys.byteorder == "big":
        held.byteswap()
    return math.isfinite(sum(held))
