"""What stands above the page: the zoo, the mean scores, and what they are compared with."""

from collections.abc import Mapping
from html import escape
from itertools import zip_longest

from studio.measure.change import Change, change_words, mean_change
from studio.measure.intervals import Score
from studio.measure.metrics import Mean, gain_kept, means, means_words, worth
from studio.recipe import MIXTURE
from studio.session.snapshot import Snapshot
from studio.tasks.metric import perplexity_words
from studio.ui.views.glossary import term
from studio.ui.views.notices import refusal
from studio.ui.views.references import ARROWS, complete, floor_of
from studio.zoo import Zoo

_EARLY = {
    False: "preliminary: few rows yet",
    True: "every row, computed quickly in bfloat16; the float32 scores follow",
}
_NONE: Mapping[str, str] = {}
_SHIPPED = "measured by who made this zoo; this computer computes it now"


def title(zoo: Zoo, device: str, others: Mapping[str, str] = _NONE, makes: bool = False) -> str:
    """The header: what is open, as a list where others can be opened, and where it runs.

    Args:
        zoo: that is open.
        device: of the live model.
        others: {words: path} of zoos that can be opened in its place.
        makes: whether one can be made.
    """
    name = f"Zoo: <b>{escape(zoo.name)}</b>, "
    if others or makes:
        rows = [f"<option value='{at}' data-path='{escape(path)}'>{escape(words)}</option>"
                for at, (words, path) in enumerate(others.items())]  # fmt: skip
        rows += ["<option value='new'>Make a zoo…</option>"] if makes else []
        name = (
            f"<select id='zoo-choice' aria-label='Zoo'><option value='' selected>"
            f"{escape(zoo.name)}</option><optgroup label='Open another zoo'>{''.join(rows)}"
            "</optgroup></select> "
        )
        return _titled(name, f"<span>{_where(zoo, device)}</span>")
    return _titled(name, _where(zoo, device))


def _titled(name: str, where: str) -> str:
    skip = "<button type='button' id='skip'>Skip to the tabs</button>"
    return f"{skip}<h1>Merge studio</h1><p>{name}{where}</p>"


def _where(zoo: Zoo, device: str) -> str:
    return (
        f"{_models(len(zoo.tasks))} mixed into one. Everything runs on this computer "
        f"({escape(device)})."
    )


def _models(count: int) -> str:
    return "1 fine-tuned model" if count == 1 else f"{count} fine-tuned models"


_KEYS = (
    ("Pin", "compares every mix from now on with this one"),
    ("F, held, or A|B", "shows the pinned mix"),
    ("Ctrl+Z, Ctrl+Y", "undo and redo"),
    ("arrow keys on a slider", "move it by 0.01; Shift by 0.1, Alt by 0.001"),
    ("dragging a task's name", "moves its number; Shift in big steps, Alt in small ones"),
    ("double click on a number", "puts it back to the method's start"),
    ("Esc", "leaves the wall, which doubles all type"),
    ("?", "shows this list"),
)


def keys() -> str:
    """The list of keys, and the button that opens it."""
    rows = "".join(f"<dt><kbd>{key}</kbd></dt><dd>{words}</dd>" for key, words in _KEYS)
    return (
        "<button type='button' id='to-tour'>Tour</button>"
        "<button type='button' id='wall' aria-pressed='false' title='Doubles all type, for a room; "
        "Esc leaves'>Wall</button><button type='button' id='to-tabs'>Results ↓</button>"
        "<button type='button' id='keys-open' aria-haspopup='dialog' aria-label='Keys'>?</button>"
        "<dialog id='keys' aria-labelledby='keys-title'><h2 id='keys-title'>Keys</h2>"
        f"<dl>{rows}</dl><button type='button' class='close copy'>Close</button></dialog>"
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
    count, every = len(now.recipe.tasks), len(now.mix.strips)
    parts = [f"One model from <b id='merged'>{count}</b> of {every} {term('experts')}"]
    if now.scores:
        results = [_mean(now, place, mean) for place, mean in enumerate(means(now.scores))]
        parts.append(" &nbsp; ".join(results))
    elif now.measuring and not now.refusal:
        words = escape(now.measuring)
        parts.append(f"<span class='quiet' id='measuring' title='{words}'>{words} …</span>")
    else:
        waiting = now.rows and not now.refusal
        parts.append("<span class='quiet'>scoring the first rows …</span>" if waiting else "")
    parts.append(f"<span id='change'>{_changed(now)}</span>")
    if complete(now.experts, now.rows):
        parts.append(f"experts {_reference(now, 'experts', now.experts)}")
    name, floor = floor_of(now)
    if complete(floor, now.rows):
        kind = "head_only" if floor is now.head_only else "base"
        parts.append(f"{term(name)} {_reference(now, kind, floor)}")
    gain = _gain(now)
    if gain is not None:
        parts.append(f"{term('gain kept')} <b id='gain'>{gain:.0%}</b>")
    places = ("who", "result", "change")  # of a fixed size, so that nothing moves; then the rest
    spans = "".join(
        f"<span class='{css}'>{each}</span>"
        for css, each in zip_longest(places, parts, fillvalue="beside")
    )
    stamp = (
        f"<i id='stamp' hidden data-busy='{int(now.busy)}' data-recipe='{now.recipe.digest}'></i>"
    )
    return f"<div class='headline'>{spans}{stamp}</div>{_verdict(now)}{_departed(now)}"


def status(now: Snapshot) -> str:
    """What a screen reader says once the numbers have come to rest."""
    if now.refusal:
        return escape(now.refusal)
    if not now.scores or not now.seen:
        return ""
    change = "" if now.is_pinned or not now.changes else f", {_against(now.changes)}"
    words = means_words(now.scores)
    shipped = ", shipped with the zoo and being checked" if "scores" in now.shipped else ""
    return f"{words[0].upper()}{words[1:]}{change}{shipped}."


def _mean(now: Snapshot, place: int, mean: Mean) -> str:
    """The mean of one metric with its interval and its rows; the first one is the page's."""
    total = sum(now.rows[name] for name, s in now.scores.items() if s.metric is mean.metric)
    rows = term(f"n={mean.n:,}", "held-out")
    state = rows if mean.n == total else f"{rows} of {total:,} {term('so far')}"
    early = "" if now.share >= 1 else f" class='early' title='{_EARLY[now.seen]}'"
    if "scores" in now.shipped:
        early, state = f" class='early' title='{_SHIPPED}'", "shipped, being checked"
    name = "" if place else f" id='mean' data-n='{sum(s.n for s in now.scores.values())}'"
    half = f"{mean.half:.1%}" if mean.metric.percent else mean.metric.amount(mean.half)
    unsure = mean.perplexity
    more = f", perplexity {perplexity_words(unsure)}" if unsure is not None else ""
    return (
        f"{_named(mean.name)} <b{name}{early}>{mean.shown}</b> "
        f"<span class='quiet'><span class='half'>± {half}{more}, </span>{state}</span>"
    )


def _named(name: str) -> str:
    """The name of a mean, of which a phone leaves out that it is one."""
    first, _, rest = name.partition(" ")
    return f"<span class='mean'>mean </span>{rest}" if first == "mean" else name


def _reference(now: Snapshot, kind: str, scores: Mapping[str, Score]) -> str:
    """The mean of what no mix changes; pale where the zoo ships it."""
    early = f" class='early' title='{_SHIPPED}'" if kind in now.shipped else ""
    return f"<b{early}>{_shown(scores)}</b>"


def _departed(now: Snapshot) -> str:
    """Where the zoo's own scores were not those of this computer."""
    return f"<p class='note' id='departed'>{escape(now.departed)}</p>" if now.departed else ""


def _shown(scores: Mapping[str, Score]) -> str:
    """The mean of every metric."""
    return ", ".join(mean.shown for mean in means(scores))


def _changed(now: Snapshot) -> str:
    """The mean change since the pinned mix, in words."""
    if now.flipped:
        return "<b class='flipped'>pinned mix</b>"
    if now.is_pinned:
        return f"<span class='quiet'>this mix is {term('pinned')}</span>"
    if not now.rows or set(now.changes) != set(now.rows):
        return ""
    change = mean_change(now.changes)
    css, arrow = ARROWS[change.verdict]
    than = _than(change.verdict)  # which a phone has no room for
    words = _against(now.changes).replace(than, f"<span class='than'>{than}</span>", 1)
    return (
        f"<span class='{css}' data-mean='{change.mean:.6f}' data-half='{change.half:.6f}' "
        f"data-n='{change.n}'>{arrow} {words}</span>"
    )


def _against(changes: Mapping[str, Change]) -> str:
    verdict = mean_change(changes).verdict
    return f"{verdict}{_than(verdict)}: {change_words(changes)}"


def _than(verdict: str) -> str:
    return f" {'from' if verdict == 'cannot tell' else 'than'} the pinned mix"


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
        what = "First look at what Results says of experts alone."
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
    """Gain kept; none where no expert is surely better than head-only: a share of noise."""
    known = complete(now.experts, now.rows) and complete(now.head_only, now.rows)
    if not known or not now.seen:
        return None
    if all(not now.experts[name].better_than(now.head_only[name].value) for name in now.rows):
        return None
    return gain_kept(now.scores, now.experts, now.head_only)
