from studio.geometry.rotation_report import LayerRotation
from studio.ui.rotation_views import rotations

EVIL = "<img src=x>"
ROW = LayerRotation(EVIL, (12.34, None), (0.97, None), 45.0, 1.5, 0.7, None, 3).plain()


def test_a_row_says_angle_share_length_and_energy_and_runs_no_markup():
    shown = rotations([ROW], ["red", EVIL])
    assert "<td>45.0°</td><td>x 1.50</td><td>12.3°, 97%</td><td>unchanged</td>" in shown
    assert "<td>0.7000</td><td>none</td>" in shown
    assert "In 1 of 1 tensors no task's rotation explains" in shown
    assert EVIL not in shown
    assert shown.count("&lt;img src=x&gt;") == 2


def test_where_nothing_is_turned_nothing_is_shown():
    assert rotations([], ["red"]) == ""
