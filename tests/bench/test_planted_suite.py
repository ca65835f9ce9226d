"""The planted suite: truths are exact, writers fill what is asked, counts are right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import weft
from bench import BenchError
from bench.planted import run
from bench.planted.compiles import Job, compiled
from bench.planted.families import claim_world, world_of
from bench.planted.figures import bars, change_of, mcnemar, power_of_mcnemar
from bench.planted.jobs import FULL, PARTS, jobs_of
from bench.planted.kept import Kept, outcomes_in
from bench.planted.lessons import Evidence, prompt_of
from bench.planted.model import Simulated
from bench.planted.programs import metric_of, oracle, program_of, truth_of
from bench.planted.reading import statements_in
from bench.planted.tasks import Stage, World, case_in

POLICY = world_of("policy", 0)
SHOULD = "The bin should be {}."


def failing(world: World, count: int = 12) -> list[dict[str, Any]]:
    """Runs that went wrong, as a writer is shown them."""
    stage = world.stages[-1]
    found: list[dict[str, Any]] = []
    for row in world.rows()[0][:count]:
        case = case_in(row["message"])
        assert case is not None
        rule = stage.rule_of(case)
        assert rule is not None
        found.append(
            {
                "inputs": {"message": row["message"]},
                "outputs": {"bin": rule.habit},
                "wanted": {"bin": row["bin"]},
                "score": 0.0,
                "feedback": SHOULD.format(row["bin"]),
            }
        )
    return found


def asked(query: object, schema: dict[str, Any], sample: int = 0) -> weft.Request:
    """A request for fields of a schema."""
    form: Any = {"type": "json_schema", "json_schema": {"schema": schema}}
    messages = (
        weft.Message("system", "Write."),
        weft.Message("user", json.dumps(query)),
    )
    return weft.Request("planted", messages, response_format=form, sample=sample)


def fields(**named: dict[str, Any]) -> dict[str, Any]:
    """The schema of an object with these members."""
    return {"type": "object", "properties": named}


def written(writer: str, query: object, **named: dict[str, Any]) -> dict[str, Any]:
    """What a writer fills into these fields."""
    model = Simulated(POLICY, writer)
    made: dict[str, Any] = json.loads(model.reply(asked(query, fields(**named))))
    return made


def query(**more: object) -> dict[str, object]:
    """A request to mend the instruction of the policy task."""
    return {"instruction": POLICY.stages[0].instruction, **more}


def value_of(world: World, stage: Stage, evidence: Evidence) -> str:
    """The right value of a stage in a case."""
    return world.values(evidence.case)[world.stages.index(stage)]


TEXT = {"type": "string"}
EDIT = {
    "type": "object",
    "properties": {
        "op": {"type": "string", "enum": ["insert", "replace", "remove"]},
        "line": {"type": "integer", "minimum": 1},
        "text": {"type": "string"},
    },
}


KINDS = ("policy", "mapping", "chain3", "flat", "ranges", "pairs", "graded")
"""Families whose chances are computed in ways of their own."""


@pytest.mark.parametrize("family", KINDS)
def test_the_truth_is_what_many_draws_come_to(family: str) -> None:
    """The expected score from the chances is the mean of answers, to their noise."""
    world = world_of(family, 1)
    program, model = program_of(world), Simulated(world, "strong")

    truth = truth_of(world, program)
    with weft.use(lm=model.lm, cache=weft.MemoryCache(), adapter="json"):
        drawn = weft.evaluate(program, world.fresh, metric_of(world))

    assert drawn.mean == pytest.approx(truth.score, abs=0.055)
    assert oracle(world) >= truth.score


@pytest.mark.parametrize("graded", [False, True])
def test_a_claims_gain_is_the_gain_that_is_set(graded: bool) -> None:
    """One sentence is worth what its world says, and nothing else moves the score."""
    world = claim_world(3, 0.2, graded=graded)
    charm = world.charm
    assert charm is not None
    plain = program_of(world)
    charmed = weft.Predict(
        plain.signature, f"{world.stages[0].instruction}\n{charm.text}", name="find_bin"
    )

    before, after = truth_of(world, plain), truth_of(world, charmed)

    assert before.score == pytest.approx(0.5)
    assert after.score == pytest.approx(0.7)
    assert oracle(world) == pytest.approx(0.7)


def test_the_same_seed_is_the_same_outcome() -> None:
    """Nothing in a compile of the suite hangs on a clock or on the order of tasks."""
    job = Job("families", "policy", "strong", 3, 200)

    first, second = compiled(job), compiled(job)

    assert first == second
    assert first.calls <= 200
    assert first.kept <= first.found <= first.hidden
    assert first.before < first.oracle


def test_a_compile_of_modules_says_which_was_mended() -> None:
    """The faulty module is named among the modules that the writer was asked about."""
    outcome = compiled(Job("fault", "chain3", "strong", 501, 400))

    assert outcome.fault in ("crop", "grade", "bin")
    assert outcome.named in ("crop", "grade", "bin")
    assert outcome.aimed is not None


@pytest.mark.parametrize(
    ("writer", "solved", "failed"),
    [("labels", True, False), ("feedback", False, True), ("strong", True, True)],
)
def test_each_writer_learns_from_its_own_channel(
    writer: str, solved: bool, failed: bool
) -> None:
    """One learns from solved examples alone, one from failing runs alone, one both."""
    runs, stage = failing(POLICY, 40), POLICY.stages[0]
    examples = [{"inputs": r["inputs"], "outputs": r["wanted"]} for r in runs]

    told = [
        statements_in(POLICY, stage, written(writer, given, rule=TEXT)["rule"])
        for given in (query(examples=examples), query(failing=runs))
    ]

    assert [bool(one) for one in told] == [solved, failed]


@pytest.mark.parametrize(("family", "calls"), [("policy", 600), ("chain3", 400)])
def test_what_a_writer_reads_in_real_prompts_is_true(family: str, calls: int) -> None:
    """Every case of every request is read once, and what is right in it is right."""
    world = world_of(family, 0)
    program, model = program_of(world), Simulated(world, "feedback")
    train, select = world.rows()
    queries: list[str] = []

    def reply(request: weft.Request) -> str:
        query = request.messages[-1].content
        queries.extend([query] if '"inputs"' in query else [])
        return model.reply(request)

    lm = weft.FunctionLM(reply, model="planted", schema_mode=True)
    runtime: Any = {"lm": lm, "lms": {"proposer": lm}, "adapter": "json"}
    with weft.use(**runtime, cache=weft.MemoryCache()):
        weft.compile(
            program,
            train,
            select,
            metric=metric_of(world),
            budget=f"{calls} calls",
        )

    assert any('"failing"' in query for query in queries)
    for query in queries:
        prompt = prompt_of(world, query, 0)
        [stage] = prompt.stages
        seen = prompt.evidence[stage.output]
        assert len(seen) == query.count('"inputs"')
        right = {e.right == value_of(world, stage, e) for e in seen if e.right}
        assert right <= {True}
    assert model.log.written


def test_a_weak_writer_states_mostly_what_is_false() -> None:
    """Of the rules of a weak writer about one in three is true."""
    runs, stage = failing(POLICY, 40), POLICY.stages[0]
    model = Simulated(POLICY, "weak")
    true = {(rule.key, rule.answer) for rule in stage.rules}
    said = [
        one
        for sample in range(40)
        for one in statements_in(
            POLICY,
            stage,
            json.loads(
                model.reply(asked(query(failing=runs), fields(rule=TEXT), sample))
            )["rule"],
        )
    ]

    right = sum((one.key, one.answer) in true for one in said)

    assert 0.2 < right / len(said) < 0.5


def test_edits_are_filled_one_an_object() -> None:
    """Each object has an operation of those allowed, a line, and one new rule."""
    listed = {"type": "array", "items": EDIT, "maxItems": 3}

    edits = written("strong", query(failing=failing(POLICY)), edits=listed)["edits"]

    assert 0 < len(edits) <= 3
    for edit in edits:
        assert edit["op"] == "insert"
        assert edit["line"] == 1
        assert len(statements_in(POLICY, POLICY.stages[0], edit["text"])) == 1


def test_what_the_cases_contradict_is_replaced_or_removed() -> None:
    """A line that a failing run followed is named for replacement, word for word."""
    run = failing(POLICY)[0]
    case = case_in(run["inputs"]["message"])
    assert case is not None
    rule = POLICY.stages[0].rule_of(case)
    assert rule is not None
    line = f"Cases with {rule.key[0]} take {rule.habit}."
    given = {"instruction": f"{POLICY.stages[0].instruction}\n{line}", "failing": [run]}

    mend = written("strong", given, old=TEXT, new=TEXT)
    edits = written("strong", given, edits={"type": "array", "items": EDIT})["edits"]

    assert mend["old"] == line
    assert edits[0]["op"] in ("replace", "remove")
    assert edits[0]["line"] == 2


def test_objects_without_a_list_of_members_take_those_that_the_note_names() -> None:
    """A list of free objects is filled by the names in its description."""
    note = "edits, each with op (add, replace, delete), old and new"
    listed = {"type": "array", "items": {"type": "object"}, "description": note}

    edits = written("strong", query(failing=failing(POLICY)), edits=listed)["edits"]

    assert edits
    assert all(set(edit) == {"op", "old", "new"} for edit in edits)
    assert {edit["op"] for edit in edits} == {"add"}


def test_what_was_rejected_is_seldom_written_again() -> None:
    """A writer that is shown its own rules as rejected states others."""
    runs, stage = failing(POLICY), POLICY.stages[0]
    first = written("strong", query(failing=runs), rule=TEXT)["rule"]
    memory = [{"edit": line, "why": "2 rows lost"} for line in first.splitlines()]

    second = written("strong", query(failing=runs, rejected=memory), rule=TEXT)["rule"]

    again = set(statements_in(POLICY, stage, first))
    assert len(again & set(statements_in(POLICY, stage, second))) < len(again)


def test_reasons_that_a_prompt_gives_are_worked_into_the_instruction() -> None:
    """A rule in another text of the prompt stands in the instruction written anew."""
    rule = POLICY.stages[0].rules[3]
    said = f"It lacks that cases with {rule.key[0]} take {rule.answer}."

    text = written("strong", query(reasons=said), instruction=TEXT)["instruction"]

    assert POLICY.stages[0].instruction in text
    assert (rule.key, rule.answer) in {
        (one.key, one.answer) for one in statements_in(POLICY, POLICY.stages[0], text)
    }


def test_numbered_lines_are_answered_by_their_numbers() -> None:
    """Where the prompt numbers the lines, an edit names the number that it shows."""
    run = failing(POLICY)[0]
    case = case_in(run["inputs"]["message"])
    assert case is not None
    rule = POLICY.stages[0].rule_of(case)
    assert rule is not None
    lines = [
        {"line": 7, "text": POLICY.stages[0].instruction},
        {"line": 8, "text": f"Cases with {rule.key[0]} take {rule.habit}."},
    ]
    given = {"lines": lines, "failing": [run]}

    edits = written("strong", given, edits={"type": "array", "items": EDIT})["edits"]

    assert edits[0]["line"] == 8


def test_outcomes_come_back_from_their_file(tmp_path: Path) -> None:
    """What is kept is read as it was, to its rounding; a cut line is passed over."""
    made, path = compiled(Job("claims", "claim", "feedback", 1, 120)), tmp_path / "kept"
    Kept(path).add(made)
    with path.open("a", encoding="utf-8") as file:
        file.write('["claims","cl')

    [found] = outcomes_in(path).values()

    assert found.describe() == made.describe()
    assert Kept(path).found == {made.job: found}


def test_outcomes_of_another_suite_are_refused(tmp_path: Path) -> None:
    """They are of other tasks: comparing them would say nothing."""
    path = tmp_path / "kept"
    path.write_text('{"suite": "other", "compilers": "", "columns": []}\n[1]\n')

    with pytest.raises(BenchError, match="another suite"):
        outcomes_in(path)


def test_what_was_made_before_is_of_this_suite() -> None:
    """The outcomes in the repository can be paired with new ones."""
    path = Path(__file__).parents[2] / "bench" / "planted" / "before.jsonl"

    found = outcomes_in(path)

    assert found
    assert found.keys() <= set(jobs_of(FULL))
    assert {job.part for job in found} == set(PARTS)


def test_the_full_size_is_that_of_the_bars() -> None:
    """200 programs with a fault, 300 nulls, 1,000 compiles of claims; none twice."""
    jobs = jobs_of(FULL)
    claims = [job for job in jobs if job.part == "claims"]

    assert len(jobs) == len(set(jobs))
    assert sum(job.part == "fault" for job in jobs) == 200
    assert sum(job.gain == 0 and not job.graded for job in claims) == 300
    assert len(claims) == 1_000


def test_mcnemar_and_its_power_are_exact() -> None:
    """The tail of a fair coin, and what it comes to for a gain of so many rows."""
    assert mcnemar(5, 0) == pytest.approx(2 / 32)
    assert mcnemar(8, 1) == pytest.approx(2 * 10 / 512)
    assert power_of_mcnemar(0.5, 0.0, 30) < 0.05
    assert power_of_mcnemar(0.5, 0.3, 30) < power_of_mcnemar(0.5, 0.3, 120)


def test_a_paired_change_has_an_interval() -> None:
    """The mean difference lies in it, and its width is that of the differences."""
    change = change_of("gain", [(0.1, 0.3), (0.2, 0.2), (0.3, 0.7)])

    assert change is not None
    assert change.after - change.before == pytest.approx(0.2)
    assert change.low < 0.2 < change.high


def test_the_part_prints_its_bars(tmp_path: Path) -> None:
    """A run of one family prints figures, and reads what it kept the next time."""
    kept = tmp_path / "kept.jsonl"
    options: Any = {
        "families": "small",
        "parts": "families",
        "kept": kept,
        "against": tmp_path / "none",
    }

    first = run(**options)
    size = kept.stat().st_size
    second = run(**options)

    assert [row.what for row in first] == [row.what for row in second]
    assert kept.stat().st_size == size
    assert any("below the seed" in row.what for row in first)
    assert bars([])


def test_unknown_families_are_refused() -> None:
    """A slip in a name would pass for a family without compiles."""
    with pytest.raises(BenchError, match="families are"):
        run(families="polcy")
