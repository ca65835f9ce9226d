"""What replies say of how probable given answers are, and where they only bound it."""

from __future__ import annotations

import asyncio
import json
import math
import random
from collections.abc import Callable
from typing import Any

import pytest

import weft
from tests.server import Reply, Server
from weft import LM, Response, TokenLogprob
from weft.errors import BudgetExceeded, ConfigError
from weft.pipeline.lm.scoring.reading import Candidate, forced, found_in_top


def token(text: str, logprob: float, **others: float) -> TokenLogprob:
    """A token, and what else is shown of its place; `_` stands for a blank."""
    shown = {text: logprob, **{n.replace("_", " "): p for n, p in others.items()}}
    return TokenLogprob(text, logprob, tuple(shown.items()))


def top(words: list[str], *tokens: TokenLogprob, head: str = "") -> dict[str, Any]:
    """What is found of some words: the log-probability, or that with "<="."""
    made = found_in_top([Candidate(w, w, head) for w in words], tokens)
    return {
        one.answer: round(one.logprob, 3) if one.exact else ("<=", one.logprob)
        for one in made
    }


def test_a_part_in_one_token_counts_as_that() -> None:
    """Where a grammar led over pieces, what follows stays as it was behind the text."""
    pieces = (
        token(" ", -5.0, _terrible=-8.0, _ter=-7.0),
        token("terr", -13.0),
        token("ible", -16.0),
        token(".", -0.5),
    )

    def found(text: str, **how: Any) -> float:
        how = {"ends": False, "counted": None, **how}
        return forced(Candidate("no", text), pieces, **how).logprob

    assert found(" terrible.") == pytest.approx(-8.5)
    assert found(" terrible.", ends=True) == pytest.approx(-34.5)
    with pytest.raises(ValueError, match="another"):
        found(" terrific.")
    with pytest.raises(ValueError, match="early"):
        found(" terrible. Not")


def test_a_longer_token_that_is_not_shown_makes_a_bound() -> None:
    """Where a reply was led by nothing; whatever stands around the answer."""
    around = token('{"', -9.0, a=-1.0), token("}", -0.5)
    pieces = token("f", -6.0, other=-4.0), token("ee", -5.0, x=-1.0), token("d", -9.0)
    reply = (around[0], *pieces, around[1])
    candidate = Candidate("feed", "feed", '{"', "}")

    def found(led: bool, of: tuple[TokenLogprob, ...] = reply) -> tuple[float, bool]:
        made = forced(candidate, of, ends=False, counted=None, led=led)
        return round(made.logprob, 1), made.exact

    assert found(led=True) == (-29.5, True)
    assert found(led=False) == (-15.5, False)  # one token, at most as its piece was
    likely = token("f", -0.1, x=-5.0), token("eed", -0.2)
    assert found(led=False, of=(around[0], *likely, around[1])) == (-9.8, True)


@pytest.mark.parametrize("base", [True, False])
def test_a_text_is_led_along_its_own_tokens(server: Server, base: bool) -> None:
    """Continued or in a chat; what the user says of other tokens stays."""

    def answer(body: dict[str, Any]) -> Reply:
        said = json.loads(body["grammar"].removeprefix("root ::= "))
        tokens = {"content": [{"token": said, "logprob": -1.0, "top_logprobs": []}]}
        reply = {"text": said} if base else {"message": {"content": said}}
        choice = {**reply, "logprobs": tokens, "finish_reason": "stop"}
        return Reply(body=json.dumps({"choices": [choice]}).encode())

    server.answer = answer
    lm = LM("llamacpp/m", api_base=server.url, base=base, logit_bias={"7": -1.0})
    with weft.use(cache=None):
        lm.score("It was", [" terrible", " bad"])

    told = [one.body["logit_bias"] for one in server.seen]
    assert told == [{"7": -1.0, " terrible": 100.0}, {"7": -1.0, " bad": 100.0}]


def test_words_of_one_token_are_found() -> None:
    """Each by its token; a blank before it belongs to it; the sum of both ways."""
    found = top(["glad", "sad"], token("glad", -1.0, _glad=-2.0, sad=-1.5))

    assert found == {"glad": round(math.log(math.e**-1 + math.e**-2), 3), "sad": -1.5}


def test_a_word_that_is_not_shown_is_bounded() -> None:
    """It is at most as probable as the last one that is, and never 0."""
    assert top(["a", "z"], token("a", -0.1, b=-3.0)) == {"a": -0.1, "z": ("<=", -3.0)}


def test_words_that_share_first_tokens_are_scored_whole() -> None:
    """Where they part it is looked at; the first token decides nothing."""
    words = ["top_up_failed", "top_up_limits", "transfer"]
    said = token("top_up_", -0.5, transfer=-1.0), token("failed", -0.1, limits=-2.5)

    assert top(words, *said) == {
        "top_up_failed": -0.6,
        "top_up_limits": -3.0,
        "transfer": -1.0,
    }


def test_a_first_token_alone_is_a_bound() -> None:
    """How the word would have gone on nobody knows; nor whether it came whole."""
    found = top(["yes", "negative"], token("yes", -0.2, neg=-2.0))

    assert found == {"yes": -0.2, "negative": ("<=", -2.0 + math.log(2))}


def test_a_word_that_begins_another_is_not_known_by_its_beginning() -> None:
    """Its end would have to be seen."""
    found = top(["top", "top_up"], token("top", -0.2, off=-3.0), token("_up", -0.3))

    assert found == {"top": ("<=", -0.2), "top_up": -0.5}


def test_behind_what_stands_before() -> None:
    """An answer is looked for where the reply has it, however blanks are written."""
    reply = token('{\n  "', -0.1), token("mood", 0.0), token('": "', 0.0)
    found = top(["up", "down"], *reply, token("up", -0.3, down=-1.4), head='{"mood": "')

    assert found == {"up": -0.3, "down": -1.4}


def test_a_reply_that_says_something_else() -> None:
    """All are bounds: nothing of them was seen."""
    found = top(["up", "down"], token("Well", -0.3, I=-4.0), head="[[ mood ]]\n")

    assert found == {"up": ("<=", -4.0), "down": ("<=", -4.0)}


@pytest.mark.parametrize("tokens", [(), (token("", 0.0),)], ids=["none", "the end"])
def test_an_empty_reply(tokens: tuple[TokenLogprob, ...]) -> None:
    """Nothing is known, and nothing breaks."""
    assert {*top(["a", "b"], *tokens).values()} == {("<=", 0.0)}


def scripted(*tokens: TokenLogprob) -> weft.ScriptedLM:
    """A model that says these tokens, once."""
    text = "".join(one.token for one in tokens)
    return weft.ScriptedLM([Response(text, logprobs=tokens)])


def test_unsure_where_the_choice_hangs_on_a_bound() -> None:
    """A bound below the best one found is no doubt; one above it is."""
    with weft.use(cache=None):
        sure = scripted(token("a", -0.1, c=-3.0)).score("?", ["a", "z"])
        unsure = scripted(token("c", -0.1, a=-3.0, d=-3.0)).score("?", ["a", "z"])

    assert (sure.best, sure.unsure, sure.path, sure.calls) == ("a", False, "top", 1)
    assert unsure.unsure
    assert math.isclose(sum(sure.probabilities.values()), 1)
    assert 0 < sure.entropy < math.log(2)
    assert 0 < sure.margin < 1


def forcing(body: dict[str, Any]) -> Reply:
    """A server of llama.cpp's kind: a grammar forces, and the numbers are raw."""
    said = json.loads(body["grammar"].removeprefix("root ::= "))
    content = [{"token": c, "logprob": -1.0, "top_logprobs": []} for c in said]
    content.append({"token": "", "logprob": -2.0 * len(said), "top_logprobs": []})
    return answered(said, content, len(content))


def answered(text: str, content: list[Any], counted: int) -> Reply:
    """A completion with log-probabilities."""
    choice = {"message": {"content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 1, "completion_tokens": counted, "total_tokens": 1}
    tree = {"choices": [{**choice, "logprobs": {"content": content}}], "usage": usage}
    return Reply(body=json.dumps(tree).encode())


def score(server: Server, answers: list[str], **options: Any) -> weft.Likelihoods:
    """Scores of a server that takes grammars."""
    lm = LM("llamacpp/m", api_base=server.url, stop=["x"], seed=3)
    with weft.use(cache=None):
        return lm.score("?", answers, **options)


def test_forced_one_by_one(server: Server) -> None:
    """One call an answer, in their order; the end counts where one begins another."""
    server.answer = forcing

    found = score(server, ["ab", 'a"\n\\é과'])
    ends = score(server, ["ab", "abc"])

    assert [one.logprob for one in found.of] == [-2.0, -6.0]
    assert [one.logprob for one in ends.of] == [-6.0, -9.0]
    assert (found.path, found.calls) == ("forced", 2)
    sent = [one.body for one in server.seen]
    assert all(body["temperature"] == 0 and "stop" not in body for body in sent)


@pytest.mark.parametrize("slots", [1, 2, None])
def test_answers_to_one_prompt_follow_one_another(
    server: Server, slots: int | None
) -> None:
    """A slot keeps the prompt that it read: no more prompts take turns than slots."""
    server.answer = forcing
    told = {"slots": slots} if slots else {}
    lm = LM("llamacpp/m", api_base=server.url, abilities=told)

    async def main() -> None:
        prompts = [str(number) for number in range(12)]
        await asyncio.gather(*(lm.ascore(one, ["a", "b", "c", "d"]) for one in prompts))

    with weft.use(cache=None):
        asyncio.run(main())

    met = [one.body["messages"][-1]["content"] for one in server.seen]
    spans = {one: [at for at, two in enumerate(met) if two == one] for one in met}
    under_way = [
        sum(ats[0] <= at <= ats[-1] for ats in spans.values()) for at in range(len(met))
    ]
    assert len(met) == 12 * 4
    assert max(under_way) <= (slots or 12)


def test_a_cancelled_prompt_hands_its_slot_on(server: Server) -> None:
    """Whether it is asked about, or waits."""
    stuck = True
    server.answer = lambda body: Reply(hang=True) if stuck else forcing(body)
    lm = LM("llamacpp/m", api_base=server.url, abilities={"slots": 1})

    async def main() -> None:
        nonlocal stuck
        first, waits = (
            asyncio.create_task(lm.ascore(one, ["a", "b"])) for one in ("1", "2")
        )
        while server.count < 1:  # noqa: ASYNC110 - of another thread
            await asyncio.sleep(0)
        stuck = False
        waits.cancel()
        first.cancel()
        await asyncio.gather(first, waits, return_exceptions=True)
        assert (await lm.ascore("3", ["a", "b"])).best == "a"

    with weft.use(cache=None):
        asyncio.run(main())


def test_forced_tokens_that_a_server_does_not_tell(server: Server) -> None:
    """llama.cpp leaves out parts of characters: what is missing makes it a bound."""
    content = [{"token": "과", "logprob": -1.0}]
    server.answer = lambda _: answered("과", content, 4)

    found = score(server, ["과"])

    assert [(one.logprob, one.exact) for one in found.of] == [(-1.0, False)]
    assert found.unsure


@pytest.mark.parametrize(
    ("reply", "match"),
    [
        (lambda _: answered("no", [{"token": "no", "logprob": -1}], 1), "another one"),
        (lambda _: answered("a", [{"token": "a", "logprob": -1}], 1), "ends early"),
    ],
)
def test_a_server_that_does_not_force(
    server: Server, reply: Callable[[Any], Reply], match: str
) -> None:
    """It is told with the way that is open."""
    server.answer = reply

    with pytest.raises(ConfigError, match=rf'{match}.*by="top"'):
        score(server, ["ab", "ac"])


def test_a_server_that_counts_after_forcing(server: Server) -> None:
    """Where every answer is certain, the numbers are those behind the grammar."""

    def masked(body: dict[str, Any]) -> Reply:
        said = json.loads(body["grammar"].removeprefix("root ::= "))
        return answered(said, [{"token": said, "logprob": 0.0}], 1)

    server.answer = masked
    with pytest.raises(ConfigError, match="certain"):
        score(server, ["ab", "ac"])


@pytest.mark.parametrize("by", ["choice", "schema"])
def test_forced_without_a_grammar(server: Server, by: str) -> None:
    """vLLM takes one text, others a JSON schema of one value; blanks are their own.

    Each reply is what was forced, and the numbers are raw.
    """
    part = weft.Predict("text -> team: Literal['cards', 'loans']", adapter="json/2")
    known = {"cards": -0.25, "loans": -1.5}

    def forcing_one(body: dict[str, Any]) -> Reply:
        if by == "choice":
            [said] = body["structured_outputs"]["choice"]
            assert "response_format" not in body
        else:
            schema = body["response_format"]["json_schema"]["schema"]
            [team] = schema["properties"]["team"]["enum"]
            said = json.dumps({"team": team}, indent=1)
        word = next(one for one in known if one in said)
        head, tail = said.split(word)
        parts = [(head, -0.5), (word, known[word]), (tail, 0.0)]
        content = [{"token": t, "logprob": p, "top_logprobs": []} for t, p in parts]
        return answered(said, content, len(content))

    server.answer = forcing_one
    name = "hosted_vllm/m" if by == "choice" else "sglang/m"
    with weft.use(lm=LM(name, api_base=server.url), cache=None):
        made = weft.info(weft.Classify(part, by="forced")(text="?")).decision()

    assert made.scored_by == "forced"
    assert made.logprobs == {"cards": -0.75, "loans": -2.0}
    assert not made.unsure
    assert server.count == 2


def test_a_choice_that_is_certain(server: Server) -> None:
    """A server that masks before it counts says so of each answer: that is told."""

    def masked(body: dict[str, Any]) -> Reply:
        said = body["structured_outputs"]["choice"][0]
        return answered(said, [{"token": said, "logprob": 0.0}], 1)

    server.answer = masked
    lm = LM("hosted_vllm/m", api_base=server.url)
    with weft.use(cache=None), pytest.raises(ConfigError, match="certain"):
        lm.score("?", ["ab", "ac"], by="forced")


def test_read_back_behind_its_prompt(server: Server) -> None:
    """Of a text, by `echo`: the tokens of the answer are added up, and no others."""

    def echo(body: dict[str, Any]) -> Reply:
        words = [f"{' ' if n else ''}{w}" for n, w in enumerate(body["prompt"].split())]
        known = {" glad": -0.5, " sad": -1.5}
        lists = {
            "tokens": [*words, " and"],
            "token_logprobs": [None, *(known.get(w, -9.0) for w in words[1:]), -3.0],
        }
        choice = {"text": body["prompt"] + " and", "logprobs": lists}
        tree = {"choices": [{**choice, "finish_reason": "length"}]}
        return Reply(body=json.dumps(tree).encode())

    server.answer = echo
    lm = LM("hosted_vllm/m", api_base=server.url, base=True)
    with weft.use(cache=None):
        found = lm.score("I love it. I am", [" glad", " sad"])
        with pytest.raises(ConfigError, match="only a text to be continued"):
            LM("m", api_base=server.url).score("?", ["a"], by="echo")

    assert [one.logprob for one in found.of] == [-0.5, -1.5]
    assert (found.path, server.count) == ("echo", 2)
    assert all(one.body["echo"] and one.body["max_tokens"] == 1 for one in server.seen)


def test_a_text_that_does_not_come_back(server: Server) -> None:
    """llama.cpp passes `echo` over: that is seen and told."""
    tree = {"choices": [{"text": "x", "logprobs": {"content": []}}]}
    server.answer = lambda _: Reply(body=json.dumps(tree).encode())
    lm = LM("m", api_base=server.url, base=True)

    with weft.use(cache=None), pytest.raises(ConfigError, match="reads no text back"):
        lm.score("I am", [" glad"], by="echo")


def test_in_the_budget_and_the_trace(server: Server) -> None:
    """Each call is reserved like any other, and stands in the step's run, in order."""
    server.answer = forcing
    lm = LM("llamacpp/m", api_base=server.url)

    @weft.step
    async def decide(text: str) -> str:
        return (await lm.ascore(text, ["no", "yes", "maybe"])).best

    @weft.program
    def whole(text: str) -> str:
        return decide(text)

    with weft.use(cache=None):
        run = whole.run(text="?")
        with weft.use(budget="2 calls"), pytest.raises(BudgetExceeded):
            whole(text="?")

    (node,) = run.trace.nodes
    assert [call.reply for call in node.calls] == ["no", "yes", "maybe"]
    assert node.facts["scored_by"] == "forced"
    assert node.facts["at_most"] == []
    assert server.count <= 5


def test_no_way_of_that_name() -> None:
    """It is told."""
    with pytest.raises(ConfigError, match="no way to score"):
        weft.ScriptedLM(["x"]).score("?", ["a"], by="luck")  # type: ignore[arg-type]


def test_while_a_program_is_traced() -> None:
    """There are no values yet: a step may score."""
    lm = weft.ScriptedLM(["x"])

    with pytest.raises(weft.errors.GraphError, match="cannot be asked"):

        @weft.program
        def wrong(text: str) -> str:
            return lm.score("?", ["a", "b"]).best


def test_cancelled_in_the_middle(server: Server) -> None:
    """What is under way ends with it."""
    server.answer = lambda _: Reply(hang=True)
    lm = LM("llamacpp/m", api_base=server.url)

    async def main() -> None:
        with weft.use(cache=None):
            task = asyncio.create_task(lm.ascore("?", ["a", "b"]))
            while server.count < 1:  # noqa: ASYNC110 - of another thread
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())


@pytest.mark.parametrize("seed", range(60))
def test_true_probabilities_are_kept(seed: int) -> None:
    """Of planted tokens, all shown: exact is never above the truth, no bound below.

    The truth adds up every way of cutting an answer into tokens; exact leaves out those
    that are seen in part alone, a tenth of it at most.
    """
    draw = random.Random(seed)
    weights = {t: draw.random() ** 3 + 1e-6 for t in ("a", "b", "ab", "ba", "c", "abc")}
    whole = sum(weights.values())
    chances = sorted(((t, w / whole) for t, w in weights.items()), key=lambda x: -x[1])

    def truth(rest: str) -> float:
        return sum(
            p * (1.0 if t.startswith(rest) else truth(rest[len(t) :]))
            for t, p in chances
            if t.startswith(rest) or rest.startswith(t)
        )

    shown = tuple((t, math.log(p)) for t, p in chances)
    reply = [TokenLogprob(*shown[0], shown)] * draw.randint(1, 5)
    for word in ("a", "ba", "abc", "cab", "abab"):
        (found,) = found_in_top([Candidate(word, word)], tuple(reply))
        said, true = math.exp(found.logprob), truth(word)
        if found.exact:
            assert 0.85 * true <= said <= true * (1 + 1e-9)
        else:
            assert said >= true * (1 - 1e-9)
