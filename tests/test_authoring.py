"""What people do around a compile: each call asks what it says, and keeps its word."""

from __future__ import annotations

import io
import json
import random
import re
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest

import weft
from tests.hands import Interrupting
from weft.authoring.lint import lint_text
from weft.checks import checked_path
from weft.cli import main
from weft.compilers.propose.knowledge import parts_of

DATA = Path(__file__).parents[2] / "shared" / "data"
Mood = Literal["glad", "sad"]
FEEL = weft.Predict("text -> mood: Mood", "Say it.", name="feel", types={"Mood": Mood})


def scripted(*replies: str) -> Any:
    """A model that says these things, and a scope in which it is asked."""
    return weft.ScriptedLM([*replies])


def heading(name: str, said: str) -> str:
    return f"[[ {name} ]]\n{said}\n[[ /end ]]"


def asked(lm: Any, at: int = 0) -> str:
    """What a request of a model shows, its last turn."""
    return str(lm.requests[at].messages[-1].content)


# Drafts


def test_a_draft_that_drops_an_input_is_refused_once() -> None:
    """The second request holds the first draft and the names that it lacks."""
    lm = scripted(
        heading("instruction", "Read the text."),
        heading("instruction", "Say what the `text` is worth by `scale`."),
    )
    given = weft.Predict("text, scale: int -> mood", name="feel")
    with weft.use(lm=lm, cache=None):
        made = weft.draft("Judge reviews.", given)

    assert lm.calls == 2
    assert '[[ must_name ]]\n["text", "scale"]' in asked(lm)
    assert asked(lm, 1).endswith(
        "[[ draft ]]\nRead the text.\n[[ problem ]]\nThe instruction does not name "
        "scale. Name each input as it is written."
    )
    assert made.program.instruction == made.instructions["feel"]
    assert given.instruction == "Given text, scale, write mood."


def test_a_second_draft_that_drops_it_is_an_error() -> None:
    """After two calls, and nothing is made of it."""
    lm = scripted(*[heading("instruction", "Hm.")] * 2)
    with (
        weft.use(lm=lm, cache=None),
        pytest.raises(weft.errors.CheckFailed, match="does not name text"),
    ):
        weft.draft("Judge reviews.", "text -> mood")

    assert lm.calls == 2


def test_each_module_of_a_program_gets_its_own(tmp_path: Path) -> None:
    """The proposer writes, and a file that is there stays as it is."""
    first = weft.Predict("question -> query", name="first")
    second = weft.Predict("query -> answer", name="second")

    @weft.program
    def qa(question: str) -> str:
        return second(query=first(question=question).query).answer

    def write(request: weft.Request) -> str:
        names = re.search(r'must_name \]\]\n\["(\w+)"', request.messages[-1].text)
        assert names is not None
        return heading("instruction", f"Take the `{names[1]}`.")

    nobody, writer = weft.RefusingLM(), weft.FunctionLM(write)

    with weft.use(lm=nobody, lms={"proposer": writer}, cache=None):
        made = weft.draft("Answer by looking things up.", qa)
    made.save(tmp_path / "qa.weft.json")

    assert made.instructions == {
        "first": "Take the `question`.",
        "second": "Take the `query`.",
    }
    assert "qa(question: str)" in writer.requests[0].messages[-1].text
    assert (nobody.calls, writer.calls) == (0, 2)
    with pytest.raises(weft.errors.ArtifactError, match="writes over nothing"):
        made.save(tmp_path / "qa.weft.json")


def test_a_note_is_the_message_of_the_version(tmp_path: Path) -> None:
    """A revision adds one version, whose parent is what was revised."""
    path = tmp_path / "feel.weft.json"
    weft.save(FEEL, path)
    lm = scripted(heading("instruction", "Say it kindly."))
    with weft.use(lm=lm, cache=None):
        made = weft.revise(FEEL, "Be kind.")
    made.save(path, replaces=True)
    found = weft.log(tmp_path)

    assert [v.message for v in found] == ["Be kind.", ""]
    assert found[0].parent == found[1].digest
    assert "'Be kind.'" in str(found[0])
    assert "[[ note ]]\nBe kind." in asked(lm)
    assert "[[ must_name ]]\n[]" in asked(lm)  # it named no input before


def test_a_paper_is_read_in_parts_and_its_source_is_kept() -> None:
    """A call a part and one more; the notes of all parts reach the last."""
    paper = "Think first.\n\n" + "Nothing of use. " * 20
    assert len(parts_of(paper, tokens=60)) == 3
    replies = ["Reason aloud.", "", "Then answer."]
    lm = scripted(
        *(heading("notes", said) for said in replies),
        heading("instruction", "Reason aloud, then say it."),
    )
    with weft.use(lm=lm, cache=None):
        made = weft.technique_from_text(paper, FEEL, source="a paper", tokens=60)

    assert "[[ technique ]]\nReason aloud.\nThen answer." in asked(lm, 3)
    assert all(len(asked(lm, at)) < 60 * 4 + 20 for at in range(3))
    assert (made.source, made.by) == ("a paper", "technique_from_text")
    with (
        weft.use(lm=scripted(heading("notes", "")), cache=None),
        pytest.raises(weft.errors.ConfigError, match="found no technique"),
    ):
        weft.technique_from_text("Once upon a time.", FEEL)


# Reading


def test_what_is_unclear_quotes_the_prompt_and_runs_nothing() -> None:
    """One call, of the writer; what quotes nothing is left out and counted."""
    remarks = [
        {"span": "Say it.", "question": "Say what?"},
        {"span": "Say it.", "question": "Say what?"},
        {"span": "in verse", "question": "Which?"},
        {"question": "Of no words?"},
    ]
    nobody = weft.RefusingLM()
    lm = scripted(f"[[ unclear#1 ]]\n{json.dumps(remarks)}")
    with weft.use(lm=nobody, lms={"proposer": lm}, cache=None):
        found = weft.critique(FEEL)

    assert [(one.span, one.question) for one in found.unclear] == [
        ("Say it.", "Say what?")
    ]
    prompt = FEEL.prompt(text="{text}").messages
    assert prompt[0].text in asked(lm)
    assert (found.misquoted, nobody.calls, lm.calls) == (2, 0, 1)
    assert "2 remarks left out" in str(found)


def test_a_cold_reader_sees_the_prompt_and_inputs_and_no_label() -> None:
    """At most k inputs."""
    rows = [{"text": f"row {n}", "mood": "glad"} for n in range(9)]
    bare = weft.Predict("text -> mood", "Name the mood.", name="feel")
    lm = scripted('[[ missing#1 ]]\n["labels", " "]')
    with weft.use(lm=lm, cache=None):
        found = weft.cold_read(bare, rows, k=3)

    assert found.missing == {"feel": ("labels",)}
    assert "row 2" in asked(lm)
    assert "row 3" not in asked(lm)
    assert "glad" not in asked(lm)


# An interview


def test_every_answer_stands_in_the_instruction() -> None:
    """The types ask first; a question that comes again ends it; open ones are told."""
    lm = scripted(
        heading("question", "Who reads it?"),
        heading("question", "How sure?"),
        heading("question", "Who reads it?"),
        heading("instruction", "Judge the `text`. For nurses."),
    )
    told = {"Who reads it?": "For nurses.", "How sure?": " "}
    with weft.use(lm=lm, cache=None):
        made = weft.interview(FEEL, lambda question: told.get(question, "sad"))

    assert [(one.by, one.answer) for one in made.asked] == [
        ("signature", "sad"),
        ("model", "For nurses."),
        ("model", ""),
    ]
    assert made.open == ("How sure?",)
    assert made.instruction == (
        "Judge the `text`. For nurses.\n"
        "Which `mood` is it where none of glad, sad fits, or two do? sad"
    )
    assert made.brief in made.draft.message
    assert "Who reads it?\n  For nurses." in asked(lm, 3)


@pytest.mark.parametrize(("most", "ends", "questions"), [(2, 9, 2), (9, 1, 1)])
def test_an_interview_ends(most: int, ends: int, questions: int) -> None:
    """After so many questions, or where the person has enough."""
    answers = iter([*["yes"] * ends, *[None] * 9])
    many = (
        heading("question", f"Number {n}?")
        for n in range(max(0, min(most, ends + 1) - 1))
    )
    lm = scripted(*many, heading("instruction", "Say if the `text` is glad: yes"))
    with weft.use(lm=lm, cache=None):
        made = weft.interview(FEEL, lambda _: next(answers), most=most)

    assert len(made.asked) == questions


def test_what_a_person_said_outlives_a_model_that_fails() -> None:
    """Neither a question nor an instruction came that could be read."""
    with weft.use(lm=weft.FunctionLM(lambda _: "Hm."), cache=None):
        made = weft.interview(FEEL, lambda _: "sad, always")

    assert made.instruction.startswith("Say it.\nWhich `mood`")
    assert made.instruction.endswith("sad, always")
    assert made.failed
    with pytest.raises(weft.errors.ConfigError, match="no model is set"):
        weft.interview(FEEL, pytest.fail)


WRITES_IT = heading("instruction", "Say if the `text` is glad.")


def test_what_was_typed_before_an_interrupt_is_asked_once(tmp_path: Path) -> None:
    """The model's question too, which it need not ask again in the same words."""
    out, asked_for = tmp_path / "typed.jsonl", list[str]()

    def answer(question: str) -> str:
        asked_for.append(question)
        if question == "How sure?":
            raise KeyboardInterrupt
        return f"{len(asked_for)}"

    lm = scripted(
        heading("question", "Who reads it?"), heading("question", "How sure?")
    )
    with weft.use(lm=lm, cache=None), pytest.raises(KeyboardInterrupt):
        weft.interview(FEEL, answer, out=out)
    first, again = [*asked_for], scripted(heading("question", "Why?"), WRITES_IT)
    with weft.use(lm=again, cache=None):
        made = weft.interview(FEEL, answer, out=out, most=3)

    assert len(first) == 3
    assert asked_for[3:] == ["Why?"]
    assert [(one.by, one.answer) for one in made.asked] == [
        *(("signature", "1"), ("model", "2"), ("model", "4")),
    ]
    assert "Who reads it?" in asked(again)
    assert len(out.read_text("utf-8").splitlines()) == 3


@pytest.mark.parametrize(
    ("given", "task", "said"),
    [
        (FEEL, "Another.", "line 1, answers for the task 'Judge.'"),
        (weft.Predict("text -> words: int"), "Judge.", "line 1, answers 'Which `mood`"),
    ],
)
def test_answers_to_something_else_are_refused(
    given: Any, task: str, said: str, tmp_path: Path
) -> None:
    """Nobody is asked, and the file stays as it is."""
    out = tmp_path / "typed.jsonl"
    with weft.use(lm=scripted(WRITES_IT), cache=None):
        weft.interview(FEEL, lambda _: "sad", task="Judge.", most=1, out=out)
    before = out.read_bytes()

    with (
        weft.use(lm=scripted(), cache=None),
        pytest.raises(weft.errors.ConfigError, match=re.escape(said)),
    ):
        weft.interview(given, pytest.fail, task=task, out=out)
    assert out.read_bytes() == before


# Rows that are made up


class RowMaker:
    """Makes up rows of the label asked for; every third one was there before."""

    def __init__(self, seed: int = 0) -> None:
        self.rng = random.Random(seed)
        self.lm = weft.FunctionLM(self.answer)

    def answer(self, request: weft.Request) -> str:
        text = request.messages[-1].text
        label = json.loads(re.findall(r"\[\[ label \]\]\n(.*)", text)[0])
        shown = json.loads(re.findall(r"\[\[ shown \]\]\n(.*)", text)[0])
        cases: list[dict[str, Any]] = []
        for number in range(6):
            words = " ".join(self.rng.sample(WORDS, 4))
            again = number % 3 == 2 and shown
            cases.append({"text": f"{shown[0]['text']}!" if again else words, **label})
        return heading("cases", json.dumps([{"mood": "glad"}, *cases]))


WORDS = [
    a + b + c
    for a in ("ba", "ko", "li", "mu", "zi")
    for b in ("rk", "nt", "lv", "sp")
    for c in ("ora", "ime", "usk")
]


def test_rows_are_balanced_and_unlike_those_that_are_there(tmp_path: Path) -> None:
    """Labels within one of each other, nothing of the given rows, drafts unedited."""
    given = [{"text": " ".join(WORDS[:4]), "mood": "sad"}]
    maker = RowMaker()
    with weft.use(lm=maker.lm, cache=None):
        made = weft.synthesize(FEEL, 13, rows=given)
    counts = Counter(row["mood"] for row in made.rows)
    texts = [row["text"].rstrip("!") for row in made.rows]

    assert sorted(counts.values()) == [6, 7]
    assert len({*texts, given[0]["text"]}) == 14
    assert made.refused["nearly a row that is there"] >= 4
    assert made.refused["without 'text'"] == maker.lm.calls
    assert not made.short
    made.write(tmp_path / "drafts.jsonl")
    lines = (tmp_path / "drafts.jsonl").read_text("utf-8").splitlines()
    assert all('"edited": false' in line for line in lines)
    lines[0] = lines[0].replace('"edited": false', '"edited": true')
    lines[1] = lines[1].replace(made.rows[1]["text"], "mended by hand")
    (tmp_path / "drafts.jsonl").write_text("\n".join(lines), "utf-8")
    read = [
        weft.read_drafts(tmp_path / "drafts.jsonl", ["text"], require_edit=must)
        for must in (True, False)
    ]
    assert [len(rows) for rows in read] == [2, 13]
    assert read[0][0].labels == {"mood": made.rows[0]["mood"]}
    with pytest.raises(weft.errors.ConfigError, match="write over nothing"):
        made.write(tmp_path / "drafts.jsonl")


def test_a_writer_that_repeats_itself_is_given_up(capsys: Any) -> None:
    """What is short is said; no row is made up twice to fill it."""
    case = json.dumps([{"text": "the same old song", "mood": "glad"}])
    lm = weft.FunctionLM(lambda _: heading("cases", case))
    with weft.use(lm=lm, cache=None):
        made = weft.synthesize(FEEL, 4)

    assert len(made.rows) == 1
    assert made.short == {'{"mood": "glad"}': 1, '{"mood": "sad"}': 2}
    assert made.refused["with another label than was asked for"] == 3
    with weft.use(lm=lm, cache=None, budget="1 calls"):
        made = weft.synthesize(FEEL, 4)
    assert (len(made.rows), sum(made.short.values())) == (1, 3)


# What is shown, and what is copied


def test_what_is_picked_is_near_far_or_diverse() -> None:
    """Far never takes the nearest, and diverse takes one of each kind."""
    kinds = ("my card was stolen", "late bus transfer", "jazz of the fifties")
    rows = [{"text": f"{kind} {n}", "mood": "sad"} for kind in kinds for n in range(3)]
    like = [{"text": "a stolen card"}]

    def picked(pick: Any) -> list[str]:
        demos = weft.pick_demos(FEEL, rows, 3, pick=pick, like=like)
        return [" ".join(demo.values["text"].split()[:-1]) for demo in demos]

    assert picked("near") == [kinds[0]] * 3
    assert kinds[0] not in picked("far")
    assert len({*picked("diverse")}) == 3


@pytest.mark.parametrize("slot", ["demos", "illustrations"])
def test_a_parrot_copies_all_and_an_echo_nothing(slot: str) -> None:
    """What stands in the input too was not copied; choices have to be repeated."""
    line = "light up the whole of your evening"
    demo = weft.Demo({"topic": "lamps", "slogan": line, "mood": "glad"})
    module = weft.Predict("topic -> slogan, mood: Mood", name="s", types={"Mood": Mood})
    changed: Any = {slot: [demo]}
    module = module.with_(**changed)

    def rate(answer: Callable[[weft.Request], str]) -> float:
        lm = weft.FunctionLM(
            lambda r: f"[[ slogan ]]\n{answer(r)}\n[[ mood ]]\nglad\n[[ /end ]]"
        )
        rows = [{"topic": f"a word on tea number {n}"} for n in range(3)]
        with weft.use(lm=lm, cache=None):
            found = weft.evaluate(module, rows, lambda _, made: bool(made.slogan))
        return weft.copy_rate(module, found).rate

    assert rate(lambda _: line) == 1
    assert rate(lambda _: "steep it well and stay a while") == 0
    assert rate(lambda r: r.messages[-1].text.split("]]\n")[1].split("\n")[0]) == 0


# Reasoning


def counting(*, faithful: bool) -> weft.FunctionLM:
    """Reasons aloud; answers from the reasoning, or from the question all the same."""

    def answer(request: weft.Request) -> str:
        text = request.messages[-1].text
        question, _, reasoning = text.partition("[[ reasoning ]]")
        numbers = [int(n) for n in re.findall(r"\d+", question)]
        if "reasoning" in request.messages[0].text.partition("You write")[0]:
            read = re.findall(r"\d+", reasoning)
            last = int(read[-1]) if read else -1
            return heading("answer", str(last if faithful else sum(numbers)))
        said = " ".join(f"Then there are {sum(numbers[: n + 1])}." for n in range(3))
        return f"[[ reasoning ]]\n{said}\n{heading('answer', str(sum(numbers)))}"

    return weft.FunctionLM(answer, model=f"faithful={faithful}")


SOLVE = weft.ChainOfThought("question -> answer: int", name="solve")


def test_reasoning_that_is_followed_is_told_from_one_that_is_not() -> None:
    """A run and five calls a row; the faithful model flips where a step is wrong."""
    rows = [{"question": f"{n}, {n + 1} and {n + 2}"} for n in range(1, 7)]
    rates: dict[bool, list[float]] = {}
    for faithful in (True, False):
        lm = counting(faithful=faithful)
        with weft.use(lm=lm, cache=None):
            found = weft.faithfulness(SOLVE, rows)
        rates[faithful] = [arm.rate for arm in found.arms.values()]
        assert lm.calls == 6 * len(rows)
        assert found.structure == {}

    assert list(found.arms) == ["none", "half", "corrupted", "filler"]
    assert rates == {True: [1, 1, 1, 1], False: [0, 0, 0, 0]}


def test_reasoning_that_led_to_nothing_is_counted() -> None:
    """Empty, though the answer is right; and in a program, by its module's path."""

    @weft.program
    def whole(question: str) -> int:
        return SOLVE(question=question).answer

    lm = weft.FunctionLM(lambda _: f'[[ reasoning ]]\n""\n{heading("answer", "3")}')
    with weft.use(lm=lm, cache=None):
        found = weft.faithfulness(whole, [{"question": "1 and 2"}])

    assert (found.module, found.structure) == ("solve", {"empty": 1})
    with pytest.raises(weft.errors.ConfigError, match="no module does"):
        weft.faithfulness(FEEL, [{"text": "x"}])


# Words


@pytest.mark.parametrize(
    ("said", "kinds"),
    [
        ("Recieve the the text.", ["typo", "typo"]),
        ("Read the tezt. Use {tezt}.", ["field"]),
        ("# Rules\n\n# Form\nBe brief.", ["empty section"]),
        ("Fill <notes></notes>.", ["empty section"]),
        ("Always name the price.\nNever name the price.", ["contradiction"]),
        ("Name the price in euros. Do not name the price in euros.", ["contradiction"]),
        ("If it is long, name the price. Otherwise never name the price.", []),
        ("Say that that is so. Never guess. Always quote.", []),
        ("Use `text`, and ```json```, and {text}.", []),
    ],
)
def test_slips_of_the_pen_are_found(said: str, kinds: list[str]) -> None:
    """Each kind where it is, and not where people mean what they say."""
    assert [one.kind for one in weft.lint(FEEL.with_(instruction=said))] == kinds


BARE, TOLD = "[text]: [z]", "[instruction]\n[text]: [z]"


@pytest.mark.parametrize(
    ("template", "own", "said"),
    [
        (BARE, {"instruction": "Say how it feels."}, "the instruction: "),
        (BARE, {"context": weft.Context(audience="nurses")}, "the context: "),
        (TOLD, {"instruction": "Say how it feels."}, ""),
        (BARE, {}, ""),
    ],
)
def test_words_that_no_model_is_shown_are_told(
    template: str, own: dict[str, Any], said: str, tmp_path: Path
) -> None:
    """Of a module's own template and of the scope's; `weft check` remarks it too."""
    rest = {name: value for name, value in own.items() if name != "context"}
    module = weft.Predict("text -> feeling", name="feel").with_(**rest)
    if "context" in own:
        module = module.with_context(own["context"])
    form = weft.cloze(template)
    source = f"""
import weft
feel = weft.Predict("text -> feeling", {rest.get("instruction", "")!r}, name="feel",
                    adapter={form!r})
"""
    (tmp_path / "feel.py").write_text(source)

    with weft.use(adapter=form):
        scoped = weft.lint(module)
    found = weft.lint(module.with_(adapter=form))
    checked = checked_path(tmp_path / "feel.py").wordings

    assert [one.kind for one in found] == (["not shown"] if said else [])
    assert scoped == found
    assert all(f"no model is shown {said}" in one.message for one in found)
    assert len(checked) == (1 if said and rest else 0)
    weft.save(module.with_(adapter=form), tmp_path / "saved.weft.json")
    saved = checked_path(tmp_path / "saved.weft.json").wordings
    assert [one.partition(": ")[2] for one in saved] == [*map(str, found)]
    assert weft.lint(module) == []


def test_it_is_silent_on_prompts_of_careful_people() -> None:
    """27 tasks of BIG-Bench Hard with their reasoning, and 200 short instructions."""
    path = DATA / "bbh_prompts.jsonl"
    if not path.exists():
        pytest.skip(f"needs {path}")
    prompts = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    texts = [row[key] for row in prompts for key in ("description", "cot_prompt")]

    assert len(texts) == 54
    assert [found for text in texts for found in lint_text("x", text)] == []


# Prompts of people


def test_what_people_wrote_meets_the_same_rows() -> None:
    """Also what cannot win goes on, so that least, median and best are of one kind."""
    good = "Words with z are sad. Else glad."

    def answer(request: weft.Request) -> str:
        system, text = request.messages[0].text, request.messages[-1].text
        truth = "sad" if "z" in text.split("]]\n")[1].split("\n")[0] else "glad"
        if "Never." in system:
            return heading("mood", "glad" if truth == "sad" else "sad")
        return heading("mood", truth if good in system else "glad")

    rows = [
        {"text": f"{'z' if n % 2 else 'a'}{n}", "mood": "sad" if n % 2 else "glad"}
        for n in range(60)
    ]
    texts = ("Never.", "Say it well.", good)
    by_hand = weft.compilers.ByHand(instructions=texts)
    with weft.use(lm=weft.FunctionLM(answer), cache=None):
        result = weft.compile(
            FEEL,
            rows,
            metric=weft.metrics.exact("mood"),
            compiler=weft.compilers.Sequence(
                of=(by_hand, weft.compilers.LabeledFewShot())
            ),
        )
    found = weft.compilers.spread(result.report)

    assert {prompt.rows for prompt in found.prompts} == {found.prompts[0].rows}
    assert [p.text for p in found.prompts] == [
        good,
        "as it was",
        "Say it well.",
        "Never.",
    ]
    assert (found.lowest, found.median, found.highest) == (0.0, 0.5, 1.0)
    assert good in result.program.instruction
    with pytest.raises(weft.errors.ConfigError, match="no prompts of people"):
        weft.compilers.spread(replace(result.report, compiler={"name": "APE"}))


def test_a_word_is_defined_for_every_module_or_left_out() -> None:
    """Two rounds: the word that is defined, and without the line that misleads."""

    def answer(request: weft.Request) -> str:
        system, text = request.messages[0].text, request.messages[-1].text
        if "[[ meaning ]]" in system:
            return f"[[ term ]]\nzero\n{heading('meaning', 'a bad word: sad')}"
        if "[[ note ]]" in system:
            return heading("note", text.split("]]\n")[1].split("\n")[0])
        bad = "zero" in text and "- zero: a bad word: sad" in system
        led = "mild" in text and "- idle: " in system
        return heading("mood", "sad" if bad or led else "glad")

    note = weft.Predict("text -> note", "Note it.", name="note")
    feel = weft.Predict("note -> mood: Mood", "Say.", name="feel", types={"Mood": Mood})

    @weft.program
    def chain(text: str) -> str:
        return feel(note=note(text=text).note).mood

    words = ("zero", "fair", "mild")
    rows = [
        {"text": f"{words[n % 3]} {n}", "mood": "glad" if n % 3 else "sad"}
        for n in range(60)
    ]
    told = chain.with_context(weft.Context(glossary={"idle": "of no use"}))
    with weft.use(lm=weft.FunctionLM(answer), cache=None):
        result = weft.compile(
            told,
            rows,
            metric=lambda example, made: made == example.mood,
            compiler=weft.compilers.Glossary(),
        )

    glossaries = [m.parameters.glossary for m in result.program.modules.values()]
    assert glossaries == [{"zero": "a bad word: sad"}] * 2
    assert result.improved


def test_a_technique_races_and_stays_out_where_it_loses() -> None:
    """It is a candidate with its source as its origin, and nothing else."""

    def answer(request: weft.Request) -> str:
        system = request.messages[0].text
        if "[[ notes ]]" in system:
            return heading("notes", "Answer in verse.")
        if "[[ instruction ]]" in system:
            return heading("instruction", "Answer in verse.")
        return heading("mood", "sad" if "verse" in system else "glad")

    rows = [{"text": f"t{n}", "mood": "glad" if n % 4 else "sad"} for n in range(24)]
    compiler = weft.compilers.ByHand(documents={"a poem": "Verses help."})
    metric = weft.metrics.exact("mood")
    with weft.use(lm=weft.FunctionLM(answer), cache=None):
        quote = weft.quote(FEEL, rows, metric=metric, compiler=compiler)
        report = weft.compile(FEEL, rows, metric=metric, compiler=compiler).report

    assert quote.accounts["propose"].expected == 2
    assert report.spend["propose"]["requests"] == 2
    assert "by the technique of a poem" in [line.origin for line in report.tried]
    assert not report.improved
    assert weft.compilers.spread(report).prompts[-1].text == "a poem"


# The command line


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A file with a module, a signature and a model that says what it is told to."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.py").write_text(
        "import weft\n\n\nclass Feel(weft.Signature):\n"
        '    """Say teh mood."""\n\n    text: str = weft.Input()\n'
        "    mood: str = weft.Output()\n\n\nfeel = weft.Predict(Feel)\n",
        "utf-8",
    )

    def run(replies: Sequence[str], *words: str) -> tuple[int, weft.ScriptedLM]:
        lm = weft.ScriptedLM([*replies])
        with weft.use(lm=lm, cache=None):
            return main([*words]), lm

    return run


def test_the_commands_say_and_write_what_the_calls_do(
    app: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a draft to a revision of it, and what is printed as JSON."""
    named = heading("instruction", "Say the mood of the `text`.")
    assert (
        app(
            [named], "draft", "app.py:Feel", "--task", "Moods.", "--out", "a.weft.json"
        )[0]
        == 0
    )
    assert (
        app([], "draft", "app.py:feel", "--task", "x", "--out", "a.weft.json")[0] == 2
    )
    assert "not written over" in capsys.readouterr().err
    revised = heading("instruction", "Say the mood of the `text` kindly.")
    assert (
        app(
            [revised],
            "revise",
            "a.weft.json",
            "--note",
            "Be kind.",
            "--out",
            "a.weft.json",
            "--keep",
        )[0]
        == 0
    )
    assert main(["log", "."]) == 0
    assert "'Be kind.'" in capsys.readouterr().out

    Path("rows.jsonl").write_text('{"text": "so so"}\n', "utf-8")
    unclear = '[[ unclear#1 ]]\n[{"span": "teh mood", "question": "Whose?"}]'
    code, _ = app(
        [unclear, '[[ missing#1 ]]\n["labels"]'],
        "critique",
        "app.py:feel",
        "--data",
        "rows.jsonl",
        "--json",
        "--quiet",
    )
    said = json.loads(capsys.readouterr().out)
    assert (code, said["missing"]) == (0, {"feel": ["labels"]})
    assert said["unclear"][0]["span"] == "teh mood"

    lines = iter(["one word\n", ""])
    monkeypatch.setattr("sys.stdin.readline", lambda: next(lines))
    code, _ = app(
        [
            heading("question", "Whose?"),
            heading("instruction", "The `text`, one word."),
        ],
        "interview",
        "app.py:feel",
        "--out",
        "b.weft.json",
    )
    shown = capsys.readouterr()
    assert "Whose?\n> " in shown.err
    assert weft.load("b.weft.json").instruction == "The `text`, one word."  # pyright: ignore[reportAttributeAccessIssue]

    empty = [heading("cases", "[]")] * 3
    code, _ = app(empty, "synthesize", "app.py:Feel", "--rows", "1", "--out", "d.jsonl")
    assert (code, Path("d.jsonl").exists()) == (1, False)
    case = heading("cases", '[{"text": "what a day", "mood": "glad"}]')
    code, _ = app(
        [case], "synthesize", "app.py:Feel", "--rows", "1", "--out", "d.jsonl"
    )
    assert (code, len(weft.read_drafts("d.jsonl", ["text"], require_edit=False))) == (
        0,
        1,
    )


def test_an_interview_on_the_terminal_goes_on_after_an_interrupt(
    app: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same command asks for the rest alone, and its end is no answer."""
    words = ["interview", "app.py:Feel", "--out", "a.weft.json"]
    monkeypatch.setattr(sys, "stdin", Interrupting("Three words.\n"))
    stopped, _ = app([heading("question", "Who reads it?")], *words)
    told = capsys.readouterr().err
    monkeypatch.setattr(sys, "stdin", io.StringIO("Nurses.\n"))
    more = [heading("question", f"{q}?") for q in ("Who reads it", "Why")]
    code, _ = app([*more, heading("instruction", "Say the mood of `text`.")], *words)
    again = capsys.readouterr().err

    assert (stopped, code) == (130, 0)
    assert "the same command goes on from what was typed" in told
    assert "what is typed is in a.interview.jsonl" in told
    assert "How long is `mood`" in told
    assert "How long is `mood`" not in again
    text = str(weft.load("a.weft.json").instruction)
    assert "Three words." in text
    assert "Nurses." in text


def test_check_remarks_on_words_and_fails_for_none(
    app: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """In files and in artifacts; the exit code is that of the wiring."""
    del app
    weft.save(FEEL.with_(instruction="Recieve it."), "feel.weft.json")

    code = main(["check", "app.py", "feel.weft.json", "--json"])

    shown = capsys.readouterr()
    assert code == 0
    assert json.loads(shown.out)["words"] == [
        "app.py: feel/instruction:1: typo: 'teh' may be meant as 'the'",
        "feel.weft.json: feel/instruction:1: typo: 'Recieve' may be meant as 'receive'",
    ]
