import re
from dataclasses import replace

import pytest
import torch

from studio.checkpoints.resident import bytes_in_memory
from studio.errors import BadData, BadRecipe, StudioError
from studio.measure.bench import Bench
from studio.merge import open_merge
from studio.recipe import UNDECLARED_START
from studio.search.ewc import Quadratic
from studio.search.objective import Objective
from studio.search.plan import SearchPlan
from studio.search.rows import chosen_rows
from studio.search.run import Run, optimize
from studio.search.space import space
from studio.tasks.kinds.losses import option_losses
from studio.tasks.live_model import LiveModel
from studio.tasks.row_parts import MEASURED
from studio.zoo import load_zoo
from tests.merged import merged_tensors

SMALL = SearchPlan(budget=6, batch=4, rows=12, at_once=8)


def at_start(run: Run) -> float:
    """Value of the recipe's own coefficients."""
    checked = run.steps[0].checked
    assert checked is not None
    return checked.value


def last(bench: Bench, plan: SearchPlan, method: str = "mdm_oc", known=(), **options) -> Run:
    recipe = replace(bench.zoo.recipe(method, 0.4), options=options)
    return list(optimize(bench, recipe, plan, known=known))[-1]


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["adam", "cma"])
@pytest.mark.parametrize("granularity", ["task", "group", "tensor"])
def test_the_same_plan_finds_the_same_coefficients_and_never_worse_ones(
    bench, optimizer, granularity
):
    plan = replace(SMALL, optimizer=optimizer, granularity=granularity, batch=2, rows=8)
    plan = replace(plan, budget=4 if optimizer == "adam" else 18)
    first, second = last(bench, plan), last(bench, plan)
    assert first == second
    assert first.best.value == min(s.checked.value for s in first.steps if s.checked)
    assert first.best.value <= at_start(first)  # the recipe's own coefficients
    assert first.ended == "the budget is spent"
    assert first.spent == sum(answer.rows for answer in first.answers)


def test_a_run_that_was_stopped_goes_on_to_the_same_end(bench):
    whole = last(bench, SMALL)
    assert last(bench, SMALL, known=whole.answers[:4]) == whole


def test_what_was_found_says_how_and_with_whom(bench):
    found = last(bench, replace(SMALL, budget=1, seed=3)).recipe()
    digests = tuple((c[0], c[1].digest) for c in zip(bench.deltas.tasks, bench.deltas.checkpoints,
                                                      strict=True))  # fmt: skip
    assert found.fitted is not None
    began_at_nobody_s_numbers = (UNDECLARED_START,)
    assert (found.fitted.by, found.fitted.seed) == ("Adam", 3)
    assert found.fitted.used == began_at_nobody_s_numbers
    assert found.fitted.tasks == digests


@pytest.mark.slow
def test_a_checkpoint_under_the_name_of_another_one_s_rows_is_refused(bench):
    """Else the rows that chose would be of one task and the digest of another."""
    recipe = bench.zoo.recipe("mdm_oc", 1.0)
    first, second = recipe.tasks
    swapped = replace(recipe, tasks=(replace(first, checkpoint=second.checkpoint), second))
    with pytest.raises(BadRecipe, match="'color' is .*, which is not the zoo"):
        next(optimize(bench, swapped, SMALL))


def test_fishers_enter_the_recipe_s_dependencies_and_the_penalty_every_step(bench):
    run = last(bench, replace(SMALL, budget=1, ewc=2.0))
    fitted = run.recipe().fitted
    assert fitted is not None
    assert fitted.used == ("fisher", UNDECLARED_START)
    assert all(answer.penalty > 0 for answer in run.answers)
    strong, weak = (
        last(bench, replace(SMALL, budget=12, ewc=strength, anchor="base")).steps[-1].point
        for strength in (1000.0, 0.0)
    )
    assert sum(strong) < sum(weak)  # it pulls to the base


@pytest.mark.parametrize("loss", ["entropy", "expert"])
def test_losses_without_labels_need_none(tiny_copy, loss):
    for task in ("color", "animal"):
        file = tiny_copy / task / "validation.jsonl"
        lines = file.read_text().splitlines()
        file.write_text("\n".join(re.sub(r', "label": "?\w+"?', "", line) for line in lines))
    bench = Bench(load_zoo(tiny_copy), torch.device("cpu"))
    run = last(bench, replace(SMALL, loss=loss, budget=2))
    assert run.best.accuracy is None
    assert run.best.value <= at_start(run)
    with pytest.raises(BadData, match="have no label"):
        last(bench, SMALL)


def test_an_expert_agrees_with_itself(bench):
    recipe = bench.zoo.recipe("task_arithmetic", 1.0).without("animal")
    run = list(optimize(bench, recipe, replace(SMALL, loss="expert", budget=1, balance="uniform")))
    assert run[0].steps[0].losses == pytest.approx([0.0], abs=1e-9)


def test_a_loss_that_breaks_ends_the_run_and_keeps_the_best(bench, monkeypatch):
    kind = type(next(iter(bench.tasks.values())).kind)
    rows, calls, limit = option_losses, [], 10**9

    def breaking(*args):
        calls.append(1)
        return rows(*args) * (float("nan") if len(calls) > limit else 1.0)

    monkeypatch.setattr(kind, "losses", staticmethod(breaking))
    whole = last(bench, SMALL)
    limit = int(1.8 * len(calls))  # in the second run, near its end
    run = last(bench, SMALL)
    assert "the loss of" in run.ended
    assert "nan; the best before is kept" in run.ended
    assert 0 < len(run.steps) < len(whole.steps)
    assert run.best == whole.steps[len(run.steps) - 1].best


@pytest.mark.parametrize(("method", "options"), [("iso_c", {}), ("fisher", {})])
def test_methods_that_weigh_anew_take_cma_es_and_refuse_gradients(bench, method, options):
    plan = replace(SMALL, optimizer="cma", budget=6, rows=8)
    run = last(bench, plan, method, **options)
    assert run.best.value <= at_start(run)
    for other in (replace(plan, optimizer="adam"), replace(plan, ewc=1.0)):
        with pytest.raises(BadRecipe, match="Use CMA-ES without EWC"):
            last(bench, other, method, **options)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"budget": 0}, "budget 0: give a whole number from 1"),
        ({"rows": 3}, "rows 3: give a whole number from 4"),
        ({"at_once": 0}, "rows at once 0: give a whole number"),
        ({"seed": -1}, "seed -1"),
        ({"ewc": -1.0}, "strength of EWC is -1; it must be at least 0"),
        ({"ewc": float("nan")}, "must be a finite number"),
        ({"granularity": "layer"}, "granularity 'layer' is not one of task, group, tensor"),
    ],
)
def test_a_plan_that_cannot_be_carried_out_is_refused(bench, change, words):
    with pytest.raises(StudioError, match=words):
        last(bench, replace(SMALL, **change))


def test_candidates_share_the_deltas_that_are_in_memory(tiny_zoo, monkeypatch):
    worn, wear = [], LiveModel.wear

    def watched(self, merge):
        worn.extend([merge] if merge else [])
        wear(self, merge)

    monkeypatch.setattr(LiveModel, "wear", watched)
    last(Bench(load_zoo(tiny_zoo), torch.device("cpu")), SMALL)
    assert worn
    assert all(bytes_in_memory(merge.deltas) for merge in worn)


def test_a_task_of_another_zoo_and_an_empty_mix_are_refused(bench):
    recipe = bench.zoo.recipe()
    other = replace(recipe, tasks=(replace(recipe.tasks[0], name="plant"),))
    with pytest.raises(StudioError, match="the zoo 'Tiny <zoo>' has color, animal"):
        list(optimize(bench, other, SMALL))
    with pytest.raises(BadRecipe, match="Nothing is merged"):
        list(optimize(bench, replace(recipe, tasks=()), SMALL))


@pytest.mark.parametrize(
    ("most", "words"),
    [(3, "with 8 rows at once. 2 of the longest fit"), (0, "Not even one row fits")],
)
@pytest.mark.parametrize("optimizer", ["adam", "cma"])
def test_memory_that_runs_out_is_said_with_what_fits(bench, monkeypatch, most, words, optimizer):
    run, tried = Objective._run, []

    def limited(self, rows):
        if len(rows) > most:
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")
        tried.append([len(self.rows[name].part.items[row]) for name, row in rows])
        assert torch.is_grad_enabled() == (optimizer == "adam")
        return run(self, rows)

    monkeypatch.setattr(Objective, "_run", limited)
    plan = replace(SMALL, optimizer=optimizer, budget=6 if optimizer == "adam" else 18)
    with pytest.raises(StudioError, match=words):
        last(bench, plan)
    monkeypatch.undo()
    rows = [chosen_rows(bench, name, plan.rows, True) for name in bench.tasks]
    lengths = sorted(len(each.part.items[row]) for each in rows for row in each.fit)
    assert tried == ([lengths[:-3:-1]] if most else [])


def test_a_gradient_that_does_not_fit_is_refused_before_the_start(bench, monkeypatch):
    from studio.search import memory

    monkeypatch.setattr(memory, "free_memory", lambda: 1000)
    with pytest.raises(StudioError, match="CMA-ES needs no gradients and would fit"):
        last(bench, SMALL)


def least(quadratic: Quadratic, free, rows: torch.Tensor) -> float:
    """The least value over the free coefficients of components, by solving the linear system."""
    p = len(free)
    units = torch.eye(p, dtype=torch.float64)
    mixings = torch.stack([(free.spread(u).unsqueeze(1) @ rows).squeeze(1) for u in units])
    matrix = torch.einsum("ati,tij,btj->ab", mixings, quadratic.phi, mixings)
    linear = torch.einsum("ati,ti->a", mixings, quadratic.linear)
    best = torch.linalg.solve(matrix, linear)
    return quadratic.value(torch.einsum("a,ati->ti", best, mixings))


def test_with_a_coefficient_per_task_orthogonality_reaches_the_same_models(make_recipe):
    """Span equality (MDM-OC, Corollary V.2): so no loss can have another optimum."""
    orthogonal = open_merge(make_recipe(method="mdm_oc"))
    weights = torch.tensor([0.5, 0.8, 0.3], dtype=torch.float64)
    raw = weights @ orthogonal.basis.rows[0]
    recipe = make_recipe(method="task_arithmetic")
    plain = recipe.with_coefficients(dict(zip(recipe.names, raw.tolist(), strict=True)))
    mixed = make_recipe(method="mdm_oc").with_coefficients(
        dict(zip(recipe.names, weights.tolist(), strict=True))
    )
    one, other = merged_tensors(open_merge(plain)), merged_tensors(open_merge(mixed))
    assert all(torch.allclose(one[name], other[name], atol=1e-6) for name in one)


@pytest.mark.parametrize(
    ("options", "granularity", "same"),
    [
        ({"scope": "model"}, "task", True),
        ({"scope": "model"}, "tensor", True),
        ({"scope": "tensor"}, "tensor", True),
        ({"scope": "tensor"}, "task", False),
    ],
)
def test_the_optimum_differs_only_where_the_reachable_models_do(
    make_recipe, options, granularity, same
):
    merge = open_merge(make_recipe(method="mdm_oc", options=options))
    free, tensors = space(merge.deltas, granularity), len(merge.deltas.names)
    generator = torch.Generator().manual_seed(4)
    root = torch.randn(tensors, 3, 3, generator=generator, dtype=torch.float64)
    linear = torch.randn(tensors, 3, generator=generator, dtype=torch.float64)
    loss = Quadratic(root @ root.mT + torch.eye(3).double(), linear, 0.0)
    rows = merge.basis.rows.expand(tensors, 3, 3)
    plain = torch.eye(3, dtype=torch.float64).expand(tensors, 3, 3)
    if granularity == "tensor":  # every task has a coefficient in every tensor
        free = replace(free, changed=(frozenset(merge.deltas.names),) * 3)
    reached, expected = least(loss, free, rows), least(loss, free, plain)
    assert (abs(reached - expected) < 1e-9) == same


def test_a_search_is_fitted_on_the_rows_that_it_is_told(bench):
    plan = replace(SMALL, budget=1, rows=400, batch=2)
    (*_, told) = optimize(bench, bench.zoo.recipe("mdm_oc", 0.4), plan, split=MEASURED)
    counts = [len(bench.tasks[name].rows(MEASURED)) for name in bench.tasks]
    assert [fit + check for fit, check in told.rows] == counts
