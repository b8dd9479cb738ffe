"""LoRA files of image trainers: recognized by their names, and merged on the modules they name."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.kohya import Kohya
from studio.errors import BadCheckpoint, ShapeMismatch
from tests.checkpoints.test_lora_options import merge
from tests.conftest import draw, save_model
from tests.merged import merged_tensors

BASE = {"text_model.layers.0.q_proj.weight": (6, 4),
        "text_model.layers.0.self_attn.fc1.weight": (4, 6),
        "text_model.conv.weight": (5, 3, 2, 2), "text_model.norm.weight": (4,)}  # fmt: skip


def factors(lead: str, rank: int = 2, alpha: float | None = 1.0) -> dict:
    """Factors of every weight of more than one dimension."""
    found = {}
    for name, shape in BASE.items():
        if len(shape) > 1:
            key = lead + name.removeprefix("text_model.").removesuffix(".weight").replace(".", "_")
            ones = (1,) * (len(shape) - 2)
            made = draw(len(key), {"a": (rank, *shape[1:]), "b": (shape[0], rank, *ones)})
            found |= {f"{key}.lora_down.weight": made["a"], f"{key}.lora_up.weight": made["b"]}
            if alpha is not None:
                found[f"{key}.alpha"] = torch.tensor(alpha)
    return found


@pytest.fixture
def save(tmp_path):
    def made(tensors: dict, base: dict | None = None):
        save_model(tmp_path / "base", draw(0, BASE) if base is None else base)
        (tmp_path / "task1").mkdir(exist_ok=True)
        save_file(tensors, tmp_path / "task1" / "style.safetensors")
        return tmp_path

    return made


@pytest.mark.parametrize(
    "lead", ["lora_te_text_model_", "lora_te1_text_model_", "lora_te_", "lora_"]
)
@pytest.mark.parametrize("alpha", [None, 0.5])
def test_factors_are_merged_where_their_names_lead(save, lead, alpha):
    tensors = factors(lead, alpha=alpha)
    folder = save(tensors)
    opened = merge(folder, "task1")
    base = load_file(folder / "base" / "model.safetensors")
    merged = merged_tensors(opened)
    assert set(merged) == {name for name, shape in BASE.items() if len(shape) > 1}
    for name, tensor in merged.items():
        key = lead + name.removeprefix("text_model.").removesuffix(".weight").replace(".", "_")
        down, up = (tensors[f"{key}.lora_{each}.weight"].flatten(1) for each in ("down", "up"))
        delta = ((alpha or 2.0) / 2.0) * (up @ down)
        expected = base[name] + delta.view_as(base[name])
        torch.testing.assert_close(tensor, expected, rtol=0, atol=1e-6)
    assert any("have Kohya's names" in note for note in opened.deltas.joins[0].notes)
    assert any("store no alpha" in note for note in opened.deltas.joins[0].notes) == (alpha is None)


def test_a_base_that_was_saved_without_the_wrapper_is_found(save):
    base = {name.removeprefix("text_model."): each for name, each in draw(0, BASE).items()}
    opened = merge(save(factors("lora_te_text_model_"), base), "task1")
    assert set(opened.deltas.names) == {n for n, each in base.items() if each.ndim > 1}


def test_it_is_an_adapter_whose_alphas_are_tensors(save):
    folder = save(factors("lora_te_"))
    found = open_checkpoint(folder / "task1")
    assert isinstance(found.adapter, Kohya)
    assert found.kind == "LoRA (Kohya)"
    before = found.digest
    save(factors("lora_te_", alpha=3.0))
    assert open_checkpoint(folder / "task1").digest != before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t | {"lora_te_x.alpha": torch.tensor(0.0)}, "alpha is 0.0; an alpha must be"),
        (lambda t: t | {"lora_te_x.alpha": torch.ones(2)}, "alpha is 2 numbers"),
        (lambda t: t | {"lora_te_x.hada_w1_a": torch.ones(2)}, "hada_w1_a is a kind of tensor of"),
        (lambda t: t | {"lora_te_x.lora_up.weight": torch.ones(2, 2)}, "x has no lora_down"),
        (lambda t: t | factors("lora_unet_"), "'task1' .* changes 6 modules of te, unet"),
        (lambda t: {"a.lora_A.weight": torch.ones(2, 2)}, "no adapter_config.json says their rank"),
        (lambda t: {k: v[:0].clone() if "down" in k else v for k, v in t.items()}, "ZeRO-3"),
        (lambda t: {k: v[:1].clone() if "up" in k else v for k, v in t.items()}, "do not fit"),
    ],
)
def test_what_cannot_be_right_is_refused_in_words(save, change, words):
    folder = save(change(factors("lora_te_")))
    with pytest.raises((BadCheckpoint, ShapeMismatch), match=words):
        merge(folder, "task1")


def test_two_modules_of_one_flat_name_are_refused(save):
    base = draw(0, BASE | {"text_model.layers_0.q_proj.weight": (6, 4)})
    with pytest.raises(ShapeMismatch, match="which differ only in dots"):
        merge(save(factors("lora_te_"), base), "task1")
