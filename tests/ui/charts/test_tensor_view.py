"""Charts of one tensor: values of every task before and after, and words for what is not there."""

import torch

from studio.geometry.tensor_look import tensor_look
from studio.session.background import Answer
from studio.ui.charts.tensor_view import tensor_view
from tests.ui.charts.test_geometry import EVIL, Cells, table


def test_a_matrix_has_two_charts_with_its_numbers_before_and_after():
    delta = torch.diag(torch.tensor([3.0, 2.0])).flatten()[None]
    shown = tensor_view(Answer(tensor_look("w", (2, 2), (EVIL,), delta, delta / 2)))
    assert shown.count("<figure") == 2
    assert "<img" not in shown
    links = Cells(shown).links
    rows = table(links["singular-values-of-w.csv"])
    assert [float(row[3]) for row in rows[1:]] == [3.0, 2.0, 1.5, 1.0]
    entries = table(links["entries-of-w.csv"])
    assert sum(float(row[3]) for row in entries[1:]) == 2  # all before, and all after


def test_a_vector_has_no_singular_values():
    look = tensor_look("b", (4,), ("a",), torch.ones(1, 4), torch.ones(1, 4))
    assert tensor_view(Answer(look)).count("<figure") == 1


def test_what_is_not_there_yet_or_never_has_words():
    assert "Looking" in tensor_view(Answer())
    assert "&lt;no&gt;" in tensor_view(Answer(refusal="<no>"))
