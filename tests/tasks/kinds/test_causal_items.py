"""Documents: which tokens count, what is cut, and how many bytes the counted ones have."""

import pytest
from transformers.utils import logging

from studio.errors import BadData
from studio.tasks.kinds.causal_items import Document, documents
from studio.tasks.kinds.causal_lm import CausalLM
from studio.tasks.kinds.causal_rows import Passage
from tests.tasks.kinds.speakers import tokenizer

PLAIN, BEGINS = tokenizer(False), tokenizer(True)


def one(reader, row: Passage, length: int = 99) -> Document:
    (found,) = documents(reader, [row], length)
    return found


def test_a_text_counts_from_its_second_token_or_from_its_first_behind_a_beginning():
    plain, begins = one(PLAIN, Passage("naïve")), one(BEGINS, Passage("naïve"))
    assert (len(plain), plain.start, plain.counted, plain.size) == (6, 1, 5, 5)
    assert (len(begins), begins.start, begins.counted, begins.size) == (7, 1, 6, 6)


def test_of_a_prompt_and_an_answer_the_answer_counts():
    row = Passage("yes", None, "is it? ")
    plain, begins = one(PLAIN, row), one(BEGINS, row)
    assert (plain.start, plain.counted, plain.size) == (7, 3, 3)
    assert (begins.start, begins.counted, begins.size) == (8, 3, 3)
    alone = one(PLAIN, Passage("yes", None, ""))
    assert (alone.start, alone.counted, alone.size) == (1, 2, 2)


def test_a_text_loses_its_end_and_a_prompt_its_beginning():
    text = one(PLAIN, Passage("abcdef"), 4)
    assert (text.ids, text.counted, text.size, text.cut) == (
        PLAIN("abcd")["input_ids"], 3, 3, 2,
    )  # fmt: skip
    pair = one(BEGINS, Passage("yes", None, "is it? "), 6)
    assert pair.ids == BEGINS("? yes")["input_ids"]
    assert (pair.start, pair.counted, pair.size, pair.cut) == (3, 3, 3, 5)
    answer = one(PLAIN, Passage("a long one", None, "p"), 5)
    assert (answer.start, answer.counted, answer.size) == (1, 4, 4)


def test_a_single_token_leaves_nothing_to_predict():
    assert one(PLAIN, Passage("a")).counted == 0
    assert one(BEGINS, Passage("a")).counted == 1


def test_an_answer_of_no_token_leaves_nothing_to_predict():
    from tokenizers import normalizers

    reader = tokenizer(True)
    reader.backend_tokenizer.normalizer = normalizers.Replace("\u200b", "")
    (found,) = documents(reader, [Passage("\u200b", None, "the cat")], 64)
    assert found.counted == 0
    with pytest.raises(BadData, match=r"one token or none.*: '\\u200b' \(row 2\)\. Leave them out"):
        CausalLM().refuse_unread(reader, [Passage("dog"), Passage("\u200b", None, "cat")], "rows")


def test_a_text_that_is_cut_is_counted_here_and_not_warned_of(caplog):
    reader = tokenizer(True)
    reader.model_max_length = 8
    logging.enable_propagation()
    (item,) = documents(reader, [Passage("a" * 20)], 8)
    logging.disable_propagation()
    assert (len(item), item.cut, caplog.text) == (8, 13, "")
