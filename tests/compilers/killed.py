"""A compile in a process of its own, to be killed: `python -m tests.compilers.killed`.

It logs each request that the model is asked before the answer is given, so that whoever
killed it can tell what was asked twice.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import weft
from tests.compilers.worlds import Asked, classifier, exact, learner, planted_rows


def main(folder: Path, compiler: str, delay: float) -> None:
    """Compile into a folder, slowly, and save the artifact there."""
    log = (folder / "asked.log").open("a", encoding="utf-8")

    async def reply(request: weft.Request) -> str:
        log.write(request.key + "\n")
        log.flush()
        await asyncio.sleep(delay)
        asked = Asked.read(request)
        return asked.reply(learner(asked))

    lm = weft.FunctionLM(reply, model="planted")
    with weft.use(lm=lm, cache=None):
        result = weft.compile(
            classifier(),
            planted_rows(40),
            metric=exact,
            compiler=getattr(weft.compilers, compiler)(),
            budget=300,
            run_dir=folder,
            concurrency=4,
        )
    result.save(folder / "made.weft.json")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]))
