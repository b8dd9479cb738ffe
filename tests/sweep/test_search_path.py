"""Paths: steps of a search, projected on axes by hand."""

import pytest

from studio.recipe import Recipe, TaskEntry
from studio.search.plan import SearchPlan
from studio.search.run import Run
from studio.search.space import Space
from studio.search.state import Kept, SearchStep
from studio.sweep.axis import Axis
from studio.sweep.search_path import path_of

NAMES = ("layer.0.weight", "layer.1.weight")
BEFORE = Recipe("/b", (TaskEntry("red", "/r", 0.5), TaskEntry("blue", "/c", 0.3)))
RED, BLUE, FACTOR = (
    Axis(name, 0.0, 2.0) for name in ("coefficient.red", "coefficient.blue", "coefficients")
)


def run(*points: tuple[float, ...], granularity="task", best=0, before=BEFORE) -> Run:
    """A search that had two starting points, of which ``best`` is the better one."""
    free = Space(("red", "blue"), NAMES, granularity, (frozenset(NAMES), frozenset(NAMES[:1])))
    kept = Kept(points[best], 0.0, (), None)
    steps = tuple(
        SearchStep(max(place - 1, 0), point, (), 0.0, 0, None, kept)
        for place, point in enumerate(points)
    )
    return Run(before, SearchPlan(), free, 0, (), (), steps=steps)


POINTS = ((0.5, 0.3), (0.6, 0.6), (0.7, 0.5), (1.0, 0.2))


def test_it_starts_at_the_better_start_and_ends_at_the_last_step():
    assert path_of(run(*POINTS, best=1), [RED]) == ((0.6,), (0.7,), (1.0,))
    assert path_of(run(*POINTS), [BLUE, RED]) == ((0.3, 0.5), (0.5, 0.7), (0.2, 1.0))
    assert path_of(run(*POINTS[:1]), [RED]) == ((0.5,),)
    assert path_of(Run(BEFORE, SearchPlan(), run(*POINTS).free, 0, (), ()), [RED]) == ()


def test_of_groups_the_mean_counts_and_the_factor_is_against_the_recipe_before():
    found = run((0.2, 0.6, 0.3), (0.4, 0.8, 1.0), granularity="group")
    assert path_of(found, [RED, BLUE]) == ((pytest.approx(0.4), 0.3),)
    # tasks: red 0.4, blue 0.3 on average 0.35; before 0.5 and 0.3, on average 0.4
    assert path_of(found, [FACTOR]) == ((pytest.approx(0.35 / 0.4),),)


def test_options_stay_where_they_were():
    assert path_of(run(*POINTS), [Axis("strength", 0, 1), RED])[-1] == (1.0, 1.0)
    assert path_of(run(*POINTS), [Axis("rank", 1, 4, True)]) == ()  # it has no rank
    assert path_of(run(*POINTS), [Axis("density", 0, 1)]) == ()  # of another method
    assert path_of(run(*POINTS), [Axis("coefficient.green", 0, 1)]) == ()


def test_no_factor_leads_away_from_coefficients_of_0():
    zero = BEFORE.with_coefficients({"red": 0.0, "blue": 0.0})
    assert path_of(run(*POINTS, before=zero), [FACTOR]) == ()
