"""Artifacts: what is saved is what comes back, byte for byte, wherever it is loaded."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pydantic
import pytest

import weft
from tests.pipeline import saved
from weft.errors import ArtifactError
from weft.pipeline.artifact.load import parse_artifact, read_artifact
from weft.pipeline.artifact.migrate import migrated
from weft.pipeline.artifact.state import FORMAT, schema_text
from weft.pipeline.graph.digest import program_digest
from weft.pipeline.graph.program import as_program
from weft.pipeline.ground import files as atomic

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return weft.save(saved.with_demos(saved.triage), tmp_path / "triage.weft.json")


def _wiring(program: weft.Program[..., Any]) -> str:
    """The graph in words, but for the result's type, which a schema tells coarsely."""
    return repr(program.structure).rpartition(":")[0].rpartition("->")[0]


# What comes back ----------------------------------------------------------------------


@pytest.mark.parametrize("name", saved.KINDS)
def test_every_type_of_field_comes_back(name: str, tmp_path: Path) -> None:
    """A program loads without its source, and asks the model in the same bytes."""
    program = saved.one(saved.KINDS[name])

    path = weft.save(program, tmp_path / "one.weft.json")
    loaded = weft.load(path)

    assert saved.prompts(loaded) == saved.prompts(program)
    assert program_digest(loaded) == program_digest(program)
    assert _wiring(loaded) == _wiring(program)


@pytest.mark.parametrize(
    ("program", "steps"),
    [
        (saved.triage, ()),
        (saved.with_demos(saved.triage), ()),
        (saved.qa, (saved.search,)),
        (saved.checked_qa, (saved.search,)),
    ],
    ids=["one module", "demos", "steps, sampling, reasoning", "nested, function form"],
)
def test_save_load_save_gives_the_same_bytes(
    program: weft.Program[..., Any], steps: tuple[Any, ...], tmp_path: Path
) -> None:
    """Nothing is lost and nothing is added, provenance included."""
    first = tmp_path / "first.weft.json"
    weft.save(program, first, provenance={"seed": 3, "models": {"triage": "m"}})

    loaded = weft.load(first, steps=steps)
    second = weft.save(loaded, tmp_path / "second.weft.json")
    tuned = weft.load(first, program=program)
    third = weft.save(tuned, tmp_path / "third.weft.json")

    assert second.read_bytes() == first.read_bytes()
    assert third.read_bytes() == first.read_bytes()
    assert saved.prompts(loaded) == saved.prompts(tuned) == saved.prompts(program)
    assert _wiring(loaded) == _wiring(program)


def test_control_flow_comes_back(tmp_path: Path) -> None:
    """Loops, branches and lists of runs are data like the rest."""
    first = weft.save(saved.deep, tmp_path / "first.weft.json")

    loaded = weft.load(first, steps=[saved.search])
    second = weft.save(loaded, tmp_path / "second.weft.json")

    assert second.read_bytes() == first.read_bytes()
    assert saved.prompts(loaded) == saved.prompts(saved.deep)
    assert loaded.structure.describe() == saved.deep.structure.describe()
    assert loaded.structure.result is str


def test_a_loaded_program_runs_like_the_one_that_was_saved(tmp_path: Path) -> None:
    """Defaults, constants, reasoning, nesting and the function form all work."""
    path = weft.save(saved.checked_qa, tmp_path / "checked_qa.weft.json")
    loaded = weft.load(path, steps=[saved.search])

    def answer(request: weft.Request) -> str:
        asked = request.messages[-1].content + str(request.response_format)
        if "passages" in asked:
            return '{"reasoning": "r", "answer": "42", "score": 1.0}'
        for word, reply in (("query", "[[ query ]]\nq"), ("team", "[[ team ]]\napp")):
            if word in asked or word in request.messages[0].content:
                return reply + "\n[[ /end ]]"
        return "[[ sentiment ]]\nglad\n[[ /end ]]"

    with weft.use(lm=weft.FunctionLM(answer), cache=None):
        ran = [p.run(question="What is it?") for p in (saved.checked_qa, loaded)]

    assert ran[0].value == ran[1].value
    assert ran[1].value["all"] == ["42", "What is it?"]
    assert [n.path for n in ran[0].trace.nodes] == [n.path for n in ran[1].trace.nodes]


def test_other_processes_folders_and_hash_seeds_render_the_same_prompts(
    tmp_path: Path, file: Path
) -> None:
    """A prompt depends on the artifact alone."""
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); import weft, hashlib; "
        "from tests.pipeline.saved import prompts; "
        "p = prompts(weft.load(sys.argv[1])).encode(); "
        "print(hashlib.sha256(p).hexdigest())"
    )

    printed = {
        subprocess.run(
            [sys.executable, "-c", code, str(file)],
            cwd=folder,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed, folder in (("0", tmp_path), ("12345", tmp_path.parent))
    }

    assert len(printed) == 1


def test_a_golden_file_of_each_format_still_renders_its_prompts() -> None:
    """What an earlier version wrote loads, and asks the model in the same bytes."""
    files = sorted(GOLDEN.glob("*.weft.json"))

    for path in files:
        rendered = saved.prompts(weft.load(path, steps=[saved.search]))
        assert rendered + "\n" == path.with_suffix("").with_suffix(".txt").read_text()
    formats = {json.loads(p.read_text())["format"] for p in files}
    assert formats == {f"weft.program/{n}" for n in range(1, int(FORMAT[-1]) + 1)}


def test_a_file_that_says_live_needs_its_program(tmp_path: Path) -> None:
    """A type that its schema does not tell whole is refused, not loaded in part."""

    class Node(pydantic.BaseModel):
        inner: "list[Node]"

    program = saved.one(Node)
    path = weft.save(program, tmp_path / "one.weft.json")

    assert read_artifact(path).live == ["find/found"]
    with pytest.raises(ArtifactError, match="'find/found' is not all in its JSON"):
        weft.load(path)
    assert saved.prompts(weft.load(path, program=program)) == saved.prompts(program)


def test_constraints_that_no_schema_shows_need_the_live_program(
    tmp_path: Path,
) -> None:
    """JSON Schema has no bound for dates, so it would be lost in silence."""
    program = weft.Predict("text -> day: Day", types={"Day": saved.datetime.date})
    module = as_program(program)
    assert "live" not in json.loads(
        weft.save(module, tmp_path / "a.weft.json").read_text()
    )

    class Dated(weft.Signature):
        text: str = weft.Input()
        day: saved.datetime.date = weft.Output(ge=saved.datetime.date(2020, 1, 1))

    late = as_program(weft.Predict(Dated, name="late"))
    path = weft.save(late, tmp_path / "late.weft.json")

    assert read_artifact(path).live == ["late/day"]


def test_a_type_with_code_of_its_own_needs_the_live_program(tmp_path: Path) -> None:
    """A file cannot hold a validator, and an answer must not pass without it."""

    class Even(pydantic.BaseModel):
        number: int

        @pydantic.field_validator("number")
        @classmethod
        def is_even(cls, value: int) -> int:
            if value % 2:
                raise ValueError("odd")
            return value

    path = weft.save(saved.one(list[Even]), tmp_path / "one.weft.json")

    assert read_artifact(path).live == ["find/found"]


# Reading it ---------------------------------------------------------------------------


def test_an_artifact_reads_well_in_a_diff(file: Path) -> None:
    """Instructions are lists of lines, keys are sorted, short values are one line."""
    text = file.read_text("utf-8")
    module = json.loads(text)["program"]["modules"]["triage"]

    assert module["instruction"] == ["Route it.", "", "Two lines — and a blank."]
    assert list(module) == sorted(module)
    assert '"source": "r1"' in text
    assert max(len(line) for line in text.splitlines()) < 200


def test_schemas_and_demos_keep_their_order(tmp_path: Path) -> None:
    """A prompt shows them in that order, so sorting would change the prompt."""
    demo = weft.Demo({"text": "t", "found": {"title": "b", "page": 1, "tags": ["z"]}})
    program = saved.one(saved.Source).with_parameters({"find/demos": [demo]})

    loaded = weft.load(weft.save(program, tmp_path / "one.weft.json"))

    assert saved.prompts(loaded) == saved.prompts(program)
    assert list(loaded.parameters["find/demos"][0].values["found"]) == [
        *("title", "page", "tags")
    ]


def test_the_digest_tells_behaviour_from_provenance(tmp_path: Path) -> None:
    """Two files of one behaviour have one digest; a changed word gives another."""
    digests = [
        read_artifact(weft.save(program, tmp_path / "a.weft.json", provenance=made))
        for program, made in (
            (saved.triage, {"seed": 1}),
            (saved.triage, {"seed": 2}),
            (saved.with_demos(saved.triage), {"seed": 1}),
        )
    ]

    assert digests[0].digest == digests[1].digest != digests[2].digest
    assert digests[0].digest == program_digest(saved.triage)


def test_a_hand_edit_is_noticed_and_can_be_accepted(file: Path) -> None:
    """The digest says that a file was edited; an empty one accepts it."""
    text = file.read_text("utf-8").replace("Route it.", "Route it!")
    file.write_text(text, "utf-8")

    with pytest.raises(ArtifactError, match='empty the "digest" line'):
        weft.load(file)
    digest = json.loads(text)["digest"]
    file.write_text(text.replace(digest, ""), "utf-8")
    assert weft.load(file).parameters["triage/instruction"].startswith("Route it!")


def test_origin_says_where_a_program_came_from(file: Path) -> None:
    """A loaded program knows its file; a changed one is another program."""
    loaded = weft.load(file)
    came = weft.origin(loaded)

    assert came is not None
    assert came.where == str(file)
    assert came.digest == program_digest(loaded)
    assert weft.origin(loaded.with_parameters({"triage/demos": []})) is None


# Migrations ---------------------------------------------------------------------------


def test_older_formats_are_migrated_step_by_step() -> None:
    """Each migration is a pure function to the next format."""
    steps: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
        "weft.program/-1": lambda d: {"format": "weft.program/0", "title": d["t"]},
        "weft.program/0": lambda d: {"format": FORMAT, "name": d["title"]},
    }
    old = {"format": "weft.program/-1", "t": "qa"}

    assert migrated(old, "f", steps) == {"format": FORMAT, "name": "qa"}
    assert old == {"format": "weft.program/-1", "t": "qa"}


def test_a_newer_format_says_to_upgrade(file: Path) -> None:
    """A file of tomorrow is no damaged file."""
    text = file.read_text("utf-8").replace(FORMAT, "weft.program/3")

    with pytest.raises(ArtifactError, match="Upgrade weft: git pull"):
        parse_artifact(text, "tomorrow.weft.json")


def test_the_published_schema_is_the_one_that_is_read(file: Path) -> None:
    """The file in docs/ is the reader's own schema; artifacts are valid by it."""
    published = ROOT / "docs" / "weft.program-2.schema.json"
    schema = json.loads(published.read_text("utf-8"))

    assert published.read_text("utf-8") == schema_text()
    for path in (file, *GOLDEN.glob("*-2.weft.json")):
        jsonschema.validate(json.loads(path.read_text("utf-8")), schema)
    with pytest.raises(jsonschema.ValidationError, match="api_base"):
        jsonschema.validate({"format": FORMAT, "api_base": "x"}, schema)


def test_files_of_an_older_format_keep_their_schema() -> None:
    """Whoever checks files of an earlier weft by their schema still can."""
    text = (ROOT / "docs" / "weft.program-1.schema.json").read_text("utf-8")
    files = sorted(GOLDEN.glob("*-1.weft.json"))

    for path in files:
        jsonschema.validate(json.loads(path.read_text("utf-8")), json.loads(text))
    assert files


# Saving -------------------------------------------------------------------------------


def test_another_ending_is_refused(tmp_path: Path) -> None:
    """The ending is how packages and tools find artifacts."""
    with pytest.raises(ArtifactError, match=r"Write 'triage\.weft\.json'"):
        weft.save(saved.triage, tmp_path / "triage.json")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["open", "write", "fsync", "replace", "close"])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_failing_disk_never_harms_the_old_file(
    name: str, nth: int, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever operation fails, the file is the old or the new one, and no other."""
    old, real, count = file.read_bytes(), getattr(os, name), 0

    def failing(*args: Any, **kwargs: Any) -> Any:
        nonlocal count
        count += 1
        if count == nth:
            if name == "close":
                real(*args, **kwargs)
            raise OSError(28, "No space left on device")
        return real(*args, **kwargs)

    monkeypatch.setattr(atomic.os, name, failing)
    said = ""
    try:
        weft.save(saved.triage, file)
    except ArtifactError as error:
        said = str(error)
    monkeypatch.undo()
    failed = "No space left" in said

    assert failed == (count >= nth)
    assert [p.name for p in file.parent.iterdir() if p.suffix != ""] == [file.name]
    whole = {old, weft.save(saved.triage, file.parent / "new.weft.json").read_bytes()}
    assert file.read_bytes() in whole
    if failed and name in ("open", "write", "replace") and nth == 1:
        assert file.read_bytes() == old


def test_short_writes_still_write_the_whole_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that takes 7 bytes at a time gets them all."""
    real = os.write
    monkeypatch.setattr(atomic.os, "write", lambda fd, data: real(fd, data[:7]))

    weft.save(saved.triage, file)

    assert read_artifact(file).name == "triage"


def test_what_could_not_be_loaded_is_not_saved(file: Path) -> None:
    """A file that every reader refuses as too large is refused before it is written."""
    old = file.read_bytes()
    huge = saved.triage.with_parameters({"triage/instruction": "x" * 9_000_000})

    with pytest.raises(ArtifactError, match="8388608"):
        weft.save(huge, file)
    assert file.read_bytes() == old


def test_a_constant_that_is_no_data_is_refused(tmp_path: Path) -> None:
    """A file cannot hold an object, and says where it stands."""

    @weft.step
    def use(text: str, tool: Any) -> str:
        return text

    @weft.program
    def fixed(text: str) -> str:
        return use(text, print)

    with pytest.raises(ArtifactError, match=r"use\.tool is fixed to a builtin_func"):
        weft.save(fixed, tmp_path / "fixed.weft.json")


def test_nothing_of_a_model_lands_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys, endpoints and headers are settings of whoever runs a program."""
    canaries = ["sk-canary-1", "canary2.example", "canary-3", "sk-canary-4"]
    monkeypatch.setenv("OPENAI_API_KEY", canaries[3])
    lm = weft.LM(
        "openai/secret-model",
        api_base=f"https://user:pw@{canaries[1]}/v1",
        api_key=canaries[0],
        headers={"X-Key": canaries[2]},
        extra={"top_k": 77123},
    )
    module = weft.Predict(saved.Triage, name="triage", lm=lm)
    program = as_program(module)

    with weft.use(lm=lm):
        text = weft.save(program, tmp_path / "triage.weft.json").read_text()

    assert [c for c in (*canaries, "pw@", "secret-model", "77123") if c in text] == []
    assert weft.load(tmp_path / "triage.weft.json").modules["triage"].lm is None
