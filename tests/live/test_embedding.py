"""A small real model makes vectors, on this machine: the way is right, not the meaning.

SmolLM2 was not trained for it; the mean of its tokens' vectors stands for a text.
"""

from __future__ import annotations

import weft
from tests.live.models import SMOLLM2, needs

pytestmark = needs(SMOLLM2)


def test_a_language_model_gives_the_mean_of_its_tokens() -> None:
    """Vectors of one length, equal for equal texts, nearest to the text itself."""
    embedder = weft.Embedder(SMOLLM2)
    texts = ["The old bridge opened in 1871.", "Cats like milk.", "It rains a lot."]
    with weft.use(cache=None, budget="9 calls") as settings:
        index = weft.Index(texts).embedded(embedder, by="vectors")
        found = [index.search(text, k=1)[0] for text in texts]
        (again,) = embedder.embed(texts[:1])

    assert [passage.text for passage in found] == texts
    assert all(passage.score > 0.99 for passage in found)
    assert len(again) == 576
    assert settings.ledger is not None
    (account,) = settings.ledger.snapshot().values()
    assert account["usd"] == 0
    assert account["input_tokens"] > 10
