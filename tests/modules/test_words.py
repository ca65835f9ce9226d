"""Answer words: scored, read in replies, found in data; and patterns that vote."""

from __future__ import annotations

import json
import math
import random
from collections import Counter
from pathlib import Path
from typing import Any, Literal

import pytest

import weft
from tests.server import Reply, Server
from weft import Choice, Response, TokenLogprob
from weft.errors import ConfigError
from weft.pipeline.artifact.describe import show
from weft.pipeline.artifact.diff import diff
from weft.pipeline.artifact.editions import told_of_newer

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "chatbot_ko.jsonl"
KOREAN = {
    "일상": ["일상", "생활"],
    "이별": ["이별", "실연"],
    "사랑": ["사랑", "연애"],
}


class Mood(weft.Signature):
    """How does the reviewer feel?"""

    text: str = weft.Input()
    mood: Literal["pos", "neg"] = weft.Output()


def saying(probabilities: dict[str, float]) -> Response:
    """A reply whose one token was as probable as is told, and what else was."""
    top = sorted(
        ((w, math.log(p)) for w, p in probabilities.items()), key=lambda x: -x[1]
    )
    return Response(top[0][0], logprobs=(TokenLogprob(*top[0], (*top,)),))


def classify(words: Any = None, **options: Any) -> Any:
    """What decides the mood by one reply."""
    options = {"by": "top", "name": "feel", **options}
    return weft.Classify(weft.Predict(Mood), words=words, **options)


# Words that are scored ---------------------------------------------------------


def test_a_label_is_as_probable_as_its_words_are() -> None:
    """Their sum; the prompt names words, and demos show the first one of a label."""
    lm = weft.FunctionLM(lambda _: saying({"bad": 0.4, "great": 0.3, "good": 0.2}))
    feel = classify({"pos": ["great", "good"], "neg": ["bad"]})
    part = feel.part.with_(demos=[weft.Demo({"text": "Ha!", "mood": "pos"})])
    with weft.use(lm=lm, cache=None):
        made = feel.with_modules({"module": part})(text="x")
        decision = weft.info(made).decision()

    assert made.mood == decision.choice == "pos"
    assert decision.probabilities["pos"] == pytest.approx(5 / 9)
    assert not decision.unsure
    [request] = lm.requests
    assert '"great", "good", "bad"' in request.messages[0].content
    assert "[[ mood ]]\ngreat" in request.messages[2].content
    assert "pos" not in "".join(str(m.content) for m in request.messages)


def test_the_mean_does_not_favour_labels_of_many_words() -> None:
    """As OpenPrompt puts words together."""
    lm = weft.FunctionLM(lambda _: saying({"bad": 0.25, "great": 0.2, "good": 0.2}))
    words = {"pos": ["great", "good"], "neg": ["bad"]}
    with weft.use(lm=lm, cache=None):
        assert classify(words)(text="x").mood == "pos"
        assert classify(Choice(words, pool="mean"))(text="x").mood == "neg"


def test_words_that_are_not_shown_are_bounds() -> None:
    """They hide nothing where they are few beside what is seen; else it is unsure."""
    shown = {"great": 0.6, "bad": 0.3, "so": 0.01}
    lm = weft.FunctionLM(lambda _: saying(shown))
    words = {"pos": ["great", "grand"], "neg": ["bad", "sad"]}
    with weft.use(lm=lm, cache=None):
        decision = weft.info(classify(words)(text="x")).decision()
        none = weft.info(
            classify({"pos": ["up"], "neg": ["down"]})(text="x")
        ).decision()

    assert (decision.choice, decision.unsure, decision.at_most) == ("pos", False, ())
    assert decision.probabilities["pos"] == pytest.approx(2 / 3)
    assert (none.unsure, none.at_most) == (True, ("pos", "neg"))


def test_each_word_is_forced_and_quoted(server: Server) -> None:
    """One request a word where replies are forced, which the quote counts."""
    words = {"pos": ["great", "good"], "neg": ["bad"]}

    def answer(body: dict[str, Any]) -> Reply:
        said = json.loads(body["grammar"].removeprefix("root ::= "))
        word = next(w for own in words.values() for w in own if w in said.split())
        token = {"token": said, "logprob": -len(word) / 4, "top_logprobs": []}
        return completion(
            {"message": {"content": said}, "logprobs": {"content": [token]}}
        )

    server.answer = answer
    feel = classify(words, by="forced")
    with weft.use(lm=weft.LM("llamacpp/m", api_base=server.url), cache=None):
        made = feel(text="x")

    assert feel.times() == {"module": 3}
    assert server.count == 3
    assert made.mood == "pos"  # 0.29 and 0.37 against 0.47
    facts = weft.info(made).facts
    assert facts["logprobs"]["neg"] == pytest.approx(-0.75)


def completion(choice: dict[str, Any]) -> Reply:
    """A completion as it comes over the wire."""
    return Reply(
        body=json.dumps({"choices": [{**choice, "finish_reason": "stop"}]}).encode()
    )


def test_words_are_kept_and_compared(tmp_path: Path) -> None:
    """In the artifact, in `show` and `diff`; another prior belongs to other words."""
    old = classify(prior={"pos": 0.9, "neg": 0.1})
    new = old.with_words({"pos": ["great", "good"], "neg": ["bad"]})
    paths = [
        weft.save(m, tmp_path / f"{n}.weft.json") for n, m in enumerate((old, new))
    ]

    assert new.prior is None
    assert new.with_words(None).words == {}
    loaded = weft.load(paths[1])
    assert loaded.settings() == new.settings()
    assert loaded.words == new.words
    assert "great" in str(diff(*paths))
    assert "great" in show(paths[1])
    assert told_of_newer(paths[1]) == ""  # it asks in no form itself


def test_words_of_several_outputs_are_given_by_output() -> None:
    """And an output without any is decided by its choices."""
    part = weft.Predict(
        "text -> glad: bool, stars: Stars", types={"Stars": Literal[1, 2]}
    )
    made = weft.Classify(part, words={"glad": {"true": ["yes"], "false": ["no"]}})

    assert made.words == {"glad": Choice({"true": ["yes"], "false": ["no"]})}
    assert made.times() == {"module": 4}
    with pytest.raises(ConfigError, match="Name one"):
        weft.Classify(part, words={"true": ["yes"], "false": ["no"]})


def test_words_are_for_models_that_reply(server: Server) -> None:
    """An endpoint made for decisions takes none; nothing is sent where it is named."""
    words = {"pos": ["great"], "neg": ["bad"]}
    feel = classify(words, by="decisions")
    template = weft.cloze("[x]: [z]")
    by_template = weft.Classify(weft.Predict(Mood, adapter=template), by="decisions")
    with weft.use(lm=weft.LM("m", api_base=server.url), cache=None):
        for one in (feel, by_template):
            with pytest.raises(ConfigError, match="answer words and templates"):
                one(text="x")
        bare = weft.Classify(weft.Predict(Mood), by="decisions")
        with (
            weft.use(adapter=template),
            pytest.raises(ConfigError, match="answer words and templates"),
        ):
            bare(text="x")

    assert server.count == 0


def test_a_template_of_the_scope_counts_as_a_modules_own() -> None:
    """An input behind the gap doubles the calls: each choice is compared to none."""
    form, made = weft.cloze("[z]: [x]"), weft.Classify(weft.Predict(Mood))
    own = weft.Classify(weft.Predict(Mood, adapter=form))

    with weft.use(adapter=form):
        scoped = made.times()

    assert scoped == own.times() == {"module": 2 * made.times()["module"]}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"pos": ["good"]}, "neg has none"),
        ({"pos": ["good"], "neg": ["bad"], "mid": ["so"]}, "others have some"),
        ({"pos": ["good"], "neg": ["Good"]}, "'Good' is a word of 'pos' and of 'neg'"),
        ({"pos": [], "neg": ["bad"]}, "no words of 'pos'"),
        ({"pos": "good", "neg": ["bad"]}, "no words of 'pos'"),
        ({"pos": ["a", "a"], "neg": ["bad"]}, "'a' twice"),
        ({"pos": [" a"], "neg": ["bad"]}, "blank edges"),
        ({"pos": ["a\nb"], "neg": ["bad"]}, "one line"),
        ({"pos": [1], "neg": ["bad"]}, "no words of 'pos'"),
        ({}, "no mapping"),
        ("good", "no mapping"),
    ],
)
def test_wrong_words_are_refused(words: Any, said: str) -> None:
    """Before anything is asked: missing, doubled, of two labels, no texts."""
    with pytest.raises(ConfigError, match=said):
        classify(words)


# Words that are read -----------------------------------------------------------

TOPICS = Choice({"과학": ["science", "기술"], "경제": ["economy", "la economía"]})
RAW = Choice({"-1": ["negative"], "0": ["none"], "1": ["positive"], "2": ["mixed"]})


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("과학", "과학"),
        ("기술", "과학"),
        ("기술입니다.", "과학"),
        ("「과학」이다", "과학"),
        ("경제예요", "경제"),
        ("Science", "과학"),
        ("  **SCIENCE!** \n", "과학"),
        ("ｓｃｉｅｎｃｅ", "과학"),
        ("The science", "과학"),
        ("la economía", "경제"),
        ("economy", "경제"),
        ("- an economy", "경제"),
        ("Topic: Science", "과학"),
        ("분야: 기술", "과학"),
        ("not science", None),
        ("science or economy", None),
        ("science\neconomy", None),
        ("과학자", None),
        ("sports", None),
        ("economy: science", None),
        ("science: 과학", "과학"),
        ("the", None),
        ("", None),
    ],
)
def test_a_reply_is_mapped_or_is_none(text: str, label: str | None) -> None:
    """Case, width, articles, other languages; what is not known is not guessed."""
    assert TOPICS.read(text) == label


def test_labels_map_both_ways() -> None:
    """poem_sentiment's raw labels: -1 and 1 are two, and names are read as well."""
    assert [RAW.read(label) for label in RAW.words] == [*RAW.words]
    assert [RAW.read(own[0].title()) for own in RAW.words.values()] == [*RAW.words]
    assert RAW.read("- 1") is None
    flipped = Choice({"good": ["bad"], "bad": ["good"]})
    assert flipped.read("good") == "bad"


def test_free_text_goes_through_a_step() -> None:
    """Generate, then match: what is unmapped is a value of its own."""

    @weft.step
    def topic_of(said: str) -> str | None:
        return TOPICS.read(said)

    free = weft.Predict("text -> topic", name="free")

    @weft.program
    def about(text: str) -> str | None:
        return topic_of(free(text=text).topic)

    lm = weft.ScriptedLM([{"topic": "Science."}, {"topic": "no idea"}])
    with weft.use(lm=lm, cache=None):
        assert [about("a"), about("b")] == ["과학", None]


# Words that are found ----------------------------------------------------------


def shows(request: weft.Request) -> Response:
    """A model that shows one word more for glad texts, another for sad ones."""
    text = request.messages[-1].text
    glad, noise = "sun" in text, random.Random(text).uniform(0.02, 0.06)
    probabilities = {
        " the": 0.4,
        " Lovely": 0.05 if glad else 0.01,
        " bleak": 0.004 if glad else 0.03,
        " g": 0.1 if glad else 0.001,
        " so": noise,
        " 7": 0.1 if glad else 0.01,
        "lovely": 0.001,
    }
    return saying(probabilities)


def rows_of(count: int) -> list[dict[str, str]]:
    """As many glad texts as sad ones."""
    texts = [f"{'sun' if n % 2 else 'rain'} {n}" for n in range(count)]
    return [{"text": t, "mood": "pos" if "sun" in t else "neg"} for t in texts]


def test_words_are_found_by_what_differs_between_labels() -> None:
    """One call a row; pieces of words, numbers and what is said always are no words."""
    lm = weft.FunctionLM(shows)
    feel = classify(prior={"pos": 0.5, "neg": 0.5})
    with weft.use(lm=lm, cache=None):
        found = weft.find_words(feel, rows_of(20))
        assert lm.calls == 20
        alone = weft.find_words(feel, rows_of(20), concurrency=1)
        even = weft.calibrate(found, rows_of(40)[20:])
        right = [even(text=r["text"]).mood == r["mood"] for r in rows_of(40)[20:]]

    assert found.words["mood"].words == {"pos": ("Lovely",), "neg": ("bleak",)}
    assert found.words == alone.words
    assert found.prior is None
    assert all(right)


def test_labels_without_words_say_so() -> None:
    """No row of a label, none that is known, or no word that tells it."""
    with weft.use(lm=weft.FunctionLM(lambda _: saying({"so": 0.9})), cache=None):
        with pytest.raises(ConfigError, match="neg has fewer than 2 rows"):
            weft.find_words(classify(), [{"text": "a", "mood": "pos"}] * 3)
        with pytest.raises(ConfigError, match=r"mood='mixed'.*no choice"):
            weft.find_words(classify(), [*rows_of(4), {"text": "a", "mood": "mixed"}])
        with pytest.raises(ConfigError, match="no word that is shown tells"):
            weft.find_words(classify(), rows_of(4))
        with pytest.raises(ConfigError, match="is none"):
            weft.find_words(weft.Predict(Mood), rows_of(4))  # type: ignore[arg-type]
        with pytest.raises(ConfigError, match="no number of words"):
            weft.find_words(classify(), rows_of(4), words_per_label=0)


# Patterns that vote ------------------------------------------------------------

TEMPLATES = ("[text]\nOne: [z]", "[text]\nTwo: [z]", "[text]\nThree: [z]")
RIGHT = {"One": 0.6, "Two": 0.7, "Three": 0.8}


def planted(request: weft.Request) -> Response:
    """Patterns that are right of 60, 70 and 80 %, and surer where they are right."""
    text, _, question = request.messages[-1].text.partition("\n")
    pattern, number = question.partition(":")[0], int(text.split()[-1])
    right = random.Random(f"{pattern} {number}").random() < RIGHT[pattern]
    truth = ("pos", "neg")[number % 2]
    wrong = ("neg", "pos")[number % 2]
    sure = random.Random(f"{number} {pattern}").uniform(0.7, 0.99)
    sure = sure if right else 0.5 + (sure - 0.5) / 3
    said, other = (truth, wrong) if right else (wrong, truth)
    return saying({said: sure, other: 1 - sure})


def patterns(form: str = "cloze|") -> list[Any]:
    """One for each template."""
    asked = [weft.Predict(Mood, adapter=f"{form}{one}") for one in TEMPLATES]
    return [weft.Classify(one, by="top") for one in asked]


def numbered(numbers: range) -> list[dict[str, str]]:
    """Rows whose label is their number's."""
    return [{"text": f"row {n}", "mood": ("pos", "neg")[n % 2]} for n in numbers]


def share_right(module: Any, rows: list[dict[str, str]]) -> float:
    """How many rows are decided as they are labelled."""
    made = module.batch([{"text": row["text"]} for row in rows])
    return sum(a.mood == r["mood"] for a, r in zip(made, rows, strict=True)) / len(rows)


def test_a_vote_is_better_than_each_pattern() -> None:
    """Patterns of 60, 70 and 80 %: the weighted vote is above 80 %, one call each."""
    dev, test = numbered(range(200)), numbered(range(200, 600))
    vote = weft.PatternVote(patterns(), name="vote")
    with weft.use(lm=(lm := weft.FunctionLM(planted)), cache=weft.MemoryCache()):
        alone = [share_right(one, test) for one in patterns()]
        weighted = weft.fit_weights(vote, dev)
        assert lm.calls == 3 * (len(dev) + len(test))
        together = share_right(weighted, test)
        facts = weft.info(weighted(text=test[0]["text"])).facts

    assert alone == sorted(alone)
    assert [round(share, 1) for share in alone] == [0.6, 0.7, 0.8]
    assert together > max(alone) > 0.75
    assert together > 0.8
    assert weighted.weights == sorted(weighted.weights)
    own = dict(zip(facts["patterns"], weighted.weights, strict=True))
    agreeing = [own[n] for n, c in facts["patterns"].items() if c == facts["choice"]]
    assert facts["agreement"] == pytest.approx(sum(agreeing))


def test_a_vote_is_kept_with_patterns_and_weights(tmp_path: Path) -> None:
    """Saved, loaded, asked alike; each pattern has a template and a prior."""
    first, *rest = patterns("cloze/2|")  # as a file holds it
    first = first.with_prior({"pos": 0.9, "neg": 0.1})
    vote = weft.PatternVote([first, *rest], [1, 2, 3], name="vote")
    path = weft.save(vote, tmp_path / "vote.weft.json")

    loaded = weft.load(path)
    with weft.use(lm=weft.FunctionLM(planted), cache=None):
        both = [weft.info(one(text="row 7")).facts for one in (vote, loaded)]
    assert both[0] == both[1]
    assert loaded.weights == pytest.approx([1 / 6, 2 / 6, 3 / 6])
    assert loaded.patterns[0].prior == first.prior


def test_a_vote_of_functions_gives_what_they_give() -> None:
    """A bare value, and an ordered score has its mean."""

    @weft.predict
    def stars(text: str) -> Literal[1, 2]:
        """How many?"""
        raise NotImplementedError

    lm = weft.FunctionLM(lambda _: saying({"1": 0.25, "2": 0.75}))
    vote = weft.PatternVote([weft.Classify(stars, by="top")], name="vote")
    with weft.use(lm=lm, cache=None):
        run = vote.run(text="x")

    assert run.value == 2
    assert run.trace.tree[0].run.decision().expected == pytest.approx(1.75)


def test_wrong_votes_are_refused() -> None:
    """No pattern, none that decides, twice the same, another contract, bad weights."""
    one, two, _ = patterns()
    other = weft.Classify(weft.Predict("text -> mood: bool"))
    wrong: list[tuple[Any, Any, str]] = [
        ([], None, "1 to 100 patterns"),
        ([weft.Predict(Mood)], None, "is none"),
        ([one, one], None, "twice"),
        ([one, other], None, "something else"),
        ([one, two], [1], "no weights of 2"),
        ([one, two], [0, 0], "no weights of 2"),
        ([one, two], [1, -1], "no weights of 2"),
        ([one, two], [1, math.nan], "no weights of 2"),
        ([one, two], "ab", "no weights of 2"),
    ]
    for patterns_given, weights, said in wrong:
        with pytest.raises(ConfigError, match=said):
            weft.PatternVote(patterns_given, weights)
    with pytest.raises(ConfigError, match="PatternVote, and"):
        weft.fit_weights(one, numbered(range(4)))


# Labels for rows that have none ------------------------------------------------


def test_only_sure_rows_become_demos_and_they_grow() -> None:
    """iPET: each generation adds rows above the threshold, as many of each label."""
    rows = numbered(range(120))
    vote = weft.PatternVote(patterns(), name="vote")
    bare = [{"text": row["text"]} for row in rows]
    with weft.use(lm=weft.FunctionLM(planted), cache=weft.MemoryCache()):
        made = weft.label_unlabelled(vote, bare, threshold=0.85, generations=3)
        again = weft.label_unlabelled(vote, bare, threshold=0.85, concurrency=1)
        first = {r["text"]: weft.info(vote(text=r["text"])).decision() for r in bare}

    assert [one.added for one in made.generations] == [4, 4, 8]
    assert [one.asked for one in made.generations] == [120, 116, 112]
    assert min(made.confidence) >= 0.85
    assert Counter(row["mood"] for row in made.rows) == {"pos": 8, "neg": 8}
    truth = {row["text"]: row["mood"] for row in rows}
    # The planted model reads the last turn alone, so demos change nothing that it says.
    sure = [t for t, one in first.items() if max(one.probabilities.values()) >= 0.85]
    assert {row["text"] for row in made.rows} <= {*sure}
    assert sum(truth[row["text"]] == row["mood"] for row in made.rows) >= 15
    assert made.rows == again.rows
    for pattern in made.program.patterns:
        demos = pattern.part.parameters.demos
        assert [demo.values for demo in demos] == [dict(row) for row in made.rows]
        assert {demo.by for demo in demos} == {"bootstrap"}
    assert not vote.patterns[0].part.parameters.demos


def test_labelling_ends_where_a_label_has_no_sure_row() -> None:
    """Nothing is added, and the rounds say so; a prior is estimated anew."""
    [one, *_] = patterns()
    lm = weft.FunctionLM(lambda _: saying({"pos": 0.95, "neg": 0.05}))
    with weft.use(lm=lm, cache=None):
        made = weft.label_unlabelled(one, [{"text": "a"}, {"text": "b"}])
        wrong: dict[str, Any] = {
            "threshold": 0.0,
            "growth": 0.5,
            "generations": 0,
            "per_label": True,
        }
        for name, value in wrong.items():
            with pytest.raises(ConfigError, match=f"{name}="):
                weft.label_unlabelled(one, [{"text": "a"}], **{name: value})
        with pytest.raises(ConfigError, match="there are none"):
            weft.label_unlabelled(one, [])

    assert made.rows == ()
    [only] = made.generations
    assert (only.asked, only.added, dict(only.above)) == (2, 0, {"pos": 2, "neg": 0})


def test_priors_follow_the_demos() -> None:
    """With demos a prompt is another, so its prior is estimated over the rows again."""
    one = patterns()[2]
    bare = [{"text": row["text"]} for row in numbered(range(40))]
    with weft.use(lm=weft.FunctionLM(planted), cache=weft.MemoryCache()):
        even = weft.calibrate(one, bare)
        made = weft.label_unlabelled(even, bare, generations=1)
        run = made.program.run(text="row 3")

    [rule], [was] = (m.rules.values() for m in (made.program, even))
    assert rule.prior_of not in ("", was.prior_of)
    assert run.trace.tree[0].run.facts["calibrated"]


# Korean data -------------------------------------------------------------------


@pytest.mark.skipif(not DATA.exists(), reason="the shared data is not here")
def test_korean_words_in_a_korean_template(server: Server) -> None:
    """chatbot_ko: word and rest are scored as one text, byte for byte as written."""
    template = "이 대화는 [z]에 관한 것입니다: [x]"
    rows = [json.loads(line) for line in DATA.read_text("utf-8").splitlines()]
    rows = [row for row in rows if row["split"] == "test"][::20]
    labels = {row["inputs"]["text"]: row["outputs"]["label"] for row in rows}
    asked: list[str] = []

    def answer(body: dict[str, Any]) -> Reply:
        forced = json.loads(body["grammar"].removeprefix("root ::= "))
        text = body["prompt"] + forced
        said = next(w for own in KOREAN.values() for w in own if f" {w}" in text[:12])
        # Whatever is read, this model likes to say 일상.
        logprob = -2.0 + 1.9 * (said == "일상")
        if "것입니다" in text:
            asked.append(text)
            label = labels[text.partition("것입니다: ")[2]]
            logprob = -0.5 if said in KOREAN[label] else -1.6
        token = {"token": forced, "logprob": min(logprob, -0.01), "top_logprobs": []}
        return completion({"text": forced, "logprobs": {"content": [token]}})

    class Talk(weft.Signature):
        """무엇에 관한 대화인가?"""

        text: str = weft.Input()
        label: Literal["일상", "이별", "사랑"] = weft.Output()

    server.answer = answer
    asking = weft.Predict(Talk, adapter=weft.cloze(template), name="talk")
    talk = weft.Classify(asking, words=KOREAN)
    lm = weft.LM("llamacpp/m", api_base=server.url, base=True)
    inputs = [row["inputs"] for row in rows]
    with weft.use(lm=lm, cache=weft.MemoryCache()):
        before = [one.label for one in talk.batch(inputs)]
        after = [one.label for one in weft.calibrate(talk, inputs).batch(inputs)]

    truth = [*labels.values()]
    assert sum(a == b for a, b in zip(before, truth, strict=True)) < len(truth) / 2
    assert after == truth
    words = [word for own in KOREAN.values() for word in own]
    written = {
        template.replace("[z]", word).replace("[x]", text)
        for text in labels
        for word in words
    }
    assert {*asked} == written
    words_alone = len(words)  # the same before each conversation, and asked once
    assert server.count == len(written) + words_alone
