"""What people write with values from elsewhere, and what they are told.

Models and their answers, rows, conversations, images, tools and the fields of a
signature: each name that DSPy has for them ends in a typed error, or in Python's own
`AttributeError`, whose message holds the remedy.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import weft
from weft import errors, hints

ANY: Any = weft  # a checker would refuse most of what stands here

reply: Any = weft.Predict("question -> answer")
Reply: Any = reply.signature
ROWS = [{"question": "x", "answer": "y"}]
PICTURE = "https://example.org/a.png"
TALK: Any = weft.History([("user", "Is the shop open?")])


@weft.step
def shout(text: str) -> str:
    return text.upper()


@weft.program
def traced(question: str) -> str:
    return shout(reply(question=question).answer)


def look_up(word: str) -> str:
    """Look a word up."""
    return word


def too_short(inputs: Any, made: Any) -> None:
    assert len(made.answer) > 5_000, "too short"


def unread(inputs: Any, made: Any) -> bool:
    return inputs["page"] == made.answer


program: Any = traced
tool: Any = ANY.Tool(look_up)
image: Any = weft.Image(b"GIF89a\x01\x00\x01\x00\x00\x00\x00;")


@pytest.fixture(autouse=True)
def _offline() -> Iterator[None]:  # pyright: ignore[reportUnusedFunction] - a fixture
    with weft.use(lm="embedded", cache=None):
        yield


def lm(**options: Any) -> Any:
    return ANY.LM("openai/gpt-5-mini", **options)


def said() -> Any:
    return ANY.LM("embedded")("hello")


def row() -> Any:
    return weft.read_rows(ROWS, ["question"])[0]


def scored(metric: Callable[[Any, Any], Any], rows: Any = ROWS) -> Any:
    return weft.evaluate(reply, rows, metric)


def set_on(thing: Any, name: str) -> None:
    setattr(thing, name, "x")


def of_tools() -> Any:
    class Asked(weft.Signature):
        question: str = weft.Input()
        tools: list[weft.Tool[..., Any]] = weft.Input()
        answer: str = weft.Output()

    return Asked


Mistake = tuple[Callable[[], Any], type[Exception], str]
LACKS, OPTION = AttributeError, errors.ConfigError

MODELS: dict[str, Mistake] = {
    "top_k": (lambda: lm(top_k=3), OPTION, 'Write weft.LM(..., extra={"top_k": ...})'),
    "top_k of a call": (lambda: ANY.LM("embedded")("x", top_k=3), OPTION, "extra={"),
    "min_p of a module": (
        lambda: ANY.Predict("question -> answer", min_p=0.1),
        OPTION,
        'extra={"min_p": ...}',
    ),
    "response_format": (lambda: lm(response_format={}), OPTION, "schema_mode=True"),
    "extra_body": (lambda: lm(extra_body={}), OPTION, "Did you mean 'extra'?"),
    "extra_headers": (lambda: lm(extra_headers={}), OPTION, "mean 'headers'?"),
    "api_version": (lambda: lm(api_version="1"), OPTION, "AZURE_API_VERSION"),
    "launch_kwargs": (lambda: lm(launch_kwargs={}), OPTION, 'weft.LM("local/'),
    "callbacks": (lambda: lm(callbacks=[]), OPTION, "weft.use(hooks=[...])"),
    "callbacks of a module": (
        lambda: ANY.Predict("question -> answer", callbacks=[]),
        OPTION,
        "weft.use(hooks=[...])",
    ),
    "tools": (lambda: lm(tools=[]), OPTION, "weft.ReAct("),
    "max_completion_tokens": (
        lambda: lm(max_completion_tokens=9),
        OPTION,
        "Did you mean 'max_tokens'?",
    ),
    "timout": (lambda: lm(timout=3), OPTION, "Did you mean 'timeout'?"),
    "unknown": (lambda: lm(zzz=3), OPTION, "Known: model, api_base, api_key, timeout"),
    "no model": (ANY.LM, OPTION, "Write LM(model)"),
    "model_type by place": (
        lambda: ANY.LM("openai/gpt-5-mini", "chat"),
        OPTION,
        "Write LM(model)",
    ),
    "first of the answers": (lambda: said()[0], errors.CallError, "Read .text"),
    "choices by name": (lambda: said()["choices"], errors.CallError, "Read .text"),
    "list of the answers": (lambda: list(said()), errors.CallError, "Read .text"),
    "content": (lambda: said().content, LACKS, "Read .text"),
    "strip": (lambda: said().strip(), LACKS, "Read .text"),
    "BaseCallback": (lambda: ANY.BaseCallback, LACKS, "hooks=[...]"),
    "with_callbacks": (lambda: ANY.with_callbacks, LACKS, "hooks=[...]"),
    "weft.callbacks": (lambda: ANY.callbacks, LACKS, "hooks=[...]"),
    "Completions": (lambda: ANY.Completions, LACKS, "weft.use(sample=1)"),
    "GroundedProposer": (lambda: ANY.GroundedProposer, LACKS, "compilers.MIPRO()"),
    "own adapter": (lambda: ANY.Adapter, LACKS, "no adapter of your own"),
    "own adapter set": (
        lambda: ANY.configure(adapter=object()),
        OPTION,
        "weft.cloze(...)",
    ),
    "own adapter of a module": (
        lambda: ANY.Predict("question -> answer", adapter=object()),
        OPTION,
        "weft.cloze(...)",
    ),
}
SIGNATURES: dict[str, Mistake] = {
    "type in the field's place": (
        lambda: Reply.append("sure", float),
        errors.SignatureError,
        'Write append("sure", weft.Output("..."), float)',
    ),
    "type before the others": (
        lambda: Reply.prepend("sure", float),
        errors.SignatureError,
        'Write prepend("sure", weft.Output("..."), float)',
    ),
    "text in the field's place": (
        lambda: Reply.append("sure", "how sure"),
        errors.SignatureError,
        'Write append("sure", weft.Output("..."), str)',
    ),
    "type_": (
        lambda: Reply.append("sure", weft.Output(), type_=float),
        OPTION,
        "Did you mean 'kind'?",
    ),
    "type_ before": (
        lambda: Reply.prepend("sure", weft.Output(), type_=float),
        OPTION,
        "Did you mean 'kind'?",
    ),
    "no field": (lambda: Reply.append("sure"), OPTION, "Write append(name, field)"),
    "type among fields": (
        lambda: Reply.with_fields(sure=float),
        errors.SignatureError,
        "Write sure=Output(...), or (float, Output(...)) with its type",
    ),
    "list of names": (
        lambda: Reply.without(["answer"]),
        errors.SignatureError,
        'Write without("answer")',
    ),
    "list of tools": (of_tools, errors.SignatureError, 'calls="native"'),
    "ToolCalls": (lambda: ANY.ToolCalls, LACKS, 'calls="native"'),
    "signature set": (
        lambda: set_on(reply, "signature"),
        LACKS,
        "Make another module of it: weft.Predict(signature)",
    ),
    "signature changed": (
        lambda: reply.with_(signature=Reply),
        OPTION,
        "Make another module of it",
    ),
    "adapter set": (
        lambda: set_on(reply, "adapter"),
        LACKS,
        "Write with_(adapter=...)",
    ),
    "temperature set": (
        lambda: set_on(reply, "temperature"),
        LACKS,
        "module.with_(sampling={...})",
    ),
    "first of a result": (
        lambda: reply(question="x")[0],
        errors.CallError,
        "Known: question, answer",
    ),
    "method set": (lambda: set_on(reply, "batch"), LACKS, "with_(...) changes instru"),
    "callbacks set": (lambda: set_on(reply, "callbacks"), LACKS, "hooks=[...]"),
    "name of a program set": (
        lambda: set_on(program, "name"),
        LACKS,
        "comes from the function",
    ),
}
MEDIA: dict[str, Mistake] = {
    "messages": (
        lambda: ANY.History(messages=[]),
        OPTION,
        "Did you mean 'turns'?",
    ),
    "messages read": (lambda: TALK.messages, LACKS, "Read .turns"),
    "append": (lambda: TALK.append({}), LACKS, 'history.asked("...")'),
    "url": (lambda: ANY.Image(url=PICTURE), OPTION, "weft.Image.from_url(url)"),
    "no data": (ANY.Image, OPTION, "Write weft.Image(data)"),
    "file_data": (lambda: ANY.File(file_data="x"), OPTION, "weft.File.open(path)"),
    "from_file": (lambda: ANY.Image.from_file("a.png"), LACKS, "weft.Image.open("),
    "sound from_file": (lambda: ANY.Audio.from_file("a.wav"), LACKS, ".open(path)"),
    "from_path": (lambda: ANY.File.from_path("a.pdf"), LACKS, ".open(path)"),
    "from_PIL": (lambda: ANY.Image.from_PIL(1), LACKS, "buffer.getvalue()"),
    "from_file_id": (lambda: ANY.File.from_file_id("x"), LACKS, "weft.File.open("),
    "misspelt": (lambda: ANY.Image.from_ulr("x"), LACKS, "Did you mean 'from_url'?"),
    "download": (
        lambda: ANY.Image.from_url(PICTURE, download=True),
        OPTION,
        "Did you mean 'fetch'?",
    ),
    "mime_type": (
        lambda: ANY.Image.open("a.png", mime_type="image/png"),
        OPTION,
        "Did you mean 'media_type'?",
    ),
    "format": (lambda: image.format, LACKS, ".data_url"),
    "args": (lambda: tool.args, LACKS, "Read .schema"),
    "desc": (lambda: tool.desc, LACKS, "Read .description"),
    "func": (lambda: tool.func("x"), LACKS, "it is still the function"),
    "from_mcp_tool": (lambda: ANY.Tool.from_mcp_tool(1, 2), LACKS, "weft.mcp.tools("),
    "from_langchain": (lambda: ANY.Tool.from_langchain(1), LACKS, "from_schema("),
    "execute": (lambda: ANY.Sandbox().execute("1"), LACKS, "Write .run(code"),
    "called": (lambda: ANY.Sandbox()("1"), errors.CallError, "Write .run(code"),
    "network": (
        lambda: ANY.Sandbox(enable_network_access=["x"]),
        OPTION,
        "functions=[...]",
    ),
    "tools of a sandbox": (
        lambda: ANY.Sandbox().run("1", tools=[look_up]),
        OPTION,
        "Did you mean 'functions'?",
    ),
}
PROGRAMS: dict[str, Mistake] = {
    "vectorizer": (
        lambda: ANY.compilers.KNNFewShot(vectorizer=print),
        OPTION,
        "Write weft.use(embedder=weft.Embedder(...))",
    ),
    "embedder": (
        lambda: ANY.compilers.KNNFewShot(embedder=print),
        OPTION,
        "Write weft.use(embedder=weft.Embedder(...))",
    ),
    "reduce_fn": (
        lambda: ANY.compilers.ensemble([reply], reduce_fn=print),
        OPTION,
        "weft.Ensemble([...], reduce=...)",
    ),
    "size": (
        lambda: ANY.compilers.ensemble([reply], size=3),
        OPTION,
        "result.best(3)",
    ),
    "one module": (
        lambda: ANY.compilers.ensemble(reply),
        OPTION,
        "Write ensemble([first, second])",
    ),
    "one program": (
        lambda: ANY.compilers.ensemble(program),
        OPTION,
        "Write ensemble([first, second])",
    ),
    "path first": (
        lambda: ANY.save("a.weft.json", reply),
        OPTION,
        'Write save(program, "a.weft.json")',
    ),
    "program loaded": (lambda: ANY.load(reply), OPTION, "load(path, program=...)"),
    "no path": (lambda: ANY.save(reply, 3), errors.ArtifactError, "Give a path"),
    "check that raises": (
        lambda: ANY.Check(reply, [too_short])(question="x"),
        errors.StepError,
        "return the words instead of raising them",
    ),
    "max_errors": (
        lambda: ANY.configure(max_errors=3),
        OPTION,
        "No number of failures ends an evaluation",
    ),
    "return_failed_examples": (
        lambda: reply.batch([], return_failed_examples=True),
        OPTION,
        'Write on_error="keep"',
    ),
    "disable_progress_bar": (
        lambda: reply.batch([], disable_progress_bar=True),
        OPTION,
        "progress=True",
    ),
    "straggler_limit": (lambda: reply.batch([], straggler_limit=3), OPTION, "Leave it"),
    "timeout of a batch": (lambda: reply.batch([], timeout=3), OPTION, "weft.LM("),
}
WHOLE = "Write {**row.inputs, **row.labels}"
OF_ROWS: dict[str, Mistake] = {
    "list": (lambda: list(row()), errors.DataError, WHOLE),
    "dict": (lambda: dict(row()), errors.DataError, WHOLE),
    "first": (lambda: row()[0], errors.DataError, WHOLE),
    "spread": (lambda: {**row()}, errors.DataError, WHOLE),
    "keys": (lambda: row().keys(), errors.DataError, WHOLE),
    "first of the labels": (lambda: row().labels[0], errors.DataError, "Known: answer"),
    "inputs called": (lambda: row().inputs(), errors.DataError, "without brackets"),
    "labels called": (lambda: row().labels(), errors.DataError, "without brackets"),
    "label set": (
        lambda: row().labels.update(answer="z"),
        errors.DataError,
        "Make another row",
    ),
    "dict in a metric": (
        lambda: scored(lambda e, p: len(dict(e)) > 0),
        errors.DataError,
        WHOLE,
    ),
    "spread in a metric": (
        lambda: scored(lambda e, p: bool({**e})),
        errors.DataError,
        WHOLE,
    ),
    "inputs called in a metric": (
        lambda: scored(lambda e, p: bool(e.inputs())),
        errors.DataError,
        "without brackets",
    ),
}
MISTAKES = {
    f"{of}: {name}": mistake
    for of, mistakes in {
        "models": MODELS,
        "signatures": SIGNATURES,
        "media": MEDIA,
        "programs": PROGRAMS,
        "rows": OF_ROWS,
    }.items()
    for name, mistake in mistakes.items()
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_habit_is_told_with_its_remedy(mistake: Mistake) -> None:
    """The error has a type to catch, and says what to write instead."""
    make, kind, remedy = mistake

    with pytest.raises(kind, match=re.escape(remedy)):
        make()


@pytest.mark.parametrize("value", [3, "b"])
def test_a_metric_that_errs_is_not_told_of_types_that_nobody_has(value: object) -> None:
    """A label is of the output's type where it was read as one, and only there."""
    rows = [{"question": "x", "answer": value}]

    with pytest.raises(errors.MetricError) as caught:
        scored(lambda example, prediction: (value and 3)["x"], rows)  # type: ignore[index]

    assert "'int' object is not subscriptable" in str(caught.value)
    assert "A label" not in str(caught.value)


def test_what_a_check_raises_by_mistake_is_told_as_it_is() -> None:
    """A bug in it says no to nothing, and has no words to return."""
    with pytest.raises(errors.StepError, match="KeyError") as caught:
        weft.Check(reply, [unread])(question="x")

    assert "instead of raising" not in str(caught.value)
    assert isinstance(caught.value.__cause__, KeyError)


def test_a_field_of_a_row_may_be_called_keys() -> None:
    """What asks for a row as a mapping takes no name from its fields."""
    found = weft.Example("r1", {"keys": "three of them"})

    assert found.keys == found["keys"] == "three of them"


def test_the_inputs_of_a_row_are_a_mapping_like_any_other() -> None:
    """They are merged, copied and compared; what comes of it is a dict of its own."""
    inputs = row().inputs

    merged, copied = inputs | {"k": 1}, inputs.copy()
    copied["k"] = 1

    assert merged == copied == {"question": "x", "k": 1}
    assert type(merged) is type(copied) is dict
    assert inputs == {"question": "x"}


def test_what_a_model_is_said_to_take_in_extra_is_taken() -> None:
    """No remedy names a field of a request that weft sets by itself."""
    said = hints.section("option")

    named = [name for name, remedy in said.items() if f'extra={{"{name}"' in remedy]

    assert "top_k" in named
    assert lm(extra=dict.fromkeys(named, 1)).sampling.items() >= {("top_k", 1)}


def test_every_name_of_media_that_is_written_works() -> None:
    """What the remedies name is there."""
    assert weft.Image(image.data) == image
    assert TALK.asked("And now?").answered("No.").turns[-1].content == "No."
    assert tool("x") == look_up("x")
