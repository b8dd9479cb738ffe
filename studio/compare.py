"""Many methods on the same tasks and the same held-out rows."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from studio.errors import BadRecipe
from studio.methods import METHODS, method_type
from studio.progress import Progress, part, silent
from studio.recipe import Recipe
from studio.tasks.bench import Bench
from studio.tasks.scores import Score, as_json


@dataclass(frozen=True)
class Row:
    """One method's result: its recipe, its scores, and the seconds its merge took."""

    recipe: Recipe
    scores: dict[str, Score]
    seconds: float


def compare(
    bench: Bench, methods: Sequence[str], split: str = "held_out", progress: Progress = silent
) -> Iterator[Row]:
    """Score methods at their defaults, one by one.

    Args:
        bench: the zoo, opened.
        methods: names; each is checked before the first is run.
        split: whose rows are scored.
        progress: told the share done.

    Raises:
        BadRecipe: an unknown method, or none at all.
    """
    if not methods:
        raise BadRecipe(f"Name at least one method of {', '.join(METHODS)}.")
    for name in methods:
        method_type(name)
    for i, name in enumerate(methods):
        recipe = bench.zoo.recipe(name)
        live = bench.live
        started = time.perf_counter()
        merged = bench.merge(recipe)
        live.wear(merged)
        seconds = time.perf_counter() - started
        report = part(progress, i / len(methods), (i + 1) / len(methods))
        yield Row(recipe, bench.score_worn(split, report), seconds)


def comparison_json(
    bench: Bench, rows: Sequence[Row], split: str = "held_out", progress: Progress = silent
) -> dict:
    """Everything a comparison shows, with the experts and the base beside the methods."""
    head_only = bench.score_head_only(split)
    return {
        "methods": {
            row.recipe.method: as_json(row.scores)
            | {"recipe": row.recipe.plain(), "tuned": False, "seconds": row.seconds}
            for row in rows
        },
        "experts": as_json(bench.score_experts(split, progress)),
        "base": as_json(bench.score(None, split)),
        "head_only": as_json(head_only) if head_only else None,
    }
