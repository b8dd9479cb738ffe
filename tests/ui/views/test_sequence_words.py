"""What is said of a run over time: plain captions, and headings that lead to their terms."""

import re

import pytest

from studio.sequence.measures import SHAPES, TRANSFERS
from studio.tasks.metric import ACCURACY, LOSS, METRICS
from studio.ui.glossary import find
from studio.ui.views.sequence_words import CHARTS, headings, joined
from tests.plain import not_plain
from tests.ui.snapshots import unlinked


def first(words: str) -> str:
    return re.split(r"(?<=\.) ", words, maxsplit=1)[0]


@pytest.mark.parametrize("curve", CHARTS)
def test_a_caption_begins_with_a_plain_sentence(curve):
    title, words = CHARTS[curve]
    assert not_plain(first(words)) == []
    assert title[0].isupper()


def test_every_curve_of_a_run_has_its_caption():
    assert {*CHARTS} == {*SHAPES, *(name for each in TRANSFERS.values() for name in each)}


def test_headings_lead_to_the_measures_and_say_the_metric_where_there_are_several():
    heads = headings(ACCURACY, several=False)
    assert [unlinked(each) for each in heads] == [
        "average at the end (ACC)", "gained or lost since arrival (BWT), points",
        "help in advance (FWT), points",
    ]  # fmt: skip
    assert ["data-term='acc'" in heads[0], "data-term='bwt'" in heads[1]] == [True, True]
    assert unlinked(headings(LOSS, several=True)[2]) == "help in advance (FWT), loss, nats"


def test_every_metric_is_explained():
    assert all(find(metric.name).sentence for metric in METRICS)


def test_names_are_joined_as_a_sentence_has_them():
    assert [joined(x) for x in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "", "a", "a and b", "a, b and c",
    ]  # fmt: skip
