"""What makes the vectors while they are trained: free numbers, a network, a projection.

Free rows are Prompt Tuning (Lester et al. 2021, arXiv 2104.08691) and, deep, P-Tuning
v2 (Liu et al. 2021, arXiv 2110.07602). A bidirectional LSTM or an MLP over them is
P-Tuning (Liu et al. 2021, arXiv 2103.10385), laid out as peft's `PromptEncoder`; an MLP
before a deep prefix is Prefix-Tuning (Li and Liang 2021, arXiv 2101.00190), laid out as
peft's `PrefixEncoder`. Only the rows that come out are kept: the network goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from .libraries import torch

Kind = Literal["", "mlp", "lstm", "projection"]
"""How rows are made: as they are, by an MLP, by an LSTM, or by a projection."""

_SPREAD: Final = 0.02


@dataclass(frozen=True)
class Shape:
    """What is trained.

    Args:
        count: How many rows.
        width: Numbers in a row that comes out.
        kind: What makes them.
        inner: Numbers in a row that goes into a network, and in its hidden layer.
        fixed: Rows that stay as they began: anchors.
    """

    count: int
    width: int
    kind: Kind = ""
    inner: int = 0
    fixed: tuple[int, ...] = ()


class Encoder:
    """Rows that are trained, and what they are made by.

    Args:
        shape: What is trained.
        start: The rows to begin with, [count, width]; a network begins near them, as
            its output is added to them.
        seed: Every random number follows from it.
    """

    def __init__(self, shape: Shape, start: Any, seed: int) -> None:
        self.shape = shape
        lots = torch.Generator().manual_seed(seed)
        inner = shape.inner or shape.width
        self._start = start.detach().clone()
        kept = torch.ones(shape.count, 1)
        kept[list(shape.fixed)] = 0.0
        self._free = kept
        self._layers: list[Any] = []
        if not shape.kind:
            rows = self._start.clone()
        else:
            rows = torch.randn(shape.count, inner, generator=lots)
            self._layers = _network(shape, inner, lots)
        self._rows = rows.requires_grad_()

    @property
    def parameters(self) -> list[Any]:
        """What an optimizer changes, in a fixed order."""
        own = [p for layer in self._layers for p in layer.parameters()]
        return [self._rows, *own]

    def vectors(self) -> Any:
        """The rows as the model reads them, [count, width]; anchors as they began."""
        made = self._rows
        if self._layers:
            made = self._start + self._made(made)
        return torch.where(self._free.bool(), made, self._start)

    def _made(self, rows: Any) -> Any:
        for layer in self._layers:
            if isinstance(layer, torch.nn.LSTM):
                rows = layer(rows.unsqueeze(0))[0].squeeze(0)
            else:
                rows = layer(rows)
        return rows


def _network(shape: Shape, inner: int, lots: Any) -> list[Any]:
    """The layers; the last one begins so small that rows begin as they were given."""
    nn, width = torch.nn, shape.width
    if shape.kind == "lstm":
        layers = [
            nn.LSTM(inner, inner, num_layers=2, bidirectional=True, batch_first=True),
            nn.Linear(2 * inner, inner),
            nn.ReLU(),
            nn.Linear(inner, width),
        ]
    elif shape.kind == "mlp":
        layers = [
            nn.Linear(inner, inner),
            nn.ReLU(),
            nn.Linear(inner, inner),
            nn.ReLU(),
            nn.Linear(inner, width),
        ]
    else:
        layers = [nn.Linear(inner, inner), nn.Tanh(), nn.Linear(inner, width)]
    _drawn(layers, lots)
    with torch.no_grad():
        layers[-1].weight.mul_(_SPREAD)
        layers[-1].bias.zero_()
    return layers


def _drawn(layers: Sequence[Any], lots: Any) -> None:
    """Weights of their own generator: torch's is the user's, and stays as it was."""
    with torch.no_grad():
        for layer in layers:
            for weight in layer.parameters():
                bound = 1 / max(1, weight.shape[-1]) ** 0.5
                drawn = torch.rand(weight.shape, generator=lots) * 2 - 1
                weight.copy_(drawn * bound)
