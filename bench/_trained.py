"""A trained embedding model on MuSiQue's passages: what it finds, kept as it comes.

Vectors are kept on the disk, under runs/, so that a start goes on from the last one:
on a few cores each text is a fraction of a second. What was found stands in
bench/recorded/retrieval.json, from which the page is written where no model is named.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import weft

__all__ = ["KEPT", "measured"]

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / "bench" / "recorded" / "retrieval.json"
VECTORS = ROOT / "runs" / "retrieval"
BATCH = 16


def measured(
    name: str, file: Path, texts: Sequence[str], queries: Sequence[str], k: int
) -> dict[str, Any]:
    """What a model's vectors find, alone and beside BM25, and which file it was.

    Args:
        name: What the page calls the model.
        file: Its weights, for llama.cpp.
        texts: The passages, whose numbers are what is found.
        queries: What is searched for.
        k: How many passages a search gives.
    """
    model = weft.Embedder(f"local/{file.absolute()}", batch=BATCH)
    found: dict[str, list[list[int]]] = {}
    with weft.use(cache=VECTORS):
        for by in ("vectors", "both"):
            index = weft.Index(texts).embedded(model, by=by)
            found[by] = [[int(p.id) for p in index.search(q, k)] for q in queries]
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    told = {"model": name, "sha256": digest, "texts": len(texts), "k": k, **found}
    KEPT.write_text(json.dumps(told) + "\n", "utf-8")
    return told
