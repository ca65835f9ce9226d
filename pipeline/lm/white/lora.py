"""Low-rank updates at work: beside what a projection gives, alpha / rank * B A x.

Hu et al. 2021, "LoRA", arXiv 2106.09685. The weights are never written: hooks add the
product while updates are applied, and go with them. A and B may be of one task, or have
a matrix for each row of a batch, so that rows of several tasks are computed in one.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from ...errors import ConfigError, did_you_mean
from ..soft.lora import DOWN, UP, Lora, Tensor, matrix_name
from .libraries import torch
from .weights import WhiteModel


class Update(NamedTuple):
    """The update of a projection.

    Args:
        down: A, [rank, in], or [rows, rank, in].
        up: B, [out, rank], or [rows, out, rank].
        scale: What their product is multiplied with.
    """

    down: Any
    up: Any
    scale: float

    def of(self, given: Any) -> Any:
        """What it adds for an input [rows, tokens, in]; [rows, tokens, out]."""
        return self.scale * (given @ self.down.mT @ self.up.mT)


@contextmanager
def applied(net: Any, updates: Mapping[str, Update]) -> Generator[None]:
    """While it is entered a network computes with updates, by projections' names."""
    hooks: list[Any] = []

    def adding(update: Update) -> Any:
        def add(_: Any, given: Any, made: Any) -> Any:
            return made + update.of(given[0])

        return add

    try:
        for name, update in updates.items():
            module = net.get_submodule(name)
            hooks.append(module.register_forward_hook(adding(update)))
        yield
    finally:
        for hook in hooks:
            hook.remove()


def projections(net: Any, targets: Sequence[str]) -> dict[str, Any]:
    """The projections of a network that targets name, by their whole names.

    Raises:
        ConfigError: A target is none.
    """
    said = net.get_output_embeddings()
    every = {
        name: module
        for name, module in net.named_modules()
        if isinstance(module, torch.nn.Linear) and module is not said
    }
    known = dict.fromkeys(name.rpartition(".")[2] for name in every)
    for target in targets:
        if target not in known:
            raise ConfigError(
                f"{target!r} is no projection of this model; its are "
                f"{', '.join(known)}",
                hint=did_you_mean(target, known) or "Give targets= of these",
            )
    return {n: module for n, module in every.items() if n.rpartition(".")[2] in targets}


def updates_of(net: Any, lora: Lora) -> dict[str, Update]:
    """The updates that a module holds, as tensors by the projections' names.

    Raises:
        ConfigError: The network has no such projection, or one of another shape.
    """
    known = projections(net, lora.targets)
    made: dict[str, Update] = {}
    for name in lora.projections:
        down, up = (lora.tensors[matrix_name(name, which)] for which in (DOWN, UP))
        found = known.get(name)
        shape = None if found is None else (found.in_features, found.out_features)
        if shape != (down[1], up[0]):
            here = "none of that name" if shape is None else f"{shape[0]} to {shape[1]}"
            raise ConfigError(
                f"low-rank updates {lora.name!r} change {name!r} from {down[1]} to "
                f"{up[0]} numbers, and this model has {here}",
                hint="Load them with the model that they were trained for",
            )
        made[name] = Update(matrix(down), matrix(up), lora.scale)
    return made


def matrix(tensor: Tensor) -> Any:
    """Numbers of a file as a matrix."""
    rows, width, numbers = tensor
    flat = torch.frombuffer(bytearray(numbers), dtype=torch.float32)
    return flat.reshape(rows, width)


def refuse_other_weights(lora: Lora, model: WhiteModel) -> None:
    """Refuse low-rank updates of another model, before anything is computed.

    Raises:
        ConfigError: They were trained for other weights.
    """
    if lora.model != model.sha256:
        raise ConfigError(
            f"{lora.name!r} has low-rank updates of the weights {lora.model[7:19]}, "
            f"and {model.name!r} is {model.sha256[7:19]}",
            hint="Load them with the model that they were trained for, compile again, "
            "or load the text-only variant: weft.load(..., soft=False)",
        )
