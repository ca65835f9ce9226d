"""A model in memory: its network, frozen, its tokenizer, and what it has read.

A prompt is read in parts, what many prompts begin with apart from the rest, always in
the same parts, whether one was at hand or not: sums are then made in one order, and the
same request gives the same bytes.
"""

from __future__ import annotations

import copy
import functools
import inspect
from collections import OrderedDict
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from ...errors import ConfigError
from ..soft.lora import Lora
from ..soft.words import Soft
from .libraries import torch, transformers
from .lora import Update, applied, refuse_other_weights, updates_of
from .weights import WhiteModel

_KEPT: Final = 16
"""Prompts whose keys and values are kept."""
_TUNED: Final = 8
"""Low-rank updates that are kept as tensors."""
Pairs = list[tuple[Any, Any]]
"""Keys and values of each layer: [rows, heads, positions, width of a head]."""


class Tokens(NamedTuple):
    """A prompt as tokens.

    Args:
        ids: Ids; -1, -2, ... are the first, second, ... soft word.
        cuts: Where reading pauses, rising: up to there many prompts may be the same.
    """

    ids: tuple[int, ...]
    cuts: tuple[int, ...] = ()


class Read(NamedTuple):
    """What was read of a prompt: keys and values, and the logits of what follows."""

    pairs: Pairs
    logits: Any


class Loaded:
    """A frozen model; used on the worker's thread alone.

    Args:
        model: Which weights, and how many threads.

    Raises:
        ConfigError: The files cannot be loaded; the message says why.
    """

    def __init__(self, model: WhiteModel) -> None:
        self.model = model
        self.take_threads()
        self.net, self.tokenizer = _loaded(model)
        self.net.eval()
        self.net.requires_grad_(False)
        known = inspect.signature(self.net.forward).parameters
        self._past = "cache" if "cache" in known else "past_key_values"
        self.table = self.net.get_input_embeddings().weight
        self.ends = _ends(self.net, self.tokenizer)
        self._read: OrderedDict[tuple[object, ...], Read] = OrderedDict()
        self._updates: OrderedDict[str, dict[str, Update]] = OrderedDict()
        self._tuned = ""

    def take_threads(self) -> None:
        """Compute with as many threads as this model has, whichever computed before.

        torch has one number for all, and sums of several threads may differ.
        """
        torch.set_num_threads(self.model.threads)

    @property
    def scale(self) -> float:
        """What the model multiplies its table with, as Gemma does; 1 for most."""
        own = getattr(self.net.get_input_embeddings(), "scalar_embed_scale", None)
        return 1.0 if own is None else float(own)

    def again(self) -> Any:
        """A tokenizer of its own, which may be changed."""
        return copy.deepcopy(self.tokenizer)

    @property
    def width(self) -> int:
        """Numbers in an embedding."""
        return int(self.table.shape[1])

    @property
    def shape(self) -> tuple[int, int, int]:
        """Layers, heads of keys, and the width of a head."""
        config = self.net.config
        heads = int(config.num_attention_heads)
        pairs = int(getattr(config, "num_key_value_heads", None) or heads)
        own = getattr(config, "head_dim", None)
        head = int(own or config.hidden_size // heads)
        return int(config.num_hidden_layers), pairs, head

    def vectors(self, soft: Soft | None) -> Any:
        """The rows of soft words, or None where there are none.

        Raises:
            ConfigError: They were trained for another model, or are of another width.
        """
        if soft is None:
            return None
        refuse_other(soft, self.model)
        flat = torch.frombuffer(bytearray(soft.vectors), dtype=torch.float32)
        return flat.reshape(soft.count, soft.width).to(self.table.dtype)

    @contextmanager
    def adapted(self, lora: Lora | None) -> Generator[None]:
        """While it is entered the model computes with low-rank updates; None is none.

        Raises:
            ConfigError: They are of other weights, or of another shape.
        """
        if lora is None:
            yield
            return
        refuse_other_weights(lora, self.model)
        held = self._updates.pop(lora.digest, None) or updates_of(self.net, lora)
        self._updates[lora.digest] = held
        while len(self._updates) > _TUNED:
            self._updates.popitem(last=False)
        self._tuned = lora.digest
        try:
            with applied(self.net, held):
                yield
        finally:
            self._tuned = ""

    def embedded(self, ids: Any, vectors: Any) -> Any:
        """Embeddings of tokens, those of soft words among them; [..., tokens, width].

        Args:
            ids: A tensor of ids, or lists of them.
            vectors: The rows that soft words stand for, or None.
        """
        held = torch.as_tensor(ids)
        found = self.table[held.clamp(min=0)] * self.scale
        if vectors is None or not bool((held < 0).any()):
            return found
        own = vectors[(-1 - held).clamp(min=0)]
        return torch.where((held < 0).unsqueeze(-1), own, found)

    def prefix(self, vectors: Any, rows: int = 1) -> Pairs:
        """A `deep` prefix as the keys and values of each layer.

        Rows are laid out as peft's: layer by layer, keys before values.
        """
        layers, heads, wide = self.shape
        length = vectors.shape[0]
        split = vectors.reshape(length, layers * 2, heads, wide).permute(1, 2, 0, 3)
        every = split.unsqueeze(1).expand(-1, rows, -1, -1, -1)
        return [(every[2 * at], every[2 * at + 1]) for at in range(layers)]

    def forward(
        self,
        embeds: Any,
        pairs: Pairs,
        *,
        mask: Any = None,
        positions: Any = None,
        keep: int = 0,
    ) -> Read:
        """Read on behind what was read.

        Args:
            embeds: [rows, tokens, width].
            pairs: What was read; empty for nothing.
            mask: [rows, positions so far and tokens], 0 where nothing stands; None
                where something stands everywhere.
            positions: [rows, tokens]; None where they follow those so far.
            keep: The logits of how many of the last tokens are wanted; 0 is all.
        """
        self.take_threads()
        cache = transformers.DynamicCache(ddp_cache_data=pairs or None)
        made = self.net(
            inputs_embeds=embeds,
            attention_mask=mask,
            position_ids=positions,
            use_cache=True,
            logits_to_keep=keep,
            **{self._past: cache},
        )
        held = [(one.keys, one.values) for one in cache.layers]
        return Read(held, made.logits)

    def prompt(self, tokens: Tokens, soft: Soft | None) -> Read:
        """A prompt, read; the logits are those of the token behind it, [vocabulary]."""
        who = self._tuned, "" if soft is None else soft.digest
        vectors = self.vectors(soft)
        read = Read([], None)
        if soft is not None and soft.place == "deep":
            read, vectors = Read(self.prefix(vectors), None), None
        begins = (0, *tokens.cuts)
        for at, end in enumerate((*tokens.cuts, len(tokens.ids))):
            key = (who, tokens.ids[:end], begins[: at + 1])
            part = tokens.ids[begins[at] : end]
            read = self._kept(key, part, vectors, read.pairs)
        return read

    def _kept(
        self,
        key: tuple[object, ...],
        ids: tuple[int, ...],
        vectors: Any,
        pairs: Pairs,
    ) -> Read:
        found = self._read.pop(key, None)
        if found is None:
            with torch.no_grad():
                made = self.forward(self.embedded([ids], vectors), pairs, keep=1)
            found = Read(made.pairs, made.logits[0, -1])
        self._read[key] = found
        while len(self._read) > _KEPT:
            self._read.popitem(last=False)
        return found


@functools.lru_cache(maxsize=2)
def load(model: WhiteModel) -> Loaded:
    """The model, loaded once; on the worker's thread.

    Raises:
        ConfigError: It cannot be loaded.
    """
    return Loaded(model)


def refuse_other(soft: Soft, model: WhiteModel) -> None:
    """Refuse soft words of another model, before anything is computed.

    Raises:
        ConfigError: They were trained for other weights, or are of another width.
    """
    wanted = model.deep if soft.place == "deep" else model.width
    if soft.width != wanted:
        raise ConfigError(
            f"{soft.name!r} has soft words of width {soft.width}, and {model.name!r} "
            f"has {wanted}",
            hint="Load them with the model that they were trained for",
        )
    if soft.model != model.sha256:
        raise ConfigError(
            f"{soft.name!r} has soft words for the weights {soft.model[7:19]}, and "
            f"{model.name!r} is {model.sha256[7:19]}",
            hint="Load them with the model that they were trained for, compile again, "
            "or load the text-only variant: weft.load(..., soft=False)",
        )


def _loaded(model: WhiteModel) -> tuple[Any, Any]:
    folder, own = model.path, dict[str, Any]()
    if not folder.is_dir():
        folder, own = folder.parent, {"gguf_file": model.path.name}
    how = {"local_files_only": True, "trust_remote_code": False, **own}
    safe = {} if own else {"use_safetensors": True}
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder), **how)
        net = transformers.AutoModelForCausalLM.from_pretrained(
            str(folder),
            dtype=torch.float32,
            attn_implementation="eager",
            **safe,
            **how,
        )
    except (OSError, ValueError, KeyError, RuntimeError, ImportError) as error:
        raise ConfigError(
            f"{model.name!r} cannot be loaded by transformers: {str(error)[:300]}",
            hint="Give a GGUF file or a folder of a causal language model that "
            "transformers knows",
        ) from None
    return net, tokenizer


def _ends(net: Any, tokenizer: Any) -> frozenset[int]:
    """The ids that end a reply."""
    said = getattr(net.generation_config, "eos_token_id", None)
    listed: list[Any] = [*said] if isinstance(said, list | tuple) else [said]
    return frozenset(n for n in (*listed, tokenizer.eos_token_id) if n is not None)
