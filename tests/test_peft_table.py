"""PEFT's weighted adapters differ from the merge by what the documents say."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from docs.make import peft_table


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("peft")
    peft_table.train(folder)
    return folder


def factors(folder: Path, name: str) -> list[torch.Tensor]:
    found = load_file(folder / name / "adapter_model.safetensors")
    module = "base_model.model.model.layers.0.self_attn.q_proj"
    return [found[f"{module}.lora_{part}.weight"].double() for part in "AB"]


def test_linear_has_the_cross_terms_of_the_factors_and_nothing_else(trained):
    name = "model.layers.0.self_attn.q_proj.weight"
    theirs = peft_table.theirs(trained, "linear")[name]
    (a, b), (c, d) = (factors(trained, each) for each in peft_table.WEIGHTS)
    one, other = peft_table.WEIGHTS.values()
    crossed = (one * other) ** 0.5 * (d @ a + b @ c)
    ours = one * b @ a + other * d @ c
    torch.testing.assert_close(theirs, ours + crossed, rtol=0, atol=1e-5)
    torch.testing.assert_close(peft_table.theirs(trained, "cat")[name], ours, rtol=0, atol=1e-5)


def test_cat_and_svd_are_our_adapters_and_linear_and_ties_are_not():
    found = peft_table.differences()
    assert found["cat"] < 1e-5
    assert found["svd"] < 1e-5
    assert found["linear"] > 0.5
    assert found["ties"] > 0.5
