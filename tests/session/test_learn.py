"""The tour of a running session: its steps on real numbers, its tries, its attack, its lesson."""

import pytest

from studio.errors import BadRecipe, NotAllowed, StudioError
from studio.lesson.record import record_of
from studio.session import learn as module
from studio.session.learn import STEPS
from tests.session.test_evidence import ended
from tests.session.test_session import move, rest


def test_all_steps_stand_on_the_open_zoos_numbers(session):
    rest(session)
    steps = session.learn.steps()
    assert len(steps) == STEPS
    assert len({step.title for step in steps}) == STEPS
    assert all(step.mix and not step.lacks for step in steps)
    assert session.worker.results.experts["color"].shown in steps[0].words[1]


def test_a_try_is_seen_and_answered_by_the_live_scores(session):
    rest(session)
    session.learn.set_mixer()
    assert session.mix.ticked == ("color",)
    rest(session)
    step = session.learn.steps()[0]
    assert not session.learn.outcome(step).tried
    move(session, color={"on": True, "coefficient": 0.0})
    rest(session)
    outcome = session.learn.outcome(step)
    assert outcome.right == 1
    assert session.snapshot().scores["color"] == session.worker.results.base["color"]
    assert session.snapshot().scores["color"].shown in outcome.words
    session.edit("undo")
    session.edit("undo")
    assert session.mix.ticked == ("color", "animal")


def test_a_change_is_that_from_the_mix_that_was_set(session):
    rest(session)
    session.learn.open(2)
    session.learn.set_mixer()
    rest(session)
    before = session.snapshot().recipe
    move(session, animal={"on": False})
    rest(session)
    step = session.learn.steps()[1]
    change = session.worker.results.changes(session.snapshot().recipe, before)["color"]
    outcome = session.learn.outcome(step)
    assert change.words in outcome.words
    assert outcome.right == {"better": 0, "cannot tell": 1, "worse": 2}[change.verdict]


def test_steps_and_expectations_are_kept_and_nonsense_is_refused(session):
    rest(session)
    session.learn.open(3)
    session.learn.expect(2)
    assert (session.learn.at, session.learn.expected) == (3, {3: 2})
    for number in (0, STEPS + 1, "1", None):
        with pytest.raises(BadRecipe, match="something unknown"):
            session.learn.open(number)
    for choice in (-1, 3, "0"):
        with pytest.raises(BadRecipe, match="something unknown"):
            session.learn.expect(choice)


def test_an_attack_is_a_job_and_answers_its_step(session):
    rest(session)
    session.learn.start_attack()
    assert ended(session).words == "Tried to bring color back."
    step = session.learn.steps()[6]
    found = session.learn.attack
    assert found.task == "color"
    assert found.own == session.worker.results.experts["color"]
    assert session.learn.outcome(step).right is not None


def test_a_lesson_is_a_job_that_makes_a_page(session, monkeypatch):
    monkeypatch.setattr(
        module, "record_of", lambda bench, rows, progress: record_of(bench, 5, progress)
    )
    rest(session)
    session.learn.start_lesson()
    assert ended(session).words.startswith("Made the lesson, ")
    assert session.learn.lesson.startswith("<!doctype html>")
    assert "Tiny &lt;zoo&gt;" in session.learn.lesson


def test_before_the_deltas_are_measured_there_is_no_step(session, monkeypatch):
    rest(session)
    monkeypatch.setattr(session.learn, "facts", lambda: None)
    assert session.learn.steps() == ()
    for act in (session.learn.set_mixer, session.learn.start_attack):
        with pytest.raises(StudioError, match="still being measured"):
            act()


def test_what_was_certified_as_removed_is_neither_attacked_nor_taught(session, monkeypatch):
    rest(session)

    def refuse(names):
        raise NotAllowed(f"{' and '.join(names)}: removed.")

    monkeypatch.setattr(session.admission, "refuse", refuse)
    for start in (session.learn.start_attack, session.learn.start_lesson):
        with pytest.raises(NotAllowed, match="color and animal: removed"):
            start()
    assert session.engine.jobs.state is None


def test_deltas_that_depend_on_one_another_are_said_in_the_steps(session, monkeypatch):
    rest(session)

    def refuse(bench, full, task):
        raise StudioError("no direction of its own")

    monkeypatch.setattr(module, "left_behind", refuse)
    session.learn.steps()
    session.learn._left.clear()
    session.learn._known = (None, (), ())
    steps = session.learn.steps()
    assert [bool(step.lacks) for step in steps] == [False] * 5 + [True, True, False]
