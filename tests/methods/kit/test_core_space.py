import pytest
import torch

from studio.merge import open_merge
from studio.methods.kit.core_space import CoreSpace
from studio.methods.task_arithmetic import TaskArithmetic
from studio.methods.whole import Entries
from studio.recipe import Recipe, TaskEntry
from tests.methods.changes import change, change_of_adapters, drawn


@pytest.mark.parametrize("adapters", [True, False])
@pytest.mark.parametrize("make", [CoreSpace.aligned, CoreSpace.core])
def test_every_delta_is_its_coordinates(tmp_path, make, adapters):
    deltas = drawn((40, 30), 3, rank=2)
    if adapters:
        change_of_adapters(tmp_path, TaskArithmetic(), deltas, 2)
    else:
        change(tmp_path, TaskArithmetic(), deltas)
    tasks = tuple(TaskEntry(f"t{i}", str(tmp_path / f"t{i}"), 1.0) for i in range(3))
    merge = open_merge(Recipe(str(tmp_path / "base"), tasks, "task_arithmetic"))
    entries = Entries(merge.deltas.at("dense.weight"), [1.0, -0.5, 2.0], torch.float64)
    space = make(entries)
    assert space.u.shape == (40, 6)  # three tasks of rank 2
    torch.testing.assert_close(space.u.T @ space.u, torch.eye(6).double())
    if space.v is not None:
        assert space.v.shape == (30, 6)
    for task, (weight, delta) in enumerate(zip((1.0, -0.5, 2.0), deltas, strict=True)):
        back = space.dense(space.coordinates(task))
        torch.testing.assert_close(back, weight * delta, rtol=0, atol=1e-10)
