"""Tiny image classifiers of transformers, and what they say themselves of some pictures."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from torch import Tensor, nn

from studio.tasks.kinds.image_items import DEVIATION, MEAN
from tests.tasks.kinds.classifiers import noisy

SIDE = 32
_SIZES = {
    "image_size": SIDE, "patch_size": 8, "hidden_size": 32, "num_hidden_layers": 2,
    "num_attention_heads": 2, "intermediate_size": 64, "embed_dim": 16, "depths": [1, 1],
    "num_heads": [2, 2], "window_size": 4, "hidden_sizes": [16, 32], "num_stages": 2,
    "embedding_size": 16, "layer_type": "basic", "depth_multiplier": 0.35, "num_channels": 3,
}  # fmt: skip
_TOWER = {
    "image_size": SIDE, "patch_size": 8, "hidden_size": 32, "num_hidden_layers": 2,
    "num_attention_heads": 2, "intermediate_size": 64,
}  # fmt: skip
_TOWERS = {
    "vision_config": _TOWER,
    "text_config": {**_TOWER, "vocab_size": 64, "max_position_embeddings": 16},
}
_OWN_SIZES = {
    "Dinov2": {"mlp_ratio": 2}, "Swin": {"patch_size": 4}, "CLIP": _TOWERS, "Siglip": _TOWERS,
    "EfficientNet": {
        "width_coefficient": 0.1, "depth_coefficient": 0.3, "hidden_dim": 128,
        "kernel_sizes": [3, 3], "in_channels": [32, 16], "out_channels": [16, 24],
        "strides": [1, 2], "num_block_repeats": [1, 1], "expand_ratios": [1, 6],
        "initializer_range": 0.4,
    },
}  # fmt: skip


def images(count: int = 40) -> np.ndarray:
    """``(count, SIDE, SIDE, 3)`` uint8, drawn."""
    drawn = np.random.default_rng(0).integers(0, 256, (count, 4, 4, 3))
    return np.kron(drawn, np.ones((1, SIDE // 4, SIDE // 4, 1))).astype(np.uint8)


def built(folder: Path, family: str, **options: Any) -> Any:
    """A base in ``folder/base`` and its classifier of three labels in ``folder/expert``."""
    torch.manual_seed(0)
    classifier = getattr(transformers, f"{family}ForImageClassification")
    noisy(transformers.AutoModel.from_config(sized(family))).save_pretrained(folder / "base")
    options = {"num_labels": 3} | options
    expert = noisy(classifier.from_pretrained(folder / "base", **options)).eval()
    last = [x for x in expert.modules() if isinstance(x, nn.Linear) and x.out_features == 3][-1]
    nn.init.normal_(last.weight)
    with torch.no_grad():
        last.bias.sub_(logits(expert).mean(0))
    expert.save_pretrained(folder / "expert")
    return expert


def sized(family: str) -> Any:
    """A small configuration of a family."""
    made = getattr(transformers, f"{family}ForImageClassification").config_class
    known = made()
    sizes = {k: v for k, v in _SIZES.items() if hasattr(known, k)} | _OWN_SIZES.get(family, {})
    if "num_heads" in sizes:  # of every stage, and by another name one for all
        del sizes["num_attention_heads"]
    return made(**sizes)


def logits(model: Any) -> Tensor:
    """Of every picture."""
    pixels = torch.from_numpy(images()).permute(0, 3, 1, 2).float() / 255
    mean, deviation = (torch.tensor(x).view(-1, 1, 1) for x in (MEAN, DEVIATION))
    with torch.no_grad():
        return model((pixels - mean) / deviation).logits


def write_rows(folder: Path, model: Any) -> list[int]:
    """``rows.npz`` with the labels that a model gives itself."""
    said = logits(model).argmax(-1).tolist()
    assert len(set(said)) > 1
    np.savez(folder / "rows.npz", images=images(), labels=np.array(said))
    return said
