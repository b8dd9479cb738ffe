"""Adapter types that are formulas, against PEFT's own ``merge_and_unload``."""

import json
from pathlib import Path

import peft
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertModel, GPT2LMHeadModel

from studio.checkpoints.adapters import READERS
from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.formulas import FORMULAS
from studio.checkpoints.formulas.adalora import AdaLora
from studio.checkpoints.formulas.boft import Boft
from studio.checkpoints.formulas.c3a import C3a
from studio.checkpoints.formulas.contract import Formula
from studio.checkpoints.formulas.delora import Delora
from studio.checkpoints.formulas.hira import Hira
from studio.checkpoints.formulas.hra import Hra
from studio.checkpoints.formulas.ia3 import Ia3
from studio.checkpoints.formulas.ln_tuning import LnTuning
from studio.checkpoints.formulas.loha import LoHa
from studio.checkpoints.formulas.lokr import LoKr
from studio.checkpoints.formulas.miss import Miss
from studio.checkpoints.formulas.road import Road
from studio.checkpoints.formulas.shira import Shira
from studio.checkpoints.formulas.trainable_tokens import TrainableTokens
from studio.checkpoints.formulas.turnable import Turnable
from studio.checkpoints.formulas.vera import Vera
from studio.checkpoints.resident import keep_in_memory
from studio.errors import BadCheckpoint, ShapeMismatch
from studio.evidence.rebuild import is_portable
from studio.merge import merged_pieces
from tests.checkpoints.test_lora_options import BERT, GPT2, merge, nudge
from tests.merged import merged_tensors

DENSE = ["query", "output.dense"]
# name: (PEFT's config, its options)
CASES = {
    "adalora": ("AdaLora", {"target_r": 3, "init_r": 4, "total_step": 10, "lora_alpha": 6}),
    "adalora without alpha": ("AdaLora", {"target_r": 3, "init_r": 4, "total_step": 10,
                                          "lora_alpha": 0}),
    "boft": ("BOFT", {"boft_block_size": 4}),
    "boft by number": ("BOFT", {"boft_block_num": 2, "boft_block_size": 0,
                                "boft_n_butterfly_factor": 1}),
    "c3a": ("C3A", {"block_size": 8}),
    "delora": ("Delora", {"r": 4}),
    "hira": ("Hira", {"r": 4, "rank_pattern": {"layer.0.attention.self.query": 2}}),
    "hra": ("HRA", {"r": 4}),
    "hra orthogonal": ("HRA", {"r": 4, "apply_GS": True}),
    "ia3": ("IA3", {"feedforward_modules": ["output.dense"]}),
    "ln tuning": ("LNTuning", {"target_modules": ["LayerNorm"]}),
    "loha": ("LoHa", {"r": 4, "alpha": 6}),
    "loha patterns": ("LoHa", {"r": 4, "alpha": 6, "rank_pattern": {r".*layer\.[0].*query": 2},
                               "alpha_pattern": {"query": 3}}),
    "lokr": ("LoKr", {"r": 2, "alpha": 6}),
    "lokr of factors": ("LoKr", {"r": 2, "alpha": 6, "decompose_both": True,
                                 "decompose_factor": 8}),
    "miss": ("Miss", {"r": 4}),
    "miss with a rest": ("Miss", {"r": 5}),
    "miss mini": ("Miss", {"r": 4, "init_weights": "mini", "mini_r": 8}),
    "road 1": ("Road", {"variant": "road_1", "group_size": 8}),
    "road 2": ("Road", {"variant": "road_2", "group_size": 4}),
    "road 4": ("Road", {"variant": "road_4", "group_size": 16}),
    "shira": ("Shira", {"r": 2}),
    "tokens": ("TrainableTokens", {"target_modules": ["word_embeddings"],
                                   "token_indices": [7, 3, 49]}),
    "vera": ("Vera", {"r": 4}),
}  # fmt: skip


def save_formula(folder: Path, case: str) -> Path:
    """The base, an adapter of some type and what PEFT merges, each in a folder."""
    kind, options = CASES[case]
    torch.manual_seed(0)
    model = BertModel(BERT)
    nudge(model, 0)  # else biases are 0, and what is multiplied by something stays as it is
    model.save_pretrained(folder / "base")
    targets = {"target_modules": ["query", "key"] if kind == "Vera" else DENSE}
    config = getattr(peft, f"{kind}Config")(**(targets | options))
    adapter = peft.get_peft_model(model, config)
    nudge(adapter, 1)
    adapter.save_pretrained(str(folder / "task1"))
    base = BertModel.from_pretrained(folder / "base")
    whole = peft.PeftModel.from_pretrained(base, str(folder / "task1"))
    whole.merge_and_unload().save_pretrained(folder / "merged1")
    return folder


@pytest.mark.parametrize("case", CASES)
def test_one_adapter_is_what_peft_merges(tmp_path, case):
    opened = merge(save_formula(tmp_path, case), "task1")
    expected = load_file(tmp_path / "merged1" / "model.safetensors")
    base = load_file(tmp_path / "base" / "model.safetensors")
    changed = {name for name in base if not expected[name].equal(base[name])}
    ours = merged_tensors(opened)
    assert changed == set(ours)
    for name, tensor in ours.items():
        torch.testing.assert_close(tensor, expected[name], rtol=0, atol=2e-6)


@pytest.mark.parametrize("case", ["boft", "c3a", "hra", "ia3", "lokr", "miss", "road 2", "tokens"])
def test_cuts_and_memory_change_no_bit(tmp_path, case):
    save_formula(tmp_path, case)
    opened, held = merge(tmp_path, "task1"), merge(tmp_path, "task1")
    assert keep_in_memory(held.deltas, 10**9)
    for name, tensor in merged_tensors(opened).items():
        for each in (opened, held):
            for size in (7, 100, 2**16):
                pieces = [piece.clone() for piece in merged_pieces(each, name, size)]
                assert torch.cat(pieces).equal(tensor.flatten()), (name, size)


TURNED = {
    "adalora": ("AdaLora", {"target_r": 3, "init_r": 4, "total_step": 10}),
    "hira": ("Hira", {"r": 4}),
    "ia3": ("IA3", {"feedforward_modules": ["mlp.c_proj"]}),
    "vera": ("Vera", {"r": 4, "target_modules": ["attn.c_proj"]}),
}


@pytest.mark.parametrize("case", TURNED)
def test_on_layers_stored_the_other_way_too(tmp_path, case):
    """PEFT goes by the class of the layer, whatever ``fan_in_fan_out`` says."""
    kind, options = TURNED[case]
    targets = ["c_attn", "attn.c_proj", "mlp.c_proj"]  # wide, square and high
    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2)
    nudge(model, 0)
    model.save_pretrained(tmp_path / "base")
    config = getattr(peft, f"{kind}Config")(**({"target_modules": targets} | options))
    adapter = peft.get_peft_model(model, config)
    nudge(adapter, 1)
    adapter.save_pretrained(str(tmp_path / "task1"))
    base = GPT2LMHeadModel.from_pretrained(tmp_path / "base")
    start = {name: value.clone() for name, value in base.state_dict().items()}
    worn = peft.PeftModel.from_pretrained(base, str(tmp_path / "task1"))
    expected = worn.merge_and_unload().state_dict()
    file = tmp_path / "task1" / "adapter_config.json"
    for said in (True, False):
        file.write_text(json.dumps(json.loads(file.read_text()) | {"fan_in_fan_out": said}))
        ours = merged_tensors(merge(tmp_path, "task1"))
        assert {name for name in start if not expected[name].equal(start[name])} == set(ours)
        for name, tensor in ours.items():
            torch.testing.assert_close(tensor, expected[name], rtol=0, atol=2e-6)


@pytest.mark.parametrize("cls", [AdaLora, Hira, Ia3, Vera])
def test_a_square_layer_is_stored_as_the_options_say_where_nothing_else_tells(cls):
    assert issubclass(cls, Turnable)
    options, _, _ = FITS[cls]
    shapes = {
        "A": (2, 4), "B": (4, 2), "E": (2, 1), "l": (4, 1), "lambda_b": (4,), "lambda_d": (2,),
    }  # fmt: skip
    for said in (True, False):
        config = cls.read(Path("x"), options | {"fan_in_fan_out": said})
        assert config.is_across(shapes, (4, 4), "m", None) is said
        assert config.is_across(shapes, (4, 4), "m", not said) is not said
        assert config.is_across(shapes, (5, 5), "m", None) is None


def test_every_type_has_a_case_and_a_reader():
    configs = (getattr(peft, f"{kind}Config")(**options) for kind, options in CASES.values())
    kinds = {config.peft_type.value for config in configs}
    assert kinds == {each.peft_type for each in FORMULAS}
    assert set(READERS) == kinds | {"LORA", "OFT"}


# type: options, shapes by part that fit (6, 4) and those that do not
FITS: dict[type[Formula], tuple[dict, dict, dict]] = {
    AdaLora: ({"init_r": 3}, {"A": (2, 4), "B": (6, 2), "E": (2, 1)},
              {"A": (2, 4), "B": (6, 2), "E": (1, 1)}),
    Boft: ({}, {"R": (1, 2, 2, 2), "s": (6, 1)}, {"R": (2, 2, 2, 2), "s": (6, 1)}),
    C3a: ({}, {"kernel": (3, 2, 2)}, {"kernel": (2, 2, 2)}),
    Delora: ({"r": 2}, {"A": (2, 4), "B": (6, 2), "lambda": (1,), "w_norm": (4,)},
             {"A": (2, 4), "B": (6, 2), "lambda": (1,), "w_norm": (6,)}),
    Hira: ({"r": 2}, {"A": (2, 4), "B": (6, 2)}, {"A": (0, 4), "B": (6, 0)}),
    Hra: ({"r": 2}, {"u": (4, 2)}, {"u": (6, 2)}),
    Ia3: ({}, {"l": (1, 4)}, {"l": (4, 1)}),
    LoHa: ({"r": 2}, {"w1_a": (6, 2), "w1_b": (2, 4), "w2_a": (6, 2), "w2_b": (2, 4)},
           {"w1_a": (6, 2), "w1_b": (2, 4), "w2_a": (6, 1), "w2_b": (1, 4)}),
    LoKr: ({"r": 2}, {"w1": (2, 2), "w2_a": (3, 2), "w2_b": (2, 2)},
           {"w1": (2, 2), "w2_a": (3, 1), "w2_b": (1, 2)}),
    Miss: ({"r": 2}, {"block": (2, 3)}, {"block": (2, 4)}),
    Road: ({"group_size": 2, "variant": "road_4"}, {"theta": (12,), "alpha": (12,)},
           {"theta": (6,), "alpha": (6,)}),
    Shira: ({}, {"weight": (5,), "indices": (2, 5)}, {"weight": (5,), "indices": (2, 4)}),
    Vera: ({"r": 2, "save_projection": True},
           {"A": (2, 9), "B": (8, 2), "lambda_b": (6,), "lambda_d": (2,)},
           {"A": (2, 3), "B": (8, 2), "lambda_b": (6,), "lambda_d": (2,)}),
}  # fmt: skip


@pytest.mark.parametrize("cls", FITS)
def test_shapes_fit_or_are_refused(cls):
    options, good, bad = FITS[cls]
    config = cls.read(Path("x"), options)
    assert config.fits(good, (6, 4), "m")
    assert not config.fits(bad, (6, 4), "m")
    for part in good:
        assert not config.fits(good | {part: ()}, (6, 4), "m"), part
    assert config.plain()["kind"] == cls.peft_type.lower()


@pytest.mark.parametrize(
    ("cls", "options", "words"),
    [
        (AdaLora, {"init_r": 0}, "init_r is 0; it must be a number from 1"),
        (AdaLora, {"lora_alpha": "a"}, "lora_alpha is 'a'; it must be a number"),
        (Hra, {"apply_GS": 1}, "apply_GS is 1; it must be true or false"),
        (Ia3, {"fan_in_fan_out": 1}, "fan_in_fan_out is 1; it must be true or false"),
        (Ia3, {"new": True}, "the IA3 option new=True is not supported"),
        (LnTuning, {"new": 1}, "the LN tuning option new=1 is not supported"),
        (LoHa, {"alpha": 0}, "alpha is 0, so the adapter would change nothing"),
        (LoKr, {"alpha_pattern": {"x": 0}}, "alpha_pattern: 'x' is 0, which is out of range"),
        (Miss, {"init_weights": "bat"}, "init_weights='bat' is not supported"),
        (Road, {"variant": "road_3"}, "variant='road_3' and group_size=64 are not one of road_1"),
        (TrainableTokens, {"token_indices": []}, "token_indices must list token rows"),
        (Vera, {"save_projection": False}, "saved without its projections"),
    ],
)
def test_an_option_that_is_not_understood_is_refused_by_name(cls, options, words):
    with pytest.raises(BadCheckpoint) as error:
        cls.read(Path("x"), options)
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("case", "change", "words"),
    [
        ("vera", lambda t: {k: v for k, v in t.items() if k != "base_model.vera_A"},
         "pairs of VeRA's projections"),
        ("hira", lambda t: {k: v for k, v in t.items() if not k.endswith("query.hira_B")},
         "hira_A has no partner B"),
        ("shira", lambda t: {k: v + 99 if "indices" in k else v for k, v in t.items()},
         "places outside"),
        ("boft", lambda t: {k: v.repeat(2, 1, 1, 1) if "boft_R" in k else v for k, v in t.items()},
         r"BOFT's R \(2, 4, 4, 4\), s \(16, 1\) of .* do not fit"),
        ("loha", lambda t: t | {"base_model.model.x.hada_w9": torch.ones(1)}, "a kind of LoHa"),
        ("tokens", lambda t: {k: v[:2] for k, v in t.items()}, "for 3 token rows"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_right_is_refused_in_words(tmp_path, case, change, words):
    file = save_formula(tmp_path, case) / "task1" / "adapter_model.safetensors"
    save_file({k: v.contiguous() for k, v in change(load_file(file)).items()}, file)
    with pytest.raises((BadCheckpoint, ShapeMismatch), match=words):
        merged_tensors(merge(tmp_path, "task1"))


def test_a_row_that_was_added_is_refused_by_its_number(tmp_path):
    file = save_formula(tmp_path, "tokens") / "task1" / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"token_indices": [1, 50, 2]}))
    with pytest.raises(ShapeMismatch, match="token row 50, but .* has 50 rows in the base"):
        merge(tmp_path, "task1")


def test_options_that_change_the_delta_change_the_digest(tmp_path):
    file = save_formula(tmp_path, "loha") / "task1" / "adapter_config.json"
    config, digests = json.loads(file.read_text()), set()
    for change in ({}, {"rank_dropout": 0.5}, {"alpha": 3}, {"alpha_pattern": {"query": 3}}):
        file.write_text(json.dumps(config | change))
        digests.add(open_checkpoint(tmp_path / "task1").digest)
    assert len(digests) == 3


@pytest.mark.parametrize(("case", "portable"), [("adalora", True), ("vera", True), ("hra", False)])
def test_only_sums_in_a_fixed_order_are_promised_everywhere(tmp_path, case, portable):
    assert is_portable(merge(save_formula(tmp_path, case), "task1")) is portable


def test_pruned_ranks_of_adalora_change_nothing(tmp_path):
    file = save_formula(tmp_path, "adalora") / "task1" / "adapter_model.safetensors"
    pruned = {k: v[:, :0] if k.endswith("B") else v[:0] for k, v in load_file(file).items()}
    save_file({k: v.contiguous() for k, v in pruned.items()}, file)
    base = load_file(tmp_path / "base" / "model.safetensors")
    assert all(base[k].equal(v) for k, v in merged_tensors(merge(tmp_path, "task1")).items())
