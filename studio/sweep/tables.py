"""A landscape as JSON, CSV and plain text."""

from dataclasses import asdict

from studio.disk.csv import csv_text
from studio.measure.metrics import marked, mean_column, means_over, scores_json
from studio.sweep.landscape import Landscape, SweepPoint
from studio.tasks.metric import ACCURACY, AGREEMENT, AGREEMENT_WORDS, Metric


def landscape_json(found: Landscape) -> dict:
    """Everything as plain values.

    Returns:
        ``{"axes", "levels", "recipe", "present": POINT, "points": [POINT], "best", "words"}``; a
        POINT has its value by axis in ``at``, and tasks, mean and half of the mean's interval, or
        the sentence of a refusal. ``best`` has its change from the present recipe, too.
    """
    best = None
    if found.best:
        best = _point(found, found.best)
        if found.gain:
            best["change"] = found.gain.plain()
            best["change"] |= {"widened": found.widened, "beyond_noise": found.beyond_noise}
    return {
        "axes": [asdict(axis) for axis in found.axes],
        "levels": found.levels,
        "recipe": found.recipe.plain(),
        "present": _point(found, found.here),
        "points": [_point(found, point) for point in found.points],
        "best": best,
        "words": found.words,
    }


def landscape_csv(found: Landscape) -> str:
    """A line per point, in rising order; a hole has its sentence."""
    tasks = [name for name in found.recipe.names if any(name in _scores(p) for p in found.known)]
    metrics = [mean.metric for mean in found.known[0].means] if found.known else [ACCURACY]
    header = [axis.name for axis in found.axes]
    header += [words for each in metrics for words in (mean_column(each), "half of its interval")]
    called = [marked(name, _metric(found, name)) for name in tasks]
    header += [words for name in called for words in (name, f"n of {name}")] + ["refusal"]
    rows = []
    for point in sorted(found.points, key=lambda each: tuple(x or 0.0 for x in each.place)):
        scores = _scores(point)
        known = point.means if scores else ()
        means = [x for mean in known for x in (mean.value, mean.half)] or [None, None] * len(
            metrics
        )
        own = [(scores[n].value, scores[n].n) if scores else (None, None) for n in tasks]
        flat = [value for pair in own for value in pair]
        rows.append([*point.place, *means, *flat, point.refusal or None])
    return csv_text(header, rows)


def landscape_text(found: Landscape) -> list[str]:
    """What was found, and the finest grid of means."""
    lines = [
        found.words,
        *mean_notes(found),
        "",
        *(_curve(found) if len(found.axes) == 1 else _grid(found)),
    ]
    holes = dict.fromkeys(point.refusal for point in found.points if point.refusal)
    return [*lines, *(f"no number: {sentence}" for sentence in holes)]


def mean_notes(found: Landscape) -> list[str]:
    """What decides which point is best, where agreement is scored, too."""
    if not found.known:
        return []
    scores = _scores(found.known[0])
    if over := means_over(scores):
        return [
            f"The best point has the best {over}; a point of agreement counts as a point of "
            f"accuracy. {AGREEMENT_WORDS}"
        ]
    agreed = any(score.metric is AGREEMENT for score in scores.values())
    return [AGREEMENT_WORDS] if agreed else []


def _metric(found: Landscape, name: str) -> Metric:
    return next(_scores(p)[name].metric for p in found.known if name in _scores(p))


def _curve(found: Landscape) -> list[str]:
    first = _scores(found.known[0]) if found.known else {}
    names = [marked(name, score.metric) for name, score in first.items()]
    metrics = [mean.metric for mean in found.known[0].means] if found.known else [ACCURACY]
    heads = "".join(f"  {mean_column(each):>6}  {'±':>5}" for each in metrics)
    lines = [f"{found.axes[0].name:>14}{heads}  " + "  ".join(names)]
    for (value,) in ((each,) for each in found.axes[0].values(found.level)):
        point = found.at(value)
        if point is None or point.outcome is None:
            lines.append(f"{value:14.4g}  {'–':>6}")
            continue
        shown = (score.shown for score in _scores(point).values())
        own = "  ".join(f"{x:>{len(n)}}" for n, x in zip(names, shown, strict=True))
        mark = "  best" if point is found.best else ""
        means = "".join(
            f"  {x.shown:>{max(len(mean_column(x.metric)), 6)}}  {x.metric.amount(x.half):>5}"
            for x in point.means
        )
        lines.append(f"{value:14.4g}{means}  {own}{mark}")
    return lines


def _grid(found: Landscape) -> list[str]:
    across, down = found.axes
    lines = []
    for place, mean in enumerate(found.known[0].means if found.known else ()):
        unit = "percent" if mean.metric.percent else mean.metric.unit
        about = f"{mean.name} in {unit}"
        lines.append(f"{about}; across: {across.words}; down: {down.words}; * best")
        lines.append(" " * 8 + "".join(f"{value:8.4g}" for value in across.values(found.level)))
        for y in reversed(down.values(found.level)):
            cells = (_cell(found, found.at(x, y), place) for x in across.values(found.level))
            lines.append(f"{y:8.4g}" + "".join(cells))
    return lines


def _cell(found: Landscape, point: SweepPoint | None, place: int) -> str:
    if point is None or point.outcome is None:
        return f"{'–':>8}"
    mean = point.means[place]
    return f"{mean.metric.amount(mean.value):>7}{'*' if point is found.best else ' '}"


def _point(found: Landscape, point: SweepPoint) -> dict:
    at = {axis.name: value for axis, value in zip(found.axes, point.place, strict=True)}
    if point.outcome is None:
        return {"at": at, "refusal": point.refusal}
    half = point.means[0].half if len(point.means) == 1 else None
    return {"at": at, **scores_json(point.outcome.scores), "half": half}


def _scores(point: SweepPoint) -> dict:
    return point.outcome.scores if point.outcome else {}
