"""Finding answer words: those that a server shows for one label and not for others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, ParamSpec, TypeVar, cast

from ...pipeline import seam
from ...pipeline.errors import ConfigError
from ...pipeline.ground.loops import needs_loop
from ...pipeline.ground.options import checked
from ...pipeline.ground.shapes import as_dict, as_list
from ...pipeline.ground.words import counted
from ...pipeline.run.bridge import in_thread, waits_for
from ...pipeline.run.rows import map_rows
from ...pipeline.run.scoring.choices import choices_in
from ...pipeline.trace import Run
from .class_words import class_words
from .classify import Classify
from .labelled import Rows, labelled
from .words import Choice

P = ParamSpec("P")
R = TypeVar("R")
_LEAST_ROWS: Final = 2


def require_labels(called: Sequence[str], labels: Sequence[str]) -> None:
    """Refuse rows of which a label has too few for words to be found.

    Args:
        called: What the choices are called.
        labels: The label of each row.

    Raises:
        ConfigError: A choice has fewer than two rows.
    """
    few = [one for one in called if labels.count(one) < _LEAST_ROWS]
    if few:
        raise ConfigError(
            f"{', '.join(few)} has fewer than {_LEAST_ROWS} rows, and words are found "
            "by what differs between labels",
            hint="Give some rows of each label",
        )


def shown_in(facts: Mapping[str, Any], output: str) -> dict[str, float]:
    """What a `Classify.showing()` saw at the place of an output's answer.

    Returns:
        The likeliest tokens with their log-probabilities; none where none was shown.
    """
    pairs = as_list(as_dict(facts.get("shown")).get(output))
    return {str(text): float(logprob) for text, logprob in pairs}


async def words_from(
    called: Sequence[str],
    labels: Sequence[str],
    shown: Sequence[Mapping[str, float]],
    most: int,
) -> Choice:
    """The answer words of some choices, by what was shown of labelled rows.

    Args:
        called: What the choices are called, in the order of the type.
        labels: The label of each row.
        shown: What was shown of each row, in the same order.
        most: How many words a label gets at the most.

    Raises:
        ConfigError: No word tells one of the choices from the others.
    """
    # A row of which nothing is shown says of no word how probable it is.
    pairs = [(one, label) for one, label in zip(shown, labels, strict=True) if one]
    seen, known = [one for one, _ in pairs], [label for _, label in pairs]
    await needs_loop
    found = await in_thread(class_words, seen, known, most)
    for label in called:
        if not found.get(label):
            raise ConfigError(
                f"no word that is shown tells {label!r} from the other labels, over "
                f"{counted(len(seen), 'row')} of which some is shown",
                hint="Give more rows, ask by a template (weft.cloze), or have more of "
                "the likeliest tokens shown: weft.Classify(..., shown=100)",
            )
    return Choice({label: found[label] for label in called})


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
    called = [*choices_in(target.part, "find_words")[name]]
    require_labels(called, labels)
    looking = target.with_words(None, name).showing()

    async def one(position: int, row: Mapping[str, Any]) -> dict[str, float]:
        del position
        run: Run[Any] = await looking.arun(**row)
        top = run.trace.nodes[-1]
        node = next((n for n in run.trace.nodes if n.path == looking.name), top)
        return shown_in(node.facts, name)

    shown = await map_rows(one, inputs, concurrency=concurrency)
    return target.with_words(
        await words_from(called, labels, shown, words_per_label), name
    )


@checked
@waits_for(afind_words)
def find_words() -> None:
    """Find answer words in what a server shows for labelled rows.

    Each row is asked once, and the likeliest tokens at the place of the answer are kept
    (`shown=` of the module says how many). A word's score for a label is its class
    difference: the mean of its log-probability over the label's rows, less the mean of
    the other labels' means; where it is not shown it counts as the last one that is. It
    belongs to the label of its highest score, which has to be above 0. Of the twenty
    best of each label (of few rows fewer), those are taken that make the right labels
    most probable together, calibrated, without a further call: a likelihood over sets
    of words, as of PET's label words (Schick et al. 2020, arXiv 2010.13641), and a
    search in two steps, as of LM-BFF (Gao et al. 2021, arXiv 2012.15723).

    Words are whole where they are one token. They are fitted to the rows: compare them
    with words of your own on rows that were not given here, and calibrate again, since
    the prior is not kept. `weft.compilers.LabelWords` does both: it races the words
    that are found so against the module's own, and verifies them.

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
