"""Fisher information and Grams of a model of two tensors, worked by hand."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from studio.errors import Cancelled
from studio.measure.information import fisher, input_grams

ROWS = [[1, 2], [3, 3], [3, 0]]  # the last one padded


class Toy(nn.Module):
    """Scores of two options: the sum of what is looked up, for the layer is the identity."""

    def __init__(self) -> None:
        super().__init__()
        vectors = torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [1.0, 1.0]])
        self.table = nn.Embedding.from_pretrained(vectors, freeze=False, padding_idx=0)
        self.layer = nn.Linear(2, 2, bias=False)
        self.layer.weight = nn.Parameter(torch.eye(2))

    def forward(self, ids: Tensor) -> Tensor:
        return self.layer(self.table(ids)).sum(1)


@pytest.fixture
def model() -> SimpleNamespace:
    """What wears the toy."""
    toy = Toy()
    return SimpleNamespace(
        base=SimpleNamespace(names=("table.weight", "layer.weight")), encoder=toy, whole=toy,
        own_names=lambda names: {name: name for name in names}, part=lambda name, whole: whole,
        batch=lambda kind, items: SimpleNamespace(inputs={"ids": torch.tensor(items)}),
        states=torch.no_grad()(lambda inputs: toy(**inputs)),
    )  # fmt: skip


def part(masked: bool = True) -> SimpleNamespace:
    """Three rows with the options 0, 1 and 0 right; padding is known, or it is not."""
    kind = SimpleNamespace(
        nats=lambda spec, head, output, batch, places, right: nn.functional.cross_entropy(
            output, right, reduction="none"
        ),
        real=lambda batch: batch.inputs["ids"] != 0 if masked else None,
    )
    task = SimpleNamespace(name="toy", spec=None, kind=kind)
    return SimpleNamespace(
        task=task, items=ROWS, answers=np.array([0, 1, 0]), questions=lambda rows: rows
    )


def test_fisher_is_the_mean_of_squared_gradients_row_by_row(model):
    """Both options have probability 1/2 in each row, so that scores have gradients of +-1/2."""
    found = fisher(model, part(), None, range(3))  # type: ignore[arg-type]
    inputs = torch.tensor([2.0, 2.0, 1.0])  # either element of a row's sum
    layer = float((inputs / 2).square().sum() / 3)
    assert found["layer.weight"].tolist() == [[pytest.approx(layer)] * 2] * 2
    rows = [0.0, 0.25, 0.25, 1.0 + 0.25]  # the last was asked for twice in a row, and then once
    assert found["table.weight"].tolist() == [[pytest.approx(x / 3)] * 2 for x in rows]


def test_fisher_of_some_rows_is_theirs_and_progress_can_stop_it(model):
    found = fisher(model, part(), None, [2])  # type: ignore[arg-type]
    assert found["layer.weight"].tolist() == [[0.25, 0.25], [0.25, 0.25]]
    said = []

    def stop(share: float, words: str) -> None:
        said.append((share, words))
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        fisher(model, part(), None, [0, 2], stop)  # type: ignore[arg-type]
    assert said == [(0.5, "toy: 1 of 2 rows")]


@pytest.mark.parametrize(("masked", "positions"), [(True, 5), (False, 6)])
def test_a_gram_counts_positions_that_are_no_padding_where_that_is_known(model, masked, positions):
    found = input_grams(model, part(masked), range(3))  # type: ignore[arg-type]
    assert list(found) == ["layer.weight"]
    together = torch.tensor([[7.0, 3.0], [3.0, 7.0]])  # (2, 0), (0, 2), and (1, 1) three times
    torch.testing.assert_close(found["layer.weight"], together / positions)


def test_hooks_are_taken_off_again(model):
    fisher(model, part(), None, [0])  # type: ignore[arg-type]
    input_grams(model, part(), [0])  # type: ignore[arg-type]
    hooks = [
        hook for each in model.encoder.modules()
        for hook in (*each._forward_hooks.values(), *each._forward_pre_hooks.values())
    ]  # fmt: skip
    assert hooks == []
