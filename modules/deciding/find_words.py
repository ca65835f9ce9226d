"""Finding answer words: those that a server shows for one label and not for others."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any, Final, ParamSpec, TypeVar, cast

from ...pipeline import seam
from ...pipeline.errors import ConfigError
from ...pipeline.ground.shapes import as_dict, as_list
from ...pipeline.run.rows import map_rows
from ...pipeline.run.scoring.choices import choices_in
from ...pipeline.trace import Run
from .classify import Classify
from .labelled import Rows, labelled
from .words import Choice

P = ParamSpec("P")
R = TypeVar("R")
_LEAST_ROWS: Final = 2
_WORD: Final = re.compile(r"[^\W\d_]{2,}|[^\W\d_\x00-\x7f]")


async def afind_words(
    target: Classify[P, R],
    rows: Rows,
    *,
    words_per_label: int = 1,
    output: str | None = None,
    concurrency: int = 8,
) -> Classify[P, R]:
    """As `find_words`, without blocking the event loop."""
    if type(cast(object, words_per_label)) is not int or words_per_label < 1:
        raise ConfigError(
            f"words_per_label={words_per_label!r} is no number of words",
            hint="Give 1, 2, ...",
        )
    if not isinstance(cast(object, target), Classify):
        raise ConfigError(
            f"answer words are found for a weft.Classify, and {target!r:.200} is none",
            hint='Write weft.Classify(weft.Predict("text -> label: bool"))',
        )
    name, labels, inputs = labelled(target, rows, "find_words", output)
    called = choices_in(target.part, "find_words")[name]
    few = [one for one in called if labels.count(one) < _LEAST_ROWS]
    if few:
        raise ConfigError(
            f"{', '.join(few)} has fewer than {_LEAST_ROWS} rows, and words are found "
            "by what differs between labels",
            hint="Give some rows of each label",
        )
    looking = target.with_words(None, name).showing()

    async def one(position: int, row: Mapping[str, Any]) -> dict[str, float]:
        del position
        run: Run[Any] = await looking.arun(**row)
        top = run.trace.nodes[-1]
        node = next((n for n in run.trace.nodes if n.path == looking.name), top)
        return {
            str(text): float(logprob)
            for text, logprob in as_list(as_dict(node.facts.get("shown")).get(name))
        }

    shown = await map_rows(one, inputs, concurrency=concurrency)
    found = _found([_words_in(one, begin=_begins(shown)) for one in shown], labels)
    words: dict[str, list[str]] = {}
    for label in called:
        words[label] = found.get(label, [])[:words_per_label]
        if not words[label]:
            raise ConfigError(
                f"no word that is shown tells {label!r} from the other labels, over "
                f"{len(shown)} rows",
                hint="Give more rows, ask by a template (weft.cloze), or have more of "
                "the likeliest tokens shown: weft.Classify(..., shown=100)",
            )
    return target.with_words(Choice(words), name)


def find_words(
    target: Classify[P, R],
    rows: Rows,
    *,
    words_per_label: int = 1,
    output: str | None = None,
    concurrency: int = 8,
) -> Classify[P, R]:
    """Find answer words in what a server shows for labelled rows.

    Each row is asked once, and the likeliest tokens at the place of the answer are kept
    (`shown=` of the module says how many). Those that are words are candidates. A
    word's score for a label is the mean of its log-probability over the label's rows,
    less the mean of the other labels' means; where it is not shown it counts as the
    last one that is. Each word belongs to the label that it has its highest score for,
    which has to be above 0; of equal ones the likelier word comes first. So label words
    are searched for in PET (Schick et al. 2020, arXiv 2010.13641) and AutoPrompt (Shin
    et al. 2020, arXiv 2010.15980); here by what any server shows, in place of all
    log-probabilities.

    Words are whole where they are one token. They are fitted to the rows: compare them
    with words of your own on rows that were not given here, and calibrate again, since
    the prior is not kept.

    Args:
        target: What decides.
        rows: Inputs and the output by name; two rows of each label at least.
        words_per_label: How many words each label gets at most.
        output: Which output; may be left out where there is one.
        concurrency: How many rows are asked at once.

    Returns:
        A copy that asks for the words.

    Raises:
        ConfigError: A label is no choice, or has fewer than two rows, or no word.
        ModelError: A call failed.
        BudgetExceeded: The calls do not fit the budget.

    >>> import weft
    >>> def said(request: weft.Request) -> weft.Response:
    ...     glad = "sun" in request.messages[-1].text
    ...     top = (("fine", -0.5 if glad else -3.0), ("sad", -3.0 if glad else -0.5))
    ...     return weft.Response("fine", logprobs=(weft.TokenLogprob(*top[0], top),))
    >>> mood = weft.Classify(weft.Predict("text -> glad: bool"))
    >>> rows = [{"text": t, "glad": t == "sun"} for t in ("sun", "rain") * 2]
    >>> with weft.use(lm=weft.FunctionLM(said), cache=None):
    ...     found = weft.find_words(mood, rows)
    >>> found.words["glad"].words
    {'true': ('fine',), 'false': ('sad',)}
    """
    seam.refuse_traced("answer words cannot be found", "Find them outside of programs")
    made = afind_words(
        target,
        rows,
        words_per_label=words_per_label,
        output=output,
        concurrency=concurrency,
    )
    return cast("Classify[P, R]", seam.engine("find_words", "find_words").wait(made))


def _begins(shown: Sequence[Mapping[str, float]]) -> bool:
    """Whether the words of a place begin with a blank, as they do within a text."""
    first = Counter(
        next((t[:1] == " " for t in one if _WORD.fullmatch(t.strip())), None)
        for one in shown
    )
    return first[True] > first[False]


def _words_in(shown: Mapping[str, float], *, begin: bool) -> dict[str, float]:
    """What is shown as words, and under "" the last log-probability of all."""
    found: dict[str, list[float]] = defaultdict(list)
    for text, logprob in shown.items():
        word = text.strip()
        if _WORD.fullmatch(word) and (not begin or text[:1] == " "):
            found[word].append(logprob)
    made = {w: math.log(math.fsum(map(math.exp, some))) for w, some in found.items()}
    return {**made, "": min(shown.values(), default=0.0)}


def _found(
    shown: Sequence[Mapping[str, float]], labels: Sequence[str]
) -> dict[str, list[str]]:
    """The words of each label, the best first; no two are alike but for case."""
    seen = Counter(word for one in shown for word in one if word)
    own: dict[str, list[Mapping[str, float]]] = defaultdict(list)
    for one, label in zip(shown, labels, strict=True):
        own[label].append(one)
    scored: list[tuple[float, float, str, str]] = []
    for word in (word for word, count in seen.items() if count >= _LEAST_ROWS):
        means = {
            label: fmean(one.get(word, one[""]) for one in some)
            for label, some in own.items()
        }
        best = max(means, key=lambda label: means[label])
        others = [mean for label, mean in means.items() if label != best]
        score = round(means[best] - fmean(others), 9)  # what is equal but for rounding
        scored.append((-score, -means[best], word, best))
    made: dict[str, list[str]] = defaultdict(list)
    taken: set[str] = set()
    for less, _, word, label in sorted(scored):
        if less < 0 and word.casefold() not in taken:
            taken.add(word.casefold())
            made[label].append(word)
    return made
