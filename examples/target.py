"""Find words after which a model goes on with a text that you want.

A sample that circulates claims to optimise a prompt by gradient descent, and does not
run: it steps along gradients of token ids, which have none. What can be done is this:
the gradient of the loss by a word's vector says which words are worth a try
(AutoPrompt, Shin et al. 2020); each is tried, and kept where the loss really falls.
Where no slot helps any more, the search begins anew from other words. The weights stay
as they are, and the result is plain text. Whether it makes sense to people is not
asked, and rarely it does.

    python examples/target.py --model torch/smollm2 --text " Paris, in France."

It needs the extra `whitebox`, and is the one example that looks below the public names.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools

import weft
from weft.pipeline.lm.white import loaded, triggers
from weft.pipeline.lm.white.lessons import Lesson
from weft.pipeline.lm.white.weights import WhiteModel
from weft.pipeline.lm.white.worker import WORKER


def lesson(model: WhiteModel, slots: int, text: str) -> Lesson:
    """Some words that are still to be found, and the text that is to follow."""
    blank = bytes(4 * slots * model.width)
    soft = weft.Soft("target", "after", blank, slots, model.width, model.sha256)
    asked = weft.Request(
        model.name,
        (weft.Message("user", soft.text),),
        {"temperature": 0},
        continues=True,
        soft=soft,
    )
    return Lesson(asked, text, ends=False)


async def searched(lm: weft.LM, text: str, slots: int, seed: int) -> tuple[str, bool]:
    """Words, and whether the model really goes on with the text behind them."""
    model = lm.weights
    assert isinstance(model, WhiteModel)
    held = await WORKER.run(loaded.load, model)
    hunt = triggers.Hunt(slots, candidates=48, turns=1, seed=seed)
    rows = [lesson(model, slots, text)]
    search = await WORKER.run(triggers.Triggers, held, rows, hunt)
    idle, before = 0, float("inf")
    while idle < slots:
        told = await WORKER.run(search.turn)
        said = (await lm.acall(search.text, max_tokens=4 * len(text))).text
        if said.startswith(text):
            return search.text, True
        idle, before = (idle + 1 if told.loss >= before else 0), told.loss
    print(f"draw {seed}: loss {before:.3f}, {search.text!r} -> {said!r}")
    return search.text, False


async def found(lm: weft.LM, text: str, slots: int, draws: int) -> tuple[str, bool]:
    """The same, from one draw of words after the other."""
    for seed in itertools.count():
        words, done = await searched(lm, text, slots, seed)
        if done or seed + 1 == draws:
            return words, done
    raise AssertionError("the numbers have no end")


def main(words: list[str] | None = None) -> bool:
    """Search, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="torch/smollm2")
    parser.add_argument("--text", default=" Paris")
    parser.add_argument("--slots", type=int, default=6)
    parser.add_argument("--draws", type=int, default=10)
    given = parser.parse_args(words)
    lm = weft.LM(given.model, temperature=0, base=True)
    with weft.use(cache=None):
        text, done = asyncio.run(found(lm, given.text, given.slots, given.draws))
    print(f"behind {text!r} it goes on with {given.text!r}: {done}")
    return done


if __name__ == "__main__":
    main()
