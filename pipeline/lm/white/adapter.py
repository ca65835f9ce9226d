"""Low-rank updates as an adapter of llama.cpp: one GGUF file beside the model's own.

llama.cpp reads the rotated halves of a head in another order than transformers where
the architecture is llama's, and its converter reorders the rows of q and k so. What
comes out of these projections is reordered alike: the rows of B, and none of A.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

from ...errors import ArtifactError, ConfigError, cause
from ...ground.strictjson import canonical
from ..local.gguf import LORA, read_header
from ..soft.lora import DOWN, UP, Lora, matrix_name
from .libraries import gguf
from .loaded import Loaded, load
from .lora import matrix, refuse_other_weights, updates_of
from .weights import WhiteModel

_ARCHITECTURES: Final = {
    "llama": "llama",
    "mistral": "llama",
    "qwen2": "qwen2",
    "qwen3": "qwen3",
    "gemma": "gemma",
    "gemma2": "gemma2",
    "gemma3_text": "gemma3",
}
"""Those whose projections llama.cpp keeps as they are, but for llama's order; by the
name that transformers has."""
_REORDERED: Final = ("llama",)


def write_adapter(lora: Lora, model: WhiteModel, out: Path) -> None:
    """Write low-rank updates as a file that `llama-server --lora` takes.

    On the worker's thread.

    Raises:
        ConfigError: They are of other weights, or of an architecture that is not known
            here.
        ArtifactError: The file cannot be written.
    """
    refuse_other_weights(lora, model)
    if out.suffix.lower() != ".gguf":
        raise ConfigError(
            f"{out.name!r} does not end with .gguf, as llama.cpp's adapters do",
            hint=f"Write --out {out.stem}.gguf; for others, weft soft export",
        )
    held = load(model)
    updates_of(held.net, lora)
    kind = _architecture(held)
    layers = int(held.net.config.num_hidden_layers)
    names = gguf.get_tensor_name_map(
        next(n for n, said in gguf.MODEL_ARCH_NAMES.items() if said == kind), layers
    )
    spare = out.with_name(f".{out.name}.{os.urandom(4).hex()}.tmp")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        writer = gguf.GGUFWriter(str(spare), arch=kind)
        writer.add_string("general.type", "adapter")
        writer.add_string("general.name", lora.name)
        writer.add_string("adapter.type", "lora")
        writer.add_float32("adapter.lora.alpha", float(lora.alpha))
        told = {"name": lora.name, "sha256": lora.digest, "model": lora.model}
        writer.add_string(LORA, canonical(told))
        for projection in lora.projections:
            theirs = names.get_name(projection)
            if theirs is None:
                raise _unknown(projection, model)
            down = matrix(lora.tensors[matrix_name(projection, DOWN)])
            up = matrix(lora.tensors[matrix_name(projection, UP)])
            heads = _heads(held, kind, projection)
            if heads:
                up = reordered(up, heads)
            writer.add_tensor(f"{theirs}.weight.lora_a", down.numpy())
            writer.add_tensor(f"{theirs}.weight.lora_b", up.contiguous().numpy())
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        spare.replace(out)
    except OSError as error:
        message = f"{str(out)!r} cannot be written: {cause(error)}"
        raise ArtifactError(message) from None
    finally:
        spare.unlink(missing_ok=True)


def reordered(up: Any, heads: int) -> Any:
    """Rows [out, rank] in llama.cpp's order: of each head the two halves in turn.

    >>> import torch
    >>> reordered(torch.tensor([[0], [1], [2], [3]]), 1).flatten().tolist()
    [0, 2, 1, 3]
    """
    out, rank = up.shape
    halves = up.reshape(heads, 2, out // heads // 2, rank)
    return halves.swapaxes(1, 2).reshape(out, rank)


def _heads(held: Loaded, kind: str, projection: str) -> int:
    """The heads by which the rows of a projection are reordered; 0 where they stay."""
    config, target = held.net.config, projection.rpartition(".")[2]
    if kind not in _REORDERED or target not in ("q_proj", "k_proj"):
        return 0
    heads = int(config.num_attention_heads)
    if target == "q_proj":
        return heads
    return int(getattr(config, "num_key_value_heads", None) or heads)


def _architecture(held: Loaded) -> str:
    """The architecture as llama.cpp calls it.

    Raises:
        ConfigError: What becomes of its projections there is not known here.
    """
    model = held.model
    kind = _ARCHITECTURES.get(str(held.net.config.model_type), "")
    if not model.path.is_dir() and kind:
        said = read_header(model.path).architecture
        kind = kind if said == kind else ""
    if not kind:
        raise ConfigError(
            f"how llama.cpp keeps the projections of a {held.net.config.model_type} is "
            "not known here",
            hint="Write weft soft export ... --peft FOLDER, and llama.cpp's "
            "convert_lora_to_gguf.py",
        )
    return kind


def _unknown(projection: str, model: WhiteModel) -> ConfigError:
    return ConfigError(
        f"llama.cpp has no name for {projection!r} of {model.name!r}",
        hint="Train other targets, such as q_proj and v_proj",
    )
