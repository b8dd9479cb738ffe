"""Which kind of adapter a folder holds, and who understands it."""

import json

import pytest
import torch

from studio.checkpoints.adapter import sort_parts
from studio.checkpoints.adapters import read_adapter
from studio.checkpoints.lora import LoraConfig
from studio.checkpoints.oft import OftConfig
from studio.errors import BadCheckpoint
from tests.conftest import refusal, save_adapter


def test_the_config_says_which_kind_it_is(zoo_folder, tmp_path):
    assert isinstance(read_adapter(zoo_folder / "blue"), LoraConfig)
    config = {"peft_type": "OFT", "oft_block_size": 2, "use_cayley_neumann": False}
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    assert isinstance(read_adapter(tmp_path), OftConfig)


@pytest.mark.parametrize("kind", ["FOURIERFT", "XLORA", None, "lora", ["LORA"]])
def test_another_kind_is_refused_by_its_name(zoo_folder, kind):
    factors = {"layer.0.dense": (torch.ones(1, 4), torch.ones(6, 1))}
    save_adapter(zoo_folder / "other", factors, peft_type=kind)
    with pytest.raises(BadCheckpoint) as error:
        read_adapter(zoo_folder / "other")
    said = f"adapters of type {kind!r} are not supported; ADALORA, BOFT, C3A, "
    assert said in refusal(error)


def test_prompts_are_nothing_to_merge(zoo_folder):
    factors = {"layer.0.dense": (torch.ones(1, 4), torch.ones(6, 1))}
    save_adapter(zoo_folder / "other", factors, peft_type="PREFIX_TUNING")
    with pytest.raises(BadCheckpoint, match="PREFIX_TUNING train what a model is shown"):
        read_adapter(zoo_folder / "other")


def test_factors_are_sorted_to_their_module_and_the_rest_to_their_names(zoo_folder):
    names = (
        "base_model.model.layer.0.dense.lora_A.weight",
        "base_model.model.layer.0.dense.lora_B.weight",
        "base_model.model.classifier.weight",
    )
    found = read_adapter(zoo_folder / "blue").sort_names(dict.fromkeys(names, (1,)), zoo_folder)
    assert list(found.modules) == ["layer.0.dense"]
    assert found.modules["layer.0.dense"].target == "layer.0.dense.weight"
    assert found.others == {"classifier.weight": names[2]}


def test_parts_are_sorted_by_the_end_of_their_names(tmp_path):
    suffixes = {".x_A.weight": "a", ".x_B": "b"}
    names = ("m.x_A.default.weight", "m.x_B.default", "n.weight")
    found = sort_parts(names, suffixes, "X", "x_", tmp_path)
    assert found.modules == {"m": {"a": names[0], "b": names[1]}}
    assert found.others == {"n.weight": "n.weight"}
    with pytest.raises(BadCheckpoint, match="m.x_C is a kind of X tensor that is not supported"):
        sort_parts(("m.x_C",), suffixes, "X", "x_", tmp_path)
    with pytest.raises(BadCheckpoint, match="m.x_B and m.x_B.y are both there|both there"):
        sort_parts(("m.x_B.y", "m.x_B"), suffixes, "X", "x_", tmp_path)
