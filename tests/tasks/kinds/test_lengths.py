"""How long rows may be, and what is said of those that are longer."""

import pytest

from studio.checkpoints.checkpoint import open_base
from studio.errors import BadData, BadZoo
from studio.tasks.kinds.lengths import cut_remark, length_of, refuse_longer, usual_length
from tests.tasks.kinds import speakers


def test_a_length_is_a_whole_number_that_the_model_has_positions_for(tmp_path):
    assert length_of({}, "task 1") is None
    assert length_of({"max_length": 9}, "task 1") == 9
    for wrong in (1, 2.5, True, "9", None):
        with pytest.raises(BadZoo, match=f"task 1 has max_length {wrong!r}; it must be a whole"):
            length_of({"max_length": wrong}, "task 1")
    refuse_longer("a", 64, 64)
    refuse_longer("a", 99, None)
    with pytest.raises(BadData, match="'a' has max_length 65, but the model reads at most 64"):
        refuse_longer("a", 65, 64)
    base = open_base(str(speakers.build(tmp_path / "zoo", "GPT2") / "base"))
    assert usual_length(base) == 64


def test_rows_that_are_cut_are_counted():
    assert cut_remark([0, 0], 8) == ""
    assert cut_remark([0, 3, 4], 8) == (
        "2 of 3 rows are longer than max_length 8 and are cut; 7 tokens are left out."
    )
