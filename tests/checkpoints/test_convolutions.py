"""Adapters of convolutions, against PEFT's own ``merge_and_unload``."""

from pathlib import Path

import peft
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from studio.checkpoints.deltas import TensorDeltas
from studio.checkpoints.low_rank import Factors
from studio.errors import ShapeMismatch, StudioError
from studio.export.adapter import refuse_no_factors
from tests.checkpoints.test_lora_options import merge, nudge
from tests.merged import merged_tensors

FOUR = ["one", "two", "flat", "three"]
CASES = {
    "adalora": peft.AdaLoraConfig(init_r=3, target_r=2, total_step=10, target_modules=["two"]),
    "lora": peft.LoraConfig(r=2, lora_alpha=3, target_modules=FOUR, lora_bias=True),
    "dora": peft.LoraConfig(r=2, target_modules=FOUR, use_dora=True),
    "loha": peft.LoHaConfig(r=2, target_modules=["two", "flat"]),
    "loha with cores": peft.LoHaConfig(r=2, target_modules=["two"], use_effective_conv2d=True),
    "lokr": peft.LoKrConfig(r=1, target_modules=["two", "flat"], decompose_both=True),
    "lokr with cores": peft.LoKrConfig(r=1, target_modules=["two"], use_effective_conv2d=True),
    "hra": peft.HRAConfig(r=2, target_modules=["two"]),
}


class Convolutions(nn.Module):
    """Convolutions of one, two and three dimensions."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv1d(4, 6, 3), nn.Conv2d(4, 6, 3)
        self.flat, self.three = nn.Conv2d(6, 8, 1), nn.Conv3d(2, 4, 2)


def save_convolutions(folder: Path, case: str) -> Path:
    """The base, an adapter and what PEFT merges, each in a folder."""
    torch.manual_seed(0)
    model = Convolutions()
    for name in ("base", "merged1"):
        (folder / name).mkdir(parents=True)
    save_file(model.state_dict(), folder / "base" / "model.safetensors")
    adapter = peft.get_peft_model(model, CASES[case])
    nudge(adapter, 1)
    adapter.save_pretrained(str(folder / "task1"))
    base = Convolutions()
    base.load_state_dict(load_file(folder / "base" / "model.safetensors"))
    merged = peft.PeftModel.from_pretrained(base, str(folder / "task1")).merge_and_unload()
    save_file(merged.state_dict(), folder / "merged1" / "model.safetensors")
    return folder


@pytest.mark.parametrize("case", CASES)
def test_one_adapter_is_what_peft_merges(tmp_path, case):
    ours = merged_tensors(merge(save_convolutions(tmp_path, case), "task1"))
    expected = load_file(tmp_path / "merged1" / "model.safetensors")
    base = load_file(tmp_path / "base" / "model.safetensors")
    assert {name for name in base if not expected[name].equal(base[name])} == set(ours)
    for name, tensor in ours.items():
        torch.testing.assert_close(tensor, expected[name], rtol=0, atol=2e-6)


def test_factors_of_a_convolution_stay_factors_and_make_no_adapter(tmp_path):
    opened = merge(save_convolutions(tmp_path, "lora"), "task1")
    tensor = opened.deltas.at("two.weight")
    assert isinstance(tensor, TensorDeltas)
    (source,) = tensor.sources
    assert isinstance(source, Factors)
    assert (source.b.shape, source.a.shape) == ((6, 2), (2, 36))
    with pytest.raises(StudioError, match="changes .*, a convolution|as a whole"):
        refuse_no_factors(opened)


def test_a_type_that_is_not_merged_on_convolutions_says_so(tmp_path, monkeypatch):
    options = peft.IA3Config(target_modules=["two"], feedforward_modules=[])
    monkeypatch.setitem(CASES, "ia3", options)
    words = (
        r"IA3's l \(1, 6, 1, 1\) of two change a convolution, two.weight .* on linear layers only"
    )
    with pytest.raises(ShapeMismatch, match=words):
        merge(save_convolutions(tmp_path, "ia3"), "task1")


def test_a_grouped_convolution_is_refused_by_name(tmp_path):
    file = save_convolutions(tmp_path, "lora") / "base" / "model.safetensors"
    save_file(load_file(file) | {"two.weight": torch.ones(6, 2, 3, 3)}, file)
    with pytest.raises(ShapeMismatch, match="are of a grouped convolution, two.weight"):
        merge(tmp_path, "task1")
