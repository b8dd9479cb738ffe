import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.errors import NothingToMerge
from studio.geometry.gram import Gram, cosine
from studio.geometry.orthogonal import (
    LARGEST_GAIN,
    largest_cosine,
    orthogonalize,
)
from tests.conftest import golden

NAMES = ("layer.0.a", "layer.0.b", "layer.1.a")


def vectors(seed: int, n: int, sizes: tuple[int, ...] = (7, 5, 9)) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shared = [torch.randn(size, generator=generator).double() for size in sizes]
    return [
        torch.randn(n, size, generator=generator).double() + common
        for size, common in zip(sizes, shared, strict=True)
    ]


def gram_of(parts: list[torch.Tensor]) -> Gram:
    tasks = tuple("abcdefgh"[: parts[0].shape[0]])
    return Gram(tasks, NAMES[: len(parts)], torch.stack([x @ x.T for x in parts]))


def rows_of(gram: torch.Tensor, tasks: tuple[str, ...], order: str) -> torch.Tensor:
    one = Gram(tasks, ("a",), gram.unsqueeze(0))
    return orthogonalize(one, "model", order, per_layer=False).rows[0]


def gram_schmidt(gram: torch.Tensor, tasks: tuple[str, ...]) -> torch.Tensor:
    return rows_of(gram, tasks, "arrival")


def loewdin(gram: torch.Tensor, tasks: tuple[str, ...]) -> torch.Tensor:
    return rows_of(gram, tasks, "symmetric")


def test_gram_schmidt_keeps_the_first_delta_and_clears_the_second():
    gram = torch.tensor([[4.0, 2.0], [2.0, 3.0]]).double()  # delta_2 = 1/2 delta_1 + rest
    assert gram_schmidt(gram, ("a", "b")).tolist() == [[1.0, 0.0], [-0.5, 1.0]]


def test_gram_schmidt_is_the_cholesky_factor_of_the_gram():
    gram = gram_of(vectors(1, 5)).total()
    factor = torch.linalg.cholesky(gram)
    expected = factor.diagonal().diag() @ torch.linalg.inv(factor)
    torch.testing.assert_close(gram_schmidt(gram, tuple("abcde")), expected, rtol=0, atol=1e-12)


def test_golden_global_gram_schmidt_and_loewdin_rows():
    stored = golden("derived_mdmoc", "global/")
    tasks = tuple("abcd")
    assert (gram_schmidt(stored["gram"], tasks) - stored["C"].T).abs().max() < 1e-12
    assert (loewdin(stored["gram"], tasks) - stored["loewdin_C"].T).abs().max() < 1e-12


def near_copies(n: int, own: float) -> torch.Tensor:
    """Each vector the mean of those before it, but for a part of its own."""
    drawn = torch.randn(n, 20_000, generator=torch.Generator().manual_seed(n)).double()
    flat = drawn.clone()
    for i in range(1, n):
        mean = flat[:i].mean(0)
        flat[i] = mean * (drawn[i].norm() / mean.norm()) + own * drawn[i]
    return flat


@pytest.mark.parametrize("per_layer", [False, True])
@pytest.mark.parametrize("order", ["arrival", "symmetric"])
@pytest.mark.parametrize("n", [2, 4, 6])
def test_near_copies_come_out_orthogonal_by_a_second_pass(n, order, per_layer):
    flat = near_copies(n, 1.6e-4)  # share of the squared norm: 2.6e-8
    names = ("layer.0.a", "layer.1.a")
    parts = flat[:, :5_000], flat[:, 5_000:]
    passes = []

    def gram_of_rows(rows):
        made = [rows[t % len(rows)] @ part for t, part in enumerate(parts)]
        return Gram(tuple("abcdef"[:n]), names, torch.stack([x @ x.T for x in made]))

    def again(rows):
        passes.append(rows.shape)
        return gram_of_rows(rows)

    raw = gram_of_rows(torch.eye(n).double().expand(2, n, n))
    once = orthogonalize(raw, "model", order, per_layer)
    twice = orthogonalize(raw, "model", order, per_layer, 1.0, again)
    left = [basis.residual(gram_of_rows(basis.rows)) for basis in (once, twice)]
    assert left[1] < 1e-9
    assert left[1] <= left[0]
    assert n == 2 or left[0] > 1e-8  # what the raw deltas' Gram alone leaves
    assert passes == [(2, n, n)]


def test_deltas_that_differ_enough_take_no_second_pass():
    def never(rows):
        raise AssertionError

    gram = gram_of(vectors(3, 4))
    assert orthogonalize(gram, "model", "arrival", False, 1.0, never).rows.equal(
        orthogonalize(gram, "model", "arrival", False).rows
    )


def test_golden_per_tensor_gram_schmidt():
    stored = golden("derived_mdmoc", "perlayer/")
    names = ("a.bias", "a.weight", "b.weight", "c.weight", "n.weight")
    gram = Gram(tuple("abcd"), names, torch.stack([stored[f"gram/{name}"] for name in names]))
    basis = orthogonalize(gram, "tensor", "arrival", per_layer=False)
    for t, name in enumerate(names):
        assert (basis.rows[t] - stored[f"C/{name}"].T).abs().max() < 1e-12


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(2, 5))
def test_components_are_orthogonal_and_span_what_the_deltas_span(seed, n):
    parts = vectors(seed, n)
    flat = torch.cat(parts, dim=1)  # (n, 21)
    for order in (gram_schmidt, loewdin):
        rows = order(gram_of(parts).total(), tuple("abcde"[:n]))
        components = rows @ flat
        cosines = cosine(components @ components.T) - torch.eye(n).double()
        assert cosines.abs().max() < 1e-9  # Thm V.1
        both = torch.cat([flat, components])  # Cor. V.2: nothing gained, nothing lost
        assert torch.linalg.matrix_rank(both) == torch.linalg.matrix_rank(components) == n


def test_residual_is_rounding_even_for_deltas_with_cosine_above_0_99():
    generator = torch.Generator().manual_seed(0)
    common = torch.randn(400, generator=generator).double()
    flat = common + 0.05 * torch.randn(6, 400, generator=generator).double()
    gram = flat @ flat.T
    assert cosine(gram)[0, 1] > 0.99
    components = gram_schmidt(gram, tuple("abcdef")) @ flat
    assert largest_cosine(components @ components.T) < 1e-11  # Thm V.3, on the vectors themselves


@pytest.mark.parametrize("order", ["arrival", "symmetric"])
@pytest.mark.parametrize("scope", ["model", "layer", "tensor"])
@pytest.mark.parametrize("per_layer", [False, True])
def test_every_scope_and_order_is_orthogonal_within_its_groups(order, scope, per_layer):
    parts = vectors(5, 3)
    gram = gram_of(parts)
    basis = orthogonalize(gram, scope, order, per_layer)
    components = [basis.rows[t] @ part for t, part in enumerate(parts)]
    assert basis.residual(gram_of(components)) < 1e-12


@pytest.mark.parametrize("scope", ["layer", "tensor"])
def test_normalization_gives_each_component_its_norm_back_up_to_the_largest_gain(scope):
    parts = vectors(6, 3)
    gram = gram_of(parts)
    plain = orthogonalize(gram, scope, "arrival", per_layer=False)
    basis = orthogonalize(gram, scope, "arrival", per_layer=True)
    stacked = Gram(gram.tasks, gram.names, basis.rows @ gram.blocks @ basis.rows.mT)
    unscaled = Gram(gram.tasks, gram.names, plain.rows @ gram.blocks @ plain.rows.mT)
    norms, raw, left = (
        g.grouped("layer")[1].diagonal(dim1=-2, dim2=-1).sqrt() for g in (stacked, gram, unscaled)
    )
    torch.testing.assert_close(norms, torch.minimum(raw, LARGEST_GAIN * left))


def test_strength_zero_keeps_the_deltas_and_half_is_halfway():
    gram = gram_of(vectors(7, 3))
    full, half, none = (
        orthogonalize(gram, "model", "arrival", False, strength).rows
        for strength in (1.0, 0.5, 0.0)
    )
    assert none[0].equal(torch.eye(3).double())
    torch.testing.assert_close(half, (full + none.expand_as(full)) / 2)


def test_symmetric_order_is_equivariant_and_arrival_is_not():
    gram = gram_of(vectors(8, 4)).total()
    swap = torch.tensor([2, 0, 3, 1])
    tasks = tuple("abcd")
    torch.testing.assert_close(
        loewdin(gram[swap][:, swap], tasks), loewdin(gram, tasks)[swap][:, swap]
    )
    moved = gram_schmidt(gram[swap][:, swap], tasks)
    assert (moved - gram_schmidt(gram, tasks)[swap][:, swap]).abs().max() > 0.01


@pytest.mark.parametrize("order", [gram_schmidt, loewdin])
def test_a_delta_in_the_span_of_the_others_is_refused_by_name(order):
    flat = torch.cat(vectors(9, 3), dim=1)
    flat = torch.cat([flat, flat[1:2] + 1e-6 * flat[2:]])
    with pytest.raises(NothingToMerge, match=r"'(b|d)' adds no direction .* cosine with '(b|d)'"):
        order(flat @ flat.T, tuple("abcd"))


def test_a_tensor_with_fewer_elements_than_tasks_loses_its_later_components_only():
    parts = [*vectors(10, 3, (7, 5)), torch.tensor([[1.0], [2.0], [3.0]]).double()]
    basis = orthogonalize(gram_of(parts), "tensor", "arrival", per_layer=False)
    assert basis.rows[2].tolist() == [[1, 0, 0], [0, 0, 0], [0, 0, 0]]
    assert basis.shares.min() > 0.1


@pytest.mark.parametrize("order", ["arrival", "symmetric"])
def test_a_task_that_leaves_a_tensor_alone_keeps_its_zero_delta_there(order):
    parts = vectors(11, 3)
    parts[1][1] = 0.0
    basis = orthogonalize(gram_of(parts), "tensor", order, per_layer=True)
    assert basis.rows.isfinite().all()
    others = torch.stack([basis.rows[1, i, j] for i, j in ((1, 0), (1, 2), (0, 1), (2, 1))])
    assert others.abs().max() < 1e-15


def test_adding_a_task_leaves_the_earlier_components_alone():
    gram = gram_of(vectors(12, 5)).total()  # Eqs. 6, 7, 15 and 16
    four, five = gram_schmidt(gram[:4, :4], tuple("abcd")), gram_schmidt(gram, tuple("abcde"))
    assert five[:4, :4].equal(four)
    assert five[:4, 4].equal(torch.zeros(4).double())


def test_projection_off_the_normalized_components_gives_the_newcomer():
    parts = vectors(13, 4)  # Eq. 15: (I - Q Q^T) delta
    flat = torch.cat(parts, dim=1)
    components = gram_schmidt(gram_of(parts).total(), tuple("abcd")) @ flat
    unit = components[:3] / components[:3].norm(dim=1, keepdim=True)
    torch.testing.assert_close(components[3], flat[3] - unit.T @ (unit @ flat[3]))
