"""Modules that ask several times are made of whole programs as of single modules."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

import weft
from weft import Request
from weft.compilers.search.counting import calls_bound, is_bounded
from weft.errors import ArtifactError, ConfigError, SignatureError
from weft.pipeline.graph.digest import digest_of
from weft.pipeline.graph.program import as_program

noting = weft.Predict("question -> note", name="noting")
telling = weft.Predict("note -> answer: int", name="telling")
grading = weft.Predict("question, answer: int -> score: float", name="grading")


@weft.step
def plain(note: str) -> str:
    """What stands between the two modules."""
    return note.strip()


@weft.program
def bare(question: str) -> int:
    """Answer from a note."""
    return telling(note=plain(noting(question=question).note)).answer


@weft.program
def grade(question: str, answer: int) -> float:
    """A judge of two nodes."""
    return grading(question=question, answer=answer).score


def said(request: Request) -> str:
    """Notes with the sample in it, and an answer made of the note."""
    told, asked = request.messages[0].text, request.messages[-1].text
    if "[[ score ]]" in told:
        high = "[[ answer ]]\n1" in asked
        return f"[[ score ]]\n{0.5 if high else 0.1}"
    if "[[ advice ]]" in told:
        return "[[ advice ]]\nCount again."
    if "[[ reasoning ]]" in told:
        return "[[ reasoning ]]\nr\n[[ answer ]]\n7"
    if "[[ answer ]]" in told:
        number = next(int(c) for c in reversed(asked) if c.isdigit())
        return f"[[ answer ]]\n{number}"
    return f"[[ note ]]\nthe number is {request.sample}"


@pytest.fixture
def lm() -> Any:
    """The model of this file."""
    model = weft.FunctionLM(said)
    with weft.use(lm=model, cache=None):
        yield model


def higher(inputs: Mapping[str, Any], made: int) -> float:
    """A reward."""
    assert set(inputs) == {"question"}
    return float(made)


def above(inputs: Mapping[str, Any], made: int) -> bool | str:
    """A check with words."""
    return made > 0 or "Give a number above 0."


def second(answers: list[int]) -> int:
    """What an ensemble gives."""
    return answers[-1]


careful = bare.with_context(weft.Context(audience="a careful reader"))
KINDS: dict[str, tuple[Callable[[], Any], int, int]] = {
    "Vote": (lambda: weft.Vote(bare, n=3), 0, 6),
    "BestOfN": (lambda: weft.BestOfN(bare, higher, n=3), 2, 6),
    "Refine": (lambda: weft.Refine(bare, higher, n=2, threshold=9), 1, 5),
    "Check": (lambda: weft.Check(bare, [above], repairs=2), 2, 6),
    "Compare": (lambda: weft.Compare(bare, n=2), 7, 5),
    "Ensemble": (lambda: weft.Ensemble([bare, careful], second), 0, 4),
    "Fallback": (lambda: weft.Fallback(bare, models=["spare"]), 0, 2),
    "Cascade": (lambda: weft.Cascade(bare, careful, checks=[above]), 0, 4),
}
"""What is made of a program, what it answers, and by how many calls."""
every = pytest.mark.parametrize("kind", KINDS)


@every
def test_a_program_that_gives_a_bare_value(kind: str, lm: weft.FunctionLM) -> None:
    """It answers as the program does; `weft.program` and a name of its own hold."""
    make, answer, calls = KINDS[kind]
    module = make()

    run = module.run(question="how many?")

    assert (run.value, lm.calls) == (answer, calls)
    assert (module.name, module.single) == ("bare", "answer")
    assert as_program(module)("how many?") == answer


@every
def test_saved_with_the_program_in_it(
    kind: str, lm: weft.FunctionLM, tmp_path: Path
) -> None:
    """The file holds the graph inside, tuned; steps are passed as ever."""
    module = KINDS[kind][0]()
    path = next(p for p in module.modules if p.endswith("noting"))
    tuned = module.with_modules({path: module.modules[path].with_(instruction="Hm.")})
    expected = tuned(question="how many?")
    sent = sorted(r.key for r in lm.requests)
    lm.requests.clear()

    file = weft.save(tuned, tmp_path / "it.weft.json")
    loaded = weft.load(file, steps=[plain, higher, above, second])

    assert loaded(question="how many?") == expected
    assert sorted(r.key for r in lm.requests) == sent
    assert weft.load(file, program=as_program(module)).modules.keys()
    said_of_it = weft.show(file)
    assert "noting = module noting(question=question)" in said_of_it
    assert f"{path}: Predict" in said_of_it


def test_the_contract_of_a_program() -> None:
    """Its output is called as the field that it is taken from, or `result`."""
    assert [*bare.spec.outputs] == ["answer"]
    assert bare.single == "answer"
    assert [*stepped.spec.outputs] == ["result"]
    assert (stepped.single, whole.single) == ("result", None)


@weft.program
def stepped(question: str) -> str:
    """A program whose result is a step's."""
    return plain(noting(question=question).note)


class Draft(weft.Signature):
    """Write it anew."""

    text: str = weft.Input()
    draft: str = weft.Output()


redraft = weft.Predict(Draft, name="redraft")


@weft.program
def whole(draft: str) -> Draft:
    """A program that gives all that its module does."""
    return redraft(text=draft)


def test_an_output_with_the_name_of_an_input() -> None:
    """One bare value finds another name; a whole result says so."""
    again = weft.Predict("text -> draft", name="again")

    @weft.program
    def rewritten(draft: str) -> str:
        return again(text=draft).draft

    assert weft.Vote(rewritten, n=2).single == "result"
    with pytest.raises(SignatureError, match="draft"):
        weft.Vote(whole, n=2)


def test_a_vote_on_a_bare_value_tells_its_facts(lm: weft.FunctionLM) -> None:
    """In the trace, as those of any bare value."""
    run = weft.Vote(bare, n=4, name="vote").run(question="how many?")

    (top,) = run.trace.tree
    assert top.run.facts["agreement"] == 0.25
    assert {n.path for n in run.trace.nodes if n.calls} == {
        "vote/module/noting",
        "vote/module/telling",
    }


def test_words_reach_every_module_of_the_program(lm: weft.FunctionLM) -> None:
    """A failed check's words stand below each instruction of the next try."""
    weft.Check(bare, [above], repairs=2)(question="how many?")

    told = ["Give a number above 0." in r.messages[0].text for r in lm.requests]
    assert told == [False, False, True, True, True, True]


def test_a_judge_that_is_a_program(lm: weft.FunctionLM, tmp_path: Path) -> None:
    """It is tuned by its paths and stands in the artifact."""
    best = weft.BestOfN(bare, grade, n=2, name="best")
    assert best(question="how many?") == 1
    assert "reward/grading" in best.modules

    loaded = weft.load(weft.save(best, tmp_path / "b.weft.json"), steps=[plain])

    assert loaded(question="how many?") == 1


def test_a_program_is_taken_again_only_where_it_is_the_same(
    lm: weft.FunctionLM,
) -> None:
    """Another graph of the same modules is another program."""

    @weft.program
    def shorter(question: str) -> int:
        """Answer from a note."""
        return telling(note=noting(question=question).note).answer

    first = weft.Vote(bare, n=2, name="vote").run(question="how many?")
    made = lm.calls

    weft.Vote(bare, n=2, name="vote").run(question="how many?", reuse=first)
    assert lm.calls == made
    weft.Vote(shorter, n=2, name="vote").run(question="how many?", reuse=first)
    assert lm.calls == 2 * made


def test_a_step_that_may_change_is_run_again(lm: weft.FunctionLM) -> None:
    """Also inside a program that is a part."""
    seen: list[str] = []

    @weft.step(reusable=False)
    def moody(note: str) -> str:
        seen.append(note)
        return note

    @weft.program
    def changing(question: str) -> int:
        return telling(note=moody(noting(question=question).note)).answer

    vote = weft.Vote(changing, n=2, name="vote")
    first = vote.run(question="how many?")
    vote.run(question="how many?", reuse=first)

    assert len(seen) == 4


def test_a_quote_knows_the_graph_inside() -> None:
    """A loop counts all its rounds, and a list that nobody knows is an estimate."""

    @weft.program
    def looped(question: str) -> str:
        return weft.loop(
            question,
            lambda text: noting(question=text).note,
            at_most=3,
        )

    @weft.program
    def listed(question: str) -> list[str]:
        return weft.each(split(question), lambda one: noting(question=one).note)

    voted = as_program(weft.Vote(looped, n=4))
    assert calls_bound(voted) == 4 * 3 * 2
    assert is_bounded(voted)
    assert not is_bounded(as_program(weft.Refine(listed, lambda i, made: 1.0)))


@weft.step
def split(question: str) -> list[str]:
    """A list whose length only a run knows."""
    return question.split()


HOSTILE: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a step as well": lambda part: part.update(step="plain"),
    "no name": lambda part: part.pop("name"),
    "no name of a program": lambda part: part.update(name="a/b"),
    "a name alone": lambda part: part.pop("program"),
    "a node too few": lambda part: part["program"]["nodes"].pop(0),
    "a module too few": lambda part: part["program"]["modules"].pop("noting"),
    "no input": lambda part: part["program"].update(inputs=[]),
}


@pytest.mark.parametrize("change", HOSTILE)
def test_a_changed_file_is_refused(change: str, tmp_path: Path) -> None:
    """Whatever a file says of the program inside, it is whole or an error."""
    path = weft.save(weft.Vote(bare, n=2, name="vote"), tmp_path / "v.weft.json")
    made = json.loads(path.read_text("utf-8"))
    part = made["program"]["modules"]["vote"]["parts"]["module"]
    HOSTILE[change](part)
    made["digest"] = digest_of(made["program"])
    path.write_text(json.dumps(made), "utf-8")

    with pytest.raises(ArtifactError):
        weft.load(path, steps=[plain])


def test_a_run_inside_is_suspended_and_resumed() -> None:
    """An agent in a program in a module waits for a person, and runs no tool twice."""
    ran: list[str] = []

    @weft.tool(approval=True)
    def book(town: str) -> str:
        """Book a room."""
        ran.append(town)
        return "booked"

    agent = weft.ReAct("request -> reply", tools=[book], max_steps=3, name="agent")

    @weft.program
    def served(request: str) -> str:
        return agent(request=request).reply

    def moves(request: Request) -> str:
        done = "booked" in request.messages[-1].text
        tool = "submit" if done else "book"
        given = {"reply": "done"} if done else {"town": "Ulm"}
        fields = {"thought": "So.", "tool": tool, "arguments": json.dumps(given)}
        return "\n".join(f"[[ {name} ]]\n{value}" for name, value in fields.items())

    checked = weft.Check(served, [lambda inputs, made: made == "done"], name="checked")
    for begin in (checked, checked.run):
        ran.clear()
        with weft.use(lm=weft.FunctionLM(moves), cache=None):
            with pytest.raises(weft.errors.Suspended) as told:
                begin(request="a room in Ulm")
            assert ran == []
            data = json.loads(json.dumps(told.value.data))
            assert weft.resume(checked, data, approved=True).value == "done"
        assert ran == ["Ulm"]


def test_each_try_of_an_agent_inside_has_a_journal_of_its_own() -> None:
    """A second try asks a person again, and takes nothing of the first one's."""
    ran: list[str] = []

    @weft.tool(approval=True)
    def book(town: str) -> str:
        """Book a room."""
        ran.append(town)
        return f"booked {len(ran)}"

    agent = weft.ReAct("request -> reply", tools=[book], max_steps=3, name="agent")

    @weft.program
    def served(request: str) -> str:
        return agent(request=request).reply

    def moves(request: Request) -> str:
        booked = re.findall(r"booked \d", request.messages[-1].text)
        fields = {"thought": "So.", "tool": "book", "arguments": '{"town": "Ulm"}'}
        if booked:
            reply = json.dumps({"reply": booked[-1]})
            fields |= {"tool": "submit", "arguments": reply}
        return "\n".join(f"[[ {name} ]]\n{value}" for name, value in fields.items())

    twice = weft.Check(served, [lambda inputs, made: made == "booked 2"], name="twice")
    with weft.use(lm=weft.FunctionLM(moves), cache=None):
        with pytest.raises(weft.errors.Suspended) as told:
            twice(request="a room in Ulm")
        with pytest.raises(weft.errors.Suspended) as again:
            weft.resume(twice, told.value.data, approved=True)
        assert weft.resume(twice, again.value.data, approved=True).value == "booked 2"

    assert ran == ["Ulm", "Ulm"]


def test_the_next_model_is_asked_of_the_whole_program() -> None:
    """Each module in it, by the next model."""
    down = weft.FunctionLM(lambda _: "?")
    spare = weft.FunctionLM(said)
    with weft.use(lm=down, cache=None):
        answer = weft.Fallback(bare, [spare])(question="how many?")

    assert (answer, spare.calls) == (0, 2)


untyped: Any = bare
a_step: Any = plain


@pytest.mark.parametrize(
    ("made", "match"),
    [
        (lambda: weft.Vote(a_step), "made of a module or a program"),
        (lambda: weft.Ensemble([bare, a_step]), "made of modules and programs"),
        (lambda: weft.Ensemble([bare, telling]), "names and types have to be the same"),
        (lambda: weft.Classify(untyped), "Classify"),
        (lambda: weft.MapReduce(untyped, telling), "is no module"),
    ],
)
def test_what_cannot_be(made: Callable[[], Any], match: str) -> None:
    """What asks for one prompt, or takes other things, is refused when it is made."""
    with pytest.raises(ConfigError, match=match):
        made()
