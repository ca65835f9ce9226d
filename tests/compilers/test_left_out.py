"""What a row leaves out: its default stands in demos, as in a call or a reply."""

from __future__ import annotations

from typing import Any, Literal

import pytest

import weft
from weft import compilers
from weft.compilers.propose.rows import demo_of_row

WORDS = {"good": "pos", "bad": "neg"}
ROW = {"text": "good thing", "label": "pos"}


class Signed(weft.Signature):
    """Is the text glad?"""

    text: str = weft.Input()
    lang: str | None = weft.Input(default="en")
    label: Literal["pos", "neg"] = weft.Output()


class Noted(weft.Signature):
    """Is the text glad, and what else is there to say?"""

    text: str = weft.Input()
    label: str = weft.Output()
    note: str = weft.Output(default="")


signed = weft.Predict(Signed, name="signed")
asked = weft.Predict("text, lang -> label: Literal['pos', 'neg']", name="asked")


@weft.program
def by_default(text: str, lang: str = "en") -> str:
    """The default is the program's."""
    return asked(text=text, lang=lang).label


@weft.program
def renamed(message: str) -> str:
    """No row holds the fields of its module."""
    return signed(text=message).label


def rows(name: str = "text", count: int = 40) -> list[dict[str, Any]]:
    """Texts and labels, and nothing of a language."""
    words = list(WORDS)
    return [
        {name: f"{words[at % 2]} thing {at}", "label": WORDS[words[at % 2]]}
        for at in range(count)
    ]


def right(example: weft.Example, answer: Any) -> bool:
    """Whether the label is right, of a module and of a program."""
    return (answer if isinstance(answer, str) else answer.label) == example.label


def compiled(program: Any, data: list[dict[str, Any]], compiler: Any) -> Any:
    """A compile on the stand-in."""
    with weft.use(lm="embedded", cache=None):
        return weft.compile(program, data, metric=right, compiler=compiler)


@pytest.mark.parametrize("program", [signed, by_default], ids=["module", "program"])
def test_labelled_rows_are_demos_with_the_default(program: Any) -> None:
    result = compiled(program, rows(), compilers.LabeledFewShot(demos=4))
    (module,) = result.best(1)[0].modules.values()
    assert [demo.values["lang"] for demo in module.parameters.demos] == ["en"] * 4


def test_where_no_row_holds_a_modules_fields_that_is_said() -> None:
    result = compiled(renamed, rows("message"), compilers.LabeledFewShot(demos=4))
    assert "none holds all fields of a module under their names" in (
        result.report.stopped
    )
    assert "passed" not in result.report.stopped


def test_an_output_that_no_row_labels_has_its_default() -> None:
    """As in a reply that leaves it out; rows without any label show nothing."""
    told = weft.Predict(Noted, name="told")
    row, bare = (weft.read_rows([data], ["text"])[0] for data in (ROW, {"text": "x"}))

    assert demo_of_row(told, row).values == {**ROW, "note": ""}
    with pytest.raises(KeyError):
        demo_of_row(told, bare)
