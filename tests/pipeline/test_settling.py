"""The form that `adapter="auto"` settles on, by what is known of the endpoint."""

from __future__ import annotations

from typing import Any

import pytest

from weft import Predict
from weft.pipeline.adapters.settling import settled
from weft.pipeline.lm.known import learn
from weft.pipeline.lm.models import LM

pytestmark = pytest.mark.usefixtures("asked_as_by_users")

HERE = "http://localhost:8000/v1"


def auto(**abilities: Any) -> str:
    lm = LM("hosted_vllm/m", api_base=HERE, abilities={"schema": False, **abilities})
    return str(settled("auto", lm))


@pytest.mark.parametrize(
    ("abilities", "form"),
    [
        ({}, "chat/2:shown,stop"),
        ({"follows": True}, "chat/2:stop"),
        ({"schema": True}, "json/2:schema"),
        ({"form": "plain/1:shown"}, "plain/1:shown"),
        ({"base": True}, "completion/4:shown,stop"),
        ({"base": True, "grammar": True}, "completion/4:grammar,stop"),
    ],
)
def test_what_is_known_settles_it(abilities: dict[str, Any], form: str) -> None:
    """A schema first, then what a probe found, then headings; texts for base models."""
    assert auto(**abilities) == form


def test_a_base_model_behind_turns_alone() -> None:
    """Where a probe found no form of texts that works, its other one is taken."""
    assert auto(base=True, form="xml/1") == "xml/1"
    assert auto(base=True, form="json/2:schema", schema=True) == "json/2:schema"
    assert auto(base=True, form="completion/4:shown", grammar=True) == (
        "completion/4:grammar,stop"
    )


def test_a_form_of_a_later_version_is_none() -> None:
    """What a later weft kept in the same folder is passed over."""
    learn(HERE, "m", form="braid/1:shown", follows=True)

    assert auto() == "chat/2:stop"


def test_a_base_model_is_asked_in_turns_for_what_no_line_can_hold() -> None:
    """Of llama.cpp it is known that it takes turns for any model, and holds schemas."""
    flat = Predict("text -> label: int").spec
    nested = Predict("text -> labels: dict[str, list[int]]").spec
    local = {"base": True, "schema": True, "grammar": True, "stop": True}
    lm = LM("m", api_base="http://127.0.0.1:9/v1", abilities=local)
    other = LM("m", api_base="http://127.0.0.1:9/v1", base=True)

    assert str(settled("auto", lm, flat)) == "completion/4:grammar,schema,stop"
    assert str(settled("auto", lm, nested)) == "json/2:schema"
    assert str(settled("auto", lm, nested, refused=True)) == "completion/4:shown,stop"
    assert str(settled("auto", other, nested)) == "completion/4:schema"
