"""One layer of AdapterFusion: softmax attention over what n adapters add to a linear layer."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

SPREAD = 0.02  # standard deviation that queries and keys are drawn with, as in BERT


@dataclass(frozen=True)
class Adapter:
    """What one task adds to a linear layer: ``up @ down`` times its input.

    Attributes:
        down: ``(r, in)`` float32.
        up: ``(out, r)`` float32, with the adapter's scale in it.
    """

    down: Tensor
    up: Tensor


class FusionLayer(nn.Module):
    """``V sum_i s_i z_i`` with ``s = softmax_i((Q x) . (K z_i))`` and ``z_i = up_i down_i x``.

    The z_i are never made: by the associative law all is computed in the adapters' ranks, with
    ``K up_i`` and ``V up_i`` folded once for all positions, and without gradients once for all.

    Args:
        adapters: of the n tasks; None where a task leaves this layer alone, so that its z_i is 0.
        width: of the layer's input.
        height: of its output.
        generator: that queries and keys are drawn by; values begin as the identity.

    Attributes:
        query: ``(d, in)`` with d the smaller of in and out, which is the paper's where they agree.
        key: ``(d, out)``.
        value: ``(out, out)``.
        kept: ``(n,)`` bool, which adapters are attended.

    Source: Pfeiffer et al. 2021 (arXiv 2005.00247), section 3.2.1, with the linear layer's input
    as the query, its LoRA outputs as keys and values, and no residual inside an adapter.
    """

    down: Tensor
    up: Tensor
    kept: Tensor

    def __init__(
        self, adapters: Sequence[Adapter | None], width: int, height: int,
        generator: torch.Generator,
    ) -> None:  # fmt: skip
        super().__init__()
        n, inner = len(adapters), min(width, height)
        rank = max((len(each.down) for each in adapters if each), default=1)
        down, up = torch.zeros(n, rank, width), torch.zeros(n, height, rank)
        for place, each in enumerate(adapters):
            if each:
                down[place, : len(each.down)] = each.down
                up[place, :, : len(each.down)] = each.up
        self.register_buffer("down", down)
        self.register_buffer("up", up)
        self.register_buffer("kept", torch.ones(n, dtype=torch.bool))
        self.query = nn.Parameter(SPREAD * torch.randn(inner, width, generator=generator))
        self.key = nn.Parameter(SPREAD * torch.randn(inner, height, generator=generator))
        self.value = nn.Parameter(torch.eye(height))
        self._kept: tuple[tuple[int, int], tuple[Tensor, Tensor]] | None = None

    def attention(self, entered: Tensor) -> tuple[Tensor, Tensor]:
        """Weights ``(..., n)`` of the adapters and their inner states ``(..., n, rank)``.

        Args:
            entered: ``(..., in)`` float32, what enters the linear layer.
        """
        return self._attended(entered, self._folded()[0])

    def _attended(self, entered: Tensor, keyed: Tensor) -> tuple[Tensor, Tensor]:
        inner = torch.einsum("...i,nri->...nr", entered, self.down)
        keys = torch.einsum("...d,ndr->...nr", entered @ self.query.T, keyed)
        scores = (keys * inner).sum(-1).masked_fill(~self.kept, -torch.inf)
        return scores.softmax(-1), inner

    def forward(self, entered: Tensor) -> Tensor:
        """``(..., out)`` float32 that is added to the linear layer's output."""
        keyed, valued = self._folded()
        weights, inner = self._attended(entered, keyed)
        return torch.einsum("...nr,nor->...o", weights.unsqueeze(-1) * inner, valued)

    def _folded(self) -> tuple[Tensor, Tensor]:
        """``K up`` (n, d, rank) and ``V up`` (n, out, rank); kept while no gradient is recorded."""
        now = self.key._version, self.value._version
        if self._kept and self._kept[0] == now and not torch.is_grad_enabled():
            return self._kept[1]
        keyed, valued = (
            torch.einsum("po,nor->npr", each, self.up) for each in (self.key, self.value)
        )
        self._kept = None if torch.is_grad_enabled() else (now, (keyed, valued))
        return keyed, valued

    def distance(self) -> Tensor:
        """``||I - V||^2``, the square of the Frobenius norm, by which values are kept near."""
        return (self.value - torch.eye(len(self.value), device=self.value.device)).square().sum()
