"""What keeps a trained model from forgetting, as formulas: EWC, A-GEM, LwF."""

from collections.abc import Sequence

import torch
from torch import Tensor


def ewc_penalty(
    values: Sequence[Tensor], anchors: Sequence[Tensor], fisher: Sequence[Tensor], strength: float
) -> Tensor:
    """``strength / 2 * sum_p F_p (theta_p - anchor_p)^2`` of one earlier task.

    Args:
        values: the parameters.
        anchors: what they were after that task, of the same shapes.
        fisher: the diagonal of its Fisher information, of the same shapes.
        strength: the paper's lambda.

    Source: Kirkpatrick et al. 2017 (arXiv 1612.00796), Eq. 3; MDM-OC, Eq. 17.
    """
    terms = [(f * (x - a).square()).sum() for x, a, f in zip(values, anchors, fisher, strict=True)]
    return 0.5 * strength * torch.stack(terms).sum()


def agem_projection(gradient: Tensor, reference: Tensor) -> Tensor:
    """A gradient without what it has against that of the earlier tasks' rows.

    ``g - (g . r / r . r) r`` if ``g . r < 0``, else g: a small step does not raise their mean loss.

    Args:
        gradient: ``(p,)``.
        reference: ``(p,)`` r, of rows of the earlier tasks.

    Source: Chaudhry et al. 2019 (arXiv 1812.00420), Eq. 11.
    """
    inner = torch.dot(gradient, reference)
    if inner >= 0:
        return gradient
    return gradient - inner / torch.dot(reference, reference) * reference


def distillation(scores: Tensor, before: Tensor, temperature: float) -> Tensor:
    """``(m,)`` cross-entropy of softened answers with those that the model gave before, in nats.

    ``- sum_c y'_c log y_c`` with ``y' = p'^(1/T) / sum p'^(1/T)``, which is the softmax of
    scores by T.

    Args:
        scores: ``(m, options)`` of the model as it is.
        before: ``(m, options)`` of the model as it was.
        temperature: T; above 1 small probabilities count more.

    Source: Li and Hoiem 2016 (arXiv 1606.09282), Eqs. 2 to 4, with T = 2 there.
    """
    told = (before.double() / temperature).softmax(-1)
    return -(told * (scores.double() / temperature).log_softmax(-1)).sum(-1)
