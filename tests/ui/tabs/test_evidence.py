"""The Unmerge tab without a browser."""

from dataclasses import replace

from studio.ui.tabs.evidence import EvidenceTab
from studio.ui.tabs.taken_out import TakenOutStep
from studio.ui.view import View
from studio.ui.views.evidence import NOTHING


def test_while_nothing_is_unmerged_the_tab_says_what_it_is_for(driver):
    drawn = driver.look(EvidenceTab.title)
    assert drawn["evidence-verdict"] == NOTHING
    assert "data-take='color'" in drawn["taken-out"]
    assert not drawn["run-checks"].interactive
    assert not drawn["certify"].interactive
    assert not drawn["tamper"].interactive
    assert "Nothing is unmerged" in driver.use("run-checks", "click")["evidence-refusal"]


def test_once_something_is_out_no_refusal_from_before_stands_there(driver):
    driver.session.taken_out.take_out("color")
    drawn = driver.look(EvidenceTab.title)
    assert drawn["evidence-refusal"] == drawn["certificate-refusal"] == ""
    assert drawn["run-checks"].interactive
    assert drawn["certify"].interactive
    assert "data-out='color'" in drawn["taken-out"]
    assert TakenOutStep.title == ""
    assert drawn["find-teachers"].visible


def test_a_slider_of_an_unticked_task_draws_its_verdict_anew(driver):
    def keys() -> dict:
        (tab,) = (each for each in driver.page.tabs if isinstance(each, EvidenceTab))
        view = View(session, session.snapshot(), EvidenceTab.title, {})
        keyed = {each.name: each.key for each in tab.pieces(view)}
        return {name: keyed[name] for name in ("evidence", "taken-out")}

    session = driver.session
    session.taken_out.take_out("color")
    before, recipe = keys(), session.snapshot().recipe.digest
    out, *rest = session.mix.strips
    assert out.name == "color"
    moved = replace(out, coefficient=out.coefficient + 0.1)
    session.show_mix(replace(session.mix, strips=(moved, *rest)))
    assert session.snapshot().recipe.digest == recipe
    after = keys()
    assert [before[name] != after[name] for name in before] == [True, True]


def test_a_hidden_tab_asks_nothing_of_the_ledger(driver, monkeypatch):
    def forbidden() -> None:
        raise AssertionError

    monkeypatch.setattr(driver.page.engine.ledger, "head", forbidden)
    assert "evidence-verdict" not in driver.look("Results")
