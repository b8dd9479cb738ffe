"""The zoos of pictures and words that come with the studio, end to end, on a few rows of each.

The desks are what the commands in the documents run on (``test_documents.py``).
"""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from studio.demo import DEMOS
from studio.measure.bench import Bench
from studio.measure.outcomes import Measuring
from studio.recipe import load_recipe, save_recipe
from studio.session.engine import Engine
from studio.zoo import load_zoo
from tests.commands.conftest import run
from tests.scored import score
from tests.session.test_session import rest
from tests.ui.conftest import Driver

pytestmark = pytest.mark.slow
_ROWS = 6  # of each split of a task


@pytest.fixture(scope="module", params=["pictures", "words"])
def zoo(request, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("demos") / request.param
    return fewer_rows(Path(shutil.copytree(DEMOS[request.param], folder)))


def fewer_rows(folder: Path) -> Path:
    for file in folder.glob("tasks/*/*.jsonl"):
        file.write_text("".join(file.read_text().splitlines(keepends=True)[:_ROWS]))
    for file in folder.glob("tasks/*/*.npz"):
        with np.load(file) as found:
            np.savez(file, allow_pickle=False, **{name: found[name][:_ROWS] for name in found})
    return folder


@pytest.fixture
def recipe(zoo, tmp_path) -> Path:
    save_recipe(load_zoo(zoo).recipe("task_arithmetic", 0.3), tmp_path / "recipe.yaml")
    return tmp_path / "recipe.yaml"


def scored(capsys, tmp_path, *arguments) -> dict:
    code, _, err = run(capsys, "evaluate", *arguments, "--json", tmp_path / "scores.json")
    assert code == 0, err
    return json.loads((tmp_path / "scores.json").read_text())


def root(folder: Path) -> str:
    return json.loads((folder / "merge.json").read_text())["weights_root"]


@pytest.mark.parametrize(("name", "within"), [("pictures", 0.0101), ("words", 0.004)])
def test_what_is_left_after_an_unmerge_scores_what_its_table_says(name, within):
    """The line was computed with transformers alone; an accuracy may differ by two rows of 200."""
    bench = Bench(load_zoo(DEMOS[name]), torch.device("cpu"))
    gone = bench.zoo.tasks[0].name
    table = (DEMOS[name] / "README.md").read_text().partition("## Held-out rows")[2]
    found = re.search(rf"^\| sum x (\S+) without {gone} \|(.*)$", table, re.M)
    assert found
    told = [float(cell.split()[0]) for cell in found[2].strip("| ").split("|")][:-1]
    recipe = bench.zoo.recipe("task_arithmetic", float(found[1])).without(gone)
    scores = score(bench, bench.merge(recipe)).values()
    own = [each.value if each.bits_per_byte is None else each.bits_per_byte for each in scores]
    assert own == pytest.approx(told, abs=within)


def test_the_words_are_chosen_among_endings_as_their_other_table_says():
    bench = Bench(load_zoo(DEMOS["choices"]), torch.device("cpu"))
    told = re.findall(r"^\| base \|(.*)$", (DEMOS["words"] / "README.md").read_text(), re.M)[-1]
    names = [task.name for task in bench.zoo.tasks]
    assert names == [task.name for task in load_zoo(DEMOS["words"]).tasks]
    heads = bench.heads(["licenses"])
    found = Measuring(bench).of(None, heads, "held_out").scores["licenses"]
    cells = [float(cell.split()[0]) for cell in told.strip("| ").split("|")]
    assert found.value == pytest.approx(cells[names.index("licenses")], abs=0.0063)  # one row
    assert found.n == 160


def test_a_written_merge_scores_what_its_recipe_scores(capsys, zoo, recipe, tmp_path):
    code, out, err = run(capsys, "merge", recipe, "--out", tmp_path / "merged", "--zoo", zoo)
    assert code == 0, err
    names = tuple(task.name for task in load_zoo(zoo).tasks)
    assert f"{len(names)} tasks merged" in out
    written = scored(capsys, tmp_path, zoo, "--model", tmp_path / "merged")
    found = scored(capsys, tmp_path, zoo, "--recipe", recipe)
    assert tuple(written["tasks"]) == tuple(found["tasks"]) == names
    for name, each in found["tasks"].items():
        own = written["tasks"][name]  # of weights that were rounded to the base's float16
        assert own["n"] == each["n"] == _ROWS
        kind = "loss" if "loss" in each else "accuracy"
        assert own[kind] == pytest.approx(each[kind], abs=0.01 if kind == "loss" else 1 / _ROWS)


def test_an_unmerge_writes_the_bits_of_a_merge_that_never_had_the_task(
    capsys, zoo, recipe, tmp_path
):
    gone = load_recipe(recipe).names[1]
    quick = ("--zoo", zoo, "--check", "header")
    code, _, err = run(
        capsys, "unmerge", recipe, "--task", gone, "--out", tmp_path / "unmerged", *quick
    )
    assert code == 0, err
    save_recipe(load_recipe(recipe).without(gone), tmp_path / "never.yaml")
    code, _, err = run(
        capsys, "merge", tmp_path / "never.yaml", "--out", tmp_path / "never", *quick
    )
    assert code == 0, err
    assert root(tmp_path / "unmerged") == root(tmp_path / "never")


def test_a_search_takes_a_step(capsys, zoo, recipe, tmp_path):
    file = tmp_path / "found.yaml"
    more = ("--budget", 1, "--rows", _ROWS, "--batch", 4)
    code, _, err = run(capsys, "optimize", zoo, "--recipe", recipe, "--out", file, *more)
    assert code == 0, err
    assert load_recipe(file).names == load_recipe(recipe).names


def test_its_page_shows_the_score_of_every_task(zoo):
    engine = Engine(zoo, (zoo,), torch.device("cpu"))
    names = tuple(task.name for task in engine.zoo.tasks)
    try:
        engine.start()
        driver = Driver(engine)
        rest(driver.session)
        shown = str(driver.look("Results"))
        assert tuple(driver.session.snapshot().scores) == names
        assert all(name in shown for name in names)
        assert f"One model from <b id='merged'>{len(names)}</b>" in shown
    finally:
        engine.close()
