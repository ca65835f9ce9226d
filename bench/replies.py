"""Record what real models reply to fixed prompts: the parsers' regression corpus.

`python -m bench replies --models smollm2=FILE.gguf,gemma=URL` asks what is not recorded
yet (`bench/recorded/prompts.py`), one call a prompt, and keeps each reply in
`tests/pipeline/replies`. It is resumed by starting it again. `--write` sets the figures
that the tests hold the parsers to, to what they read now; without models that is all it
does. `--drop` forgets the replies of the models that are named.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import weft

from . import BenchError, Findings, Row
from .real.serving import Model, models_of, served
from .recorded.corpus import FIGURES, FOLDER, Corpus, Recorded, figures
from .recorded.prompts import CASES, module_of

__all__ = ["record", "run"]

MAX_TOKENS = 96
AT_ONCE = 4


def run(models: str = "", drop: bool = False, write: bool = False) -> list[Row]:
    """A row a model and form: how many of its replies are read.

    Args:
        models: NAME=WHERE with commas between; WHERE is an address or a GGUF file.
        drop: Forget what is recorded of these models, and ask for nothing.
        write: Write the figures of the tests.
    """
    for model in models_of(models):
        corpus = Corpus.of(model.name)
        if drop:
            corpus.path.unlink(missing_ok=True)
        else:
            record(model, corpus)
    found = [Corpus.of(path.stem) for path in sorted(FOLDER.glob("*.jsonl"))]
    read = {corpus.path.stem: figures(corpus.replies) for corpus in found}
    if write:
        FIGURES.write_text(f"{json.dumps(read, indent=2)}\n", encoding="utf-8")
    rows = [
        Row(f"{name}, {form}: replies read, of {len(CASES)}", many)
        for name, forms in read.items()
        for form, many in forms.items()
    ]
    return Findings(rows, f"replies: recorded in {FOLDER}")


def record(model: Model, corpus: Corpus) -> None:
    """Ask for the replies that are missing; each is on disk when the next comes."""
    missing = corpus.missing()
    if not missing:
        return
    with served(model) as (url, told), ThreadPoolExecutor(AT_ONCE) as pool:
        day = datetime.now(UTC).date().isoformat()
        sampling = {"temperature": 0, "max_tokens": MAX_TOKENS}
        corpus.head = {"model": model.name, **told, **sampling, "date": day}
        asked = [pool.submit(_reply, model.name, url, *pair) for pair in missing]
        for left, future in enumerate(asked, 1 - len(asked)):
            corpus.replies.append(future.result())
            corpus.save()
            print(f"replies: {model.name}, {-left} to go", file=sys.stderr, flush=True)


def _reply(model: str, url: str, form: str, case: str) -> Recorded:
    """What a model says to one prompt."""
    asked = CASES[case]
    lm = weft.LM(
        f"openai/{model}",
        api_base=f"{url.removesuffix('/v1')}/v1",
        temperature=0,
        max_tokens=MAX_TOKENS,
        timeout=600,
    )

    def unscored(example: Any, prediction: Any) -> float:
        del example, prediction
        return 0.0

    with weft.use(lm=lm, cache=None):
        (row,) = weft.evaluate(module_of(form, asked), [asked.inputs], unscored).rows
    if not row.trace.calls:
        raise BenchError(f"{model} gave no reply to {case} in {form}: {row.error}")
    call = row.trace.calls[0]
    return Recorded(form, case, call.reply, call.finish_reason)
