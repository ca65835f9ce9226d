"""Passages are found as they should be, in programs, by agents and from files."""

from __future__ import annotations

import asyncio
import json
import math
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import weft
from weft.errors import (
    ArtifactError,
    CallError,
    CheckFailed,
    ConfigError,
    DataError,
    GraphError,
)
from weft.modules.retrieval.quotes import plainly, problem_of, stands, texts_by_id
from weft.pipeline.ground.text_index import TextIndex, words_of
from weft.pipeline.lm.embedding import ranking
from weft.pipeline.lm.embedding.packing import packed, unpacked
from weft.pipeline.lm.wire.control import without_control

TOWN = [
    {"id": "bridge", "text": "The old bridge opened in 1871.", "year": 1871},
    {"id": "harbour", "text": "The harbour is deep and cold."},
    {"id": "mill", "text": "A mill stands beside the old bridge."},
]


@pytest.fixture
def town() -> weft.Index:
    return weft.Index(TOWN, name="town")


def ids(found: list[weft.Passage]) -> list[str]:
    return [passage.id for passage in found]


# Ranking ------------------------------------------------------------------------------


def test_bm25_is_that_of_its_authors() -> None:
    """Scored by hand from the formula, on texts of random words."""
    texts = [
        " ".join(f"w{(n * 7 + k * k) % 13}" for k in range(3 + n)) for n in range(9)
    ]
    bags = [Counter(text.split()) for text in texts]
    mean = sum(map(Counter.total, bags)) / 9

    def score(query: str, bag: Counter[str]) -> float:
        told = 0.0
        for word in query.split():
            n = sum(word in other for other in bags)
            tf, long = bag[word], 1.2 * (0.25 + 0.75 * bag.total() / mean)
            told += math.log(1 + (9.5 - n) / (n + 0.5)) * tf * 2.2 / (tf + long)
        return told

    for query in ("w1 w2", "w3 w3 w12", "nothing"):
        wanted = [score(query, bag) for bag in bags]
        assert TextIndex.of_words(texts).likeness(query) == pytest.approx(wanted)


def test_words_of_scripts_without_blanks() -> None:
    """Are found by pairs of characters; composed and decomposed letters are one."""
    index = weft.Index(
        ["東京都は大きい", "大阪は遠い", "ein Café in Köln", "서울의 밤"]
    )

    for query, wanted in {
        "東京": "0",
        "大阪は": "1",
        "CAFE\u0301": "2",
        "서울": "3",
    }.items():
        assert ids(index.search(query, k=1)) == [wanted]
    assert words_of("") == words_of("?!") == []


def test_what_shares_no_word_is_not_found(town: weft.Index) -> None:
    """Fewer come than were asked for, and none where nothing fits."""
    assert ids(town.search("old bridge", k=9)) == ["bridge", "mill"]
    assert town.search("zebra") == []


@given(st.lists(st.permutations(range(8)), min_size=1, max_size=4))
def test_fusion_is_the_sum_of_inverse_places(rankings: list[list[int]]) -> None:
    """Each ranking adds 1 / (60 + place); of equals the lower number comes first."""
    sums = {n: round(sum(1 / (61 + r.index(n)) for r in rankings), 6) for n in range(8)}

    made = ranking.fused(rankings, 8)

    assert made == sorted(sums.items(), key=lambda one: (-one[1], one[0]))


@pytest.mark.parametrize("numpy", [True, False])
def test_the_nearest_vectors_are_the_nearest(
    numpy: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With numpy and without it: exactly, the earlier of equals first."""
    if not numpy:
        monkeypatch.setattr(ranking, "numpy_here", lambda: None)
    rows = [[1.0, 0.0], [0.0, 2.0], [3.0, 3.0], [0.0, 0.5], [-1.0, 0.0], [0.0, 0.0]]
    held = ranking.Vectors([unpacked(packed([row]))[0] for row in rows])

    assert held.nearest([0.0, 7.0], 4) == [(1, 1.0), (3, 1.0), (2, 0.707107), (0, 0.0)]


def meaning(text: str) -> list[float]:
    """A planted model of meaning: it knows that a port is a harbour."""
    words = words_of(text)
    return [
        float(sum(word in {"port", "harbour"} for word in words)),
        float(words.count("bridge")),
        0.1,
    ]


def test_vectors_find_what_words_do_not(town: weft.Index) -> None:
    """And both together keep what either finds."""
    model = weft.FunctionEmbedder(meaning)
    with weft.use(cache=None):
        near = town.embedded(model, by="vectors")
        both = town.embedded(model)
        assert town.search("port") == []
        assert ids(near.search("port", k=1)) == ["harbour"]
        assert ids(both.search("cold port by the mill", k=3))[0] == "harbour"
    assert {near.digest, both.digest, town.digest}.__len__() == 3


# Indexes ------------------------------------------------------------------------------


def test_made_of_texts_rows_and_files(tmp_path: Path) -> None:
    """Several fields are joined; what else a row holds is its meta."""
    file = tmp_path / "corpus.jsonl"
    file.write_text('{"n": 7, "title": "A", "body": "x\\u2028y"}\n', "utf-8")
    index = weft.Index(str(file), text=["title", "body"], id="n")

    assert index["7"] == weft.Passage(id="7", text="A\nx\u2028y")
    assert index.meta("7") == {"title": "A", "body": "x\u2028y"}
    assert "7" in index
    assert len(index) == 1
    again = weft.Index(index.search("x"))
    assert ids(again.search("x")) == ["7"]


@pytest.mark.parametrize(
    ("passages", "said"),
    [
        ([], "finds nothing"),
        ([" "], "is blank"),
        (["\ud800"], "lone surrogate"),
        ([{"txt": "a"}], "Did you mean 'txt'"),
        ([{"text": 5}], "no text, but of type int"),
        ([{"id": "a", "text": "x"}, {"id": "a", "text": "y"}], "'a' is taken"),
        ([{"id": True, "text": "x"}], "neither text nor a whole number"),
        ([{"text": "x", "more": object()}], r"rows\[0\]"),
        ([weft.Passage(id=" ", text="x")], "is blank, or no text"),
        ([weft.Passage(id="\ud800", text="x")], "is blank, or no text"),
        ([5], "of type int"),
        ("one text\nof two lines", "no set of passages"),
        ("nowhere.jsonl", "cannot be read"),
    ],
)
def test_what_is_no_passage_is_refused(passages: Any, said: str) -> None:
    """With its place."""
    with pytest.raises(DataError, match=said):
        weft.Index(passages)


@pytest.mark.parametrize(
    ("query", "k"), [("", 1), (None, 1), ("x", 0), ("x", True), ("x", 1001)]
)
def test_what_is_no_query_is_refused(town: weft.Index, query: Any, k: Any) -> None:
    """Before anything is asked."""
    with pytest.raises(CallError):
        town.search(query, k)


def test_saved_and_loaded_as_data(town: weft.Index, tmp_path: Path) -> None:
    """The same digest and the same answers; vectors to the bit."""
    model = weft.FunctionEmbedder(meaning)
    with weft.use(cache=None):
        for index in (town, town.embedded(model)):
            path = index.save(tmp_path / "town.index.jsonl")
            given = model if index.embedder else None
            loaded = weft.Index.load(path, embedder=given)
            assert loaded.digest == index.digest
            assert loaded.search("old bridge") == index.search("old bridge")
            assert loaded.meta("bridge") == {"year": 1871}


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("1871.", "1872."),
        lambda text: text.replace('"k1":1.2', '"k1":1.5'),
        lambda text: text.replace('"b":0.75', '"b":NaN'),
        lambda text: text.replace("weft.index/1", "weft.index/2"),
        lambda text: text.replace('"by":"words"', '"by":"both"'),
        lambda text: text.replace('"id":"mill"', '"id":"bridge"'),
        lambda text: text[:-30],
        lambda _: "",
        lambda _: "\x00",
    ],
)
def test_a_changed_file_is_refused(
    town: weft.Index, tmp_path: Path, change: Any
) -> None:
    """Whatever it says."""
    path = town.save(tmp_path / "town.index.jsonl")
    path.write_text(change(path.read_text("utf-8")), "utf-8")

    with pytest.raises(ArtifactError):
        weft.Index.load(path)


def test_an_index_cannot_be_changed(town: weft.Index) -> None:
    """Or its digest would be another's."""
    with pytest.raises(AttributeError, match="another by"):
        town.by = "both"
    before = town.digest
    town.meta("bridge")["year"] = 1872  # type: ignore[index]
    assert weft.Index(TOWN, name="town").digest == before
    assert town.meta("bridge") == {"year": 1871}


def test_an_embedder_for_no_vectors_is_told(town: weft.Index, tmp_path: Path) -> None:
    """Or a search by words would pass for one by meaning."""
    path = town.save(tmp_path / "town.index.jsonl")
    with pytest.raises(
        ConfigError, match=r"no vectors.*Index\.load\(\.\.\.\)\.embedded"
    ):
        weft.Index.load(path, embedder=weft.Embedder("embedded"))
    with pytest.raises(ConfigError, match="is no embedder"):
        weft.Index.load(path, embedder="openai/e")  # type: ignore[arg-type]


def test_an_index_is_searched_from_many_threads(town: weft.Index) -> None:
    """Its postings are made once, by whoever comes first."""
    found: list[Any] = []
    workers = [
        threading.Thread(target=lambda: found.append(ids(town.search("mill"))))
        for _ in range(8)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert found == [["mill"]] * 8


# In programs --------------------------------------------------------------------------

ANSWER = {
    "citations": [{"passage": "bridge", "quote": "opened in 1871"}],
    "answer": "1871",
}


def rag_of(index: weft.Index, k: int = 2) -> Any:
    """Find, and answer with quotes."""
    retrieve = weft.Retrieve(index, k=k)
    answer = weft.Cited("question, passages: list[Passage] -> answer", name="answer")

    @weft.program
    def rag(question: str) -> str:
        found = retrieve(query=question)
        return answer(question=question, passages=found.passages).answer

    return rag


def test_called_traced_streamed_and_batched_alike(town: weft.Index) -> None:
    """As every module is, and no model is asked."""
    retrieve = weft.Retrieve(town, k=1, name="it")
    lm = weft.RefusingLM()
    with weft.use(lm=lm, cache=None):
        alone = ids(retrieve(query="mill").passages)
        awaited = ids(asyncio.run(retrieve.acall(query="mill")).passages)
        run = retrieve.run(query="mill")
        last = [*retrieve.stream(query="mill")][-1]
        rows = retrieve.batch([{"query": q} for q in ("mill", "deep")], concurrency=2)
        again = retrieve.run(query="mill", reuse=run)

    assert alone == awaited == ids(run.value.passages) == ["mill"]
    assert isinstance(last, weft.events.Finished)
    assert ids(last.value.passages) == ["mill"]
    assert [ids(row.passages) for row in rows] == [["mill"], ["harbour"]]
    assert sorted(node.path for node in run.trace.nodes) == ["it", "it/index"]
    assert all(node.reused for node in again.trace.nodes)
    assert retrieve.modules == {}
    with weft.use(cache=None):  # a model that writes no query is told of no passages
        assert retrieve(query=" ").passages == []


def test_a_program_is_loaded_with_its_index_alone(
    town: weft.Index, tmp_path: Path
) -> None:
    """One of another content is refused, whichever way the program comes."""
    path = weft.save(rag_of(town), tmp_path / "rag.weft.json")
    assert town.digest in path.read_text("utf-8")
    with weft.use(lm=weft.FunctionLM(lambda _: ANSWER), cache=None):
        for loaded in (
            weft.load(path, steps=[weft.Index(TOWN, name="town")]),
            weft.load(path, program=rag_of(town)),
        ):
            assert loaded(question="when did the bridge open?") == "1871"
    other = weft.Index(TOWN[:2], name="town")
    with pytest.raises(ArtifactError, match=r"has the digest .* is wanted"):
        weft.load(path, steps=[other])
    with pytest.raises(ArtifactError, match="index of another content"):
        weft.load(path, program=rag_of(other))
    with pytest.raises(ArtifactError, match=r"steps=\[town\]"):
        weft.load(path)


def test_two_indexes_of_one_name_are_told_apart_or_refused(tmp_path: Path) -> None:
    """A file knows steps by name; which of two is meant is nothing to guess at."""
    old, new = weft.Index(["built in 1871"]), weft.Index(["built in 1999"])
    first, second = weft.Retrieve(old, name="first"), weft.Retrieve(new, name="second")

    @weft.program
    def both(query: str) -> list[Any]:
        one, other = first(query=query), second(query=query)
        return [one.passages, other.passages]

    path = weft.save(both, tmp_path / "both.weft.json")
    loaded = weft.load(path, program=both)
    assert [ids_of[0].text[-4:] for ids_of in loaded(query="built")] == ["1871", "1999"]
    for steps in ([old, new], [new, old]):
        with pytest.raises(ArtifactError, match="two of the steps are called 'search'"):
            weft.load(path, steps=steps)
    alone = weft.save(first, tmp_path / "alone.weft.json")
    assert weft.load(alone, steps=[old, old.step, old.tool])(query="built").passages


def test_an_agent_takes_it_as_a_tool(town: weft.Index) -> None:
    """Its calls are steps, and what it refuses is told to the model."""
    agent = weft.ReAct("question -> answer", tools=[town])
    calls = [{"query": "mill", "k": 1}, {"query": "mill", "k": 0}, {"answer": "a mill"}]
    names = ("town", "town", "submit")
    said = [
        {"thought": "t", "tool": tool, "arguments": arguments}
        for tool, arguments in zip(names, calls, strict=True)
    ]
    with weft.use(lm=weft.ScriptedLM(said), cache=None):
        made = agent(question="what stands there?")

    first, second, _ = made.trajectory
    assert json.loads(first.observation)[0]["id"] == "mill"
    assert "k=0 is no number of passages" in second.error


def test_a_query_of_a_program_is_no_text_yet(town: weft.Index) -> None:
    """The remedy is the module."""
    with pytest.raises((CallError, GraphError), match=r"weft\.Retrieve"):

        @weft.program
        def wrong(question: str) -> Any:
            return town.search(question)


def test_the_embedder_is_booked_where_it_is_asked(town: weft.Index) -> None:
    """On the budget of the run, and in the trace of the search."""
    with weft.use(cache=None):
        index = town.embedded(weft.FunctionEmbedder(meaning))
    with weft.use(cache=None, budget="1 call") as settings:
        run = weft.Retrieve(index, name="it").run(query="old mill")

    assert settings.ledger is not None
    assert settings.ledger.spent().calls == 1
    assert [n.path for n in run.trace.nodes if n.calls] == ["it/index"]


@pytest.mark.parametrize(
    "made",
    [
        lambda index: weft.Retrieve(["text"]),
        lambda index: weft.Retrieve(index, k=0),
        lambda index: weft.Retrieve(index, digest="sha256:0"),
        lambda index: weft.Index(["x"], name="no name"),
        lambda index: weft.Index(["x"], k1=0),
        lambda index: weft.Index(["x"], b=2),
        lambda index: weft.Index(["x"], description=5),
        lambda index: weft.Index(["x"], description="\ud800"),
        lambda index: index.embedded("openai/e"),
        lambda index: index.embedded(weft.Embedder("embedded"), by="words"),
        lambda index: weft.Cited("question -> answer"),
        lambda index: weft.Cited("a: list[str], b: list[str] -> answer"),
        lambda index: weft.Cited("a: list[str] -> answer", passages="b"),
        lambda index: weft.Cited("a: list[str] -> answer", least=-1),
        lambda index: weft.Cited("a: list[str] -> answer", repairs=True),
    ],
)
def test_what_cannot_be_is_told_when_it_is_made(town: weft.Index, made: Any) -> None:
    """Before any model is asked."""
    with pytest.raises(ConfigError):
        made(town)


# Quotes -------------------------------------------------------------------------------


def cited(quote: str, passage: str = "1") -> dict[str, Any]:
    return {"citations": [{"passage": passage, "quote": quote}], "answer": "a"}


ASK = "question, passages: list[str] -> answer"
TEXTS = ["It’s  “open” —\nsince 1871…", "Nothing."]


def test_a_wrong_quote_is_shown_and_answered_again() -> None:
    """With the words of what is wrong, in one repair."""
    lm = weft.ScriptedLM([cited("since 1872"), cited("since 1871")])
    with weft.use(lm=lm, cache=None):
        made = weft.Cited(ASK)(question="q", passages=TEXTS)

    assert made.citations == [weft.Citation(passage="1", quote="since 1871")]
    assert (
        "'since 1872' does not stand in passage '1'" in lm.requests[1].messages[-1].text
    )
    assert weft.info(made).facts["tries"] == 2


def test_an_answer_that_stays_wrong_is_an_error() -> None:
    """Of the model's: it may enter a score as a zero."""
    lm = weft.FunctionLM(lambda _: cited("since 1872"))
    with weft.use(lm=lm, cache=None), pytest.raises(CheckFailed) as caught:
        weft.Cited(ASK, repairs=2)(question="q", passages=TEXTS)

    assert lm.calls == 3
    assert "since 1872" in caught.value.failed["citations"]


@pytest.mark.parametrize(
    ("quote", "passage", "wrong"),
    [
        ('It\'s "open" - since 1871...', "1", ""),
        ("since 1871", "1", ""),
        ("Since 1871", "1", "does not stand"),
        ("since  1871", "1", ""),
        ("since  187", "1", "cut within a word of passage '1'"),
        ("Nothing.", "1", "it stands in '2'"),
        ("Nothing.", "3", "There is no passage '3'"),
        ("?!", "2", "holds no words"),
        ("", "2", "holds no words"),
        ("It's since 1871", "1", "does not stand"),
    ],
)
def test_a_quote_is_letter_for_letter(quote: str, passage: str, wrong: str) -> None:
    """But for blanks, quotation marks and dashes."""
    citations = [weft.Citation(passage=passage, quote=quote)]

    said = problem_of(citations, {"1": TEXTS[0], "2": TEXTS[1]}, 1)

    assert (wrong in said) if wrong else not said


@pytest.mark.parametrize("token", ["<|im_end|>", "</s>", "[INST]", "<end_of_turn>"])
def test_a_control_token_is_quoted_as_it_is_shown(token: str) -> None:
    """A model is shown it with a blank inside, and copies that letter for letter."""
    text = f"The turn ends by {token} here."

    for quote in (text, without_control(text, (token,))):
        citations = [weft.Citation(passage="1", quote=quote)]
        assert not problem_of(citations, {"1": text}, 1)


def test_no_citation_where_one_is_wanted_is_wrong() -> None:
    """But not where there is no passage, or none is wanted."""
    assert "Cite a passage" in problem_of([], {"1": "x"}, 1)
    assert problem_of([], {}, 1) == problem_of([], {"1": "x"}, 0) == ""


@given(st.text(), st.text(), st.text())
def test_any_part_of_a_text_is_a_quote_of_it(a: str, b: str, c: str) -> None:
    """Comparing never breaks, and a whole text stands in itself."""
    text = f"{a}\n{b} {c}"

    assert plainly(plainly(text)) == plainly(text)
    assert stands(plainly(text), plainly(text))
    assert stands(plainly(b), plainly(text))


@pytest.mark.parametrize(
    ("quote", "text", "wanted"),
    [
        ("safe", "It is unsafe.", False),
        ("safe", "It is unsafe, and not safe.", True),
        ("5 million", "It cost 1.5 million.", False),
        ("cost 1", "It cost 1.5 million.", False),
        ("cost 1.5", "It cost 1.5.", True),
        ("1,000", "of 21,000 people", False),
        ("1,000", "of 1,000, or more", True),
        ("5", "1. 5", True),
        ("京都", "東京都は", True),
        ("élan", "l'élan", True),
        ("lan", "l'élan", False),
    ],
)
def test_a_quote_cuts_no_word_and_no_number(
    quote: str, text: str, wanted: bool
) -> None:
    """Or "safe" would be quoted from "unsafe", and 5 million from 1.5 million."""
    assert stands(quote, text) is wanted


def test_a_quote_of_either_of_two_passages_of_one_id() -> None:
    """As two indexes give them, each numbered from 0; none spans both."""
    texts = texts_by_id([weft.Passage(id="0", text=t) for t in ("One. Two", "Two")])
    for quote, wanted in {"One": True, "Two": True, "Two Two": False}.items():
        said = problem_of([weft.Citation(passage="0", quote=quote)], texts, 1)
        assert (not said) is wanted


def test_a_first_line_that_is_no_head_is_told_in_words(tmp_path: Path) -> None:
    """The field that is missing is named; how many there are says nothing."""
    path = tmp_path / "x.index.jsonl"
    path.write_text("{}\n")

    with pytest.raises(weft.errors.ArtifactError, match="Field required") as caught:
        weft.Index.load(path)
    assert "validation error" not in str(caught.value)
