"""``sequence run`` as a user calls it."""

import json

import pytest

from tests import adapted
from tests.commands.conftest import run


def test_the_matrix_acc_bwt_and_fwt_are_printed_and_written(capsys, tiny_zoo, tmp_path):
    file = tmp_path / "s.json"
    code, out, err = run(
        capsys, "sequence", "run", tiny_zoo, "--methods", "mdm_oc, ties", "--json", file
    )
    assert (code, err) == (0, "")
    assert out.startswith("4 models at most, 1 order of arrival: at most 600 row evaluations\n")
    assert "mdm_oc (keeps the merged model and the earlier components)" in out
    assert "ties (keeps every checkpoint" in out
    found = json.loads(file.read_text())
    (track,) = found["methods"]["mdm_oc"]["orders"]
    assert track["tasks"] == ["color", "animal"]
    matrix = track["matrix"]
    assert track["acc"] == [matrix[0][0], pytest.approx(sum(matrix[1]) / 2)]
    assert track["bwt"] == [None, pytest.approx(matrix[1][0] - matrix[0][0])]
    base = found["base"]["tasks"]["animal"]["accuracy"]
    assert track["fwt"] == [None, pytest.approx(matrix[0][1] - base)]
    assert track["steps"][1]["tasks"]["color"]["n"] == found["rows"]["color"] == 50
    for value in (*matrix[0], *matrix[1]):
        assert f"{value:.4f}" in out


def test_shuffled_orders_have_seeds_and_give_mean_and_deviation(capsys, tiny_zoo, tmp_path):
    file = tmp_path / "s.json"
    code, out, _ = run(
        capsys, "sequence", "run", tiny_zoo, "--methods", "average", "--orders", 2, "--seed", 3,
        "--rows", 10, "--sweep", "mdm_oc.strength=0:1:1", "--json", file,
    )  # fmt: skip
    assert code == 0
    found = json.loads(file.read_text())
    assert len({tuple(order["tasks"]) for order in found["orders"]}) == 2
    assert all(order["seed"] >= 3 for order in found["orders"])
    own = found["methods"]["average"]
    first = [track["acc"][0] for track in own["orders"]]
    assert own["mean"]["acc"][0] == pytest.approx(sum(first) / 2)
    assert own["sd"]["acc"][0] == pytest.approx(abs(first[0] - first[1]) / 2**0.5)
    assert "accuracy of each task after t arrivals, mean over 2 orders" in out
    assert f"{own['mean']['acc'][0]:.4f} sd {own['sd']['acc'][0]:.4f}" in out
    assert "mdm_oc: strength swept, after 2 tasks" in out
    assert [value["value"] for value in found["sweep"]["values"]] == [0.0, 1.0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--methods", "average,magic"], "no merge method 'magic'"),
        (["--methods", ","], "Name at least one method"),
        (["--methods", "average", "--orders", "3"], "2 tasks can arrive in 2 different orders"),
        (["--methods", "average", "--orders", "0"], "0 orders were asked for"),
        (["--methods", "average", "--rows", "0"], "0 rows per task"),
        (["--methods", "average", "--sweep", "x"], "is not written method.option=from:to:step"),
    ],
)
def test_refusals_are_sentences(capsys, tiny_zoo, arguments, words):
    code, out, err = run(capsys, "sequence", "run", tiny_zoo, *arguments)
    assert (code, out) == (1, "")
    assert words in err
    assert "Traceback" not in err


def test_baselines_are_trained_on_request_and_stand_below_the_merges(capsys, tmp_path):
    zoo, file = adapted.build(tmp_path / "zoo"), tmp_path / "s.json"
    asked = ["--methods", "task_arithmetic", "--rows", "10", "--json", file]
    trained = ["--trained", "replay,joint", "--trained-steps", "2"]
    code, out, _ = run(capsys, "sequence", "run", zoo, *asked, *trained)
    found = json.loads(file.read_text())["trained"]
    assert code == 0
    assert "Training-time baselines: 2 steps of 16 rows at every arrival" in out
    assert out.index("Training-time baselines") < out.index("held-out rows: color 10")
    rows = out.split("After all 3 tasks, merged and trained")[1].splitlines()[2:5]
    assert [row.split()[0] for row in rows] == ["task_arithmetic", "replay", "joint"]
    assert found["split"] == "train"
    assert [x["t"] for x in found["baselines"]["replay"]["arrivals"]] == [1, 2, 3]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["--trained", "gem"], "'gem' is no training-time baseline; there are sequential"),
        (["--trained-steps", "5"], "--trained-steps is of baselines; name some with --trained"),
        (["--trained", "ewc", "--trained-steps", "0"], "--trained-steps is 0; give 1 to 100,000"),
    ],
)
def test_baselines_that_cannot_be_trained_are_refused(capsys, tiny_zoo, asked, said):
    code, _, err = run(capsys, "sequence", "run", tiny_zoo, "--methods", "average", *asked)
    assert code == 1
    assert said in err
