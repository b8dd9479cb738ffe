"""C3A: a delta of circulant blocks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from studio.checkpoints.adapter import Shapes
from studio.checkpoints.formulas.contract import Formula
from studio.checkpoints.low_rank import Made
from studio.checkpoints.stored import Stored


@dataclass(frozen=True)
class C3a(Formula):
    """Entry (k, j) of a block is ``w[(j - k) mod b] / inputs``; the tensors show the block size.

    Source: C3A (arXiv 2407.19342), as PEFT merges it.
    """

    kind = "C3A"
    part = "kernels"
    peft_type = "C3A"
    mark = "c3a_"
    suffixes: ClassVar[Mapping[str, str]] = {".c3a_kernel": "kernel"}
    known = frozenset({"block_size", "block_size_pattern", "init_weights"})

    @property
    def portable(self) -> bool:
        """See ``Adapter``."""
        return True

    def fits(self, shapes: Shapes, shape: tuple[int, ...], path: str) -> bool:
        """See ``Formula``."""
        found = shapes["kernel"]
        if len(shape) != 2 or len(found) != 3:
            return False
        return (found[0] * found[2], found[1] * found[2]) == shape

    def change(self, parts: Mapping[str, Tensor], base: Stored, path: str) -> Made:
        """See ``Formula``."""
        kernel, (height, width) = parts["kernel"], base.entry.shape
        size = kernel.shape[2]

        def block(i: int, j: int, dtype: torch.dtype) -> Tensor:
            rows = torch.arange(i, j)
            shifts = (torch.arange(size)[None] - (rows % size)[:, None]) % size
            blocks = kernel[rows // size].to(dtype)  # (rows, blocks, size)
            index = shifts[:, None].expand_as(blocks)
            return blocks.gather(2, index).flatten(1) / width

        return Made(height, block)
