"""What an edition of a form sends stays as it is, whatever later editions send."""

import json
import shutil
from pathlib import Path
from typing import Any

import weft
from tests.pipeline.requested import lines_of

EDITION_1 = Path(__file__).parent / "golden" / "edition-1"


def _rows() -> list[dict[str, Any]]:
    words = {"cards": ("card", "chip", "pin"), "app": ("screen", "login", "button")}
    return [
        {"message": f"my {word} number {n} fails", "team": team}
        for n in range(10)
        for team, some in words.items()
        for word in some
    ]


def _team(request: weft.Request) -> str:
    """A model that learns of apps where it is shown more than it was at first."""
    *shown, asked = [m.content for m in request.messages if m.role != "system"]
    known = len(shown) > 2 * 2  # more demos than the artifact has
    about_app = any(word in asked for word in ("screen", "login", "button"))
    team = "app" if about_app and known else "cards"
    fence = "#1" if "#1 ]]" in asked else ""
    return f"[[ team{fence} ]]\n{team}\n[[ /end{fence} ]]"


def compiled(run_dir: Path, lm: Any) -> weft.Result[..., Any, Any]:
    """The compile whose journal is kept."""
    with weft.use(lm=lm, cache=None):
        return weft.compile(
            weft.load(EDITION_1 / "triage-chat.weft.json"),
            _rows(),
            metric=weft.metrics.exact("team"),
            compiler=weft.compilers.BootstrapRandomSearch(candidates=4),
            budget="400 calls",
            run_dir=run_dir,
        )


def test_requests_of_edition_1_stay_byte_for_byte() -> None:
    """Messages, mending, response_format and cache keys, with and without a schema."""
    kept = (EDITION_1 / "requests.jsonl").read_text("utf-8")

    now = lines_of(EDITION_1)

    assert kept.count("\n") == 148
    assert now == kept


def test_a_compile_of_edition_1_goes_on_in_it(tmp_path: Path) -> None:
    """Its journal answers what is asked again; all else is asked in its edition."""
    shutil.copy(EDITION_1 / "journal.jsonl", tmp_path)
    lines = (EDITION_1 / "journal.jsonl").read_text("utf-8").splitlines()
    held = [json.loads(line.partition(" ")[2]) for line in lines]
    kept = {line["key"] for line in held if "key" in line}
    asked: list[weft.Request] = []
    lm = weft.FunctionLM(lambda r: asked.append(r) or _team(r), model="golden")

    result = compiled(tmp_path, lm)

    # Labelled rows are demos since then, so that some candidates are others.
    assert result.report.calls - len(asked) > len(kept) // 3
    assert kept.isdisjoint(request.key for request in asked)
    assert all("Begin your reply" not in r.messages[-1].text for r in asked)
    kept_as = result.save(tmp_path / "compiled.weft.json").read_text("utf-8")
    assert '"adapter": "chat"' in kept_as
    assert '"edition": 2' not in kept_as
