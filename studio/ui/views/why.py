"""Sentences of the Why tab: what the picture shows, what it means, and what to do next."""

from collections.abc import Iterator
from html import escape
from itertools import combinations
from json import dumps

from torch import Tensor

from studio.geometry.arrows import Arrows, arrows
from studio.geometry.pairs import cosines
from studio.geometry.prospects import prospect
from studio.measure.certainty import ROWS, unsure_words
from studio.measure.interference import Interference
from studio.session.geometry import Geometry
from studio.session.snapshot import Snapshot
from studio.ui.charts.arrow_map import arrow_map
from studio.ui.charts.input_matrices import input_matrices
from studio.ui.charts.matrices import matrices, residual_words
from studio.ui.views.glossary import term

SHARED, SAME, NOTHING_LEFT = 0.1, 0.5, 0.005  # cosines: from where a pair is worth a word
_MOST_NUMBERS = 6000  # cosines by layer that a page is sent


def nothing_to_show(now: Snapshot) -> str:
    """Why there are no matrices and no map, and never will be for this mix; empty if there are."""
    if now.refused:
        return "This mix cannot be merged; the reason stands above."
    return "" if now.recipe.tasks else "Nothing is merged, so there is nothing to show."


def order(now: Snapshot) -> str:
    """How much the order of the tasks matters."""
    if nothing_to_show(now) or len(now.recipe.tasks) < 2:
        return ""
    words = now.order or "Order: comparing …"
    return f"<p class='quiet' id='order-words'>{escape(words)}</p>"


def opening(geometry: Geometry | None, found: Interference | None) -> str:
    """The first picture: its sentence, the arrows beside the pairs, and the pair looked at.

    Args:
        geometry: of the shown merge, or None while it is measured.
        found: who disturbs whom, if that was measured of this mix.
    """
    if geometry is None or len(geometry.before.tasks) < 2:
        return matrices(geometry, "model", None, "", {})
    drawn: Arrows = arrows(geometry.before, geometry.after, geometry.joint)
    square = matrices(geometry, "model", None, "", {})
    return (
        f"<p class='lead' id='why-lead'>{escape(shown(geometry))}</p>"
        f"{prospects(geometry, found)}"
        f"<div class='why' data-pairs='{escape(_payload(geometry, found), quote=True)}'>"
        f"{arrow_map(drawn)}{square}</div>"
        "<div class='pair' id='pair' tabindex='0' role='region' aria-label='The pair of tasks' "
        "aria-live='polite'><p class='quiet'>Point at a number of the table, tap it, or walk there "
        "with the arrow keys: the pair is shown here and in the picture.</p></div>"
        f"{residual_words(geometry)}"
        f"{input_matrices(found, geometry.before, geometry.after) if found else ''}"
    )


def shown(geometry: Geometry) -> str:
    """What the picture shows, in one sentence."""
    (first, second), before = strongest(geometry.before.cosine(), geometry.before.tasks)
    if abs(before) < SHARED:
        start = f"No two tasks share much: the largest cosine before is {before:.2f}, of {first} "
        start += f"and {second}"
    else:
        way = _way(before)
        start = f"{first} and {second} {way} (cosine {before:.2f}) before"
    if geometry.after is None:
        return f"{start}; this method has no part per task, so there is no after."
    pair, after = strongest(geometry.after.cosine(), geometry.after.tasks)
    if abs(after) < NOTHING_LEFT:
        return f"{start}; after, no two share anything (0.00)."
    if pair == (first, second) and abs(after - before) < NOTHING_LEFT:
        return f"{start}; this mix leaves it so."
    return f"{start}; after, {pair[0]} and {pair[1]} still share most (cosine {after:.2f})."


def meaning(now: Snapshot, found: Interference | None) -> str:
    """What this means, and what to do next: one sentence, as HTML."""
    geometry = now.geometry
    if nothing_to_show(now) or geometry is None:
        return ""
    if len(geometry.before.tasks) < 2:
        words = "With one task nothing can be in its way: tick a second one to see what changes."
    else:
        words = _disturbed(found) or _shared(geometry)
    return f"<p class='meaning' id='why-meaning'><b>What this means.</b> {escape(words)}</p>"


def strongest(cosine: Tensor, tasks: tuple[str, ...]) -> tuple[tuple[str, str], float]:
    """The pair of tasks with the largest cosine, signs left out, and that cosine."""
    values = {(i, j): float(cosine[i, j]) for i, j in combinations(range(len(tasks)), 2)}
    i, j = max(values, key=lambda pair: abs(values[pair]))
    return (tasks[i], tasks[j]), round(values[i, j], 4) + 0.0


def _way(cosine: float) -> str:
    if cosine < 0:
        return "pull against each other" if cosine > -SAME else "point opposite ways"
    return "point the same way" if cosine >= SAME else "point partly the same way"


def _disturbed(found: Interference | None) -> str:
    """What the measured pairs say."""
    if found is None:
        return ""
    if found.worst is None:
        return (
            "No task surely loses when one other is added, so a loss in Results comes from all of "
            "them together: try smaller weights, or let Improve find better ones."
        )
    task, other = found.worst
    return (
        f"{task} is disturbed most, by {other} ({found.changes[task, other].words}): lower the "
        f"weight of {other}, or raise that of {task}, and watch its bar."
    )


def _shared(geometry: Geometry) -> str:
    (first, second), before = strongest(geometry.before.cosine(), geometry.before.tasks)
    if abs(before) < SHARED:
        return (
            "The tasks hardly touch, so taking out what they share changes little: a loss in "
            "Results is more likely a matter of weights, which Improve can find."
        )
    if geometry.after is None:
        return (
            f"What {first} and {second} share goes into one common change, and no part of it is "
            "any task's own: compare with a method that takes out what tasks share, in Improve."
        )
    after = strongest(geometry.after.cosine(), geometry.after.tasks)[1]
    cancel = before < 0
    if abs(after) >= SHARED and abs(after) > 0.9 * abs(before) and cancel:
        return (
            f"{first} and {second} partly cancel each other: lower the weight of one, or choose a "
            "method that takes out what tasks share, and watch their bars."
        )
    if abs(after) >= SHARED and abs(after) > 0.9 * abs(before):
        return (
            f"What {first} and {second} share is added twice: lower both weights, or choose a "
            "method that takes out what tasks share, and watch their bars."
        )
    least = min(range(len(geometry.shares)), key=lambda i: geometry.shares[i])
    task, kept = geometry.before.tasks[least], geometry.shares[least]
    return (
        f"What {first} and {second} share "
        f"{'no longer cancels' if cancel else 'is counted once instead of twice'}; {task} keeps "
        f"{kept:.0%} of its change, so watch its bar: if it falls, take out less or raise its "
        "weight."
    )


def _payload(geometry: Geometry, found: Interference | None) -> str:
    """What the page shows of a pair that is looked at, as JSON."""
    tasks, after = geometry.before.tasks, geometry.after
    pairs = list(combinations(range(len(tasks)), 2))
    by_layer = cosines(geometry.before, "layer")
    few = len(pairs) * len(by_layer.places) <= _MOST_NUMBERS
    layers = {f"{i}-{j}": _layers(by_layer.values[:, i, j], few) for i, j in pairs}
    return dumps(
        {
            "tasks": tasks,
            "lengths": [_lengths(geometry.before.total()), after and _lengths(after.total())],
            "before": _rounded(geometry.before.cosine()),
            "after": after and _rounded(after.cosine()),
            "places": by_layer.places,
            "layers": layers,
            "lost": dict(_lost(tasks, found)),
            "measured": found is not None,
        },
        separators=(",", ":"),
    )


def _lengths(inner: Tensor) -> list[float]:
    return [float(f"{x:.4g}") for x in inner.diagonal().clamp(min=0).sqrt().tolist()]


def _rounded(values: Tensor) -> list[list[float]]:
    return [[round(x, 4) + 0.0 for x in row] for row in values.tolist()]


def _layers(values: Tensor, every: bool) -> list[tuple[int, float]]:
    """Cosine by layer; of very many pairs, only where it is largest."""
    known = [(k, round(x, 6) + 0.0) for k, x in enumerate(values.tolist()) if x == x]
    return known if every else sorted(known, key=lambda each: -abs(each[1]))[:1]


def _lost(tasks: tuple[str, ...], found: Interference | None) -> Iterator[tuple[str, str]]:
    """What each task loses when the other is added, in words."""
    if found is None:
        return
    for i, task in enumerate(tasks):
        for j, other in enumerate(tasks):
            change = found.changes.get((task, other))
            if change is not None:
                verdict = "" if change.verdict != "cannot tell" else ", which may be chance"
                yield f"{i}-{j}", f"{change.words}{verdict} ({change.n:,} rows)"


def disturbing(now: Snapshot, found: Interference | None, seconds: float | None) -> str:
    """What the button beside it measures, how long that takes, or what was found; as HTML."""
    if nothing_to_show(now) or len(now.recipe.tasks) < 2:
        return ""
    if found is None:
        lasts = "" if seconds is None else f" About {_lasting(seconds)}."
        words = (
            "Every task alone against every pair of tasks, at this mix's weights, on each task's "
            "own rows; what each change does to the others' inputs, how far inputs drift, and how "
            f"sure the experts are of at most {ROWS} rows each.{lasts}"
        )
    elif found.worst is None:
        words = "Measured for this mix: no task surely loses when one other is added."
    else:
        task, other = found.worst
        words = (
            f"Measured for this mix: {task} loses most, when {other} is added "
            f"({found.changes[task, other].words}). Point at a pair to see the others."
        )
    drift = found.drift.words if found and found.drift else ""
    more = f"<p class='quiet' id='drift'>{term('drift')}: {escape(drift)}</p>" if drift else ""
    return f"<p class='quiet' id='disturbing-words'>{escape(words)}</p>{more}"


def prospects(geometry: Geometry, found: Interference | None) -> str:
    """Whether the tasks will merge, with the reasons; nothing while a slider moves."""
    if geometry.residual is None:
        return ""
    sure = found.certainty if found else {}
    reasons = [each for each in (*geometry.reasons, unsure_words(sure)) if each]
    words = prospect(len(geometry.before.tasks), reasons, bool(sure))
    about = f" ({term('certainty')})" if sure else ""
    return f"<p class='quiet' id='prospect'>{escape(words)}{about}</p>"


def _lasting(seconds: float) -> str:
    return f"{max(round(seconds), 1)} s" if seconds < 90 else f"{seconds / 60:.0f} minutes"
