"""The report of a removal from a state: what it says, and that names stay text."""

import pytest

from studio.errors import BadCertificate
from studio.evidence.report.paper import Paper
from studio.evidence.wording import forbidden_in
from studio.sequence.removal_report import removal_report


def test_the_report_has_roots_checks_limits_and_how_to_check(certified_removal):
    told = certified_removal.statement["predicate"]
    page = removal_report(certified_removal.statement, Paper(basis="Art. 17"))
    for when in ("before", "after"):
        assert told["state"][when]["root"] in page
    assert told["result"]["weights_root"] in page
    assert "Nobody built the state again for this certificate" in page
    assert "copies of the state from before were deleted" in page
    assert "Art. 17" in page
    assert "--rebuild --base BASE" in page
    assert "DEMO KEY" in page
    assert "<script" not in page
    assert forbidden_in(page) == []


def test_names_are_shown_and_never_obeyed(certified_removal):
    from copy import deepcopy

    told = deepcopy(certified_removal.statement)
    told["predicate"]["removed"][0]["task"] = "<img src=x>"
    assert "<img" not in removal_report(told, Paper())


def test_it_is_written_in_english_alone(certified_removal):
    with pytest.raises(BadCertificate, match="written in English alone"):
        removal_report(certified_removal.statement, Paper("de"))
