import json

import numpy as np
import pytest
import torch

from studio.commands import remedies as of_the_command
from studio.errors import BadData
from studio.measure.bench import Bench
from studio.search.rows import chosen_rows, searched_head
from studio.tasks.row_parts import FITTED
from studio.ui import remedies as of_the_page
from studio.zoo import load_zoo


def test_a_quarter_of_the_rows_decides_and_none_is_fitted_on(bench):
    rows = chosen_rows(bench, "color", 20, True)
    assert (len(rows.fit), len(rows.check)) == (15, 5)
    assert not set(rows.fit) & set(rows.check)


def test_rows_of_a_group_stay_together(bench):
    rows = chosen_rows(bench, "animal", 400, True)  # 30 rows in groups of three
    groups = rows.part.groups
    assert groups is not None
    sides = [set(groups[side]) for side in (rows.fit, rows.check)]
    assert not sides[0] & sides[1]
    assert 6 <= len(rows.check) <= 10
    assert len(rows.fit) + len(rows.check) == 30


def write(folder, task: str, change) -> Bench:
    file = folder / task / "validation.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    file.write_text("\n".join(json.dumps(row) for row in change(rows)))
    return Bench(load_zoo(folder), torch.device("cpu"))


def test_one_class_only_is_refused_naming_the_label(tiny_copy):
    bench = write(tiny_copy, "color", lambda rows: [row | {"label": "green"} for row in rows])
    with pytest.raises(BadData, match="'color': all 30 validation rows have the label 'green'"):
        chosen_rows(bench, "color", 400, True)
    assert len(chosen_rows(bench, "color", 400, False).fit) == 22


def test_rows_without_labels_serve_losses_that_need_none(tiny_copy):
    bench = write(tiny_copy, "color", lambda rows: [{"text": row["text"]} for row in rows])
    with pytest.raises(BadData, match="30 of its 30 validation rows have no label"):
        chosen_rows(bench, "color", 400, True)
    assert not chosen_rows(bench, "color", 400, False).labelled


def test_too_few_rows_and_a_single_group_are_refused(tiny_copy):
    bench = write(tiny_copy, "color", lambda rows: rows[:3])
    with pytest.raises(BadData, match="at least 4 of every merged task, but 'color' has 3"):
        chosen_rows(bench, "color", 400, True)
    bench = write(tiny_copy, "animal", lambda rows: [row | {"group": "one"} for row in rows])
    with pytest.raises(BadData, match="all of one group, 'one'"):
        chosen_rows(bench, "animal", 400, True)


def test_the_split_is_the_same_every_time(bench):
    first, second = (chosen_rows(bench, "animal", 24, True) for _ in range(2))
    assert np.array_equal(first.fit, second.fit)
    assert np.array_equal(first.check, second.check)


def test_a_task_without_rows_is_to_be_unticked_on_the_page(tiny_copy):
    bench = write(tiny_copy, "color", lambda rows: rows[:3])
    with pytest.raises(BadData, match="but 'color' has 3 validation rows") as refused:
        searched_head(bench.tasks["color"])
    assert of_the_page.told(refused.value).endswith(
        "'color' has 3 validation rows. Untick 'color' in the mixer; the others can then be "
        "optimized."
    )
    assert of_the_command.told(refused.value).endswith(
        "Leave 'color' out of the recipe, or add such rows to the zoo file."
    )
    assert searched_head(bench.tasks["animal"]) is bench.tasks["animal"].head


def test_where_others_decide_in_the_end_rows_of_one_group_may_be_parted(tiny_copy):
    def grouped(rows):
        return [row | {"group": f"g{i // 4}"} for i, row in enumerate([*rows, *rows])]

    bench = write(tiny_copy, "animal", grouped)
    fitted = bench.tasks["animal"].rows(FITTED)
    assert (len(fitted), len({row.group for row in fitted})) == (4, 1)
    rows = chosen_rows(bench, "animal", 400, True, FITTED)
    assert (len(rows.fit), len(rows.check)) == (3, 1)
