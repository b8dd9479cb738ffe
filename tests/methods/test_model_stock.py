import pytest
import torch

from studio.merge import open_merge
from studio.methods.model_stock import ModelStock, shares
from tests.conftest import dense_deltas
from tests.merged import merged_tensors
from tests.methods.by_hand import merged_vector


def unit(degrees):
    angle = torch.tensor(degrees).double().deg2rad()
    return [float(angle.cos()), float(angle.sin())]


def test_two_deltas_at_sixty_degrees(tmp_path):
    first, second = unit(0.0), unit(60.0)  # cos 0.5: t = 2 * 0.5 / 1.5
    found = merged_vector(tmp_path, ModelStock(), (first, second))
    near = [(a + b) / 2 * 2 / 3 for a, b in zip(first, second, strict=True)]
    assert found.tolist() == pytest.approx(near, abs=1e-12)


def test_it_is_the_foot_of_the_center_on_the_way_to_the_mean(tmp_path):
    """The paper's center c: <d_i - c, d_j - c> = 0 = <d_i - c, c>, so <c, d_i> = <d_1, d_2>."""
    deltas = [torch.tensor(unit(x)).double() for x in (0.0, 40.0)]
    found = merged_vector(tmp_path, ModelStock(), deltas)
    inner = float(deltas[0] @ deltas[1])
    assert float(found @ torch.stack(deltas).mean(0)) == pytest.approx(inner, abs=1e-12)


def test_copies_are_averaged_and_orthogonal_deltas_leave_the_base(tmp_path):
    copies = merged_vector(tmp_path / "a", ModelStock(), ([1.0, 2.0], [1.0, 2.0]))
    torch.testing.assert_close(copies, torch.tensor([1.0, 2.0]).double(), rtol=0, atol=1e-12)
    across = merged_vector(tmp_path / "b", ModelStock(), ([1.0, 0.0], [0.0, 1.0]))
    assert across.tolist() == [0.0, 0.0]


def blocks(*rows):
    return torch.tensor(rows).double().unsqueeze(0)


@pytest.mark.parametrize(
    ("gram", "expected"),
    [
        (blocks([4.0]), 1.0),  # one delta: its model
        (blocks([0.0]), 1.0),
        (blocks([0.0, 0.0], [0.0, 0.0]), 1.0),
        (blocks([4.0, 0.0], [0.0, 0.0]), 1.0),  # only one changes the tensor
        (blocks([4.0, 2.0, 0.0], [2.0, 4.0, 0.0], [0.0, 0.0, 0.0]), (2 / 3) / 2),
        (blocks([1.0, -0.1], [-0.1, 1.0]), (-0.2 / 0.9) / 2),  # negative, as the formula
        (blocks([1.0, -0.5], [-0.5, 1.0]), -0.5),  # the formula's t would be -2
        (blocks([1.0, -1.0], [-1.0, 1.0]), -0.5),  # and here it would divide by zero
    ],
)
def test_what_every_delta_is_multiplied_by(gram, expected):
    assert shares(gram).tolist() == pytest.approx([expected])


def test_a_dense_second_computation_with_an_adapter(zoo_folder, make_recipe):
    dense = dense_deltas(zoo_folder)
    merge = open_merge(make_recipe(method="model_stock", dtype="float64"))
    for key, tensor in merged_tensors(merge).items():
        changes = [each[key] for each in dense.values() if each[key].any()]
        k, cosines = len(changes), []
        for i, a in enumerate(changes):
            cosines += [float((a * b).sum() / a.norm() / b.norm()) for b in changes[:i]]
        mean = sum(cosines) / len(cosines)
        t = max(k * mean / (1 + (k - 1) * mean), -1.0)
        expected = merge.base.tensor(key).double() + t * torch.stack(changes).mean(0)
        torch.testing.assert_close(tensor, expected, rtol=0, atol=1e-6)
