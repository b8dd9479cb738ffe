"""Every OFT option that PEFT saves, against PEFT's own ``merge_and_unload``."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import OFTConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import BertModel

from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.deltas import TensorDeltas
from studio.checkpoints.oft import Rotated, block_size, skew_blocks, turned
from studio.checkpoints.resident import keep_in_memory
from studio.errors import BadCheckpoint, ShapeMismatch, StudioError
from studio.evidence.rebuild import is_portable
from studio.export.adapter import refuse_no_factors
from studio.inspection import checkpoint_summaries
from studio.merge import merged_pieces
from studio.methods import METHODS
from tests.checkpoints.test_lora_options import BERT, merge, nudge
from tests.conftest import draw, refusal, save_model
from tests.measured import drawn
from tests.merged import merged_tensors

EXACT: dict[str, Any] = {"use_cayley_neumann": False}
OPTIONS: dict[str, dict[str, Any]] = {
    "cayley": {"target_modules": ["query", "value"], **EXACT},
    "series": {"target_modules": ["query", "dense"]},
    "1 term": {"target_modules": ["query"], "num_cayley_neumann_terms": 1},
    "2 terms": {"target_modules": ["query"], "num_cayley_neumann_terms": 2},
    "3 terms": {"target_modules": ["query"], "num_cayley_neumann_terms": 3},
    "4 terms": {"target_modules": ["query"], "num_cayley_neumann_terms": 4},
    "8 terms": {"target_modules": ["query"], "num_cayley_neumann_terms": 8},
    "rank": {"target_modules": ["query"], "oft_block_size": 0, "r": 2, **EXACT},
    "block that does not divide": {"target_modules": ["dense"], "oft_block_size": 5, **EXACT},
    "coft": {"target_modules": ["query"], "coft": True, "eps": 0.05, **EXACT},
    "loose coft": {"target_modules": ["query"], "coft": True, "eps": 50.0},
    "shared": {"target_modules": ["query"], "block_share": True, **EXACT},
    "shared coft": {"target_modules": ["query"], "block_share": True, "coft": True, "eps": 0.05},
    "dropout": {"target_modules": ["query"], "module_dropout": 0.5, **EXACT},
    "embedding": {"target_modules": ["query", "word_embeddings"], **EXACT},
    "embedding series": {"target_modules": ["word_embeddings"]},
    "bias all": {"target_modules": ["query"], "bias": "all"},
    "bias of oft": {"target_modules": ["query"], "bias": "oft_only", **EXACT},
    "regex": {"target_modules": r".*\.layer\.1\..*(query|dense)", **EXACT},
    "saved modules": {"target_modules": ["query"], "modules_to_save": ["LayerNorm"], **EXACT},
}


def save_oft(folder: Path, options: dict[str, Any], seed: int = 1, scale: float = 1.0) -> Path:
    """The base, an OFT adapter, and what PEFT makes of both, each in a folder."""
    torch.manual_seed(0)
    model = BertModel(BERT)
    model.save_pretrained(folder / "base")
    chosen: dict[str, Any] = {"oft_block_size": 4, **options}
    adapter = get_peft_model(model, OFTConfig(**chosen))
    nudge(adapter, seed)
    for name, parameter in adapter.named_parameters():
        if "oft_" in name:
            parameter.data *= scale
    adapter.save_pretrained(str(folder / f"task{seed}"))
    torch.manual_seed(0)
    whole = PeftModel.from_pretrained(BertModel(BERT), str(folder / f"task{seed}"))
    whole.merge_and_unload().save_pretrained(folder / f"merged{seed}")
    return folder


@pytest.mark.parametrize("case", OPTIONS)
def test_one_adapter_is_what_peft_merges(tmp_path, case):
    opened = merge(save_oft(tmp_path, OPTIONS[case]), "task1")
    expected = load_file(tmp_path / "merged1" / "model.safetensors")
    base = load_file(tmp_path / "base" / "model.safetensors")
    ours = merged_tensors(opened)
    assert {name for name in base if not expected[name].equal(base[name])} <= set(ours)
    for name, tensor in ours.items():
        torch.testing.assert_close(tensor, expected[name], rtol=0, atol=1e-6)


def test_a_rotation_turns_the_inputs_of_a_layer_and_keeps_its_singular_values(tmp_path):
    opened = merge(save_oft(tmp_path, OPTIONS["cayley"], scale=5.0), "task1")
    name = "encoder.layer.0.attention.self.query.weight"
    before, after = opened.base.tensor(name).double(), merged_tensors(opened)[name].double()
    rotation = torch.linalg.solve(before, after)  # W R = W'
    assert float((rotation @ rotation.T - torch.eye(16)).abs().max()) < 1e-4
    assert float(rotation[:4, 4:].abs().max()) < 1e-4  # nothing leaves its block of 4
    assert float((rotation - torch.eye(16)).abs().max()) > 0.3
    found = torch.linalg.svdvals(after)
    torch.testing.assert_close(found, torch.linalg.svdvals(before), rtol=1e-5, atol=0)


def test_it_is_one_of_many_kinds_for_every_method_and_no_lora(tmp_path):
    save_oft(tmp_path, OPTIONS["saved modules"], 1)
    save_oft(tmp_path, OPTIONS["series"], 2)
    opened = merge(tmp_path, "task1", "task2")
    rows = checkpoint_summaries(opened.deltas)
    assert [(row["kind"], row["rank"]) for row in rows] == [("OFT", None)] * 2
    assert "trained whole (embeddings.LayerNorm.bias, …), not as rotations" in rows[0]["notes"][0]
    known = replace(opened, measured=drawn(opened))
    for name in METHODS:
        merged = merged_tensors(replace(known, recipe=replace(known.recipe, method=name)))
        assert all(tensor.isfinite().all() for tensor in merged.values()), name
    assert not is_portable(opened)
    with pytest.raises(StudioError, match="'task1' changes .* as a whole and not by low-rank"):
        refuse_no_factors(opened)


def test_cuts_and_memory_change_no_bit(tmp_path):
    save_oft(tmp_path, OPTIONS["series"])
    opened, held = merge(tmp_path, "task1"), merge(tmp_path, "task1")
    assert keep_in_memory(held.deltas, 10**9)
    for name, tensor in merged_tensors(opened).items():
        for each in (opened, held):
            for size in (1, 7, 100, 2**16):
                pieces = [piece.clone() for piece in merged_pieces(each, name, size)]
                assert torch.cat(pieces).equal(tensor.flatten()), (name, size)


def test_the_series_comes_close_to_the_rotation_as_it_gets_longer():
    skew = skew_blocks(0.1 * torch.randn(3, 6, generator=torch.Generator().manual_seed(0)))
    exact = turned(skew, None)
    far = [float((turned(skew, terms) - exact).abs().max()) for terms in (2, 3, 5, 9, 13)]
    assert far == sorted(far, reverse=True)
    assert far[-1] < 1e-5 < 1e-2 < far[0]


def test_a_triangle_tells_the_size_of_its_block():
    sizes = {b * (b - 1) // 2: b for b in (1, 2, 3, 8, 32, 256)}
    assert {entries: block_size(entries) for entries in sizes} == sizes
    assert block_size(7) is None
    assert block_size(2**40) is None


ROOT = "base_model.model."
QUERY = ROOT + "encoder.layer.0.attention.self.query."


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"fan_in_fan_out": True}, "the OFT option fan_in_fan_out=True is not supported"),
        ({"some_future_option": [3]}, r"the OFT option some_future_option=\[3\] is not supported"),
        ({"coft": "yes"}, "coft is 'yes'; it must be true or false"),
        ({"block_share": 1}, "block_share is 1; it must be true or false"),
        ({"coft": True, "eps": -1}, "eps is -1; COFT's limit must be a number above 0"),
        ({"coft": True, "eps": "x"}, "eps is 'x'"),
        ({"coft": True, "eps": True}, "eps is True"),
        ({"num_cayley_neumann_terms": 0}, "num_cayley_neumann_terms is 0; it must be a whole"),
        ({"num_cayley_neumann_terms": 10**9}, "num_cayley_neumann_terms is 1000000000"),
        ({"num_cayley_neumann_terms": 2.0}, "num_cayley_neumann_terms is 2.0"),
        ({"peft_version": "0.17.1"}, "of PEFT '0.17.1'; the series has another last term"),
        ({"peft_version": None}, "of PEFT None; the series has another last term since 0.18"),
        ({"peft_type": "LILY"}, "adapters of type 'LILY' are not supported; "),
        ({"block_share": True}, r"is \(4, 6\) \(one block for all inputs\), which does not fit"),
    ],
)
def test_an_option_that_is_not_understood_is_refused_by_name(tmp_path, change, words):
    file = save_oft(tmp_path, OPTIONS["series"]) / "task1" / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(BadCheckpoint, match=words):
        merge(tmp_path, "task1")


@pytest.mark.parametrize("key", ["oft_block_size", "use_cayley_neumann"])
def test_an_adapter_of_an_old_peft_is_refused(tmp_path, key):
    file = save_oft(tmp_path, OPTIONS["cayley"]) / "task1" / "adapter_config.json"
    config = json.loads(file.read_text())
    del config[key]
    file.write_text(json.dumps(config))
    with pytest.raises(BadCheckpoint, match="it is of an old PEFT, which turned weights otherwise"):
        merge(tmp_path, "task1")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t | {QUERY + "oft_R.weight": torch.ones(4, 7)}, r"is \(4, 7\) \(a block for"),
        (lambda t: t | {QUERY + "oft_R.weight": torch.ones(3, 6)}, r"base has it as \(16, 16\)"),
        (lambda t: t | {QUERY + "oft_R.weight": torch.ones(6)}, r"is \(6,\)"),
        (lambda t: t | {QUERY + "oft_R.weight": torch.ones(16, 0)}, None),
        (lambda t: t | {QUERY + "oft_r": torch.ones(2)}, "oft_r is a kind of OFT tensor"),
        (lambda t: t | {QUERY + "oft_embedding_R.weight": torch.ones(4, 6)}, "are both there"),
        (lambda t: t | {QUERY[len(ROOT):-1]: torch.ones(4, 6)}, "both as a tensor and as a module"),
        (lambda t: t | {QUERY + "weight": torch.ones(16, 16)}, "whole and as rotations"),
        (lambda t: t | {QUERY + "modules_to_save.weight": torch.ones(16, 16)},
         "whole and as rotations"),
        (lambda t: {"x.weight": torch.ones(2)}, "holds no OFT rotations"),
        (lambda t: t | {ROOT + "encoder.layer.9.attention.self.query.oft_R.weight":
                        torch.ones(4, 6)}, r"does not have under any one prefix \(1 of the 5 that"),
    ],
)  # fmt: skip
def test_an_adapter_that_cannot_be_right_is_refused_in_words(tmp_path, change, words):
    file = save_oft(tmp_path, OPTIONS["cayley"]) / "task1" / "adapter_model.safetensors"
    save_file(change(load_file(file)), file)
    if words is None:  # blocks of one input turn nothing
        merged = merged_tensors(merge(tmp_path, "task1"))
        name = "encoder.layer.0.attention.self.query.weight"
        assert merged[name].equal(load_file(tmp_path / "base" / "model.safetensors")[name])
        return
    with pytest.raises((BadCheckpoint, ShapeMismatch), match=words):
        merge(tmp_path, "task1")


@pytest.mark.parametrize(
    ("shape", "module", "words"),
    [
        ((4, 4, 3, 3), "layer.0.conv", "only linear layers and embeddings are supported"),
        ((4, 4), "classifier", "trains rotations on classifier.weight, a head"),
    ],
)
def test_a_convolution_and_a_head_are_refused_by_name(tmp_path, shape, module, words):
    save_model(tmp_path / "base", draw(0, {f"{module}.weight": shape, "layer.1.weight": (4, 4)}))
    (tmp_path / "task1").mkdir()
    file = tmp_path / "task1" / "adapter_model.safetensors"
    save_file(draw(1, {f"{ROOT}{module}.oft_R.weight": (2, 1)}), file)
    config = {"peft_type": "OFT", "r": 0, "oft_block_size": 2, "use_cayley_neumann": False}
    (tmp_path / "task1" / "adapter_config.json").write_text(json.dumps(config))
    with pytest.raises((BadCheckpoint, ShapeMismatch), match=words):
        merge(tmp_path, "task1")


def test_options_that_change_the_delta_change_the_digest(tmp_path):
    file = save_oft(tmp_path, OPTIONS["series"]) / "task1" / "adapter_config.json"
    config, digests = json.loads(file.read_text()), set()
    for change in (
        {}, {"module_dropout": 0.5}, {"use_cayley_neumann": False}, {"coft": True},
        {"coft": True, "eps": 1e-3}, {"num_cayley_neumann_terms": 6},
    ):  # fmt: skip
        file.write_text(json.dumps(config | change))
        digests.add(open_checkpoint(tmp_path / "task1").digest)
    assert len(digests) == 5


def test_damage_is_named_by_file_and_tensor(tmp_path):
    file = save_oft(tmp_path, OPTIONS["cayley"]) / "task1" / "adapter_model.safetensors"
    tensors = load_file(file)
    tensors[QUERY + "oft_R.weight"][0, 0] = torch.nan
    save_file(tensors, file)
    with pytest.raises(BadCheckpoint) as error:
        merged_tensors(merge(tmp_path, "task1"))
    assert f"{file}: {QUERY}oft_R.weight holds 1 values that are NaN" in refusal(error)


def test_a_delta_is_read_when_it_is_asked_for(tmp_path):
    opened = merge(save_oft(tmp_path, OPTIONS["shared"]), "task1")
    tensor = opened.deltas.at("encoder.layer.0.attention.self.query.weight")
    assert isinstance(tensor, TensorDeltas)
    source = tensor.sources[0]
    assert isinstance(source, Rotated)
    assert (source.skew.shape, source.block_size) == ((4, 4, 4), 4)
