"""G3 on the demo zoo: what comes back of a task from either operation."""

import pytest
import torch

from studio.evidence.attack import attack
from studio.evidence.residue import residue
from studio.evidence.unmerge import unmerging
from studio.measure.bench import Bench
from studio.measure.intervals import Score
from studio.zoo import load_zoo
from tests.conftest import DEMO

pytestmark = pytest.mark.slow  # on the demo zoo, thousands of rows


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench(load_zoo(DEMO), torch.device("cpu"))


def attacked(bench: Bench, task: str, mode: str):
    full = bench.zoo.recipe("mdm_oc", 0.41)
    unmerged = unmerging(full, (task,), mode)
    result, never = bench.merge(unmerged.recipe), bench.merge(unmerged.never)
    norm = residue(result, never, bench.merge(full), task).norm
    return attack(bench, bench.live, unmerged, norm), norm


def accuracy(bench: Bench, task: str, merge) -> Score:
    bench.live.wear(merge)
    evaluation = bench.evaluation(bench.heads([task]), "held_out")
    for _ in evaluation.run(bench.live):
        pass
    return evaluation.scores()[task]


@pytest.mark.parametrize("task", ["guild-registry", "clinic-north"])
def test_subtraction_gives_the_removed_task_back_and_a_rebuild_does_not(bench, task):
    found, norm = attacked(bench, task, "algebraic")
    never = accuracy(
        bench, task, bench.merge(bench.zoo.recipe("mdm_oc", 0.41).without(task))
    )  # fmt: skip
    own = accuracy(bench, task, bench.expert(task))
    assert norm > 0
    assert found is not None
    assert found.score.low > never.high  # beyond chance, n = 1,000
    share = found.recovered(own.value, never.value)
    assert share is not None
    assert share > 0.8
    assert attacked(bench, task, "exact") == (None, 0.0)


def test_the_sign_is_chosen_on_validation_rows(bench):
    found, _ = attacked(bench, "clinic-south", "algebraic")
    assert found is not None
    assert found.split == "validation"
    assert found.scale < 0


def test_a_task_that_came_last_leaves_nothing_to_attack(bench):
    assert attacked(bench, "dictionary", "algebraic") == (None, 0.0)


def test_the_live_model_wears_the_base_again_afterwards(bench):
    attacked(bench, "guild-registry", "algebraic")
    bench.live.wear(None)
    worn = bench.live.encoder.state_dict()
    for name in bench.base.names:
        if name in worn:
            assert torch.equal(worn[name], bench.base.tensor(name))
