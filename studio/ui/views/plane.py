"""The plane of two experts in words: what it takes, what is seen, what it means, its files."""

from collections.abc import Iterator, Sequence
from html import escape
from math import acos, degrees

from studio.disk.csv import csv_text
from studio.geometry.plane import Spot
from studio.measure.metrics import marked, mean_column
from studio.methods import METHODS, SUM
from studio.recipe import DEFAULT_METHOD
from studio.session.planes import Drawn
from studio.sweep.landscape import SweepPoint
from studio.sweep.plane_map import PlaneCost, PlaneMap, frame
from studio.tasks.metric import AGREEMENT, AGREEMENT_WORDS
from studio.ui.charts.plane_figure import (
    Shown,
    drawing,
    ends_of,
    mean_shown,
    standalone,
    task_shown,
)
from studio.ui.charts.saves import picture_saves

VIEWS = ("Mean of both", "First task", "Second task")
_SUM, _OWN = METHODS[SUM].title, METHODS[DEFAULT_METHOD].title
_CORNERS = ("base", "{0} alone", "{1} alone", "whole sum")
_NEAR = 0.005  # share of a length below which nothing is said to lie outside


def cost(found: PlaneCost, tasks: Sequence[str], took: str, later: bool = False) -> str:
    """What a map takes, before its start.

    Args:
        found: models and rows.
        tasks: the two.
        took: seconds in words, empty while they are not known.
        later: whether they will be known once the first rows of the mix are scored.
    """
    time = f", {took} at most" if took else ""
    if later and not took:
        time = "; how long that takes stands here once the first rows of your mix are scored"
    return (
        f"<p class='quiet' id='plane-cost'>{escape(' and '.join(tasks))}: {found.points} models on "
        f"{found.rows:,} validation rows each{escape(time)}. What was measured before is recalled."
        "</p>"
    )


def refused(sentence: str) -> str:
    """Why there is no map of what the boxes hold."""
    return f"<p class='note' id='plane-cost'>{escape(sentence)}</p>"


def shown_of(found: PlaneMap, view: str) -> tuple[Shown | None, str]:
    """What is drawn of a map, and what to say of that choice.

    Args:
        found: as far as it was measured.
        view: one of ``VIEWS``.
    """
    if view in VIEWS[1:]:
        return task_shown(found, found.plane.tasks[VIEWS.index(view) - 1]), ""
    mean = mean_shown(found)
    if mean is None and found.known:
        first = task_shown(found, found.plane.tasks[0])
        return first, "The two tasks have two metrics and so no mean; one is shown at a time."
    return mean, ""


def figure(found: PlaneMap | None, drawn: Drawn | None, view: str) -> str:
    """The map with its caption, what it means, its paths in words, and its files once it is whole.

    Args:
        found: as far as it was measured; None before the first.
        drawn: what is drawn upon it.
        view: one of ``VIEWS``.
    """
    if found is None or drawn is None:
        return ""
    shown, note = shown_of(found, view)
    if shown is None:
        refusals = {point.refusal for point in (*found.corners, *found.points)}
        return f"<p class='note'>{escape('; '.join(sorted(refusals)))}</p>" if refusals else ""
    name = f"Plane of {' and '.join(found.plane.tasks)}"
    notes = f"<p class='quiet'>{escape(note)}</p>" if note else ""
    means = f"<p class='meaning' id='plane-means'>{escape(meaning(found))}</p>"
    return (
        f"<figure class='plane-figure' data-points='{len(found.known)}'><figcaption>"
        f"{escape(caption(found, shown))}</figcaption>{notes}{drawing(found, drawn, shown)}"
        f"{_scale(found, shown)}{means}{_list(found, drawn)}{_files(found, drawn, shown, name)}"
        "</figure>"
    )


def caption(found: PlaneMap, shown: Shown) -> str:
    """What is seen, in plain sentences."""
    one, other = found.plane.tasks
    angle = degrees(acos(found.plane.cosine))
    good = "more is better" if shown.metric.sign > 0 else "less is better"
    agreed = f" {AGREEMENT_WORDS}" if shown.metric is AGREEMENT else ""
    return (
        f"Every place is one model: the base plus so much of what {one} changes and so much of "
        f"what {other} changes. Distances are those between the weights, and the two deltas stand "
        f"at their true angle of {angle:.0f} degrees. Color is the {shown.words}, {good}, measured "
        f"on {_rows(found)} validation rows; lines join equal heights, and are straight between "
        f"measured places.{agreed}"
    )


def meaning(found: PlaneMap) -> str:
    """One sentence on what the map means for a merge; of the mean of both tasks."""
    if not found.done:
        return f"Measured so far: {len(found.known)} of {found.total} models."
    best, gain, (one, other) = found.best, found.gain, found.plane.tasks
    if best is None or gain is None:
        return "Base, experts or their sum could not be merged, so there is nothing to compare."
    amounts = found.plane.amounts(best.place[0] or 0.0, best.place[1] or 0.0)
    where = f"{amounts[0]:.2f} of {one} and {amounts[1]:.2f} of {other}"
    if best.place == found.corners[-1].place:
        return (
            "No measured place on the plane is better than the whole sum: both deltas can be added "
            "whole."
        )
    wide = gain.metric.amount(found.widened)
    told = f"{gain.words}, paired; ± {wide} as the best of {len(found.known)}; n={gain.n:,}"
    if gain.gain <= found.widened:
        return (
            "No place on the plane is better than the whole sum as far as these rows can tell: "
            f"both deltas can be added whole. The best is {where} ({told})."
        )
    if sum(amounts) < 2.0:
        return f"The whole sum goes too far: less of the two is better, best {where} ({told})."
    return f"The whole sum does not go far enough: the best is {where} ({told})."


def _rows(found: PlaneMap) -> str:
    outcome = found.known[0].outcome
    assert outcome is not None
    counts = {name: score.n for name, score in outcome.scores.items()}
    if len({*counts.values()}) == 1:
        return f"{next(iter(counts.values())):,} + {next(iter(counts.values())):,}"
    return " + ".join(f"{count:,}" for count in counts.values())


def _scale(found: PlaneMap, shown: Shown) -> str:
    low, high = ends_of(found, shown)
    worst, best = (low, high) if shown.metric.sign > 0 else (high, low)
    unit = "" if shown.metric.percent else f" {shown.metric.unit}"
    return (
        f"<div class='plane-scale'><span>worst measured {shown.metric.shown(worst)}</span><i></i>"
        f"<span>best measured {shown.metric.shown(best)}{escape(unit)}</span></div>"
    )


def lines(found: PlaneMap, drawn: Drawn) -> Iterator[tuple[str, str]]:
    """What is drawn upon the map: a kind for its sign, and a sentence."""
    one, other = found.plane.tasks
    yield "sum", f"{_SUM}: from the base along both deltas to their whole sum."
    if drawn.orthogonal:
        end = drawn.orthogonal[-1]
        yield (
            "orthogonal",
            f"{_OWN}: first {one} whole, then what of {other} is its own. "
            f"{_beside(end, 'Its end')}",
        )
    if drawn.refusal:
        yield "", f"{_OWN} cannot be drawn: {drawn.refusal}"
    if drawn.search:
        end, beyond = drawn.search[-1], _beyond(found, drawn, drawn.search)
        yield "search", f"The last search, to its last step. {_beside(end, 'That')}{beyond}"
    if drawn.mix is not None:
        beyond = _beyond(found, drawn, (drawn.mix,))
        yield (
            "mix",
            f"The present mix, brought down onto the plane. {_beside(drawn.mix, 'It')}{beyond}",
        )
    elif drawn.lacks:
        yield "", f"The present mix stands nowhere: {drawn.lacks}"
    elif drawn.pending:
        yield "mix", "Where the present mix stands is being computed …"


def _beside(spot: Spot, who: str) -> str:
    if spot.share < _NEAR:
        return f"{who} lies on the plane."
    return (
        f"{who} lies beside the plane: {spot.share:.0%} of the length of its change points out of "
        "it, so the color under it is not its score."
    )


def _beyond(found: PlaneMap, drawn: Drawn, path: Sequence[Spot]) -> str:
    (left, right), (low, high) = frame(found.plane)
    spots = [*drawn.sum, *drawn.orthogonal]
    left, right = min(left, *(s.x for s in spots)), max(right, *(s.x for s in spots))
    low, high = min(low, *(s.y for s in spots)), max(high, *(s.y for s in spots))
    outside = [s for s in path if not (left <= s.x <= right and low <= s.y <= high)]
    if not outside:
        return ""
    return " It is beyond the edge of the map." if len(path) == 1 else (
        f" {len(outside)} of its {len(path)} places are beyond the edge of the map."
    )  # fmt: skip


def _list(found: PlaneMap, drawn: Drawn) -> str:
    items = "".join(
        f"<li><i class='{kind}'></i>{escape(words)}</li>" for kind, words in lines(found, drawn)
    )
    names = [each.format(*found.plane.tasks) for each in _CORNERS]
    told = ", ".join(
        f"{name} {_words(point)}"
        for name, point in zip(names, found.corners, strict=False)
        if point.outcome
    )
    return f"<ul class='plane-list'>{items}</ul><p class='quiet'>Measured: {escape(told)}.</p>"


def _words(point: SweepPoint) -> str:
    return ", ".join(mean.words for mean in point.means)


def _files(found: PlaneMap, drawn: Drawn, shown: Shown, name: str) -> str:
    if not found.done:
        return ""
    low, high = (shown.metric.shown(each) for each in ends_of(found, shown))
    notes = [f"{shown.words}, {low} to {high}, {_rows(found)} validation rows"]
    notes += [_cut(words) for _, words in lines(found, drawn)]
    return picture_saves(name, standalone(found, drawn, shown, notes), plane_csv(found, drawn))


def _cut(words: str) -> str:
    return words if len(words) <= 86 else f"{words[:85]}…"


def plane_csv(found: PlaneMap, drawn: Drawn) -> str:
    """Every measured place with its scores, then every place of what is drawn upon the map."""
    tasks = found.plane.tasks
    first = found.known[0].outcome
    assert first is not None
    called = [marked(name, first.scores[name].metric) for name in tasks]
    means = [mean_column(mean.metric) for mean in found.known[0].means]
    header = ["what", "x", "y", *(f"amount of {name}" for name in tasks), "length outside"]
    header += [*means, *(words for name in called for words in (name, f"n of {name}")), "refusal"]
    corners = zip((each.format(*tasks) for each in _CORNERS), found.corners, strict=False)
    measured = [*corners, *(("grid", point) for point in found.points)]
    rows = [[what, *_row(found, point, len(means))] for what, point in measured]
    drawings = (("sum", drawn.sum), ("orthogonal", drawn.orthogonal), ("search", drawn.search))
    drawings = (*drawings, ("present mix", (drawn.mix,) if drawn.mix else ()))
    empty = [None] * (len(means) + 4) + [""]
    for what, path in drawings:
        for spot in path:
            rows.append([what, spot.x, spot.y, *found.plane.amounts(spot.x, spot.y), spot.outside])
            rows[-1] += empty
    return csv_text(header, rows)


def _row(found: PlaneMap, point: SweepPoint, means: int) -> list[float | int | str | None]:
    x, y = point.place[0] or 0.0, point.place[1] or 0.0
    row: list[float | int | str | None] = [x, y, *found.plane.amounts(x, y), 0.0]
    if point.outcome is None:
        return [*row, *[None] * (means + 4), point.refusal]
    row += [mean.value for mean in point.means]
    for name in found.plane.tasks:
        row += [point.outcome.scores[name].value, point.outcome.scores[name].n]
    return [*row, ""]
