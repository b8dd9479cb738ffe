import json
from dataclasses import replace

import pytest
import yaml
from torch import Tensor

from studio.__main__ import main
from studio.recipe import GroupedCoefficient, load_recipe
from studio.search.state import Kept, Search
from tests.search.test_verdict import made


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
    better = written["better"]
    name = tmp_path / {"found": "found.yaml", "recipe": "recipe.yaml"}[better]
    assert said.rstrip().endswith(f"{'Use' if better == 'found' else 'Keep'} {name}.")
    if written["verdict"] and better == "recipe":
        assert "Nothing better was found" in said
    assert main(["merge", str(tmp_path / "found.yaml"), "--out", str(tmp_path / "model")]) == 0


@pytest.mark.parametrize(
    ("compared", "words"),
    [
        (made(0.6, 0.5), "the best found 50.0% on 100 validation rows that it had not seen (-10.0"),
        (made(0.5, 0.6), "Something better was found: "),
        (None, "no scores were compared; "),
    ],
)
def test_it_names_the_better_file_and_writes_what_was_found_in_any_case(
    asked, tmp_path, capsys, monkeypatch, compared, words
):
    """The start's coefficients are 1 and 1, from which a lower loss is found."""
    monkeypatch.setattr("studio.search.verdict.verdict", lambda *about: compared)
    assert asked("--json", str(tmp_path / "x.json")) == 0
    said, written = capsys.readouterr().out, json.loads((tmp_path / "x.json").read_text())
    assert words in said
    found = compared is None or compared.better
    assert written["better"] == ("found" if found else "recipe")
    last = said.rstrip().splitlines()[-1]
    assert str(tmp_path / ("found.yaml" if found else "recipe.yaml")) in last
    assert (tmp_path / "found.yaml").exists()


def test_a_search_without_a_lower_loss_keeps_the_recipe(asked, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("studio.search.state.Search.check", _first_is_best)
    assert asked() == 0
    last = capsys.readouterr().out.rstrip().splitlines()[-1]
    assert last == (
        f"Nothing better was found: the search has no lower loss. Keep {tmp_path / 'recipe.yaml'}."
    )


def _first_is_best(search: Search, point: Tensor, real=Search.check) -> Kept:
    """As it is, but that no point after the first has a lower value."""
    kept, first = real(search, point), getattr(search, "first", None)
    if first is None:
        search.__dict__["first"] = kept
        return kept
    worse = replace(kept, value=first.value + 1)
    search._best = first
    return worse


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
