"""A change in other clothes."""

from collections.abc import Callable
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

from studio.recipe import TaskEntry
from tests.conftest import save_model


def dressed(zoo_folder: Path, name: str, change: Callable[[Tensor, Tensor], Tensor]) -> TaskEntry:
    """A full model whose change of the base is made of that of red and green."""
    base = load_file(zoo_folder / "base" / "model.safetensors")
    red, green = (load_file(zoo_folder / n / "model.safetensors") for n in ("red", "green"))
    made = {k: v + change(red[f"bert.{k}"] - v, green[f"bert.{k}"] - v) for k, v in base.items()}
    save_model(zoo_folder / name, made)
    return TaskEntry(name, str(zoo_folder / name))
