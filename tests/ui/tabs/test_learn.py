"""The Learn tab without a browser: what is drawn where, and what its buttons do."""

from studio.ui.tabs import learn_more
from studio.ui.tabs.learn import LearnTab
from studio.ui.tabs.learn_plane import PlaneSection


def looked(driver):
    bench = driver.session.worker.bench
    _ = bench.gram  # the deltas are measured; nothing here waits for scores
    return driver.look("Learn")


def test_while_another_tab_is_open_nothing_of_it_is_drawn_but_the_marks(driver):
    drawn = driver.look("Results")
    assert drawn["learn"] == {"points": [], "step": 1}
    assert not {"learn-words", "learn-arrows", "learn-presets", "lesson-made"} & set(drawn)


def test_steps_presets_arrows_and_lesson_are_drawn(driver):
    drawn = looked(driver)
    assert "1. What a delta is" in drawn["learn-words"]
    assert drawn["learn-steps"].count("data-act='open'") == 8
    assert drawn["learn-presets"].count("<li") == 7
    gram = driver.session.worker.bench.gram.total().tolist()
    assert drawn["learn-arrows"] == {"tasks": ["color", "animal"], "gram": gram, "first": [0, 1]}
    assert "For a class" in drawn["lesson-made"] or "for a class" in drawn["lesson-made"]
    kinds = [type(part) for part in LearnTab(driver.page.engine).members]
    assert kinds[1:] == [
        learn_more.ArrowsSection, PlaneSection, learn_more.PresetsSection,
        learn_more.LessonSection, learn_more.GlossarySection,
    ]  # fmt: skip


def test_buttons_go_through_the_steps_and_set_the_mixer(driver):
    looked(driver)
    session = driver.session
    session.learn.at = 1
    driver.use("learn-next", "click")
    assert session.learn.at == 2
    driver.use("learn", "input", {"act": "open", "number": 4})
    assert session.learn.at == 4
    driver.use("learn", "input", {"act": "expect", "number": 1})
    assert session.learn.expected[4] == 1
    before = session.mix
    drawn = driver.use("learn-set", "click")
    assert drawn["mixer"]["options"]["strength"] == 0.0
    assert session.mix != before
    session.edit("undo")
    assert session.mix == before
    driver.use("learn-back", "click")
    assert session.learn.at == 3


def test_what_the_page_cannot_have_sent_is_told(driver):
    looked(driver)
    for sent in ({"act": "open", "number": 9}, {"act": "close"}, 7, {"act": ["open"]}):
        drawn = driver.use("learn", "input", sent)
        assert "something unknown" in drawn["trouble"]
