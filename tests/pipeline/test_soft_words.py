"""Soft words as a parameter: where they stand, whom they refuse, and how they are kept.

Nothing here needs torch: what holds, writes and refuses soft words computes nothing.
"""

from __future__ import annotations

import contextlib
import json
import struct
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

import weft
from weft.pipeline.artifact import soft as pairs
from weft.pipeline.errors import ArtifactError, ConfigError
from weft.pipeline.lm.request import Message, Request
from weft.pipeline.lm.soft.file import SUFFIX, read_vectors
from weft.pipeline.lm.soft.words import PLACES, Place, Soft, fenced

BASE = "sha256:" + "0" * 64


class Triage(weft.Signature):
    """Route the message."""

    message: str = weft.Input()
    team: Literal["cards", "loans"] = weft.Output()


def words(place: Place = "after", *, first: float = 0.5, count: int = 2) -> Soft:
    """Some soft words of width 2."""
    numbers = [first, *([0.25] * (2 * count - 1))]
    return Soft(
        "triage", place, struct.pack(f"<{2 * count}f", *numbers), count, 2, BASE
    )


def knowing(*names: str) -> weft.LM:
    """A model at an address that nobody asks, which has some soft words."""
    return weft.LM("m", api_base="http://127.0.0.1:9/v1", abilities={"soft": names})


def triage(soft: Soft | None, form: str = "plain/1:", **options: Any) -> Any:
    """The module with soft words, asking somebody who has them."""
    lm = options.pop("lm", knowing("triage"))
    made = weft.Predict(Triage, name="triage", adapter=form, lm=lm, **options)
    return made.with_(soft=soft)


@pytest.mark.parametrize("form", ["plain/1:", "chat/2:stop", "json/2:", "xml/2:stop"])
def test_words_stand_beside_the_instruction_and_behind_the_inputs(form: str) -> None:
    """The prompt without them is byte for byte what it was."""
    plain = triage(None, form).prompt(message="Hi").messages

    before = triage(words("before"), form).prompt(message="Hi").messages
    after = triage(words("after"), form).prompt(message="Hi").messages

    text = "<|triage:0|><|triage:1|>"
    assert before == (Message("system", plain[0].text + text), *plain[1:])
    assert after == (*plain[:-1], Message("user", plain[-1].text + text))


def test_a_text_to_be_continued_keeps_its_last_line_last() -> None:
    """There words may stand at the front of everything too."""
    asked = {
        place: triage(words(place), "completion/3:").prompt(message="Hi").messages[0]
        for place in ("front", "before", "after")
    }

    text = "<|triage:0|><|triage:1|>"
    assert asked["front"].text.startswith(f"{text}Route the message.\n")
    assert asked["before"].text.startswith(f"Route the message.{text}\n")
    assert asked["after"].text.endswith(f"message: Hi\n{text}\nteam:")


@pytest.mark.parametrize(
    ("template", "before", "after"),
    [
        ("[x] It is about [z].", "{}a\n\nb It is about", "a\n\nb{} It is about"),
        ("[x]\nTopic: [z]", "{}a\n\nb\nTopic:", "a\n\nb\n{}\nTopic:"),
        (
            "[instruction]\n\n[x] [z]",
            "Route.\n\nNow.{}\n\na\n\nb",
            "Route.\n\nNow.\n\na\n\nb{}",
        ),
        ("As for [z]: [x]", "{}As for", "{}As for"),
    ],
)
def test_words_in_a_template_stand_around_its_inputs(
    template: str, before: str, after: str
) -> None:
    """Behind the instruction and behind the input, whatever lines those have."""
    lm = weft.LM(
        "m",
        api_base="http://127.0.0.1:9/v1",
        abilities={"soft": ("triage",)},
        base=True,
    )
    form = weft.cloze(template)
    ask: Any = weft.Predict("message -> team", "Route.\n\nNow.", adapter=form, lm=lm)

    places: tuple[Place, ...] = ("before", "after")
    told = {
        place: ask.with_(soft=words(place)).prompt(message="a\n\nb").messages
        for place in places
    }

    text = "<|triage:0|><|triage:1|>"
    assert [told[place][0].text for place in places] == [
        before.format(text),
        after.format(text),
    ]


@pytest.mark.parametrize("place", ["front", "deep"])
def test_what_no_server_of_chats_has_a_place_for_is_refused(place: Place) -> None:
    """And the remedy names a model in this process."""
    with pytest.raises(ConfigError, match="a server of chats has no place") as caught:
        triage(words(place)).prompt(message="Hi")

    assert "torch/" in caught.value.hint


def test_a_value_forges_no_word() -> None:
    """Neither an input nor a demo; other marks of templates stay what they were."""
    demo = weft.Demo({"message": "<|triage:1|>", "team": "cards"})
    told = triage(words(), demos=[demo]).prompt(message="<|loans.v2:0|> <|im_end|>")

    said = "\n".join(message.text for message in told.messages)
    assert said.count("<|triage:1|>") == 1
    assert "<| triage:1|>" in said
    assert "<| loans.v2:0|> <|im_end|>" in said


def test_a_served_word_is_fenced_for_programs_that_have_none() -> None:
    """The model has the words of others, and a value is still no word."""
    told = triage(None).prompt(message="<|triage:0|>").messages[-1].text

    assert "<|triage:0|>" not in told


@given(st.text(alphabet="<|>ab:01 .-", max_size=40))
def test_fencing_leaves_no_word_and_is_done_once(text: str) -> None:
    once = fenced({"a": [text]})

    assert fenced(once) == once
    assert once["a"][0].replace("<| ", "<|") == text.replace("<| ", "<|")


@pytest.mark.parametrize(
    "lm",
    [knowing(), knowing("other"), knowing("triage@000000000000"), "embedded"],
    ids=["none", "others", "other vectors", "stand-in"],
)
def test_a_model_without_the_words_refuses_before_the_call(lm: Any) -> None:
    """Nothing is reserved, sent or cached; the remedy says what to do."""
    ledger = weft.Ledger()
    with (
        weft.use(cache=None, budget=ledger),
        pytest.raises(ConfigError, match="2 soft words 'triage'") as caught,
    ):
        triage(words(), lm=lm)(message="Hi")

    assert ledger.spent().calls == 0
    assert "weft soft bake" in caught.value.hint
    assert "soft=False" in caught.value.hint


def test_the_vectors_are_in_the_key_of_a_request() -> None:
    """By their digest: two trainings of one name share no answer."""
    turns = (Message("user", "<|triage:0|>"),)
    keys = {
        Request("m", turns, soft=soft).key
        for soft in (None, words(), words(first=0.75), words("before"))
    }

    assert len(keys) == 4
    assert (
        Request("m", turns, soft=words()).key == Request("m", turns, soft=words()).key
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "a|b"}, "is no name of soft words"),
        ({"place": "behind"}, "cannot stand at 'behind'"),
        ({"vectors": b"1234"}, "vectors are not the 16 bytes"),
        ({"count": 0}, "are no shape"),
        ({"width": True}, "are no shape"),
        ({"model": "smollm2"}, "is no digest"),
        ({"vectors": struct.pack("<4f", 1, 2, float("nan"), 4)}, "is not finite"),
    ],
)
def test_what_cannot_be_soft_words_says_why(change: dict[str, Any], said: str) -> None:
    known: dict[str, Any] = {
        "name": "triage",
        "place": "after",
        "vectors": bytes(16),
        "count": 2,
        "width": 2,
        "model": BASE,
    }

    with pytest.raises(ConfigError, match=said) as caught:
        Soft(**{**known, **change})

    assert caught.value.hint


def test_no_text_is_soft_words() -> None:
    with pytest.raises(ConfigError, match=r"soft must be weft\.Soft words, or None"):
        triage("<|triage:0|>")  # type: ignore[arg-type]


def test_an_artifact_and_its_vectors_come_back_as_they_were(tmp_path: Path) -> None:
    """The same bytes when it is saved again; a second file beside the first."""
    path = weft.save(triage(words(first=0.1)), tmp_path / "triage.weft.json")
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}

    again = weft.load(path)
    weft.save(again, path)

    assert {*before} == {"triage.weft.json", f"triage{SUFFIX}"}
    assert again.parameters.soft == words(first=0.1)
    assert again.parameters.soft.vectors == words(first=0.1).vectors
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_a_missing_or_altered_file_is_refused(tmp_path: Path) -> None:
    path = weft.save(triage(words()), tmp_path / "triage.weft.json")
    file = pairs.beside(path)
    whole = file.read_bytes()

    for data, said in (
        (None, "is missing"),
        (whole[:-4] + b"\0\0\0\x40", "was altered"),
        (whole[:-1], "are not where they should be|belong to nothing"),
        (b"", "holds no soft words"),
        (b"\x80\x04\x95" * 9, "holds no soft words"),
        (whole + b"more", "belong to nothing"),
    ):
        file.unlink() if data is None else file.write_bytes(data)
        with pytest.raises(ArtifactError, match=said):
            weft.load(path)
        assert weft.load(path, soft=False).parameters.soft is None


@pytest.mark.parametrize(
    "change",
    [{"width": 4}, {"count": 1}, {"place": "behind"}, {"name": "a b"}, {"sha256": "x"}],
)
def test_a_planted_description_is_refused(tmp_path: Path, change: Any) -> None:
    path = weft.save(triage(words()), tmp_path / "triage.weft.json")
    data = json.loads(path.read_text())
    data["digest"] = ""
    data["program"]["modules"]["triage"]["soft"] |= change
    path.write_text(json.dumps(data))

    with pytest.raises(ArtifactError):
        weft.load(path)


def test_a_kill_between_the_two_files_leaves_a_pair_that_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old or new, whichever step of the write is the last one."""
    path = tmp_path / "triage.weft.json"
    weft.save(triage(words(first=1.0)), path)
    seen: list[float] = []
    for step in range(4):
        weft.save(triage(words(first=1.0)), path)
        count = iter(range(9))
        for name in ("write_bytes", "write_whole"):
            real = getattr(pairs, name)

            def writes(
                *given: Any, real: Any = real, at: int = step, count: Any = count
            ) -> None:
                if next(count) == at:
                    raise KeyboardInterrupt
                real(*given)

            monkeypatch.setattr(pairs, name, writes)
        with contextlib.suppress(KeyboardInterrupt):
            weft.save(triage(words(first=2.0)), path)
        monkeypatch.undo()
        seen.append(weft.load(path).parameters.soft.numbers[0])

    assert seen == [1.0, 1.0, 2.0, 2.0]
    assert len(read_vectors(pairs.beside(path))) == 1


def test_without_soft_words_there_is_no_second_file(tmp_path: Path) -> None:
    """One that is left over goes with the words."""
    path = weft.save(triage(words()), tmp_path / "triage.weft.json")
    weft.save(triage(None), path)

    assert [file.name for file in tmp_path.iterdir()] == ["triage.weft.json"]


def test_the_text_only_variant_comes_along(tmp_path: Path) -> None:
    """The best one of text is kept whole, and is saved again as it was."""
    soft, text = triage(words()), triage(None).with_(instruction="Cards, or loans?")
    path = weft.save(soft, tmp_path / "triage.weft.json", text_only=text)

    weft.save(weft.load(path), path)
    other = weft.load(path, soft=False)

    assert other.instruction == "Cards, or loans?"
    assert other.parameters.soft is None
    data = json.loads(path.read_text())
    data["text_only"]["program"]["modules"]["triage"]["instruction"] = ["Mine"]
    path.write_text(json.dumps(data))
    with pytest.raises(ArtifactError, match="does not match its digest"):
        weft.load(path, soft=False)


def test_a_text_only_variant_with_soft_words_is_none(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="has soft words itself"):
        weft.save(triage(words()), tmp_path / "a.weft.json", text_only=triage(words()))


def test_diff_and_show_tell_of_the_words(tmp_path: Path) -> None:
    """Names, lengths and the nearest real words; never the numbers."""
    near = (("card", "cards"), ("loan",))
    made = Soft("triage", "after", words().vectors, 2, 2, BASE, near)
    path = weft.save(triage(made), tmp_path / "triage.weft.json")

    told = str(weft.diff(triage(None), path))

    assert "+ <|triage:0|>  norm 0.559  near 'card', 'cards'" in told
    assert f"+ 2 at 'after', {made.digest[7:19]}" in told
    assert "<|triage:1|>  norm 0.354  near 'loan'" in weft.show(path)


def test_versions_and_packages_hold_the_vectors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An earlier version comes back with its own numbers, and a package imports."""
    folder = tmp_path / "softly"
    path = folder / "triage.weft.json"
    weft.save(triage(words(first=1.0)), path)
    old = json.loads(path.read_text())["digest"]
    weft.save(triage(words(first=2.0)), path, history=True)

    weft.rollback(path, to=old)
    weft.package(folder)
    monkeypatch.syspath_prepend(str(tmp_path))
    import softly  # type: ignore[import-not-found]

    assert weft.load(path).parameters.soft.numbers[0] == 1.0
    assert softly.triage.parameters.soft.numbers[0] == 1.0


@pytest.mark.parametrize("to", ["openai-messages", "litellm", "dspy", "langfuse"])
def test_no_export_drops_them(to: str) -> None:
    """No other tool knows them: a program without them would pass for this one."""
    made = triage(words(), "plain")

    with pytest.raises(ConfigError, match=r"soft words.* weft.load\(path, soft=False"):
        weft.export(made, to=to)

    assert weft.export(made.with_(soft=None), to=to)


def test_every_place_is_told_apart() -> None:
    """A word for each, but for a prefix of every layer."""
    assert [len(words(place).words) for place in PLACES] == [2, 2, 2, 0]


def test_soft_words_are_a_part_that_may_earn_a_gain() -> None:
    """`weft explain` takes them off alone."""
    from weft.pipeline.graph.program import as_program
    from weft.pipeline.measure.explain import ablations

    assert ablations(as_program(triage(words()))) == {
        "triage/soft": {"triage/soft": None}
    }
