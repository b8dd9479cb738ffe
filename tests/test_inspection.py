import pytest

from studio.inspection import counted_directions
from studio.merge import open_merge
from studio.methods.task_arithmetic import TaskArithmetic
from studio.recipe import Recipe, TaskEntry
from tests.methods.changes import change, drawn


def test_what_two_tasks_share_is_counted_twice_in_their_sum(tmp_path):
    shared, alone = drawn((6, 4), 2)
    change(tmp_path, TaskArithmetic(), [shared, shared, 0 * alone])
    tasks = tuple(TaskEntry(f"t{i}", str(tmp_path / f"t{i}"), 0.5) for i in range(3))
    for options in ({}, {"svc": 0.5}):
        merge = open_merge(Recipe(str(tmp_path / "base"), tasks, "task_arithmetic", options))
        found = counted_directions(merge, most=2)["dense.weight"]
        assert found["tasks"] == ["t0", "t1", "t2"]
        assert len(found["lengths"]) == 2
        for row in found["times"]:
            assert row == pytest.approx([2.0, 2.0, 0.0])
