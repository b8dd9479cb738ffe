"""Entities of tags in every scheme, and their F1, worked by hand."""

import pytest

from studio.tasks.kinds.entities import entities, f1_sums, mark_entities

P, L = "PER", "LOC"


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("B-PER I-PER O B-LOC", [(P, 0, 1), (L, 3, 3)]),  # IOB2
        ("I-PER I-PER O I-LOC I-PER B-PER", [(P, 0, 1), (L, 3, 3), (P, 4, 4), (P, 5, 5)]),  # IOB1
        ("B-PER I-PER E-PER S-LOC S-LOC", [(P, 0, 2), (L, 3, 3), (L, 4, 4)]),  # IOBES
        ("B-PER B-PER", [(P, 0, 0), (P, 1, 1)]),
        ("B-PER I-LOC I-LOC", [(P, 0, 0), (L, 1, 2)]),  # no scheme writes this and what follows
        ("O E-PER I-PER", [(P, 1, 1), (P, 2, 2)]),
        ("B-PER E-LOC E-LOC", [(P, 0, 0), (L, 1, 1), (L, 2, 2)]),
        ("S-PER I-PER", [(P, 0, 0), (P, 1, 1)]),
        ("B I O I", [("", 0, 1), ("", 3, 3)]),
        ("B-a-b I-a-b I-a", [("a-b", 0, 1), ("a", 2, 2)]),
        ("O O", []),
    ],
)
def test_entities_are_where_conlleval_sees_them(tags, expected):
    assert entities(tags.split()) == expected


def test_the_f1_of_entities_counts_whole_spans_with_their_types():
    right = ["B-PER", "I-PER", "O", "B-LOC", "O", "B-LOC"]
    said = ["B-PER", "I-PER", "O", "B-PER", "O", "O"]
    sums = f1_sums(right, said)  # one found; three are right, two are said: 2 · 1 / (3 + 2)
    assert sums.tolist() == [[2, 2], [0, 0], [0, 0], [0, 2], [0, 0], [0, 1]]
    assert sums.sum(0).tolist() == [2, 5]
    assert f1_sums(right, ["B-PER", "O", "O", "B-LOC", "O", "B-LOC"]).sum(0).tolist() == [4, 6]
    assert f1_sums(right, right).sum(0).tolist() == [6, 6]


def test_tags_that_mark_no_entities_have_no_f1():
    assert mark_entities(("O", "B-PER", "I-PER", "E-PER", "S-PER"))
    assert mark_entities(("B", "I", "O"))
    assert not mark_entities(("NOUN", "VERB", "O"))
    assert not mark_entities(("O",))
    assert not mark_entities(())
