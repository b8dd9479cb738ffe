"""Running statistics of a merge: those of the tasks' inputs thrown together."""

import pytest
import torch

from studio.checkpoints.statistics import mixed, shares, statistics_among
from studio.errors import NotFinite


def reader(samples: torch.Tensor):
    """The statistics of a layer that saw ``(rows, channels)`` samples."""
    found = {"n.running_mean": samples.mean(0), "n.running_var": samples.var(0, unbiased=False)}
    return found.__getitem__


def drawn(rows: int, seed: int) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    scale, shift = (torch.randn(5, generator=draw, dtype=torch.float64) for _ in range(2))
    return torch.randn(rows, 5, generator=draw, dtype=torch.float64) * scale + 3 * shift


def test_mixed_statistics_are_those_of_all_samples_together():
    base, first, second = drawn(40, 0), drawn(30, 1), drawn(10, 2)
    together = reader(torch.cat([base, first, second]))
    for name in ("n.running_mean", "n.running_var"):
        found = mixed(name, reader(base), [reader(first), reader(second)], (30 / 80, 10 / 80))
        torch.testing.assert_close(found, together(name))


def test_shares_are_never_negative_and_never_sum_to_more_than_one():
    assert shares((0.25, 0.5)) == [0.25, 0.5]
    assert shares((3.0, -2.0, 1.0)) == [0.75, 0.0, 0.25]
    assert shares((1.0,)) == [1.0]
    assert shares(()) == []


def test_a_task_alone_at_one_has_its_own_statistics_to_the_bit():
    expert = reader(drawn(30, 1))
    for name in ("n.running_mean", "n.running_var"):
        assert mixed(name, reader(drawn(40, 0)), [expert], (1.0,)).equal(expert(name))


def test_a_stored_variance_below_zero_is_refused_by_its_name():
    bad = {
        "n.running_mean": torch.zeros(5),
        "n.running_var": torch.ones(5) - 1.25 * torch.eye(5)[1],
    }
    with pytest.raises(NotFinite, match="n.running_var: a variance .* is -0.25"):
        mixed("n.running_var", reader(drawn(9, 0)), [bad.__getitem__], (0.5,))
    bad["n.running_var"] = torch.full((5,), float("nan"))
    with pytest.raises(NotFinite, match="n.running_var: statistics .* NaN"):
        mixed("n.running_var", reader(drawn(9, 0)), [bad.__getitem__], (0.5,))


def test_only_a_mean_and_a_variance_of_one_layer_are_statistics():
    names = ("a.running_mean", "a.running_var", "b.running_var", "a.weight", "c.running_mean")
    assert statistics_among(names) == {"a.running_mean", "a.running_var"}
