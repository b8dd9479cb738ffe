"""AdapterFusion's part of the tab without a browser."""

from studio.ui.tabs.improve import ImproveTab
from studio.ui.views import fusion as views


def test_a_zoo_with_a_full_fine_tune_is_told_why_its_button_is_off(driver):
    drawn = driver.look(ImproveTab.title)
    assert "full fine-tune" in drawn["fusion-cost"]
    assert "class='refusal'" in drawn["fusion-cost"]
    assert drawn["start-fusion"].interactive is False
    assert drawn["fusion-result"] == ""


def test_pressing_it_all_the_same_is_refused_beside_it(driver):
    drawn = driver.use("start-fusion", "click")
    assert list(drawn) == ["fusion-refusal"]
    assert "full fine-tune" in drawn["fusion-refusal"]


def test_what_it_takes_is_told_where_it_can_be_trained(driver, monkeypatch):
    monkeypatch.setattr("studio.session.fusion.fusion_cost", lambda bench, plan: "Takes 5 rows.")
    drawn = driver.look(ImproveTab.title)
    assert drawn["fusion-cost"] == views.cost("Takes 5 rows.")
    assert drawn["start-fusion"].interactive is True
