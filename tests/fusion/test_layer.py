"""A fusion layer against the paper's formula, written out densely, and worked by hand."""

import pytest
import torch

from studio.fusion.layer import Adapter, FusionLayer

WIDTH, HEIGHT = 5, 7


def drawn(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def adapters() -> list[Adapter | None]:
    two = Adapter(drawn(1, 2, WIDTH), drawn(2, HEIGHT, 2))
    three = Adapter(drawn(3, 3, WIDTH), drawn(4, HEIGHT, 3))
    return [two, None, three]


@pytest.fixture
def layer() -> FusionLayer:
    made = FusionLayer(adapters(), WIDTH, HEIGHT, torch.Generator().manual_seed(0))
    with torch.no_grad():
        made.query.copy_(drawn(5, 5, WIDTH))
        made.key.copy_(drawn(6, 5, HEIGHT))
        made.value.copy_(drawn(7, HEIGHT, HEIGHT))
    return made


def dense(layer: FusionLayer, entered: torch.Tensor, kept=(0, 1, 2)) -> torch.Tensor:
    """For one position: every z_i, its key and its value made, in float64."""
    x = entered.double()
    zeros = torch.zeros(HEIGHT, WIDTH).double()
    deltas = [each.up.double() @ each.down.double() if each else zeros for each in adapters()]
    outputs = [deltas[i] @ x for i in kept]
    query = layer.query.double() @ x
    scores = torch.stack([query @ (layer.key.double() @ z) for z in outputs])
    weights = scores.exp() / scores.exp().sum()
    values = torch.stack([layer.value.double() @ z for z in outputs])
    return (weights[:, None] * values).sum(0)


@pytest.mark.parametrize("kept", [(0, 1, 2), (0, 2), (2,)])
def test_the_layer_is_the_papers_formula_written_out(layer, kept):
    entered = 0.3 * drawn(8, 4, 3, WIDTH)
    layer.kept.copy_(torch.tensor([i in kept for i in range(3)]))
    made = layer(entered)
    assert made.shape == (4, 3, HEIGHT)
    for row in range(4):
        for place in range(3):
            told = dense(layer, entered[row, place], kept)
            assert torch.allclose(made[row, place].double(), told, atol=1e-5)


def test_attention_to_one_adapter_with_identity_values_is_that_adapter():
    layer = FusionLayer(adapters(), WIDTH, HEIGHT, torch.Generator().manual_seed(0))
    layer.kept.copy_(torch.tensor([False, False, True]))
    entered, only = drawn(8, 6, WIDTH), adapters()[2]
    assert only is not None
    assert torch.allclose(layer(entered), entered @ only.down.T @ only.up.T, atol=1e-6)


def test_two_adapters_by_hand():
    """x = (1, 0); z_1 = (2, 0), z_2 = (0, 1); q K z = 1 and 0, so the weights are e : 1."""
    down = torch.eye(1, 2)
    pair = [
        Adapter(down, torch.tensor([[2.0], [0.0]])),
        Adapter(down, torch.tensor([[0.0], [1.0]])),
    ]
    layer = FusionLayer(pair, 2, 2, torch.Generator())
    with torch.no_grad():
        layer.query.copy_(torch.eye(2))
        layer.key.copy_(torch.diag(torch.tensor([0.5, 3.0])))
    weights, _ = layer.attention(torch.tensor([1.0, 0.0]))
    first = torch.e / (torch.e + 1)
    assert weights.tolist() == pytest.approx([first, 1 - first])
    assert layer(torch.tensor([1.0, 0.0])).tolist() == pytest.approx([2 * first, 1 - first])


def test_values_begin_as_the_identity_and_their_distance_from_it_is_a_sum_of_squares():
    layer = FusionLayer(adapters(), WIDTH, HEIGHT, torch.Generator())
    assert layer.distance().item() == 0
    with torch.no_grad():
        layer.value[0, 0] += 3
        layer.value[1, 2] -= 4
    assert layer.distance().item() == 25


def test_what_is_folded_is_folded_again_when_values_or_keys_have_moved(layer):
    entered = 0.3 * drawn(8, WIDTH)
    for moved in (layer.value, layer.key, layer.query):
        with torch.no_grad():
            layer(entered)
            moved.mul_(1.5)
            made = layer(entered)
        assert torch.allclose(made.double(), dense(layer, entered), atol=1e-5)
