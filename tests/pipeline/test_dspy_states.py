"""States of DSPy of modules that are made of others, both ways.

The states are written by hand as DSPy 3.4.1 writes them; where it is installed, it
loads what is exported here, and what it saves is imported.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import weft
from tests.pipeline.test_export import dspy, needs_dspy
from weft.errors import ArtifactError, ConfigError

SOLVED = {"question": "2 + 2?", "reasoning": "Two pairs.", "answer": "4"}
answer = weft.ChainOfThought("question -> answer", "Be brief.", name="answer").with_(
    demos=[weft.Demo(SOLVED, "r1", "bootstrap")]
)
plain = weft.Predict("question -> answer", "Say it.", name="plain")


def good(inputs: Any, made: Any) -> float:
    return 1.0


def short(inputs: Any, made: Any) -> bool:
    return len(made.answer) < 9


@weft.tool
def look(query: str) -> str:
    """Look it up."""
    return query


agent = weft.ReAct("question -> answer", tools=[look], name="agent")
coder = weft.ProgramOfThought("question -> answer", name="coder")
acting = weft.CodeAct("question -> answer", tools=[look], name="acting")
reader = weft.Recursive("question -> answer", name="reader")
best = weft.BestOfN(answer, good, 2, name="best")
refined = weft.Refine(answer, good, 2, name="refined")
compared = weft.Compare(answer, 2, name="compared")


@weft.program
def both(question: str) -> str:
    return plain(question=best(question=question).answer).answer


@weft.program
def asking(question: str) -> str:
    return agent(question=question).answer


def heading(name: str) -> str:
    """As DSPy makes it of a field's name."""
    return " ".join(word.capitalize() for word in name.split("_")) + ":"


def predictor(
    fields: str, instruction: str = "Do it.", *demos: Any, **said: str
) -> Any:
    """A predictor's state with a placeholder where nothing is said of a field."""
    shown = [
        {"prefix": heading(name), "description": said.get(name, f"${{{name}}}")}
        for name in fields.split()
    ]
    signature = {"instructions": instruction, "fields": shown}
    return {
        "traces": [],
        "train": [],
        "demos": [*demos],
        "lm": None,
        "signature": signature,
    }


def imported(state: Any, program: Any, folder: Path, **more: Any) -> Any:
    path = folder / "state.json"
    path.write_text(json.dumps(state), "utf-8")
    return weft.import_dspy(path, program, **more)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


# Out ----------------------------------------------------------------------------------


@pytest.mark.parametrize("module", [best, refined])
def test_what_is_asked_several_times_is_exported_as_it_was_tuned(module: Any) -> None:
    """DSPy's BestOfN and Refine call it `module`."""
    state = weft.export(module, to="dspy")

    made = state["module.predict"]
    assert made["signature"]["instructions"] == "Be brief."
    assert made["demos"] == [{**SOLVED, "augmented": True}]


def test_a_program_has_the_parts_below_their_module() -> None:
    """Beside the predictors of its other modules."""
    state = weft.export(both, to="dspy")

    assert set(state) == {"best.module.predict", "plain", "metadata"}


def test_what_dspy_has_no_predictor_for_is_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It stands in the state, so that it can be imported; DSPy passes it by."""
    state = weft.export(refined, to="dspy")

    assert set(state) == {"module.predict", "critic", "again.predict", "metadata"}
    assert [word.split("'s ")[1].split(":")[0] for word in warnings(caplog)] == [
        "Refine has no predictor for 'refined/critic'",
        "Refine has no predictor for 'refined/again'",
    ]


def test_attempts_are_compared_in_the_fields_of_dspys_module(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Each attempt is a field of its own, and the reasoning is the rationale."""
    values = {"question": "q", "reasoning": "r", "answer": "4"}
    tuned = compared.with_modules(
        {
            "compare": compared.modules["compare"].with_(
                instruction="Weigh them.",
                demos=[
                    weft.Demo({**values, "attempts": ["a", "b"]}),
                    weft.Demo({**values, "attempts": ["a"]}),
                ],
            )
        }
    )

    state = weft.export(tuned, to="dspy")

    made = state["predict"]
    assert made["signature"]["instructions"] == "Weigh them."
    assert [field["prefix"] for field in made["signature"]["fields"]] == [
        *("Question:", "Reasoning attempt 1:", "Reasoning attempt 2:"),
        *("Rationale:", "Answer:"),
    ]
    assert made["demos"] == [
        {
            "question": "q",
            "rationale": "r",
            "answer": "4",
            "reasoning_attempt_1": "a",
            "reasoning_attempt_2": "b",
        }
    ]
    assert state["module.predict"]["signature"]["instructions"] == "Be brief."
    said = "\n".join(warnings(caplog))
    assert "no predictor for 'compared/module'" in said
    assert "other than 2 attempts are left out" in said
    assert "1 of 2" in said


CHECKED = weft.Check(answer, [short], name="checked")
NO_COUNTERPART = [
    (weft.Vote(answer, 3, name="vote"), "'vote' is a Vote"),
    (CHECKED, "'checked' is a Check"),
    (weft.Decompose("question -> answer", name="split"), "'split' is a Decompose"),
    (weft.Ensemble([answer, plain], name="all"), "'all' is a Ensemble"),
    (weft.BestOfN(CHECKED, good, name="of"), "'of/module' is a Check"),
    (agent, "'agent' is a ReAct"),
    (coder, "'coder' is a ProgramOfThought"),
    (acting, "'acting' is a CodeAct"),
    (reader, "'reader' is a Recursive"),
    (asking, "'agent' is a ReAct"),
]


@pytest.mark.parametrize(("module", "who"), NO_COUNTERPART)
def test_a_module_that_dspy_has_not_is_refused(module: Any, who: str) -> None:
    """By name, with what to do instead; it came out as one untuned predictor."""
    with pytest.raises(ConfigError, match=who) as caught:
        weft.export(module, to="dspy")

    hint = str(caught.value.hint)
    path = hint.partition("modules['")[2].partition("']")[0]
    assert 'to="openai-messages"' in hint
    assert set(weft.export(module.modules[path], to="dspy")) >= {"metadata"}


def test_an_agent_is_refused_with_what_differs() -> None:
    """The instruction of the one misleads the other."""
    with pytest.raises(ConfigError, match=r"'finish' in place of 'submit'"):
        weft.export(agent, to="dspy")


def test_what_is_said_of_choices_stands_in_the_description(tmp_path: Path) -> None:
    """A part of an agent says there which tools it has; it comes back as it was."""
    act = agent.modules["act"].with_(descriptions={"question": "what is asked"})

    state = weft.export(act, to="dspy")

    said = [field["description"] for field in state["signature"]["fields"]]
    assert said[0] == "what is asked"
    assert "Look it up." in said[3]
    back = imported(state, agent.modules["act"], tmp_path)
    assert dict(back.parameters.descriptions) == {"question": "what is asked"}


# In: descriptions ---------------------------------------------------------------------


class Sort(weft.Signature):
    """Sort it."""

    message: str = weft.Input("as it came")
    team: str = weft.Output()


sort = weft.Predict(Sort, name="sort")


@pytest.mark.parametrize(
    "descriptions",
    [
        {},
        {"team": "the one that can solve it"},
        {"message": "as typed", "team": "cards or app"},
    ],
)
def test_descriptions_come_back_as_they_were(
    descriptions: Mapping[str, str], tmp_path: Path
) -> None:
    """From weft to a state and back, whatever the program has now."""
    tuned = sort.with_(descriptions=descriptions)
    state = weft.export(tuned, to="dspy")

    made = imported(state, sort, tmp_path)

    assert dict(made.parameters.descriptions) == descriptions
    again = imported(state, tuned, tmp_path)
    assert dict(again.parameters.descriptions) == descriptions


@pytest.mark.parametrize("nothing", ["${team}", "${any words}", "", None, 7])
def test_a_placeholder_describes_nothing(nothing: Any, tmp_path: Path) -> None:
    """DSPy writes one where nobody has described a field."""
    state = predictor("message team", message="as it came", team=nothing)

    made = imported(state, sort, tmp_path)

    assert dict(made.parameters.descriptions) == {}


def test_a_description_goes_to_the_field_of_its_heading(tmp_path: Path) -> None:
    """In whatever order the fields stand, or to that of its place."""
    turned = predictor("team message", team="who", message="what")
    renamed = predictor("mail team", team="who", mail="what")

    for state in (turned, renamed):
        made = imported(state, sort, tmp_path)
        wanted = {"team": "who", "message": "what"}
        assert dict(made.parameters.descriptions) == wanted


def test_a_description_of_the_signature_stands_again(tmp_path: Path) -> None:
    """What the state says replaces what the program has."""
    module = sort.with_(descriptions={"message": "other", "team": "kept"})
    state = predictor("message team", message="as it came")

    made = imported(state, module, tmp_path)

    assert dict(made.parameters.descriptions) == {"team": "kept"}


# In: DSPy's own modules ---------------------------------------------------------------

STEPS = "question trajectory next_thought next_tool_name next_tool_args"
EXTRACT = "question trajectory reasoning answer"
TOOLS = "Give next_thought, then next_tool_name, which is one of: (1) look."
ACTED: Mapping[str, Any] = {
    "question": "q",
    "trajectory": "[[ ## thought_0 ## ]]\nt",
    "next_thought": "t",
    "next_tool_name": "finish",
    "next_tool_args": {},
}
READ = {"question": "q", "trajectory": "t", "reasoning": "r", "answer": "a"}
REACT: dict[str, Any] = {
    "react": predictor(STEPS, TOOLS, ACTED, question="what is asked"),
    "extract.predict": predictor(EXTRACT, "Read it off.", READ),
    "metadata": {},
}
CODED = {
    "code_generate.predict": predictor(
        "question reasoning generated_code", "Write `generated_code`, then SUBMIT()."
    ),
    "code_regenerate.predict": predictor(
        "question previous_code error reasoning generated_code", "Mend the program."
    ),
    "generate_output.predict": predictor(
        "question final_generated_code code_output reasoning answer", "Say the answer."
    ),
}
ACTING = {
    "codeact": predictor("question trajectory generated_code finished", "Write code."),
    "extractor.predict": predictor(EXTRACT, "Read it off."),
}
READING = {
    "generate_action": predictor(
        "variables_info repl_history iteration reasoning code", "Look, then SUBMIT."
    ),
    "extract": predictor("variables_info repl_history answer", "Read it off."),
}


@pytest.mark.parametrize("within", ["", "agent."])
@pytest.mark.parametrize("program", [agent, asking])
def test_an_agents_predictors_find_its_parts(
    within: str, program: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """By themselves; what speaks of DSPy's form is left out, and named."""
    state = {f"{within}{n}": s for n, s in REACT.items() if n != "metadata"}

    made = imported(state, program, tmp_path)

    act, extract = made.modules.values()
    assert act.instruction == agent.modules["act"].instruction
    assert act.parameters.descriptions == {"question": "what is asked"}
    assert extract.instruction == "Read it off."
    assert [act.parameters.demos, extract.parameters.demos] == [(), ()]
    said = warnings(caplog)
    assert len(said) == 3
    assert "'agent/act' that do not fit are left out, 1 of 1" in said[0]
    assert "speaks of 'next_thought', 'next_tool_name', which DSPy's ReAct" in said[1]
    assert "'agent/extract' that do not fit are left out, 1 of 1" in said[2]


@pytest.mark.parametrize("target", ["act", "agent/act"])
def test_targets_are_spelled_with_the_module_or_without(
    target: str, tmp_path: Path
) -> None:
    """As `agent.modules` has them, or as a program would."""
    state = {"mine": predictor(STEPS, "Go on."), "extract.predict": predictor(EXTRACT)}

    made = imported(state, agent, tmp_path, rename={"mine": target})

    assert made.modules["act"].instruction == "Go on."


@pytest.mark.parametrize(
    ("state", "module", "instructions"),
    [
        (CODED, coder, [None, "Mend the program.", "Say the answer."]),
        (ACTING, acting, ["Write code.", "Read it off."]),
        (READING, reader, [None, ..., "Read it off."]),
    ],
)
def test_predictors_of_modules_that_run_code_find_their_parts(
    state: Any, module: Any, instructions: list[Any], tmp_path: Path
) -> None:
    """An instruction in DSPy's own terms is left out, and weft's stays."""
    made = imported(state, module, tmp_path)

    before = [part.instruction for part in module.modules.values()]
    wanted = [
        old if new in (None, ...) else new
        for old, new in zip(before, instructions, strict=True)
    ]
    assert [part.instruction for part in made.modules.values()] == wanted


def test_a_comparison_of_dspy_finds_its_part(tmp_path: Path) -> None:
    """Its attempts, however many, become the one list of them."""
    fields = "question student_attempt_#1 student_attempt_#2 student_attempt_#3"
    attempts = {f"reasoning_attempt_{n}": f"a{n}" for n in (1, 2, 3)}
    demo = {"question": "q", **attempts, "rationale": "r", "answer": "4"}
    state = {
        "predict": predictor(f"{fields} rationale answer", "Weigh.", demo, answer="!")
    }

    made = imported(state, compared, tmp_path).modules["compare"]

    assert made.instruction == "Weigh."
    assert made.parameters.descriptions == {"answer": "!"}
    assert dict(made.parameters.demos[0].values) == {
        "question": "q",
        "reasoning": "r",
        "answer": "4",
        "attempts": ["a1", "a2", "a3"],
    }


def test_what_is_exported_is_imported_as_it_was(tmp_path: Path) -> None:
    """Of modules that are made of others, too, and in programs."""
    said = {"question": "asked", "answer": "one word"}
    for module in (best, refined, compared, both):
        tuned = module.with_modules(
            {
                path: part.with_(
                    instruction=f"Do {path}.",
                    descriptions={
                        n: t for n, t in said.items() if n in part.spec.names
                    },
                )
                for path, part in module.modules.items()
            }
        )
        state = weft.export(tuned, to="dspy")

        back = imported(state, module, tmp_path)

        for path, part in tuned.modules.items():
            kept, made = part.parameters, back.modules[path].parameters
            assert made.instruction == kept.instruction
            assert made.descriptions == kept.descriptions
            assert [d.id for d in made.demos] == [d.id for d in kept.demos]


def test_two_predictors_for_one_module_are_refused(tmp_path: Path) -> None:
    """The second would have replaced the first."""
    state = {"plain": predictor("question answer"), "x": predictor("question answer")}

    with pytest.raises(ArtifactError, match="'plain' and 'x' are both for the module"):
        imported(state, both, tmp_path, rename={"x": "plain"})


def test_what_a_template_leaves_out_is_told_on_both_ways(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """DSPy has no templates, and a bare one shows no instruction."""
    told = weft.Predict("text -> mood", "Say how it feels.", name="feel")
    bare = told.with_(adapter=weft.cloze("[text] It was [z]."), instruction="Feel.")
    (tmp_path / "feel.json").write_text(json.dumps(weft.export(told, to="dspy")))

    weft.export(bare, to="dspy")
    made = weft.import_dspy(tmp_path / "feel.json", bare)

    out, back = warnings(caplog)
    assert "asks by the template '[text] It was [z].'" in out
    assert "the instruction of 'feel', which its template does not show" in back
    assert made.instruction == "Say how it feels."


def test_an_instruction_that_names_another_field_is_taken_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is the user's own text; a word that is no name is just a word."""
    state = predictor("query_text reply", "Read query_text, and reply with care.")

    made = imported(state, plain, tmp_path)

    assert made.instruction == "Read query_text, and reply with care."
    (said,) = warnings(caplog)
    assert "'plain' speaks of 'query_text', and the fields are 'question'" in said


outline = weft.Predict("topic -> title", name="outline")
draft = weft.ChainOfThought("heading -> content", name="draft")


@weft.program
def article(topic: str) -> str:
    return draft(heading=outline(topic=topic).title).content


def test_rows_of_the_program_that_an_inner_predictor_never_shows_are_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """DSPy's optimizers give each predictor the rows; its adapter passes them over."""
    row = {"topic": "Orla"}
    taught = {"heading": "Tin", "reasoning": "It was mined.", "content": "Of tin."}
    state = {
        "outline": predictor("topic title", "Plan.", row),
        "draft.predict": predictor(
            "heading reasoning content", "Write.", {"augmented": True, **taught}, row
        ),
    }

    made = imported(state, article, tmp_path)

    assert made.modules["outline"].parameters.demos == ()
    assert [demo.values for demo in made.modules["draft"].parameters.demos] == [taught]
    said = "\n".join(warnings(caplog))
    assert "columns of the demos of 'draft' that are no fields" in said
    assert "'outline' that hold no input or no output of it" in said
    assert "are left out: 1 of 2" in said


def test_a_field_of_another_name_is_refused_still(tmp_path: Path) -> None:
    """It stands among the state's own fields, so that it is no column of a row."""
    state = predictor("headline reply", "Write.", {"headline": "Tin", "reply": "Of."})

    with pytest.raises(ArtifactError, match="'headline', which is no field"):
        imported(state, plain, tmp_path)


MARKED = (
    "<<CUSTOM-TYPE-START-IDENTIFIER>>"
    '[{"type": "image_url", "image_url": {"url": "%s"}}]'
    "<<CUSTOM-TYPE-END-IDENTIFIER>>"
)
DOT = "data:image/gif;base64,R0lGODlhAQABAAAAACw="


def test_images_in_demos_are_read_and_turns_are_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    look = weft.Predict("photo: Image -> caption", name="look")
    shown = {"photo": MARKED % DOT, "caption": "A dot."}
    broken = {"photo": MARKED % "no image", "caption": "?"}
    chat = weft.Predict("history: History, question -> answer", name="chat")
    turns = {"messages": [{"question": "x", "answer": "y"}]}
    talked = {"history": turns, "question": "z", "answer": "w"}

    state = predictor("photo caption", "Look.", shown, broken)
    seen = imported(state, look, tmp_path)
    state = predictor("history question answer", "Talk.", talked)
    said = imported(state, chat, tmp_path)

    assert [demo.values["photo"]["type"] for demo in seen.parameters.demos] == [
        "image/gif"
    ]
    assert (said.instruction, said.parameters.demos) == ("Talk.", ())
    assert "demos of 'look' that do not fit are left out, 1 of 2" in warnings(caplog)[0]
    assert "demos of 'chat' that do not fit are left out, 1 of 1" in warnings(caplog)[1]


def test_a_folder_is_no_state(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r'Save it with dspy.Module.save\("state'):
        weft.import_dspy(tmp_path, plain)


def test_a_renamed_predictor_gets_its_name_back(tmp_path: Path) -> None:
    """What an import takes, an export takes too."""
    named = {"steps[0]": "outline", "steps[1].predict": "draft"}
    state = {
        "steps[0]": predictor("topic title", "Plan."),
        "steps[1].predict": predictor("heading reasoning content", "Write."),
    }

    made = imported(state, article, tmp_path, rename=named)
    back = weft.export(made, to="dspy", rename=named)

    assert back.keys() - {"metadata"} == state.keys()
    assert back["steps[0]"]["signature"]["instructions"] == "Plan."
    for wrong in (
        {"x": "outlin"},
        {"x": "draft", "y": "draft"},
        {"draft.predict": "outline"},
    ):
        with pytest.raises(ConfigError):
            weft.export(made, to="dspy", rename=wrong)
    with pytest.raises(ConfigError, match="goes by the paths"):
        weft.export(made, to="litellm", rename=named)


# DSPy itself --------------------------------------------------------------------------

DSPY = """
import json, dspy
def good(args, made):
    return 1.0
def look(query: str) -> str:
    return query
answer = dspy.ChainOfThought("question -> answer")
made = {
    "best": dspy.BestOfN(module=answer, N=2, reward_fn=good, threshold=1.0),
    "refined": dspy.Refine(module=answer, N=2, reward_fn=good, threshold=1.0),
    "compared": dspy.MultiChainComparison("question -> answer", M=2),
    "agent": dspy.ReAct("question -> answer", tools=[look]),
    "coder": dspy.ProgramOfThought("question -> answer"),
    "acting": dspy.CodeAct("question -> answer", tools=[look]),
    "reader": dspy.RLM("question -> answer"),
}
"""
LOADS = """
out = {}
for name in ("best", "refined", "compared"):
    made[name].load(f"{name}.json")
    for inner, one in made[name].named_predictors():
        fields = list(one.signature.fields)
        demos = [dict(d) for d in one.demos]
        out[f"{name}.{inner}"] = [one.signature.instructions, demos, fields]
print(json.dumps(out))
"""
SAVES = """
for name, module in made.items():
    module.save(f"{name}.json")
"""


# dspy.Refine reads the source of its reward, which has to be in a file.
def run(code: str, folder: Path) -> str:
    (folder / "made.py").write_text(DSPY + code, "utf-8")
    return dspy("import sys; sys.path.insert(0, '.'); import made", folder)


@needs_dspy
@pytest.mark.slow
def test_dspy_loads_modules_that_are_made_of_others(tmp_path: Path) -> None:
    """Into its own of that kind."""
    attempts = {"attempts": ["a", "b"], **SOLVED}
    comparing = compared.modules["compare"].with_(demos=[weft.Demo(attempts)])
    tuned = compared.with_modules({"compare": comparing})
    for module in (best, refined, tuned):
        state = json.dumps(weft.export(module, to="dspy"))
        (tmp_path / f"{module.name}.json").write_text(state, "utf-8")

    out = json.loads(run(LOADS, tmp_path))

    for name in ("best.module.predict", "refined.module.predict"):
        assert out[name][:2] == ["Be brief.", [{**SOLVED, "augmented": True}]]
    instruction, (demo,), fields = out["compared.predict"]
    assert "Several attempts" in instruction
    assert demo["rationale"] == "Two pairs."
    assert demo["reasoning_attempt_2"] == "b"
    assert set(demo) == set(fields)


@needs_dspy
@pytest.mark.slow
def test_states_of_dspys_own_modules_are_imported(tmp_path: Path) -> None:
    """Each finds its parts, and no default instruction contradicts them."""
    run(SAVES, tmp_path)

    for module in (best, refined, compared, agent, coder, acting, reader):
        made = weft.import_dspy(tmp_path / f"{module.name}.json", module)

        for path in {"act", "write", "mend"} & set(made.modules):
            assert made.modules[path].instruction == module.modules[path].instruction
