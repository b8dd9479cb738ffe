"""The plane of two experts: its corners are the models themselves, its rows validation rows."""

import pytest
import torch

from studio.errors import BadData, BadRecipe, Cancelled
from studio.measure.bench import Bench
from studio.measure.change import mean_change
from studio.measure.outcomes import Measuring, paired
from studio.sweep import plane_map as module
from studio.sweep.plane_map import PlaneMap, frame, plane_cost, plane_in, plane_map, sum_of
from studio.zoo import load_zoo

PAIR = ("color", "animal")
ROWS = 12


@pytest.fixture(scope="module")
def bench(tiny_zoo) -> Bench:
    return Bench(load_zoo(tiny_zoo), torch.device("cpu"))


@pytest.fixture(scope="module")
def found(bench) -> PlaneMap:
    return [*plane_map(bench, PAIR, 2, ROWS)][-1]


def of(bench, merge):
    return Measuring(bench).of(merge, bench.heads(PAIR), "validation", ROWS)


def test_the_corners_are_base_experts_and_their_sum(bench, found):
    sum_of_both = bench.merge(sum_of(bench, PAIR, (1.0, 1.0)))
    models = (None, bench.expert("color"), bench.expert("animal"), sum_of_both)
    for corner, merge in zip(found.corners, models, strict=True):
        assert corner.outcome.scores == of(bench, merge).scores
        assert {score.n for score in corner.outcome.scores.values()} == {ROWS}
    spots = [found.plane.at(*each) for each in ((0, 0), (1, 0), (0, 1), (1, 1))]
    assert [corner.place for corner in found.corners] == [(spot.x, spot.y) for spot in spots]


def test_every_point_of_the_grid_is_so_much_of_each_delta(bench, found):
    assert (found.done, found.level, len(found.points)) == (True, 2, 25)
    across, up = found.sides(2)
    grid = found.grid()
    for x, y in ((0, 0), (3, 1), (4, 4)):
        amounts = found.plane.amounts(across[x], up[y])
        own = of(bench, bench.merge(sum_of(bench, PAIR, amounts)))
        assert grid[y][x].outcome.scores == own.scores
    (left, right), (low, high) = frame(found.plane)
    assert (across[0], across[-1], up[0], up[-1]) == (left, right, low, high)
    for corner in found.corners:
        assert left < corner.place[0] < right
        assert low < corner.place[1] < high


def test_the_best_is_compared_with_the_whole_sum_on_the_same_rows(found):
    assert found.best.worth == max(point.worth for point in found.known)
    changes = paired(found.best.outcome, found.corners[-1].outcome)
    assert found.gain == mean_change(changes)
    assert found.widened > found.gain.half


def test_it_grows_coarse_to_fine_and_can_be_stopped(bench):
    grown = [*plane_map(bench, PAIR, 2, ROWS)]
    assert [len(each.known) for each in grown] == list(range(1, 30))
    assert [each.level for each in grown[3:]] == [0] * 9 + [1] * 16 + [2]
    assert grown[2].gain is None  # the sum is not there yet
    assert sum(each is not None for row in grown[5].grid() for each in row) == 2
    assert all(each.total == 29 for each in grown)

    def stop(share, words):
        if share > 0.2:
            raise Cancelled("stopped")

    seen = []
    with pytest.raises(Cancelled):
        seen.extend(plane_map(bench, ("animal", "color"), 2, ROWS, stop))


def test_a_point_that_cannot_be_merged_is_a_hole(bench, monkeypatch):
    def refuse(self, merge, heads, split, most=None):
        raise BadRecipe("too far")

    monkeypatch.setattr(module.Measuring, "of", refuse)
    last = [*plane_map(bench, PAIR, 2, ROWS)][-1]
    assert (last.known, last.best, last.gain) == ((), None, None)
    assert {point.refusal for point in (*last.corners, *last.points)} == {"too far"}


def test_what_spans_no_plane_or_cannot_be_scored_is_refused(bench, monkeypatch):
    assert vars(plane_cost(bench, PAIR, 3, ROWS)) == {"points": 85, "rows": 2 * ROWS}
    for tasks in (("color", "color"), ("color", "else")):
        with pytest.raises(BadRecipe, match="two tasks that differ, of color, animal"):
            plane_in(bench, tasks)
    with pytest.raises(BadRecipe, match="7 levels were asked for; there are 2, 3, 4"):
        plane_cost(bench, PAIR, 7)
    with pytest.raises(BadRecipe, match="0 rows per task"):
        plane_cost(bench, PAIR, 2, 0)
    monkeypatch.setattr(bench, "scored", lambda split: ("color",))
    with pytest.raises(BadData, match="validation rows of both tasks, but animal cannot"):
        plane_cost(bench, PAIR, 2)
