"""LoRA adapters as PEFT saves them: which options are understood, and the factors per tensor."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from studio.errors import BadCheckpoint, ShapeMismatch
from studio.files import read_mapping

WEIGHTS_FILE = "adapter_model.safetensors"
CONFIG_FILE = "adapter_config.json"
_ROOT = "base_model.model."
_A, _B = ".lora_A.weight", ".lora_B.weight"
# Keys that say where an adapter was trained or how, without changing what its files mean.
_HARMLESS = {
    "auto_mapping", "base_model_name_or_path", "ensure_weight_tying", "exclude_modules",
    "inference_mode", "layers_pattern", "layers_to_transform",
    "lora_dropout", "megatron_core", "modules_to_save", "peft_type", "peft_version",
    "qalora_group_size", "r", "lora_alpha", "revision", "target_modules", "task_type",
}  # fmt: skip
# Initializations that leave the base's weights alone; the others (PiSSA, LoftQ, …) change them.
_INITIALIZATIONS = (True, False, None, "gaussian", "orthogonal", "eva")
_NEUTRAL = (None, False, "none", 0, {}, [], "")


@dataclass(frozen=True)
class LoraConfig:
    """The options of a LoRA adapter that determine its delta: rank and alpha."""

    rank: int
    alpha: float

    @property
    def scale(self) -> float:
        """What B A is multiplied by (LoRA, Sec. 4.1: alpha / r)."""
        return self.alpha / self.rank


@dataclass(frozen=True)
class Factors:
    """A low-rank delta ``scale * b @ a``.

    Attributes:
        b: ``(out, rank)``, as stored.
        a: ``(rank, in)``, as stored.
        scale: alpha / rank.
    """

    b: Tensor
    a: Tensor
    scale: float

    def rows(self, start: int, stop: int, dtype: torch.dtype) -> Tensor:
        """Rows of the dense delta, as rank-one updates added in the order of the rank.

        Every element is the same sum of separately rounded products however the rows are cut.

        Returns:
            ``(stop - start, in)`` in ``dtype``.
        """
        b = self.b[start:stop].to(dtype) * self.scale
        a = self.a.to(dtype)
        dense = b[:, :1] * a[0]
        update = torch.empty_like(dense)
        for k in range(1, a.shape[0]):
            torch.mul(b[:, k : k + 1], a[k], out=update)
            dense.add_(update)
        return dense


_ROWS = 64


@dataclass(frozen=True)
class Product:
    """A component ``b @ a`` of high rank: ``(out, rank)`` times ``(rank, in)``.

    Unlike ``Factors``, it is multiplied by the linear algebra library, so its bits belong to one
    kind of machine.
    """

    b: Tensor
    a: Tensor

    def rows(self, start: int, stop: int, dtype: torch.dtype) -> Tensor:
        """Rows of the dense component, in blocks of rows that no cut changes.

        Returns:
            ``(stop - start, in)`` in ``dtype``.
        """
        first = start // _ROWS * _ROWS
        a = self.a.to(dtype)
        blocks = [self.b[row : row + _ROWS].to(dtype) @ a for row in range(first, stop, _ROWS)]
        return torch.cat(blocks)[start - first : stop - first]


def read_config(folder: Path) -> LoraConfig:
    """Options of the adapter in ``folder``.

    Raises:
        BadCheckpoint: it is no LoRA adapter, or uses an option that is not understood.
    """
    file = folder / CONFIG_FILE
    config = read_mapping(file, BadCheckpoint)
    kind = config.get("peft_type")
    if kind != "LORA":
        raise BadCheckpoint(f"{file}: adapters of type {kind!r} are not supported; LORA is.")
    used = [key for key, value in config.items() if not _understood(key, value)]
    if used:
        raise BadCheckpoint(
            f"{file}: the LoRA option {', '.join(f'{key}={config[key]!r}' for key in used)} "
            "is not supported; merge the adapter into its base and use the full model instead."
        )
    rank, alpha = config.get("r"), config.get("lora_alpha")
    if type(rank) is not int or rank < 1 or not _is_scale(alpha):
        raise BadCheckpoint(f"{file}: r={rank!r} and lora_alpha={alpha!r} are no rank and scale.")
    return LoraConfig(rank, float(alpha))  # type: ignore[arg-type]


def _is_scale(alpha: object) -> bool:
    return isinstance(alpha, int | float) and not isinstance(alpha, bool) and abs(alpha) < 1e30


def _understood(key: str, value: object) -> bool:
    if key == "init_lora_weights":
        return value in _INITIALIZATIONS
    return key in _HARMLESS or value in _NEUTRAL


def split_names(names: tuple[str, ...], folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Sort an adapter's tensor names.

    Returns:
        Modules with factors, as {module path: full name stem before ``.lora_A``}, and every
        other tensor, as {name without PEFT's root: full name}.

    Raises:
        BadCheckpoint: a factor without its partner, or a kind of tensor that is not understood.
    """
    modules, others, known = {}, {}, set(names)
    for name in names:
        plain = name.removeprefix(_ROOT)
        if name.endswith(_A):
            partner = name.removesuffix(_A) + _B
            if partner not in known:
                raise BadCheckpoint(f"{folder}: {name} has no partner {partner}.")
            modules[plain.removesuffix(_A)] = name.removesuffix(_A)
        elif name.endswith(_B):
            if name.removesuffix(_B) + _A not in known:
                raise BadCheckpoint(f"{folder}: {name} has no partner lora_A.")
        elif "lora_" in plain:
            raise BadCheckpoint(
                f"{folder}: {name} is a kind of LoRA tensor that is not supported; merge the "
                "adapter into its base and use the full model instead."
            )
        else:
            others[plain] = name
    if not modules:
        raise BadCheckpoint(f"{folder} holds no LoRA factors.")
    return modules, others


def check_shapes(
    a: tuple[int, ...],
    b: tuple[int, ...],
    config: LoraConfig | None,
    shape: tuple[int, ...],
    name: str,
    task: str,
) -> None:
    """Refuse factors that do not fit the base tensor they change.

    Raises:
        ShapeMismatch: naming the shapes found and expected.
    """
    assert config is not None
    if len(shape) != 2 or a != (config.rank, shape[1]) or b != (shape[0], config.rank):
        raise ShapeMismatch(
            f"'{task}': lora_B {b} and lora_A {a} of rank {config.rank} do not fit {name}, which "
            f"the base has as {shape}. The adapter belongs to another base model."
        )
