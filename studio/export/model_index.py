"""What was measured of an export, as the Hub's ``model-index`` has it."""

from collections.abc import Iterable, Mapping

from studio.measure.intervals import Score
from studio.tasks.task import Task

NAMELESS = "merge"
"""What a model is called that has no name yet."""


def model_index(name: str, tasks: Iterable[Task], scores: Mapping[str, Score]) -> list[dict]:
    """The measured scores of the tasks that are in a model; empty if none were measured.

    Args:
        name: of the model, for people.
        tasks: that are merged; others are not named.
        scores: by task, on held-out rows.
    """
    results = [_result(task, scores[task.name]) for task in tasks if task.name in scores]
    return [{"name": name, "results": results}] if results else []


def _result(task: Task, score: Score) -> dict:
    metrics = [_metric(score.metric.name, score.value)]
    metrics[0]["args"] = {
        "n": score.n, "low": score.low, "high": score.high, "interval": f"95 %, {score.interval}",
    }  # fmt: skip
    if score.bits_per_byte is not None:
        metrics.append(_metric("bits_per_byte", score.bits_per_byte))
    metrics += [_metric(each.name, each.value) for each in score.besides]
    rows = f"held-out rows of {task.name}"
    return {
        "task": {"type": task.kind.pipeline or task.kind.name, "name": task.name},
        "dataset": {"type": "private", "name": rows, "split": "held_out"},
        "metrics": metrics,
    }


def _metric(name: str, value: float) -> dict:
    return {"type": name.lower().replace(" ", "_"), "name": name, "value": value}
