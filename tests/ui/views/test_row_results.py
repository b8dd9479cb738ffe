"""What stands beside each slider, without a browser."""

from studio.measure.change import Change
from studio.session.task_facts import TaskFacts
from studio.ui.views.row_results import row_results
from tests.ui.snapshots import EVIL, at, snapshot


def test_each_task_has_its_bar_its_number_and_its_change():
    change = Change(-0.03, 0.01, 100)
    found = row_results(snapshot(changes={"a": change}))
    assert set(found["rows"]) == {"a", EVIL}
    own = found["rows"]["a"]
    assert own["now"] == "80.0%"
    assert "▼ -3.0" in own["since"]
    assert "worse than the pinned mix: -3.0 ± 1.0 points, n=100" in own["since"]
    assert "expert alone 90.0%" in own["bar"]
    assert found["rows"][EVIL]["since"] == ""
    assert EVIL not in found["rows"][EVIL]["bar"]
    assert "head-only" in found["legend"]


def test_a_number_on_few_rows_is_marked_and_one_that_is_not_known_is_empty():
    early = row_results(snapshot(scores={"a": at(0.8, 16)}, share=0.2))["rows"]
    assert (early["a"]["early"], early[EVIL]["early"]) == ("early", "")
    assert (early[EVIL]["now"], early[EVIL]["since"]) == ("", "")


def test_a_fold_names_kind_rows_and_digest():
    facts = {EVIL: TaskFacts("LoRA", "f" * 64, {"held_out": 1000, "validation": 200})}
    found = row_results(snapshot(), facts)["rows"]
    assert "facts" not in found["a"]
    assert "1,000 held-out, 200 validation; digest" in found[EVIL]["facts"]
    assert f"<code>{'f' * 64}</code>" in found[EVIL]["facts"]
    alone = row_results(snapshot(rows={}, scores={}), {"a": TaskFacts(EVIL, "0", {})})
    assert alone["legend"] == ""
    assert "none; digest" in alone["rows"]["a"]["facts"]
    assert EVIL not in str(alone)


def test_a_task_without_rows_says_so():
    found = row_results(snapshot(rows={"a": 100}, scores={"a": at(0.8)}))["rows"]
    assert found[EVIL] == {"bar": "<span class='quiet'>no rows</span>"}


def test_a_zoo_without_rows_has_no_bars_and_no_legend():
    assert row_results(snapshot(rows={}, scores={})) == {"rows": {}, "legend": ""}
