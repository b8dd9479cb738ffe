"""``evaluate`` as a user calls it."""

import json

import yaml

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


def test_what_was_read_from_the_checkpoint_and_doubts_are_said(capsys, tiny_copy):
    zoo = yaml.safe_load((tiny_copy / "zoo.yaml").read_text())
    del zoo["tasks"][0]["pooling"]
    (tiny_copy / "zoo.yaml").write_text(yaml.safe_dump(zoo))
    code, out, _ = run(capsys, "evaluate", tiny_copy)
    assert (code, "warning" in out) == (0, False)
    assert "color: answered by BertForSequenceClassification, the class of its checkpoint." in out
    assert "animal: pooling: mean, as neither the zoo nor the checkpoint says another." in out
    code, out, _ = run(capsys, "inspect", tiny_copy)
    assert "    answered by BertForSequenceClassification, the class of its checkpoint." in out
    rows = tiny_copy / "animal" / "held_out.jsonl"
    label = min(("cat", "dog", "bird"), key=lambda each: _accuracy(capsys, tiny_copy, rows, each))
    assert _accuracy(capsys, tiny_copy, rows, label) == 0
    _, out, _ = run(capsys, "evaluate", tiny_copy)
    assert "warning: The expert 'animal' alone scores 0.0%" in out
    _, out, _ = run(capsys, "compare", tiny_copy, "--methods", "average")
    assert "warning: The expert 'animal' alone scores 0.0%" in out
    assert "coefficient" not in out.partition("warning")[2].partition("\n")[0]


def _accuracy(capsys, zoo, rows, label):
    """Of the expert 'animal' alone if every row has one label."""
    lines = [json.loads(line) | {"label": label} for line in rows.read_text().splitlines()]
    rows.write_text("\n".join(json.dumps(line) for line in lines))
    assert run(capsys, "evaluate", zoo, "--json", zoo / "s.json")[0] == 0
    return json.loads((zoo / "s.json").read_text())["tasks"]["animal"]["accuracy"]
