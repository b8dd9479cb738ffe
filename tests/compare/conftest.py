"""A tiny zoo with its own cache, and general rows that can be added to it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import save_file

from studio.measure.bench import Bench
from studio.zoo import load_zoo
from tests import bertzoo


@pytest.fixture
def opened(tiny_copy: Path, tmp_path: Path, monkeypatch) -> Callable[[], Bench]:
    """Opens the copy of the tiny zoo, as another process would, with a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "own"))
    return lambda: Bench(load_zoo(tiny_copy), torch.device("cpu"))


def add_general(folder: Path, **changes) -> None:
    """Add rows that belong to no task to a tiny zoo."""
    torch.manual_seed(5)
    save_file({"weight": torch.randn(3, 16), "bias": torch.zeros(3)}, folder / "g.safetensors")
    (folder / "g.json").write_text(json.dumps(["a", "b", "c"]))
    bertzoo.write_rows(folder / "g.jsonl", ["a", "b", "c"], 40, grouped=False)
    entry = {
        "name": "grammar", "type": "text-classification", "head": "g.safetensors",
        "labels": "g.json", "max_length": 16, "data": {"held_out": "g.jsonl"},
    }  # fmt: skip
    entry |= changes
    zoo = yaml.safe_load((folder / "zoo.yaml").read_text())
    zoo["general"] = [{key: value for key, value in entry.items() if value is not None}]
    (folder / "zoo.yaml").write_text(yaml.safe_dump(zoo))
