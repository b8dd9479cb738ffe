"""What a page shows at one moment, made up for tests of views and parts."""

import re
from dataclasses import replace
from pathlib import Path

from studio.measure.intervals import Score
from studio.session.mix import Mix, Strip
from studio.session.snapshot import Snapshot
from studio.tasks.spec import Settings, TaskSpec
from studio.zoo import Zoo

EVIL = "<b>&'\""


def at(accuracy: float, n: int = 100) -> Score:
    """A score with an interval of five points."""
    return Score(accuracy, n, accuracy - 0.05, accuracy + 0.05, "wilson")


def snapshot(**changes) -> Snapshot:
    """Two tasks, of which the one with the evil name is unmerged."""
    zoo = Zoo(
        EVIL,
        Path("/z"),
        "/z/base",
        (
            TaskSpec("a", "/z/a", "text-classification", Settings()),
            TaskSpec(EVIL, "/z/b", "text-classification", Settings()),
        ),
    )
    mix = Mix((Strip("a", True, 0.5), Strip(EVIL, False, 0.5)), "average")
    now = Snapshot(
        version=1, zoo=zoo, mix=mix, recipe=mix.recipe(zoo), scores={"a": at(0.8), EVIL: at(0.6)},
        changes={}, is_pinned=True, flipped=False,
        rows={"a": 100, EVIL: 100}, share=1.0, seen=True, experts={"a": at(0.9), EVIL: at(0.7)},
        head_only={"a": at(0.6), EVIL: at(0.6)}, base={}, refusal="", refused=False, geometry=None,
        order="", job=None, measuring="", busy=False,
    )  # fmt: skip
    return replace(now, **changes)


def unlinked(drawn: str) -> str:
    """HTML whose words lead to no explanation, so that a sentence can be read."""
    return re.sub(r"<a class='term'[^>]*>([^<]*)</a>", r"\1", drawn)
