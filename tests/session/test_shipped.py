"""Scores that a zoo ships are shown first, named as such, and never outlive computed ones."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from studio.demo import DEMOS
from studio.measure.bench import Bench
from studio.measure.intervals import Score, Share
from studio.measure.outcomes import Measuring
from studio.session import engine as engines
from studio.session import shipped as module
from studio.session.engine import Engine
from studio.session.mix import starting_mix
from studio.session.shipped import (
    bound_to,
    departures,
    measure_shipped,
    read_shipped,
    shipped_file,
)
from studio.tasks.metric import LOSS
from studio.ui.views.header import headline, status
from studio.zoo import load_zoo
from tests.session.test_session import rest

CPU = torch.device("cpu")
SHIPPING = [name for name, path in DEMOS.items() if shipped_file(path).is_file()]


def opened(folder: Path):
    zoo = load_zoo(folder)
    return Bench(zoo, CPU), starting_mix(zoo).recipe(zoo)


@pytest.fixture(scope="module")
def made(tiny_zoo) -> str:
    return json.dumps(measure_shipped(*opened(tiny_zoo)))


@pytest.fixture
def zoo(tiny_copy, made) -> Path:
    """With its scores beside it."""
    shipped_file(tiny_copy).write_text(made)
    return tiny_copy


def edit(zoo: Path, change) -> None:
    found = json.loads(shipped_file(zoo).read_text())
    change(found)
    shipped_file(zoo).write_text(json.dumps(found))


def test_what_was_written_is_read_as_it_was_measured(zoo):
    bench, recipe = opened(zoo)
    found = read_shipped(zoo, bench, recipe)
    assert found
    own = Measuring(bench).of(bench.merge(recipe), bench.heads(bench.scored()), "held_out")
    assert found.scores == own.scores
    assert found.recipe == recipe.digest
    assert set(found.experts) == set(found.base) == set(bench.scored())
    assert read_shipped(zoo / "zoo.yaml", bench, recipe) == found


@pytest.mark.parametrize(
    "change",
    [
        lambda found: found.pop("experts"),
        lambda found: found["scores"].update(strange=found["scores"]["color"]),
        lambda found: found["scores"]["color"].update(value=float("nan")),
        lambda found: found["scores"]["color"].update(n=10**6),
        lambda found: found["scores"]["color"].update(metric="luck"),
        lambda found: found["scores"]["color"].update(besides={}),
        lambda found: found.update(more="x" * 2**17),
        lambda found: found["bound_to"].update(version=0),
        lambda found: found["bound_to"]["rows"].update(color=["0"]),
    ],
)
def test_a_file_that_is_damaged_or_of_something_else_is_as_good_as_none(zoo, change):
    edit(zoo, change)
    assert read_shipped(zoo, *opened(zoo)) is None


def test_it_is_none_of_other_rows_of_other_weights_and_of_another_mix(zoo, tiny_zoo):
    bench, recipe = opened(zoo)
    assert read_shipped(zoo, bench, replace(recipe, tasks=recipe.tasks[:1])) is None
    assert read_shipped(tiny_zoo, bench, recipe) is None  # has no file
    rows = next(zoo.rglob("held_out.jsonl"))
    rows.write_text("".join(rows.read_text().splitlines(keepends=True)[:-1]))
    assert read_shipped(zoo, *opened(zoo)) is None


def score(value: float, n: int = 1000, **more) -> Score:
    return Score(value, n, value - 0.02, value + 0.02, "wilson", **more)


def test_rounding_turns_few_answers_and_more_is_told():
    assert departures({"a": score(0.888)}, {"a": score(0.893)}) == {}
    assert departures({"a": score(0.888)}, {"a": score(0.9)}) == {"a": "88.8% shipped, 90.0% here"}
    assert departures({"a": score(0.5, 4)}, {"a": score(0.75, 4)}) == {}  # one row
    assert departures({"a": score(0.5)}, {"a": score(0.5, 999)})
    assert departures({"a": score(4.0, metric=LOSS)}, {"a": score(4.005, metric=LOSS)}) == {}
    assert departures({"a": score(4.0, metric=LOSS)}, {"a": score(4.1, metric=LOSS)})


def test_shares_beside_a_score_are_kept():
    beside = replace(score(0.5, 2), besides=(Share("F1", 0.4, 0.3, 0.5, "wilson"),))
    plain = json.loads(json.dumps(module._plain(beside)))
    assert module._score(plain, 2) == beside


@pytest.fixture
def studio(zoo, monkeypatch, tmp_path):
    """A studio one of whose demos the zoo is, which has not begun to compute."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "own"))
    monkeypatch.setattr(engines, "DEMOS", {"tiny": zoo})

    made = []

    def make() -> Engine:
        made.append(Engine(zoo, (zoo, tmp_path), CPU, tmp_path / "log"))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_a_demo_is_shown_with_its_scores_before_anything_is_computed(studio):
    engine = studio()
    session = engine.session("")
    now = session.snapshot()
    assert now.shipped == {"scores", "experts", "head_only", "base"} - (
        set() if now.head_only else {"head_only"}
    )
    assert set(now.scores) == set(now.rows)
    assert "shipped, being checked" in headline(now)
    assert "shipped with the zoo" in status(now)
    assert session.worker.results.evaluation(now.recipe) is None  # nobody else hears of them
    assert session.worker.results.experts == {}
    engine.start()
    rest(session)
    after = session.snapshot()
    assert (after.shipped, after.departed) == (frozenset(), "")
    assert after.scores == now.scores
    assert "shipped" not in headline(after)


def test_computed_scores_win_and_where_they_are_others_that_is_said(studio, zoo):
    def lie(found) -> None:
        for each in found["scores"].values():
            each["value"] = 0.999
        found["experts"]["color"]["value"] = 0.0

    edit(zoo, lie)
    engine = studio()
    session = engine.session("")
    assert all(each.value == 0.999 for each in session.snapshot().scores.values())
    engine.start()
    rest(session)
    now = session.snapshot()
    assert all(each.value != 0.999 for each in now.scores.values())
    assert "color (expert alone) 0.0% shipped" in now.departed
    assert "id='departed'" in headline(now)


def test_another_mix_has_no_shipped_score(studio):
    session = studio().session("")
    session.edit("halve")
    now = session.snapshot()
    assert now.scores == {}
    assert "scores" not in now.shipped


def test_of_a_zoo_that_is_no_demo_no_number_is_believed(zoo, tmp_path):
    engine = Engine(zoo, (zoo, tmp_path), CPU, tmp_path / "log")
    assert engine.worker.shipped is None
    engine.close()


def test_every_demo_ships_its_scores():
    assert [*DEMOS] == SHIPPING


def test_two_zoos_in_one_folder_have_a_file_each():
    files = [shipped_file(DEMOS[name]) for name in ("words", "choices")]
    assert [file.name for file in files] == ["zoo.scores.json", "choices.scores.json"]
    assert files[0].parent == files[1].parent
    metrics = [
        {each["metric"] for each in json.loads(file.read_text())["scores"].values()}
        for file in files
    ]
    assert metrics == [{"loss"}, {"accuracy"}]


@pytest.mark.slow
@pytest.mark.parametrize("demo", SHIPPING)
def test_the_demos_ship_what_is_computed_of_them(demo):
    """On a part: one task of each; after a change of what decides scores, raise VERSION."""
    bench, recipe = opened(DEMOS[demo])
    kept = json.loads(shipped_file(DEMOS[demo]).read_text())
    assert kept["bound_to"] == bound_to(bench, recipe)
    found = read_shipped(DEMOS[demo], bench, recipe)
    assert found
    name = bench.scored()[0]
    own = Measuring(bench).of(bench.merge(recipe), bench.heads([name]), "held_out").scores
    assert departures(found.scores, own) == {}
