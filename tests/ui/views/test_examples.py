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
    assert "✗ no</span></td><td><span class='up'>✓ yes" in shown
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


def test_a_loss_is_neither_right_nor_wrong():
    row = ShownRow("prose", "text", "once upon", "", "loss 3.100", "loss 2.900")
    drawn = rows_table([row], 1, False)
    assert "a loss is in nats per token" in drawn
    assert "<td>loss 2.900</td>" in drawn
    assert "✗ loss" not in drawn
    assert "predictions or losses" in drawn
