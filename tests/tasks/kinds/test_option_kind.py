"""What kinds that ask for options share: a row opens with its text, read by the way's tokenizer."""

import pytest
from tokenizers.normalizers import Replace

from studio.errors import BadData
from studio.tasks.kinds import KINDS
from studio.tasks.kinds.choice_rows import ChoiceRow
from studio.tasks.kinds.option_kind import OptionKind
from studio.tasks.kinds.option_ways import Translated
from studio.tasks.kinds.target_rows import TargetRow
from tests.conftest import refusal
from tests.tasks.kinds import choosers

ROWS = {
    "multiple-choice": ChoiceRow("the cat", ("sings", "sleeps"), 0),
    "seq2seq": TargetRow("the cat", "sings", 1),
}


@pytest.mark.parametrize("name", ROWS)
def test_a_row_opens_with_its_text_and_is_as_long_as_its_longest_part(name):
    kind, way = KINDS[name], Translated(choosers.tokenizer())
    assert isinstance(kind, OptionKind)
    assert kind.opening(ROWS[name]) == "the cat"
    assert kind.speller(way) is way.tokenizer
    (item,) = way.questions([("the cat", ("sings", "sleeps quietly"))], 20, "task")
    assert kind.length(item) == len(b"sleeps quietly") + 1
    made = kind.batch(way, [item, item])
    assert made.inputs["input_ids"].shape == (2, len(b"the cat") + 1)
    assert made.inputs["labels"].shape[0] == 4
    assert len(kind.trial(way).items) == 8


def test_a_tokenizer_that_makes_nothing_of_a_text_is_refused():
    way = Translated(choosers.tokenizer())
    way.tokenizer.backend_tokenizer.normalizer = Replace("x", "")
    with pytest.raises(BadData) as error:
        KINDS["seq2seq"].refuse_unread(way, [TargetRow("xx", "a", 1)], "'a', rows")
    assert "makes no token of the text 'xx'" in refusal(error)
