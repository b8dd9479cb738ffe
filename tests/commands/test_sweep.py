"""``sweep`` as a user calls it."""

import csv
import io
import json

import pytest

from studio.commands import sweep
from studio.compare.scale_search import ROWS
from studio.errors import BadRecipe
from studio.recipe import save_recipe
from studio.sweep import landscape
from studio.sweep.axis import put
from studio.zoo import load_zoo
from tests.commands.conftest import run


@pytest.fixture
def recipe_file(tiny_zoo, tmp_path):
    save_recipe(load_zoo(tiny_zoo).recipe("task_arithmetic", 0.4), tmp_path / "recipe.yaml")
    return tmp_path / "recipe.yaml"


def test_a_curve_is_printed_and_written(capsys, tiny_zoo, recipe_file, tmp_path):
    file, table = tmp_path / "s.json", tmp_path / "s.csv"
    code, out, err = run(
        capsys, "sweep", tiny_zoo, "--recipe", recipe_file, "--over", "coefficient.color=0:1",
        "--levels", 1, "--rows", 8, "--json", file, "--csv", table,
    )  # fmt: skip
    assert (code, err) == (0, "")
    assert out.startswith("At most 3 points x 16 validation rows = 48 row evaluations.\n")
    found = json.loads(file.read_text())
    assert found["words"] in out
    assert found["axes"][0]["name"] == "coefficient.color"
    assert found["present"]["at"] == {"coefficient.color": 0.4}
    assert [p["at"]["coefficient.color"] for p in found["points"]] == [0.0, 0.5, 1.0]
    assert found["best"]["mean"] == max(p["mean"] for p in found["points"])
    rows = list(csv.DictReader(io.StringIO(table.read_text())))
    for row, point in zip(rows, found["points"], strict=True):
        assert float(row["mean"]) == point["mean"]
        assert float(row["animal"]) == point["tasks"]["animal"]["accuracy"]
        assert (row["n of color"], row["refusal"]) == ("8", "")
        assert f"{point['mean']:6.1%}" in out


def test_two_axes_are_a_grid_with_holes(capsys, tiny_zoo, recipe_file, tmp_path, monkeypatch):
    def refuse(recipe, axes, place):
        if place == (2.0, 0.5):
            raise BadRecipe("No such merge.")
        return put(recipe, axes, place)

    monkeypatch.setattr(landscape, "put", refuse)
    file = tmp_path / "s.json"
    code, out, _ = run(
        capsys, "sweep", tiny_zoo, "--recipe", recipe_file, "--over", "coefficients",
        "--over", "scale=0:1", "--levels", 1, "--rows", 8, "--json", file,
    )  # fmt: skip
    assert code == 0
    assert "across: factor on all coefficients; down: scale; * best" in out
    found = json.loads(file.read_text())
    assert len(found["points"]) == 9
    grid = out.split("* best\n")[1].splitlines()
    assert grid[0].split() == ["0", "1", "2"]
    assert grid[2].split()[-1] == "–"
    assert "no number: No such merge." in out
    means = {tuple(p["at"].values()): p.get("mean") for p in found["points"]}
    for line, y in zip(grid[1:4], (1.0, 0.5, 0.0), strict=True):
        assert [word.rstrip("*") for word in line.split()[1:]] == [
            "–" if means[x, y] is None else f"{100 * means[x, y]:.1f}" for x in (0.0, 1.0, 2.0)
        ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--over", "magic"], "no number 'magic'"),
        (["--over", "scale=1:0"], "scale from 1 to 0 is no range"),
        (["--over", "scale", "--over", "scale"], "one axis or two that differ"),
        (["--over", "scale", "--levels", "9"], "9 levels were asked for; give 1 to 6"),
        (["--over", "scale", "--rows", "0"], "0 rows per task"),
    ],
)
def test_refusals_are_sentences(capsys, tiny_zoo, recipe_file, arguments, words):
    code, out, err = run(capsys, "sweep", tiny_zoo, "--recipe", recipe_file, *arguments)
    assert (code, out) == (1, "")
    assert words in err


def test_the_help_tells_the_defaults_of_the_engine():
    assert (sweep._LEVELS, sweep._ROWS) == (landscape.LEVELS, ROWS)
