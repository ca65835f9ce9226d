"""The simulated model behaves as a model would in the ways that a bench relies on."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

import weft
from bench.loopback import fetch, hosted
from bench.rivals.weft_compile import signatures
from bench.world import World, reply_to, world_of
from bench.world.reading import read_prompt

Row = Mapping[str, str]
Message = dict[str, str]
Template = Callable[[World, str, Sequence[Row], str], list[Message]]


def in_weft(world: World, told: str, demos: Sequence[Row], text: str) -> list[Message]:
    module = weft.Predict(signatures(world)[0], instruction=told, name="find")
    module = module.with_(demos=[weft.Demo(dict(row)) for row in demos])
    messages = module.prompt(message=text).messages
    return [{"role": m.role, "content": m.content} for m in messages]


def in_dspy(world: World, told: str, demos: Sequence[Row], text: str) -> list[Message]:
    """As DSPy 3.4.1 writes it (`adapters/chat_adapter.py`)."""
    labels = world.stages[0].labels
    kind = f"Literal[{', '.join(map(repr, labels))}]"
    system = (
        f"Your input fields are:\n1. `message` (str):\nYour output fields are:\n"
        f"1. `bin` ({kind}):\nAll interactions will be structured in the following "
        "way, with the appropriate values filled in.\n\n[[ ## message ## ]]\n{message}"
        "\n\n[[ ## bin ## ]]\n{bin}        # note: the value you produce must exactly "
        f"match (no extra characters) one of: {'; '.join(labels)}\n\n"
        "[[ ## completed ## ]]\nIn adhering to this structure, your objective is: \n"
        f"        {told}"
    )
    turns = [{"role": "system", "content": system}]
    for row in demos:
        answer = f"[[ ## bin ## ]]\n{row['bin']}\n\n[[ ## completed ## ]]\n"
        turns += [
            {"role": "user", "content": f"[[ ## message ## ]]\n{row['message']}"},
            {"role": "assistant", "content": answer},
        ]
    tail = (
        "Respond with the corresponding output fields, starting with the field `[[ ## "
        f"bin ## ]]` (must be formatted as a valid Python {kind}), and then ending "
        "with the marker for `[[ ## completed ## ]]`."
    )
    text = f"[[ ## message ## ]]\n{text}\n\n{tail}"
    return [*turns, {"role": "user", "content": text}]


def in_prose(world: World, told: str, demos: Sequence[Row], text: str) -> list[Message]:
    """One message that follows nobody's template."""
    solved = [f"{row['message']} It went to bin {row['bin']}." for row in demos]
    lines = [told, "Answer with the bin alone.", *solved, "Now this one:", text]
    return [{"role": "user", "content": "\n\n".join(lines)}]


def in_xml(world: World, told: str, demos: Sequence[Row], text: str) -> list[Message]:
    module = weft.Predict(signatures(world)[0], instruction=told, name="find")
    shown = [weft.Demo(dict(row)) for row in demos]
    made = module.with_(demos=shown, adapter="xml").prompt(message=text).messages
    return [{"role": m.role, "content": m.content} for m in made]


def answers(
    world: World,
    told: str = "",
    demos: Sequence[Row] = (),
    template: Template = in_weft,
) -> list[str]:
    """The bin named in each reply to the test rows."""
    told = f"{world.stages[0].instruction} {told}"
    labels = world.stages[0].labels
    found: list[str] = []
    for row in world.rows().test[:120]:
        text = reply_to(world, template(world, told, demos, row["message"])).text
        found.append(next(label for label in labels if label in text))
    return found


def score(world: World, *given: Any, **named: Any) -> float:
    rows = world.rows().test[:120]
    right = zip(answers(world, *given, **named), rows, strict=True)
    return sum(answer == row["bin"] for answer, row in right) / len(rows)


def rules_of(world: World, *, right: bool = True) -> str:
    stage = world.stages[0]
    told = [
        f"Cases with {r.sign} go to {r.answer if right else r.habit}."
        for r in stage.rules
        if not r.family
    ]
    return " ".join(told)


@pytest.fixture(scope="module")
def policy() -> World:
    return world_of("policy", 7)


@pytest.fixture(scope="module")
def analogy() -> World:
    return world_of("analogy", 7)


def test_the_seed_prompt_leaves_room(policy: World, analogy: World) -> None:
    """Zero-shot is low where there is something to learn, high where there is not."""
    assert score(policy) < 0.45
    assert score(analogy) < 0.45
    assert score(world_of("solved", 7)) > 0.8


def test_the_right_instruction_lifts_and_a_wrong_one_hurts(policy: World) -> None:
    """Rules in words move the score both ways."""
    seed = score(policy)

    assert score(policy, rules_of(policy)) > 0.75
    assert score(policy, rules_of(policy, right=False)) < seed - 0.1


def test_wording_does_not_matter_but_meaning_does(policy: World) -> None:
    """The same rules in other words give the same answers; denied, they give none."""
    pairs = [(r.sign, r.answer) for r in policy.stages[0].rules]
    plain = " ".join(f"If it mentions {s}, answer {a}." for s, a in pairs)
    bullets = "\n".join(f"- {s} -> {a}" for s, a in pairs)
    denied = " ".join(f"Never take {s} for {a}." for s, a in pairs)

    assert answers(policy, plain) == answers(policy, bullets)
    assert answers(policy, denied) == answers(policy)


def test_demos_teach_what_words_cannot(analogy: World) -> None:
    """Right demos lift, wrong ones hurt, and a rule about endings does nothing."""
    demos, seed = analogy.rows().train[:16], score(analogy)
    labels = analogy.stages[0].labels
    wrong = [
        {**row, "bin": labels[(labels.index(row["bin"]) + 1) % 5]} for row in demos
    ]
    told = " ".join(
        f"Tags in {r.sign} take {r.answer}." for r in analogy.stages[0].rules
    )

    assert score(analogy, demos=demos) > seed + 0.25
    assert score(analogy, demos=wrong) < seed
    assert answers(analogy, told) == answers(analogy)


def test_a_better_prompt_loses_few_right_answers(policy: World) -> None:
    """Most draws are keyed by case and rule: what teaches more gains far more."""
    rows = policy.rows().test[:120]
    half = rules_of(policy)[: len(rules_of(policy)) // 2].rpartition(".")[0] + "."
    some, all_of_it = answers(policy, half), answers(policy, rules_of(policy))

    lost = [
        row
        for row, one, two in zip(rows, some, all_of_it, strict=True)
        if one == row["bin"] != two
    ]
    assert len(lost) <= len(rows) * 0.1  # some cases turn with any other prompt


@pytest.mark.parametrize("template", [in_dspy, in_prose, in_xml])
@pytest.mark.parametrize("task", ["policy", "analogy", "mixed"])
def test_no_template_is_privileged(task: str, template: Template) -> None:
    """The same information gives the same answers, however it is laid out."""
    world = world_of(task, 3)
    demos = world.rows().train[:8]

    for told, shown in (("", []), (rules_of(world), []), (rules_of(world), demos)):
        theirs = answers(world, told, shown, template)
        assert theirs == answers(world, told, shown)


def meta_prompts(world: World, rows: Sequence[Row]) -> dict[str, list[Message]]:
    """One request for an instruction, as three frameworks would put it."""
    seed = world.stages[0].instruction
    cases = [
        {"inputs": {"message": r["message"]}, "outputs": {"bin": r["bin"]}}
        for r in rows
    ]
    ours = (
        "You are given these fields:\n- task\n- examples\n\nYou write these fields:\n"
        "- instruction: text\n\nReply in exactly this form:\n\n[[ instruction ]]\n"
        "<instruction>\n[[ /end ]]\n\nYour task:\nWrite the instruction."
    )
    given = f"[[ task ]]\n{seed}\n[[ examples ]]\n{json.dumps(cases)}"
    shown = "\n\n".join(f"Message: {r['message']}\nBin: {r['bin']}" for r in rows)
    dspy_like = (
        "Your input fields are:\n1. `task_demos` (str)\n2. `basic_instruction` (str)\n"
        "Your output fields are:\n1. `proposed_instruction` (str): Propose one\n\n"
        "[[ ## task_demos ## ]]\n{task_demos}\n\n[[ ## basic_instruction ## ]]\n"
        "{basic_instruction}\n\n[[ ## proposed_instruction ## ]]\n"
        "{proposed_instruction}\n\n[[ ## completed ## ]]"
    )
    asked = f"[[ ## task_demos ## ]]\n{shown}\n\n[[ ## basic_instruction ## ]]\n{seed}"
    plain = f"I gave an assistant this instruction:\n```\n{seed}\n```\n" + "\n".join(
        f"# Example\n## Inputs\n{r['message']}\n## Outputs\n{r['bin']}" for r in rows
    )
    return {
        "weft": [
            {"role": "system", "content": ours},
            {"role": "user", "content": given},
        ],
        "dspy": [
            {"role": "system", "content": dspy_like},
            {"role": "user", "content": asked},
        ],
        "plain": [
            {"role": "user", "content": f"{plain}\nWrite a new one within ``` blocks."}
        ],
    }


def test_a_writer_infers_the_same_from_every_template(policy: World) -> None:
    """Asked to write, it states rules that the examples show, and no others."""
    rows = policy.rows().train[:24]
    replies = {
        name: reply_to(policy, messages)
        for name, messages in meta_prompts(policy, rows).items()
    }
    signs = [rule.sign for rule in policy.stages[0].rules]
    found: list[set[str]] = []
    for reply in replies.values():
        assert reply.role == "proposer"
        assert policy.stages[0].instruction in reply.text
        found.append({sign for sign in signs if sign in reply.text})

    assert found[0] == found[1] == found[2]
    assert len(found[0]) >= 4
    assert score(policy, replies["weft"].text) > score(policy) + 0.1


def test_without_examples_a_writer_has_only_general_advice(policy: World) -> None:
    """Nothing is known that the prompt does not show."""
    for messages in meta_prompts(policy, []).values():
        text = reply_to(policy, messages).text
        assert not any(rule.sign in text for rule in policy.stages[0].rules)


def test_samples_differ_and_repeat(policy: World) -> None:
    """A sample is another draw; the same sample is the same answer."""
    messages = meta_prompts(policy, policy.rows().train[:12])["weft"]
    texts = [reply_to(policy, messages, sample=n).text for n in (0, 1, 2, 0)]

    assert texts[0] == texts[3]
    assert len(set(texts)) == 3


def test_rows_repeat_and_never_overlap() -> None:
    """Every process draws the same rows."""
    code = (
        "from bench.world import world_of; r = world_of('chain', 1).rows();"
        "print(hash(0), repr(r))"
    )
    there = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    )
    rows = world_of("chain", 1).rows()
    texts = [row["message"] for row in (*rows.train, *rows.val, *rows.test)]

    assert repr(rows) in there.stdout
    assert len(set(texts)) == 320


def test_a_chain_passes_its_mistakes_on() -> None:
    """A later stage answers to what it was given, right or wrong."""
    world = world_of("chain", 0)
    stage = world.stages[1]
    first, other = stage.rules[0], stage.rules[1]
    told = f"{stage.instruction} {first.sign} is {first.answer}; {other.sign} is "
    system = (
        "Fields:\n- message\n- kind\nYou write:\n- grade\n\n[[ grade ]]\n<grade>\n"
        f"[[ /end ]]\n\n{told}{other.answer}."
    )
    rows = world.rows().test[:40]

    for rule in (first, other):
        replies = [
            reply_to(
                world,
                [
                    {"role": "system", "content": system},
                    {
                        "role": "user",
                        "content": f"[[ message ]]\n{row['message']}\n"
                        f"[[ kind ]]\n{rule.sign}",
                    },
                ],
            )
            for row in rows
        ]
        assert sum(rule.answer in reply.text for reply in replies) > 20


def test_the_form_is_read_from_the_prompt(policy: World) -> None:
    """A demo is a case and the answer beside it, wherever they stand."""
    from bench.world.form import Turn

    demos = policy.rows().train[:3]
    for template in (in_weft, in_dspy, in_prose, in_xml):
        messages = template(policy, "", demos, policy.rows().test[0]["message"])
        turns = [Turn(m["role"], m["content"]) for m in messages]
        prompt = read_prompt(policy, turns)
        shown = [(s.case.number, s.mentions[0].value) for s in prompt.shown[:-1]]
        assert shown == [(r["message"][5:9], r["bin"]) for r in demos]


def test_the_server_counts_by_role_and_by_run() -> None:
    """Calls and tokens go on the account that the address names."""
    world = world_of("policy", 7)
    text = world.rows().test[0]["message"]
    with hosted("world") as url:
        lm = weft.LM("openai/any", api_base=f"{url}/policy-7/one/v1", temperature=0)
        with weft.use(lm=lm, cache=weft.MemoryCache()):
            module = weft.Predict(signatures(world)[0], name="find")
            module(message=text)
        counts = fetch(f"{url}/policy-7/one/counts")
        other = fetch(f"{url}/policy-7/two/counts")

    assert counts["calls"]["task"] in {1, 2}  # a form that slipped costs another
    assert counts["input_tokens"]["task"] > 40
    assert other["calls"] == {}
