"""A small base with rows, as the tests of trainings share them."""

from pathlib import Path
from typing import Any

from studio.checkpoints.checkpoint import open_base
from studio.training.course import Course
from studio.training.run import TrainingPlan
from studio.training.tasks import new_task
from tests.own_models import ANIMALS, COLORS, save_base, save_csv, sentences

SHORT = Course(epochs=2, rate=5e-3, rank=2, batch=8)


def room(folder: Path) -> Path:
    """A base and two tables of labelled sentences."""
    save_base(folder / "base")
    save_csv(folder / "animals.csv", sentences(ANIMALS, 60))
    save_csv(folder / "colors.csv", sentences(COLORS, 60, 1))
    return folder


def plan(folder: Path, course: Course = SHORT, names: tuple = ("animals",), **fields: Any):
    """A training of some of the tables of a room."""
    tasks = tuple(
        new_task(name, "text-classification", {"all": folder / f"{name}.csv"}) for name in names
    )
    base = open_base(str(folder / "base"))
    return TrainingPlan("Mine", base, str(base.folder), tasks, course, **fields)
