"""Statistics of one task: from its own checkpoint and rows, whatever else a zoo has."""

import shutil

import pytest

from studio.checkpoints.checkpoint import open_checkpoint
from studio.errors import BadState
from studio.measure.bench import open_bench
from studio.measure.expert_statistics import Wanted
from studio.sequence.own_inputs import checkpoints_of, own_inputs
from studio.sequence.sums import init_sums
from studio.zoo import load_zoo


@pytest.fixture
def state(tiny_copy):
    base = open_checkpoint(tiny_copy / "base")
    return init_sums(base, tiny_copy / "s.safetensors", "regmean", {"rows": 6})


def test_they_are_those_of_the_zoo_and_read_no_other_checkpoint(state, tiny_copy):
    bench = open_bench(tiny_copy, "cpu")
    assert bench is not None
    expected = bench.statistics.measure(Wanted("color", "gram", 6)).root
    for file in (tiny_copy / "animal").glob("*.safetensors"):
        file.write_bytes(b"unreadable")
    base, checkpoint = (open_checkpoint(tiny_copy / name) for name in ("base", "color"))
    found = own_inputs(state, load_zoo(tiny_copy), base, checkpoint)
    assert found is not None
    assert found.root == expected


def test_what_needs_no_rows_and_what_has_none(state, tiny_copy, tmp_path):
    zoo, base = load_zoo(tiny_copy), open_checkpoint(tiny_copy / "base")
    plain = init_sums(base, tiny_copy / "t.safetensors", "average", {})
    assert own_inputs(plain, zoo, base, open_checkpoint(tiny_copy / "color")) is None
    assert own_inputs(state, None, base, open_checkpoint(tiny_copy / "color")) is None
    shutil.copytree(tiny_copy / "color", tmp_path / "elsewhere")
    with pytest.raises(
        BadState, match=r"has no task with the checkpoint .*elsewhere; it has 'color'"
    ):
        own_inputs(state, zoo, base, open_checkpoint(tmp_path / "elsewhere"))
    assert checkpoints_of(state, zoo, ()) == {}
