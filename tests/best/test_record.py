"""The record of a search: what is kept is read again, and what is damaged or foreign is not."""

from dataclasses import replace

import numpy as np
import pytest

from studio.best.record import FILE, Record
from studio.best.trials import NOT_MERGING, Trial, first_trials
from studio.errors import StudioError
from studio.zoo import load_zoo


@pytest.fixture(scope="module")
def trial(tiny_zoo) -> Trial:
    return first_trials(load_zoo(tiny_zoo))[2]


def filled(folder, trial) -> Record:
    record = Record(folder, "zoo")
    record.keep_experts({"color": [1, 0, 2]})
    record.keep_values(trial, {"color": np.array([1.0, 0.0])}, 2, 0.5)
    record.keep_values(trial, {"color": np.array([1.0])}, 3, 0.25)
    record.keep_refusal(NOT_MERGING, "It cannot be.", 0.0)
    return record


def test_another_run_knows_what_one_has_kept(tmp_path, trial):
    filled(tmp_path, trial)
    found = Record(tmp_path, "zoo")
    assert found.experts == {"color": [1, 0, 2]}
    assert found.values(trial)["color"].tolist() == [1.0, 0.0, 1.0]
    assert (found.rows(trial), found.seconds(trial), len(found)) == (3, 0.75, 2)
    assert found.refused(NOT_MERGING) == "It cannot be."
    assert (found.rows(NOT_MERGING), found.refused(trial)) == (0, "")


def test_a_recipe_that_a_search_has_found_is_read_again(tmp_path, trial):
    made = trial.recipe.with_coefficients({"color": 0.25, "animal": 0.75})
    Record(tmp_path, "zoo").keep_found(trial, made, 1.0)
    assert Record(tmp_path, "zoo").found(trial) == made
    assert Record(tmp_path, "zoo").found(replace(trial, recipe=made)) is None


def test_a_zoo_that_lies_elsewhere_is_known_again(tmp_path, trial):
    def moved(recipe):
        tasks = tuple(replace(each, checkpoint=f"/b/{each.name}") for each in recipe.tasks)
        return replace(recipe, base="/b/base", tasks=tasks)

    made = trial.recipe.with_coefficients({"color": 0.25, "animal": 0.75})
    Record(tmp_path, "zoo").keep_found(trial, made, 1.0)
    other = replace(trial, recipe=moved(trial.recipe))
    assert other.key == trial.key
    assert Record(tmp_path, "zoo").found(other) == moved(made)


def test_a_line_that_was_cut_off_is_left_out_and_the_next_one_stands(tmp_path, trial):
    filled(tmp_path, trial)
    file = tmp_path / FILE
    content = file.read_bytes()
    at = content.index(b'"rows": 3')
    file.write_bytes(content[:at])
    found = Record(tmp_path, "zoo")
    assert found.rows(trial) == 2
    found.keep_refusal(NOT_MERGING, "Again.", 0.0)
    assert Record(tmp_path, "zoo").refused(NOT_MERGING) == "Again."


@pytest.mark.parametrize(
    "line", [b"[]\n", b"{}\n", b'{"trial": "a", "rows": "x", "values": {}}\n', b"\xff\n", b"7\n"]
)
def test_a_line_that_says_nothing_sensible_is_passed_over(tmp_path, trial, line):
    filled(tmp_path, trial)
    with (tmp_path / FILE).open("ab") as stream:
        stream.write(line)
    assert len(Record(tmp_path, "zoo")) == 2


def test_what_is_of_something_else_is_dropped_and_so_is_what_is_to_be_forgotten(tmp_path, trial):
    filled(tmp_path, trial)
    filled(tmp_path, trial).search_file(trial).write_text("{}")
    assert len(Record(tmp_path, "other rows")) == 0
    assert not list(tmp_path.glob("search-*"))
    filled(tmp_path, trial)
    assert len(Record(tmp_path, "zoo", fresh=True)) == 0
    assert len(Record(tmp_path, "zoo")) == 0


def test_a_folder_that_cannot_be_used_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StudioError, match="where trials are kept, cannot be used"):
        Record(tmp_path / "file" / "below", "zoo")
