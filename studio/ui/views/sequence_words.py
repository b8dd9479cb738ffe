"""What is said of a run over time: headings, captions, and at the end what it means."""

from collections.abc import Sequence
from html import escape
from math import hypot

from studio.measure.metrics import means
from studio.sequence.measures import TRANSFERS, Spread, Track, metrics_of, spread
from studio.session.sequence import SequenceView
from studio.tasks.metric import Metric
from studio.ui.views.glossary import term
from studio.ui.views.sequence_heat import title_of

CHARTS = {
    "acc": ("Average so far (ACC)", "Mean accuracy of the tasks that have arrived."),
    "agreement": (
        "Average agreement so far",
        "Mean share of rows that the merge answers as the task's own expert does, of the tasks "
        "that have arrived and whose rows are not labelled.",
    ),
    "agreement_bwt": (
        "Agreement gained or lost since arrival (BWT)",
        "What the agreement of earlier tasks has gained since their own arrival, on average. "
        "Below 0 they are being forgotten.",
    ),
    "agreement_fwt": (
        "Agreement in advance (FWT)",
        "Agreement on a task just before it arrives, less that of the base.",
    ),
    "loss": (
        "Average loss so far",
        "Mean loss, in nats per token, of the tasks that have arrived and are scored by one; less "
        "is better.",
    ),
    "bwt": (
        "Gained or lost since arrival (BWT)",
        "What earlier tasks have gained since their own arrival, on average. Below 0 they are "
        "being forgotten. There is none for the first arrival.",
    ),
    "fwt": (
        "Help in advance (FWT)",
        "Accuracy on a task just before it arrives, less that of the base. Above 0 the merge has "
        "helped before the task's own checkpoint came.",
    ),
    "loss_bwt": (
        "Loss gained or lost since arrival (BWT)",
        "How far the losses of earlier tasks have fallen since their own arrival, on average, in "
        "nats per token. Below 0 they have risen: the tasks are being forgotten.",
    ),
    "loss_fwt": (
        "Loss in advance (FWT)",
        "How far a task's loss lies below the base's just before it arrives, in nats per token. "
        "Above 0 the merge has helped before its own checkpoint came.",
    ),
    "gain": (
        "Gain kept",
        "Share of the arrived experts' gain over head-only that the merge keeps; falling with the "
        "number of tasks, it says how many tasks one model holds.",
    ),
    "distance": (
        "Distance to the base",
        "Norm of what was added to the base. Steady growth without better scores is drift.",
    ),
    "growth": (
        "How far the sum is shrunk, λ(t)",
        "Norm of the running sum divided by the mean norm of the deltas: by this number the sum "
        "is shrunk. Orthogonal newcomers of equal norm give the square root of t.",
    ),
    "projected": (
        "Share taken out of the newcomer",
        "Share of the newcomer's squared norm that lies along what came before and is taken out. "
        "0: it is all new; near 1: it adds next to nothing.",
    ),
}
"""Title and caption of every curve."""

_ENDS = (
    ("average at the end", "ACC"), ("gained or lost since arrival", "BWT"),
    ("help in advance", "FWT"),
)  # fmt: skip


def headings(metric: Metric, several: bool) -> list[str]:
    """Of mean and transfers after the last arrival, each linked to its explanation.

    Args:
        metric: of the tasks.
        several: whether there are others, so that its name has to be said.
    """
    unit = f", {metric.short}"
    of = f", {metric.name}" if several else ""
    return [
        f"{words} ({term(name)}){of}{'' if name == 'ACC' else unit}"
        for words, name in _ENDS
    ]  # fmt: skip


def verdict(shown: SequenceView, labels: Sequence[str], made: Sequence[Track]) -> str:
    """What a run that is done means, and what to do next; empty without a method that got through.

    By the first metric of the tasks. Methods whose intervals together hold the difference are not
    told apart, which paired rows might yet do.
    """
    metric, n = metrics_of(shown.found)[0], len(shown.plan.tasks)
    ended = {}
    for label in labels:
        own = [track for track in made if track.label == label]
        level = spread(own, next(iter(TRANSFERS[metric])), n)
        if level and level.orders == len(shown.plan.orders):
            ended[label] = level.mean, _half(level, own, metric)
    if not ended:
        return ""
    ranked = sorted(ended, key=lambda label: -metric.sign * ended[label][0])
    best = ranked[0]
    (top, half), name = ended[best], title_of(shown, best)
    equal = [x for x in ranked[1:] if abs(top - ended[x][0]) <= hypot(half, ended[x][1])]
    how = f"{escape(name)} ends at {metric.shown(top)} {metric.name} on average"
    others = joined([escape(title_of(shown, label)) for label in equal])
    if len(ended) > 1:
        how += f"; {others} cannot be told from it" if equal else ", ahead of the others"
    lost = _since(spread([t for t in made if t.label == best], _BACK[metric], n), metric)
    return (
        f"<p class='verdict' id='sequence-verdict'><b>What this means.</b> After {n} arrivals "
        f"{how}{lost}. <b>Next:</b> {_next(shown, name)}</p>"
    )


def joined(names: Sequence[str]) -> str:
    """Names as a sentence has them."""
    *most, last = names or [""]
    return f"{', '.join(most)} and {last}" if most else last


_BACK = {metric: list(curves)[1] for metric, curves in TRANSFERS.items()}


def _half(level: Spread, own: Sequence[Track], metric: Metric) -> float:
    """Of one order half of the interval over rows; of several their standard deviation."""
    if level.deviation is not None:
        return level.deviation
    scores = own[0].steps[-1].scores
    return next(mean.half for mean in means(scores) if mean.metric is metric)


def _since(found: Spread | None, metric: Metric) -> str:
    """What earlier tasks have lost or gained."""
    if found is None:
        return ""
    amount = f"{metric.amount(abs(found.mean))} {metric.short}"
    return f", and earlier tasks {'lost' if found.mean < 0 else 'gained'} {amount} on the way"


def _next(shown: SequenceView, name: str) -> str:
    if len(shown.plan.orders) == 1 and len(shown.plan.tasks) > 1:
        return "choose <b>Shuffled orders</b> and run again, to see whether the order decided this."
    return f"choose {escape(name)} as the method of your mix, and look for better weights."
