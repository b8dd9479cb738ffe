"""How the rows of a lesson are scored, in sentences for who has never seen such a number."""

from studio.lesson.record import LessonRecord
from studio.measure.intervals import Score
from studio.tasks.metric import AGREEMENT, LOSS

_LOSS = (
    "by loss: how many nats of surprise a token of held-out text costs the model, on "
    "average. Less is better: 0 would be a text foreseen word for word, and e to the loss is the "
    "perplexity. A loss is no share of right answers"
)
_AGREEMENT = (
    "by agreement: the share of rows answered as the task's own expert answers them. Nobody has "
    "said what is right, so it is no accuracy"
)
_OWN = (
    "by accuracy: every row brings options of its own, and a row is right when the model finds the "
    "true one likeliest. More is better"
)
_LABELS = "by accuracy: the share of rows whose right label, one of {}, is the likeliest"


def scoring(record: LessonRecord) -> list[str]:
    """A sentence or more for each way in which tasks of a lesson are scored.

    Args:
        record: of a zoo with scored tasks.

    Returns:
        One text per way; each names its tasks where there are several ways.
    """
    ways: dict[str, list[str]] = {}
    for name in record.facts.scored:
        ways.setdefault(_way(record, name), []).append(name)
    labels = {way: {record.options[name] for name in names} for way, names in ways.items()}
    told = []
    for way, names in ways.items():
        who = ", ".join(names) if len(ways) > 1 else "All tasks"
        verb = "is" if who == names[0] and len(ways) > 1 else "are"
        told.append(f"{who} {verb} scored {way.format(_counts(labels[way]))}.")
    return told


def less_is_better(score: Score) -> str:
    """What to add to a sentence of scores: which way they count, where it is not the usual one."""
    return " Less loss is better." if score.metric is LOSS else ""


def _way(record: LessonRecord, name: str) -> str:
    metric = record.facts.experts[name].metric
    if metric is LOSS:
        return _LOSS
    if metric is AGREEMENT:
        return _AGREEMENT
    return _LABELS if record.options[name] else _OWN


def _counts(options: set[int]) -> str:
    low, high = min(options), max(options)
    return f"{low}" if low == high else f"{low} to {high}"
