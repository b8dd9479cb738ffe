"""Laws of the draw: nothing in two splits, nothing invented, the same by the same seed."""

from collections import Counter

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from studio.errors import BadData
from studio.new_zoo.splits import (
    FOR_HEADS,
    content,
    draw,
    leak_words,
    leaks,
    refuse_leaks,
    without_leaks,
)

texts = st.integers(0, 60).map(lambda number: f"text {number}")
rows = st.fixed_dictionaries({"text": texts, "label": st.sampled_from("abc")})
grouped = st.fixed_dictionaries(
    {"text": texts, "label": st.sampled_from("ab"), "group": st.integers(0, 30).map(str)}
)


def drawn(found, seed, train):
    try:
        return draw(found, seed, train)
    except BadData:
        assume(False)


@settings(max_examples=60, deadline=None)
@given(st.one_of(st.lists(rows, min_size=12), st.lists(grouped, min_size=12)), st.integers(0, 9))
@pytest.mark.parametrize("train", [True, False])
def test_no_split_shares_a_row_or_a_group_and_none_is_invented(train, found, seed):
    made = drawn(found, seed, train)
    assert list(made.rows) == ["held_out", "validation", *["train"] * train]
    assert leaks(made.rows) == {}
    together = [repr(row) for split in made.rows.values() for row in split]
    assert Counter(together) == Counter(map(repr, found))  # fewer than any limit: all are used
    assert draw(found, seed, train) == made


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(2, 60), min_size=2, max_size=4), st.integers(0, 9))
def test_each_label_has_the_share_of_its_split(counts, seed):
    every = [
        {"text": f"{label} {at}", "label": str(label)}
        for label, count in enumerate(counts) for at in range(count)
    ]  # fmt: skip
    assume(len(every) >= 20)
    made = drawn(every, seed, True)
    shares = {"held_out": 0.5, "validation": 0.2, "train": 0.3}
    for split, share in shares.items():
        found = Counter(row["label"] for row in made.rows[split])
        for label, count in enumerate(counts):
            assert abs(found[str(label)] - share * count) <= 1


def test_a_large_table_is_cut_to_the_limits_and_keeps_the_shares_of_labels():
    every = [{"text": str(at), "label": "rare" if at % 50 == 0 else "usual"} for at in range(20000)]
    made = draw(every, 3, True).rows
    for split, most in FOR_HEADS.most.items():
        assert len(made[split]) == most
        assert len({row["text"] for row in made[split]}) == most
        assert sum(row["label"] == "rare" for row in made[split]) == pytest.approx(most / 50, abs=1)
    assert leaks(made) == {}


def test_another_seed_is_another_draw():
    every = [{"text": str(at), "label": "ab"[at % 2]} for at in range(100)]
    one, other = draw(every, 0, False), draw(every, 1, False)
    assert one.rows != other.rows
    assert one.notes == ("Drawn by row and label with seed 0: 72 held-out, 28 validation of 100 "
                         "rows.",)  # fmt: skip


def test_copies_and_what_they_are_grouped_with_stay_together():
    every = [{"text": str(at), "label": "a", "group": str(at // 2)} for at in range(40)]
    every.append({"text": "0", "label": "b", "group": "19"})  # ties groups 0 and 19
    made = draw(every, 0, False)
    by_split = {s: {row["group"] for row in found} for s, found in made.rows.items()}
    assert len([s for s, groups in by_split.items() if groups & {"0", "19"}]) == 1
    assert "1 rows are copies of others; all copies are in one split." in made.notes


def test_too_few_rows_or_groups_are_refused_with_their_number():
    few = [{"text": str(at), "label": "a"} for at in range(3)]
    with pytest.raises(BadData, match="There are 3 different rows; at least 10 are needed"):
        draw(few, 0, False)
    one = [{"text": str(at), "label": "a", "group": "same"} for at in range(50)]
    with pytest.raises(BadData, match="There are 1 groups of rows"):
        draw(one, 0, False)
    rare = [{"text": str(at), "label": str(at)} for at in range(12)]
    with pytest.raises(BadData, match="leave none for validation"):
        draw(rare, 0, False)


def test_shared_rows_are_counted_refused_or_left_out_of_later_splits():
    held = [{"text": "one", "label": "a"}, {"text": "two", "label": "b"}]
    validation = [{"text": "two", "label": "other"}, {"text": "three", "label": "a"}]
    splits = {"validation": validation, "held_out": held}
    assert leaks(splits) == {("validation", "held_out"): 1}
    with pytest.raises(BadData, match="1 of 2 validation rows are also in held-out"):
        refuse_leaks(splits)
    kept, lost = without_leaks(splits)
    assert (kept["held_out"], kept["validation"], lost) == (held, validation[1:], 1)
    refuse_leaks(kept)


def test_a_group_in_two_splits_is_a_leak_though_its_rows_differ():
    splits = {
        "held_out": [{"text": "one", "label": "a", "group": "x"}],
        "validation": [{"text": "two", "label": "a", "group": "x"}],
    }
    assert leaks(splits) == {("held_out", "validation"): 1}
    assert leak_words(splits) == "1 of 1 held-out rows are also in validation"
    refuse_leaks(splits)  # whoever made the files may have meant it
    assert without_leaks(splits)[1] == 0


def test_what_a_row_says_is_all_but_its_answer():
    row = {"text": "a", "label": "x", "group": "1"}
    assert content(row) == content({"text": "a", "label": "y"})
    assert content(row) != content(row | {"text_pair": "b"})
    assert content({"image": b"1"}) != content({"image": b"2"})
