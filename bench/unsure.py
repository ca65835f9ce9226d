"""Decisions that are unsure: what is held back, and how well the risk is kept.

Three tables. Planted worlds: how often the true risk is above the one that was asked
for. clinc150 with questions out of scope: a planted model that is the nearest train row
(one neighbour, tf-idf of 2 to 4 characters) behind `weft.Classify`, with a threshold
from dev rows alone, beside the same by scikit-learn. With `--local NAME` a model that
runs here decides between the domains of clinc150: its coverage curve as it comes out.
"""

from __future__ import annotations

import json
import math
import random
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import weft
from weft.pipeline.measure.coverage.within import Answer, within

from . import BenchError, Findings, Row, bench_python
from ._data import DATA, read_lines

__all__ = ["World", "kept_back", "nearest_rows", "run", "worlds_held"]

PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "bench-unsure.md"
ROWS: Final = DATA / "clinc150_oos.jsonl"
DRAWS: Final = 1000
_STEPS: Final = 200
SURE: Final = 0.9
ASKED: Final = 0.4
"""The risk that is asked for on clinc150, where a neighbour among four rows a class is
right on 58 % of the dev rows in scope."""
PRIOR_ROWS: Final = 50
OUT: Final = "oos"
_HEAD: Final = """\
# Unsure decisions, measured

Written by `python -m bench unsure{local} --write`; nothing in it is chosen by hand.

## Planted worlds

How often the true risk of what is answered is above the risk that was asked for, of
{draws} draws each, where 10 % is promised; and how often no threshold is found.

| world | rows | risk asked | risk above it, % | none found, % | answered, % |
|---|---|---|---|---|---|
"""


@dataclass(frozen=True)
class World:
    """How often an answer is wrong, by its confidence; confidences are uniform."""

    name: str
    wrong: Callable[[float], float]
    rows: int
    risk: float


WORLDS: Final = (
    World("wrong less, the surer", lambda c: (1 - c) / 2, 400, 0.1),
    World("a half is good", lambda c: 0.02 if c > 0.5 else 0.3, 400, 0.1),
    World("all alike, just too bad", lambda c: 0.0501, 200, 0.05),
    World("all alike, good enough", lambda c: 0.05, 400, 0.1),
    World("all bad", lambda c: 0.3, 200, 0.1),
    World("the surest are bad", lambda c: 0.3 if c > 0.9 else 0.02, 400, 0.05),
)


class Held(NamedTuple):
    """Of all draws: how often the risk was missed, none found; answered on the mean."""

    missed: float
    none: float
    answered: float


def worlds_held(world: World, draws: int = DRAWS) -> Held:
    """How well a world's risk is kept."""
    missed = none = 0
    answered = 0.0
    for draw in range(draws):
        rng = random.Random(f"0/{world.name}/{draw}")
        confidences = [rng.random() for _ in range(world.rows)]
        rows = [Answer(c, rng.random() >= world.wrong(c)) for c in confidences]
        found = within(rows, world.risk, SURE)
        if found is None:
            none += 1
            continue
        answered += 1 - found.threshold
        missed += _true_risk(world, found.threshold) > world.risk
    return Held(missed / draws, none / draws, answered / max(1, draws - none))


def _true_risk(world: World, threshold: float) -> float:
    width = (1 - threshold) / _STEPS
    middles = (threshold + width * (at + 0.5) for at in range(_STEPS))
    return math.fsum(map(world.wrong, middles)) / _STEPS


def run(
    local: str | None = None, rows: int | None = None, write: bool = False
) -> list[Row]:
    """The tables; that of clinc150 only where its rows are there.

    Args:
        local: A model that runs here, by name or file; None for none.
        rows: Only so many test rows are asked of it.
        write: Whether the page in docs/ is written.
    """
    named = f" --local {local}" if local else ""
    named += f" --rows {rows}" if local and rows else ""
    made: list[Row] = []
    page = _HEAD.format(local=named, draws=DRAWS)
    most = 1 - SURE + 3 * math.sqrt(SURE * (1 - SURE) / DRAWS)
    for world in WORLDS:
        held = worlds_held(world)
        page += (
            f"| {world.name} | {world.rows} | {world.risk:g} | {100 * held.missed:.1f} "
            f"| {100 * held.none:.1f} | {100 * held.answered:.1f} |\n"
        )
        what = f"risk above the one asked, share of {DRAWS} draws: {world.name}"
        made.append(Row.limit(what, held.missed, most))
    if not ROWS.exists():
        return Findings(made, f"{page}\nunsure: there is no file {ROWS}")
    splits = _read()
    parts = [_neighbour(splits)]
    if local:
        parts.append(_domains(local, rows, splits))
    for part in parts:
        page += part.details
        made += part
    if write:
        PAGE.write_text(page, "utf-8")
    return Findings(made, page)


# The nearest row ----------------------------------------------------------------------


_OUT: Final = """
## Questions out of scope

clinc150: the nearest of {train} train rows, a threshold from {dev} dev rows alone, for
which a risk of {risk:g} is asked ({sure:.0%} sure; an answer to a question out of scope
is wrong); {test} test rows.

| side | threshold | out of scope held back, % | in scope held back, % |
|---|---|---|---|
"""


class Near(NamedTuple):
    """The label of the nearest train row, and how near that is, in [0, 1]."""

    label: str
    likeness: float


class Kept(NamedTuple):
    """What a threshold holds back: of questions out of scope, and of those within."""

    recall: float
    loss: float
    threshold: float


Splits = Mapping[str, list[dict[str, Any]]]


def _read() -> Splits:
    splits: dict[str, list[dict[str, Any]]] = {"train": [], "dev": [], "test": []}
    for row in read_lines(ROWS):
        splits[row["split"]].append(
            {
                "text": row["inputs"]["text"],
                "label": row["outputs"]["label"],
                "domain": row["meta"]["domain"],
            }
        )
    return splits


def nearest_rows(
    train: Sequence[Mapping[str, str]], texts: Sequence[str]
) -> list[Near]:
    """The nearest train row of each text: cosine of tf-idf of 2 to 4 characters."""
    bags = [Counter(_grams(row["text"])) for row in train]
    documents = Counter(gram for bag in bags for gram in bag)
    many = len(bags)
    weigh = {g: math.log((1 + many) / (1 + n)) + 1 for g, n in documents.items()}
    where: dict[str, list[tuple[int, float]]] = {}
    for number, bag in enumerate(bags):
        for gram, weight in _unit(bag, weigh).items():
            where.setdefault(gram, []).append((number, weight))
    found: list[Near] = []
    for text in texts:
        likeness = [0.0] * many
        for gram, weight in _unit(Counter(_grams(text)), weigh).items():
            for number, other in where[gram]:
                likeness[number] += weight * other
        best = max(range(many), key=lambda number: likeness[number])
        found.append(Near(train[best]["label"], min(likeness[best], 1.0)))
    return found


def _grams(text: str) -> Iterator[str]:
    text = " ".join(text.lower().split())
    for size in (2, 3, 4):
        yield from (text[at : at + size] for at in range(len(text) - size + 1))


def _unit(bag: Mapping[str, int], weigh: Mapping[str, float]) -> dict[str, float]:
    made = {gram: n * weigh[gram] for gram, n in bag.items() if gram in weigh}
    whole = math.sqrt(math.fsum(w * w for w in made.values())) or 1.0
    return {gram: weight / whole for gram, weight in made.items()}


def kept_back(
    rows: Sequence[Mapping[str, str]], sure: Sequence[float], threshold: float
) -> Kept:
    """The shares of rows out of scope and within that are below a threshold."""
    back = [one < threshold for one in sure]
    out = [b for b, row in zip(back, rows, strict=True) if row["label"] == OUT]
    inside = [b for b, row in zip(back, rows, strict=True) if row["label"] != OUT]
    return Kept(sum(out) / len(out), sum(inside) / len(inside), threshold)


def _neighbour(splits: Splits) -> Findings:
    """The planted neighbour behind a `Classify`, and that of scikit-learn."""
    train = [row for row in splits["train"] if row["label"] != OUT]
    ours = _by_classify(train, splits)
    theirs = _by_sklearn(train, splits)
    page = _OUT.format(
        train=len(train),
        dev=len(splits["dev"]),
        test=len(splits["test"]),
        risk=ASKED,
        sure=SURE,
    )
    for name, one in (("weft", ours), ("scikit-learn", theirs)):
        page += (
            f"| {name} | {one.threshold:.4f} | {100 * one.recall:.1f} | "
            f"{100 * one.loss:.1f} |\n"
        )
    off = max(abs(ours.recall - theirs.recall), abs(ours.loss - theirs.loss))
    return Findings(
        [
            Row(
                "recall of questions out of scope, clinc150", ours.recall, theirs.recall
            ),
            Row("in scope held back, clinc150", ours.loss, theirs.loss),
            Row.limit("the larger difference of the two", off, 0.01),
        ],
        page,
    )


def _by_classify(train: Sequence[Mapping[str, str]], splits: Splits) -> Kept:
    """Through a `Classify`, whose model says how near the nearest row is."""
    labels = sorted({row["label"] for row in train})
    texts = list(dict.fromkeys(r["text"] for s in ("dev", "test") for r in splits[s]))
    near = dict(zip(texts, nearest_rows(train, texts), strict=True))

    def said(request: weft.Request) -> weft.Response:
        text = request.messages[-1].text.partition("[[ text ]]\n")[2].strip()
        label, likeness = near[text]
        rest = math.log(max(1e-12, 1 - likeness) / (len(labels) - 1))
        # A label ends with its line: "time" is the beginning of "timer".
        top = [(f"{one}\n", rest) for one in labels if one != label]
        # Nearer than others it is always, however little it is like.
        first = (f"{label}\n", max(math.log(max(likeness, 1e-12)), rest + 1e-6))
        token = weft.TokenLogprob(*first, (first, *top))
        return weft.Response(first[0], logprobs=(token,))

    kind = {"Label": Literal[tuple(labels)]}
    part = weft.Predict("text -> label: Label", types=kind, adapter="chat")
    intent = weft.Classify(part, by="top", shown=len(labels), name="intent")
    metric = weft.metrics.exact("label")
    with weft.use(lm=weft.FunctionLM(said), cache=None):
        found = weft.abstain(intent, splits["dev"], metric=metric, risk=ASKED)
        if found.threshold is None:
            raise BenchError(f"unsure: {found}")
        made = weft.evaluate(found.program, splits["test"], metric)
    answered = [float(not r.trace.tree[0].run.facts["unsure"]) for r in made.rows]
    kept = kept_back(splits["test"], answered, 0.5)
    return kept._replace(threshold=found.threshold)


_SKLEARN: Final = """
import json, sys
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors
given = json.load(sys.stdin)
made = TfidfVectorizer(analyzer="char", ngram_range=(2, 4))
train = made.fit_transform(given["train"])
near = KNeighborsClassifier(1, metric="cosine").fit(train, given["labels"])
out = {}
for name in ("dev", "test"):
    texts = made.transform(given[name])
    distance, _ = near.kneighbors(texts)
    out[name] = [near.predict(texts).tolist(), (1 - distance[:, 0]).tolist()]
json.dump(out, sys.stdout)
"""


def _by_sklearn(train: Sequence[Mapping[str, str]], splits: Splits) -> Kept:
    """By scikit-learn's nearest neighbour itself; the threshold by the same rule."""
    given = {
        "train": [row["text"] for row in train],
        "labels": [row["label"] for row in train],
        **{name: [row["text"] for row in splits[name]] for name in ("dev", "test")},
    }
    ran = subprocess.run(
        [bench_python(), "-c", _SKLEARN],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise BenchError(f"unsure: scikit-learn did not run: {ran.stderr[-300:]}")
    made = json.loads(ran.stdout)
    labels, sure = made["dev"]
    answers = [
        Answer(s, label == row["label"])
        for s, label, row in zip(sure, labels, splits["dev"], strict=True)
    ]
    found = within(answers, ASKED, SURE)
    if found is None:
        raise BenchError("unsure: scikit-learn's neighbour is within no risk")
    return kept_back(splits["test"], made["test"][1], found.threshold)


# A model that runs here --------------------------------------------------------------


_REAL: Final = """
## Domains on a real model

{model} on llama.cpp, {domains} domains of clinc150, prior from {prior} train rows whose
labels are not read, {test} test rows: {mean:.1f} % right [{low:.1f}, {high:.1f}]. The
curve as it came out:

```text
{curve}
```
"""


def _domains(local: str, rows: int | None, splits: Splits) -> Findings:
    """The coverage curve of a model that decides between the domains of clinc150."""
    domains = sorted({row["domain"] for row in splits["train"]})
    named = {d: "out of scope" if d == OUT else d.replace("_", " ") for d in domains}
    test = random.Random(0).sample(splits["test"], len(splits["test"]))[:rows]
    told = [{"text": r["text"], "domain": named[r["domain"]]} for r in test]
    train = random.Random(1).sample(splits["train"], len(splits["train"]))
    prior = [{"text": row["text"]} for row in train[: min(PRIOR_ROWS, len(told))]]
    kind = {"Domain": Literal[tuple(named.values())]}
    part = weft.Predict(
        "text -> domain: Domain", "Which domain is the request of?", types=kind
    )
    bare = weft.Classify(part, name="domain")
    lm = _model(local)
    with weft.use(lm=lm, cache=weft.MemoryCache()):
        even = weft.calibrate(bare, prior)
        made = weft.evaluate(even, told, weft.metrics.exact("domain"), concurrency=4)
    curve = weft.coverage(made)
    found = curve.points
    page = _REAL.format(
        model=local,
        domains=len(domains),
        prior=len(prior),
        test=len(told),
        mean=100 * made.mean,
        low=100 * made.interval.low,
        high=100 * made.interval.high,
        curve=curve,
    )
    return Findings(
        [
            Row("wrong where all are answered, share", found[-1].risk),
            Row(f"wrong of the surest {found[0].coverage:.0%}, share", found[0].risk),
        ],
        page,
    )


def _model(local: str) -> weft.LM:
    try:
        # One slot: what the choices of a row share is read once.
        return weft.LM(f"local/{local}", slots=1)
    except weft.errors.ConfigError as error:
        raise BenchError(str(error)) from None
