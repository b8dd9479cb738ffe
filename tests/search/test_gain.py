from dataclasses import replace

import pytest

from studio.measure.change import Change
from studio.measure.intervals import Score
from studio.measure.metrics import mean_score
from studio.search.gain import Gain, gains
from tests.scored import score


def test_gains_are_those_of_the_scores_of_both_recipes(bench):
    before = bench.zoo.recipe("task_arithmetic", 0.0)
    after = bench.zoo.recipe("task_arithmetic", 1.0)
    validation, held_out = gains(bench, before, after)
    for gain, count in ((validation, 60), (held_out, 100)):
        scores = [score(bench, bench.merge(each), gain.split) for each in (before, after)]
        expected = mean_score(scores[1]) - mean_score(scores[0])
        assert gain.change.mean == pytest.approx(expected)
        assert gain.change.n == count
        assert gain.plain()["after"] == pytest.approx(mean_score(scores[1]))


def test_only_the_recipe_s_tasks_count(bench):
    both = (bench.zoo.recipe("task_arithmetic", c).without("color") for c in (0.0, 1.0))
    assert all(set(gain.each) == {"animal"} for gain in gains(bench, *both))


def test_the_sentence_says_whether_it_is_beyond_noise():
    def score(x: float) -> dict[str, Score]:
        return {"a": Score(x, 100, 0, 1, "wilson")}

    gain = Gain("held_out", score(0.7), score(0.76), {"a": Change(0.06, 0.02, 100)})
    assert (
        gain.words == "Held out: 70.0% to 76.0%, +6.0 ± 2.0 points (n=100): better, beyond noise."
    )
    unclear = replace(gain, split="validation", each={"a": Change(0.01, 0.02, 100)})
    assert "Validation, seen by the search" in unclear.words
    assert "within noise: no difference can be told" in unclear.words
