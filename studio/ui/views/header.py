"""What stands above the page: the zoo, the mean scores, and what they are compared with."""

from collections.abc import Collection, Mapping
from html import escape

from studio.measure.change import Change, change_words, mean_change
from studio.measure.intervals import Score
from studio.measure.metrics import Mean, gain_kept, means, means_words, worth
from studio.recipe import MIXTURE
from studio.session.snapshot import Snapshot
from studio.ui.views.notices import refusal
from studio.ui.views.references import ARROWS, complete, floor_of
from studio.zoo import Zoo

_EARLY = {
    False: "preliminary: few rows yet",
    True: "every row, computed quickly in bfloat16; the float32 scores follow",
}
_GAIN = "share of the experts&#39; gain over head-only that this merge keeps, all tasks together"


def title(zoo: Zoo, device: str, demos: Collection[str] = ()) -> str:
    """The header: what is open, where it runs, and by which names other demos can be opened."""
    others = f" Other demos, in the tab Files: {', '.join(demos)}." if demos else ""
    return (
        f"<h1>MDM-OC merge studio</h1><p>Zoo: <b>{escape(zoo.name)}</b>, {len(zoo.tasks)} tasks on "
        f"one base. Everything runs on this computer ({escape(device)}).{others}</p>"
    )


def strangers(title: str) -> str:
    """The header of a page that strangers use."""
    here = title.replace("Everything runs on this computer", "Everything runs on one server")
    return (
        f"{here}<p class='quiet' id='read-only'>Read-only: your mix is your own, nothing is "
        "written, and jobs are short. Install the studio to merge your own models.</p>"
    )


def headline(now: Snapshot) -> str:
    """The mean over tasks, what it is compared with, and how sure it is."""
    parts = []
    if now.scores:
        parts += [_mean(now, place, mean) for place, mean in enumerate(means(now.scores))]
    elif now.measuring and not now.refusal:
        parts.append(f"<span class='quiet' id='measuring'>{escape(now.measuring)} …</span>")
    elif now.rows and not now.refusal:
        parts.append("<span class='quiet'>scoring the first rows …</span>")
    parts.append(f"merged <b id='merged'>{len(now.recipe.tasks)}</b> of {len(now.mix.strips)}")
    if complete(now.experts, now.rows):
        parts.append(f"experts <b>{_shown(now.experts)}</b>")
    name, floor = floor_of(now)
    if complete(floor, now.rows):
        parts.append(f"{name} <b>{_shown(floor)}</b>")
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
    change = "" if now.is_pinned or not now.changes else f", {_against(now.changes)}"
    words = means_words(now.scores)
    return f"{words[0].upper()}{words[1:]}{change}."


def _mean(now: Snapshot, place: int, mean: Mean) -> str:
    """The mean of one metric with its interval and its rows; the first one is the page's."""
    total = sum(now.rows[name] for name, s in now.scores.items() if s.metric is mean.metric)
    state = f"n={mean.n:,}" if mean.n == total else f"n={mean.n:,} of {total:,} so far"
    early = "" if now.share >= 1 else f" class='early' title='{_EARLY[now.seen]}'"
    name = "" if place else f" id='mean' data-n='{sum(s.n for s in now.scores.values())}'"
    half = f"{mean.half:.1%}" if mean.metric.percent else mean.metric.amount(mean.half)
    more = f", perplexity {mean.perplexity:.3g}" if mean.perplexity is not None else ""
    return (
        f"{mean.name} <b{name}{early}>{mean.shown}</b> "
        f"<span class='quiet'>± {half}{more}, {state}</span>"
    )


def _shown(scores: Mapping[str, Score]) -> str:
    """The mean of every metric."""
    return ", ".join(mean.shown for mean in means(scores))


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
        f"data-n='{change.n}'>{arrow} {_against(now.changes)}</span>"
    )


def _against(changes: Mapping[str, Change]) -> str:
    verdict = mean_change(changes).verdict
    than = "from" if verdict == "cannot tell" else "than"
    return f"{verdict} {than} the pinned mix: {change_words(changes)}"


def _verdict(now: Snapshot) -> str:
    """The sentence that a user must not miss, if there is one."""
    if now.refusal:
        return refusal(now.refusal)
    name, floor = floor_of(now)
    known = now.recipe.tasks and now.seen and complete(floor, now.rows)
    if not known or worth(floor) <= worth(now.scores):
        return ""
    what = "Try smaller coefficients."
    if now.recipe.batch_norm == MIXTURE and now.has_statistics:
        what = "Try smaller coefficients, or batch_norm: recalibrate under the method."
    if now.doubts:  # then it is no matter of how much is added
        what = "First look at what the Scores tab says of experts alone."
    return (
        f"<p class='note'>This merge scores {_worse(now.scores, floor)} {name}: on average the "
        f"tasks would do better unmerged. {what}</p>"
    )


def _worse(scores: Mapping[str, Score], floor: Mapping[str, Score]) -> str:
    """How far scores are from a floor that is better, in words."""
    pairs = list(zip(means(scores), means(floor), strict=True))
    if len(pairs) > 1:  # points and nats do not add up; both means stand above
        return "worse than"
    ((own, least),) = pairs
    away = f"{own.metric.amount(abs(own.value - least.value))} {own.metric.unit}"
    return f"{away} below" if own.metric.sign > 0 else f"a loss {away} above that of"


def _gain(now: Snapshot) -> float | None:
    """Gain kept; not for a single task whose gain may be none at all."""
    known = complete(now.experts, now.rows) and complete(now.head_only, now.rows)
    if not known or not now.seen:
        return None
    if len(now.rows) == 1 and all(
        not now.experts[name].better_than(now.head_only[name].value) for name in now.rows
    ):
        return None
    return gain_kept(now.scores, now.experts, now.head_only)
