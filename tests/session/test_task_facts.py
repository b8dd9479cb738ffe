"""What tasks are made of: rows and digests, once the deltas were measured."""

import torch

from studio.measure.bench import Bench
from studio.session.task_facts import task_facts
from studio.zoo import load_zoo


def test_rows_and_digests_are_those_of_the_files_and_wait_for_the_deltas(tiny_zoo):
    bench = Bench(load_zoo(tiny_zoo), torch.device("cpu"))
    assert task_facts(bench) == {}
    assert bench.gram.tasks
    found = task_facts(bench)
    assert [*found] == ["color", "animal"]
    assert [each.rows for each in found.values()] == [{"held_out": 50, "validation": 30}] * 2
    digests = [each.digest for each in bench.deltas.checkpoints]
    assert [each.digest for each in found.values()] == digests


def test_rows_that_cannot_be_read_are_left_out(tiny_copy):
    bench = Bench(load_zoo(tiny_copy), torch.device("cpu"))
    assert bench.gram.tasks
    assert bench.tasks
    (tiny_copy / "color" / "validation.jsonl").write_text("no row")
    assert task_facts(bench)["color"].rows == {"held_out": 50}
