"""A run as a JSON file: to look at it later, and to go on with it."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from studio.disk.files import mapping, read_mapping, write_file
from studio.errors import StudioError
from studio.measure.bench import Bench
from studio.recipe import Recipe
from studio.search.oracle import OracleAnswer, parse_answer
from studio.search.plan import SearchPlan, parse_plan
from studio.search.run import Run
from studio.search.state import SearchStep

_FORMAT = 1


def save_record(run: Run, path: Path) -> None:
    """Write a run, see ``record``."""
    write_file(path, json.dumps(record(run)))


def record(run: Run) -> dict:
    """A run as JSON: plan, the recipe's meaning, every step, and the answers that resume it."""
    return {
        "format": _FORMAT,
        "recipe": _meaning(run.before, run.digests),
        "plan": run.plan.plain(),
        "coefficients": list(run.free.words),
        "tasks": list(run.free.tasks),
        "metrics": {name: metric.name for name, metric in run.metrics.items()},
        "rows": [list(each) for each in run.rows],
        "ended": run.ended,
        "steps": [_step(each) for each in run.steps],
        "answers": [each.plain() for each in run.answers],
    }


def load_answers(
    path: Path, bench: Bench, recipe: Recipe, plan: SearchPlan
) -> tuple[OracleAnswer, ...]:
    """The answers that a record holds for a search.

    Raises:
        StudioError: it is no record, or one of another recipe or plan.
    """
    data = read_mapping(path, StudioError)
    if data.get("format") != _FORMAT or not isinstance(data.get("answers"), list):
        raise StudioError(f"{path} is no record of a search for coefficients.")
    known = zip(bench.deltas.tasks, bench.deltas.checkpoints, strict=True)
    digests = {name: checkpoint.digest for name, checkpoint in known}
    if missing := [name for name in recipe.names if name not in digests]:
        raise StudioError(f"The zoo has no task {', '.join(map(repr, missing))} of the recipe.")
    meaning = _meaning(recipe, [(name, digests[name]) for name in recipe.names])
    if data.get("recipe") != meaning:
        raise StudioError(
            f"{path} is the record of another recipe or other checkpoints "
            f"({str(data.get('recipe'))[:12]}…, not {meaning[:12]}…). Resume it with the recipe "
            "that it was made with, or name another file."
        )
    earlier = parse_plan(mapping(data.get("plan"), f"{path}: plan", StudioError))
    differing = [
        f"{name} {value!r} there, {plan.plain()[name]!r} here"
        for name, value in earlier.plain().items()
        if value != plan.plain()[name]
    ]
    if differing:
        raise StudioError(
            f"{path} is the record of another plan: {'; '.join(differing)}. Ask for the same, or "
            "name another file."
        )
    return tuple(parse_answer(each) for each in data["answers"])


def _meaning(recipe: Recipe, digests: Sequence[tuple[str, str]]) -> str:
    """Sha256 of what is merged and from which coefficients, wherever it lies."""
    plain: dict = recipe.plain()
    plain.pop("fitted", None)
    plain.pop("base")
    for task, (_, digest) in zip(plain["tasks"], digests, strict=True):
        task["checkpoint"] = digest
        task.pop("digest", None)
    return hashlib.sha256(json.dumps(plain).encode()).hexdigest()


def _step(step: SearchStep) -> dict:
    plain = {
        "number": step.number, "rows": step.rows, "value": step.value,
        "losses": list(step.losses), "point": list(step.point),
    }  # fmt: skip
    if step.checked:
        accuracies = step.checked.accuracies
        plain["checked"] = {
            "value": step.checked.value, "losses": list(step.checked.losses),
            "accuracies": None if accuracies is None else list(accuracies),
            "point": list(step.checked.point),
        }  # fmt: skip
    return plain
