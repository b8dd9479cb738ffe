"""The job that measures who disturbs whom, without threads and rows."""

from types import SimpleNamespace
from typing import Any

import pytest

from studio.errors import StudioError
from studio.session.interference import Disturbances


def context(names: tuple[str, ...], known: Any = None) -> Any:
    recipe = SimpleNamespace(names=names, digest="d")
    tasks = {name: SimpleNamespace(rows=lambda split: [0] * 50) for name in ("a", "b")}
    return SimpleNamespace(
        zoo=None, current=lambda: SimpleNamespace(recipe=lambda zoo: recipe),
        bench=SimpleNamespace(tasks=tasks, scored=lambda: ("a", "b")),
        worker=SimpleNamespace(results=SimpleNamespace(evaluation=lambda asked: known)),
    )  # fmt: skip


def test_one_task_alone_is_refused_in_words():
    with pytest.raises(StudioError, match="tick a second one"):
        Disturbances(context(("a",))).start()


def test_the_seconds_are_those_of_as_many_passes_as_there_are_tasks():
    recipe: Any = SimpleNamespace(names=("a", "b"), digest="d")
    done = SimpleNamespace(done=True, seconds=3.0)
    assert Disturbances(context(("a", "b"), done)).seconds(recipe) == pytest.approx(6.0)
    assert Disturbances(context(("a", "b"))).seconds(recipe) is None
    assert Disturbances(context(("a", "b"))).of(recipe) is None
