"""Who disturbs whom, against evaluations of one's own."""

import pytest
import torch

from studio.errors import BadData
from studio.measure.bench import Bench
from studio.measure.change import Change
from studio.measure.interference import Interference, interference, steps
from studio.measure.outcomes import Measuring
from studio.zoo import load_zoo


@pytest.fixture
def bench(tiny_zoo):
    return Bench(load_zoo(tiny_zoo), torch.device("cpu"))


def test_a_pair_is_compared_with_each_of_its_tasks_alone_on_the_same_rows(bench):
    recipe = bench.zoo.recipe("task_arithmetic", 0.7)
    told = []
    found = interference(bench, recipe, lambda share, words: told.append(share))
    first, second = recipe.names
    assert set(found.changes) == {(first, second), (second, first)}
    ask = Measuring(bench)
    both = ask.of(bench.merge(recipe), bench.heads((first,)), "held_out").scores[first]
    alone = ask.of(bench.merge(recipe.without(second)), bench.heads((first,)), "held_out")
    change = found.changes[first, second]
    assert change.mean == pytest.approx(both.value - alone.scores[first].value)
    assert change.n == both.n
    assert told == sorted(told)
    assert steps(bench, recipe) == 3


def test_one_task_has_nobody_to_disturb_it(bench):
    recipe = bench.zoo.recipe("task_arithmetic", 0.7)
    with pytest.raises(BadData, match="takes two tasks"):
        interference(bench, recipe.without(recipe.names[0]))


def test_the_worst_is_the_surest_largest_loss(bench):
    recipe = bench.zoo.recipe("task_arithmetic", 0.7)
    changes = {
        ("a", "b"): Change(-0.05, 0.01, 100), ("b", "a"): Change(-0.2, 0.3, 100),
        ("a", "c"): Change(-0.07, 0.02, 100), ("c", "a"): Change(0.3, 0.01, 100),
    }  # fmt: skip
    assert Interference(recipe, changes).worst == ("a", "c")
    assert Interference(recipe, {("b", "a"): Change(-0.2, 0.3, 100)}).worst is None


def test_beside_the_losses_stands_what_changes_do_to_the_others_inputs(bench):
    found = interference(bench, bench.zoo.recipe("mdm_oc", 0.7))
    assert found.inputs is not None
    assert found.inputs.tasks == found.recipe.names
    assert found.inputs.layers > 4
    assert found.inputs.after is not None
    assert torch.equal(found.inputs.before.diagonal(), torch.ones(2).double())
    assert found.drift is not None
    assert set(found.drift.shares) == set(found.certainty) == set(found.recipe.names)
    assert found.losses == {pair: -x.relative.gain for pair, x in found.changes.items()}


def test_without_validation_rows_the_losses_stay_and_it_is_said_why(tiny_copy):
    import yaml

    content = yaml.safe_load((tiny_copy / "zoo.yaml").read_text())
    del content["tasks"][1]["data"]["validation"]
    (tiny_copy / "zoo.yaml").write_text(yaml.safe_dump(content))
    bench = Bench(load_zoo(tiny_copy), torch.device("cpu"))
    found = interference(bench, bench.zoo.recipe("mdm_oc", 0.7))
    assert found.changes
    assert found.inputs is None
    assert "no validation rows for it" in found.refusal
