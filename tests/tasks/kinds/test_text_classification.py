"""Text classification by its own file: the longest text."""

import pytest

from studio.checkpoints.checkpoint import open_checkpoint
from studio.errors import BadData
from studio.tasks.kinds import USUAL_KIND
from studio.tasks.kinds.text_rows import TextRow
from studio.tasks.kinds.text_settings import TextSettings
from studio.tasks.spec import TaskSpec


def test_a_text_cut_behind_the_last_position_is_refused(tiny_zoo):
    model = USUAL_KIND.load(open_checkpoint(tiny_zoo / "base"))  # of 32 positions

    def spec(length):
        return TaskSpec("a", "a", USUAL_KIND.name, TextSettings(max_length=length))

    USUAL_KIND.refuse_long(spec(32), model)
    with pytest.raises(BadData, match="'a' has max_length 33, but .* at most 32 tokens"):
        USUAL_KIND.refuse_long(spec(33), model)


def test_rows_that_are_cut_are_counted(tiny_zoo):
    base = open_checkpoint(tiny_zoo / "base")
    spec = TaskSpec("a", "a", USUAL_KIND.name, TextSettings(max_length=4))
    rows = [TextRow("red", 0, None), TextRow("red blue green red blue", 0, None)]
    said = USUAL_KIND.remarks(spec, base, rows)
    assert said.startswith("1 of 2 rows are longer than max_length 4 and are cut; 3 tokens")
    assert not USUAL_KIND.remarks(spec, base, rows[:1])
