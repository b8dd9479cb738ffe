"""Pure views of AdapterFusion: what training it takes, and its scores beside their price."""

from html import escape

from studio.compare.fusion_row import PROTOCOL, FusionRow
from studio.measure.change import Change
from studio.methods import METHODS

ABOUT = (
    "<p class='quiet'>The paper's trained baseline, and no merge: every adapter stays, and "
    "attention that is trained on labelled validation rows mixes what they add.</p>"
)


def cost(words: str) -> str:
    """What a training takes at most."""
    return f"<p class='quiet' id='fusion-words'>{escape(words)}</p>"


def result(row: FusionRow | None) -> str:
    """Scores of the tasks, differences of the mean, and the price."""
    if row is None:
        return ""
    means = ", ".join(mean.words for mean in row.means)
    changes = [("the experts", row.expert), ("not merging", row.floor)]
    if row.rival:
        name, change = row.rival
        changes.append((METHODS[name].title if name in METHODS else name, change))
    against = "; ".join(f"against {escape(name)} {_change(each)}" for name, each in changes)
    heads = "".join(f"<th scope='col'>{escape(name)}</th>" for name in row.outcome.scores)
    cells = "".join(
        f"<td class='num'>{score.shown} <span class='quiet'>"
        f"[{score.metric.amount(score.low)}, {score.metric.amount(score.high)}]</span></td>"
        for score in row.outcome.scores.values()
    )
    n = sum(score.n for score in row.outcome.scores.values())
    return (
        f"<p><b>AdapterFusion, trained: {escape(means)}</b> on {n:,} held-out rows; {against}, "
        "paired.</p>"
        "<div class='scroll' tabindex='0' role='region' aria-label='AdapterFusion by task'>"
        f"<table class='studio'><thead><tr>{heads}</tr></thead><tbody><tr>{cells}</tr></tbody>"
        f"</table></div><p>It {escape(row.price)}.</p><p class='quiet'>{escape(PROTOCOL)}</p>"
    )


def _change(change: Change) -> str:
    tie = " (tie)" if change.verdict == "cannot tell" else ""
    return f"{escape(change.shown)}{tie}"
