"""Questions as a model reads them: where options begin, and what is cut of what."""

import pytest

from studio.errors import BadData
from studio.tasks.kinds.option_items import continued, paired, question_remarks, translated
from tests.conftest import refusal
from tests.tasks.kinds import choosers, classifiers, speakers

PLAIN, ENDS = speakers.tokenizer(True), choosers.tokenizer()


def test_an_option_stands_behind_its_question_with_one_space():
    rows = [
        ("is it?", ["yes", "naïve"]),
        ("is it? ", ["no", "so"]),
        ("is it?", ["\nno", "so", "x"]),
    ]
    found = continued(PLAIN, rows, 99, "a")
    read = [[PLAIN.decode(each.ids[1:]) for each in item.options] for item in found]
    assert read == [
        ["is it? yes", "is it? naïve"], ["is it? no", "is it? so"],
        ["is it?\nno", "is it? so", "is it? x"],
    ]  # fmt: skip
    assert [each.counted for each in found[0].options] == [4, 7]
    assert [each.counted for each in found[1].options] == [2, 2]  # the space is the question's
    assert (found[0].sizes, found[0].width, found[2].width) == ((3, 6), 3, 3)


def test_each_option_keeps_the_end_of_its_question():
    (found,) = continued(PLAIN, [("is it?", ["yes", "naïve!"])], 10, "a")
    assert [PLAIN.decode(each.ids) for each in found.options] == ["<s>s it? yes", "<s>? naïve!"]
    assert (found.cut, len(found)) == (5, 10)
    with pytest.raises(BadData, match="'a': 'naïve!' has 8 tokens, and 9 have room"):
        continued(PLAIN, [("is it?", ["yes", "naïve!"])], 9, "a")


def test_a_pair_loses_the_beginning_of_its_question(tmp_path):
    reader = classifiers.tokenizer(tmp_path)
    reader.truncation_side = "left"
    (whole,) = paired(reader, [("w1 w2 w3", ["w4", "w5 w6"])], 99, "a")
    assert [reader.decode(each.ids) for each in whole.options] == [
        "[CLS] w1 w2 w3 [SEP] w4 [SEP]", "[CLS] w1 w2 w3 [SEP] w5 w6 [SEP]",
    ]  # fmt: skip
    (found,) = paired(reader, [("w1 w2 w3", ["w4", "w5 w6"])], 6, "a")
    assert [reader.decode(each.ids) for each in found.options] == [
        "[CLS] w2 w3 [SEP] w4 [SEP]", "[CLS] w3 [SEP] w5 w6 [SEP]",
    ]  # fmt: skip
    assert found.cut == 2
    with pytest.raises(BadData) as error:
        paired(reader, [("w1 w2 w3", ["w4", "w5 w6"])], 5, "a")
    assert "An option is never cut: raise max_length" in refusal(error)


def test_a_target_is_whole_and_its_text_is_cut_where_the_tokenizer_cuts():
    ENDS.truncation_side = "left"
    (found,) = translated(ENDS, [("is it?", ["yes", "no"])], 4, "a", 64)
    assert ENDS.decode([*found.source]) == "it?</s>"[-7:]
    assert [ENDS.decode([*each]) for each in found.options] == ["yes</s>", "no</s>"]
    assert (found.cut, found.sizes) == (3, (3, 2))
    with pytest.raises(BadData, match="'a': 'yes' has 4 tokens, and 3 have room"):
        translated(ENDS, [("is it?", ["yes", "no"])], 4, "a", 3)
    with pytest.raises(BadData, match="'a': the tokenizer makes no token of ''"):
        translated(speakers.tokenizer(False), [("", ["yes", "no"])], 4, "a", None)


def test_a_target_without_an_end_or_without_a_token_is_refused():
    open_ended = speakers.tokenizer(False)
    with pytest.raises(BadData, match="'a': the tokenizer puts no end behind 'the'"):
        translated(open_ended, [("is it?", ["the", "the cat"])], 40, "a", None)


def test_options_that_nobody_can_tell_apart_are_counted(tmp_path):
    reader = classifiers.tokenizer(tmp_path)
    found = paired(reader, [("w1", ["w2", "w3"]), ("w1", ["zzz", "qqq"])], 20, "a")
    assert [each.has_twins for each in found] == [False, True]
    assert question_remarks(found, 20) == (
        "1 of 2 rows have options that the tokenizer reads as the same tokens, of which the first "
        "is always taken."
    )
    alike = translated(ENDS, [("is it?", ["no", "no"])], 40, "a", None)
    assert alike[0].has_twins
    assert not question_remarks(continued(PLAIN, [("is it?", ["yes", "no"])], 40, "a"), 40)


def test_an_option_of_which_the_tokenizer_makes_nothing_is_refused_with_its_row(tmp_path):
    """A zero-width space, where a tokenizer leaves such out, as WordPiece does."""
    from tokenizers import normalizers

    away = normalizers.Sequence([normalizers.Replace("\u200b", ""), normalizers.Strip()])
    spoken, headed = speakers.tokenizer(True), classifiers.tokenizer(tmp_path)
    rows = [("w1", ["w2", "w3"]), ("w1", ["w2", "\u200b"])]
    for reader, ask in ((spoken, continued), (headed, paired)):
        reader.backend_tokenizer.normalizer = away
        with pytest.raises(BadData, match=r"no token of '\\u200b' \(row 2\)\. Leave it out"):
            ask(reader, rows, 99, "a")
