"""What stands above the page: the zoo, the mean accuracy, and what it is compared with."""

from collections.abc import Mapping
from html import escape
from math import sqrt

from studio.measure.change import Change, mean_change
from studio.measure.intervals import Score
from studio.measure.metrics import gain_kept, mean_accuracy
from studio.session.snapshot import Snapshot
from studio.ui.views.notices import refusal
from studio.ui.views.references import ARROWS, complete, floor_of
from studio.zoo import Zoo

_EARLY = {
    False: "preliminary: few rows yet",
    True: "every row, computed quickly in bfloat16; the float32 scores follow",
}
_GAIN = "share of the experts&#39; gain over head-only that this merge keeps, all tasks together"


def title(zoo: Zoo, device: str) -> str:
    """The header: what is open and where it runs."""
    return (
        f"<h1>MDM-OC merge studio</h1><p>Zoo: <b>{escape(zoo.name)}</b>, {len(zoo.tasks)} tasks on "
        f"one base. Everything runs on this computer ({escape(device)}).</p>"
    )


def headline(now: Snapshot) -> str:
    """The mean over tasks, what it is compared with, and how sure it is."""
    parts = []
    if now.scores:
        mean, half = mean_accuracy(now.scores), _half_width(now.scores)
        rows = sum(score.n for score in now.scores.values())
        total = sum(now.rows.values())
        state = f"n={rows:,}" if rows == total else f"n={rows:,} of {total:,} so far"
        early = "" if now.share >= 1 else f" class='early' title='{_EARLY[now.seen]}'"
        parts.append(
            f"mean accuracy <b id='mean' data-n='{rows}'{early}>{mean:.1%}</b> "
            f"<span class='quiet'>± {half:.1%}, {state}</span>"
        )
    elif now.measuring and not now.refusal:
        parts.append(f"<span class='quiet' id='measuring'>{escape(now.measuring)} …</span>")
    elif now.rows and not now.refusal:
        parts.append("<span class='quiet'>scoring the first rows …</span>")
    parts.append(f"merged <b id='merged'>{len(now.recipe.tasks)}</b> of {len(now.mix.strips)}")
    if complete(now.experts, now.rows):
        parts.append(f"experts <b>{mean_accuracy(now.experts):.1%}</b>")
    name, floor = floor_of(now)
    if complete(floor, now.rows):
        parts.append(f"{name} <b>{mean_accuracy(floor):.1%}</b>")
    parts += [f"<span id='change'>{words}</span>"] if (words := _changed(now)) else []
    gain = _gain(now)
    if gain is not None:
        parts.append(f"<span title='{_GAIN}'>gain kept <b id='gain'>{gain:.0%}</b></span>")
    spans = "".join(f"<span>{each}</span>" for each in parts)
    stamp = (
        f"<i id='stamp' hidden data-busy='{int(now.busy)}' data-recipe='{now.recipe.digest}'></i>"
    )
    return f"<div class='headline'>{spans}{stamp}</div>{_verdict(now)}"


def status(now: Snapshot) -> str:
    """What a screen reader says once the numbers have come to rest."""
    if now.refusal:
        return escape(now.refusal)
    if not now.scores or not now.seen:
        return ""
    change = "" if now.is_pinned or not now.changes else f", {_against(mean_change(now.changes))}"
    return f"Mean accuracy {mean_accuracy(now.scores):.1%}{change}."


def _changed(now: Snapshot) -> str:
    """The mean change since the pinned mix, in words."""
    if now.flipped:
        return "<b class='flipped'>pinned mix</b>"
    if now.is_pinned:
        return "<span class='quiet'>this mix is pinned</span>"
    if not now.rows or set(now.changes) != set(now.rows):
        return ""
    change = mean_change(now.changes)
    css, arrow = ARROWS[change.verdict]
    return (
        f"<span class='{css}' data-mean='{change.mean:.6f}' data-half='{change.half:.6f}' "
        f"data-n='{change.n}'>{arrow} {_against(change)}</span>"
    )


def _against(change: Change) -> str:
    points = f"{100 * change.mean + 0.0:+.1f} ± {100 * change.half:.1f} points"
    if change.verdict == "cannot tell":
        return f"cannot tell from the pinned mix: {points}"
    return f"{change.verdict} than the pinned mix: {points}"


def _verdict(now: Snapshot) -> str:
    """The sentence that a user must not miss, if there is one."""
    if now.refusal:
        return refusal(now.refusal)
    name, floor = floor_of(now)
    if now.recipe.tasks and now.seen and complete(floor, now.rows):
        loss = mean_accuracy(floor) - mean_accuracy(now.scores)
        if loss > 0:
            what = "Try smaller coefficients."
            if now.doubts:  # then it is no matter of how much is added
                what = "First look at what the Accuracy tab says of experts alone."
            return (
                f"<p class='note'>This merge scores {100 * loss:.1f} points below {name}: on "
                f"average the tasks would do better unmerged. {what}</p>"
            )
    return ""


def _gain(now: Snapshot) -> float | None:
    """Gain kept; not for a single task whose gain may be none at all."""
    known = complete(now.experts, now.rows) and complete(now.head_only, now.rows)
    if not known or not now.seen:
        return None
    if len(now.rows) == 1 and all(
        now.experts[name].low <= now.head_only[name].accuracy for name in now.rows
    ):
        return None
    return gain_kept(now.scores, now.experts, now.head_only)


def _half_width(scores: Mapping[str, Score]) -> float:
    """Half of the mean's 95 % interval; the tasks' rows are independent of one another."""
    return sqrt(sum(((s.high - s.low) / 2) ** 2 for s in scores.values())) / len(scores)
