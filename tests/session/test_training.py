"""A browser's training: offered where there are no experts, told before, and opened at its end."""

import shutil
from pathlib import Path

import pytest
import torch

from studio.errors import BadRecipe, BadZoo, NotAllowed
from studio.new_zoo.plan import ALL
from studio.session.engine import Engine
from studio.session.training import TRAIN, Trainings
from tests.own_models import ANIMALS, save_csv, sentences
from tests.session.test_compare import wait

pytestmark = pytest.mark.slow  # trains


@pytest.fixture
def place(runs, tmp_path) -> Path:
    """A base with labelled tables, and no experts."""
    folder = tmp_path / "mine"
    shutil.copytree(runs / "base", folder / "base")
    save_csv(folder / "animals.csv", sentences(ANIMALS, 60))
    for split, seed in (("train", 1), ("test", 2)):
        save_csv(folder / "topics" / f"{split}.csv", sentences(("a", "b"), 30, seed))
    return folder


@pytest.fixture
def session(tiny_zoo, tmp_path):
    engine = Engine(tiny_zoo, (tiny_zoo, tmp_path), torch.device("cpu"))
    yield engine.session("")
    engine.close()


@pytest.fixture
def made(session, place) -> Trainings:
    session.new_zoos.start_search(str(place))
    wait(session)
    return session.trainings


def test_a_base_with_tables_and_no_experts_is_offered_to_be_trained(session, made, place, runs):
    assert made.offered
    assert made.tables == {
        "animals": {ALL: place / "animals.csv"},
        "topics": {"held_out": place / "topics" / "test.csv",
                   "train": place / "topics" / "train.csv"},
    }  # fmt: skip
    assert made.names == ("animals", "topics")
    made.choose(("topics",))
    assert made.names == ("topics",)
    with pytest.raises(BadZoo, match="There are no rows of 'plants'; search again"):
        made.choose(("plants",))
    shutil.copytree(runs / "colors", place / "colors")  # an expert
    session.new_zoos.start_search(str(place))
    wait(session)
    assert not made.offered


def test_nothing_is_offered_or_started_before_a_search(session, tmp_path):
    made = session.trainings
    assert (made.offered, made.tables, made.cost()) == (False, {}, None)
    for start in (lambda: made.start_look(0), lambda: made.start_training(str(tmp_path / "z"), 0)):
        with pytest.raises(BadZoo, match="Search for a base and labelled rows first"):
            start()


def test_rows_and_cost_are_told_before_and_follow_the_settings(session, made):
    made.start_look(0)
    wait(session)
    assert made.seen
    assert {split: len(found) for split, found in made.seen.rows["animals"].rows.items()} == {
        "held_out": 12, "validation": 6, "train": 42,
    }  # fmt: skip
    first = made.cost()
    version = made.version
    made.set_course({"epochs": 1000})
    assert made.version > version
    assert first
    assert made.cost()
    assert made.cost().seconds > first.seconds
    with pytest.raises(BadRecipe, match="has epochs 0"):
        made.set_course({"epochs": 0})
    made.choose(("animals",))
    assert made.cost() is None  # of other tasks, nothing was looked at


def test_it_is_cancelled_goes_on_and_the_new_zoo_is_opened(session, made, tmp_path):
    made.choose(("animals",))
    made.set_course({"epochs": 2, "rate": 5e-3, "rank": 2, "batch": 8})
    out = tmp_path / "trained"
    with pytest.raises(NotAllowed):
        made.start_training("/elsewhere", 0)
    tell = made._tell

    def then_cancel(task, found):
        tell(task, found)
        if found[-1].step == 6:
            session.cancel_job()

    made._tell = then_cancel
    made.start_training(str(out), 0)
    wait(session)
    job = session.job()
    assert (job.name, job.phase) == (TRAIN, "cancelled")
    assert "step 6 of 12 of 'animals' was kept" in job.words
    assert made.goes_on(str(out))
    assert [each.step for each in made.checks["animals"]] == [0, 6]
    made._tell = tell
    made.start_training(str(out), 0)
    wait(session)
    job = session.job()
    assert (job.phase, job.words) == ("done", f"Wrote {out / 'zoo.yaml'} and opened it.")
    assert session.engine.zoo.folder == out
    assert not made.goes_on(str(out))
    assert [each.step for each in made.checks["animals"]] == [0, 6, 12]
    assert made.compared["animals"].is_worse == ("Worse than without" in job.warning)


def test_a_folder_that_is_free_is_proposed(made, tmp_path):
    assert made.free_folder(tmp_path) == str(tmp_path / "trained-base")
    (tmp_path / "trained-base").mkdir()
    assert made.free_folder(tmp_path) == str(tmp_path / "trained-base-1")
    assert not made.goes_on("")
    assert not made.goes_on("/elsewhere")
