"""Methods of arrival beside explicit running recursions."""

import pytest
import torch
from torch import Tensor

from studio.errors import StudioError
from studio.merge import open_merge
from studio.methods import continual_ties as module
from studio.recipe import Recipe, TaskEntry
from tests.conftest import draw, save_model
from tests.merged import merged_tensors

NAMES = ("one", "two", "three", "four")
SHAPES = {"a.weight": (6, 5), "b.weight": (5, 7), "b.bias": (5,)}


@pytest.fixture
def models(tmp_path) -> dict[str, dict[str, Tensor]]:
    """A base and four full models in float64, saved."""
    made = {"base": {k: v.double() for k, v in draw(0, SHAPES).items()}}
    for seed, name in enumerate(NAMES, 1):
        made[name] = {k: made["base"][k] + v for k, v in draw(seed, SHAPES).items()}
    for name, tensors in made.items():
        save_model(tmp_path / name, tensors)
    return made


def merged(folder, names, method, options=None, coefficient=None) -> dict[str, Tensor]:
    tasks = tuple(TaskEntry(name, str(folder / name), coefficient) for name in names)
    return merged_tensors(open_merge(Recipe(str(folder / "base"), tasks, method, options or {})))


def flat(model: dict[str, Tensor]) -> Tensor:
    return torch.cat([model[key].flatten() for key in SHAPES])


def ties(vectors: list[Tensor], density: float, reduce: str) -> Tensor:
    """TIES as its reference does it: keep, elect by the sum, add what agrees."""
    trimmed = []
    for each in vectors:
        k = len(each) - int(density * len(each))
        trimmed.append(each * (each.abs() >= (each.abs().kthvalue(k).values if k else 0.0)))
    signs = torch.stack(trimmed).sum(0).sign()
    signs[signs == 0] = signs.sum().sign()
    agree = [torch.where(signs > 0, each > 0, each < 0) for each in trimmed]
    total = (torch.stack(trimmed) * torch.stack(agree)).sum(0)
    return total if reduce == "sum" else total / torch.stack(agree).sum(0).clamp(min=1)


def test_sequential_swa_is_the_average_of_the_first_tasks(models, tmp_path):
    running = {}
    for t, name in enumerate(NAMES):
        for key in SHAPES:
            new = models[name][key]
            running[key] = (t * running[key] + new) / (t + 1) if t else new
        found = merged(tmp_path, NAMES[: t + 1], "average")
        for key in SHAPES:
            torch.testing.assert_close(found[key], running[key], rtol=0, atol=1e-14)


def test_continual_task_arithmetic_is_task_arithmetic_of_the_first_tasks(models, tmp_path):
    running = dict(models["base"])
    for t, name in enumerate(NAMES, 1):
        for key in SHAPES:
            running[key] = running[key] + 0.3 * (models[name][key] - models["base"][key])
        found = merged(tmp_path, NAMES[:t], "task_arithmetic", coefficient=0.3)
        for key in SHAPES:
            torch.testing.assert_close(found[key], running[key], rtol=0, atol=1e-14)


@pytest.mark.parametrize("reduce", ["sum", "mean"])
@pytest.mark.parametrize("density", [0.2, 0.65, 1.0])
def test_continual_ties_merges_every_newcomer_with_the_running_sum(
    models, tmp_path, reduce, density
):
    base, running = flat(models["base"]), torch.zeros(())
    for t, name in enumerate(NAMES, 1):
        delta = flat(models[name]) - base
        running = 0.5 * delta if t == 1 else running + 0.5 * ties([running, delta], density, reduce)
        found = merged(
            tmp_path, NAMES[:t], "continual_ties", {"density": density, "reduce": reduce}
        )
        torch.testing.assert_close(flat(found), base + running, rtol=0, atol=1e-13)


def test_continual_ties_weighs_deltas_and_passes_over_tasks_of_coefficient_zero(models, tmp_path):
    folder, options = tmp_path, {"step": 1.0}
    base = models["base"]
    save_model(folder / "double", {k: 2 * v - base[k] for k, v in models["two"].items()})
    tasks = [TaskEntry("one", str(folder / "one")), TaskEntry("three", str(folder / "three"), 0.0)]
    entry = TaskEntry("two", str(folder / "two"), 2.0)
    recipe = Recipe(str(folder / "base"), (*tasks, entry), "continual_ties", options)
    found = merged_tensors(open_merge(recipe))
    expected = merged(folder, ("one", "double"), "continual_ties", options)
    for key in SHAPES:
        torch.testing.assert_close(found[key], expected[key], rtol=0, atol=1e-13)


def test_continual_ties_takes_tensors_that_only_some_tasks_touch(make_recipe):
    found = {
        names: merged_tensors(open_merge(make_recipe(*names, method="continual_ties")))
        for names in (("blue",), ("blue", "red"), ("red", "blue"))
    }
    assert set(found["blue",]) < set(found["blue", "red"]) == set(found["red", "blue"])
    assert all(tensor.isfinite().all() for each in found.values() for tensor in each.values())


def test_a_sum_that_does_not_fit_in_memory_is_refused_with_numbers(make_recipe, monkeypatch):
    monkeypatch.setattr(module, "resident_limit", lambda: 100)
    with pytest.raises(StudioError, match=r"takes 408 bytes; 100 may be taken.*such as opcm"):
        merged_tensors(open_merge(make_recipe(method="continual_ties")))
