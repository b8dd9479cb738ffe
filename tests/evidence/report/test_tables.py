"""The report's later pages: bars measured by hand, and tables that say what is missing."""

import re

from studio.evidence.report.tables import bars, closure, how_to_check, questions, traces
from studio.evidence.wording import ALGEBRAIC
from tests.evidence.statements import algebraic, exact


def test_bars_start_at_zero_and_are_as_long_as_their_coefficients():
    ways = {"full": [0.5, 0.5], "algebraic": [-0.5, -0.25], "exact": None}
    removed = [{"task": "red", "raw_coefficient": ways}]
    page = bars({"removed": removed, "claim": ALGEBRAIC, "verdict": {"result": "pass"}})
    drawn = re.findall(r"<rect x='([\d.]+)' y='3' width='([\d.]+)'.*?opacity='([\d.]+)'", page)
    assert drawn == [
        ("200.0", "200.0", "1"),  # from 0 in the middle of 400 to the right end
        ("0.0", "200.0", "0.45"),  # from -0.5 to 0
        ("0.0", "100.0", "1"),  # of which the tensors differ from -0.5 to -0.25
    ]
    assert "<b>Subtracted (algebraic)</b><small>this export</small>" in page
    assert "<b>−0.500 to −0.250</b>" in page
    assert "<b>absent</b>: never computed" in page


def test_an_export_that_failed_is_what_it_claims_and_no_more():
    ways = {"full": [0.0, 0.0], "algebraic": None, "exact": None}
    told = {"removed": [{"task": "red", "raw_coefficient": ways}], "claim": ALGEBRAIC}
    assert "this export, as claimed" in bars(told | {"verdict": {"result": "fail"}})


def test_closure_names_what_a_carrier_came_from():
    row = {"artefact": "head", "state": "kept", "words": "its own", "inputs": ["a", "b"]}
    page = closure({"closure": [row, row | {"inputs": []}]})
    assert page.count("<small>from a, b</small>") == 1
    assert page.count("<b>kept</b>") == 2


def test_traces_say_that_there_is_no_certificate_before():
    told = exact(predecessor=None)["predicate"]
    assert "none: no earlier certificate speaks of this model" in traces(told)
    told = exact(predecessor="ab" * 32)["predicate"]
    assert "none: no earlier" not in traces(told)


def test_the_way_to_check_a_subtraction_needs_what_was_subtracted():
    assert "the removed checkpoint is one of them" in how_to_check(algebraic()["predicate"])
    assert "the removed checkpoint is not needed" in how_to_check(exact()["predicate"])
    assert questions(exact()["predicate"]) == questions(algebraic()["predicate"])
