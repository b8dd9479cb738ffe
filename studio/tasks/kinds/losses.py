"""What a question costs whose options have scores, by which search and Fisher go."""

import torch
from torch import Tensor

NEEDS_LABELS = "labels"
LOSSES = (NEEDS_LABELS, "entropy", "expert")


def option_losses(loss: str, scores: Tensor, right: Tensor, expert: Tensor | None = None) -> Tensor:
    """The loss of every question, in nats.

    Args:
        loss: 'labels', the cross-entropy of the right label; 'entropy' of the prediction itself,
            which needs no labels; 'expert', the Kullback-Leibler divergence of the prediction
            from the task's own expert's, which needs none either.
        scores: ``(m, options)``.
        right: ``(m,)`` the right option.
        expert: ``(m, options)`` log-probabilities of the expert.

    Returns:
        ``(m,)``, float64.

    Source: MDM-OC, Eq. 14; entropy: AdaMerging (arXiv 2310.02575), Eq. 4.
    """
    found = scores.double().log_softmax(-1)
    if loss == NEEDS_LABELS:
        return torch.nn.functional.nll_loss(found, right, reduction="none")
    if loss == "entropy":
        return -(found.exp() * found).sum(-1)
    assert expert is not None
    return (expert.exp() * (expert - found)).sum(-1)
