import numpy as np
import pytest

from studio.errors import BadRecipe
from studio.search.adam import EVERY, PATIENCE, adam
from studio.search.cma_es import evolution, generation_size, rows_of
from studio.search.plan import SearchPlan
from tests.search.bowl import BEST, Bowl, search

PLANS = [
    (adam, SearchPlan("adam", budget=100, balance="uniform")),
    (evolution, SearchPlan("cma", budget=180, balance="uniform")),
]


def run(optimizer, plan, bowl, known=(), **kwargs):
    made = search(plan, bowl, known, **kwargs)
    return [*made.begin(), *optimizer(made)], made.oracle.answers


@pytest.mark.parametrize(("optimizer", "plan"), PLANS)
@pytest.mark.parametrize("balance", ["uniform", "adaptive", "minimax", "uncertainty"])
def test_the_optimum_is_found(optimizer, plan, balance):
    from dataclasses import replace

    steps, _ = run(optimizer, replace(plan, balance=balance), Bowl())
    assert steps[-1].best.point == pytest.approx(BEST.tolist(), abs=0.06)
    assert steps[-1].best.value <= min(s.checked.value for s in steps if s.checked)


@pytest.mark.parametrize(("optimizer", "plan"), PLANS)
def test_a_search_goes_on_from_any_answer_as_if_it_had_never_stopped(optimizer, plan):
    whole, answers = run(optimizer, plan, Bowl())
    for count in (0, 1, 7, len(answers) - 1, len(answers)):
        bowl = Bowl()
        steps, _ = run(optimizer, plan, bowl, answers[:count])
        assert steps == whole
        assert bowl.asked == len(answers) - count


def test_it_begins_at_the_better_starting_point():
    steps, _ = run(adam, PLANS[0][1], Bowl())
    assert [step.number for step in steps[:3]] == [0, 0, 1]
    assert steps[2].point == (0.7, 0.7)
    assert steps[1].best.point == (0.7, 0.7)


def test_adam_ends_early_when_nothing_gets_better():
    plan = SearchPlan("adam", budget=1000, balance="uniform")
    steps, _ = run(adam, plan, Bowl(), starts=(tuple(BEST.tolist()),))
    assert steps[-1].number == EVERY * PATIENCE
    assert steps[-1].best.point == tuple(BEST.tolist())


def test_rows_per_candidate_grow_to_all():
    assert [rows_of(g, 4, 256) for g in range(4)] == [32, 64, 128, 256]
    assert [rows_of(g, 3, 20) for g in range(3)] == [20, 20, 20]
    assert rows_of(0, 1, 256) == 256


def test_candidates_stay_inside_the_limits_and_differ_by_seed():
    points = {}
    for seed in (0, 1):
        plan = SearchPlan("cma", budget=60, balance="uniform", seed=seed)
        steps, _ = run(evolution, plan, Bowl(), starts=((0.05, 1.45),))
        points[seed] = [step.point for step in steps[1:]]
        assert all(0 <= x <= 1.5 for point in points[seed] for x in point)
    assert points[0] != points[1]


def test_the_program_s_own_random_numbers_are_left_alone():
    np.random.seed(5)
    expected = np.random.rand()
    np.random.seed(5)
    run(evolution, PLANS[1][1], Bowl())
    assert np.random.rand() == expected


def test_a_budget_below_one_generation_is_refused():
    assert generation_size(2) == 6
    with pytest.raises(BadRecipe, match="budget is 5 candidates, but a generation .* has 6"):
        run(evolution, SearchPlan("cma", budget=5), Bowl())
