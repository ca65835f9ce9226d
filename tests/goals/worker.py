"""A process of its own that asks a server a range of questions through one cache.

python -m tests.goals.worker URL FOLDER COUNT CONCURRENCY
"""

from __future__ import annotations

import asyncio
import sys

from tests.pipeline.lm.support import asking, quick
from weft.pipeline.calls.cache import Cache
from weft.pipeline.calls.call import call
from weft.pipeline.lm.models import LM


async def main(url: str, folder: str, count: int, concurrency: int) -> int:
    lm, cache = LM("m", api_base=url), Cache(folder)
    questions, asked = iter(range(count)), 0

    async def work() -> None:
        nonlocal asked
        for number in questions:
            response = await call(
                asking(lm, f"question {number}"), lm, cache=cache, retry=quick()
            )
            assert response.text == f"answer {number}", response
            asked += 1

    await asyncio.gather(*(work() for _ in range(concurrency)))
    cache.close()
    return asked


if __name__ == "__main__":
    where, place, *numbers = sys.argv[1:]
    print(asyncio.run(main(where, place, *map(int, numbers))))
