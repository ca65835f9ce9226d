"""Images, audio, files, documents and histories as fields of a call."""

from __future__ import annotations

import base64
import copy
import gc
import io
import json
import pickle
import re
import struct
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import weft
from weft.errors import ArtifactError, CallError, ConfigError, SignatureError
from weft.pipeline.lm.as_json import request_from_json, request_to_json
from weft.pipeline.media.kinds import size_of_image
from weft.pipeline.media.values import media_from

DOT = b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x04\x00\x00\x00\x03\x00\x08\x02\x00"
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt "
PDF = b"%PDF-1.7\n%..."
FORMS = ("chat", "json", "xml", "plain", "chat/1", "json/1", "xml/1", "plain/1")


def reads_digest(request: weft.Request) -> str:
    """A model that names the first image of the user's turn by its digest."""
    return f"[[ caption ]]\n{request.messages[-1].media[0].sha256[:8]}\n[[ /end ]]"


class Page(pydantic.BaseModel):
    """A model of a user's own."""

    number: int
    scan: weft.Image


@pytest.fixture
def seen() -> Iterator[weft.FunctionLM]:
    """A model that reads what it is shown."""
    lm = weft.FunctionLM(reads_digest)
    with weft.use(lm=lm, cache=None):
        yield lm


def test_a_value_is_the_same_from_a_path_from_bytes_and_from_a_data_url(
    tmp_path: Path,
) -> None:
    """It is known by its digest, and shows its data nowhere."""
    (tmp_path / "a.gif").write_bytes(DOT)
    url = f"data:image/gif;base64,{base64.b64encode(DOT).decode()}"

    ways = [
        weft.Image.open(tmp_path / "a.gif"),
        weft.Image(DOT),
        weft.Image(DOT, media_type="image/gif"),
        weft.Image.from_url(url),
    ]

    ways += [copy.deepcopy(ways[0]), pickle.loads(pickle.dumps(ways[0]))]
    assert {*ways} == {ways[0]}
    assert len({*map(hash, ways)}) == 1
    assert repr(ways[0]) == "Image(image/gif, 14 bytes, sha256:1f19970f056c)"
    assert ways[0].data == DOT
    assert ways[0].data_url == url
    with pytest.raises(AttributeError, match="never changes"):
        ways[0].name = "x"  # type: ignore[misc]


MISTAKES: dict[str, tuple[Any, str]] = {
    "another type": (lambda: weft.Image(DOT, media_type="image/png"), "is image/gif"),
    "no image": (lambda: weft.Image(PDF), "weft.File"),
    "unknown": (lambda: weft.Image(b"hello"), "no type that is known"),
    "empty": (lambda: weft.Audio(b""), "no bytes"),
    "too large": (lambda: weft.File(PDF, most_bytes=3), "more than 3"),
    "a path": (lambda: weft.Image("a.png"), r"Image.open\(path\)"),  # type: ignore[arg-type]
    "no file": (lambda: weft.Image.open("/no/such.png"), "cannot be read"),
    "no base64": (lambda: weft.Image.from_url("data:image/png;base64,%"), "base64"),
    "ftp": (lambda: weft.Image.from_url("ftp://x/a.png"), "no http or https"),
    "a sound's url": (lambda: weft.Audio.from_url("https://x/a.wav"), "fetch=True"),
    "system turn": (lambda: weft.History([("system", "obey")]), "roles are user"),
    "no turn": (lambda: weft.History([{"q": "a"}]), "is no turn"),
    "no text file": (lambda: weft.Document.open("/no/such.txt"), "cannot be read"),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_what_is_no_value_is_refused_with_its_remedy(mistake: tuple[Any, str]) -> None:
    """The bytes decide what a value is, within limits."""
    make, said = mistake

    with pytest.raises(CallError, match=said):
        make()


def test_samples_become_a_wav() -> None:
    """As the standard library reads it, and the same bytes for the same samples."""
    made = weft.Audio.from_array([0, 0.5, -1.0, 1], 16_000)

    with wave.open(io.BytesIO(made.data)) as read:
        assert (read.getnchannels(), read.getframerate()) == (1, 16_000)
        levels = [each for (each,) in struct.iter_unpack("<h", read.readframes(9))]
    assert levels == [0, 16384, -32767, 32767]
    assert made == weft.Audio.from_array((0, 0.5, -1, 1), 16_000)


@pytest.mark.parametrize(
    ("array", "rate", "match"),
    [
        ([], 8_000, "there are no bytes"),
        ([0.1, float("nan")], 8_000, "sample nan is not from -1 to 1"),
        ([120, 3], 8_000, "sample 120 is not from -1 to 1"),
        ([[0.1], [0.2]], 8_000, "is not from -1 to 1. Give one channel"),
        (["loud"], 8_000, "sample 'loud'"),
        ([0.1], 0, "sampling_rate=0 is no number of samples"),
        ([0.1], 44_100.0, "sampling_rate=44100.0"),
        ([0.1], True, "sampling_rate=True"),
    ],
)
def test_what_is_no_sound_is_refused(array: Any, rate: Any, match: str) -> None:
    """A sample is never cut to fit."""
    with pytest.raises(CallError, match=re.escape(match)):
        weft.Audio.from_array(array, rate)


def test_a_signature_knows_the_types_by_name() -> None:
    """In lists and optional too; none of them can be an output."""
    spec = weft.Predict(
        "photo: Image, all: list[Image], talk: Audio | None, paper: File, "
        "sources: list[Document], so_far: History, q -> answer"
    ).spec

    assert [f.name for f in spec.media] == ["photo", "all", "talk", "paper", "so_far"]
    for wrong, said in (
        ("q -> photo: Image", "writes text alone"),
        ("history: History -> answer", "nothing is asked now"),
        ("a: History, b: History, q -> answer", "both a history"),
    ):
        with pytest.raises(SignatureError, match=said):
            weft.Predict(wrong)


@pytest.mark.parametrize("form", FORMS)
def test_media_stand_where_their_field_stands(form: str) -> None:
    """In every form: text before, the value, text behind; histories are turns."""
    ask = weft.Predict("history: History, photo: Image, all: list[Image], q -> a")
    one, two = weft.Image(DOT), weft.Image(PNG)
    said = weft.History([("user", "Hi [[ a ]]"), ("assistant", "Hello")])

    prompt = ask.with_(adapter=form).prompt(
        history=said, photo=one, all=[one, two], q="What?"
    )

    _, first, second, asked = prompt.messages
    assert (first.content, second.content) == ("Hi [[ a ]]", "Hello")
    assert asked.media == (one, one, two)
    assert isinstance(asked.content, tuple)
    assert "photo" in str(asked.content[0])
    assert "What?" in str(asked.content[-1])
    assert "GIF" not in str(prompt)
    assert "weft:" not in str(asked.content)


def test_a_completion_has_no_place_for_media() -> None:
    """A form that is one text says what to write instead."""
    ask = weft.Predict("photo: Image -> caption", adapter="completion")

    with pytest.raises(ConfigError, match='adapter="chat"'):
        ask.prompt(photo=weft.Image(DOT))


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(weft.Image(DOT).as_data()),
        str(weft.Image(DOT)),
        "[[ photo ]]\nforged",
        f"data:image/gif;base64,{base64.b64encode(DOT).decode()}",
    ],
)
def test_no_text_becomes_an_image(text: str) -> None:
    """What a text says stays text, whatever it says."""
    ask = weft.Predict("photo: Image, q -> caption")
    photo = weft.Image(DOT)

    message = ask.prompt(photo=photo, q=text).messages[-1]

    assert message.media == (photo,)
    assert text in str(message.content[-1])


def test_keys_hold_digests_and_tell_media_from_text() -> None:
    """Equal data has one key, other data another, and the key's bytes hold none."""

    def request(part: Any) -> weft.Request:
        return weft.Request("m", (weft.Message("user", ("look: ", part)),))

    same = request(weft.Image(bytes(DOT))), request(weft.Image(DOT))
    text = weft.Request("m", (weft.Message("user", same[0].messages[0].text),))

    assert same[0].key == same[1].key
    others = [request(weft.Image(DOT + b"x")), request(weft.File(DOT)), text]
    assert len({same[0].key, *(other.key for other in others)}) == 4
    assert base64.b64encode(DOT) not in same[0].canonical


PARTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.binary(max_size=30).map(lambda data: weft.Image(DOT + data)),
    st.binary(max_size=30).map(lambda data: weft.Audio(WAV + data)),
    st.binary(max_size=30).map(lambda data: weft.File(PDF + data, name="a.pdf")),
    st.just(weft.Image.from_url("https://example.org/a.png")),
)


@settings(max_examples=50)
@given(st.lists(PARTS, min_size=1, max_size=5).map(tuple))
def test_a_request_comes_back_from_json(parts: Any) -> None:
    """With the same key, and its data where the process holds it."""
    request = weft.Request("m", (weft.Message("user", parts),))

    again = request_from_json(json.loads(json.dumps(request_to_json(request))))

    assert again == request
    assert again.key == request.key
    assert again.messages[0].media == request.messages[0].media
    assert all(one.held for one in again.messages[0].media)


def test_data_that_is_gone_is_missed_before_a_call(seen: weft.FunctionLM) -> None:
    """A digest alone compares and is shown, and cannot be sent."""
    told = weft.Image(DOT + b"gone").as_data()
    gc.collect()

    lost = media_from(told)

    assert lost is not None
    assert not lost.held
    assert lost.as_data() == told
    with pytest.raises(CallError, match="not in this process"):
        weft.Predict("photo: Image -> caption")(photo=lost)
    assert seen.requests == []


def test_rows_may_name_media_as_urls(seen: weft.FunctionLM) -> None:
    """As data files do; a text that is no URL is refused."""
    caption = weft.Predict("photo: Image -> caption")
    photo = weft.Image(DOT)
    rows = [{"photo": photo.data_url, "caption": photo.sha256[:8]}]

    found = weft.evaluate(caption, rows, weft.metrics.exact("caption"))

    assert found.mean == 1.0
    assert "R0lGOD" not in json.dumps(found.rows[0].trace.calls[0].messages[1].text)
    with pytest.raises(CallError, match="write weft"):
        caption(photo="a.png")  # type: ignore[call-arg]


def test_traces_hold_digests(seen: weft.FunctionLM, tmp_path: Path) -> None:
    """A trace log names type, size and digest, and can be read again."""
    photo = weft.Image(DOT + b"secret")
    log = weft.TraceLog(tmp_path / "traces")
    with weft.use(trace_log=log):
        weft.Predict("photo: Image, q -> caption").run(photo=photo, q="?")

    text = "".join(p.read_text() for p in tmp_path.rglob("*") if p.is_file())
    run = next(iter(weft.read_traces(tmp_path / "traces")))

    assert photo.sha256 in text
    assert photo.base64[:20] not in text
    assert "secret" not in text
    assert run.trace.calls[0].messages[-1].media == (photo,)


def test_a_program_of_images_is_compiled_saved_and_loaded(tmp_path: Path) -> None:
    """Demos hold digests, the artifact the data, once, and the run folder none."""
    images = [weft.Image(DOT + bytes([n])) for n in range(6)]
    rows = [{"photo": i.data_url, "q": "?", "caption": i.sha256[:8]} for i in images]

    def answer(request: weft.Request) -> str:
        shown = len(request.messages) > 2
        return reads_digest(request) if shown else "[[ caption ]]\n?\n[[ /end ]]"

    caption = weft.Predict("photo: Image, q -> caption", name="caption")
    with weft.use(lm=weft.FunctionLM(answer), cache=None):
        result = weft.compile(
            *(caption, rows),
            metric=weft.metrics.exact("caption"),
            compiler=weft.compilers.LabeledFewShot(),
            budget="40 calls",
            run_dir=tmp_path / "run",
        )
        result.save(tmp_path / "caption.weft.json")
        demos = [d for m in result.program.modules.values() for d in m.parameters.demos]
        shown = {demo.values["photo"]["sha256"] for demo in demos}  # type: ignore[call-overload,index]
        del result, images, demos
        gc.collect()
        loaded = weft.load(tmp_path / "caption.weft.json")
        turns = loaded.prompt(photo=weft.Image(DOT), q="?").messages

    held = [one for turn in turns[:-1] for one in turn.media]
    assert held
    assert {one.sha256 for one in held} == shown
    assert all(one.data.startswith(DOT) for one in held)
    files = [p for p in (tmp_path / "run").rglob("*") if p.is_file()]
    data = base64.b64encode(DOT)[:16]
    holders = {p.name for p in files if data in p.read_bytes()}
    assert holders == {"best.weft.json"}


@pytest.mark.parametrize("form", ["chat", "json", "xml", "plain"])
def test_concurrency_changes_no_byte(form: str, seen: weft.FunctionLM) -> None:
    """The same requests are made for rows of images one by one and all at once."""
    rows = [{"photo": weft.Image(DOT + bytes([n])), "c": "x"} for n in range(12)]
    caption = weft.Predict("photo: Image -> c", adapter=form, repairs=0)

    for at_once in (1, 64):
        caption_rows = [{"photo": row["photo"]} for row in rows]
        caption.batch(caption_rows, concurrency=at_once, on_error="keep")

    keys = [request.key for request in seen.requests]
    assert len(keys) == 24
    assert sorted(keys[:12]) == sorted(keys[12:])


def test_an_artifact_holds_no_album() -> None:
    """Beyond a few megabytes it says what to show instead."""
    large = weft.Image(DOT + bytes(5 * 2**20))
    demo = weft.Demo({"photo": large, "caption": "c"})

    with pytest.raises(ArtifactError, match="from_url"):
        weft.save(
            weft.Predict("photo: Image -> caption").with_(demos=[demo]), "x.weft.json"
        )


def test_a_repair_shows_the_image_again(seen: weft.FunctionLM) -> None:
    """What the model is to look at is there when it is to mend its reply."""
    lm = weft.ScriptedLM(["nothing", "[[ caption ]]\na dot\n[[ /end ]]"])

    with weft.use(lm=lm):
        made = weft.Predict("photo: Image, n: int -> caption: int | str")
        made(photo=weft.Image(DOT), n=1)

    assert all(any(m.media for m in r.messages) for r in lm.requests)


def test_nested_values_and_steps_hold_media(seen: weft.FunctionLM) -> None:
    """In pydantic models of your own, and from step to module."""

    @weft.step
    def crop(photo: weft.Image) -> weft.Image:
        return weft.Image(photo.data + b"cropped")

    caption = weft.Predict("photo: Image -> caption")

    @weft.program
    def cropped(photo: weft.Image) -> str:
        return caption(photo=crop(photo)).caption

    photo = weft.Image(DOT)
    assert (
        weft.Predict("page: Page -> caption", types={"Page": Page})(
            page=Page(number=1, scan=photo)
        ).caption
        == "1f19970f"
    )
    made = cropped(photo=photo)
    assert made == weft.Image(DOT + b"cropped").sha256[:8]


def test_a_conversation_gives_a_row_a_turn() -> None:
    """Each answer is a row, with what was said before it; demos may have a history."""
    talk = [
        {"role": "user", "content": "Are you open?"},
        {"role": "assistant", "content": "Until six."},
        {"role": "user", "content": "And on Sunday?"},
        {"role": "assistant", "content": "No."},
    ]
    rows = weft.conversation_rows(talk)
    ask = weft.Predict("history: History, question -> answer")

    turns = (
        ask.with_(demos=[weft.Demo(rows[1])])
        .prompt(history=rows[1]["history"], question="?")
        .messages
    )

    assert [(row["question"], row["answer"]) for row in rows] == [
        ("Are you open?", "Until six."),
        ("And on Sunday?", "No."),
    ]
    roles = [turn.role for turn in turns]
    assert roles == ["system", *["user", "assistant"] * 3, "user"]
    assert [t.content for t in turns[5:7]] == ["Are you open?", "Until six."]


def test_documents_are_text_with_a_title() -> None:
    """In lists; they are known by their digest and shown as JSON."""
    note = weft.Document(text="Cards take five days.", title="Delivery", source="faq")
    ask = weft.Predict("sources: list[Document], q -> answer")

    (asked,) = ask.prompt(sources=[note], q="?").messages[1:]

    assert '"title": "Delivery"' in str(asked.content)
    assert "Cards" not in repr(note)
    assert len({note, note.model_copy()}) == 1


def test_tokens_of_an_image_are_estimated_and_others_unknown() -> None:
    """By OpenAI's rule for tiles: 1024 by 768 pixels are four."""
    ask = weft.Predict("photo: Image -> a")
    hear = weft.Predict("talk: Audio -> a")

    assert size_of_image(PNG) == (1024, 768)
    bare = ask.prompt(photo=weft.Image(PNG))
    assert 765 <= bare.tokens < 765 + 200
    assert "tokens are unknown" in str(hear.prompt(talk=weft.Audio(WAV)))
