"""Measured scores as the Hub reads them, compared with huggingface_hub's own reader."""

from dataclasses import dataclass

import yaml
from huggingface_hub.repocard_data import ModelCardData, model_index_to_eval_results

from studio.export.card import front_matter, model_card
from studio.export.licences import Licence, front_of
from studio.export.model_index import model_index
from studio.measure.intervals import Score, Share
from studio.tasks.kinds import KINDS
from studio.tasks.metric import LOSS
from tests.export.test_card import RECIPE


@dataclass(frozen=True)
class Named:
    """As much of a task as is said of it."""

    name: str
    type: str

    @property
    def kind(self):
        return KINDS[self.type]


TAGGED = Score(0.5, 8, 0.2, 0.8, "wilson", besides=(Share("entity F1", 0.4, 0.1, 0.7, "wilson"),))
READ = Score(2.5, 9, 2.0, 3.0, "bootstrap", LOSS, bits_per_byte=0.9)
TASKS = (Named("red", "token-classification"), Named("green", "causal-lm"))


def test_the_hubs_own_reader_finds_every_measured_number():
    index = model_index("desk/mix", TASKS, {"red": TAGGED, "green": READ, "blue": TAGGED})  # type: ignore[arg-type]
    name, results = model_index_to_eval_results(yaml.safe_load(yaml.safe_dump(index)))
    assert name == "desk/mix"
    found = [
        (each.task_type, each.task_name, each.metric_type, each.metric_value) for each in results
    ]
    assert found == [
        ("token-classification", "red", "accuracy", 0.5),
        ("token-classification", "red", "entity_f1", 0.4),
        ("text-generation", "green", "loss", 2.5),
        ("text-generation", "green", "bits_per_byte", 0.9),
    ]  # fmt: skip
    assert index[0]["results"][0]["metrics"][0]["args"] == {
        "n": 8, "low": 0.2, "high": 0.8, "interval": "95 %, wilson",
    }  # fmt: skip
    assert "blue" not in str(index)
    assert model_index("x", TASKS, {}) == []  # type: ignore[arg-type]


def test_a_card_has_them_in_its_front_matter_with_its_licence():
    index = model_index("mix", TASKS, {"red": TAGGED})  # type: ignore[arg-type]
    licence = Licence("llama3", "the base: llama3; <b>: mit.")
    card = model_card(RECIPE, (), {}, "f" * 64, licence=licence, index=index)
    front = front_of(card)
    assert front["model-index"] == index
    assert (front["license"], front["license_name"]) == ("other", "llama3")
    assert "## Licence\n\nthe base: llama3; \\<b\\>: mit.\n" in card
    data = ModelCardData(**{key.replace("-", "_"): value for key, value in front.items()})
    assert data.base_model == ["base", "red", "hub/green"]
    assert "## Licence" not in model_card(RECIPE, (), {}, "f" * 64)
    assert "license" not in front_matter(["a"], "ties")
