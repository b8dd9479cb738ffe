import json

import pytest
import yaml

from studio.__main__ import main
from studio.recipe import GroupedCoefficient, load_recipe


@pytest.fixture
def asked(tiny_zoo, tmp_path):
    """A command that finds coefficients of a recipe of the tiny zoo."""
    tasks = [{"name": n, "checkpoint": str(tiny_zoo / n)} for n in ("color", "animal")]
    plain = {"base": str(tiny_zoo / "base"), "tasks": tasks, "method": "mdm_oc"}
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(plain))

    def ask(*more: str, out: str = "found.yaml") -> int:
        line = ["optimize", str(tiny_zoo), "--recipe", str(tmp_path / "recipe.yaml")]
        few = ["--rows", "8", "--batch", "2", "--budget", "6"]
        return main([*line, "--out", str(tmp_path / out), *few, *more])

    return ask


def test_coefficients_are_found_written_and_weighed(asked, tmp_path, capsys):
    assert asked("--granularity", "group", "--json", str(tmp_path / "x.json")) == 0
    found = load_recipe(tmp_path / "found.yaml")
    assert isinstance(found.tasks[0].coefficient, GroupedCoefficient)
    assert found.fitted is not None
    written = json.loads((tmp_path / "x.json").read_text())
    assert written["recipe"]["fitted"] == found.fitted.plain()
    said = capsys.readouterr().out
    assert "Ended after 6 of 6: the budget is spent." in said
    for split in ("validation", "held_out"):
        assert f"{100 * written['gains'][split]['change']:+.1f} ±" in said
    assert main(["merge", str(tmp_path / "found.yaml"), "--out", str(tmp_path / "model")]) == 0


def test_a_record_is_kept_and_gone_on_from(asked, tmp_path, capsys):
    record = tmp_path / "run.json"
    assert asked("--record", str(record)) == 0
    data = json.loads(record.read_text())
    kept = len(data["answers"])
    data["answers"] = data["answers"][:3]
    record.write_text(json.dumps(data))
    assert asked("--record", str(record), out="again.yaml") == 0
    assert "going on after 3 answers" in capsys.readouterr().out
    assert len(json.loads(record.read_text())["answers"]) == kept
    first, second = (load_recipe(tmp_path / f"{name}.yaml") for name in ("found", "again"))
    assert first == second
    assert asked("--record", str(record), "--seed", "1", out="other.yaml") == 1
    assert "another plan: seed 0 there, 1 here" in capsys.readouterr().err


def test_cma_es_is_run_on_the_command_line(asked, tmp_path):
    assert asked("--optimizer", "cma", "--balance", "minimax") == 0
    fitted = load_recipe(tmp_path / "found.yaml").fitted
    assert fitted is not None
    assert fitted.by == "CMA-ES"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--budget", "0"], "budget 0: give a whole number from 1"),
        (["--rows", "1"], "rows 1: give a whole number from 4"),
        (["--ewc", "-2"], "strength of EWC is -2"),
        (["--optimizer", "cma", "--budget", "2"], "a generation of CMA-ES in 2 directions has 6"),
    ],
)
def test_bad_input_is_refused_and_nothing_is_written(asked, tmp_path, capsys, more, words):
    assert asked(*more) == 1
    assert words in capsys.readouterr().err
    assert not (tmp_path / "found.yaml").exists()


def test_a_recipe_is_never_overwritten(asked, tmp_path, capsys):
    (tmp_path / "found.yaml").write_text("mine")
    assert asked() == 1
    assert "exists already" in capsys.readouterr().err
    assert (tmp_path / "found.yaml").read_text() == "mine"
