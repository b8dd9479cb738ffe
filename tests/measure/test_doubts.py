"""Doubts: which experts are named, and that nobody is told to add less of them."""

import numpy as np

from studio.measure.doubts import doubts
from studio.measure.intervals import Score
from studio.measure.marks import Marks
from studio.measure.references import references, score_references
from studio.tasks.metric import AGREEMENT, LOSS
from tests.tasks.kinds import classifiers

FLOORS = [("head-only", {"a": Score(0.5, 40, 0.4, 0.6, "wilson")})]


def at(low, high):
    return {"a": Score((low + high) / 2, 40, low, high, "wilson")}


def test_an_expert_is_named_only_if_its_whole_interval_lies_below():
    assert doubts(at(0.3, 0.49), {"a": 0}, FLOORS).keys() == {"a"}
    assert doubts(at(0.3, 0.5), {"a": 0}, FLOORS) == {}
    assert doubts(at(0.1, 0.24), {"a": 4}, []).keys() == {"a"}
    assert doubts(at(0.1, 0.25), {"a": 4}, []) == {}
    assert doubts(at(0.0, 0.1), {"a": 1}, []) == {}


def test_the_sentence_has_its_numbers_and_names_pooling_labels_and_head_alone():
    (words,) = doubts(at(0.1, 0.2), {"a": 4}, FLOORS).values()
    assert "'a' alone scores 15.0% (95 % interval 10.0% to 20.0%, n=40), below chance" in words
    assert "chance (25.0%) and head-only (50.0%)" in words
    assert all(each in words for each in ("pooling", "labels", "head"))
    assert "coefficient" not in words


def test_labels_in_another_order_are_noticed_by_the_expert_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "own"))
    model = classifiers.built(tmp_path, "Bert")
    said = classifiers.predicted(model, tmp_path)
    rows = [
        {"text": text, "label": (label + 1) % 3}
        for text, label in zip(classifiers.TEXTS, said, strict=True)
    ]
    bench = classifiers.bench(classifiers.write_zoo(tmp_path, rows))
    (words,) = score_references(references(bench)).doubts
    assert "'expert' alone scores 0.0%" in words
    assert "chance (33.3%)" in words


def test_an_expert_whose_loss_is_above_that_of_the_base_is_named():
    base = [("the base with its head", {"a": Score(3.0, 40, 2.8, 3.2, "bootstrap", LOSS)})]
    worse = {"a": Score(3.5, 40, 3.1, 3.9, "bootstrap", LOSS)}
    (words,) = doubts(worse, {"a": 0}, base).values()
    assert "'a' alone has a loss of 3.500 nats per token (95 % interval 3.100 to 3.900" in words
    assert "above the base with its head (3.000)" in words
    assert "tokenizer" in words
    unsure = {"a": Score(3.5, 40, 2.9, 4.1, "bootstrap", LOSS)}
    better = {"a": Score(2.5, 40, 2.4, 2.6, "bootstrap", LOSS)}
    assert doubts(unsure, {"a": 0}, base) == doubts(better, {"a": 0}, base) == {}


def test_an_expert_that_clearly_disagrees_with_its_own_answers_is_named():
    def agreed(right: int, n: int) -> dict[str, Score]:
        marks = np.array([1.0] * right + [0.0] * (n - right))
        return {"a": Marks(marks, AGREEMENT).score(None)}

    (words,) = doubts(agreed(27, 30), {"a": 2}, []).values()
    assert words.startswith("The expert 'a' alone agrees with only 90.0% of its own answers (95 %")
    assert "other weights, another head or other settings" in words
    for right, n in ((30, 30), (29, 30), (995, 1000)):  # a near tie may turn by rounding
        assert doubts(agreed(right, n), {"a": 2}, []) == {}
    assert "chance" not in doubts(agreed(1, 30), {"a": 2}, [])["a"]


def test_a_replaced_checkpoint_is_named_before_anything_is_scored():
    gone = {"a": "Another one answered."}
    assert doubts({}, {}, [], gone) == gone
    assert doubts(at(0.1, 0.2), {"a": 4}, FLOORS, gone) == gone
