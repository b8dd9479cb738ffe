"""Which kind of adapter a folder holds, and who understands it."""

import json

import pytest
import torch

from studio.checkpoints.adapters import read_adapter, sort_names
from studio.checkpoints.lora import LoraConfig
from studio.checkpoints.oft import OftConfig
from studio.errors import BadCheckpoint
from tests.conftest import refusal, save_adapter


def test_the_config_says_which_kind_it_is(zoo_folder, tmp_path):
    assert isinstance(read_adapter(zoo_folder / "blue"), LoraConfig)
    config = {"peft_type": "OFT", "oft_block_size": 2, "use_cayley_neumann": False}
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    assert isinstance(read_adapter(tmp_path), OftConfig)


@pytest.mark.parametrize("kind", ["IA3", None, "lora"])
def test_another_kind_is_refused_by_its_name(zoo_folder, kind):
    factors = {"layer.0.dense": (torch.ones(1, 4), torch.ones(6, 1))}
    save_adapter(zoo_folder / "other", factors, peft_type=kind)
    with pytest.raises(BadCheckpoint) as error:
        read_adapter(zoo_folder / "other")
    assert f"adapters of type {kind!r} are not supported; LORA and OFT are." in refusal(error)


def test_factors_are_sorted_to_their_module_and_the_rest_to_their_names(zoo_folder):
    names = (
        "base_model.model.layer.0.dense.lora_A.weight",
        "base_model.model.layer.0.dense.lora_B.weight",
        "base_model.model.classifier.weight",
    )
    modules, others = sort_names(names, read_adapter(zoo_folder / "blue"), zoo_folder)
    assert list(modules) == ["layer.0.dense"]
    assert others == {"classifier.weight": names[2]}
