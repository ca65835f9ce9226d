"""LabelWords: the words by which a program's labels are asked for, found from rows."""

from __future__ import annotations

from ..pipeline.ground.options import Count, settings
from .deciding.words import FindWords
from .racing.race import Full
from .recipe import Compiler, Draw, Recipe


@settings
class LabelWords(Compiler):
    """Find answer words of every `Classify`, and race them against its own.

    Each training row is asked once, by one reply, and the likeliest tokens at the place
    of the answer say which words tell the labels apart: `weft.find_words`, after the
    label words of PET (Schick et al. 2020, arXiv 2010.13641) and LM-BFF (Gao et al.
    2021, arXiv 2012.15723). Several words a label and one word a label are two
    candidates, raced on select rows and verified on sealed ones: the words that were
    there stay where these do not show more. Words are a parameter, `module/words`.

    Departures:
        Words are chosen for what they are worth with a prior taken off (batch
        calibration, Zhou et al. 2023, arXiv 2309.17249), so each candidate gets one,
        over the same rows. The words that are there race with a prior too: where that
        is all that is gained, it is what comes back.

    Args:
        per_label: How many words each label gets at the most.
        rows: How many training rows are looked at, at the most.
        calibrated: Whether candidates get a prior. Without one nothing is asked beyond
            one reply a row, and words alone are raced.
    """

    per_label: Count = 3
    rows: Count = 400
    calibrated: bool = True

    def recipes(self) -> tuple[Recipe, ...]:
        """One search for words, whose few candidates meet every select row."""
        find = FindWords(
            per_label=self.per_label, rows=self.rows, calibrated=self.calibrated
        )
        return (Recipe(((Draw(find, find.most),),), Full()),)
