import numpy as np
import pytest
import torch

from studio.measure.bench import Bench
from studio.measure.evaluate import UNKNOWN
from studio.measure.showcase import MOST_ROWS, readings_of, shown_rows
from studio.zoo import load_zoo
from tests.tasks.kinds import speakers


@pytest.fixture(scope="module")
def bench(tiny_zoo):
    return Bench(load_zoo(tiny_zoo), torch.device("cpu"))


def evaluated(bench, merge):
    bench.live.wear(merge)
    found = bench.evaluation(bench.heads(bench.scored()), "held_out")
    list(found.run(bench.live))
    return found


def test_a_dozen_rows_come_in_turn_from_every_task_and_stay_the_same(bench):
    now, before = evaluated(bench, bench.expert("color")), evaluated(bench, None)
    rows, changed = shown_rows(now, before, only_changed=False)
    assert [row.task for row in rows].count("color") == MOST_ROWS // 2
    again, _ = shown_rows(before, now, only_changed=False)
    assert [row.shown for row in rows] == [row.shown for row in again]
    assert [(row.now, row.before) for row in rows] == [(row.before, row.now) for row in again]
    different = sum(
        int((now.predictions[name] != before.predictions[name]).sum()) for name in now.parts
    )
    assert changed == different > 0
    for row in rows:
        texts = {each.text: each.label for each in bench.tasks[row.task].rows("held_out")}
        assert row.label == bench.tasks[row.task].labels[texts[row.shown]]


def test_only_rows_that_both_have_seen_and_read_differently_count_as_changed(bench):
    now, before = evaluated(bench, bench.expert("color")), evaluated(bench, None)
    rows, changed = shown_rows(now, before, only_changed=True)
    assert 0 < len(rows) <= changed
    assert all(row.changed for row in rows)
    for name in before.predictions:
        before.predictions[name][:] = UNKNOWN
    assert shown_rows(now, before, only_changed=True) == ([], 0)
    first = shown_rows(now, None, only_changed=False)[0][0]
    assert (first.before, first.changed) == ("", False)


def test_a_text_of_ones_own_is_read_like_a_row_of_the_file(bench):
    merge = bench.expert("animal")
    found = evaluated(bench, merge)
    bench.live.wear(merge)
    heads = bench.heads(bench.scored())
    for index, row in enumerate(bench.tasks["animal"].rows("held_out")[:5]):
        read = readings_of(bench.live, bench.tasks, heads, row.text)
        predicted = found.predictions["animal"][index]
        assert read["animal"].label == bench.tasks["animal"].labels[predicted]
        assert 1 / len(bench.tasks["animal"].labels) <= read["animal"].probability <= 1
    assert set(read) == {"animal", "color"}


def test_of_losses_those_that_have_changed_most_are_shown(tmp_path):
    bench = speakers.bench(speakers.build(tmp_path / "zoo", "Llama"))
    now, before = evaluated(bench, bench.expert("prose")), evaluated(bench, None)
    rows, changed = shown_rows(now, before, only_changed=False)
    assert changed == 80
    for name in ("prose", "chat"):
        extents = now.parts[name].extents
        assert extents is not None
        moves = (now.predictions[name] - before.predictions[name]) / extents[:, 0]
        most = np.sort(np.abs(moves))[::-1][: MOST_ROWS // 2]
        own = [row for row in rows if row.task == name]
        assert [abs(row.change or 0.0) for row in own] == pytest.approx(most.tolist(), rel=1e-6)
        assert float(own[0].now) - float(own[0].before) == pytest.approx(own[0].change, abs=0.0011)
    unmoved, _ = shown_rows(now, None, only_changed=False)
    assert {(row.change, row.before) for row in unmoved} == {(None, "")}
