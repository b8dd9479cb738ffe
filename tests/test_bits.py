"""The same recipe gives the same bits: on any number of threads, cut, processor and path."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from studio.checkpoints.resident import keep_in_memory
from studio.checkpoints.vectors import CHUNK
from studio.checkpoints.writer import write_weights
from studio.errors import BadCheckpoint
from studio.export.model import export
from studio.merge import merged_pieces, open_merge
from studio.methods import method
from studio.recipe import Recipe, TaskEntry
from tests.conftest import ROOT, draw, save_adapter, save_model
from tests.merged import merged_tensors

SHAPES = {"layer.0.dense.weight": (300, 700), "layer.0.dense.bias": (300,)}
METHODS = [
    ("task_arithmetic", {}),
    ("average", {}),
    ("mdm_oc", {}),
    ("mdm_oc", {"scope": "tensor", "order": "symmetric"}),
    ("ties", {}),
    ("mdm_oc", {"basis": "subspace"}),
    ("iso_c", {}),
    ("dare", {}),
    ("dare", {"rescale": "norm"}),
    ("della", {}),
    ("breadcrumbs", {}),
    ("magmax", {}),
    ("pcb", {}),
    ("emr", {}),
    ("cart", {}),
    ("aswudi", {}),
    ("actmat", {}),
    ("knots", {}),
    ("nufilt", {}),
    ("ties", {"svc": 0.3}),
]


@pytest.fixture(scope="module")
def large(tmp_path_factory) -> Path:
    """Two full checkpoints and an adapter whose matrix spans more than three chunks."""
    folder = tmp_path_factory.mktemp("large")
    base = draw(0, SHAPES)
    assert base["layer.0.dense.weight"].numel() > 3 * CHUNK
    save_model(folder / "base", base)
    for i in (1, 2):
        change = draw(i, SHAPES, 0.1)
        save_model(folder / f"t{i}", {k: v + change[k] for k, v in base.items()})
    factors = draw(3, {"a": (4, 700), "b": (300, 4)})
    save_adapter(folder / "t3", {"layer.0.dense": (factors["a"], factors["b"])})
    return folder


def recipe(folder: Path, name: str, options: dict, tasks=(1, 2, 3)) -> Recipe:
    entries = tuple(TaskEntry(f"t{i}", str(folder / f"t{i}"), 0.3) for i in tasks)
    return Recipe(str(folder / "base"), entries, name, options)


def root(made: Recipe, target: Path) -> str:
    merge = open_merge(made)
    merge.prepare()
    target.mkdir()
    layout = {k: (merge.output_dtype(k), e.shape) for k, e in merge.base.weights.entries.items()}
    return write_weights(target, layout, lambda name: merged_pieces(merge, name))


_CHILD = """
import sys, json, torch
from pathlib import Path
from tests.test_bits import METHODS, recipe, root
torch.set_num_threads(int(sys.argv[2]))
assert torch.get_num_threads() == int(sys.argv[2])
folder, out = Path(sys.argv[1]), Path(sys.argv[3])
out.mkdir()
print(json.dumps([root(recipe(folder, *m), out / str(i)) for i, m in enumerate(METHODS)]))
print(torch.backends.cpu.get_cpu_capability())
"""


def child(folder: Path, threads: int, out: Path, **variables: str) -> tuple[list[str], str]:
    run = subprocess.run(
        [sys.executable, "-c", _CHILD, str(folder), str(threads), str(out)],
        cwd=ROOT, env=os.environ | variables, capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines = run.stdout.splitlines()
    return json.loads(lines[0]), lines[1]


@pytest.mark.slow
def test_threads_and_processor_change_no_bit(large, tmp_path):
    one, capability = child(large, 1, tmp_path / "one")
    two, _ = child(large, 2, tmp_path / "two")
    assert one == two
    assert len(set(one)) == len(METHODS)
    plain, other = child(large, 2, tmp_path / "plain", ATEN_CPU_CAPABILITY="default")
    assert other != capability
    elementwise = [i for i, (name, o) in enumerate(METHODS) if method(name, o).portable]
    assert 0 < len(elementwise) < len(METHODS)
    assert [plain[i] for i in elementwise] == [one[i] for i in elementwise]


@pytest.mark.parametrize("cut", [777 * 3, 2**16])
@pytest.mark.parametrize(("name", "options"), METHODS)
def test_cuts_and_what_is_held_in_memory_change_no_bit(large, name, options, cut):
    whole = merged_tensors(open_merge(recipe(large, name, options)))
    held = open_merge(recipe(large, name, options))
    assert keep_in_memory(held.deltas, 10**9)
    assert keep_in_memory(held.vectors, 10**9)
    for key, tensor in merged_tensors(held).items():
        assert tensor.equal(whole[key])
        cuts = [piece.clone() for piece in merged_pieces(held, key, cut)]
        assert torch.cat(cuts).equal(tensor.flatten())


@pytest.mark.parametrize(("name", "options"), METHODS)
@pytest.mark.parametrize("gone", ["t1", "t2", "t3"])
def test_a_task_taken_out_leaves_what_a_fresh_merge_would_be(large, tmp_path, name, options, gone):
    left = tuple(i for i in (1, 2, 3) if f"t{i}" != gone)
    without = root(recipe(large, name, options).without(gone), tmp_path / "without")
    assert without == root(recipe(large, name, options, left), tmp_path / "never")


def test_a_file_cut_off_during_a_merge_is_a_sentence_and_leaves_nothing(large, tmp_path):
    for name in ("base", "t1", "t2"):
        save_model(tmp_path / name, draw(0, SHAPES) | draw(len(name), SHAPES))
    merge = open_merge(recipe(tmp_path, "task_arithmetic", {}, (1, 2)))

    def cut(share: float, words: str) -> None:
        os.truncate(tmp_path / "t2" / "model.safetensors", 5000)

    cut(0.0, "")
    with pytest.raises(BadCheckpoint, match="was changed or cut off while it was in use"):
        export(merge, tmp_path / "out", progress=cut, allow_duplicates=True)
    assert not (tmp_path / "out").exists()
