"""``compare --search`` as a user calls it; what it finds is made up: searching has own tests."""

import argparse
import json

import pytest

import studio.best
from studio.commands.find_best import search_arguments
from studio.recipe import load_recipe
from studio.zoo import load_zoo
from tests.best.test_findings import findings, floor, tried
from tests.commands.conftest import run
from tests.session.test_best import made_up


@pytest.fixture
def search(monkeypatch):
    """Has a search find what is given, and tells what it was asked."""
    asked = {}

    def finding(*every, stop=False):
        def find_best(bench, plan, folder, progress):
            asked.update(plan=plan, folder=folder)
            yield from every
            if stop:
                raise KeyboardInterrupt

        monkeypatch.setattr(studio.best, "find_best", find_best)
        return asked

    return finding


def test_the_winner_is_written_as_a_recipe_that_the_other_commands_take(
    capsys, tiny_zoo, tmp_path, search
):
    found = made_up(load_zoo(tiny_zoo))
    asked = search(found)
    out, plain, table = (tmp_path / name for name in ("best.yaml", "b.json", "b.csv"))
    code, said, _ = run(
        capsys, "compare", tiny_zoo, "--search", "--seconds", 5, "--results", tmp_path / "r",
        "--out", out, "--json", plain, "--csv", table,
    )  # fmt: skip
    assert code == 0
    assert (asked["plan"].seconds, asked["plan"].criterion) == (5, "agreement")
    assert (asked["plan"].fresh, asked["folder"]) == (True, tmp_path / "r")
    assert "The best found is ours" in said
    assert f"{out}: the recipe that wins." in said
    assert json.loads(plain.read_text())["winner"] == "ours"
    assert len(table.read_text().splitlines()) == 3
    recipe = load_recipe(out)
    assert (recipe.method, recipe.fitted and recipe.fitted.by) == ("average", "find the best")
    assert run(capsys, "merge", out, "--out", tmp_path / "merged", "--check", "none")[0] == 0


def test_where_nothing_wins_no_recipe_is_written_and_it_is_said(capsys, tiny_zoo, tmp_path, search):
    search(findings(floor(300), tried("ours", 301), ended=True, left=("round 3",)))
    out = tmp_path / "best.yaml"
    code, said, _ = run(capsys, "compare", tiny_zoo, "--search", "--resume", "--out", out)
    assert code == 0
    assert "No recipe was written" in said
    assert "with --resume goes on from here" in said
    assert not out.exists()


def test_ctrl_c_says_what_is_kept_and_how_it_goes_on(capsys, tiny_zoo, tmp_path, search):
    search(findings(floor(300), tried("ours", 301)), stop=True)
    code, said, error = run(capsys, "compare", tiny_zoo, "--search", "--results", tmp_path / "r")
    assert code == 1
    assert "round 2,    800 rows: 75.2% ± 3.0  ours" in said
    assert "stopped after 2 trials, which are kept in" in error
    assert "--resume" in error


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["--seconds", "5", "--resume"], "--seconds, --resume belongs to --search"),
        (["--search", "--tune"], "--tune has no place beside --search"),
        (["--search", "--seconds", "0"], "The budget is 0 seconds; give a number above 0"),
    ],
)
def test_what_does_not_belong_together_is_refused(capsys, tiny_zoo, given, words):
    code, _, error = run(capsys, "compare", tiny_zoo, *given)
    assert code == 1
    assert words in error


def test_an_output_that_exists_is_refused_before_any_work(capsys, tiny_zoo, tmp_path):
    (tmp_path / "best.yaml").write_text("")
    code, _, error = run(capsys, "compare", tiny_zoo, "--search", "--out", tmp_path / "best.yaml")
    assert code == 1
    assert "exists already" in error


def test_nothing_is_set_before_somebody_asks():
    parser = argparse.ArgumentParser()
    search_arguments(parser)
    given = vars(parser.parse_args([]))
    assert given == {
        "search": False, "seconds": None, "resume": False, "criterion": None, "results": None,
        "out": None,
    }  # fmt: skip
