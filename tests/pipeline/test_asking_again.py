"""Asking again: for what is missing alone, and not for what stands already."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import pytest

import weft
from tests.server import Reply, Server
from weft.pipeline.errors import ParseError, Truncated
from weft.pipeline.events import FieldDelta, Partial, Restarted
from weft.pipeline.run.settings import current, entered

pytestmark = pytest.mark.usefixtures("asked_as_by_users")

TYPES = {"Team": Literal["cards", "app"]}
LONG = "They say that the card never came. " * 3


def lm_at(server: Server, **abilities: Any) -> weft.LM:
    """A model that follows forms, at a server of which no more is known."""
    known = {"follows": True, **abilities}
    return weft.LM("jan/m", api_base=server.url, api_key="k", abilities=known)


def thinker(adapter: str = "auto", **options: Any) -> weft.Predict[Any, Any]:
    """A module that reasons, then picks a team and counts."""
    return weft.Predict(
        "message -> reasoning, team: Team, count: int",
        name="think",
        types=TYPES,
        adapter=adapter,
        **options,
    )


def answer(server: Server, module: Any, *replies: str | Reply, **known: Any) -> Any:
    """What the module makes of these replies."""
    server.script(*(Reply(r) if isinstance(r, str) else r for r in replies))
    with weft.use(lm=lm_at(server, **known), cache=None):
        return module(message="m")


def cut(text: str) -> Reply:
    """A reply that the token limit ended."""
    return Reply(text, finish_reason="length")


def last_turn(server: Server) -> str:
    """The end of the last request."""
    body = server.seen[-1].body
    return str(body["prompt"] if "prompt" in body else body["messages"][-1]["content"])


# Only what is missing ---------------------------------------------------------

HALF = {
    "chat/2": "[[ reasoning ]]\nIt never came.\n[[ team ]]\ncards\n[[ /end ]]",
    "json/2": '{"reasoning": "It never came.", "team": "cards"}',
    "plain/1": "reasoning: It never came.\nteam: cards",
    "completion/1": " It never came.\nteam: cards",
}
REST = {
    "chat/2": "[[ count ]]\n3\n[[ /end ]]",
    "json/2": '{"count": 3}',
    "plain/1": "count: 3",
    "completion/1": " 3",
}
WHOLE = {
    "chat/2": "[[ reasoning ]]\nAgain.\n[[ team ]]\napp\n[[ count ]]\n3\n[[ /end ]]",
    "json/2": '{"reasoning": "Again.", "team": "app", "count": 3}',
    "plain/1": "reasoning: Again.\nteam: app\ncount: 3",
}
ASKED = {
    "chat/2": (
        "That reply could not be used: field 'count' is missing; wanted a "
        "whole number.\n"
        "Write only what is missing. Reply in exactly this form, each field under its "
        "heading:\n\n[[ count ]]\n<count>\n[[ /end ]]\n\n"
        "Begin your reply with [[ count ]]"
    ),
    "json/2": (
        "That reply could not be used: field 'count' is missing; wanted a "
        "whole number.\n"
        "Write only what is missing. Reply with one JSON object and nothing else:\n\n"
        '{"count": <count>}\n\nBegin your reply with {"count":'
    ),
    "plain/1": (
        "That reply could not be used: field 'count' is missing; wanted a "
        "whole number.\n"
        "Write only what is missing. Reply in exactly this form, each field on its "
        "line:\n\ncount: <count>\n\nBegin your reply with count:"
    ),
    "completion/1": (
        "reasoning: It never came.\nteam: cards\n\n"
        "That reply could not be used: field 'count' is missing; wanted a "
        "whole number.\n"
        "Write only what is missing. count: a whole number\ncount:"
    ),
}


@pytest.mark.parametrize("form", HALF)
def test_a_missing_field_alone_is_asked_for(server: Server, form: str) -> None:
    """In one more call, whose answer is put beside what stands."""
    made = answer(server, thinker(form), HALF[form], REST[form])

    assert (made.reasoning, made.team, made.count) == ("It never came.", "cards", 3)
    assert server.count == 2
    assert last_turn(server).endswith(ASKED[form])
    assert len({call.form for call in weft.info(made).calls}) == 1


@pytest.mark.parametrize("form", WHOLE)
def test_what_stands_is_not_taken_back(server: Server, form: str) -> None:
    """A model that says all again answers for what it was asked for alone."""
    made = answer(server, thinker(form), HALF[form], WHOLE[form])

    assert (made.reasoning, made.team, made.count) == ("It never came.", "cards", 3)


REPEATED = {
    "chat/2": "[[ reasoning ]]\nIt is so.\n[[ team ]]\ncards\n[[ count ]]\n3",
    "plain/1": "reasoning: It is so.\nteam: cards\ncount: 3",
}


@pytest.mark.parametrize("form", REPEATED)
def test_what_comes_again_is_no_part_of_the_missing_text(
    server: Server, form: str
) -> None:
    """The marks of fields that stand are marks still."""
    first = {
        "chat/2": "[[ team ]]\napp\n[[ count ]]\n1\n[[ /end ]]",
        "plain/1": "team: app\ncount: 1",
    }

    made = answer(server, thinker(form), first[form], REPEATED[form])

    assert (made.reasoning, made.team, made.count) == ("It is so.", "app", 1)
    assert weft.info(made).repairs[-1] == "of a reply that says all again, the rest"


def test_a_third_call_asks_for_what_is_still_missing(server: Server) -> None:
    """What each reply brings is kept."""
    made = answer(
        server,
        thinker("json/2", repairs=2),
        '{"reasoning": "So."}',
        '{"count": 7}',
        '{"team": "app"}',
    )

    assert (made.reasoning, made.team, made.count) == ("So.", "app", 7)
    assert '{"team": <team>}' in last_turn(server)
    assert "<count>" not in last_turn(server)


def test_a_value_that_breaks_its_rule_is_asked_for_alone(server: Server) -> None:
    """It is as good as missing."""
    first = '{"reasoning": "So.", "team": "phones", "count": 2}'

    made = answer(server, thinker("json/2"), first, '{"team": "app"}')

    assert (made.reasoning, made.team, made.count) == ("So.", "app", 2)


def test_the_schema_is_that_of_the_rest(server: Server) -> None:
    """Where it is enforced, a whole reply would be paid for again."""
    first = '{"reasoning": "So.", "team": "app"}'

    answer(server, thinker("json"), first, '{"count": 2}', schema=True)

    formats = [s.body["response_format"]["json_schema"]["schema"] for s in server.seen]
    assert [f["required"] for f in formats] == [
        ["reasoning", "team", "count"],
        ["count"],
    ]


def test_what_is_left_may_be_simple_enough_for_a_grammar(server: Server) -> None:
    """A nested output was an object; what is missing is a line that is enforced."""
    asked = "message -> parts: list[str], count: int"
    module = weft.Predict(asked, name="p", adapter="completion")

    made = answer(
        server,
        module,
        '{"parts": ["a"]}',
        " 4",
        base=True,
        schema=True,
        grammar=True,
    )

    assert (made.parts, made.count) == (["a"], 4)
    first, second = (seen.body for seen in server.seen)
    assert ("grammar" in first, "grammar" in second) == (False, True)
    assert first["prompt"].endswith("=>")
    assert second["prompt"].endswith("\ncount:")
    assert not {"json_schema", "response_format"} & second.keys()


@pytest.mark.parametrize("form", ["chat/1", "json/1", "xml/1"])
def test_first_editions_ask_for_the_whole_again(server: Server, form: str) -> None:
    """As they always did, and what came first does not count."""
    first = {**HALF, "xml/2": "<reasoning>r</reasoning><team>app</team>"}
    whole = {
        **WHOLE,
        "xml/2": "<reasoning>Again.</reasoning><team>app</team><count>3</count>",
    }
    name = form.replace("/1", "/2")

    made = answer(server, thinker(form), first[name], whole[name])

    assert (made.reasoning, made.team, made.count) == ("Again.", "app", 3)
    assert "Write the whole reply again." in last_turn(server)


def test_where_nothing_stands_the_whole_is_asked_for(server: Server) -> None:
    """Prose holds no field."""
    made = answer(server, thinker("chat/2"), "Well.", WHOLE["chat/2"])

    assert made.count == 3
    assert "Write the whole reply again." in last_turn(server)


def test_an_end_without_an_answer_names_the_last_fault(server: Server) -> None:
    """Of the field that is missing still."""
    with pytest.raises(ParseError, match="field 'count' is missing") as ended:
        answer(server, thinker("json/2"), HALF["json/2"], "{}")

    assert ended.value.field == "count"


# Cut replies ------------------------------------------------------------------

CUT = {
    "chat/2": f"[[ reasoning ]]\n{LONG}",
    "json/2": json.dumps({"reasoning": LONG})[:-2],
    "plain/1": f"reasoning: {LONG}",
    "completion/1": f" {LONG}",
}
ANSWERED = {
    "chat/2": "[[ team ]]\ncards\n[[ count ]]\n3\n[[ /end ]]",
    "json/2": '{"team": "cards", "count": 3}',
    "plain/1": "team: cards\ncount: 3",
    "completion/1": " cards\ncount: 3",
}


@pytest.mark.parametrize("form", CUT)
def test_a_cut_reasoning_is_kept_and_the_answer_asked_for(
    server: Server, form: str
) -> None:
    """What was said before the limit was said; the trace notes that it was cut."""
    made = answer(server, thinker(form), cut(CUT[form]), ANSWERED[form])

    assert made.reasoning.strip() == LONG.strip()
    assert (made.team, made.count) == ("cards", 3)
    assert "'reasoning' was cut at the token limit" in weft.info(made).repairs
    assert "<reasoning>" not in last_turn(server)[-200:]


@pytest.mark.parametrize("form", ["chat/1", "json/1"])
def test_a_cut_reply_of_a_first_edition_is_truncated(server: Server, form: str) -> None:
    """As it always was, at no further call."""
    text = CUT[form.replace("/1", "/2")]

    with pytest.raises(Truncated):
        answer(server, thinker(form), cut(text))

    assert server.count == 1


ESSAY = {
    "chat/2": f"[[ essay ]]\n{LONG}",
    "json/2": json.dumps({"essay": LONG})[:-2],
    "plain/1": f"essay: {LONG}",
    "completion/1": f" {LONG}",
}


@pytest.mark.parametrize("form", ESSAY)
def test_a_last_field_that_the_limit_cut_is_truncated(
    server: Server, form: str
) -> None:
    """Half an essay is none, and a second one would end at the same limit."""
    write = weft.Predict("message -> essay", name="write", adapter=form)

    with pytest.raises(Truncated, match="stopped at the token limit"):
        answer(server, write, cut(ESSAY[form]), cut(ESSAY[form]))

    assert server.count == 1


@pytest.mark.parametrize("form", ["chat/2", "json/2", "plain/1"])
def test_a_last_field_behind_others_gets_the_room_for_itself(
    server: Server, form: str
) -> None:
    """Reasoning took what the essay needed: alone it may fit, or is truncated."""
    write = weft.Predict("message -> reasoning, essay", name="write", adapter=form)
    first = {
        "chat/2": f"[[ reasoning ]]\nShort.\n[[ essay ]]\n{LONG}",
        "json/2": json.dumps({"reasoning": "Short.", "essay": LONG})[:-2],
        "plain/1": f"reasoning: Short.\nessay: {LONG}",
    }
    rest = {"chat/2": "[[ essay ]]\nFine.", "json/2": '{"essay": "Fine."}'}
    rest["plain/1"] = "essay: Fine."

    made = answer(server, write, cut(first[form]), rest[form])
    with pytest.raises(Truncated):
        answer(server, write, cut(first[form]), cut(ESSAY[form]))

    assert (made.reasoning, made.essay) == ("Short.", "Fine.")
    assert server.count == 4


RAMBLING = {
    "chat/2": "[[ team ]]\ncards\n[[ /end ]]\nAnd so on and on",
    "json/2": '{"team": "cards"}\n\nAnd so on and on',
    "plain/1": "team: cards\nAnd so on and on",
    "completion/1": " cards\n\nmessage: another one",
}


@pytest.mark.parametrize("form", RAMBLING)
def test_a_whole_answer_before_a_cut_rambling_is_an_answer(
    server: Server, form: str
) -> None:
    """What stands behind it was not asked for."""
    route = weft.Predict("message -> team: Team", types=TYPES, adapter=form)

    made = answer(server, route, cut(RAMBLING[form]))

    assert made.team == "cards"
    assert server.count == 1


CUTS = [
    ('{"reasoning": "a', "a"),
    ('{"reasoning": "a \\"b\\" c', 'a "b" c'),
    ('{"reasoning": "a\\', "a"),
    ('{"reasoning": "a\\u', "a"),
    ('{"reasoning": "a\\u00e', "a"),
    ('{"reasoning": "a\\u00e9', "a\u00e9"),
    ('{"reasoning": "a\\\\', "a\\"),
    ('Sure:\n{"reasoning" : "say \\"team\\": \\"app', 'say "team": "app'),
]


@pytest.mark.parametrize(("text", "said"), CUTS)
def test_an_object_that_was_cut_in_a_text_is_kept_so_far(
    server: Server, text: str, said: str
) -> None:
    """Wherever the limit fell, in half an escape too."""
    made = answer(server, thinker("json/2"), cut(text), ANSWERED["json/2"])

    assert (made.reasoning, made.team, made.count) == (said, "cards", 3)


@pytest.mark.parametrize("text", ['{"reasoning": ', '{"reas', '{"other": "a', "{", ""])
def test_an_object_that_was_cut_before_a_text_is_asked_for_again(
    server: Server, text: str
) -> None:
    """Nothing of it stands."""
    made = answer(server, thinker("json/2"), cut(text), WHOLE["json/2"])

    assert made.reasoning == "Again."
    assert "Write the whole reply again." in last_turn(server)


# Streams ----------------------------------------------------------------------


def told(events: Sequence[Any]) -> dict[str, str]:
    """The fields as whoever follows the events has them at the end."""
    fields: dict[str, str] = {}
    for event in events:
        if isinstance(event, Restarted):
            fields = {}
        elif isinstance(event, FieldDelta):
            fields[event.field] = fields.get(event.field, "") + event.text
    return fields


STREAMED = {
    "chat/2": ("chat/2", HALF["chat/2"], REST["chat/2"]),
    "chat/2, all again": ("chat/2", HALF["chat/2"], WHOLE["chat/2"]),
    "json/2": ("json/2", HALF["json/2"], REST["json/2"]),
    "json/2, all again": ("json/2", HALF["json/2"], WHOLE["json/2"]),
    "plain/1": ("plain/1", HALF["plain/1"], REST["plain/1"]),
    "plain/1, all again": ("plain/1", HALF["plain/1"], WHOLE["plain/1"]),
    "completion/1": ("completion/1", HALF["completion/1"], REST["completion/1"]),
}


@pytest.mark.parametrize("what", STREAMED)
def test_the_events_of_a_mended_reply_add_up(server: Server, what: str) -> None:
    """Who follows them has at the end what the answer is, and nothing twice."""
    form, first, second = STREAMED[what]
    server.script(Reply(first, width=1), Reply(second, width=1))

    with weft.use(lm=lm_at(server), cache=None):
        events = list(thinker(form).stream(message="m"))

    assert told(events) == {
        "reasoning": "It never came.",
        "team": "cards",
        "count": "3",
    }
    partials = [event for event in events if isinstance(event, Partial)]
    assert partials[-1].fields == told(events)


# What is sent of sampling -----------------------------------------------------


def stops(server: Server, module: Any, reply: str, **abilities: Any) -> Any:
    """The stop sequences of the last request."""
    answer(server, module, reply, **abilities)
    return server.seen[-1].body.get("stop")


def route_in(form: str, **sampling: Any) -> weft.Predict[Any, Any]:
    """A module with a form and sampling of its own."""
    return weft.Predict("message -> team", adapter=form).with_(sampling=sampling)


def test_stop_sequences_join_the_users_own(server: Server) -> None:
    """Theirs first, none twice, at most as many as every endpoint takes."""
    reply, end = "[[ team ]]\ncards\n", "[[ /end ]]"

    def given(*own: str) -> Any:
        return stops(server, route_in("chat/2", stop=list(own)), reply)

    assert stops(server, route_in("chat/2"), reply) == [end]
    assert stops(server, route_in("chat/2", stop="ONE"), reply) == ["ONE", end]
    assert given("#1", "#2") == ["#1", "#2", end]
    assert given(end, "#2") == [end, "#2"]
    assert given("#1", "#2", "#3", "#4") == ["#1", "#2", "#3", "#4"]


def test_a_model_that_thinks_in_its_text_gets_no_stop(server: Server) -> None:
    """It may think of the mark; the user's own are sent as they are."""
    reply = "<think>[[ /end ]]</think>[[ team ]]\ncards\n[[ /end ]]"

    assert stops(server, route_in("chat"), reply, thinks=True) is None
    assert stops(server, route_in("chat", stop=["x"]), reply, thinks=True) == ["x"]


def test_repairs_end_where_the_call_ends(server: Server) -> None:
    """The second request stops at the same mark."""
    answer(server, thinker("chat/2"), HALF["chat/2"], REST["chat/2"])

    assert [seen.body["stop"] for seen in server.seen] == [["[[ /end ]]"]] * 2


def test_at_temperature_0_a_compiler_asks_nothing_twice() -> None:
    """The stand-in for samples is the first one; what varies is asked as told."""
    asked: list[int] = []

    def reply(request: weft.Request) -> str:
        asked.append(request.sample)
        return "[[ team ]]\ncards\n[[ /end ]]"

    for temperature in (0, 0.0, 0.7):
        lm = weft.FunctionLM(reply)
        module = route_in("chat/1", temperature=temperature)
        with weft.use(lm=lm, cache=None, sample=5):
            module(message="m")
            with entered(replace(current(), once=True)):
                module(message="m")

    assert asked == [5, 0, 5, 0, 5, 5]
