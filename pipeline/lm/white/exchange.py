"""To and from peft: a folder that `PeftModel.from_pretrained` loads.

peft puts its vectors before everything, so what it computes equals a prompt here for
the places `front` and `deep`; of other places it gets the vectors, and where they stood
is lost. Low-rank updates are the same there. Its files are safetensors; one that holds
code is not opened.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

from ...errors import ArtifactError, ConfigError, cause
from ..soft.lora import Lora, Tensor
from ..soft.words import Place, Soft, name_for
from .libraries import peft, safetensors, torch
from .loaded import load, refuse_other
from .lora import matrix, refuse_other_weights, updates_of
from .weights import WhiteModel

_VECTORS: Final = "prompt_embeddings"
_WEIGHTS: Final = "adapter_model.safetensors"
_CONFIG: Final = "adapter_config.json"
_INPUT: Final = ("PROMPT_TUNING", "P_TUNING", "MULTITASK_PROMPT_TUNING")
_DEEP: Final = "PREFIX_TUNING"
_LORA: Final = "LORA"
_VARIANTS: Final = {
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
