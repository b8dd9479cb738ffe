"""Experts and adapters of many architectures, joined as transformers and PEFT join them."""

from pathlib import Path

import pytest
import torch
import transformers

from studio.export.model import export
from studio.merge import open_merge
from studio.recipe import Recipe, TaskEntry
from tests.architectures import Example, examples, save

EXAMPLES = examples()


@pytest.fixture(scope="module", params=EXAMPLES)
def saved(request, tmp_path_factory) -> tuple[Example, Path]:
    example = EXAMPLES[request.param]
    return example, save(example, tmp_path_factory.mktemp("models"))


def merged(folder: Path, **coefficients: float) -> Path:
    tasks = tuple(TaskEntry(name, str(folder / name), c) for name, c in coefficients.items())
    out = folder / "-".join(("merged", *coefficients))
    export(open_merge(Recipe(str(folder / "base"), tasks, "task_arithmetic")), out)
    return out


def tensors(example: Example, folder: Path) -> tuple[dict[str, torch.Tensor], set[str]]:
    """What the base's class reads of a folder, and what it does not find there."""
    model, report = getattr(transformers, example.base).from_pretrained(
        folder, output_loading_info=True, ignore_mismatched_sizes=True
    )
    return model.state_dict(), {*report["missing_keys"]}


def test_two_full_experts(saved):
    example, folder = saved
    base, _ = tensors(example, folder / "base")
    expected = {name: value.double() for name, value in base.items()}
    for name in ("first", "second"):
        expert, missing = tensors(example, folder / name)
        for key, value in expert.items():
            if key not in missing and not key.startswith("classifier"):
                expected[key] = expected[key] + 0.5 * (value.double() - base[key].double())
    found, missing = tensors(example, merged(folder, first=0.5, second=0.5))
    assert not missing
    for name, value in found.items():
        if value.is_floating_point():
            torch.testing.assert_close(value.double(), expected[name], atol=1e-5, rtol=0)


def test_a_lora(saved):
    from peft import PeftModel

    example, folder = saved
    model = getattr(transformers, example.base).from_pretrained(folder / "base")
    expected = PeftModel.from_pretrained(model, str(folder / "lora")).merge_and_unload()
    found, missing = tensors(example, merged(folder, lora=1.0))
    assert not missing
    for name, value in expected.state_dict().items():
        if value.is_floating_point():
            torch.testing.assert_close(found[name], value, atol=1e-5, rtol=0)
