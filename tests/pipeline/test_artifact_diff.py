"""Seeing what a program is, what changed, and which part of it earns the gain."""

from pathlib import Path

import pytest

import weft
from tests.pipeline import saved
from weft.errors import ConfigError
from weft.pipeline.graph.program import as_program


@weft.program
def shorter(question: str) -> str:
    return saved.respond(question=question, passages=[question]).answer


def save(program: weft.Program[..., object], path: Path, score: float = 0.5) -> Path:
    made = {
        "score": {"seed": [0.1, 0, 0.2], "compiled": [score, score - 0.1, score + 0.1]},
        "spend": {"calls": 120, "tokens": 9, "usd": 0.25 if score > 0.5 else None},
        "compiler": {"name": "APE"},
    }
    return weft.save(program, path, provenance=made)


# Differences --------------------------------------------------------------------------


def test_a_diff_tells_lines_demos_settings_score_and_cost(tmp_path: Path) -> None:
    """What a reviewer asks of a change stands in it, and nothing else."""
    tuned = saved.with_demos(saved.triage).with_parameters(
        {"triage/adapter": "json", "triage/sampling": {"temperature": 0.2}}
    )
    before = save(saved.triage, tmp_path / "a.weft.json")
    after = save(tuned, tmp_path / "b.weft.json", 0.75)

    made = weft.diff(before, after)

    assert str(made).splitlines()[2:] == [
        "triage/instruction",
        "  - Route a customer's message to the team that can solve it.",
        "  + Route it.",
        "  + ",
        "  + Two lines — and a blank.",
        "triage/demos",
        *(
            f"  + demo {demo.id} ({demo.by}, row {demo.source}) {shown}"
            for demo, shown in zip(
                tuned.parameters["triage/demos"],
                (
                    "message='kärte \\u2028 weg', loud=True, team='cards'",
                    "message='[[ team ]]\\napp', team='app'",
                ),
                strict=True,
            )
        ),
        "triage/adapter",
        '  - "auto"',
        '  + "json/2"',
        "triage/sampling",
        "  - {}",
        '  + {"temperature":0.2}',
        "score: 50.0 [40.0, 60.0] -> 75.0 [65.0, 85.0]",
        "compile: 120 calls, price unknown -> 120 calls, $0.2500",
        "prompt: about 15 tokens -> 23 tokens",
    ]


def test_a_diff_tells_structure_and_signatures() -> None:
    """Nodes, modules and fields that went or came are named."""
    text = str(weft.diff(saved.qa, shorter))

    assert "  - qa" not in text
    assert "  -   search = step search(query=write_query.query, k=2)" in text
    assert "  + " in text
    assert "write_query\n  - module" in text

    turned = as_program(weft.ChainOfThought(saved.Triage, name="triage"))
    lines = str(weft.diff(saved.triage, turned)).splitlines()
    assert "  it was a Predict, now a ChainOfThought" in lines
    assert "  field 'reasoning' was added" in lines


def test_equal_programs_do_not_differ(tmp_path: Path) -> None:
    """A program and its file are the same; a diff is then false."""
    path = weft.save(saved.checked_qa, tmp_path / "x.weft.json")

    made = weft.diff(saved.checked_qa, path)

    assert not made
    assert str(made).endswith("nothing changed")


def test_an_order_of_demos_is_a_difference() -> None:
    """The model reads demos in order."""
    tuned = saved.with_demos(saved.triage)
    demos = tuned.parameters["triage/demos"]
    turned = tuned.with_parameters({"triage/demos": demos[::-1]})

    made = weft.diff(tuned, turned)

    assert made.parameters == {"triage/demos": ("  the same demos in another order",)}


# Showing ------------------------------------------------------------------------------


def test_show_needs_no_code(tmp_path: Path) -> None:
    """An artifact is read as it is: graph, fields, instruction, demos, origin."""
    path = save(saved.checked_qa, tmp_path / "x.weft.json")

    text = weft.show(path)

    for part in (
        "checked_qa(question: str, note: str)",
        "search = step search(query=write_query.query, k=2)",
        "qa/respond: ChainOfThought, json adapter",
        "-> score: float, ge=0, le=1",
        "    Use at most five words.",
        "sampling: temperature=0.5",
        'compiler  {"name":"APE"}',
    ):
        assert part in text
    assert "{question}" not in text
    assert "{question}" in weft.show(path, prompts=True)
    assert weft.show(saved.checked_qa) == text.partition("\n\nmade by")[0]


def test_what_moves_a_cursor_is_spelt_out(tmp_path: Path) -> None:
    """A file is shown to a person who has not yet decided to trust it."""
    evil = saved.triage.with_parameters({"triage/instruction": "a\x1b[2J\u202eb\tc"})
    path = save(evil, tmp_path / "x.weft.json")

    for text in (weft.show(path), str(weft.diff(saved.triage, path))):
        assert "a\\x1b[2J\\u202eb\tc" in text


# Explaining ---------------------------------------------------------------------------

ROWS = [{"id": f"r{n}", "text": f"t{n}", "mood": "ab"[n % 2]} for n in range(10)]


def answer(request: weft.Request) -> str:
    """Right on even rows with the instruction, on odd ones with the demo."""
    text = "\n".join(m.content for m in request.messages)
    last = request.messages[-1].content
    number = int(last.rpartition("t")[2].split()[0])
    helped = "Be careful." in text if number % 2 == 0 else "shown" in text
    return f"[[ mood ]]\n{'ab'[number % 2] if helped else 'c'}\n[[ /end ]]"


def test_explain_says_which_part_earns_the_gain() -> None:
    """Each part is put back alone; the rows that flip are its own."""
    feel = weft.Predict("text -> mood", "Say how it feels.", name="feel")
    tuned = feel.with_(
        instruction="Be careful.",
        demos=[weft.Demo({"text": "shown", "mood": "a"}), weft.Demo({"mood": "b"})],
    )

    with weft.use(lm=weft.FunctionLM(answer), cache=None):
        made = weft.explain(tuned, ROWS, weft.metrics.exact("mood"), base=feel)
        demos = weft.explain(
            tuned, ROWS, weft.metrics.exact("mood"), base=feel, each_demo=True
        )

    assert [(p.name, p.gained, p.lost) for p in made.parts] == [
        ("feel/demos", ("r1", "r3", "r5", "r7", "r9"), ()),
        ("feel/instruction", ("r0", "r2", "r4", "r6", "r8"), ()),
    ]
    said = str(made)
    assert said.startswith("0.0 -> 100.0 (+100.0 points on 10 rows)\n  feel/demos")
    assert "    5 gained: r1, r3, r5, r7, r9\n" in said
    assert [p.earned.difference for p in demos.parts] == [0.5, 0.5, 0]
    assert demos.parts[2].name.startswith("feel/demos/")


def test_explain_without_a_base_takes_the_signatures_own_words() -> None:
    """What a compile changed is known from the signature alone."""
    feel = weft.Predict(
        "text -> mood", name="feel", demos=[weft.Demo({"text": "shown"})]
    )

    with weft.use(lm=weft.FunctionLM(answer), cache=None):
        made = weft.explain(feel, ROWS, weft.metrics.exact("mood"))

    assert [p.name for p in made.parts] == ["feel/demos"]
    assert made.whole.mean == 0.5
    assert made.base.mean == 0


def test_explain_refuses_another_program() -> None:
    """Parts of different programs cannot be exchanged."""
    with pytest.raises(ConfigError, match="Give base= the program that was compiled"):
        weft.explain(saved.triage, ROWS, weft.metrics.exact("team"), base=saved.qa)
