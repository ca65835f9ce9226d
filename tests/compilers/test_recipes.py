"""What single recipes are for, each shown where it must work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import weft
from tests.compilers.worlds import (
    CODES,
    WORDS,
    Asked,
    classifier,
    exact,
    learner,
    model,
    planted_rows,
    unchanged,
)
from weft import compilers as c
from weft.pipeline.errors import DataError
from weft.pipeline.parameters import Demo

ROWS = planted_rows(90)
TEST = planted_rows(120, seed=9)
TOLD = "; ".join(f"{w} = {code}" for w, code in zip(WORDS, CODES, strict=False))
LEARNING = [
    c.LabeledFewShot(),
    c.BootstrapFewShot(),
    c.BootstrapRandomSearch(),
    c.APE(),
    c.OPRO(),
    c.COPRO(),
    c.MIPRO(),
    c.GEPA(),
    c.GEPA(gate=6),
    c.ProTeGi(),
    c.EvoPrompt(),
    c.PromptWizard(),
    c.InferRules(),
    c.Auto(),
]


def _compiled(compiler: c.Compiler, rule: Any = learner, **options: Any) -> Any:
    program = options.pop("program", classifier())
    with weft.use(lm=model(rule), cache=weft.MemoryCache()):
        return weft.compile(program, ROWS, metric=exact, compiler=compiler, **options)


def _score(program: Any, rule: Any = learner) -> float:
    with weft.use(lm=model(rule), cache=weft.MemoryCache()):
        return 100 * weft.evaluate(program, TEST, exact).mean


@pytest.mark.parametrize("compiler", LEARNING, ids=lambda r: r.describe()["name"])
def test_where_examples_tell_everything_it_is_learnt(compiler: c.Compiler) -> None:
    """From nothing to all six words, and the gain is claimed."""
    result = _compiled(compiler)

    assert result.improved
    assert _score(result.program) >= 95


@pytest.mark.parametrize(
    "compiler", [c.SIMBA(), c.CAPO()], ids=lambda r: type(r).__name__
)
def test_with_four_or_five_demos_as_many_words_are_learnt(compiler: c.Compiler) -> None:
    """Six words and few demos: at least half of the rows come right."""
    result = _compiled(compiler)

    assert result.improved
    assert _score(result.program) >= 50


def test_compress_takes_away_what_is_not_needed() -> None:
    """Demos and sentences that do nothing go; what carries the score stays."""
    demos = [Demo({"text": r["text"], "label": r["label"]}) for r in ROWS[:6]]
    fat = classifier().with_(
        instruction=f"Be nice. Go by {TOLD}. Think of the customer. Smile.", demos=demos
    )
    result = _compiled(c.Compress(), program=fat)

    assert result.report.returned
    assert result.report.verdict.startswith("shorter:")
    assert result.report.winner_size < result.report.seed_size / 2
    assert _score(result.program) == _score(fat) == 100


def test_compress_leaves_what_cannot_be_shorter() -> None:
    """A prompt of needed words alone comes back as it was."""
    result = _compiled(c.Compress(), program=classifier().with_(instruction=TOLD))

    assert unchanged(result)


def test_notes_from_a_file_become_part_of_the_prompt(tmp_path: Path) -> None:
    """As people wrote them, those that help."""
    path = tmp_path / "notes.jsonl"
    notes = [f"Remember {w} = {code}" for w, code in zip(WORDS, CODES, strict=False)]
    path.write_text(
        "\n".join(
            f'{{"note": "{note}", "score": 0.{at}}}' for at, note in enumerate(notes)
        ),
        encoding="utf-8",
    )
    result = _compiled(c.Feedback(path=path, written=False))
    text = result.program.instruction

    assert all(note in text for note in notes)
    assert _score(result.program) == 100


@pytest.mark.parametrize("line", ['{"score": 1}', "nonsense", "[1]"])
def test_an_unreadable_note_is_named(line: str, tmp_path: Path) -> None:
    """With its file and line, before any call."""
    path = tmp_path / "notes.jsonl"
    path.write_text(f'{{"note": "ok"}}\n{line}\n', encoding="utf-8")

    with pytest.raises(DataError, match=r"notes\.jsonl, line 2"):
        _compiled(c.Feedback(path=str(path)))


def test_the_part_that_helps_is_found_in_the_grid() -> None:
    """One choice in one part makes the model look; nobody could have guessed it."""

    def moody(asked: Asked) -> dict[str, str]:
        if "may the stars guide you" not in asked.task:
            return {"label": "K9"}
        word = next(w for w in WORDS if w in asked.said)
        return {"label": CODES[WORDS.index(word)]}

    parts = {
        "opening": ("", "You are an expert.", "Captain, may the stars guide you."),
        "closing": ("", "Be exact.", "This will be fun!"),
    }
    result = _compiled(c.PartsGrid(parts=parts), moody)

    assert "may the stars" in result.program.instruction
    assert _score(result.program, moody) == 100


def test_the_best_given_instruction_is_found_with_40_percent_of_the_grid() -> None:
    """One good instruction among 23, at less than half of what trying all costs."""
    half = "; ".join(TOLD.split("; ")[:3])
    pool = [f"Think of {w}, {n} times." for w in WORDS for n in range(4)][:21]
    result = _compiled(c.TRIPLE(instructions=(*pool, half, TOLD)))
    rows = max(line.rows for line in result.report.tried)
    cells = sum(line.rows for line in result.report.tried)

    assert result.program.instruction == TOLD
    assert cells <= 0.4 * 24 * rows


def test_a_sequence_goes_on_from_what_came_before() -> None:
    """Demos are added to the instruction that was found first."""
    half = "; ".join(TOLD.split("; ")[:3])
    both = c.Sequence(of=(c.TRIPLE(instructions=(half,)), c.BootstrapFewShot()))
    parameters = _compiled(both).ranking[0].parameters

    assert parameters.instruction == half
    assert parameters.demos


@pytest.mark.parametrize("made_of", [c.Sequence, c.BestOf])
def test_what_has_no_race_replaces_nothing_unseen(made_of: Any) -> None:
    """Demos that harm are tried against the best so far, and stay out."""

    def shy(asked: Any) -> dict[str, str]:
        return {"label": "K9"} if asked.demos else learner(asked)

    half = "; ".join(TOLD.split("; ")[:3])
    told = c.TRIPLE(instructions=(half,))
    result = _compiled(made_of(of=(told, c.LabeledFewShot())), shy)

    assert result.program.instruction == half
    assert not result.program.parameters.demos


def test_a_plateau_is_one_of_a_race() -> None:
    """Demos drawn again and again replace nothing unseen, and the patience counts."""

    def shy(asked: Any) -> dict[str, str]:
        return {"label": "K9"} if asked.demos else {"label": "K0"}

    result = _compiled(c.UntilPlateau(of=c.LabeledFewShot(), patience=2), shy)

    assert not result.ranking[0].parameters.demos
    assert len(result.report.tried) == 1 + 2


def test_a_sequence_that_ends_with_compress_keeps_what_was_gained() -> None:
    """It takes away what did nothing, down to the score it began from."""
    first = c.BootstrapFewShot(demos=12)
    result = _compiled(c.Sequence(of=(first, c.Compress(rounds=2))))
    alone = _compiled(first)

    assert _score(result.program) == _score(alone.program) == 100
    assert result.report.winner_size < alone.report.winner_size


def test_best_of_returns_the_better_search() -> None:
    """One of the two finds nothing."""
    either = c.BestOf(of=(c.PartsGrid(candidates=3), c.APE(candidates=3)))

    assert _score(_compiled(either).program) == 100


def test_until_plateau_ends_soon_after_the_last_gain() -> None:
    """Fifty rounds are allowed; three without a gain are enough."""
    repeated = c.UntilPlateau(of=c.APE(candidates=2), patience=3)
    report = _compiled(repeated).report

    assert report.improved
    assert report.spend["propose"]["requests"] <= 12


def test_a_stronger_model_may_write() -> None:
    """Proposals go to the model named for them, everything else to the other."""
    small, large = model(), model(name="large")
    with weft.use(lm=small, lms={"proposer": large}):
        result = weft.compile(classifier(), ROWS, metric=exact, compiler=c.APE())

    assert large.calls == 8
    assert result.provenance["models"] == {"classify": "planted", "proposer": "large"}
