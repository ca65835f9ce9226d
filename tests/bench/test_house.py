"""The house in figures: what is counted, on a house of a few lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import BenchError
from bench.house import HERE, House, room_of


def built(root: Path, files: dict[str, str]) -> House:
    """A checkout with these files."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return House(root)


SOUND = {
    "pipeline/__init__.py": "",
    "pipeline/errors.py": "x = 1\n",
    "pipeline/lm/__init__.py": "",
    "pipeline/lm/wire.py": "from ..errors import x\n",
    "pipeline/lm/models.py": "from . import wire\n",
    "modules/__init__.py": "from ..pipeline.lm.models import wire\n",
    "weft/__init__.py": "from .modules import wire\n",
}


def test_imports_are_found_however_they_are_written(tmp_path: Path) -> None:
    """Relative ones of a module or of a name in it, for checkers, and deferred ones."""
    house = built(
        tmp_path,
        {
            **SOUND,
            "pipeline/lm/late.py": "wire = deferred(__package__, 'wire')\n"
            "errors = deferred('weft.pipeline', 'errors')\n",
            "pipeline/lm/checked.py": "from typing import TYPE_CHECKING\n"
            "if TYPE_CHECKING:\n    from .wire import x\n",
        },
    )

    assert house.imports["pipeline.lm.models"] == {"pipeline.lm.wire"}
    assert house.imports["pipeline.lm.late"] == {"pipeline.lm.wire", "pipeline.errors"}
    assert house.imports["pipeline.lm.checked"] == {"pipeline.lm.wire"}
    assert house.imports["modules"] == {"pipeline.lm.models"}
    assert house.imports["weft"] == {"modules"}


def test_chains_and_circles(tmp_path: Path) -> None:
    """A chain counts its files; what closes it makes a circle."""
    house = built(tmp_path / "sound", SOUND)
    assert (house.longest_chain, house.circles) == (5, [])

    closed = {**SOUND, "pipeline/errors.py": "from .lm.models import wire\n"}
    house = built(tmp_path / "closed", closed)
    assert house.circles == [3]


def test_lines_by_room(tmp_path: Path) -> None:
    """A room is a folder of a package; links in the face are not counted twice."""
    house = built(tmp_path, SOUND)
    (tmp_path / "weft" / "pipeline").symlink_to("../pipeline")

    assert house.rooms["pipeline/lm"] == (3, 2)
    assert house.rooms["weft"] == (1, 1)
    assert room_of("pipeline.lm.wire", Path("wire.py")) == "pipeline/lm"
    assert room_of("pipeline.lm.known.book", Path("book.py")) == "pipeline/lm"


def test_a_folder_that_is_no_checkout(tmp_path: Path) -> None:
    """It is told, not counted as nothing."""
    with pytest.raises(BenchError, match="no checkout"):
        _ = House(tmp_path).files


def test_a_walk_is_counted() -> None:
    """A cached call passes fewer functions than one that goes to the wire."""
    walks = House(HERE).walks

    assert 0 < walks["cached"]["calls"] < walks["asked"]["calls"]
    assert walks["cached"]["files"] < walks["asked"]["files"]
