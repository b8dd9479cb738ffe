import json

import pytest
import torch
from safetensors.torch import save_file

from studio.__main__ import main
from studio.errors import BadData, BadZoo
from studio.measure.bench import Bench
from studio.measure.general import General
from studio.preflight import preflight
from studio.zoo import load_zoo
from tests.compare.conftest import add_general
from tests.conftest import refusal


def test_the_base_keeps_all_of_its_ability(tiny_copy):
    add_general(tiny_copy)
    bench = Bench(load_zoo(tiny_copy), torch.device("cpu"))
    general = General(bench, "held_out")
    score, change = general.kept(bench.live)["grammar"]
    assert (score.n, change.mean, change.n) == (40, 0.0, 40)
    assert General(bench, "validation").kept(bench.live) == {}


@pytest.mark.parametrize("what", ["experts", "recipe", "model"])
def test_evaluate_says_how_much_of_the_base_is_kept(what, tiny_copy, tmp_path, capsys):
    add_general(tiny_copy)
    bench = Bench(load_zoo(tiny_copy), torch.device("cpu"))
    arguments = ["evaluate", str(tiny_copy), "--json", str(tmp_path / "e.json")]
    from studio.recipe import save_recipe

    save_recipe(bench.zoo.recipe("average"), tmp_path / "recipe.yaml")
    if what == "recipe":
        arguments += ["--recipe", str(tmp_path / "recipe.yaml")]
    if what == "model":
        out = str(tmp_path / "out")
        assert main(["merge", str(tmp_path / "recipe.yaml"), "--out", out]) == 0
        arguments += ["--model", out]
    assert main(arguments) == 0
    found = json.loads((tmp_path / "e.json").read_text())
    assert "grammar" not in found["tasks"]
    sets = [found["general"]] if what != "experts" else list(found["general_by_expert"].values())
    assert all(each["grammar"]["change"]["n"] == 40 for each in sets)
    assert "general grammar: " in capsys.readouterr().out
    assert main(arguments) == 0  # what was scored before is recalled, and the model worn
    assert json.loads((tmp_path / "e.json").read_text()) == found


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"head": None}, "('grammar') names no head; give one fitted on the base"),
        ({"data": None}, "has data of no split; it needs held_out"),
        ({"data": {"held_out": "g.jsonl", "train": "g.jsonl"}}, "has data held_out, train"),
        ({"checkpoint": "color"}, "checkpoint"),
        ({"name": "color"}, "names the task 'color' twice"),
        ({"type": "poetry"}, "general 1 has type 'poetry'"),
        ({"head": "nowhere.safetensors"}, "general 1: head"),
    ],
)
def test_a_bad_entry_is_refused_by_name(tiny_copy, changes, words):
    add_general(tiny_copy, **changes)
    with pytest.raises(BadZoo) as error:
        load_zoo(tiny_copy)
    assert words in refusal(error)


def test_general_must_be_a_list(tiny_copy):
    with (tiny_copy / "zoo.yaml").open("a") as stream:
        stream.write("general: rows\n")
    with pytest.raises(BadZoo, match="'general' must be a list"):
        load_zoo(tiny_copy)


@pytest.mark.parametrize("shape", [(2, 16), (3, 12)])
def test_a_head_that_fits_neither_labels_nor_base_is_refused_before_opening(tiny_copy, shape):
    add_general(tiny_copy)
    assert preflight(load_zoo(tiny_copy)).misfits == []
    save_file({"weight": torch.zeros(shape)}, tiny_copy / "g.safetensors")
    found = preflight(load_zoo(tiny_copy))
    assert found.looks[-1].name == "grammar"
    with pytest.raises(BadData, match="'grammar': the head"):
        found.refuse_misfits()
