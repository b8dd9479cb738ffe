"""What rotations did to a layer, for people: angles, residual shares, hyperspherical energy."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from studio.geometry.rotation import Turn

MOST_ROWS = 512  # of which the energy is taken; it costs their square
NOTHING_EXPLAINED = 0.95  # residual share above which a rotation explains next to nothing


@dataclass(frozen=True)
class LayerRotation:
    """How a tensor was merged by rotation.

    Attributes:
        tensor: its name.
        angles: per task the largest angle that its rotation turns a plane by, in degrees; None
            where the task leaves the tensor alone.
        residual_shares: per task the norm of the residual over that of the delta.
        angle: of the merged rotation.
        correction: what the mean coordinates were multiplied by, at most.
        energy_before: hyperspherical energy of the base's rows, see ``energy``.
        energy_after: of the merged rows.
        rows: of which the energy was taken.
    """

    tensor: str
    angles: tuple[float | None, ...]
    residual_shares: tuple[float | None, ...]
    angle: float
    correction: float
    energy_before: float | None
    energy_after: float | None
    rows: int

    @property
    def explains(self) -> bool:
        """Whether some task's rotation explains more than next to nothing of its change."""
        known = [share for share in self.residual_shares if share is not None]
        return any(share <= NOTHING_EXPLAINED for share in known)

    def plain(self) -> dict:
        """As plain values."""
        return asdict(self) | {
            "angles": list(self.angles),
            "residual_shares": list(self.residual_shares),
            "explains": self.explains,
        }


def largest_angle(turns: Sequence[Turn]) -> float:
    """In degrees, of all planes that the rotations turn."""
    return math.degrees(max((turn.largest_angle for turn in turns), default=0.0))


def sampled(rows: int) -> Tensor:
    """Up to ``MOST_ROWS`` row numbers, evenly spread; the same every time."""
    if rows <= MOST_ROWS:
        return torch.arange(rows)
    return torch.arange(MOST_ROWS) * rows // MOST_ROWS


def energy(rows: Tensor) -> float | None:
    """Mean of 1 / distance over pairs of rows scaled to length 1; large where rows crowd.

    A rotation of the inputs keeps it. Rows of zeros are left out; None for fewer than two others.

    Args:
        rows: ``(k, in)``.

    Source: Liu et al. 2018, minimum hyperspherical energy (arXiv 1805.09298), s = 1.
    """
    lengths = torch.linalg.vector_norm(rows.double(), dim=1, keepdim=True)
    unit = rows.double()[lengths[:, 0] > 0] / lengths[lengths[:, 0] > 0]
    if len(unit) < 2:
        return None
    distances = torch.nn.functional.pdist(unit).clamp(min=1e-9)
    return float(distances.reciprocal().mean())
