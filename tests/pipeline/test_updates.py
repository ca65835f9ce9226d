"""Low-rank updates as a parameter: whom they refuse, and how they are kept.

Nothing here needs torch: what holds, writes and refuses them computes nothing.
"""

from __future__ import annotations

import contextlib
import json
import struct
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import pytest

import weft
from tests.server import Server
from weft.pipeline.artifact import soft as files
from weft.pipeline.errors import ArtifactError, ConfigError
from weft.pipeline.lm.request import Message, Request
from weft.pipeline.lm.soft.file import LORA_SUFFIX, SUFFIX, read_vectors
from weft.pipeline.lm.soft.lora import DOWN, UP, Lora, matrix_name

BASE = "sha256:" + "0" * 64
AT = "model.layers.0.self_attn.q_proj"


class Triage(weft.Signature):
    """Route the message."""

    message: str = weft.Input()
    team: Literal["cards", "loans"] = weft.Output()


def numbers(count: int, first: float = 0.25) -> bytes:
    return struct.pack(f"<{count}f", first, *([0.25] * (count - 1)))


def updates(*, first: float = 0.5, **options: Any) -> Lora:
    """Of rank 2, from 3 numbers to 4."""
    tensors = {
        matrix_name(AT, DOWN): (2, 3, numbers(6, first)),
        matrix_name(AT, UP): (4, 2, numbers(8)),
    }
    given: dict[str, Any] = {
        "name": "triage",
        "rank": 2,
        "alpha": 4.0,
        "targets": ("q_proj",),
        "tensors": tensors,
        "model": BASE,
    }
    return Lora(**{**given, **options})


def words() -> weft.Soft:
    return weft.Soft("triage", "after", numbers(4), 2, 2, BASE)


def knowing(*names: str) -> weft.LM:
    """A model at an address that nobody asks, which has some updates."""
    able = {"lora": names, "soft": ("triage",)}
    return weft.LM("m", api_base="http://127.0.0.1:9/v1", abilities=able)


def triage(lora: Lora | None, **options: Any) -> Any:
    """The module with updates, asking somebody who has them."""
    lm = options.pop("lm", knowing("triage"))
    made = weft.Predict(Triage, name="triage", adapter="plain/1:", lm=lm)
    return made.with_(lora=lora, **options)


def test_a_prompt_is_what_it_was() -> None:
    """Updates change who reads it, and no letter of it."""
    plain, tuned = [triage(one).prompt(message="Hi") for one in (None, updates())]

    assert plain.messages == tuned.messages


@pytest.mark.parametrize(
    "lm",
    [knowing(), knowing("other"), knowing("triage@000000000000"), "embedded"],
    ids=["none", "others", "other numbers", "stand-in"],
)
def test_a_model_without_them_refuses_before_the_call(lm: Any) -> None:
    """Nothing is reserved, sent or cached; the remedy says what to do."""
    ledger = weft.Ledger()
    with (
        weft.use(cache=None, budget=ledger),
        pytest.raises(ConfigError, match="low-rank updates 'triage'") as caught,
    ):
        triage(updates(), lm=lm)(message="Hi")

    assert ledger.spent().calls == 0
    assert "weft soft adapter" in caught.value.hint
    assert "soft=False" in caught.value.hint


def test_the_matrices_are_in_the_key_of_a_request() -> None:
    """By their digest, in which their scale is: two trainings share no answer."""
    turns = (Message("user", "Hi"),)
    some = (None, updates(), updates(first=0.75), updates(alpha=2.0))
    keys = [Request("m", turns, lora=one).key for one in some]

    assert len({*keys}) == 4
    assert Request("m", turns, lora=updates()).key == keys[1]
    assert Request("m", turns).key == keys[0]


def test_counts_and_names_are_those_of_peft() -> None:
    made = updates()

    assert made.count == 2 * (3 + 4)
    assert made.projections == (AT,)
    assert made.scale == 2.0
    assert {*made.tensors} == {
        f"base_model.model.{AT}.lora_A.weight",
        f"base_model.model.{AT}.lora_B.weight",
    }


WHOLE = updates().tensors
ODD = {**WHOLE, matrix_name(AT, DOWN): (2, 3, struct.pack("<6f", *[float("inf")] * 6))}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "a|b"}, "is no name of low-rank updates"),
        ({"alpha": 0}, "is no scale"),
        ({"alpha": float("nan")}, "is no scale"),
        ({"rank": 0}, "is no rank"),
        ({"rank": True}, "is no rank"),
        ({"rank": 3}, "is of no such rank"),
        ({"model": "smollm2"}, "is no digest"),
        ({"targets": ("v_proj",)}, "of no target"),
        ({"tensors": {}}, "has no two matrices"),
        ({"tensors": {matrix_name(AT, UP): (4, 2, numbers(8))}}, "has no two matrices"),
        ({"tensors": {**WHOLE, "x.lora_A.weight": (2, 1, numbers(2))}}, "of no target"),
        ({"tensors": {**WHOLE, matrix_name(AT, UP): (4, 2, b"12")}}, "is not 4 rows"),
        ({"tensors": ODD}, "is not finite"),
    ],
)
def test_what_cannot_be_updates_says_why(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        updates(**change)

    assert caught.value.hint


def test_no_text_is_updates() -> None:
    with pytest.raises(ConfigError, match=r"lora must be weft\.Lora updates, or None"):
        triage("triage")  # type: ignore[arg-type]


def test_an_artifact_and_its_matrices_come_back_as_they_were(tmp_path: Path) -> None:
    """The same bytes when it is saved again; soft words lie in a file of their own."""
    both = triage(updates(), soft=words())
    path = weft.save(both, tmp_path / "triage.weft.json")
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}

    again = weft.load(path)
    weft.save(again, path)

    assert {*before} == {
        "triage.weft.json",
        f"triage{SUFFIX}",
        f"triage{LORA_SUFFIX}",
    }
    assert again.parameters.lora == updates()
    assert again.parameters.lora.tensors == updates().tensors
    assert again.parameters.soft == words()
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
    weft.save(again.with_(lora=None), path)
    assert not files.beside(path, LORA_SUFFIX).exists()
    assert weft.load(path).parameters.soft == words()


def test_a_missing_or_altered_file_is_refused(tmp_path: Path) -> None:
    path = weft.save(triage(updates()), tmp_path / "triage.weft.json")
    file = files.beside(path, LORA_SUFFIX)
    whole = file.read_bytes()
    other = updates(first=0.75)

    for data, said in (
        (None, "is missing"),
        (whole[:-4] + b"\0\0\0\x40", "was altered"),
        (files.bytes_of(files.tensors_of(other)), "was altered"),
        (whole[:-1], "are not where they should be|belong to nothing"),
        (b"", "holds no low-rank updates"),
        (b"\x80\x04\x95" * 9, "holds no low-rank updates"),
        (whole + b"more", "belong to nothing"),
    ):
        file.unlink() if data is None else file.write_bytes(data)
        with pytest.raises(ArtifactError, match=said):
            weft.load(path)
        assert weft.load(path, soft=False).parameters.lora is None


@pytest.mark.parametrize(
    "change",
    [
        {"rank": 1},
        {"alpha": 8.0},
        {"alpha": -1.0},
        {"count": 15},
        {"targets": ["v_proj"]},
        {"targets": ["../q"]},
        {"sha256": "x"},
        {"name": "a b"},
        {"more": 1},
    ],
)
def test_a_planted_description_is_refused(tmp_path: Path, change: Any) -> None:
    path = weft.save(triage(updates()), tmp_path / "triage.weft.json")
    data = json.loads(path.read_text())
    data["digest"] = ""
    data["program"]["modules"]["triage"]["lora"] |= change
    path.write_text(json.dumps(data))

    with pytest.raises(ArtifactError):
        weft.load(path)


def test_a_kill_between_the_files_leaves_ones_that_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old or new, whichever step of the write is the last one."""
    path = tmp_path / "triage.weft.json"
    old, new = updates(first=1.0), updates(first=2.0)
    seen: list[bool] = []
    for step in range(6):
        weft.save(triage(old, soft=words()), path)
        count = iter(range(9))
        for name in ("write_bytes", "write_whole"):
            real = getattr(files, name)

            def writes(
                *given: Any, real: Any = real, at: int = step, count: Any = count
            ) -> None:
                if next(count) == at:
                    raise KeyboardInterrupt
                real(*given)

            monkeypatch.setattr(files, name, writes)
        with contextlib.suppress(KeyboardInterrupt):
            weft.save(triage(new, soft=words()), path)
        monkeypatch.undo()
        seen.append(weft.load(path).parameters.lora == new)

    assert seen == [False, False, False, True, True, True]
    assert len(read_vectors(files.beside(path, LORA_SUFFIX))) == 2


def test_diff_show_and_explain_tell_of_them(tmp_path: Path) -> None:
    """Rank, scale and projections; never the numbers."""
    from weft.pipeline.graph.program import as_program
    from weft.pipeline.measure.explain import ablations

    path = weft.save(triage(updates()), tmp_path / "triage.weft.json")
    told = f"triage: rank 2, alpha 4, of q_proj, 14 numbers, {updates().digest[7:19]}"

    assert f"+ {told}" in str(weft.diff(triage(None), path))
    assert f"low-rank updates: {told}" in weft.show(path)
    assert ablations(as_program(triage(updates()))) == {
        "triage/lora": {"triage/lora": None}
    }


def test_versions_and_packages_hold_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An earlier version comes back with its own numbers, and a package imports."""
    folder = tmp_path / "tuned"
    path = folder / "triage.weft.json"
    weft.save(triage(updates(first=1.0)), path)
    old = json.loads(path.read_text())["digest"]
    weft.save(triage(updates(first=2.0)), path, history=True)

    weft.rollback(path, to=old)
    weft.package(folder)
    monkeypatch.syspath_prepend(str(tmp_path))
    import tuned  # type: ignore[import-not-found]

    assert weft.load(path).parameters.lora == updates(first=1.0)
    assert tuned.triage.parameters.lora == updates(first=1.0)


def test_the_text_only_variant_has_none(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="low-rank updates"):
        weft.save(
            triage(updates()), tmp_path / "a.weft.json", text_only=triage(updates())
        )


@pytest.mark.parametrize(
    ("model", "said"),
    [("openai/gpt-5-mini", "does not run here"), ("embedded", "does not run here")],
)
def test_adapters_are_for_models_that_run_here(model: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        weft.LM(model, lora="triage.gguf")


def gguf_of(path: Path, **told: str) -> Path:
    """A GGUF file of a head alone, with texts in it."""
    made = b"GGUF" + struct.pack("<IQQ", 3, 0, len(told))
    for name, text in told.items():
        for part in (name.replace("__", "."), text):
            raw = part.encode()
            made += struct.pack("<Q", len(raw)) + raw
            made += struct.pack("<I", 8) if part != text else b""
    path.write_bytes(made)
    return path


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if llama.cpp were here; nothing is started."""
    from weft.pipeline.lm.local import weights

    monkeypatch.setattr(weights, "require_llama", lambda *_, **__: None)


def test_a_served_model_has_the_adapters_that_are_given(
    tmp_path: Path, served: None
) -> None:
    """By what their files say; each once, and the same endpoint for untuned calls."""
    base = gguf_of(tmp_path / "base.gguf", general__architecture="llama")
    plain = weft.LM(f"local/{base}")
    digest = plain.weights.digest  # type: ignore[union-attr]
    told = {"name": "triage", "sha256": BASE, "model": f"sha256:{digest}"}
    kind = {"adapter__type": "lora"}
    file = str(gguf_of(tmp_path / "a.gguf", **kind, weft__lora=json.dumps(told)))
    other = {**told, "model": BASE}
    odd = str(gguf_of(tmp_path / "b.gguf", **kind, weft__lora=json.dumps(other)))
    theirs = str(gguf_of(tmp_path / "c.gguf", **kind))

    lm = weft.LM(f"local/{base}", lora=[file, file])

    assert lm.abilities.lora == ("triage@000000000000",)
    assert lm.endpoint == plain.endpoint
    assert lm.weights != plain.weights
    assert weft.LM(**lm.portable()).abilities.lora == lm.abilities.lora
    for wrong, said in (
        (odd, "is of the weights 000000000000"),
        (theirs, "is no adapter that weft wrote"),
        (str(base), "is no adapter that weft wrote"),
        (str(tmp_path / "none.gguf"), "does not exist"),
        ([7], "does not exist"),
    ):
        with pytest.raises(ConfigError, match=said):
            weft.LM(f"local/{base}", lora=wrong)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="is an adapter, and no model"):
        weft.LM(f"local/{file}")


async def test_a_call_names_its_own_adapter(
    tmp_path: Path, served: None, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And one without any names none, so that the base model answers."""
    from weft.pipeline.lm.local import calls

    made, other = updates(), updates(first=0.75)
    base = gguf_of(tmp_path / "base.gguf", general__architecture="llama")
    model = f"sha256:{weft.LM(f'local/{base}').weights.digest}"  # type: ignore[union-attr]
    adapters = [
        gguf_of(
            tmp_path / f"{at}.gguf",
            adapter__type="lora",
            weft__lora=json.dumps({"name": "t", "sha256": one, "model": model}),
        )
        for at, one in enumerate((other.digest, made.digest))
    ]
    lm = weft.LM(f"local/{base}", lora=[*map(str, adapters)])

    async def running(_: object) -> Any:
        return SimpleNamespace(url=server.url, key="k")

    monkeypatch.setattr(calls.SERVERS, "running", running)
    for one in (None, other, made):
        await lm.complete(Request(lm.model, (Message("user", "Hi"),), lora=one))

    sent = [seen.body["lora"] for seen in server.seen]
    scales = [[one["scale"] for one in loras] for loras in sent]
    assert scales == [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    assert all([one["id"] for one in loras] == [0, 1] for loras in sent)


def test_no_export_drops_them() -> None:
    """A program is told apart from one without them."""
    made = weft.Predict(Triage, name="triage").with_(lora=updates())

    with pytest.raises(ConfigError, match=r"low-rank updates.*with_\(lora=None\)"):
        weft.export(made, to="dspy")
