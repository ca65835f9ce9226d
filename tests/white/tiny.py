"""A random llama of two layers and its tokenizer, made here: nothing is downloaded."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

WANTED = ("torch", "transformers", "peft", "gguf", "safetensors")
MISSING = [name for name in WANTED if not importlib.util.find_spec(name)]

WIDTH, LAYERS, HEADS, PAIRS = 32, 2, 4, 2
HEAD = WIDTH // HEADS
DEEP = LAYERS * 2 * PAIRS * HEAD
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
CORPUS = [
    "You are given these fields: text label mood. You write these fields:",
    "Reply in exactly this form, each field on a line: <label> one of red, blue, green",
    "Your task: Given text, write label. Choose label from: red, blue, green.",
    "Begin your reply with label: red blue green sky grass blood sea leaf fire",
    "system user assistant text: the sky is blue and the grass is green label: blue",
]


def make_model(folder: Path, *, sure: bool = False, seed: int = 0) -> Path:
    """Write a folder that transformers reads, with random weights."""
    import torch
    import transformers
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=420,
        special_tokens=["<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS * 4, trainer)
    fast: Any = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|im_end|>",
    )
    fast.chat_template = TEMPLATE
    config = transformers.LlamaConfig(
        vocab_size=len(fast),
        hidden_size=WIDTH,
        intermediate_size=64,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=PAIRS,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        bos_token_id=0,
        eos_token_id=1,
        initializer_range=0.3,
    )
    state = torch.random.get_rng_state()
    torch.manual_seed(seed)
    net: Any = transformers.LlamaForCausalLM(config)
    torch.random.set_rng_state(state)
    # Models that were trained are sure of some word wherever they stand.
    net.model.norm.weight.data *= 8.0 if sure else 1.0
    net.save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder
