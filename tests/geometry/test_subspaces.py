import pytest
import torch

from studio.checkpoints.lora import Factors
from studio.errors import NothingToMerge
from studio.geometry.spectra import Reduction, triplets
from studio.geometry.subspaces import is_matrix
from studio.merge import open_merge
from studio.recipe import Recipe, TaskEntry
from tests.conftest import draw, save_adapter, save_model

SHAPES = {"embeddings.word.weight": (11, 8), "layer.0.dense.weight": (12, 8), "norm.weight": (8,)}
MATRIX = "layer.0.dense.weight"


def zoo(folder, n=4, rank=None):
    """A base, n full fine-tunes in float64, or adapters of a rank."""
    base = {k: v.double() for k, v in draw(0, SHAPES).items()}
    save_model(folder / "base", base)
    for i in range(n):
        if rank:
            g = torch.Generator().manual_seed(i + 1)
            a = torch.randn(rank, 8, generator=g)
            b = torch.randn(12, rank, generator=g)
            save_adapter(folder / f"t{i}", {"layer.0.dense": (a, b)})
        else:
            change = draw(i + 1, SHAPES, 0.1)
            save_model(folder / f"t{i}", {k: v + change[k].double() for k, v in base.items()})
    return folder


def merge(folder, n=4, **options):
    tasks = tuple(TaskEntry(f"t{i}", str(folder / f"t{i}"), 1.0) for i in range(n))
    options = {"basis": "subspace"} | options
    return open_merge(Recipe(str(folder / "base"), tasks, "mdm_oc", options, "float64"))


def dense(deltas, task, name=MATRIX):
    tensor = deltas.at(name)
    delta = tensor.delta(task, 0, tensor.numel, torch.float64)
    assert delta is not None
    return delta.view(deltas.base.weights.entries[name].shape)


def components(merged, name=MATRIX):
    return [dense(merged.vectors, i, name) for i in range(len(merged.deltas))]


@pytest.mark.parametrize("order", ["arrival", "symmetric"])
@pytest.mark.parametrize("rank", [None, 2])
def test_column_and_row_spaces_are_orthogonal(tmp_path, order, rank):
    found = components(merge(zoo(tmp_path, rank=rank), order=order))
    for i, first in enumerate(found):
        assert first.norm() > 0.01
        for second in found[:i]:
            assert (first.T @ second).abs().max() < 1e-6
            assert (first @ second.T).abs().max() < 1e-6


def test_the_first_to_arrive_keeps_its_truncated_delta(tmp_path):
    merged = merge(zoo(tmp_path))
    delta = dense(merged.deltas, 0)
    u, s, vh = torch.linalg.svd(delta, full_matrices=False)
    expected = u[:, :2] * s[:2] @ vh[:2]  # floor(8 / 4) directions
    torch.testing.assert_close(components(merged)[0], expected, rtol=0, atol=1e-12)


def test_a_newcomer_leaves_the_matrices_of_earlier_components_alone(tmp_path):
    zoo(tmp_path)
    before = components(merge(tmp_path, n=3, rank=2))
    after = components(merge(tmp_path, n=4, rank=2))
    assert all(one.equal(two) for one, two in zip(before, after[:3], strict=True))


def test_arrival_is_the_dense_projection_computed_a_second_way(tmp_path):
    merged = merge(zoo(tmp_path), rank=2)
    left, right, found = torch.eye(12).double(), torch.eye(8).double(), components(merged)
    for i, component in enumerate(found):
        delta = dense(merged.deltas, i)
        u, s, vh = torch.linalg.svd(delta, full_matrices=False)
        truncated = u[:, :2] * s[:2] @ vh[:2]
        torch.testing.assert_close(component, left @ truncated @ right, rtol=0, atol=1e-11)
        left -= component @ torch.linalg.pinv(component, rtol=1e-9)
        right -= torch.linalg.pinv(component, rtol=1e-9) @ component


def test_factors_and_dense_deltas_have_the_same_triplets():
    g = torch.Generator().manual_seed(0)
    b, a = torch.randn(12, 3, generator=g).double(), torch.randn(3, 8, generator=g).double()
    low, full = (triplets(x, Reduction(None, None)) for x in (Factors(b, a, 0.5), 0.5 * b @ a))
    assert len(low.s) == len(full.s) == 3  # null directions are not filled
    torch.testing.assert_close(low.s, full.s)
    torch.testing.assert_close(low.u * low.s @ low.v.T, 0.5 * b @ a)


@pytest.mark.parametrize(("energy", "kept"), [(0.5, 1), (0.9, 2), (0.95, 3), (1.0, 3)])
def test_energy_keeps_the_share_of_the_squared_norm(energy, kept):
    matrix = torch.diag(torch.tensor([3.0, 2.0, 1.0])).double()  # 9, 4, 1 of 14
    assert len(triplets(matrix, Reduction(None, energy)).s) == kept


def test_vectors_and_embeddings_take_the_mean(tmp_path):
    merged = merge(zoo(tmp_path))
    for name in ("embeddings.word.weight", "norm.weight"):
        for i, component in enumerate(components(merged, name)):
            torch.testing.assert_close(component, dense(merged.deltas, i, name) / 4)
    assert merged.method.orthogonal_in(merged.deltas) == (MATRIX,)


def test_strength_blends_from_the_truncated_deltas(tmp_path):
    zoo(tmp_path)
    raw = components(merge(tmp_path, strength=0.0))
    for i, component in enumerate(raw):
        delta = dense(merge(tmp_path).deltas, i)
        u, s, vh = torch.linalg.svd(delta, full_matrices=False)
        torch.testing.assert_close(component, u[:, :2] * s[:2] @ vh[:2], rtol=0, atol=1e-12)


def test_a_copy_is_refused_in_words(tmp_path):
    zoo(tmp_path, n=1)
    tasks = tuple(TaskEntry(name, str(tmp_path / "t0")) for name in ("one", "two"))
    recipe = Recipe(str(tmp_path / "base"), tasks, "mdm_oc", {"basis": "subspace"})
    with pytest.raises(NothingToMerge, match="'two' adds no direction of its own.*'one'"):
        open_merge(recipe).prepare()


@pytest.mark.parametrize(
    ("name", "shape", "expected"),
    [
        ("encoder.layer.0.attention.self.query.weight", (8, 8), True),
        ("embeddings.word_embeddings.weight", (30, 8), False),
        ("wte.weight", (30, 8), False),
        ("encoder.layer.0.output.LayerNorm.weight", (8,), False),
        ("conv1.weight", (8, 3, 3, 3), True),
    ],
)
def test_what_counts_as_a_matrix(name, shape, expected):
    assert is_matrix(name, shape) == expected
