from studio.measure.showcase import Reading, ShownRow
from studio.ui.views.examples import readings_table, rows_table

EVIL = "<img src=x onerror=alert(1)>"


def test_a_changed_row_shows_both_predictions_and_which_is_right():
    rows = [
        ShownRow("a", "text", "some text", "yes", "no", "yes"),
        ShownRow("a", "text", "more", "no", "no", "no"),
    ]
    shown = rows_table(rows, 7, only_changed=False)
    assert "This move changed <b id='changed'>7</b> predictions." in shown
    assert "✗ no</span></td><td data-label='now'><span class='up'>✓ yes" in shown
    assert shown.count("class='moved'") == 1
    assert "Shown are 2 of them." in rows_table(rows, 7, only_changed=True)


def test_no_rows_say_what_is_coming_or_what_to_do():
    assert "Reading the first rows" in rows_table([], 0, only_changed=False)
    assert "Move a slider further" in rows_table([], 0, only_changed=True)
    unseen = rows_table([ShownRow("a", "text", "t", "yes", "", "")], 0, only_changed=False)
    assert unseen.count("not read yet") == 2


def test_readings_are_now_and_pinned():
    shown = readings_table({"a": Reading("yes", 0.876)}, {"a": Reading("no", 0.5)}, "text")
    assert "<td>yes <span class='quiet'>88%</span></td><td>no <span class='quiet'>50%" in shown
    assert "not a calibrated probability" in shown
    assert readings_table({}, {}, "") == ""
    assert "Reading your text" in readings_table({}, {}, "text")


def test_texts_and_labels_are_escaped():
    row = ShownRow(EVIL, EVIL, EVIL, EVIL, EVIL, EVIL)
    reading = {EVIL: Reading(EVIL, 0.5)}
    for shown in (rows_table([row], 1, True), readings_table(reading, {}, EVIL)):
        assert "<img" not in shown
        assert "&lt;img" in shown


def test_losses_come_with_their_largest_change_first_and_no_right_answer():
    rows = [
        ShownRow("prose", "text", "once upon", "", "3.100", "3.000", change=-0.1),
        ShownRow("code", "text", "def " * 40, "", "2.000", "2.500", change=0.5),
        ShownRow("code", "text", "x = 1", "", "", "2.500"),
        ShownRow("code", "text", "y = 1", "", "2.500", "2.500", change=0.0),
    ]
    drawn = rows_table(rows, 640, False)
    assert "This move changed <b id='changed'>640</b> losses." in drawn
    assert "in nats per token: less is better" in drawn
    assert "right answer" not in drawn
    assert "class='moved'" not in drawn
    worse = drawn.index("<span class='down'>+0.500 worse</span>")
    assert worse < drawn.index("<span class='up'>-0.100 better</span>")
    assert drawn.count("not read yet") == 1
    assert "<span class='quiet'>none</span>" in drawn
    long = " ".join(["def"] * 30)
    assert f"<details><summary>{long} …</summary>{'def ' * 40}</details>" in drawn
    assert rows_table([], 0, True).startswith("<p>This move changed <b id='changed'>0</b> pred")


def test_predictions_and_losses_stand_in_two_tables():
    rows = [
        ShownRow("topics", "text", "a", "yes", "no", "yes"),
        ShownRow("prose", "text", "once upon", "", "3.1", "2.9", change=-0.2),
    ]
    drawn = rows_table(rows, 2, False)
    assert drawn.count("<table") == 2
    assert "predictions or losses" in drawn
