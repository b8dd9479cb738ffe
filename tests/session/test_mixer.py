"""One browser's mixer without a page: buttons, the pinned mix, and what is kept for later."""

from types import SimpleNamespace
from typing import Any

import pytest

from studio.errors import BadRecipe
from studio.evidence.ledger.log import Ledger
from studio.methods.after import AFTER
from studio.recipe import Calibrate, Heads
from studio.session.admission import Admission
from studio.session.mixer import Mixer
from studio.zoo import load_zoo
from tests.session.test_mix import with_coefficient


@pytest.fixture
def opened(tiny_zoo, tmp_path, monkeypatch):
    """Opens the mixer of a browser."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    zoo = load_zoo(tiny_zoo)

    def open_mixer(browser="", names=(), rows=None):
        joins = [SimpleNamespace(shared={"encoder.layer.0.weight": ""}, rows=rows)] * 2
        deltas: Any = SimpleNamespace(tasks=("color", "animal"), joins=joins)
        deltas.base = SimpleNamespace(names=names)
        return Mixer(zoo, deltas, Admission(Ledger(tmp_path / "ledger"), deltas), browser)

    return open_mixer


def coefficient(mixer: Mixer) -> float:
    return mixer.mix.strips[0].coefficient


def test_a_flip_shows_the_pinned_mix_for_a_moment(opened):
    mixer = opened()
    mixer.show(with_coefficient(mixer.mix, 0.2))
    mixer.edit("flip")
    assert coefficient(mixer) == 0.71
    assert mixer.current.strips[0].coefficient == 0.2
    assert mixer.value(None)["flipped"]
    mixer.edit("unflip")
    assert coefficient(mixer) == 0.2
    mixer.edit("pin")
    assert mixer.pinned == mixer.mix
    assert not mixer.value(None)["can_pin"]


def test_buttons_are_steps_of_undo(opened):
    mixer = opened()
    mixer.edit("halve")
    assert coefficient(mixer) == pytest.approx(0.355)
    mixer.edit("undo")
    assert coefficient(mixer) == 0.71
    mixer.edit("redo")
    assert coefficient(mixer) == pytest.approx(0.355)
    mixer.edit("earlier:animal")
    assert mixer.mix.names == ("animal", "color")
    mixer.edit("reset")
    assert mixer.mix == mixer.start


@pytest.mark.parametrize("action", ["", "explode", "earlier:nobody", "halve:twice", None, 3])
def test_a_button_that_is_not_there_changes_nothing(opened, action):
    mixer = opened()
    with pytest.raises(BadRecipe, match="something unknown; reload the page"):
        mixer.edit(action)
    assert mixer.mix == mixer.start


def test_a_running_search_moves_the_sliders_and_locks_them(opened):
    mixer = opened()
    value = mixer.value(with_coefficient(mixer.mix, 0.5))
    assert value["locked"]
    assert value["rows"][0]["coefficient"] == 0.5
    assert coefficient(mixer) == 0.71


def test_a_browser_finds_its_mix_again_and_no_other_does(opened):
    mixer = opened("b1")
    mixer.show(with_coefficient(mixer.mix, 0.2))
    mixer.keep()
    assert coefficient(opened("b1")) == 0.2
    assert coefficient(opened("b2")) == 0.71
    passing = opened("b 3")  # with a space: not kept
    passing.show(with_coefficient(passing.mix, 0.2))
    passing.keep()
    assert coefficient(opened("b 3")) == 0.71


def test_of_a_model_with_running_statistics_the_page_offers_which_a_merge_gets(opened):
    assert "batch_norm" not in opened().value(None)["options"]
    mixer = opened(names=("n.running_mean", "n.running_var"))
    drawn = mixer.value(None)
    assert drawn["schema"][-1]["choices"] == ["mixture", "recalibrate", "base"]
    drawn["options"]["batch_norm"] = "base"
    mixer.move(drawn)
    assert mixer.mix.batch_norm == "base"
    assert "batch_norm" not in mixer.mix.options
    mixer.move(mixer.value(None) | {"method": "ties"})
    assert mixer.mix.batch_norm == "base"
    mixer.edit("undo")
    mixer.edit("undo")
    assert mixer.mix.batch_norm == "mixture"
    drawn["options"]["batch_norm"] = "mean"
    with pytest.raises(BadRecipe, match="batch_norm 'mean' is not one of"):
        mixer.move(drawn)


def test_where_tasks_have_validation_rows_the_page_has_a_switch_to_calibrate(opened):
    mixer = opened()
    drawn = mixer.value(None)
    (switch,) = (each for each in drawn["schema"] if each["name"] == "calibrate")
    assert switch["choices"] == ["off", "on"]
    assert "two passes over these rows" in switch["words"]
    assert drawn["options"]["calibrate"] == "off"
    drawn["options"]["calibrate"] = "on"
    mixer.move(drawn)
    assert mixer.mix.calibrate == Calibrate()
    assert mixer.value(None)["options"]["calibrate"] == "on"
    assert "calibrate" not in mixer.mix.options
    mixer.edit("halve")
    assert mixer.mix.calibrate == Calibrate()
    mixer.edit("undo")
    mixer.edit("undo")
    assert mixer.mix.calibrate is None


def test_where_heads_score_labels_the_page_has_a_switch_to_refit_them(opened):
    mixer = opened()
    drawn = mixer.value(None)
    (switch,) = (each for each in drawn["schema"] if each["name"] == "heads")
    assert (switch["label"], switch["choices"]) == ("refit heads", ["off", "on"])
    assert drawn["options"]["heads"] == "off"
    drawn["options"]["heads"] = "on"
    mixer.move(drawn)
    assert mixer.mix.heads == Heads()
    assert mixer.mix.calibrate is None
    assert mixer.value(None)["options"]["heads"] == "on"
    assert "heads" not in mixer.mix.options


def test_where_tasks_added_tokens_the_page_offers_whether_an_export_has_them(opened):
    assert "vocabulary" not in opened().value(None)["options"]
    assert "vocabulary" not in opened(rows=SimpleNamespace(own={})).value(None)["options"]
    mixer = opened("b1", rows=SimpleNamespace(own={"<|im_start|>": 60}))
    drawn = mixer.value(None)
    assert drawn["schema"][-1]["choices"] == ["base", "union"]
    assert "scores here are read without them" in drawn["schema"][-1]["exactly"]
    drawn["options"]["vocabulary"] = "union"
    mixer.move(drawn)
    assert mixer.mix.vocabulary == "union"
    assert "vocabulary" not in mixer.mix.options
    mixer.move(mixer.value(None) | {"method": "ties"})
    assert mixer.mix.vocabulary == "union"
    mixer.keep()
    assert opened("b1").mix.vocabulary == "union"
    mixer.edit("undo")
    mixer.edit("undo")
    assert mixer.mix.vocabulary == "base"
    drawn["options"]["vocabulary"] = "all"
    with pytest.raises(BadRecipe, match="vocabulary 'all' is not one of base, union"):
        mixer.move(drawn)


def test_a_task_that_was_out_and_came_back_leaves_the_pinned_mix_with_its_digest(opened, tiny_zoo):
    mixer, zoo = opened(), load_zoo(tiny_zoo)
    start = mixer.mix.recipe(zoo).digest
    for on in (False, True):
        value = mixer.value(None)
        rows = [row | {"on": on} if row["name"] == "color" else row for row in value["rows"]]
        options = {name: int(x) if x == 1 else x for name, x in value["options"].items()}
        mixer.move(value | {"rows": rows, "options": options})
        assert mixer.value(None)["can_pin"] is not on
    assert mixer.mix == mixer.pinned
    assert mixer.mix.recipe(zoo).digest == start


def test_the_page_shows_of_options_only_what_the_basis_uses(opened):
    mixer = opened()
    named = lambda: [each["name"] for each in mixer.value(None)["schema"]]  # noqa: E731
    rest = [*AFTER, "calibrate", "heads"]
    own = ["basis", "scope", "normalize", "order", "strength", "rank", "energy"]
    assert named() == [*own, *rest]
    drawn = mixer.value(None)
    mixer.move(drawn | {"options": drawn["options"] | {"basis": "activation"}})
    own = ["basis", "order", "strength", "rank", "energy", "off_diagonal", "rows", "statistics"]
    assert named() == [*own, *rest]
    drawn = mixer.value(None)
    assert {each["name"]: each["default"] for each in drawn["schema"]}["strength"] == 0.25
    assert (drawn["start"], drawn["begins"]) == (1.0, "Weights begin at 1.")
    assert not drawn["ordered"]
