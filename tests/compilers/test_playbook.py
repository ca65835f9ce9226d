"""Playbooks: lessons come in one by one, and those that harm go."""

from __future__ import annotations

from weft.compilers.propose.playbook import Delta, Playbook

TOLD = Playbook("Route it.").after(
    [Delta(add=("Look for a card.", "Look for a transfer.")), Delta(add=("Be kind.",))]
)


def test_a_lesson_adds_rewords_and_removes_by_number() -> None:
    """Numbers stay what they were; those that the playbook lacks change nothing."""
    made = TOLD.after(
        [
            Delta(change={1: "Look for a  lost\ncard.", 9: "Nothing."}),
            Delta(remove=frozenset({2, 8}), add=("Answer once.",)),
        ]
    )

    assert [(b.number, b.text) for b in made.bullets] == [
        (1, "Look for a lost card."),
        (3, "Be kind."),
        (4, "Answer once."),
    ]


def test_what_is_said_already_is_not_said_again() -> None:
    """Neither in other letters nor with a word more; the counts stay."""
    counted = TOLD.after([Delta(helpful=frozenset({3}))])
    same = counted.after([Delta(add=("be KIND", "", "  "))])

    assert same == counted
    assert same.bullets[2].helpful == 1


def test_a_bullet_that_harms_more_than_it_helps_goes() -> None:
    """Two more times is enough; one may be chance."""
    harm = Delta(harmful=frozenset({1}))
    once, twice = TOLD.after([harm]), TOLD.after([harm, harm])

    assert [b.number for b in once.bullets] == [1, 2, 3]
    assert [b.number for b in twice.bullets] == [2, 3]


def test_a_full_playbook_loses_what_helped_least() -> None:
    """By number of bullets, and by characters."""
    counted = TOLD.after(
        [Delta(helpful=frozenset({2, 3})), Delta(helpful=frozenset({2}))]
    )

    assert [b.number for b in counted.within(2, 10_000).bullets] == [2, 3]
    assert [b.number for b in counted.within(9, 100).bullets] == [2]
    assert counted.within(0, 10_000).bullets == ()


def test_a_playbook_is_read_back_from_the_instruction() -> None:
    """What a person wrote below the title is left as it is."""
    text = str(TOLD)
    other = "Route it.\n\nPlaybook:\nby hand"

    assert Playbook.read(text) == TOLD
    assert Playbook.read(other) == Playbook(other)
