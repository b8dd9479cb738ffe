from studio.measure.showcase import Reading, ShownRow
from studio.ui.views.examples import rows_table
from studio.ui.views.pictures import pictures
from tests.ui.snapshots import EVIL


def row(**changes) -> ShownRow:
    given = {"task": "a", "noun": "picture", "shown": "7.png", "label": "cat", "before": "cat",
             "now": "dog", "place": 7, "picture": b"RIFF"}  # fmt: skip
    return ShownRow(**given | changes)


LOOK = (Reading("dog", 0.75), Reading("cat", 0.25))


def test_a_picture_stands_with_the_likeliest_labels_of_four_models_and_which_is_right():
    drawn = pictures([row()], {("a", 7): (LOOK, None, LOOK[::-1], LOOK)})
    assert "<img src='data:image/webp;base64,UklGRg==' alt='7.png'>" in drawn
    assert drawn.count("<ol>") == 3
    assert drawn.count("not looked at yet") == 1
    assert drawn.count("<span class='up'>✓ cat</span><span class='num'>25%</span>") == 3
    assert "<span>dog</span><span class='num'>75%</span>" in drawn
    assert drawn.count("style='width:75.0%'") == 3
    assert [drawn.index(f"<h4>{each}") for each in ("base", "expert", "before", "now")] == sorted(
        drawn.index(f"<h4>{each}") for each in ("base", "expert", "before", "now")
    )
    assert "class='seen moved'" in drawn
    assert "class='seen moved'" not in pictures([row(now="cat")], {("a", 7): (None,) * 4})


def test_rows_in_words_stay_in_their_table_and_pictures_do_not():
    words = ShownRow("b", "text", "a text", "yes", "yes", "yes")
    table = rows_table([row(), words], 1, only_changed=False)
    assert "a text" in table
    assert "7.png" not in table
    assert "<table" not in rows_table([row()], 1, only_changed=False)
    assert "This move changed <b id='changed'>1</b>" in rows_table([row()], 1, only_changed=False)
    assert pictures([words], {}) == ""


def test_names_and_labels_are_escaped():
    evil = row(task=EVIL, shown=EVIL, label=EVIL, picture=b"<b>")
    drawn = pictures([evil], {(EVIL, 7): ((Reading(EVIL, 1.0),),) * 4})
    assert "<b>&'" not in drawn
    assert "&lt;b&gt;&amp;&#x27;&quot;" in drawn
