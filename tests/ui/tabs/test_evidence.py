"""The Evidence tab without a browser."""

from studio.ui.tabs.evidence import EvidenceTab
from studio.ui.views.evidence import NOTHING


def test_while_nothing_is_unmerged_the_tab_says_what_it_is_for(driver):
    drawn = driver.look(EvidenceTab.title)
    assert drawn["evidence-verdict"] == NOTHING
    assert "Nothing is unmerged" in driver.use("run-checks", "click")["evidence-refusal"]


def test_a_hidden_tab_asks_nothing_of_the_ledger(driver, monkeypatch):
    def forbidden() -> None:
        raise AssertionError

    monkeypatch.setattr(driver.page.engine.ledger, "head", forbidden)
    assert "evidence-verdict" not in driver.look("Scores")
