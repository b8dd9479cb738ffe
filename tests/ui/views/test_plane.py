"""The plane in words and as a picture: which measure, how many rows, what lies beside it, files."""

import base64
import csv
import io
import re
from dataclasses import replace

import pytest
import torch

from studio.geometry.plane import Spot, plane_of
from studio.session.planes import Drawn
from studio.sweep.landscape import SweepPoint
from studio.sweep.plane_map import PlaneCost, PlaneMap
from studio.sweep.plane_paths import sum_path
from studio.tasks.metric import LOSS
from studio.ui.charts.plane_figure import drawing, mean_shown, standalone, task_shown
from studio.ui.views import plane as views
from tests.outcomes import outcome, with_losses

TASKS = ("a<b>", "b")
PLANE = plane_of(TASKS, torch.tensor([[4.0, 3.0], [3.0, 9.0]], dtype=torch.float64))


def right(share: float, n: int = 100) -> list[bool]:
    return [place < round(share * n) for place in range(n)]


def point(place, first: float, second: float) -> SweepPoint:
    return SweepPoint(place, outcome({TASKS[0]: right(first), TASKS[1]: right(second)}))


def made(whole: float = 0.5, peak: float = 0.9) -> PlaneMap:
    """Scores that rise towards the middle of the map."""
    spots = [PLANE.at(*each) for each in ((0, 0), (1, 0), (0, 1), (1, 1))]
    values = ((0.2, 0.3), (0.8, 0.3), (0.2, 0.8), (whole, whole))
    corners = [point((s.x, s.y), *own) for s, own in zip(spots, values, strict=True)]
    empty = PlaneMap(PLANE, 2)
    across, up = empty.sides(2)
    grid = [
        point((x, y), *(2 * [peak if (i, j) == (2, 2) else 0.1 * (i + j) / 2]))
        for j, y in enumerate(up)
        for i, x in enumerate(across)
    ]
    return replace(empty, corners=tuple(corners), points=tuple(grid))


def drawn(**more) -> Drawn:
    own = (Spot(0, 0), PLANE.at(1, 0), replace(PLANE.at(0.8, 1), outside=0.0))
    return replace(Drawn(sum_path(PLANE), own), **more)


def test_the_caption_says_the_measure_the_rows_and_the_angle():
    found = made()
    shown, note = views.shown_of(found, views.VIEWS[0])
    assert shown
    words = views.caption(found, shown)
    assert "mean accuracy of a<b> and b, more is better, measured on 100 + 100 validation" in words
    assert "true angle of 60 degrees" in words
    assert note == ""
    second, _ = views.shown_of(found, views.VIEWS[2])
    assert second
    assert second.words == "accuracy of b"


def test_names_are_text_in_the_page_and_in_its_files():
    page = views.figure(made(), drawn(), views.VIEWS[0])
    assert "a<b>" not in page
    assert "a&lt;b&gt;" in page
    assert page.count("class='cell'") == 25
    assert "class='level'" in page
    for name, part in (("sum", "way sum"), ("orthogonal", "way orthogonal")):
        assert part in page, name
    files = re.findall(r"href='data:[^,]*,([^']*)'", page)
    assert len(files) == 2
    svg, table = (base64.b64decode(each).decode() for each in files)
    assert "a<b>" not in svg
    assert svg.startswith("<svg xmlns=")
    rows = [*csv.DictReader(io.StringIO(table))]
    assert [row["what"] for row in rows[:4]] == ["base", "a<b> alone", "b alone", "whole sum"]
    assert (rows[1]["a<b>"], rows[1]["n of a<b>"]) == ("0.8", "100")
    assert [row["what"] for row in rows].count("grid") == 25
    assert [row["what"] for row in rows].count("sum") == 5


@pytest.mark.parametrize(
    ("whole", "peak", "said"),
    [
        (0.95, 0.9, "No measured place on the plane is better than the whole sum"),
        (0.88, 0.9, "as far as these rows can tell: both deltas can be added whole"),
        (0.3, 0.9, "The whole sum goes too far: less of the two is better"),
    ],
)
def test_one_sentence_says_what_it_means(whole, peak, said):
    words = views.meaning(made(whole, peak))
    assert said in words
    assert words.endswith(".")


def test_a_map_that_grows_says_how_far_and_offers_no_files():
    half = replace(made(), points=made().points[:9])
    assert views.meaning(half) == "Measured so far: 13 of 29 models."
    page = views.figure(half, drawn(), views.VIEWS[0])
    assert "data:" not in page
    assert "class='cell'" in page
    assert views.figure(None, None, views.VIEWS[0]) == ""


def test_what_lies_beside_the_plane_is_said_with_its_share():
    beside = drawn(
        mix=Spot(0.6, 0.0, 0.8), search=(Spot(0, 0), Spot(50.0, 0.0)), refusal="",
    )  # fmt: skip
    words = dict(views.lines(made(), beside))
    assert "80% of the length of its change points out of it" in words["mix"]
    assert "Its end lies on the plane" in words["orthogonal"]
    assert "1 of its 2 places are beyond the edge of the map" in words["search"]
    refused = dict(views.lines(made(), drawn(orthogonal=(), refusal="too alike")))
    assert refused[""] == "MDM-OC cannot be drawn: too alike"
    lacking = dict(views.lines(made(), drawn(lacks="no direction")))
    assert lacking[""] == "The present mix stands nowhere: no direction"
    assert "being computed" in dict(views.lines(made(), drawn(pending=True)))["mix"]
    far = dict(views.lines(made(), drawn(mix=Spot(50.0, 0.0))))
    assert far["mix"].endswith("It is beyond the edge of the map.")


def test_a_loss_is_named_and_its_strong_color_is_a_low_one():
    low, high = (losses(value) for value in (1.0, 3.0))
    found = PlaneMap(PLANE, 2, (low, high, high, high))
    shown = mean_shown(found)
    assert shown
    assert shown.metric is LOSS
    assert shown.share(1.0, (1.0, 3.0)) == 1.0
    assert shown.share(3.0, (1.0, 3.0)) == 0.0
    words = views.caption(found, shown)
    assert "mean loss of a<b> and b, less is better" in words


def losses(value: float) -> SweepPoint:
    nats = dict.fromkeys(TASKS, [2 * value] * 4)  # documents of two tokens
    return SweepPoint((0.0, 0.0), with_losses(outcome({}), nats))


def test_two_metrics_have_no_mean_and_one_task_is_shown():
    mixed = with_losses(outcome({TASKS[0]: right(0.5)}), {TASKS[1]: [2.0] * 4})
    found = PlaneMap(PLANE, 2, (SweepPoint((0.0, 0.0), mixed),))
    assert mean_shown(found) is None
    shown, note = views.shown_of(found, views.VIEWS[0])
    assert shown
    assert shown.words == "accuracy of a<b>"
    assert "two metrics" in note


def test_what_could_not_be_merged_anywhere_is_told():
    holes = PlaneMap(PLANE, 2, (SweepPoint((0.0, 0.0), None, "too <far>"),))
    assert "too &lt;far&gt;" in views.figure(holes, drawn(), views.VIEWS[0])
    assert task_shown(holes, "b") is None


def test_what_it_takes_is_said_before_it_starts():
    words = views.cost(PlaneCost(85, 400), TASKS, "about 50 s")
    assert "a&lt;b&gt; and b: 85 models on 400 validation rows each, about 50 s at most." in words
    assert "&lt;x&gt;" in views.refused("<x>")


def test_angles_in_the_picture_are_those_of_the_weights():
    svg = drawing(made(), drawn(), mean_shown(made()))  # type: ignore[arg-type]
    path = re.search(r"class='way orthogonal' d='M([^']*)'", svg)
    assert path
    base, first, end = (tuple(map(float, each.split())) for each in path[1].split("L"))
    unit = (first[0] - base[0]) / 2.0  # px of one unit of length
    assert base[1] == first[1]
    spot = PLANE.at(0.8, 1)
    assert end[0] - base[0] == pytest.approx(spot.x * unit, abs=0.11)
    assert base[1] - end[1] == pytest.approx(spot.y * unit, abs=0.11)
    alone = standalone(made(), drawn(), mean_shown(made()), ["a note & more"])  # type: ignore[arg-type]
    assert "a note &amp; more" in alone
    assert "--share" not in alone


def test_the_time_is_said_before_the_start_or_when_it_will_be():
    cost = PlaneCost(85, 200)
    assert "85 models" in views.cost(cost, ("a", "b"), "about 40 s", True)
    assert ", about 40 s at most." in views.cost(cost, ("a", "b"), "about 40 s", True)
    unknown = views.cost(cost, ("a", "b"), "", True)
    assert "how long that takes stands here once the first rows of your mix are scored" in unknown
    assert "how long" not in views.cost(cost, ("a", "b"), "")
