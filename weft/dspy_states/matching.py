"""Which module of a program a predictor in a state is for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..pipeline.errors import ArtifactError, did_you_mean
from ..pipeline.graph.program import Program
from .counterparts import Predictor, inner_name, predictors_of


def matched(
    names: Iterable[str],
    program: Program[..., Any],
    rename: Mapping[str, str],
    where: str,
) -> dict[str, Predictor]:
    """What each predictor of a state is for, by its name there.

    Where a program is one thing, a module or all inside one, the names may leave it
    out, as those of a state of that thing do; and so may the targets of `rename`.

    Args:
        names: The predictors.
        program: The live program.
        rename: Paths of modules, by predictors.
        where: The file, for messages.

    Raises:
        ArtifactError: There is no module for a predictor, or one for two of them.
    """
    names = [*names]
    known = {one.path: one for one in predictors_of(program)}
    firsts = {path.partition("/")[0] for path in known}
    single = firsts.pop() if len(firsts) == 1 else ""
    found: dict[str, Predictor] = {}
    for name in names:
        target = rename.get(name)
        if target is None:
            paths = [*_paths(name, known.values(), single)]
            paths += known if len(names) == len(known) == 1 else ()
        else:
            paths = [target, f"{single}/{target}"]
        path = next((path for path in paths if path in known), None)
        if path is None:
            asked = target or name.replace(".", "/")
            raise ArtifactError(
                f"{where}: the program has no module for the predictor {name!r}",
                hint=f'Give rename={{"{name}": "module"}}. '
                f"{did_you_mean(asked, known)}",
            )
        found[name] = known[path]
    _refuse_doubles(found, where)
    return found


def _paths(name: str, known: Iterable[Predictor], single: str) -> Iterator[str]:
    """Where the module of a predictor may be, the likeliest first."""
    for one in known:
        if name in (one.name, inner_name(one.name, single)):
            yield one.path
    path = name.replace(".", "/")
    # What is a ChainOfThought there may be a module of another kind here.
    for each in (path, path.removesuffix("/predict"), path.removesuffix("predict")):
        yield from (each, f"{single}/{each}")


def _refuse_doubles(found: Mapping[str, Predictor], where: str) -> None:
    """Refuse two predictors for one module: one of them would be lost."""
    first: dict[str, str] = {}
    for name, one in found.items():
        other = first.setdefault(one.path, name)
        if other != name:
            raise ArtifactError(
                f"{where}: the predictors {other!r} and {name!r} are both for the "
                f"module {one.path!r}",
                hint=f'Give rename={{"{name}": "module"}} with a module of its own',
            )
