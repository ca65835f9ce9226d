"""To and from peft, and to llama.cpp: what was trained here, as others have it.

A folder of peft's is one that `PeftModel.from_pretrained` loads.

peft puts its vectors before everything, so what it computes equals a prompt here for
the places `front` and `deep`; of other places it gets the vectors, and where they stood
is lost. Low-rank updates are the same there. Its files are safetensors; one that holds
code is not opened.

An adapter of llama.cpp is one GGUF file beside the model's own. Where the architecture
is llama's, it has the rotated halves of a head in another order than transformers, so
its converter reorders the rows of q and k. What comes out of these projections is
reordered alike: the rows of B, and none of A.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

from ...errors import ArtifactError, ConfigError, cause
from ...ground.strictjson import canonical
from ..local.gguf import LORA, read_header
from ..soft.lora import DOWN, UP, Lora, Tensor, matrix_name
from ..soft.words import Place, Soft, name_for
from .libraries import gguf, peft, safetensors, torch
from .loaded import Loaded, load, refuse_other
from .lora import matrix, refuse_other_weights, updates_of
from .weights import WhiteModel

_VECTORS: Final = "prompt_embeddings"
_WEIGHTS: Final = "adapter_model.safetensors"
_CONFIG: Final = "adapter_config.json"
_INPUT: Final = ("PROMPT_TUNING", "P_TUNING")
_DEEP: Final = "PREFIX_TUNING"
_LORA: Final = "LORA"
_VARIANTS: Final[Mapping[str, Any]] = {
    "use_dora": False,
    "use_rslora": False,
    "fan_in_fan_out": False,
    "bias": "none",
    "modules_to_save": None,
    "rank_pattern": {},
    "alpha_pattern": {},
    "layers_to_transform": None,
}
"""Settings of peft's under which its updates compute what they do here."""

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


class Where(NamedTuple):
    """What becomes of a folder of peft's.

    Args:
        path: The module that gets it.
        place: Where words stand; a prefix of every layer is `deep` whatever is said.
        name: What it is called; the path by default.
    """

    path: str
    place: str = "front"
    name: str = ""


def write_peft(trained: Soft | Lora, model: WhiteModel, folder: Path) -> None:
    """Write soft words or low-rank updates as peft saves its own.

    On the worker's thread.

    Raises:
        ConfigError: They are for other weights.
        ArtifactError: The folder cannot be written.
    """
    if isinstance(trained, Lora):
        refuse_other_weights(trained, model)
        made = peft.LoraConfig(
            task_type="CAUSAL_LM",
            r=trained.rank,
            lora_alpha=trained.alpha,
            target_modules=[*trained.targets],
            inference_mode=True,
            base_model_name_or_path=model.name,
        )
        tensors = {name: matrix(one) for name, one in trained.tensors.items()}
    else:
        made, tensors = _prompt_config(trained, model), _rows(trained)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        made.save_pretrained(str(folder))
        safetensors.save_file(
            tensors, str(folder / _WEIGHTS), metadata={"format": "pt"}
        )
    except OSError as error:
        message = f"{str(folder)!r} cannot be written: {cause(error)}"
        raise ArtifactError(message) from None


def _rows(soft: Soft) -> dict[str, Any]:
    rows = torch.frombuffer(bytearray(soft.vectors), dtype=torch.float32)
    return {_VECTORS: rows.reshape(soft.count, soft.width).clone()}


def _prompt_config(soft: Soft, model: WhiteModel) -> Any:
    """What peft is told of soft words.

    Raises:
        ConfigError: They are for other weights.
    """
    refuse_other(soft, model)
    config = load(model).net.config
    heads = int(config.num_attention_heads)
    pairs = int(getattr(config, "num_key_value_heads", None) or heads)
    deep = soft.place == "deep"
    layers = int(config.num_hidden_layers)
    kind = peft.PrefixTuningConfig if deep else peft.PromptTuningConfig
    return kind(
        task_type="CAUSAL_LM",
        num_virtual_tokens=soft.count,
        token_dim=soft.width // (2 * layers) if deep else soft.width,
        num_layers=layers,
        num_attention_heads=pairs if deep else heads,
        num_transformer_submodules=1,
        inference_mode=True,
        base_model_name_or_path=model.name,
    )


def read_peft(folder: Path, model: WhiteModel, where: Where) -> Soft | Lora:
    """What peft saved in a folder; on the worker's thread.

    Args:
        folder: With `adapter_config.json` and `adapter_model.safetensors`.
        model: The weights that it was trained for; peft does not say which.
        where: What becomes of it here.

    Raises:
        ArtifactError: It is no such folder, or holds something else.
        ConfigError: It is of another width than the model.
    """
    told = _config(folder)
    kind, place = str(told.get("peft_type")), where.place
    if kind not in (*_INPUT, _DEEP, _LORA):
        raise ArtifactError(
            f"{str(folder)!r} holds {kind} of peft's, and no prompt and no LoRA",
            hint="Prompt tuning, P-tuning, prefix tuning and LoRA can be imported",
        )
    file = folder / _WEIGHTS
    if not file.is_file():
        raise ArtifactError(
            f"{str(folder)!r} has no {_WEIGHTS}",
            hint="Save it with a newer peft; files that hold code are not opened",
        )
    name = where.name or name_for(where.path)
    if kind == _LORA:
        return _read_updates(told, file, model, name)
    if kind != _DEEP and place == "deep":
        raise ConfigError(
            f"{str(folder)!r} holds embeddings, which cannot stand in every layer",
            hint="Give the place front, before or after",
        )
    try:
        held: Mapping[str, Any] = safetensors.load_file(str(file))
        rows = held[_VECTORS].float()
        count, width = (int(n) for n in rows.shape)
    except Exception as error:  # noqa: BLE001 - the library has errors of its own
        raise ArtifactError(
            f"{str(file)!r} holds no {_VECTORS}: {str(error)[:200]}"
        ) from None
    at = cast(Place, "deep" if kind == _DEEP else place)
    data = rows.contiguous().numpy().astype("<f4").tobytes()
    made = Soft(name, at, data, count, width, model.sha256)
    refuse_other(made, model)
    return made


def _read_updates(
    told: Mapping[str, Any], file: Path, model: WhiteModel, name: str
) -> Lora:
    """Low-rank updates out of peft's file.

    Raises:
        ArtifactError: The file holds none, or such as are computed otherwise here.
        ConfigError: They do not fit the model.
    """
    for setting, plain in _VARIANTS.items():
        if told.get(setting) not in (None, plain, [], {}, False):
            raise ArtifactError(
                f"{str(file.parent)!r} holds a LoRA with {setting}="
                f"{told[setting]!r:.80}, which is computed otherwise",
                hint="Plain LoRA of projections can be imported; or merge it into the "
                "weights with peft, and load those",
            )
    try:
        held: Mapping[str, Any] = safetensors.load_file(str(file))
    except Exception as error:  # noqa: BLE001 - the library has errors of its own
        raise ArtifactError(
            f"{str(file)!r} holds no tensors: {str(error)[:200]}"
        ) from None
    tensors: dict[str, Tensor] = {}
    for key, one in held.items():
        if one.dim() != 2:
            raise ArtifactError(f"{str(file)!r}: {key[:200]!r} is no matrix")
        rows, width = map(int, one.shape)
        data = one.float().contiguous().numpy().astype("<f4").tobytes()
        tensors[key] = rows, width, data
    parts = (key.split(".lora_")[0].rpartition(".")[2] for key in tensors)
    targets = tuple(dict.fromkeys(parts))
    rank, alpha = told.get("r"), told.get("lora_alpha")
    made = Lora(
        name, cast(int, rank), cast(float, alpha), targets, tensors, model.sha256
    )
    updates_of(load(model).net, made)
    return made


def _config(folder: Path) -> Mapping[str, Any]:
    try:
        told: object = json.loads((folder / _CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ArtifactError(
            f"{str(folder)!r} is no folder of peft's: {cause(error)}",
            hint="Name one that model.save_pretrained of peft wrote",
        ) from None
    return cast("Mapping[str, Any]", told) if isinstance(told, dict) else {}


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

    Of one head of four rows, 0, 1, 2, 3 come as 0, 2, 1, 3.
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
