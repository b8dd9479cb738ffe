"""Model folders of real sizes with drawn weights: a base and n variants of it.

``python -m tests.benchmarks.models ROOT KIND DTYPE N`` writes ``ROOT/KIND-DTYPE/base`` and
``task0`` to ``task(N-1)``, of which those that are there already are kept. Each variant is
base + 0.002 randn, rounded once to the stored dtype. One tensor is in memory at a time, and the
same arguments give the same bytes.
"""

import argparse
import json
import struct
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

KINDS = ("bert-base", "bert-large", "gpt2-medium")
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
_CODES = {"fp32": "F32", "bf16": "BF16"}
_BASE_SCALE = 0.02  # the initializer's standard deviation in both families
_DELTA_SCALE = 0.002

Shapes = dict[str, tuple[int, ...]]


def build(root: Path, kind: str, dtype: str, n: int) -> Path:
    """Write a base and n variants; folders that are there already are kept.

    Returns:
        The folder that holds them.
    """
    config, shapes = architecture(kind)
    config.dtype = str(DTYPES[dtype]).removeprefix("torch.")
    folder = root / f"{kind}-{dtype}"
    for variant in (None, *range(n)):
        target = folder / ("base" if variant is None else f"task{variant}")
        if (target / "model.safetensors").exists():
            continue
        target.mkdir(parents=True, exist_ok=True)
        config.save_pretrained(target)
        part = target / "model.safetensors.part"
        _write(part, shapes, dtype, variant)
        part.rename(target / "model.safetensors")
    return folder


def architecture(kind: str):
    """The transformers config of a kind, and the shapes of the tensors that its folder stores."""
    from transformers import BertConfig, BertModel, GPT2Config, GPT2LMHeadModel

    if kind == "gpt2-medium":
        config = GPT2Config(n_embd=1024, n_layer=24, n_head=16)
        with torch.device("meta"):
            model = GPT2LMHeadModel(config)
    else:
        config = BertConfig()
        if kind == "bert-large":
            config = BertConfig(
                hidden_size=1024,
                num_hidden_layers=24,
                num_attention_heads=16,
                intermediate_size=4096,
            )
        with torch.device("meta"):
            model = BertModel(config)
    config.architectures = [type(model).__name__]
    state = model.state_dict()
    # the output head of GPT-2 is the word embedding, which is stored once
    return config, {k: tuple(v.shape) for k, v in state.items() if k != "lm_head.weight"}


def values(shapes: Shapes, dtype: str, variant: int | None) -> Iterator[Tensor]:
    """The flat tensors of the base (None) or of a variant, in the order of their names."""
    for place, name in enumerate(sorted(shapes)):
        numel = torch.Size(shapes[name]).numel()
        drawn = _normal(numel, place).mul_(_BASE_SCALE)
        if name.endswith(("LayerNorm.weight", "ln_1.weight", "ln_2.weight", "ln_f.weight")):
            drawn += 1.0
        if variant is not None:
            drawn.add_(_normal(numel, (variant + 1) * 10_000 + place), alpha=_DELTA_SCALE)
        yield drawn.to(DTYPES[dtype])


def _normal(numel: int, seed: int) -> Tensor:
    return torch.randn(numel, generator=torch.Generator().manual_seed(seed))


def _write(file: Path, shapes: Shapes, dtype: str, variant: int | None) -> None:
    header: dict[str, dict] = {"__metadata__": {"format": "pt"}}
    start = 0
    for name in sorted(shapes):
        stop = start + torch.Size(shapes[name]).numel() * DTYPES[dtype].itemsize
        header[name] = {
            "dtype": _CODES[dtype],
            "shape": list(shapes[name]),
            "data_offsets": [start, stop],
        }
        start = stop
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with file.open("wb") as stream:
        stream.write(struct.pack("<Q", len(text)) + text)
        for tensor in values(shapes, dtype, variant):
            stream.write(tensor.view(torch.uint8).numpy().data)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("dtype", choices=tuple(DTYPES))
    parser.add_argument("n", type=int)
    chosen = parser.parse_args()
    print(build(chosen.root, chosen.kind, chosen.dtype, chosen.n))
