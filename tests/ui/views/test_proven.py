"""What is proven in five plain lines, and what subtraction would have left in a fold."""

import re
from dataclasses import replace

from studio.evidence.closure import CARRIED, Dependency
from studio.evidence.shares import Share
from studio.methods import METHODS
from studio.ui.views import proven as views
from tests.ui.views.test_evidence import EVIL, RANGES, both, unmerged


def signs(shown: str) -> list[str]:
    return re.findall(r"<li><b class='\w+'>(.)</b>", shown)


def share(left: float) -> Share:
    return Share(EVIL, left, ("green",), 0.5, 0.0)


def test_five_lines_tell_what_was_checked_and_by_whom():
    found = both()
    exact = found["exact"]
    measures = replace(exact.measures, shares=[share(0.31)])
    shown = views.five_lines(unmerged(), {**found, "exact": replace(exact, measures=measures)})
    assert signs(shown) == ["✓"] * 5
    assert "Another process, which was given only those, computed the same weights" in shown
    assert "make up 31% of that change, and 98% would be too much" in shown
    assert "second process" in shown


def test_a_line_that_failed_says_what_was_found():
    found = both()
    exact = found["exact"]
    carried = Dependency("coefficients", CARRIED, (EVIL,), "Found with it.")
    table = [replace(x, result="fail", words="Other <b>") if x.id == "A1" else x
             for x in exact.checks]  # fmt: skip
    measures = replace(exact.measures, shares=[share(0.99)])
    bad = replace(exact, checks=table, closure=[carried], measures=measures)
    shown = views.five_lines(unmerged(), {**found, "exact": bad})
    assert signs(shown) == ["✓", "✗", "✓", "✗", "✗"]
    assert "Other &lt;b&gt;" in shown
    assert "Kept from when it took part: coefficients" in shown


def test_what_was_not_measured_is_not_passed():
    assert signs(views.five_lines(unmerged(), both()))[3] == "○"
    assert views.five_lines(None, both()) == views.five_lines(unmerged(), {}) == ""


def test_the_subtraction_is_a_fold_that_ends_with_the_attack():
    shown = views.subtraction(unmerged(), both())
    assert shown.startswith("<details class='fold'")
    assert "would leave the weights 20.00% away" in shown
    assert shown.index("evidence-layers") < shown.index("evidence-attack")
    assert "an insider gets it back to 50.0%" in shown
    assert "an operation that the model shown does not use" in shown
    assert views.subtraction(unmerged(), {}) == ""


def test_a_method_without_components_has_nothing_to_subtract():
    out = unmerged()
    whole = next(name for name in METHODS if not METHODS[name].has_components)
    out = replace(out, full=replace(out.full, method=whole))
    assert views.subtraction(out, both()) == ""


def test_all_numbers_are_a_fold():
    shown = views.numbers(unmerged(), both(), RANGES)
    assert shown.startswith("<details class='fold'")
    assert "data-check='A1'" in shown
    assert views.numbers(None, {}, None) == ""
