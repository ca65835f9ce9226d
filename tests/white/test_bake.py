"""Soft words in a model of their own, and in peft's files: equal, and never said."""

from __future__ import annotations

import asyncio
import json
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

import weft
from tests.white.test_model import held, soft, weights
from tests.white.tiny import DEEP, make_model
from weft.cli import main
from weft.pipeline.errors import ArtifactError, ConfigError
from weft.pipeline.lm.soft.words import Place, Soft
from weft.pipeline.lm.white import bake, exchange
from weft.pipeline.lm.white.worker import WORKER


@pytest.fixture(scope="module")
def sure(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that is sure of some word wherever it stands."""
    return make_model(tmp_path_factory.mktemp("sure") / "tiny", sure=True)


@pytest.fixture
def lm(sure: Path) -> weft.LM:
    return weft.LM(f"torch/{sure}", temperature=0, max_tokens=8)


TEXT = "the sky is<|hue:0|><|hue:1|> and the grass"


def baked(lm: weft.LM, softs: list[Soft], out: Path) -> bake.Baked:
    return asyncio.run(WORKER.run(bake.bake, softs, weights(lm), out, ["the sky"]))


def logits_of(folder: Path, text: str) -> Any:
    net: Any = transformers.AutoModelForCausalLM.from_pretrained(folder)
    tokenizer: Any = transformers.AutoTokenizer.from_pretrained(folder)
    with torch.no_grad():
        return net(torch.tensor([tokenizer(text).input_ids])).logits[0], tokenizer


def test_a_baked_folder_computes_what_this_process_computes(
    lm: weft.LM, tmp_path: Path
) -> None:
    """In plain transformers, on the tokens of the whole text; real words come first."""
    made = baked(lm, [soft(lm)], tmp_path / "baked")
    model = held(lm)

    found, tokenizer = logits_of(made.path, TEXT)

    first = made.words["hue"]
    ids = [-1 - (n - first) if n >= first else n for n in tokenizer(TEXT).input_ids]
    with torch.no_grad():
        embeds = model.embedded([ids], model.vectors(soft(lm)))
        wanted = model.forward(embeds, []).logits[0]
    assert ids.count(-1) == ids.count(-2) == 1
    assert torch.allclose(found[:, :first], wanted[:, :first], atol=1e-4)
    silent = found[:, first:]
    assert torch.allclose(silent[:, 0], silent[:, 1], atol=1e-4)
    assert float(silent.max()) < 0, "rows of zeros have a logit of 0"
    assert float((silent - found.logsumexp(-1, keepdim=True)).exp().max()) < 1e-6
    assert made.share < 1e-6


def test_a_baked_model_never_says_a_word(lm: weft.LM, tmp_path: Path) -> None:
    """In 200 replies at temperature 1, from the words' own prompt."""
    made = baked(lm, [soft(lm)], tmp_path / "baked")
    served = weft.LM(f"torch/{made.path}", temperature=1.0, max_tokens=4)
    first, said = made.words["hue"], list[int]()

    with weft.use(cache=None):
        for sample in range(50):
            shown = served(TEXT, sample=sample, logprobs=1).logprobs
            said += [len(shown or ())]
    tokenizer: Any = transformers.AutoTokenizer.from_pretrained(made.path)
    net: Any = transformers.AutoModelForCausalLM.from_pretrained(made.path)
    with torch.no_grad():
        logits = net(torch.tensor([tokenizer(TEXT).input_ids] * 2)).logits[0, -1]
    lots = torch.Generator().manual_seed(0)
    drawn = torch.multinomial(torch.softmax(logits, -1), 200, True, generator=lots)

    assert sum(said) > 0
    assert int(drawn.max()) < first


def test_a_model_whose_words_could_be_said_is_refused(tmp_path: Path) -> None:
    """One whose real words have hardly more than 0: a new one would be as likely."""
    folder = make_model(tmp_path / "odd")
    odd = weft.LM(f"torch/{folder}")

    with pytest.raises(ConfigError, match="cannot be kept from being said") as caught:
        baked(odd, [soft(odd)], tmp_path / "baked")

    assert "logit_bias" in caught.value.hint


def test_two_programs_share_one_model_and_one_name_is_one(
    lm: weft.LM, tmp_path: Path
) -> None:
    one = soft(lm)
    other = Soft("mood", "before", one.vectors, one.count, one.width, one.model)
    twin = Soft("hue", "after", bytes(len(one.vectors)), 2, one.width, one.model)

    made = baked(lm, [one, other, one], tmp_path / "both")

    assert made.words["mood"] == made.words["hue"] + 2
    told = json.loads((made.path / "weft.soft.json").read_text())
    assert told["mood"]["sha256"] == other.digest
    with pytest.raises(ConfigError, match="two programs have soft words 'hue'"):
        baked(lm, [one, twin], tmp_path / "none")
    with pytest.raises(ConfigError, match="a prefix of every layer"):
        baked(lm, [soft(lm, "deep", width=DEEP)], tmp_path / "none")
    with pytest.raises(ConfigError, match="is to be a GGUF file"):
        baked(lm, [one], tmp_path / "none.gguf")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("place", ["front", "before", "after", "deep"])
def test_peft_loads_ours_and_we_load_pefts(
    folder: Path, tmp_path: Path, place: Place
) -> None:
    """The vectors are equal for all places; front and deep compute the same."""
    lm = weft.LM(f"torch/{folder}")
    import peft

    warnings.simplefilter("ignore")  # what peft asks of transformers is deprecated
    ours = soft(lm, place, width=DEEP if place == "deep" else weights(lm).width)
    asyncio.run(WORKER.run(exchange.write_peft, ours, weights(lm), tmp_path / "a"))
    net: Any = transformers.AutoModelForCausalLM.from_pretrained(weights(lm).path)
    theirs: Any = peft.PeftModel.from_pretrained(net, str(tmp_path / "a")).eval()
    theirs.save_pretrained(str(tmp_path / "b"))

    again = asyncio.run(
        WORKER.run(
            exchange.read_peft,
            tmp_path / "b",
            weights(lm),
            exchange.Where("hue", place),
        )
    )

    assert again == ours
    if place in ("front", "deep"):
        model = held(lm)
        ids = model.tokenizer("the sky is red").input_ids
        with torch.no_grad():
            found = theirs(input_ids=torch.tensor([ids])).logits[0, -len(ids) :]
            rows = model.vectors(ours)
            if place == "deep":
                embeds, pairs = model.embedded([ids], None), model.prefix(rows)
            else:
                embeds, pairs = model.embedded([[-1, -2, *ids]], rows), []
            wanted = model.forward(embeds, pairs).logits[0, -len(ids) :]
        assert torch.allclose(found, wanted, atol=1e-5)


def test_folders_that_hold_no_prompt_are_refused(lm: weft.LM, tmp_path: Path) -> None:
    """Of another kind, of another width, or none at all; no code is opened."""

    def reads(place: str = "front") -> Soft | weft.Lora:
        where = exchange.Where("hue", place)
        return exchange.read_peft(tmp_path, weights(lm), where)

    with pytest.raises(ArtifactError, match="is no folder of peft's"):
        reads()
    config = tmp_path / "adapter_config.json"
    config.write_text(json.dumps({"peft_type": "IA3"}))
    with pytest.raises(ArtifactError, match=r"holds IA3 of peft's"):
        reads()
    config.write_text(json.dumps({"peft_type": "PROMPT_TUNING"}))
    (tmp_path / "adapter_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(ArtifactError, match=r"has no adapter_model\.safetensors"):
        reads()
    from safetensors.torch import save_file

    file = tmp_path / "adapter_model.safetensors"
    save_file({"prompt_embeddings": torch.zeros(2, 7)}, str(file))
    with pytest.raises(ConfigError, match="of width 7"):
        reads()
    with pytest.raises(ConfigError, match="cannot stand in every layer"):
        reads("deep")
    file.write_bytes(b"nothing")
    with pytest.raises(ArtifactError, match="holds no prompt_embeddings"):
        reads()


def test_the_command_line_bakes_exports_and_imports(
    lm: weft.LM, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole way, by the words that the page shows."""
    module: Any = weft.Predict("text -> hue", name="hue").with_(soft=soft(lm, "front"))
    program = weft.save(module, tmp_path / "hue.weft.json")
    model, peft = str(weights(lm).path), str(tmp_path / "peft")
    base = ["soft", "bake", str(program), "--model", model]

    assert main([*base, "--out", str(tmp_path / "baked")]) == 0
    assert "with a probability of" in capsys.readouterr().out
    assert main(["soft", "export", str(program), "--model", model, "--peft", peft]) == 0
    out = str(tmp_path / "again.weft.json")
    again = ["soft", "import", str(program), "--model", model, "--peft", peft]
    assert main([*again, "--out", out]) == 0
    assert weft.load(out).parameters.soft == module.parameters.soft

    assert main(base) == 2
    assert "Write --out PATH" in capsys.readouterr().err
    assert main([*again, "--out", str(tmp_path / "no.txt")]) == 2


def test_the_vectors_of_an_artifact_are_safetensors(
    lm: weft.LM, tmp_path: Path
) -> None:
    """As that library reads them, under the digest of the vectors."""
    from safetensors.torch import load_file

    made = soft(lm)
    path = weft.save(
        weft.Predict("text -> hue", name="hue").with_(soft=made),
        tmp_path / "hue.weft.json",
    )

    (file,) = tmp_path.glob("*.safetensors")
    found = load_file(str(file))

    assert file.name == "hue.soft.safetensors"
    assert torch.equal(found[made.digest], held(lm).vectors(made))
    assert weft.load(path).parameters.soft == made
