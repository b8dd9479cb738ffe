"""Quantized weights, known by what a folder stores and by what its configuration says."""

import re

from studio.checkpoints.checkpoint import Checkpoint
from studio.errors import BadCheckpoint

# What the packers of codes keep beside them: bitsandbytes, GPTQ, AWQ, HQQ, compressed-tensors, fp8.
_TRACES = re.compile(
    r"\.(qweight|qzeros|absmax|quant_map|nested_absmax|nested_quant_map|SCB|weight_packed|"
    r"weight_scale|weight_scale_inv|weight_zero_point|W_q|quant_state\.\w+)$"
)
_BLOCKS = re.compile(r"_(blocks|scales)$")  # of MXFP4, whole bytes
# What the ends of names tell, where no configuration says it.
_METHODS = (
    (r"_(blocks|scales)$", "mxfp4"), (r"\.(qweight|qzeros)$", "gptq or awq"),
    (r"absmax$|quant_map$|quant_state\.", "bitsandbytes, 4 or 8 bits"),
    (r"\.SCB$", "bitsandbytes, 8 bits"), (r"\.weight_scale_inv$", "fp8"), (r"\.W_q$", "hqq"),
    (r"\.(weight_packed|weight_zero_point)$", "compressed-tensors"),
)  # fmt: skip
_MATRIX = ".weight"


def refuse_quantized(checkpoint: Checkpoint) -> None:
    """Refuse a full model whose weights are codes.

    Raises:
        BadCheckpoint: naming the method and a tensor.
    """
    traces = _traces(checkpoint)
    found = traces or _codes(checkpoint)
    if found:
        raise BadCheckpoint(
            f"{checkpoint.folder} holds quantized weights{_method(checkpoint) or _traced(traces)}: "
            f"{found[0]} and "
            f"{len(found) - 1} more are packed codes, which cannot be added to. Merge on the "
            "model that was quantized, or save a dequantized copy of this one "
            "(model.dequantize() in transformers)."
        )


def is_quantized(checkpoint: Checkpoint) -> bool:
    """Whether the weights are codes, whatever the configuration says."""
    return bool(_traces(checkpoint) or _codes(checkpoint))


def base_notes(base: Checkpoint) -> tuple[str, ...]:
    """What a user should know of a base: the choice of its files, and an entry that is not true."""
    method = _method(base)
    if not method or is_quantized(base):
        return base.notes
    return (
        *base.notes,
        f"The base's config.json says that it is quantized{method}, but its weights are plain; "
        "an export leaves that entry out.",
    )


def _traces(checkpoint: Checkpoint) -> list[str]:
    """Names of what packers keep beside their codes."""
    return [
        name
        for name, entry in checkpoint.weights.entries.items()
        if _TRACES.search(name) or (_BLOCKS.search(name) and not entry.floating)
    ]


def _codes(checkpoint: Checkpoint) -> list[str]:
    """Names of matrices that hold whole numbers."""
    return [
        name
        for name, entry in checkpoint.weights.entries.items()
        if name.endswith(_MATRIX) and not entry.floating and len(entry.shape) == 2
    ]


def _method(checkpoint: Checkpoint) -> str:
    said = checkpoint.config.get("quantization_config")
    if not isinstance(said, dict):
        return ""
    return f" ({str(said.get('quant_method', 'unknown method'))[:40]})"


def _traced(traces: list[str]) -> str:
    """The method that the names of codes tell, in brackets; empty if they tell none."""
    found = (method for pattern, method in _METHODS for name in traces if re.search(pattern, name))
    method = next(found, "")
    return f" ({method})" if method else ""
