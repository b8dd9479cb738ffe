"""Experts are measured one at a time, and not for a recipe that nobody waits for."""

from dataclasses import replace
from types import SimpleNamespace

from studio.measure.expert_statistics import Wanted
from studio.methods.contract import FISHER, MERGED
from studio.recipe import Calibrate, Heads, Recipe, TaskEntry
from studio.session.expert_measuring import ExpertMeasuring
from studio.session.pace import earlier

RECIPE = Recipe("/base", (TaskEntry("a", "/a"), TaskEntry("b", "/b")), "fisher")
SAID = "measuring every expert on at most 256 of its own validation rows, once: "


_FILE = SimpleNamespace(stat=lambda: SimpleNamespace(st_size=1000))
BASE = SimpleNamespace(weights=SimpleNamespace(states=lambda: [(_FILE, ())]))


class Desk:
    """A bench that lacks a statistic of each expert, and the page that waits for them."""

    def __init__(self) -> None:
        self.missing = [Wanted("a", FISHER, 256), Wanted("b", FISHER, 256)]
        self.statistics, self.waits, self.heard, self.base = self, True, [], BASE
        self.measuring = ExpertMeasuring(self, lambda recipe: self.waits, self.listen)  # type: ignore[arg-type]

    def unmeasured(self, recipe: Recipe) -> list[Wanted]:
        return self.missing

    def measure(self, wanted: Wanted, report) -> None:
        report(0.5, "128 of 256 rows")
        self.missing.remove(wanted)

    def listen(self) -> None:
        self.heard.append(self.measuring.words(RECIPE))


def test_experts_are_counted_until_none_is_missing():
    desk = Desk()
    for done in range(2):
        assert desk.measuring.words(RECIPE) == f"{SAID}{done} of 2 done"
        desk.measuring.measure(RECIPE)
    assert desk.measuring.words(RECIPE) == ""
    desk.measuring.measure(RECIPE)  # nothing is left to do


def test_the_page_hears_how_far_the_expert_is():
    desk = Desk()
    desk.measuring.measure(RECIPE)
    assert desk.heard == [f"{SAID}0 of 2 done; 128 of 256 rows"]


def test_how_long_the_experts_still_take_is_told_by_earlier_ones(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    earlier("statistics", 256 * 1000).learn(20.0)
    desk = Desk()
    desk.measuring.measure(RECIPE)
    assert desk.heard == [f"{SAID}0 of 2 done; 128 of 256 rows; about 40 s left"]


def test_a_measurement_that_nobody_waits_for_ends_and_leaves_no_words():
    desk = Desk()
    desk.waits = False
    desk.measuring.measure(RECIPE)
    assert len(desk.missing) == 2
    assert desk.heard == []
    assert desk.measuring.words(RECIPE) == f"{SAID}0 of 2 done"


def test_a_walk_through_merged_layers_is_told_with_its_cost():
    desk = Desk()
    desk.missing = [Wanted("", MERGED, 256, ("a", "b"))]
    assert desk.measuring.words(RECIPE) == (
        "sending at most 256 validation rows of each of 2 tasks through the layers merged so far, "
        "two passes of each row, once for these tasks"
    )


class CalibratingDesk:
    """A bench that measures no expert, with a mix that is not calibrated yet."""

    def __init__(self) -> None:
        self.base = BASE
        self.fits, self.known, self.waits, self.heard = self, False, True, []
        self.measuring = ExpertMeasuring(self, lambda recipe: self.waits, self.listen)  # type: ignore[arg-type]

    def unmeasured(self, recipe: Recipe) -> list[Wanted]:
        return []

    def missing(self, recipe: Recipe) -> bool:
        return not self.known

    def merge(self, recipe: Recipe) -> Recipe:
        return recipe

    def prepare(self, merge: Recipe, report) -> None:
        report(0.5, "3 of 6 layers calibrated: dense")
        self.known = True

    def listen(self) -> None:
        self.heard.append(self.measuring.words(CALIBRATED))


CALIBRATED = replace(RECIPE, calibrate=Calibrate(32))
_ROWS = "on at most 32 validation rows of each task; a move begins it anew"
FITS = f"calibrating every layer {_ROWS}"


def test_a_calibration_is_told_layer_by_layer_and_done_once():
    desk = CalibratingDesk()
    assert desk.measuring.words(RECIPE) == ""
    assert desk.measuring.words(CALIBRATED) == FITS
    desk.measuring.measure(RECIPE)
    assert not desk.known
    desk.measuring.measure(CALIBRATED)
    assert desk.heard == [f"3 of 6 layers calibrated: dense, {_ROWS}"]
    assert desk.known
    assert desk.measuring.words(CALIBRATED) == ""


def test_a_refit_of_heads_is_told_too():
    desk, asked = CalibratingDesk(), replace(RECIPE, heads=Heads(32))
    assert desk.measuring.words(asked) == f"refitting heads {_ROWS}"
    desk.measuring.measure(asked)
    assert desk.known
    assert desk.measuring.words(asked) == ""


def test_a_calibration_that_a_move_has_left_behind_ends():
    desk = CalibratingDesk()
    desk.waits = False
    desk.measuring.measure(CALIBRATED)
    assert not desk.known
    assert desk.measuring.words(CALIBRATED) == FITS
