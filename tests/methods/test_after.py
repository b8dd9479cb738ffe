"""What is done after any merge: LiNeS and SVC."""

import pytest
import torch

from studio.component import component
from studio.errors import BadRecipe
from studio.methods import METHODS, every_number, method, settings
from studio.methods.after import AFTER, depths, parted
from studio.methods.task_arithmetic import TaskArithmetic
from tests.measured import opened
from tests.merged import merged_tensors
from tests.methods.changes import change, drawn
from tests.plain import not_plain

NAMES = (
    "embeddings.word.weight",
    "encoder.layer.0.dense.weight",
    "encoder.layer.1.dense.weight",
    "encoder.layer.2.dense.weight",
    "decoder.layer.0.dense.weight",
    "final.weight",
)


def test_depth_rises_evenly_and_a_stack_of_one_block_stays():
    assert depths(NAMES, NAMES, 0.5).tolist() == [0.5, 0.5, 0.75, 1.0, 1.0, 0.5]
    assert depths(NAMES[2:3], NAMES, 0.0).tolist() == [0.5]  # the model's depth, not the recipe's


def test_lines_multiplies_what_any_method_adds(make_recipe, zoo_folder):
    for name in ("task_arithmetic", "iso_c", "ties"):
        plain = merged_tensors(opened(make_recipe(method=name)))
        merge = opened(make_recipe(method=name, options={"lines": 0.25}))
        factors = dict(
            zip(merge.deltas.names, depths(merge.deltas.names, merge.base.names, 0.25), strict=True)
        )
        assert len({float(each) for each in factors.values()}) > 1
        for key, tensor in merged_tensors(merge).items():
            base = merge.base.tensor(key)
            expected = base + float(factors[key]) * (plain[key] - base)
            torch.testing.assert_close(tensor, expected, rtol=0, atol=1e-6)


def test_with_lines_a_merge_is_the_sum_of_its_components(make_recipe):
    merge = opened(make_recipe(method="mdm_oc", options={"lines": 0.25, "order": "symmetric"}))
    total = {name: merge.base.tensor(name).flatten().clone() for name in merge.deltas.names}
    for i, task in enumerate(merge.recipe.names):
        for t, (name, part) in enumerate(component(merge, task).items()):
            total[name] += float(merge.coefficients[t, i]) * part
    for name, tensor in merged_tensors(merge).items():
        torch.testing.assert_close(tensor.flatten(), total[name], rtol=0, atol=1e-6)


def test_svc_gives_a_shared_direction_the_length_that_each_task_asked_for(tmp_path):
    shared = torch.zeros(4, 3).double()
    shared[0, 0] = 2.0
    alone = torch.zeros(4, 3).double()
    alone[1, 1] = 1.0
    plain = change(tmp_path / "a", TaskArithmetic(), [shared, shared + alone], 0.5)
    assert plain[0, 0] == 2.0
    made = _after(tmp_path / "b", [shared, shared + alone], 0.5, svc=1.0)
    torch.testing.assert_close(made, 0.5 * (shared + alone))


def test_svc_is_linear_in_one_common_coefficient_and_leaves_one_task_alone(tmp_path):
    deltas = drawn((6, 4), 3)
    half = _after(tmp_path / "a", deltas, 0.5, svc=0.3)
    whole = _after(tmp_path / "b", deltas, 1.0, svc=0.3)
    torch.testing.assert_close(2 * half, whole, rtol=0, atol=1e-12)
    alone = _after(tmp_path / "c", deltas[:1], 1.0, svc=0.3)
    torch.testing.assert_close(alone, deltas[0], rtol=0, atol=1e-12)


def test_svc_leaves_vectors_alone(tmp_path):
    deltas = [torch.tensor([1.0, 2.0]).double(), torch.tensor([1.0, 2.0]).double()]
    assert _after(tmp_path, deltas, 1.0, svc=1.0).tolist() == [2.0, 4.0]


@pytest.mark.parametrize("name", METHODS)
def test_every_method_takes_both_and_goes_by_its_own_name(name):
    plain, made = method(name, {}), method(name, {"svc": 0.5, "lines": 0.5})
    assert made == method(name, {"lines": 0.5, "svc": 0.5})
    assert made != method(name, {"svc": 0.6})
    assert hash(made) == hash(method(name, {"svc": 0.5}))
    assert (made.name, made.title, made.needs) == (plain.name, plain.title, plain.needs)
    assert (made.ordered, made.draws) == (plain.ordered, plain.draws)
    assert not made.has_components
    assert not made.portable
    assert method(name, {"lines": 0.5}) == plain
    assert {"lines", "svc"} <= set(every_number(name, {}))
    assert settings(name, {"lines": 0.5})["lines"] == 0.5


def test_what_does_nothing_is_no_option():
    assert parted({"lines": 1, "svc": None, "scale": 2}) == ({"scale": 2}, {})
    assert parted({"lines": 0, "svc": 1}) == ({}, {"lines": 0.0, "svc": 1.0})


@pytest.mark.parametrize(
    "options", [{"lines": 1.5}, {"svc": 0}, {"svc": float("nan")}, {"lines": "a"}]
)
def test_values_out_of_range_are_refused(options):
    with pytest.raises(BadRecipe, match=next(iter(options))):
        method("average", options)


@pytest.mark.parametrize("option", AFTER.values(), ids=AFTER)
def test_both_are_told_plainly(option):
    assert not_plain(option["words"]) == []
    assert option["exactly"].endswith(".")


def _after(folder, deltas, coefficient, **options):
    folder.mkdir(exist_ok=True)
    return change(folder, TaskArithmetic(), deltas, coefficient, after=options)
