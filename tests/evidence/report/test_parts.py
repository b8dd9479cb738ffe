"""Pieces of the report's page: what a reader sees of a number, a digest, a mark."""

import pytest

from studio.evidence.report.parts import digest, facts, grouped, mark, moment, number, signed, table
from studio.evidence.report.parts import text as shown

HASH = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (None, "", "–"),
        (1234567, "bytes", "1,234,567 bytes"),
        (-3, "", "−3"),
        (-0.000123456, "", "−0.0001235"),
        (12.345, "%", "12.3 %"),
        (True, "", "True"),
        ("a < b", "", "a &lt; b"),
    ],
)
def test_a_number_is_short_and_has_its_unit(value, unit, words):
    assert number(value, unit) == words


def test_a_hash_is_a_number_that_is_read_out_by_its_start():
    assert number(HASH) == digest(HASH)
    assert f">{HASH[:12]}</code><code>{HASH}</code>" in digest(HASH)


def test_a_coefficient_has_its_sign_and_zero_has_no_minus():
    assert [signed(x) for x in (0.5, -0.25, -0.0)] == ["+0.500", "−0.250", "+0.000"]


def test_a_fingerprint_is_read_in_fours():
    assert grouped("abcdef01") == "<code class='groups'><span>abcd</span> <span>ef01</span></code>"


def test_a_time_is_written_for_people_and_what_is_none_is_left_as_it_is():
    assert moment("2025-11-27T10:11:12Z") == "2025-11-27 10:11:12 UTC"
    assert moment("<later>") == "&lt;later&gt;"


def test_a_state_that_is_not_known_is_no_markup():
    assert "✓ passed" in mark("pass")
    assert mark("<i>") == "<b class='warn'>&lt;i&gt;</b>"
    assert shown("two\n  lines <b>") == "two lines &lt;b&gt;"


def test_a_row_heads_its_cells_and_each_cell_names_its_column():
    made = table("what", ("a", "b"), [("1", "2")], "wide")
    assert made.startswith("<table class='wide'><caption>what</caption>")
    assert "<tr><th scope='row'>1</th><td data-label='b'>2</td></tr>" in made
    with pytest.raises(ValueError, match="zip"):
        table("what", ("a", "b"), [("1",)])
    assert facts([("q", "a")]) == "<dl><div><dt>q</dt><dd>a</dd></div></dl>"
