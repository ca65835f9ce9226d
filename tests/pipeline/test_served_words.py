"""Soft words in a model file that weft serves: whose they are, and never said."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import weft
from tests.pipeline.test_soft_words import triage, words
from tests.pipeline.test_updates import gguf_of, served
from tests.server import Server
from weft.pipeline.errors import ConfigError
from weft.pipeline.lm.local import calls
from weft.pipeline.lm.message import Message

__all__ = ["served"]


def baked(path: Path, **held: weft.Soft) -> Path:
    """The head of a file that says which words it has, from token 7 on."""
    told, at = {}, 7
    for name, soft in held.items():
        ids = [*range(at, at + soft.count)]
        told[name] = {"sha256": soft.digest, "place": soft.place, "ids": ids}
        at += soft.count
    head = {"general__architecture": "llama", "weft__soft": json.dumps(told)}
    return gguf_of(path, **head)


async def test_tokens_of_soft_words_are_barred_in_every_call(
    tmp_path: Path, served: None, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of programs with words and without; a bias of the user's own goes along."""
    held = {"triage": words(), "other": words(first=0.75)}
    lm = weft.LM(f"local/{baked(tmp_path / 'b.gguf', **held)}", logit_bias={"3": 1.0})

    async def running(_: object) -> Any:
        return SimpleNamespace(url=server.url, key="k")

    monkeypatch.setattr(calls.SERVERS, "running", running)
    sampling = {"logit_bias": {"3": 1.0, "8": 5.0}}
    for soft in (None, words()):
        turns = (Message("user", "Hi"),)
        await lm.complete(weft.Request(lm.model, turns, sampling, soft=soft))

    for one in server.seen:
        bias = one.body["logit_bias"]
        assert bias["3"] == 1.0
        assert {bias[f"{token}"] for token in range(7, 11)} == {-100.0}


def test_a_file_has_the_words_that_its_head_names(tmp_path: Path, served: None) -> None:
    """Those of another training under the same name are refused before a call."""
    lm = weft.LM(f"local/{baked(tmp_path / 'b.gguf', triage=words())}")

    assert triage(words()).with_(lm=lm).prompt(message="Hi").messages
    with pytest.raises(ConfigError, match="has others of that name, triage@"):
        triage(words(first=0.75)).with_(lm=lm)(message="Hi")
