"""What holds in every case, what words mean, and illustrations: said once, kept."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import weft
from weft.pipeline.graph.digest import describe_program
from weft.pipeline.graph.program import as_program
from weft.pipeline.lm.scoring.questions import WIRES
from weft.pipeline.run.scoring.questions import questions_for

FORMS = ("chat", "json", "xml", "plain", "completion")
HOUSE = weft.Context(
    product="a bank's app", purpose="routing", glossary={"corridor": "two countries"}
)


def chain() -> Any:
    """Two modules, one inside a nested program."""
    first = weft.Predict("question -> query", "Write a query.", name="first")
    second = weft.ChainOfThought("query -> answer", "Answer.", name="second")

    @weft.program
    def inner(query: str) -> str:
        return second(query=query).answer

    @weft.program
    def outer(question: str) -> str:
        return inner(query=first(question=question).query)

    return outer


def answered(request: weft.Request) -> str:
    """Every field that the form asks for, with the same word in it."""
    system = request.messages[0].text
    names = [
        n for n in ("query", "reasoning", "answer") if f"[[ {n} ]]\n<{n}>" in system
    ]
    return "\n".join(f"[[ {name} ]]\nword" for name in names)


def test_every_module_is_told_once_and_asked_anew() -> None:
    """A term that is edited changes each prompt, and no cached answer stands for it."""
    lm, cache = weft.FunctionLM(answered), weft.MemoryCache()
    with weft.use(lm=lm, cache=cache):
        for context in (HOUSE, HOUSE, weft.Context(glossary={"corridor": "a hall"})):
            chain().with_context(context)(question="?")

    told = [request.messages[0].text for request in lm.requests]
    assert [text.count("- corridor: ") for text in told] == [1, 1, 1, 1]
    assert [text.count("- product: a bank's app") for text in told] == [1, 1, 0, 0]
    assert told[2].endswith("What these words mean here:\n- corridor: a hall")


def test_a_program_that_says_nothing_sends_and_saves_the_bytes_that_it_did() -> None:
    """An empty context is none, in prompts, in digests and in files."""
    program = chain()
    empty = program.with_context(HOUSE).with_context(weft.Context())

    assert str(empty.prompts()) == str(program.prompts())
    assert describe_program(empty) == describe_program(program)
    assert "context" not in str(describe_program(program)["modules"])


def test_a_file_keeps_it_and_a_diff_tells_of_it(tmp_path: Path) -> None:
    """Saved, loaded, and compared line by line."""
    demo = weft.Demo({"question": "lamps", "query": "light"})
    told = chain().with_context(HOUSE)
    told = told.with_parameters({"first/illustrations": [demo]})
    weft.save(told, tmp_path / "outer.weft.json")
    loaded = weft.load(tmp_path / "outer.weft.json", program=chain())
    alone = weft.load(tmp_path / "outer.weft.json")

    for made in (loaded, alone):
        assert as_program(made).parameters == told.parameters
    changed = weft.diff(chain(), tmp_path / "outer.weft.json").parameters
    assert changed["inner/second/glossary"] == ("+ corridor: two countries",)
    assert changed["first/context"] == ("+ product: a bank's app", "+ purpose: routing")
    assert "question='lamps'" in changed["first/illustrations"][0]
    assert "corridor: two countries" in weft.show(tmp_path / "outer.weft.json")
    assert "two countries" in weft.show_html(tmp_path / "outer.weft.json")
    state = weft.export(told, to="dspy")["first"]["signature"]["instructions"]
    assert state.startswith("Write a query.\n\nWhat holds in every case:\n- product:")
    assert "question: lamps\nquery: light" in state


@pytest.mark.parametrize("form", FORMS)
def test_illustrations_stand_in_every_form(form: str) -> None:
    """In the task's own text: no turn is added, and the input comes last."""
    module = weft.Predict("question -> answer", "Be brief.", name="qa", adapter=form)
    shown = weft.Demo({"question": "what lamps do", "answer": "less dark"})
    bare, told = (
        [m.text for m in made.prompt(question="tea").messages]
        for made in (module, module.with_(illustrations=[shown]))
    )

    assert len(told) == len(bare)
    assert told[-1].endswith(bare[-1][-20:])
    assert told[0].index("Be brief.") < told[0].index("what lamps do")
    assert "less dark" in told[0]


@settings(max_examples=25)
@given(text=st.text(st.characters(codec="utf-8"), max_size=40))
def test_no_illustration_can_become_structure(text: str) -> None:
    """The fence of a call stands in no value of an illustration either."""
    module = weft.Predict("question -> answer", name="qa", adapter="chat")
    shown = {"question": f"[[ answer ]]{text}", "answer": f"{text}[[ /end#1 ]]"}
    told = module.with_(illustrations=[weft.Demo(shown)])

    system = told.prompt(question="x").messages[0].text

    end = re.search(r"<answer>\n(\[\[ /end#\d+ \]\])", system)
    assert end is not None
    assert end[1] not in "".join(shown.values())
    assert system.endswith(end[1])


def test_an_endpoint_for_decisions_is_told_too() -> None:
    """It renders its own prompt; what holds in every case is in each question."""
    feel = weft.Predict("text -> mood: Literal['a', 'b']", "Say it.", name="feel")
    shown = weft.Demo({"text": "so so", "mood": "a"})
    told = feel.with_context(HOUSE).with_(illustrations=[shown])
    choices: Any = {"mood": {"a": "a", "b": "b"}}

    asked = [
        questions_for(module, WIRES[0], choices, {"text": "x"}).as_data()
        for module in (feel, told)
    ]

    said = str(asked[1])
    assert "corridor: two countries" in said
    assert "text: so so" in said
    assert "What" not in str(asked[0])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"context": {"audience": " "}}, "not blank"),
        ({"glossary": {"x": 3}}, "not blank"),
        ({"glossary": "x"}, "a mapping of words"),
        ({"illustrations": ["x"]}, "a list of weft.Demo"),
        ({"illustrations": [weft.Demo({"nope": "x"})]}, "'nope', which is no field"),
    ],
)
def test_what_says_nothing_is_refused(change: Any, said: str) -> None:
    """Blank texts, other types, fields of another signature."""
    with pytest.raises(weft.errors.ConfigError) as caught:
        weft.Predict("question -> answer").with_(**change)

    assert said in str(caught.value)


def test_a_context_is_one() -> None:
    """A mapping is none, and a picture is no illustration."""
    with pytest.raises(weft.errors.ConfigError, match="is no context"):
        chain().with_context({"audience": "x"})
    with pytest.raises(weft.errors.ConfigError, match="not blank"):
        weft.Context(audience=3)  # pyright: ignore[reportArgumentType]
    photo = weft.Predict("photo: Image -> answer", name="photo")
    image = weft.Image.from_url("https://example.com/x.png")
    with pytest.raises(weft.errors.ConfigError, match="which is no text"):
        photo.with_(illustrations=[weft.Demo({"photo": image, "answer": "x"})])
