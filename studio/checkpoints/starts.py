"""How LoRA factors started, where that took something out of the base: PiSSA and OLoRA."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from studio.checkpoints.adapter import INSTEAD
from studio.checkpoints.low_rank import Factors
from studio.checkpoints.stored import Entry, Stored
from studio.errors import BadCheckpoint, ShapeMismatch

# Those that leave the base's weights alone.
_PLAIN = (True, False, None, "gaussian", "orthogonal", "eva", "mica")
_TAKEN = ("pissa", "olora")
_CAUSES = {
    "pissa_niter": "PEFT draws its fast decomposition anew at every load, so that no two loads "
    "make the same model of it",
    "corda": "the start depends on data that the adapter does not hold, and PEFT cannot load it "
    "without them",
    "loftq": "it belongs to a quantized base, of whose codes it is the correction",
    "lora_ga": "the start was taken out of the base by gradients that the adapter does not hold; "
    "PEFT loads it on the whole base, which is not the model that was trained",
}


def read_start(config: Mapping, file: Path) -> str:
    """What the options say was taken out of the base; empty for nothing.

    Raises:
        BadCheckpoint: that cannot be found out from the base and the adapter.
    """
    value = config.get("init_lora_weights")
    if value in _PLAIN:
        return ""
    said = str(value).lower()
    others = [option for option in ("use_dora", "target_parameters") if config.get(option)]
    if said in _TAKEN and others:
        raise BadCheckpoint(
            f"{file}: init_lora_weights={value!r} together with {others[0]} is not supported; "
            f"{INSTEAD}."
        )
    if said in _TAKEN:
        return said
    cause = next((why for name, why in _CAUSES.items() if said.startswith(name)), None)
    if cause is None:
        cause = "what it does to the base is not known here"
    raise BadCheckpoint(
        f"{file}: init_lora_weights={value!r} is not supported: {cause}. Save the adapter as a "
        "plain LoRA where it was trained (save_pretrained with "
        "path_initial_model_for_weight_conversion), or merge it there and use the full model."
    )


def refuse_layout(start: str, shape: tuple[int, ...], across: bool, name: str, task: str) -> None:
    """Refuse a start that PEFT cannot take out of a tensor.

    Raises:
        ShapeMismatch: of a convolution, or (OLoRA) of a layer that is stored as (in, out).
    """
    if start and (len(shape) > 2 or (across and start == "olora")):
        raise ShapeMismatch(
            f"'{task}' started the factors of {name} {shape} as parts of the base ({start}), "
            "which PEFT does for linear layers stored as (out, in) alone and cannot load here. "
            "Save the adapter as a plain LoRA where it was trained."
        )


def start_note(start: str) -> list[str]:
    """What a user should know of an adapter that took something out of its base."""
    if not start:
        return []
    name = {"pissa": "PiSSA", "olora": "OLoRA"}[start]
    return [
        f"Its factors started as parts of the base ({name}), which are taken out of it, as PEFT "
        "does at every load: the base must be the original one, not the residual one."
    ]


def without_start(factors: Factors, base: Stored, start: str, rank: int) -> Factors:
    """Factors with what their start took out of the base's matrix.

    Args:
        factors: the trained ones, in the order of the stored dimensions.
        base: W, a matrix.
        start: "pissa" or "olora".
        rank: of the start.

    Returns:
        Factors of twice the rank, float64.

    Source: PiSSA (arXiv 2404.02948), Eqs. 2 to 4, the leading singular directions; OLoRA (arXiv
    2406.01775), the first columns of a QR decomposition times the scale; as PEFT takes them out.
    """
    left, right = _start(base.name, base.entry, start, rank)
    taken = left.double() * (factors.scale if start == "olora" else 1.0)
    b = torch.cat([factors.b.double() * factors.scale, -taken], 1)
    return Factors(b, torch.cat([factors.a.double(), right.double()]), 1.0)


@lru_cache(maxsize=512)
def _start(name: str, entry: Entry, start: str, rank: int) -> tuple[Tensor, Tensor]:
    """``(rows, rank)`` and ``(rank, columns)`` of one tensor, in float32 as in PEFT."""
    matrix = Stored(name, entry)[:].reshape(entry.shape).float()
    if start == "olora":
        q, r = torch.linalg.qr(matrix)
        return q[:, :rank].clone(), r[:rank].clone()
    u, s, vh = torch.linalg.svd(matrix, full_matrices=False)
    return u[:, :rank] * s[:rank], vh[:rank].clone()
