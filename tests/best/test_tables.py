"""Findings written out, on made-up answers."""

import csv

from studio.best.tables import findings_csv, findings_json, findings_text, needs, ordered
from tests.best.test_findings import findings, floor, tried


def test_a_line_per_trial_the_best_first_and_a_refusal_behind():
    refused = tried("broken", 0)
    refused = type(refused)(refused.trial, refused.recipe, None, 0.0, 0, "It cannot be.")
    found = findings(floor(200), tried("ours", 340), refused)
    text = findings_text(found)
    assert text.index("ours") < text.index("Not merging") < text.index("broken: It cannot be.")
    header, *rows = csv.reader(findings_csv(found).splitlines())
    assert [row[header.index("trial")] for row in rows] == ["ours", "Not merging"]
    assert rows[0][header.index("verdict")] == "better"
    assert float(rows[0][header.index("against not merging")]) == 0.35
    plain = findings_json(found)
    assert (plain["winner"], plain["refused"]) == ("ours", {"broken": "It cannot be."})
    assert plain["trials"][1]["recipe"] is None


def test_what_a_trial_needs_is_said():
    assert (needs(floor(1)), ordered(floor(1))) == ("no", "no")
    assert needs(tried("ours", 1)) == "no"
