import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from studio.errors import Cancelled, StudioError
from studio.evidence.rebuild import is_portable, rebuild_apart, rebuilt_root
from studio.export.model import export
from studio.merge import open_merge
from studio.recipe import Recipe, TaskEntry
from tests.conftest import ROOT, draw, save_model
from tests.test_bits import METHODS

SHAPES = {"layer.0.dense.weight": (70, 1000), "layer.0.dense.bias": (70,)}


@pytest.fixture
def four(tmp_path: Path) -> Recipe:
    """Four full checkpoints on one base."""
    base = draw(0, SHAPES)
    save_model(tmp_path / "base", base)
    for i in range(4):
        change = draw(i + 1, SHAPES, 0.1)
        save_model(tmp_path / f"t{i}", {k: v + change[k] for k, v in base.items()})
    entries = tuple(TaskEntry(f"t{i}", str(tmp_path / f"t{i}"), 0.4) for i in range(4))
    return Recipe(str(tmp_path / "base"), entries)


def root(recipe: Recipe) -> str:
    return rebuilt_root(open_merge(recipe))


@pytest.mark.parametrize(("method", "options"), METHODS)
def test_the_streamed_root_is_that_of_an_export(four, tmp_path, method, options):
    recipe = Recipe(four.base, four.tasks, method, options)
    assert root(recipe) == export(open_merge(recipe), tmp_path / "out")


@pytest.mark.slow
@pytest.mark.parametrize("capability", ["default", None])
def test_a_separate_process_gets_the_same_bits_with_the_checkpoint_deleted(
    four, tmp_path, capability
):
    """G1: the export is made with the checkpoint there, the rebuild without it on the disk."""
    made = export(open_merge(four.without("t1")), tmp_path / "out")
    shutil.rmtree(tmp_path / "t1")
    found = rebuild_apart(four.without("t1"), portable=capability is not None)
    assert found.root == made
    assert found.threads == 1
    assert (found.capability == "DEFAULT") == (capability is not None)
    assert found.seconds > 0


@pytest.mark.slow
def test_threads_of_the_rebuild_change_no_bit(four):
    code = (
        "import sys, torch\n"
        "from pathlib import Path; from studio.recipe import load_recipe\n"
        "from studio.merge import open_merge; from studio.evidence.rebuild import rebuilt_root\n"
        "for threads in (1, 2):\n"
        "    torch.set_num_threads(threads)\n"
        "    print(rebuilt_root(open_merge(load_recipe(Path(sys.argv[1])))))"
    )
    file = Path(four.base).parent / "recipe.json"
    file.write_text(json.dumps(four.without("t2").plain()))
    run = subprocess.run(
        [sys.executable, "-c", code, str(file)], cwd=ROOT, env=os.environ,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert run.stdout.split() == [root(four.without("t2"))] * 2


def test_every_position_and_two_removals_in_either_order_equal_never_merged(four):
    """G2, with merging again at the same place."""
    first = root(four)
    for name in four.names:
        others = tuple(task for task in four.tasks if task.name != name)
        assert root(four.without(name)) == root(Recipe(four.base, others))
    for one, two in itertools.permutations(four.names, 2):
        others = tuple(task for task in four.tasks if task.name not in (one, two))
        assert root(four.without(one).without(two)) == root(Recipe(four.base, others))
    place = 1
    gone = four.tasks[place]
    left = list(four.without(gone.name).tasks)
    left.insert(place, gone)
    assert root(Recipe(four.base, tuple(left))) == first


@pytest.mark.slow
def test_the_last_task_taken_out_leaves_the_base(four):
    empty = four.without(*four.names)
    assert rebuild_apart(empty, portable=True).root == open_merge(four).base.weights.root


@pytest.mark.slow
def test_a_refusal_of_the_other_process_is_a_sentence(four, tmp_path):
    shutil.rmtree(tmp_path / "t3")
    with pytest.raises(StudioError, match="separate rebuild failed: There is no folder"):
        rebuild_apart(four, portable=True)


@pytest.mark.slow
def test_a_cancelled_rebuild_leaves_no_process(four):
    def stop(share: float, words: str) -> None:
        raise Cancelled("Cancelled.")

    with pytest.raises(Cancelled):
        rebuild_apart(four, True, stop)
    children = subprocess.run(
        ["ps", "-o", "args", "--ppid", str(os.getpid())], capture_output=True, text=True, check=True
    )
    assert "studio.evidence.rebuild" not in children.stdout


def test_bits_are_promised_everywhere_but_where_singular_values_or_norms_enter(make_recipe):
    kept = {
        f"{m} {o}"
        for m, o in METHODS
        if not is_portable(open_merge(make_recipe(method=m, options=o)))
    }
    whole = {f"{m} {{}}" for m in
             ("actmat", "aswudi", "cart", "emr", "iso_c", "knots", "nufilt", "pcb")}  # fmt: skip
    assert kept == whole | {
        "mdm_oc {'basis': 'subspace'}", "dare {'rescale': 'norm'}", "ties {'svc': 0.3}",
    }  # fmt: skip
