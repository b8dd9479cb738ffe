"""The stand-in, and small repositories on it."""

import json
from collections.abc import Iterator

import pytest
import torch
from safetensors.torch import save

from tests.hub.stand_in import Repo, StandIn, served


@pytest.fixture
def hub() -> Iterator[StandIn]:
    with served() as server:
        yield server


def model_files(rows: int = 4, seed: int = 0) -> dict[str, bytes]:
    """A model of two tensors with all that belongs to it, and what must stay away."""
    draw = torch.Generator().manual_seed(seed)
    tensors = {
        "model.weight": torch.randn(rows, 3, generator=draw),
        "model.bias": torch.randn(rows, generator=draw),
    }
    return {
        "README.md": b"# Red\n",
        "config.json": json.dumps({"model_type": "bert", "hidden_size": 3}).encode(),
        "vocab.txt": b"[PAD]\nred\n",
        "model.safetensors": save(tensors),
        "pytorch_model.bin": b"\x80\x04pickle",
        "modeling_red.py": b"import os",
        "onnx/model.safetensors": save(tensors),
        "picture \xc3\xa4.png".encode("latin-1").decode("utf-8"): b"png",
    }


@pytest.fixture
def red(hub: StandIn) -> Repo:
    hub.models["desk/red"] = Repo(model_files(), {"license": "apache-2.0"})
    return hub.models["desk/red"]
