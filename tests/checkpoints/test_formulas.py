"""Adapter types that are formulas, against PEFT's own ``merge_and_unload``."""

import json
from pathlib import Path

import peft
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import BertModel

from studio.checkpoints.adapters import READERS
from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.formulas import FORMULAS
from studio.checkpoints.resident import keep_in_memory
from studio.errors import BadCheckpoint, ShapeMismatch
from studio.evidence.rebuild import is_portable
from studio.merge import merged_pieces
from tests.checkpoints.test_lora_options import BERT, merge, nudge
from tests.merged import merged_tensors

DENSE = ["query", "output.dense"]
# name: (PEFT's config, its options)
CASES = {
    "adalora": ("AdaLora", {"target_r": 3, "init_r": 4, "total_step": 10, "lora_alpha": 6}),
    "adalora without alpha": ("AdaLora", {"target_r": 3, "init_r": 4, "total_step": 10, "lora_alpha": 0}),
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


def test_every_type_has_a_case_and_a_reader():
    configs = (getattr(peft, f"{kind}Config")(**options) for kind, options in CASES.values())
    kinds = {config.peft_type.value for config in configs}
    assert kinds == {each.peft_type for each in FORMULAS}
    assert set(READERS) == kinds | {"LORA", "OFT"}
