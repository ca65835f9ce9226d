"""Structure edits and structure diffs: new programs, checked as a whole."""

from __future__ import annotations

from typing import Any, Literal

import pytest

import weft
from tests.pipeline.answers import echo, model
from weft.errors import GraphError

draft = weft.Predict("question -> draft: str", name="draft")
polish = weft.Predict("draft -> final: str", name="polish")
critic = weft.Predict("draft -> advice: str", name="critic")
revise = weft.Predict("draft, advice -> draft_out: str", name="revise")
score = weft.Predict("question -> score: float", name="score")
draft_two = weft.ChainOfThought("question -> draft: str", name="draft")
other = weft.ChainOfThought("question -> draft: str", name="planner")
passages = weft.Predict("question, draft -> answer: str", name="passages")


@weft.step
def search(query: str) -> list[str]:
    return [query + "1", query + "2"]


@weft.step
def shorten(texts: list[str]) -> list[str]:
    return texts[:1]


@weft.program
def write(question: str) -> str:
    first = draft(question=question).draft
    last: str = polish(draft=first).final
    return last


@weft.program
def research(question: str) -> list[str]:
    found = search(question)
    return weft.each(found, lambda p: passages(question=question, draft=p).answer)


@weft.step
def sort(text: str) -> Literal["cards", "loans"]:
    return "cards"


@weft.step
def long(text: str) -> bool:
    return len(text) > 3


@weft.program
def decided(question: str) -> list[str]:
    arms = {"cards": lambda: question, "loans": lambda: question}
    text = weft.switch(sort(question), arms)
    text = weft.branch(long(text), lambda: text, lambda: question)
    text = weft.loop(text, lambda t: draft(question=t).draft, at_most=2)
    return weft.each(search(text), lambda p: polish(draft=p).final)


def value(program: Any, question: str = "q") -> Any:
    with weft.use(lm=model(echo), cache=None):
        return program(question)


class TestReplace:
    def test_a_node_calls_something_else(self) -> None:
        """The new program asks the new module; the old program stays as it was."""
        made = weft.replace_node(write, "draft", draft_two)

        assert made.modules["draft"].kind == "ChainOfThought"
        assert write.modules["draft"].kind == "Predict"
        assert weft.graph_diff(write, made) == []

    def test_another_name_is_another_id(self) -> None:
        """What took the old node's result takes the new one's."""
        made = weft.replace_node(write, "draft", other)

        assert list(made.modules) == ["planner", "polish"]
        assert value(made).startswith("final(")
        assert weft.graph_diff(write, made) == [
            "draft was removed: module draft(question=question)",
            "planner was added: module planner(question=question)",
            "polish.draft is now planner.draft (was draft.draft)",
        ]

    def test_a_result_that_does_not_fit_is_refused(self) -> None:
        """Both ends and both types are named."""
        with pytest.raises(GraphError, match=r"polish.draft takes score.draft"):
            weft.replace_node(write, "draft", score)
        with pytest.raises(GraphError, match="'critic' has no input 'question'"):
            weft.replace_node(write, "draft", critic)
        with pytest.raises(GraphError, match=r"no node 'drft'. Did you mean 'draft'?"):
            weft.replace_node(write, "drft", draft_two)

    def test_inside_a_region(self) -> None:
        """A node of a body is a node like any other."""
        tuned = passages.with_(instruction="Be brief.")
        made = weft.replace_node(research, "passages", tuned)

        assert made.modules["passages"].parameters.instruction == "Be brief."
        assert value(made) == value(research)


class TestInsert:
    def test_a_critic_comes_between(self) -> None:
        """Two inserts: advice on the draft, and a revision that polish then takes."""
        advised = weft.insert_node(
            write, critic, {"draft": "draft.draft"}, into="polish.draft", field="advice"
        )
        made = weft.insert_node(
            advised,
            revise,
            {"draft": "draft.draft", "advice": "critic.advice"},
            into="polish.draft",
            field="draft_out",
        )

        assert [n.id for n in made.structure.nodes] == [
            "draft",
            "critic",
            "revise",
            "polish",
        ]
        assert value(made) == "final(draft_out(draft(q)|advice(draft(q))))"
        assert weft.graph_diff(advised, made) == [
            "revise was added: module revise(draft=draft.draft, advice=critic.advice)",
            "polish.draft is now revise.draft_out (was critic.advice)",
        ]

    def test_the_output_may_be_what_is_redirected(self) -> None:
        """`output` stands for what the program gives back."""
        made = weft.insert_node(
            write, revise, {"draft": "polish.final", "advice": "question"},
            into="output", field="draft_out",
        )  # fmt: skip

        assert value(made) == "draft_out(final(draft(q))|q)"

    def test_inside_a_region(self) -> None:
        """A body's parameter may be taken; the node stands in the body."""
        made = weft.insert_node(
            research, critic, {"draft": "p"}, into="passages.draft", field="advice"
        )

        assert [n.id for n in made.structure.nodes] == ["search", "each"]
        assert value(made) == ["answer(q|advice(q1))", "answer(q|advice(q2))"]
        assert weft.graph_diff(research, made)[0].startswith(
            "critic was added in each/"
        )

    def test_before_a_region(self) -> None:
        """What a region goes over may go through a step first."""
        made = weft.insert_node(
            research, shorten, {"texts": "search"}, into="each.items"
        )

        assert value(made) == ["answer(q|q1)"]

    @pytest.mark.parametrize(
        ("into", "wants"),
        [
            ("each.items", r"list\[str\]"),
            ("branch.condition", "bool"),
            ("switch.label", r"Literal\['cards', 'loans'\]"),
            ("loop.start", "str"),
        ],
    )
    def test_a_region_keeps_the_type_that_it_is_made_for(
        self, into: str, wants: str
    ) -> None:
        """What it goes over, decides by or starts with is checked as well."""
        name = into.replace(".", r"\.")
        with pytest.raises(GraphError, match=f"is float, but {name} wants {wants}"):
            weft.insert_node(
                decided, score, {"question": "question"}, into=into, field="score"
            )

    def test_a_region_has_one_input(self) -> None:
        """Nothing can be given to it under another name."""
        with pytest.raises(GraphError, match="'loop' has no input 'state'"):
            weft.insert_node(decided, shorten, {"texts": "search"}, into="loop.state")

    def test_what_does_not_fit_is_refused(self) -> None:
        """Unknown references, wrong types, unused results: each has its message."""
        with pytest.raises(GraphError, match="has nothing named 'drft'"):
            weft.insert_node(
                write, critic, {"draft": "drft.draft"}, into="polish.draft"
            )
        with pytest.raises(GraphError, match=r"critic is Advice, but polish\.draft"):
            weft.insert_node(
                write, critic, {"draft": "draft.draft"}, into="polish.draft"
            )
        with pytest.raises(GraphError, match=r"has no argument 'polsh\.draft'"):
            weft.insert_node(
                write, critic, {"draft": "draft.draft"}, into="polsh.draft"
            )
        with pytest.raises(GraphError, match="'draft' would never be used"):
            weft.insert_node(
                write,
                critic,
                {"draft": "question"},
                into="polish.draft",
                field="advice",
            )
        with pytest.raises(GraphError, match="'critic' is not given 'draft'"):
            weft.insert_node(write, critic, {}, into="polish.draft", field="advice")
        with pytest.raises(GraphError, match="would be named 'draft'"):
            weft.insert_node(
                write, draft_two, {"question": "draft.draft"},
                into="polish.draft", field="draft",
            )  # fmt: skip
        with pytest.raises(GraphError, match="cannot be a node"):
            weft.insert_node(write, print, {}, into="output")  # type: ignore[arg-type]


class TestRemove:
    def test_a_node_goes_and_something_stands_in(self) -> None:
        """What took its result takes what was said instead."""
        made = weft.remove_node(write, "polish", instead="draft.draft")

        assert list(made.modules) == ["draft"]
        assert value(made) == "draft(q)"
        assert weft.graph_diff(write, made) == [
            "polish was removed: module polish(draft=draft.draft)",
            "the output is now draft.draft (was polish.final)",
        ]

    def test_a_stand_in_is_needed_and_must_fit(self) -> None:
        """Nothing is guessed in the place of a value."""
        with pytest.raises(GraphError, match=r"polish\.final is needed when"):
            weft.remove_node(write, "polish")
        with pytest.raises(GraphError, match="which no earlier node gives"):
            weft.remove_node(write, "draft", instead="polish.final")
        with pytest.raises(GraphError, match=r"would return Draft"):
            weft.remove_node(write, "polish", instead="draft")
        with pytest.raises(GraphError, match="would never be used"):
            weft.remove_node(write, "polish", instead="question")

    def test_inside_a_region(self) -> None:
        """A body may lose a node as well; its parameter stands in."""
        longer = weft.insert_node(
            research, critic, {"draft": "p"}, into="passages.draft", field="advice"
        )

        made = weft.remove_node(longer, "critic", instead="p")

        assert made.structure.hash == research.structure.hash
        assert weft.graph_diff(research, made) == []


def test_edited_programs_are_whole_programs() -> None:
    """They save, count, draw and tune like traced ones."""
    made = weft.insert_node(
        write, critic, {"draft": "draft.draft"}, into="polish.draft", field="advice"
    )
    tuned = made.with_parameters({"critic/instruction": "Be kind."})

    assert tuned.modules["critic"].parameters.instruction == "Be kind."
    assert "critic" in made.mermaid()
    assert "critic" in made.svg()
    assert list(made.graph.nodes) == ["question", "draft", "critic", "polish", "output"]
