"""The picture of shared directions, without a browser."""

import torch

from studio.geometry.counting import counted
from studio.session.background import Answer
from studio.ui.charts.counted_directions import counted_view

FOUND = {
    "encoder.layer.0.query.weight": {"often": [3.0, 1.0], "lengths": [2.0, 2.0]},
    "encoder.layer.1.query.weight": {"often": [-0.5, 1.0], "lengths": [0.0, 0.0]},
    "<b>.weight": {"often": [1.0], "lengths": [1.0]},
}


def test_a_row_per_layer_says_mean_by_length_and_most():
    html = counted_view(Answer(FOUND), None)
    assert html.count("<tr><th scope='row'") == 3
    assert "<td>2.00</td><td>3.00</td>" in html
    assert "<td>0.25</td><td>1.00</td>" in html
    assert "0 to 3.0 times" in html
    assert "would shorten" in html
    assert html.count("<circle") == 5
    assert "<b>.weight" not in html


def test_a_mix_with_svc_says_so_and_waiting_refused_and_empty_are_told():
    assert "svc at 0.17 is in the mix" in counted_view(Answer(FOUND), 0.17)
    assert "Counting the directions" in counted_view(Answer(), None)
    assert counted_view(Answer(refusal="No <rows>."), None) == "<p>No &lt;rows&gt;.</p>"
    assert "no direction to count" in counted_view(Answer({}), None)


def test_a_direction_is_counted_as_often_as_tasks_add_it():
    """Two tasks alike along the first output, a third alone along the second, two that cancel."""
    rows = torch.zeros(5, 3, 4)
    rows[0, 0, 0], rows[1, 0, 0], rows[2, 1, 1] = 2.0, 2.0, 3.0
    rows[3, 2, 2], rows[4, 2, 2] = 1.0, -0.5
    found = counted(rows.sum(0), list(rows))
    assert [round(x, 6) for x in found.often.tolist()] == [2.0, 1.0, 0.2]
    assert found.s.tolist() == [4.0, 3.0, 0.5]
