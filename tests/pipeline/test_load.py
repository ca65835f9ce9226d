"""Loading an artifact into a live program: what fits, what is refused, what is kept."""

import datetime
import logging
from pathlib import Path
from typing import Any, Literal

import pytest

import weft
from tests.pipeline import saved
from weft import Input, Output, Signature
from weft.errors import ArtifactError, ConfigError
from weft.pipeline.graph.program import as_program


class Renamed(Signature):
    """Route a customer's message to the team that can solve it."""

    text: str = Input("as the customer typed it")
    loud: bool = Input(default=False)
    team: Literal["cards", "app"] = Output()


class Retyped(Signature):
    """Route a customer's message to the team that can solve it."""

    message: str = Input("as the customer typed it")
    loud: bool = Input(default=False)
    team: Literal["cards", "transfers"] = Output()


class Reordered(Signature):
    """Route a customer's message to the team that can solve it."""

    loud: bool = Input(default=False)
    message: str = Input("as the customer typed it")
    team: Literal["cards", "app"] = Output()


class Grown(Signature):
    """Route a customer's message to the team that can solve it."""

    message: str = Input("as the customer typed it")
    loud: bool = Input(default=False)
    team: Literal["cards", "app"] = Output()
    why: str = Output()


class Shrunk(Signature):
    """Route a customer's message to the team that can solve it."""

    message: str = Input()
    team: Literal["cards", "app"] = Output()


class Turned(Signature):
    """Route a customer's message to the team that can solve it."""

    message: str = Input()
    loud: bool = Output()
    team: Literal["cards", "app"] = Output()


class Reworded(Signature):
    """Say which team it is."""

    message: str = Input("another wording")
    loud: bool = Input(default=True)
    team: Literal["cards", "app"] = Output("the team")


def live(signature: Any, name: str = "triage") -> weft.Program[..., Any]:
    return as_program(weft.Predict(signature, name=name))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return weft.save(saved.with_demos(saved.triage), tmp_path / "triage.weft.json")


# Refusals -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("signature", "difference"),
    [
        (Renamed, "field 'message' is now called 'text'"),
        (Retyped, r"the type of 'team' was {\"enum\":\[\"cards\",\"app\"\]"),
        (Reordered, "the order was message, loud, team, now loud, message, team"),
        (Grown, "field 'why' was added"),
        (Shrunk, "field 'loud' was removed"),
        (Turned, "'loud' was an input, now an output"),
    ],
)
def test_a_changed_signature_is_refused_with_its_difference(
    signature: Any, difference: str, file: Path
) -> None:
    """Parameters hang on names and types, so each that differs is named."""
    program = live(signature)

    with pytest.raises(ArtifactError, match=difference) as caught:
        weft.load(file, program=program)

    assert "strict=False" in caught.value.hint


def test_reasoning_that_came_or_went_is_a_changed_signature(file: Path) -> None:
    """Predict and ChainOfThought ask the model for different fields."""
    program = as_program(weft.ChainOfThought(saved.Triage, name="triage"))

    with pytest.raises(ArtifactError, match="field 'reasoning' was added"):
        weft.load(file, program=program)


def test_wording_is_no_part_of_a_signature(file: Path) -> None:
    """Another description or first instruction still takes the compiled parameters."""
    loaded = weft.load(file, program=live(Reworded))

    assert loaded.parameters["triage/instruction"].startswith("Route it.")
    assert "another wording" in saved.prompts(loaded)


def test_a_module_takes_what_was_saved_of_it(file: Path) -> None:
    """`weft.save` takes a module, and so `weft.load` fits a file to one."""
    module = weft.Predict(saved.Triage, name="triage")

    loaded = weft.load(file, program=module)

    fitted = weft.load(file, program=live(saved.Triage))
    assert loaded.parameters == fitted.modules["triage"].parameters
    assert loaded.parameters.demos
    assert not module.parameters.demos


def test_other_modules_are_refused_by_name(file: Path) -> None:
    """A module that was removed or added is named, with the way out."""
    program = live(saved.Triage, name="router")

    with pytest.raises(ArtifactError) as caught:
        weft.load(file, program=program)

    assert "the program lacks 'triage'" in str(caught.value)
    assert "the artifact lacks 'router'" in str(caught.value)
    assert "rename=" in caught.value.hint


def test_a_missing_step_is_named(tmp_path: Path) -> None:
    """Code is passed, never found by a name in a file."""
    path = weft.save(saved.qa, tmp_path / "qa.weft.json")

    with pytest.raises(ArtifactError, match=r"calls the step 'search'.*steps=\[sear"):
        weft.load(path)


def test_a_step_with_other_parameters_is_refused(tmp_path: Path) -> None:
    """A call that no longer fits its step is found when loading, not when running."""

    @weft.step(name="search")
    def other(text: str) -> list[str]:
        return [text]

    path = weft.save(saved.qa, tmp_path / "qa.weft.json")

    with pytest.raises(ArtifactError, match="step 'search' has no input 'query'"):
        weft.load(path, steps=[other])


# Keeping what fits --------------------------------------------------------------------


def test_what_still_fits_survives_and_what_does_not_is_listed(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """strict=False keeps the instruction and those demos that validate."""
    with caplog.at_level(logging.WARNING, "weft"):
        loaded = weft.load(file, program=live(Retyped), strict=False)
    came = weft.origin(loaded)

    assert loaded.parameters["triage/instruction"].startswith("Route it.")
    assert [d.source for d in loaded.parameters["triage/demos"]] == ["r1"]
    assert came is not None
    assert len(came.dropped) == 2
    assert came.dropped[0].startswith("triage: the type of 'team' was ")
    assert "(row r2) has a wrong 'team'" in came.dropped[1]
    assert all(line in caplog.text for line in came.dropped)


def test_nothing_is_dropped_where_everything_fits(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """strict=False on the right program is a plain load, without a word."""
    loaded = weft.load(file, program=saved.triage, strict=False)

    assert loaded.parameters == saved.with_demos(saved.triage).parameters
    assert weft.origin(loaded).dropped == ()  # type: ignore[union-attr]
    assert caplog.text == ""


def test_a_plain_instruction_is_not_kept_for_other_fields(tmp_path: Path) -> None:
    """An instruction that only lists the fields would name those that are gone."""
    path = weft.save(live("a, b -> c"), tmp_path / "one.weft.json")

    loaded = weft.load(path, program=live("a -> c"), strict=False)

    assert loaded.parameters["triage/instruction"] == "Given a, write c."


def test_modules_that_are_gone_are_listed(file: Path) -> None:
    """What nobody takes is dropped, and said."""
    program = live(saved.Triage, name="router")

    loaded = weft.load(file, program=program, strict=False)

    assert loaded.parameters == program.parameters
    assert weft.origin(loaded).dropped == (  # type: ignore[union-attr]
        "the program lacks 'triage'",
        "the artifact lacks 'router'",
    )


def test_a_renamed_module_is_found_again(file: Path) -> None:
    """rename= says where the parameters of an old name go."""
    program = live(saved.Triage, name="router")

    loaded = weft.load(file, program=program, rename={"triage": "router"})

    assert loaded.parameters["router/instruction"].startswith("Route it.")
    assert len(loaded.parameters["router/demos"]) == 2


@pytest.mark.parametrize(
    ("rename", "message"),
    [
        ({"triag": "router"}, "the artifact has no module 'triag'. Did you mean"),
        ({"triage": "rooter"}, "the program has no module 'rooter'. Did you mean"),
    ],
)
def test_a_misspelt_rename_is_refused(
    rename: dict[str, str], message: str, file: Path
) -> None:
    """Both ends of a rename are names that exist."""
    with pytest.raises(ArtifactError, match=message):
        weft.load(file, program=live(saved.Triage, "router"), rename=rename)


@pytest.mark.parametrize("option", [{"strict": False}, {"rename": {"a": "b"}}])
def test_fitting_needs_a_live_program(option: Any, file: Path) -> None:
    """Without one there is nothing that a file could fail to fit."""
    with pytest.raises(ConfigError, match=r"Pass it: program=\.\.\."):
        weft.load(file, **option)


# The model ----------------------------------------------------------------------------


def test_another_model_than_the_one_compiled_for_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What helps one model may harm another, so a change of model is no secret."""
    where = tmp_path / f"{datetime.datetime.now(datetime.UTC):%s%f}.weft.json"
    made = {"models": {"triage": "good-model", "proposer": "x"}}
    loaded = weft.load(weft.save(saved.triage, where, provenance=made))

    def ask(model: str) -> None:
        answer = weft.FunctionLM(lambda request: "[[ team ]]\ncards", model=model)
        with weft.use(lm=answer, cache=None):
            loaded(message="my card never came")

    assert loaded.modules["triage"].compiled_for == "good-model"
    ask("good-model")
    assert caplog.text == ""
    for _ in range(2):
        ask("cheap-model")

    (record,) = caplog.records
    assert record.getMessage() == (
        "triage was compiled for good-model and runs with cheap-model: measure it, "
        "or compile again"
    )
