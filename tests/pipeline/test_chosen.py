"""A model chosen by name, and descriptions of fields: parameters like any other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import weft
from weft.pipeline.artifact.describe import show
from weft.pipeline.artifact.diff import diff
from weft.pipeline.errors import ArtifactError, ConfigError
from weft.pipeline.graph.program import as_program
from weft.pipeline.lm.form import NEWEST

FORMS = [
    f"{name}/{n + 1}"
    for name, most in NEWEST.items()
    for n in range(most)
    # Of agents' steps alone, and a template that tells nothing but itself.
    if name not in ("tools", "cloze")
]
TOLD = {"answer": "one word, in capitals"}


class Ask(weft.Signature):
    """Answer."""

    question: str = weft.Input("as it was asked")
    answer: str = weft.Output("in short")


def _ask(**options: Any) -> Any:
    return weft.Predict(Ask, name="ask", **options)


def _named(name: str) -> weft.FunctionLM:
    return weft.FunctionLM(lambda _: f"[[ answer ]]\n{name}\n[[ /end ]]", model=name)


def _texts(module: Any, form: str) -> str:
    """All that a call sends, its schema too."""
    asked = module.with_(adapter=form).prompt(question="Where?")
    schema = json.dumps(asked.response_format) if asked.response_format else ""
    return "\n".join([m.content for m in asked.messages]) + schema


@pytest.mark.parametrize("form", FORMS)
def test_every_form_tells_the_tuned_description(form: str) -> None:
    """It stands in place of the signature's, and the other field's stays."""
    before, after = _texts(_ask(), form), _texts(_ask().with_(descriptions=TOLD), form)

    assert "in short" in before
    assert TOLD["answer"] in after
    assert "in short" not in after
    assert after.replace(TOLD["answer"], "in short") == before


def test_what_a_call_gives_is_of_the_same_class() -> None:
    """Descriptions are what a model is told, and no other contract."""
    tuned = _ask(lm=_named("a")).with_(descriptions=TOLD)

    assert type(tuned(question="?")) is type(_ask(lm=_named("a"))(question="?"))
    assert tuned.spec.hash == _ask().spec.hash


def test_a_description_of_no_field_is_refused() -> None:
    """With the nearest field's name."""
    with pytest.raises(ConfigError, match=r"'answr', which is no field.*'answer'"):
        _ask().with_(descriptions={"answr": "short"})


def test_a_chosen_model_answers_where_the_caller_gave_it() -> None:
    """By its name in lms=, ahead of the scope's model and of the module's path."""
    chosen = _ask().with_(model="small")
    lms = {"small": _named("small"), "ask": _named("path")}

    with weft.use(lm=_named("usual"), lms=lms):
        answer = chosen(question="?").answer

    assert answer == "small"


def test_the_scope_s_own_model_is_known_by_its_name() -> None:
    """Nobody has to say twice who it is."""
    with weft.use(lm=_named("usual")):
        assert _ask().with_(model="usual")(question="?").answer == "usual"


def test_a_chosen_model_that_nobody_gave_is_asked_nothing() -> None:
    """A name may come from a file: where texts go is the caller's to say."""
    chosen = _ask().with_(model="openai/gpt-5-mini")

    with weft.use(lm=_named("usual")), pytest.raises(ConfigError) as caught:
        chosen(question="?")

    assert "'openai/gpt-5-mini'" in str(caught.value)
    assert "lms={'openai/gpt-5-mini': weft.LM(...)}" in str(caught.value)


def test_the_later_of_a_model_and_a_name_holds() -> None:
    """`lm=` undoes a choice, and a choice undoes `lm=`."""
    own = _named("own")
    chosen = _ask(lm=own).with_(model="small")

    assert (chosen.lm, chosen.parameters.model) == (None, "small")
    assert chosen.with_(lm=own).parameters.model is None
    assert chosen.with_(lm=own, model="small").lm is own
    assert _ask(lm=own).with_(model="own").lm is own
    assert _ask(lm=own).with_(**_ask().parameters.slots()).lm is own


@pytest.mark.parametrize("name", ["", "a\nb", "http://host/v1", 3, "x" * 201])
def test_what_is_no_name_of_a_model_is_refused(name: Any) -> None:
    """An address is none: an artifact sets no endpoint."""
    with pytest.raises(ConfigError, match="name of a model, which is no address"):
        _ask().with_(model=name)


def test_an_artifact_keeps_both(tmp_path: Path) -> None:
    """Rebuilt alone, and fitted to the live program; the same bytes again."""
    tuned = _ask().with_(model="small", descriptions=TOLD)
    path = weft.save(tuned, tmp_path / "ask.weft.json")
    alone, live = weft.load(path), weft.load(path, program=_ask())

    for made in (alone, live):
        assert made.parameters == tuned.parameters
        again = weft.save(made, tmp_path / "again.weft.json", provenance={})
        assert again.read_bytes() == path.read_bytes()
    assert alone.spec.fields[1].description == "in short"


def test_an_artifact_without_them_has_no_word_of_them(tmp_path: Path) -> None:
    """So files of before keep their bytes and digests."""
    text = weft.save(_ask(), tmp_path / "ask.weft.json").read_text()

    assert '"model"' not in text
    assert '"descriptions"' not in text


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("model", "http://evil/v1"),
        ("model", "a\u001b[2Jb"),
        ("descriptions", {"nothing": "x"}),
        ("descriptions", {"answer": 3}),
    ],
)
def test_a_file_that_lies_is_refused(key: str, value: Any, tmp_path: Path) -> None:
    """An address for a model, and descriptions of no field."""
    path = weft.save(_ask(), tmp_path / "ask.weft.json")
    data = json.loads(path.read_text())
    data["program"]["modules"]["ask"][key] = value
    path.write_text(json.dumps({**data, "digest": ""}))

    for live in (None, _ask()):
        with pytest.raises(ArtifactError):
            weft.load(path, program=live)


def test_show_and_diff_know_them() -> None:
    """What was tuned is told apart from what the signature says."""
    tuned = _ask().with_(model="small", descriptions=TOLD)

    assert "# one word, in capitals (tuned)" in show(tuned)
    assert "model: small" in show(tuned)
    changed = diff(_ask(), tuned).parameters
    assert changed["ask/descriptions"] == ("+ answer: one word, in capitals",)
    assert changed["ask/model"] == ("- null", '+ "small"')


def test_a_run_that_reuses_an_earlier_one_sees_the_change() -> None:
    """Other words, or another model, are another call."""
    lms = {"a": _named("a"), "b": _named("b")}
    first = as_program(_ask().with_(model="a"))
    with weft.use(lms=lms):
        run = first.run(question="?")
        same = first.run(question="?", reuse=run.trace)
        told = first.with_parameters({"ask/descriptions": TOLD})
        other = first.with_parameters({"ask/model": "b"})
        fresh = [p.run(question="?", reuse=run.trace) for p in (told, other)]

    assert [n.reused for n in same.trace.nodes] == [True]
    assert [n.reused for f in fresh for n in f.trace.nodes] == [False, False]
