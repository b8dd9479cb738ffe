"""Unmerge drops against the same scores taken one by one."""

import json
import shutil
from dataclasses import replace

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from studio.compare import unmerge_drop as uad
from studio.errors import BadData, BadRecipe, Cancelled
from studio.measure.bench import Bench
from studio.measure.change import changes, mean_change
from studio.zoo import load_zoo
from tests import bertzoo
from tests.merged import merged_tensors

TASKS = ("color", "animal", "tint")
LINEAR = ("mdm_oc", "task_arithmetic", "average")


@pytest.fixture(scope="module")
def bench(tiny_zoo, tmp_path_factory):
    """The tiny zoo with a third task, a moved copy of the first."""
    folder = shutil.copytree(tiny_zoo, tmp_path_factory.mktemp("uad") / "zoo")
    shutil.copytree(folder / "color", folder / "tint")
    file, generator = folder / "tint" / "model.safetensors", torch.Generator().manual_seed(5)
    moved = {k: v + 0.2 * torch.randn(v.shape, generator=generator)
             for k, v in load_file(file).items()}  # fmt: skip
    save_file(moved, file, {"format": "pt"})
    zoo = bertzoo.zoo()
    zoo["tasks"].append(json.loads(json.dumps(zoo["tasks"][0]).replace("color", "tint")))
    (folder / "zoo.yaml").write_text(yaml.safe_dump(zoo))
    return Bench(load_zoo(folder), torch.device("cpu"))


@pytest.fixture(scope="module")
def found(bench):
    recipes = {name: bench.zoo.recipe(name, 0.6) for name in LINEAR}
    return list(uad.removals(bench, recipes))


def pick(found, method, task, mode):
    (one,) = [r for r in found if (r.method, r.task, r.mode) == (method, task, mode)]
    return one


def evaluated(bench, recipe):
    bench.live.wear(bench.merge(recipe))
    evaluation = bench.evaluation(bench.heads(TASKS), "held_out")
    list(evaluation.run(bench.live))
    return evaluation


@pytest.mark.parametrize("method", LINEAR)
def test_every_number_is_that_of_scores_taken_one_by_one(bench, found, method):
    recipe = bench.zoo.recipe(method, 0.6)
    before = evaluated(bench, recipe)
    old = {name: s.value for name, s in before.scores().items()}
    for task in TASKS:
        left = [name for name in TASKS if name != task]
        for mode, after in (("rebuild", recipe.without(task)), ("subtract", recipe.silenced(task))):
            now = evaluated(bench, after)
            new = {name: s.value for name, s in now.scores().items()}
            drops = {name: old[name] - new[name] for name in left}
            one = pick(found, method, task, mode)
            assert one.mean == pytest.approx(sum(drops.values()) / 2)
            assert (one.worst, drops[one.worst_task]) == (max(drops.values()),) * 2
            assert one.removed_score == new[task]
            paired = mean_change({name: changes(now, before)[name] for name in left})
            assert (one.half, one.n, -paired.mean) == (paired.half, 100, pytest.approx(one.mean))
            assert one.seconds > 0
    assert len([r for r in found if r.method == method]) == 6
    assert any(r.mean != 0 for r in found)


def test_subtraction_is_a_rebuild_where_no_other_component_leans_on_the_task(bench, found):
    """Always in task arithmetic; for MDM-OC only the last to arrive; never in an average."""
    same = {(r.method, r.task): r.same for r in found}
    expected = {("task_arithmetic", task): True for task in TASKS}
    expected |= {("average", task): False for task in TASKS}
    expected |= {("mdm_oc", task): task == "tint" for task in TASKS}
    assert same == expected
    for method, task in same:
        recipe = bench.zoo.recipe(method, 0.6)
        merges = bench.merge(recipe.without(task)), bench.merge(recipe.silenced(task))
        rebuilt, subtracted = (merged_tensors(merge) for merge in merges)
        base = merges[0].base
        alone = {name: base.tensor(name) for name in set(subtracted) - set(rebuilt)}
        equal = [tensor.equal((alone | rebuilt)[k]) for k, tensor in subtracted.items()]
        assert all(equal) == same[method, task]


def test_weights_that_differ_in_the_sign_of_a_zero_are_not_the_same(bench, monkeypatch):
    merge = bench.merge(bench.zoo.recipe("average"))
    assert uad.same_weights(merge, merge)
    assert not uad.same_weights(
        merge, replace(merge, recipe=replace(merge.recipe, dtype="float16"))
    )
    zeros = iter([torch.zeros(3), -torch.zeros(3)])
    monkeypatch.setattr(uad, "written_pieces", lambda merge, name: [next(zeros)])
    assert not uad.same_weights(merge, merge)


def test_the_same_weights_are_scored_once(bench, monkeypatch):
    runs, evaluation = [], bench.evaluation
    counted = lambda *a, **more: runs.append(a) or evaluation(*a, **more)  # noqa: E731
    monkeypatch.setattr(bench, "evaluation", counted)
    for method, scored in (("task_arithmetic", 4), ("mdm_oc", 6), ("average", 7)):
        runs.clear()
        rows = list(uad.removals(bench, {"x": bench.zoo.recipe(method, 0.6)}))
        assert (len(runs), len(rows)) == (scored, 6)
    once = uad.line(replace(rows[0], same=True))
    assert once.endswith("(n=100, the same weights in both modes, scored once)")


def test_results_come_as_they_are_finished_and_progress_stops_between_batches(bench):
    recipes = {"oc": bench.zoo.recipe("mdm_oc", 0.6)}
    shares: list[float] = []

    def report(share, words):
        shares.append(share)
        if share > 0.7:
            raise Cancelled(words)

    drawn = uad.removals(bench, recipes, ("animal",), progress=report)
    first = next(drawn)
    assert (first.mode, shares[-1]) == ("rebuild", pytest.approx(2 / 3))
    with pytest.raises(Cancelled, match="oc with animal subtracted"):
        next(drawn)
    assert shares == sorted(shares)
    again, _ = uad.removals(bench, recipes, ("animal",), progress=lambda share, words: None)
    assert replace(again, seconds=0) == replace(first, seconds=0)


def test_only_recipes_of_raw_deltas_are_linear(bench):
    assert uad.linear_methods() == (*LINEAR, "model_stock")
    recipe = bench.zoo.recipe()
    subspace = {"spaces": replace(recipe, options={"basis": "subspace"})}
    with pytest.raises(BadRecipe, match=r"^ties, spaces: not linear.* mdm_oc, task_arithmetic, av"):
        uad.removals(bench, {"ties": bench.zoo.recipe("ties"), "oc": recipe} | subspace)


def test_what_cannot_be_taken_out_is_refused_before_anything_is_scored(bench):
    recipe = bench.zoo.recipe()
    with pytest.raises(BadRecipe, match="no task 'cow'"):
        uad.removals(bench, {"oc": recipe}, ("animal", "cow"))
    with pytest.raises(BadRecipe, match="at least one linear method of mdm_oc"):
        uad.removals(bench, {})
    with pytest.raises(BadData, match="oc without 'tint' keeps no task that has held_out rows"):
        uad.removals(bench, {"oc": recipe.without("color", "animal")})


def test_json_is_plain_and_marks_the_papers_rows_as_the_papers(found):
    plain = json.loads(json.dumps(uad.drops_json(found), allow_nan=False))
    assert plain["removals"][0]["method"] == "mdm_oc"
    assert plain["paper"]["words"].endswith("not reproduced here")
    ours = {"method": "MDM-OC", "vision": 1.8, "language": 2.3, "seconds": 12.4}
    assert ours in plain["paper"]["rows"]
    heading, *rows = uad.paper_lines()
    assert "arXiv 2507.20997, Table I" in heading
    assert rows[-1] == "  MDM-OC          vision  1.8 %, language  2.3 %, 12.4 s"
