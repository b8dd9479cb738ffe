"""``inspect`` as a user calls it."""

import json

import pytest

from studio.recipe import GroupedCoefficient, save_recipe
from studio.zoo import load_zoo
from tests.commands.conftest import run


def test_inspect_takes_a_zoo_or_a_recipe_and_writes_json(capsys, tiny_zoo, recipe_file, tmp_path):
    for source, same in ((tiny_zoo, False), (recipe_file, True), (tiny_zoo / "zoo.yaml", False)):
        code, out, _ = run(capsys, "inspect", source, "--json", tmp_path / "i.json")
        assert code == 0
        assert "private: classifier.bias, classifier.weight" in out
        found = json.loads((tmp_path / "i.json").read_text())
        assert {"cosine_before", "cosine_after", "residual", "tensors"} <= set(found)
        off = abs(found["cosine_after"][0][1])
        before = abs(found["cosine_before"][0][1])
        assert before > 1e-3
        assert off == pytest.approx(before) if same else off < 1e-6
        assert found["order"]["ordered"] != same
        assert found["residual"] == pytest.approx(off, abs=1e-12)


def test_inspect_tells_norms_and_order_and_on_request_overlaps(capsys, tiny_zoo, tmp_path):
    code, out, _ = run(capsys, "inspect", tiny_zoo, "--json", tmp_path / "i.json")
    found = json.loads((tmp_path / "i.json").read_text())
    assert (code, found["order"]["orders"], found["order"]["refused"]) == (0, 2, [])
    assert found["order"]["words"] in out
    assert "layers" not in found
    squares = dict.fromkeys(found["tasks"], 0.0)
    for tensor in found["tensors"].values():
        assert list(tensor["norms"]) == tensor["tasks"]
        assert not {"sign_conflict", "subspace_overlap"} & set(tensor)
        for task, norm in tensor["norms"].items():
            squares[task] += norm**2
    assert [x**0.5 for x in squares.values()] == pytest.approx(found["norms"])

    code, out, _ = run(capsys, "inspect", tiny_zoo, "--overlap", "--json", tmp_path / "o.json")
    more = json.loads((tmp_path / "o.json").read_text())
    assert code == 0
    for name, tensor in more["tensors"].items():
        conflict, overlap = tensor.pop("sign_conflict"), tensor.pop("subspace_overlap")
        tensor.pop("counted", None)
        if len(tensor["tasks"]) == 2:
            assert 0 < conflict["pairs"][0][1] == conflict["all"] < 1
        else:
            assert conflict["all"] is overlap is None
        if overlap:
            assert overlap["rank"] <= min(tensor["shape"]) // 2, name
            assert 0 < overlap["columns"][0][1] < 1
    assert set(more) - set(found) == {"layers", "largest_overlap"}
    assert found == {key: more[key] for key in found}
    for layer in more["layers"]:
        assert f"  {layer}\n" in out
    assert "largest overlap of row spaces" in out


def test_inspect_lists_what_is_wrong_with_every_checkpoint_of_a_zoo(capsys, tiny_copy):
    for file in (tiny_copy / "color" / "model", tiny_copy / "animal" / "adapter_model"):
        file.with_suffix(".safetensors").write_bytes(b"")
    code, out, err = run(capsys, "inspect", tiny_copy)
    assert (code, out) == (1, "")
    assert "has 2 problems: (1) 'color'" in err
    assert "(2) 'animal'" in err


@pytest.mark.parametrize("method", ["mdm_oc", "average"])
def test_inspect_refuses_a_coefficient_group_that_merge_refuses(capsys, tiny_zoo, tmp_path, method):
    idle = GroupedCoefficient(0.4, (("decoder.*", 1.0),))
    recipe = load_zoo(tiny_zoo).recipe(method).with_coefficients({"color": idle})
    save_recipe(recipe, tmp_path / "recipe.yaml")
    code, _, err = run(capsys, "inspect", tmp_path / "recipe.yaml")
    assert (code, "'decoder.*' of 'color' matches none" in err) == (1, True)


def test_inspect_asks_experts_on_request_how_sure_they_are(capsys, tiny_zoo, recipe_file, tmp_path):
    code, out, _ = run(capsys, "inspect", tiny_zoo, "--experts", "--json", tmp_path / "i.json")
    found = json.loads((tmp_path / "i.json").read_text())
    assert code == 0
    assert found["prospect"] in out
    assert set(found["certainty"]) == set(found["tasks"])
    unsure = [n for n, x in found["certainty"].items() if x["value"] < 0.5]
    assert ("unsure of their own validation rows" in found["prospect"]) == bool(unsure)
    code, _, problem = run(capsys, "inspect", recipe_file, "--experts")
    assert code == 1
    assert "is a recipe, which names no rows that an expert could be asked" in problem
