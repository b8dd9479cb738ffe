"""What a lesson says of its scores: losses are no accuracy, and rows may bring their options."""

from dataclasses import replace

import pytest

from studio.lesson.page import lesson_page
from studio.lesson.questions import questions
from studio.lesson.scoring import less_is_better, scoring
from studio.tasks.metric import AGREEMENT, LOSS
from tests.lesson.test_facts import score


def with_metrics(record, color, animal, options=None):
    experts = {
        "color": replace(score(0.9), metric=color),
        "animal": replace(score(0.8), metric=animal),
    }
    facts = replace(record.facts, experts=experts)
    return replace(record, facts=facts, options=options or record.options)


def test_labels_are_counted(record):
    assert all(record.options.values())
    (told,) = scoring(replace(record, options={"color": 3, "animal": 5}))
    assert told.startswith("All tasks are scored by accuracy: ")
    assert "one of 3 to 5, is the likeliest" in told


def test_rows_with_options_of_their_own_say_so(record):
    (told,) = scoring(replace(record, options={"color": 0, "animal": 0}))
    assert "every row brings options of its own" in told


@pytest.mark.parametrize(("metric", "word"), [(LOSS, "nats of surprise"), (AGREEMENT, "agreement")])
def test_what_is_no_accuracy_says_so(record, metric, word):
    (told,) = scoring(with_metrics(record, metric, metric))
    assert told.startswith("All tasks are scored by ")
    assert word in told
    assert "by accuracy" not in told


def test_two_ways_name_their_tasks(record):
    mixed = with_metrics(record, LOSS, record.facts.experts["animal"].metric)
    told = scoring(mixed)
    assert [each.split(" is scored by ")[0] for each in told] == ["color", "animal"]


def test_losses_count_downwards_in_the_page_and_its_answers(record):
    losses = with_metrics(record, LOSS, LOSS)
    own = losses.facts.experts["color"]
    losses = replace(losses, attack=replace(record.attack, own=own))
    page = lesson_page(losses)
    assert "Less is better" in page
    assert "no share of right answers" in page
    assert less_is_better(own) == " Less loss is better."
    assert questions(losses)[-1].answer.endswith("Less loss is better.")
    assert less_is_better(record.attack.own) == ""
    assert not questions(record)[-1].answer.endswith("Less loss is better.")
