"""Soft words to and from peft: a folder that `PeftModel.from_pretrained` loads.

peft puts its vectors before everything, so what it computes equals a prompt here for
the places `front` and `deep`; of other places it gets the vectors, and where they stood
is lost. Its files are safetensors; one that holds code is not opened.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

from ...errors import ArtifactError, ConfigError, cause
from ..soft.words import Place, Soft, name_for
from .libraries import peft, safetensors, torch
from .loaded import load, refuse_other
from .weights import WhiteModel

_VECTORS: Final = "prompt_embeddings"
_WEIGHTS: Final = "adapter_model.safetensors"
_CONFIG: Final = "adapter_config.json"
_INPUT: Final = ("PROMPT_TUNING", "P_TUNING", "MULTITASK_PROMPT_TUNING")
_DEEP: Final = "PREFIX_TUNING"


def write_peft(soft: Soft, model: WhiteModel, folder: Path) -> None:
    """Write soft words as peft saves its own; on the worker's thread.

    Raises:
        ConfigError: They are for other weights.
        ArtifactError: The folder cannot be written.
    """
    refuse_other(soft, model)
    config = load(model).net.config
    heads = int(config.num_attention_heads)
    pairs = int(getattr(config, "num_key_value_heads", None) or heads)
    deep = soft.place == "deep"
    layers = int(config.num_hidden_layers)
    kind = peft.PrefixTuningConfig if deep else peft.PromptTuningConfig
    made = kind(
        task_type="CAUSAL_LM",
        num_virtual_tokens=soft.count,
        token_dim=soft.width // (2 * layers) if deep else soft.width,
        num_layers=layers,
        num_attention_heads=pairs if deep else heads,
        num_transformer_submodules=1,
        inference_mode=True,
        base_model_name_or_path=model.name,
    )
    rows = torch.frombuffer(bytearray(soft.vectors), dtype=torch.float32)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        made.save_pretrained(str(folder))
        safetensors.save_file(
            {_VECTORS: rows.reshape(soft.count, soft.width).clone()},
            str(folder / _WEIGHTS),
            metadata={"format": "pt"},
        )
    except OSError as error:
        message = f"{str(folder)!r} cannot be written: {cause(error)}"
        raise ArtifactError(message) from None


def read_peft(
    folder: Path, model: WhiteModel, path: str, place: str = "front", name: str = ""
) -> Soft:
    """Soft words out of a folder that peft saved; on the worker's thread.

    Args:
        folder: With `adapter_config.json` and `adapter_model.safetensors`.
        model: The weights that they were trained for; peft does not say which.
        path: The module that gets them.
        place: Where they stand; a prefix of every layer is `deep` whatever is said.
        name: What they are called; the path by default.

    Raises:
        ArtifactError: It is no such folder, or holds no prompt.
        ConfigError: It is of another width than the model.
    """
    kind = str(_config(folder).get("peft_type"))
    if kind not in (*_INPUT, _DEEP):
        raise ArtifactError(
            f"{str(folder)!r} holds {kind} of peft's, and no prompt",
            hint="Prompt tuning, P-tuning and prefix tuning can be imported",
        )
    file = folder / _WEIGHTS
    if not file.is_file():
        raise ArtifactError(
            f"{str(folder)!r} has no {_WEIGHTS}",
            hint="Save it with a newer peft; files that hold code are not opened",
        )
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
    where = cast(Place, "deep" if kind == _DEEP else place)
    data = rows.contiguous().numpy().astype("<f4").tobytes()
    made = Soft(name or name_for(path), where, data, count, width, model.sha256)
    refuse_other(made, model)
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
