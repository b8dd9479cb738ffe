"""Adapters as PEFT saves them, of every kind that is understood: LoRA and OFT."""

from collections.abc import Callable, Mapping
from pathlib import Path

from torch import Tensor

from studio.checkpoints import lora, oft
from studio.checkpoints.low_rank import Rows
from studio.checkpoints.stored import Stored
from studio.disk.files import read_mapping
from studio.errors import BadCheckpoint

Adapter = lora.LoraConfig | oft.OftConfig
Module = lora.Module | oft.Rotation


def read_adapter(folder: Path) -> Adapter:
    """Options of the adapter in ``folder``.

    Raises:
        BadCheckpoint: its kind or an option is not understood.
    """
    file = folder / lora.CONFIG_FILE
    config = read_mapping(file, BadCheckpoint)
    kind = config.get("peft_type")
    if kind == "OFT":
        return oft.read_config(file, config)
    if kind == "LORA":
        return lora.read_config(file, config)
    raise BadCheckpoint(f"{file}: adapters of type {kind!r} are not supported; LORA and OFT are.")


def sort_names(
    names: tuple[str, ...], config: Adapter, folder: Path
) -> tuple[Mapping[str, Module], dict[str, str]]:
    """Modules by their path, and {name in the model: stored name} of the other tensors.

    Raises:
        BadCheckpoint: a tensor that is not understood.
    """
    if isinstance(config, oft.OftConfig):
        return oft.sort_names(names, folder)
    return lora.sort_names(names, config, folder)


def check_shapes(
    module: Module,
    shapes: Mapping[str, tuple[int, ...]],
    config: Adapter,
    shape: tuple[int, ...],
    name: str,
    task: str,
) -> None:
    """Refuse a module whose tensors do not fit the base tensor it changes.

    Raises:
        ShapeMismatch: naming the shapes found and expected.
    """
    if isinstance(module, oft.Rotation):
        assert isinstance(config, oft.OftConfig)
        oft.check_shapes(module, shapes, config, shape, name, task)
    else:
        assert isinstance(config, lora.LoraConfig)
        lora.check_shapes(module, shapes, config, shape, name, task)


def delta_of(
    module: Module, config: Adapter, base: Stored, tensor: Callable[[str], Tensor]
) -> Rows:
    """What a module, whose shapes were checked, adds to the base's tensor."""
    if isinstance(module, oft.Rotation):
        assert isinstance(config, oft.OftConfig)
        return oft.delta_of(module, config, base, tensor)
    assert isinstance(config, lora.LoraConfig)
    return lora.delta_of(module, config, base, tensor)
