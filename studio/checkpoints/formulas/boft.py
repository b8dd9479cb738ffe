"""BOFT: inputs of a layer rotated in blocks, and its outputs scaled."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from studio.checkpoints.adapter import Shapes
from studio.checkpoints.formulas.contract import Formula
from studio.checkpoints.low_rank import Made, base_rows
from studio.checkpoints.oft import LARGEST_BLOCK, Rotated
from studio.checkpoints.stored import Stored


@dataclass(frozen=True)
class Boft(Formula):
    """``s * (W R^T) - W`` with R block-diagonal and orthogonal, of one butterfly factor.

    More factors need PEFT's CUDA extension; without it PEFT, too, has one.

    Source: BOFT (arXiv 2311.06243), as PEFT merges it.
    """

    kind = "BOFT"
    part = "rotations"
    peft_type = "BOFT"
    mark = "boft_"
    required = ("R", "s")
    suffixes: ClassVar[Mapping[str, str]] = {".boft_R": "R", ".boft_s": "s"}
    known = frozenset({
        "boft_block_num", "boft_block_size", "boft_dropout", "boft_n_butterfly_factor",
        "init_weights",
    })  # fmt: skip

    def fits(self, shapes: Shapes, shape: tuple[int, ...], path: str) -> bool:
        """See ``Formula``."""
        blocks = shapes["R"]
        return (
            len(shape) == 2
            and len(blocks) == 4
            and blocks[0] == 1
            and blocks[2] == blocks[3] <= LARGEST_BLOCK
            and blocks[1] * blocks[2] == shape[1]
            and shapes["s"] == (shape[0], 1)
        )

    def change(self, parts: Mapping[str, Tensor], base: Stored, path: str) -> Made:
        """See ``Formula``."""
        blocks, scale = parts["R"][0].double(), parts["s"]
        turned = Rotated(base, 0.5 * (blocks - blocks.mT), None)

        def block(i: int, j: int, dtype: torch.dtype) -> Tensor:
            by_row = scale[i:j].to(dtype)
            return base_rows(base, i, j, dtype) * (by_row - 1) + turned.rows(i, j, dtype) * by_row

        return Made(base.entry.shape[0], block)
