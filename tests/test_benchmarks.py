"""The benchmarks' yardsticks do the same work as the studio: same weights, same recipe."""

import json
import subprocess
import sys

import pytest
import torch
import yaml
from safetensors.torch import load_file

from studio.export.model import export
from studio.merge import open_merge
from studio.recipe import load_recipe
from tests.benchmarks import cases, floor, measure, methods, models, rival, voices
from tests.benchmarks.measure import Row, Sample
from tests.conftest import ROOT

SHAPES = {"embeddings.weight": (7, 4), "layer.0.LayerNorm.weight": (4,), "layer.0.weight": (4, 4)}


@pytest.fixture
def drawn(tmp_path):
    for dtype in ("fp32", "bf16"):
        for variant, folder in ((None, "base"), (0, "task0"), (1, "task1")):
            target = tmp_path / f"tiny-{dtype}" / folder
            target.mkdir(parents=True)
            models._write(target / "model.safetensors", SHAPES, dtype, variant)
    (tmp_path / "scratch").mkdir()
    return tmp_path


def test_variants_stay_near_the_base_and_are_the_same_every_time(drawn):
    base, task = (
        load_file(drawn / "tiny-fp32" / f / "model.safetensors") for f in ("base", "task0")
    )
    deltas = torch.cat([(task[name] - base[name]).view(-1) for name in SHAPES])
    assert deltas.std() == pytest.approx(0.002, rel=0.3)
    again = dict(zip(sorted(SHAPES), models.values(SHAPES, "fp32", 0), strict=True))
    assert all(again[name].equal(task[name].view(-1)) for name in SHAPES)


@pytest.mark.parametrize(("dtype", "tolerance"), [("fp32", 1e-6), ("bf16", 8e-3)])
def test_the_floor_writes_what_the_studio_writes(drawn, dtype, tolerance):
    found = cases.models(drawn, f"tiny-{dtype}:2", drawn / "scratch")
    recipe = cases.write_recipe(found, "task_arithmetic", drawn / "scratch")
    export(open_merge(load_recipe(recipe)), drawn / "ours")
    (drawn / "floor").mkdir()
    target = drawn / "floor" / "model.safetensors"
    floor.merge(found.files, target, cases.COEFFICIENT, threads=2)
    assert rival.gaps(drawn / "ours", drawn / "floor")[0] <= tolerance
    assert load_file(target)["layer.0.weight"].dtype == models.DTYPES[dtype]


def test_more_tasks_than_were_written_are_links_to_them(drawn):
    found = cases.models(drawn, "tiny-fp32:5", drawn / "scratch")
    assert [task.name for task in found.tasks[:3]] == ["task0", "task1", "tiny-fp32-task2"]
    assert found.tasks[3].resolve().name == "task1"
    assert (
        len(open_merge(load_recipe(cases.write_recipe(found, "task_arithmetic", drawn))).deltas)
        == 5
    )


def test_mergekit_is_given_the_same_weights_and_density(drawn):
    found = cases.models(drawn, "tiny-bf16:2", drawn / "scratch")
    config = yaml.safe_load(rival.write_config(found, "ties", drawn).read_text())
    assert config["dtype"] == "bfloat16"
    assert config["parameters"] == {"normalize": True}
    assert [m["parameters"] for m in config["models"]] == [{"weight": 0.3, "density": 0.2}] * 2
    assert [m["model"] for m in config["models"]] == [str(task) for task in found.tasks]


def test_the_patch_mends_one_line_once(tmp_path):
    (tmp_path / "mergekit").mkdir()
    plan = tmp_path / "mergekit" / "plan.py"
    plan.write_text("x\n    for name in [w_in.name] + (w_in.aliases or [])\ny\n")
    assert rival.patch(tmp_path).endswith("one line mended")
    assert plan.read_text() == "x\n    for name in [w_in.name] + list(w_in.aliases or [])\ny\n"
    assert rival.patch(tmp_path).endswith("mended already")


def test_ratios_are_taken_pair_by_pair():
    ours = tuple(Sample(seconds, 10.0, seconds) for seconds in (2.0, 9.0, 3.0))
    floors = tuple(Sample(seconds, 5.0, 1.0) for seconds in (1.0, 3.0, 2.0))
    row = Row("a", "b:2", ours, floors)
    assert row.ratios == [2.0, 3.0, 1.5]
    assert "| 2.00 (1.50 to 3.00) |" in measure.table([row])
    assert "not measured: no ties" in measure.table([Row("a", "b:2", refused="no ties")])


@pytest.mark.slow
def test_every_method_is_merged_in_a_process_of_its_own(tmp_path, capsys):
    methods.main([str(tmp_path), "--small", "--methods", "iso_c", "--threads", "1"])
    header, rule, row = capsys.readouterr().out.splitlines()
    assert header.count("|") == rule.count("|") == row.count("|")
    assert row.startswith("| iso_c | 4 | ")
    sample = Sample(2.0, 60.0, 3.5)
    assert "| ties | 4 | 2.0 | 3.5 | 60 | 0.75 |" in methods.table(
        [methods.Measured("ties", 4, 80_000_000, sample)]
    )
    refused = methods.Measured("fisher", 4, 1, refused="needs validation rows (fisher)")
    assert "not run: needs validation rows (fisher)" in methods.table([refused])


@pytest.mark.slow
def test_memory_is_measured_above_what_was_there():
    """In a process of its own: here, other tests' threads may free memory meanwhile."""
    program = (
        "import json, torch; from dataclasses import asdict; from tests.benchmarks import measure\n"
        "held = []\n"
        "found = measure.measured(lambda: held.append(torch.ones(10_000_000)), 0.0)\n"
        "print(json.dumps(asdict(found)))"
    )
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, text=True, check=True,
                         stdout=subprocess.PIPE)  # fmt: skip
    sample = json.loads(run.stdout)
    assert 39 < sample["megabytes"] < 60  # 40 MB, and what torch allocates beside it
    assert set(sample) == {"seconds", "megabytes", "cpu", "imports"}


def test_a_text_has_the_tokens_of_another_that_come_in_its_order():
    assert voices.common(("the", "cat", "sat"), ("the", "cat", "sat", "down")) == 0.75
    assert voices.common(("cat", "the"), ("the", "cat")) == 0.5
    assert voices.common((), ("the",)) == 0.0
