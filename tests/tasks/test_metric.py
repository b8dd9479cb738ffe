"""Metrics: how their values are written, and which one several tasks have together."""

from studio.tasks.metric import ACCURACY, BOTH, LOSS, joint, perplexity_words


def test_values_and_differences_are_written_in_the_metric_s_own_way():
    assert (ACCURACY.shown(0.8125), LOSS.shown(2.34567)) == ("81.2%", "2.346")
    assert ACCURACY.difference(-0.021, 0.01) == "-2.1 ± 1.0"
    assert LOSS.difference(0.0214, 0.01) == "+0.021 ± 0.010"
    assert (ACCURACY.difference(-0.0), LOSS.difference(-0.0)) == ("+0.0", "+0.000")
    assert (ACCURACY.within(1.2), LOSS.within(7.0), LOSS.within(-1.0)) == (1.0, 7.0, 0.0)


def test_several_tasks_have_one_metric_or_both():
    assert joint([]) is ACCURACY
    assert joint([LOSS, LOSS]) is LOSS
    assert joint([LOSS, ACCURACY]) is BOTH


def test_a_perplexity_is_a_number_that_people_read():
    told = {x: perplexity_words(x) for x in (4.4817, 12.18, 99.96, 2633.2, 4.3e8, 1e300)}
    assert [*told.values()] == ["4.48", "12.2", "100", "2,633", "430,000,000", "over a billion"]
