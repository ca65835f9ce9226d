"""The demos of a pool that are most like an input; no model is asked.

Liu et al. 2021, "What Makes Good In-Context Examples for GPT-3?" (arXiv 2101.06804),
show each input the training cases nearest to it by sentence embeddings. Here texts are
near where they share rare character trigrams. A pool is indexed once, at its first
call.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from ..ground.text_index import TextIndex
from ..lm.request import JSON
from ..parameters import Demo
from ..signature.spec import Spec


def nearest_demos(
    spec: Spec, pool: tuple[Demo, ...], count: int, inputs: Mapping[str, JSON]
) -> tuple[Demo, ...]:
    """The demos of a pool that are most like an input, the nearest last.

    Args:
        spec: The fields; inputs are compared, field after field, and nothing else.
        pool: The demos; of two that are equally near the earlier is nearer.
        count: How many at the most.
        inputs: Input values as plain JSON data.
    """
    text = _text(spec, inputs)
    order = _index_of(spec, pool).nearest(text, min(count, len(pool)))
    return tuple(pool[number] for number in reversed(order))


@lru_cache(maxsize=8)
def _index_of(spec: Spec, pool: tuple[Demo, ...]) -> TextIndex:
    return TextIndex.of([_text(spec, demo.values) for demo in pool])


def _text(spec: Spec, values: Mapping[str, JSON]) -> str:
    written = [
        field.write(values[name], spell=False)
        for name, field in spec.inputs.items()
        if name in values
    ]
    return "\n".join(written)
