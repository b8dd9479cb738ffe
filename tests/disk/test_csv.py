import csv
import io

import pytest

from studio.disk.csv import csv_text


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("name", ["=cmd()", "+1+cmd", "-2", "@SUM(A1)", "\tx", "\r=x", " =x"])
def test_text_that_a_spreadsheet_would_run_is_quoted(name):
    assert read(csv_text([name], [[name]])) == [[f"'{name}"], [f"'{name}"]]


def test_numbers_stay_numbers_and_what_has_no_number_is_empty():
    text = csv_text(["a", "b", "c", "d"], [[-0.5, 3, float("nan"), None]])
    assert text == "a,b,c,d\r\n-0.5,3,,\r\n"


def test_quotes_commas_and_line_ends_come_back_as_they_were():
    names = ["<img onerror=x>", 'a,"b"', "two\nlines", "é"]
    assert read(csv_text(names, [names])) == [names, names]
