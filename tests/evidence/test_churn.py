"""After 200 operations a rebuild is where it began, and subtraction is not."""

import pytest

from tests.benchmarks.churn import after, churn, operations, other, root, versions
from tests.merged import merged_tensors

NAMES = ("red", "green", "blue")


@pytest.mark.parametrize("seed", range(5))
def test_tasks_end_as_they_began(seed):
    drawn = operations(NAMES, 200, seed)
    assert len(drawn) == 200
    assert drawn == operations(NAMES, 200, seed)
    assert drawn != operations(NAMES, 200, seed + 1)
    present = list(NAMES)
    for operation in drawn:
        assert operation.out is None or operation.out in present
        assert operation.into is None or other(operation.into) not in set(present) - {operation.out}
        present = after(present, operation)
        assert len(set(present)) == len(present) <= 3
    assert tuple(present) == NAMES
    assert min(sum(o.kind == kind for o in drawn) for kind in ("add", "remove", "replace")) > 20


def test_rebuilds_return_to_the_same_weights_root_and_subtraction_does_not(make_recipe, tmp_path):
    known = versions(make_recipe(method="mdm_oc"), tmp_path / "revised")
    found = churn(known, 200, seed=0)
    assert sum(found.kinds.values()) == 200
    assert found.rebuilt == found.root == root(merged_tensors(known.merge(NAMES)))
    for drift in (found.recomputed, found.stored):
        assert drift.root != found.root
        assert 0 < drift.differing <= found.weights
    assert found.recomputed.end > 0.01  # no rounding: a component of another basis was subtracted
    assert 0 < found.stored.end < 1e-4  # rounding, 200 times over
    assert found.stored.most > 0.01  # on the way, others' components lean on tasks that are gone


def test_where_no_component_leans_on_another_only_rounding_is_left(make_recipe, tmp_path):
    known = versions(make_recipe(method="task_arithmetic"), tmp_path / "revised")
    found = churn(known, 200, seed=0)
    assert found.rebuilt == found.root != found.recomputed.root
    assert found.recomputed == found.stored
    assert 0 < found.stored.end <= found.stored.most < 1e-4
