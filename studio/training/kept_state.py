"""What a training keeps to go on from: safetensors and JSON in its own folder, sealed by sums.

Nothing here is a pickle: optimizer, schedule and random numbers are tensors with a little JSON
beside them, so that no folder can make the studio run what it holds.
"""

import hashlib
import json
import random
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from studio.checkpoints.writer import write_weights
from studio.disk.files import mapping, parse_json, read_text
from studio.errors import BadState

WEIGHTS, OPTIMIZER, RANDOM = "trained.safetensors", "optimizer.safetensors", "random.safetensors"
_SEAL = "sums.json"
_STEP = re.compile(r"checkpoint-(\d+)")
_ONE_FILE = 2**62  # bytes


def write_tensors(folder: Path, file: str, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors of any shape to one safetensors file.

    Raises:
        OSError: the disk is full, say.
    """
    held = {name: each.detach().cpu().contiguous() for name, each in tensors.items()}
    layout = {name: (each.dtype, tuple(each.shape)) for name, each in held.items()}
    write_weights(
        folder, layout, lambda name: [held[name].reshape(-1)], file=file, largest_shard=_ONE_FILE
    )


def read_tensors(folder: Path, file: str) -> dict[str, Tensor]:
    """The tensors of such a file, on the CPU."""
    return load_file(folder / file)


def write_optimizer(folder: Path, optimizer: Mapping[str, Any], schedule: Any) -> None:
    """Write an optimizer's state: its tensors, and as JSON its groups and the schedule's state."""
    tensors, plain = {}, {}
    for number, own in optimizer["state"].items():
        for key, each in own.items():
            if isinstance(each, Tensor):
                tensors[f"{number}.{key}"] = each
            else:
                plain[f"{number}.{key}"] = each
    write_tensors(folder, OPTIMIZER, tensors)
    about = {"groups": optimizer["param_groups"], "plain": plain, "schedule": schedule}
    (folder / f"{OPTIMIZER}.json").write_text(json.dumps(about))


def read_optimizer(folder: Path) -> tuple[dict[str, Any], Any]:
    """An optimizer's state, and its schedule's, as they were written."""
    about = _json(folder / f"{OPTIMIZER}.json")
    state: dict[int, dict[str, Any]] = {}
    for name, each in (about["plain"] | read_tensors(folder, OPTIMIZER)).items():
        number, key = name.split(".", 1)
        state.setdefault(int(number), {})[key] = each
    return {"state": state, "param_groups": about["groups"]}, about["schedule"]


def write_random(folder: Path) -> None:
    """Write where every generator stands: Python's, NumPy's, torch's and CUDA's."""
    version, words, gauss = random.getstate()
    name, keys, place, has, cached = cast(Any, np.random.get_state())
    tensors = {"cpu": torch.get_rng_state(), "numpy": torch.tensor(keys.astype(int))}
    if torch.cuda.is_available():
        tensors["cuda"] = torch.cuda.get_rng_state()
    write_tensors(folder, RANDOM, tensors)
    about = {"python": [version, list(words), gauss], "numpy": [name, place, has, cached]}
    (folder / f"{RANDOM}.json").write_text(json.dumps(about))


def read_random(folder: Path) -> None:
    """Put every generator where it stood."""
    tensors, about = read_tensors(folder, RANDOM), _json(folder / f"{RANDOM}.json")
    version, words, gauss = about["python"]
    random.setstate((version, tuple(words), gauss))
    name, place, has, cached = about["numpy"]
    np.random.set_state((name, tensors["numpy"].numpy().astype(np.uint32), place, has, cached))
    torch.set_rng_state(tensors["cpu"])
    if "cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["cuda"])


def seal(folder: Path) -> None:
    """Write down the sum of every file, so that half a state is never taken for a whole one."""
    (folder / _SEAL).write_text(json.dumps(_sums(folder), indent=1))


def is_whole(folder: Path) -> bool:
    """Whether all of a state is there, as it was written."""
    try:
        return json.loads((folder / _SEAL).read_text()) == _sums(folder)
    except (OSError, ValueError):
        return False


def newest(folder: Path) -> Path | None:
    """The latest whole state of a training; halves of others are removed. None for none."""
    for each in sorted(states(folder), key=step_of, reverse=True):
        if is_whole(each):
            return each
        shutil.rmtree(each, ignore_errors=True)
    return None


def states(folder: Path) -> list[Path]:
    """The states of a training, whole or not."""
    return [each for each in folder.glob("checkpoint-*") if _STEP.fullmatch(each.name)]


def step_of(state: Path) -> int:
    """The step after which it was written."""
    found = _STEP.fullmatch(state.name)
    assert found
    return int(found[1])


def _sums(folder: Path) -> dict[str, str]:
    found = {}
    for file in sorted(each for each in folder.iterdir() if each.name != _SEAL):
        with file.open("rb") as stream:
            found[file.name] = hashlib.file_digest(stream, "sha256").hexdigest()
    return found


def _json(file: Path) -> dict[str, Any]:
    found = parse_json(read_text(file, BadState, 2**30), str(file), BadState)
    return mapping(found, str(file), BadState)
