"""Soft words written into a model: new tokens with their vectors, which are never said.

What comes out is an ordinary model file that unmodified servers read: each word is a
token of the vocabulary, and a prompt that holds its text gets its vector. Where inputs
and outputs share one table, as in most small models, such a token could be said too; so
the file gets an output table of its own. There all new words have one row, the silent
one: it is fitted to lie far below the real words wherever the model stands, and is no
longer than theirs are.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from ...errors import ArtifactError, ConfigError, cause
from ...ground.shapes import as_dict
from ...ground.strictjson import canonical
from ..local.gguf import BASE, SOFT, read_header
from ..soft.words import Soft
from . import loaded as models
from .libraries import gguf, safetensors, torch, transformers
from .loaded import Loaded, refuse_other
from .weights import WhiteModel

_MOST_SAID: Final = 1e-6
"""In 200 replies of 50 tokens one word then comes once in a hundred times."""
_DRAWN: Final = 64
_LONG: Final = 24
_BEGINNINGS: Final = 8
"""Drawn texts behind which each program's words stand."""
_FIT_STEPS: Final = 300
_FIT_RATE: Final = 0.02
_KEYS: Final = ("tokenizer.ggml.tokens", "tokenizer.ggml.token_type")
_SCORES: Final = "tokenizer.ggml.scores"
_TOLD: Final = "weft.soft.json"
"""In a baked folder, what it says of its words."""
_CONTROL: Final = 3
"""The type of tokens that llama.cpp reads in prompts and does not print."""


class Baked(NamedTuple):
    """What was written.

    Args:
        path: The model file, or the folder.
        words: The words by name, each with the id of its first token.
        share: How probable a new word was at the most, on what was tried.
    """

    path: Path
    words: Mapping[str, int]
    share: float


def bake(
    softs: Sequence[Soft], model: WhiteModel, out: Path, prompts: Sequence[str] = ()
) -> Baked:
    """Write a model that has soft words; on the worker's thread.

    Args:
        softs: The words of any number of programs.
        model: The weights that they were trained for.
        out: A path that ends with ".gguf", for a model that is one, or a folder.
        prompts: Texts on which the words' silence is tried beside drawn ones.

    Raises:
        ConfigError: Words are for other weights, share a name, have one that the model
            has words of already, or need no file (`deep`); or the model cannot be
            written in this form, or lies where it is to be written.
        ArtifactError: The file cannot be written.
    """
    kept = _checked(softs, model)
    as_file = out.suffix.lower() == ".gguf"
    if as_file and model.path.is_dir():
        raise ConfigError(
            f"{model.name!r} is a folder, and {out.name!r} is to be a GGUF file",
            hint="Give --out a folder; llama.cpp's convert_hf_to_gguf.py makes a file "
            "of it",
        )
    if model.path.resolve().is_relative_to(out.resolve()):
        raise ConfigError(
            f"{model.name!r} lies at {str(out)!r}, which would be replaced",
            hint="Name another file or folder with --out",
        )
    held = models.load(model)
    _refuse_known(held, kept)
    silent, share = _silent(held, kept, prompts)
    try:
        if as_file:
            first = _write_file(held, kept, silent, out)
        else:
            first = _write_folder(held, kept, silent, out)
    except OSError as error:
        message = f"{str(out)!r} cannot be written: {cause(error)}"
        raise ArtifactError(message) from None
    return Baked(out, first, share)


def _checked(softs: Sequence[Soft], model: WhiteModel) -> list[Soft]:
    """The words, each once.

    Raises:
        ConfigError: Some cannot be baked, or not together.
    """
    found: dict[str, Soft] = {}
    for soft in softs:
        refuse_other(soft, model)
        if soft.place == "deep":
            raise ConfigError(
                f"{soft.name!r} is a prefix of every layer, and no word that a model "
                "file could hold",
                hint='It works in this process alone: weft.LM("torch/...")',
            )
        other = found.setdefault(soft.name, soft)
        if other.digest != soft.digest:
            raise ConfigError(
                f"two programs have soft words {soft.name!r}, and they are different",
                hint="Train one of them again with called=, such as "
                'PromptTuning(called="triage2")',
            )
    if not found:
        raise ConfigError(
            "the programs have no soft words",
            hint="Compile with PromptTuning() first",
        )
    return list(found.values())


def _refuse_known(held: Loaded, softs: Sequence[Soft]) -> None:
    """Refuse words that the model was given before: programs would get the others'.

    Raises:
        ConfigError: It has words of that name.
    """
    known = held.tokenizer.get_vocab()
    for soft in softs:
        if any(word in known for word in soft.words):
            raise ConfigError(
                f"{held.model.name!r} has soft words {soft.name!r} already",
                hint="Train with called= and another name, such as "
                f"PromptTuning(called={soft.name + '2'!r})",
            )


def _silent(
    held: Loaded, softs: Sequence[Soft], prompts: Sequence[str]
) -> tuple[Any, float]:
    """The row of the output table that is not said, and how probable it is at the most.

    Fitted on every other place of drawn tokens, of the words behind some of them and of
    the prompts: the greatest share of the new word is what is made small, a convex
    thing. It is as long as a real word's row at the most, so that where the model
    computes what was never seen it weighs no more than they do. What is said of it
    holds for the places that it was not fitted on, too.

    Raises:
        ConfigError: It is too probable in this model.
    """
    lots = torch.Generator().manual_seed(0)
    ids = torch.randint(0, held.table.shape[0], (_DRAWN, _LONG), generator=lots)
    states = [_states(held, ids, None)]
    for soft in softs:
        own = torch.tensor([range(-1, -1 - soft.count, -1)]).expand(_BEGINNINGS, -1)
        behind = torch.cat((ids[:_BEGINNINGS], own), 1)
        states.append(_states(held, behind, held.vectors(soft)))
    for text in prompts:
        tokens = held.tokenizer(text, add_special_tokens=False).input_ids
        if tokens:
            states.append(_states(held, torch.tensor([tokens[-512:]]), None))
    head = held.net.get_output_embeddings().weight.float()
    seen = torch.cat(states)
    real = torch.cat([torch.logsumexp(some @ head.T, 1) for some in seen.split(256)])
    longest = float(head.norm(dim=1).max())
    silent = _fitted(seen[::2], real[::2], longest)
    share = float(torch.exp((seen @ silent - real).max()))
    if share > _MOST_SAID:
        raise ConfigError(
            f"the words cannot be kept from being said by {held.model.name!r}: one "
            f"would come with a probability of {share:.1g}",
            hint="Serve it in this process, or send logit_bias for the new tokens",
        )
    return silent, share


def _fitted(states: Any, real: Any, longest: float) -> Any:
    """The row whose logit is the furthest below the real words' where it is nearest."""
    row = torch.zeros(states.shape[1], requires_grad=True)
    adam = torch.optim.Adam([row], lr=_FIT_RATE)
    for _ in range(_FIT_STEPS):
        adam.zero_grad()
        torch.logsumexp(states @ row - real, 0).backward()
        adam.step()
        with torch.no_grad():
            row.mul_((longest / row.norm()).clamp(max=1.0))
    return row.detach()


def _states(held: Loaded, ids: Any, vectors: Any) -> Any:
    """What the output table is multiplied with, at each place: [places, width]."""
    seen: list[Any] = []
    table = held.net.get_output_embeddings()

    def keep(_: Any, given: Any) -> None:
        seen.append(given[0].detach())

    hook = table.register_forward_pre_hook(keep)
    try:
        with torch.no_grad():
            held.forward(held.embedded(ids, vectors), [])
    finally:
        hook.remove()
    return seen[0].reshape(-1, seen[0].shape[-1]).float()


def _rows(held: Loaded, soft: Soft) -> Any:
    """Rows of the input table: what the model scales is scaled back."""
    return held.vectors(soft).float() / held.scale


def _told(softs: Sequence[Soft], first: Mapping[str, int]) -> str:
    """What the file says of its words: names, digests and tokens."""
    return canonical(
        {
            soft.name: {
                "sha256": soft.digest,
                "place": soft.place,
                "ids": [*range(first[soft.name], first[soft.name] + soft.count)],
            }
            for soft in softs
        }
    )


def _write_file(
    held: Loaded, softs: Sequence[Soft], silent: Any, out: Path
) -> dict[str, int]:
    reader = gguf.GGUFReader(str(held.model.path))
    fields = {field.name: field for field in reader.fields.values()}
    tensors = {tensor.name: tensor for tensor in reader.tensors}
    tokens = list(fields[_KEYS[0]].contents())
    count, first = len(tokens), dict[str, int]()
    for soft in softs:
        first[soft.name] = len(tokens)
        tokens += soft.words
    told = json.loads(_told(softs, first))
    before = read_header(held.model.path).soft
    changed: dict[str, Any] = {
        _KEYS[0]: tokens,
        _KEYS[1]: _longer(fields, _KEYS[1], len(tokens), _CONTROL, count),
        _SCORES: _longer(fields, _SCORES, len(tokens), 0.0, count),
        f"{read_header(held.model.path).architecture}.vocab_size": len(tokens),
    }
    new = torch.cat([_rows(held, soft) for soft in softs]).numpy()
    table = tensors["token_embd.weight"]
    said = tensors.get("output.weight", table)
    silent_rows = silent.expand(len(tokens) - count, -1).contiguous().numpy()
    written = [
        ("token_embd.weight", *_with_rows(table, new)),
        ("output.weight", *_with_rows(said, silent_rows)),
    ]
    spare = out.with_name(f".{out.name}.{os.urandom(4).hex()}.tmp")
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        writer = gguf.GGUFWriter(str(spare), arch=_architecture(fields))
        for name, field in fields.items():
            _copy_field(writer, name, field, changed.get(name))
        whole = {**json.loads(before or "{}"), **told}
        writer.add_string(SOFT, canonical(whole))
        base = read_header(held.model.path).base or held.model.sha256
        writer.add_string(BASE, base)
        names = {name for name, *_ in written}
        for name, data, kind in written:
            writer.add_tensor(name, data, raw_dtype=kind)
        for name, tensor in tensors.items():
            if name not in names:
                writer.add_tensor(name, tensor.data, raw_dtype=tensor.tensor_type)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        spare.replace(out)
    finally:
        spare.unlink(missing_ok=True)
    return first


def _architecture(fields: Mapping[str, Any]) -> str:
    return str(fields["general.architecture"].contents())


def _longer(
    fields: Mapping[str, Any], name: str, size: int, value: Any, count: int
) -> Any:
    """A list of a value for each token, for more tokens; None where there is none."""
    if name not in fields:
        return None
    held = list(fields[name].contents())[:count]
    return [*held, *([value] * (size - len(held)))]


def _copy_field(writer: Any, name: str, field: Any, changed: Any) -> None:
    """A value of the head as it was, or as it is now."""
    if name.startswith("GGUF.") or name in ("general.architecture", SOFT, BASE):
        return
    kind = field.types[0]
    value = field.contents() if changed is None else changed
    listed = kind == gguf.GGUFValueType.ARRAY
    inner = field.types[-1] if listed else None
    writer.add_key_value(name, value, kind, sub_type=inner)


def _with_rows(tensor: Any, rows: Any) -> tuple[Any, Any]:
    """A table with further rows, and its type: its own where that is fine enough."""
    kinds = gguf.GGMLQuantizationType
    fine = (kinds.F32, kinds.F16, kinds.BF16, kinds.Q8_0)
    kind = tensor.tensor_type
    if kind in fine:
        made = gguf.quants.quantize(rows, kind).astype(tensor.data.dtype, copy=False)
        return _joined(tensor.data, made), kind
    whole = _joined(gguf.quants.dequantize(tensor.data, kind), rows)
    return gguf.quants.quantize(whole, kinds.Q8_0), kinds.Q8_0


def _joined(table: Any, rows: Any) -> Any:
    """Two arrays of rows as one, of whatever numbers."""
    both = [torch.from_numpy(part.copy()) for part in (table, rows)]
    return torch.cat(both).numpy()


def _write_folder(
    held: Loaded, softs: Sequence[Soft], silent: Any, out: Path
) -> dict[str, int]:
    added = [
        transformers.AddedToken(word, special=True, normalized=False)
        for soft in softs
        for word in soft.words
    ]
    tokenizer = held.again()
    tokenizer.add_tokens(added, special_tokens=True)
    first = {s.name: tokenizer.convert_tokens_to_ids(s.words[0]) for s in softs}
    size = max(held.table.shape[0], len(tokenizer))
    table = torch.zeros(size, held.width)
    said = torch.zeros(size, held.width)
    table[: held.table.shape[0]] = held.table
    out_table = held.net.get_output_embeddings().weight
    said[: out_table.shape[0]] = out_table
    for soft in softs:
        span = slice(first[soft.name], first[soft.name] + soft.count)
        table[span], said[span] = _rows(held, soft), silent
    config: Any = held.net.config.__class__.from_dict(held.net.config.to_dict())
    config.vocab_size, config.tie_word_embeddings = size, False
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    state = dict(held.net.state_dict())
    state[_named(held, held.net.get_input_embeddings())] = table
    state[_named(held, held.net.get_output_embeddings())] = said
    spare = out.with_name(f".{out.name}.{os.urandom(4).hex()}.tmp")
    try:
        spare.mkdir(parents=True)
        kept = {name: value.contiguous().clone() for name, value in state.items()}
        safetensors.save_file(
            kept, str(spare / "model.safetensors"), metadata={"format": "pt"}
        )
        config.save_pretrained(str(spare))
        tokenizer.save_pretrained(str(spare))
        told = {**_told_before(held.model.path), **json.loads(_told(softs, first))}
        (spare / _TOLD).write_text(canonical(told), encoding="utf-8")
        if out.exists():
            shutil.rmtree(out)
        spare.replace(out)
    finally:
        shutil.rmtree(spare, ignore_errors=True)
    return first


def _told_before(folder: Path) -> Mapping[str, Any]:
    """What a folder says of the words in it; nothing where it was never baked."""
    try:
        return as_dict(json.loads((folder / _TOLD).read_text(encoding="utf-8")))
    except (OSError, ValueError):  # a file of weights, too, has none beside it
        return {}


def _named(held: Loaded, module: Any) -> str:
    found = next(n for n, m in held.net.named_modules() if m is module)
    return f"{found}.weight"
