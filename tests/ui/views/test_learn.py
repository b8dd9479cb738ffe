"""The tour, the presets and the lesson as HTML."""

import base64
import re
from dataclasses import replace

from studio.session.learn_step import Outcome, Step, not_yet
from studio.session.mix import starting_mix
from studio.session.presets import Preset
from studio.ui.views import learn as views
from studio.zoo import load_zoo
from tests.lesson.test_facts import score

STEP = Step(
    "A <title>", ("Words & numbers",), "x < y", None, ("a", "headline"), "Do <it>", "What then?",
    ("up", "down"), lambda tried: not_yet(""),
)  # fmt: skip


def test_steps_are_buttons_of_which_one_is_current():
    found = views.steps_bar([STEP, STEP], 2)
    assert found.count("data-act='open'") == 2
    assert "data-number='2' aria-current=step" in found
    assert "A &lt;title&gt;" in found
    assert "being measured" in views.steps_bar([], 1)


def test_words_are_text_and_the_formula_is_in_a_fold():
    found = views.step_words(STEP, 3)
    assert "3. A &lt;title&gt;" in found
    assert "<details><summary>Formula and source</summary><p>x &lt; y</p></details>" in found
    lacking = views.step_words(replace(STEP, lacks="No <rows>"), 3)
    assert "<p class='note'>No &lt;rows&gt;</p>" in lacking


def test_a_try_is_compared_with_what_was_expected():
    waiting = views.question(STEP, not_yet("Move <it>"), None)
    assert "Move &lt;it&gt;" in waiting
    assert "class=right" not in waiting
    shown = Outcome(1, "Measured.")
    assert "Tried: down." in views.question(STEP, shown, None)
    assert "Right: down." in views.question(STEP, shown, 1)
    wrong = views.question(STEP, shown, 0)
    assert "Not what you expected. down." in wrong
    assert re.search(r"data-number='0' aria-pressed='true'>", wrong)
    assert re.search(r"data-number='1' aria-pressed='false' class=right>", wrong)
    for lacking in (replace(STEP, choices=()), replace(STEP, lacks="No rows.")):
        assert views.question(lacking, shown, None) == ""


def test_the_line_tells_what_the_step_is_about():
    found = views.now_line(STEP, {"a": score(0.9), "b": score(0.1)}, ["b"])
    assert "a (out) <b class='num'>90.0%</b>" in found
    assert "10.0%" not in found


def test_marks_are_there_while_the_tab_is_open_and_the_step_sets_something(tiny_zoo):
    mix = starting_mix(load_zoo(tiny_zoo))
    assert views.pointing(STEP, 4, True) == {"points": [], "step": 4}
    step = replace(STEP, mix=mix)
    assert views.pointing(step, 4, True) == {"points": ["a", "headline"], "step": 4}
    assert views.pointing(step, 4, False) == {"points": [], "step": 4}


def test_presets_are_links_or_say_why_not(tiny_zoo):
    zoo = load_zoo(tiny_zoo)
    mix = starting_mix(zoo)
    made = [Preset("One <a>", "Look", mix, mix), Preset("Two", "This zoo cannot show it: <b>")]
    found = views.presets_list(made, zoo)
    assert found.count("<a href='#tab=Learn&amp;mix=") == 1
    assert "One &lt;a&gt;</a>" in found
    assert "<li class='quiet'><b>Two</b><span>This zoo cannot show it: &lt;b&gt;" in found


def test_a_lesson_is_saved_as_it_was_made():
    assert "download" not in views.lesson_link("", "x")
    found = views.lesson_link("<!doctype html>ä", "Six <desks>")
    assert "download='six--desks-lesson.html'" in found
    data = re.search(r"base64,([^']*)'", found)
    assert data
    assert base64.b64decode(data[1]).decode() == "<!doctype html>ä"
