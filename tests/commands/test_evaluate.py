"""``evaluate`` as a user calls it."""

import json

from tests.commands.conftest import run


def test_a_recipe_and_the_model_merged_from_it_score_alike(capsys, tiny_zoo, recipe_file, tmp_path):
    code, out, _ = run(capsys, "merge", recipe_file, "--out", tmp_path / "m", "--zoo", tiny_zoo)
    assert (code, "2 tasks merged, weights root" in out) == (0, True)
    results = {}
    for name, extra in {
        "experts": [], "recipe": ["--recipe", recipe_file], "model": ["--model", tmp_path / "m"],
        "validation": ["--split", "validation"],
    }.items():  # fmt: skip
        file = tmp_path / f"{name}.json"
        assert run(capsys, "evaluate", tiny_zoo, *extra, "--json", file)[0] == 0
        results[name] = json.loads(file.read_text())
    assert results["recipe"] == results["model"]
    assert results["experts"]["tasks"]["color"]["n"] == 50
    assert results["validation"]["tasks"]["color"]["n"] == 30
    each = results["recipe"]["tasks"]["animal"]
    assert set(each) == {"accuracy", "n", "low", "high", "interval"}
    assert each["low"] <= each["accuracy"] <= each["high"]
