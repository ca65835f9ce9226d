"""What differs between two programs: structure, contracts, parameters, figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ..graph.digest import digits_of
from ..ground import strictjson
from ..ground.shapes import as_dict
from ..ground.words import counted
from .changed import demos_changed, lines_changed, rules_changed, words_changed
from .describe import Target, data_of, modules_in_order, structure_lines, visibly
from .editions import told_of_newer
from .fit import field_diff
from .state import ArtifactFile, ModuleState, compiled_score

_CHARS_PER_TOKEN = 4
_BY_OUTPUT = {"rule": rules_changed, "words": words_changed}
"""What decisions are made by, which settings hold by output."""


@dataclass(frozen=True)
class Diff:
    """How a program became another; lines start with "-" or "+" as in other diffs.

    Args:
        before: The first one's name and digest.
        after: The second one's.
        structure: Lines of the graph that went or came.
        signatures: By module path, what changed about its fields.
        parameters: By `module/slot`, the lines, demos or settings that went or came.
        figures: Scores, spend and prompt size, each as "before -> after".
        editions: Which newer editions of recorded forms there are, and how to verify
            them.
    """

    before: str
    after: str
    structure: tuple[str, ...] = ()
    signatures: Mapping[str, tuple[str, ...]] = field(
        default_factory=dict[str, tuple[str, ...]]
    )
    parameters: Mapping[str, tuple[str, ...]] = field(
        default_factory=dict[str, tuple[str, ...]]
    )
    figures: Mapping[str, str] = field(default_factory=dict[str, str])
    editions: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether the two can behave differently; figures and news do not count."""
        return bool(self.structure or self.signatures or self.parameters)

    def __str__(self) -> str:
        lines = [f"--- {self.before}", f"+++ {self.after}"]
        if self.structure:
            lines += ["structure", *_indented(self.structure)]
        for title, changed in (*self.signatures.items(), *self.parameters.items()):
            lines += [title, *_indented(changed)]
        if not self:
            lines.append("nothing changed")
        lines += [f"{name}: {text}" for name, text in self.figures.items()]
        lines += self.editions
        return visibly("\n".join(lines))


def diff(before: Target, after: Target) -> Diff:
    """What differs between two programs or artifacts; nothing is run.

    Args:
        before: A program, a module, or the path of an artifact.
        after: The same.

    Raises:
        ArtifactError: A file cannot be read.

    >>> import weft
    >>> first = weft.Predict("text -> mood", "Say how it feels.", name="feel")
    >>> print(diff(first, first.with_(instruction="Name the mood.")))
    --- feel ...
    +++ feel ...
    feel/instruction
      - Say how it feels.
      + Name the mood.
    prompt: about 5 tokens -> 4 tokens
    """
    old, new = data_of(before), data_of(after)
    olds, news = (dict(modules_in_order(data.program)) for data in (old, new))
    signatures: dict[str, tuple[str, ...]] = {}
    parameters: dict[str, tuple[str, ...]] = {}
    for path in (path for path in olds if path in news):
        was, now = olds[path], news[path]
        signatures[path] = tuple(_contract(was, now))
        parameters |= {f"{path}/{s}": c for s, c in _slots(was, now) if c}
    signatures |= {path: ("- module",) for path in olds if path not in news}
    signatures |= {path: ("+ module",) for path in news if path not in olds}
    # Both graphs under one name: a program that was only renamed is the same.
    lines = (structure_lines(new.name, data.program) for data in (old, new))
    news_of_forms = map(told_of_newer, (before, after))
    return Diff(
        _named(old),
        _named(new),
        tuple(lines_changed(*lines)),
        {path: changes for path, changes in signatures.items() if changes},
        parameters,
        _figures(old, new),
        tuple(dict.fromkeys(filter(None, news_of_forms))),
    )


def _slots(old: ModuleState, new: ModuleState) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield "instruction", tuple(lines_changed(old.instruction, new.instruction))
    yield (
        "demos",
        tuple(demos_changed(*([d.demo for d in m.demos] for m in (old, new)))),
    )
    mine, theirs = _settings(old), _settings(new)
    for slot in mine:
        yield slot, tuple(lines_changed([mine[slot]], [theirs[slot]]))
    told = ([f"{n}: {text}" for n, text in m.descriptions.items()] for m in (old, new))
    yield "descriptions", tuple(lines_changed(*told))
    for slot in ("context", "glossary"):
        said = ([f"{n}: {t}" for n, t in getattr(m, slot).items()] for m in (old, new))
        yield slot, tuple(lines_changed(*said))
    shown = ([d.demo for d in m.illustrations] for m in (old, new))
    yield "illustrations", tuple(demos_changed(*shown))
    words = (m.soft.lines if m.soft is not None else [] for m in (old, new))
    yield "soft", tuple(lines_changed(*words))
    tuned = (m.lora.lines if m.lora is not None else [] for m in (old, new))
    yield "lora", tuple(lines_changed(*tuned))
    for name in dict.fromkeys((*old.settings, *new.settings)):
        if name in _BY_OUTPUT:
            both = (as_dict(m.settings.get(name)) for m in (old, new))
            yield name, tuple(_BY_OUTPUT[name](*both))
            continue
        pair = (m.settings for m in (old, new))
        lines = ([strictjson.canonical(s[name])] if name in s else [] for s in pair)
        yield name, tuple(lines_changed(*lines))


def _settings(state: ModuleState) -> dict[str, str]:
    settings = {
        "nearest": state.nearest,
        "adapter": str(state.form),
        "sampling": state.sampling,
        "model": state.model,
        "repairs": state.repairs,
    }
    return {slot: strictjson.canonical(value) for slot, value in settings.items()}


def _contract(old: ModuleState, new: ModuleState) -> Iterator[str]:
    if old.kind != new.kind:
        yield f"it was a {old.kind}, now a {new.kind}"
    pairs = [[(f.name, f.role, f.schema_) for f in m.fields] for m in (old, new)]
    if pairs[0] != pairs[1]:
        yield from field_diff(*pairs)
    if old.returns != new.returns:
        gave, gives = (m.returns or "all of it" for m in (old, new))
        yield f"it gave back {gave}, and now gives {gives}"
    yield from lines_changed(*([f"step {s}" for s in m.steps] for m in (old, new)))
    said = {f.name: f.description for f in old.fields}
    for now in new.fields:
        if said.get(now.name, now.description) != now.description:
            yield f"{now.name!r} was described as {said[now.name]!r}, now as "
            yield f"  {now.description!r}"


def _figures(old: ArtifactFile, new: ArtifactFile) -> dict[str, str]:
    shown: dict[str, str] = {}
    for name, said in (("score", _score), ("compile", _spend), ("prompt", _tokens)):
        before, after = said(old), said(new)
        if before != after:
            about = "about " if name == "prompt" else ""
            shown[name] = f"{about}{before or 'unknown'} -> {after or 'unknown'}"
    return shown


def _score(data: ArtifactFile) -> str:
    shown = [f"{100 * figure:.1f}" for figure in compiled_score(data.provenance)]
    return f"{shown[0]} [{', '.join(shown[1:])}]" if shown else ""


def _spend(data: ArtifactFile) -> str:
    spend = as_dict(data.provenance.get("spend"))
    if not spend:
        return ""
    usd = spend.get("usd")
    price = f"${usd:.4f}" if isinstance(usd, int | float) else "price unknown"
    return f"{counted(str(spend.get('calls')), 'call')}, {price}"


def _tokens(data: ArtifactFile) -> str:
    """Tokens of instructions and demos, estimated: four characters each."""
    chars = 0
    for _, module in modules_in_order(data.program):
        chars += sum(len(line) for line in module.instruction)
        pool = [len(strictjson.dumps(list(d.values.values()))) for d in module.demos]
        chars += sum(map(len, module.descriptions.values()))
        told = (*module.context.items(), *module.glossary.items())
        chars += sum(len(text) for pair in told for text in pair)
        shown_too = (d.values.values() for d in module.illustrations)
        chars += sum(len(strictjson.dumps(list(values))) for values in shown_too)
        shown = min(module.nearest or len(pool), len(pool))
        chars += sum(pool) * shown // max(1, len(pool))
    return counted(-(-chars // _CHARS_PER_TOKEN), "token")


def _named(data: ArtifactFile) -> str:
    return f"{data.name} {digits_of(data.digest)}".rstrip()


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"  {line}" for line in lines]
