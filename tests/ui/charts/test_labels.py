"""Names beside points: inside the picture, and none over another."""

from itertools import combinations

from studio.ui.charts.labels import Label, placed

SIZE = (520.0, 360.0)


def test_boxes_that_share_no_point_are_not_over_one_another():
    first = Label("a", 0, 0, 10)
    assert first.over(Label("b", 9, 14, 10))
    assert not first.over(Label("b", 10, 0, 10))
    assert not first.over(Label("b", 0, 15, 10))


def test_twelve_names_at_one_point_all_find_a_place():
    names = [f"task number {i}" for i in range(12)]
    found = placed([(260.0, 180.0)] * 12, names, SIZE)
    assert [each.text for each in found] == names
    assert not any(a.over(b) for a, b in combinations(found, 2))


def test_labels_stay_inside_the_picture():
    corners = [(0.0, 0.0), (520.0, 0.0), (0.0, 360.0), (520.0, 360.0)]
    for each in placed(corners, ["a rather long name"] * 4, SIZE):
        assert each.x >= 0
        assert each.y >= 0
        assert each.x + each.width <= SIZE[0]
        assert each.y + each.height <= SIZE[1]


def test_a_name_that_is_alone_stands_beside_its_point():
    (label,) = placed([(400.0, 100.0)], ["a"], SIZE)
    assert 0 < label.x - 400 < 12
    assert label.y < 100 < label.y + label.height
