"""A head's last layer, fitted to probabilities and pulled toward the layer as it was."""

import torch
from torch import Tensor

from studio.errors import NotFinite
from studio.tasks.last_layer import LastLayer

_STEPS = 500  # of L-BFGS, which ends long before
_FLAT = 1e-7  # largest gradient at which it ends; one of an expert's own inputs is far below


def fitted_layer(
    last: LastLayer, entered: Tensor, said: Tensor, pull: float, name: str
) -> LastLayer:
    """The last layer that says of a merged model's features what the expert says of its own.

    With features ``f`` of the merged model, probabilities ``p`` that the expert gives to the
    labels, and ``D`` the change of weight and bias together, it minimizes

    ``E[cross_entropy(p, softmax((W + D) f))] + pull / 2 * m * ||D||^2``

    where ``m`` is the mean square of a feature. That is convex, so there is one solution, found by
    L-BFGS in float64 from ``D = 0``. Where the features are the expert's own, it is ``D = 0``.

    Args:
        last: of the head as it was.
        entered: ``(n, hidden)`` what enters it in the merged model.
        said: ``(n, labels)`` scores by the expert, of the same questions.
        pull: above 0.
        name: of the task, for errors.

    Raises:
        NotFinite: a feature or a score is NaN or infinite.
    """
    if not bool(entered.isfinite().all() and said.isfinite().all()):
        raise NotFinite(
            f"'{name}': what enters its head holds NaN or infinity, so it cannot be refitted. "
            "Choose smaller coefficients, or leave 'heads' out."
        )
    features, wanted = entered.double(), said.double().softmax(-1)
    before = last.scores(features)
    if last.bias is not None:
        features = torch.cat([features, torch.ones_like(features[:, :1])], 1)
    held = pull * float(entered.double().square().mean())
    change = _minimum(features, before, wanted, held)
    width = last.weight.shape[1]
    weight = (last.weight.double() + change[:, :width]).to(last.weight.dtype)
    if last.bias is None:
        return LastLayer(weight, None)
    return LastLayer(weight, (last.bias.double() + change[:, width]).to(last.bias.dtype))


def _minimum(features: Tensor, before: Tensor, wanted: Tensor, held: float) -> Tensor:
    """``(labels, width)`` the change where the loss is least."""
    shape = before.shape[1], features.shape[1]
    change = torch.zeros(shape, dtype=torch.float64, requires_grad=True)
    search = torch.optim.LBFGS(
        [change], max_iter=_STEPS, tolerance_grad=_FLAT, tolerance_change=0.0,
        line_search_fn="strong_wolfe",
    )  # fmt: skip

    def loss() -> Tensor:
        search.zero_grad()
        found = (before + features @ change.T).log_softmax(-1)
        value = held / 2 * change.square().sum() - (wanted * found).sum(-1).mean()
        value.backward()
        return value

    search.step(loss)
    return change.detach()
