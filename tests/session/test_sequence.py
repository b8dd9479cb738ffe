"""Sequence runs of a running session: as a job, step by step, stopped, and refused in words."""

import threading
from dataclasses import replace

import pytest

from studio.errors import BadRecipe, StudioError
from studio.session import sequence as module
from studio.session.sequence import STARTING, SequenceWish
from tests.session.test_evidence import ended
from tests.session.test_session import move, rest


def test_a_run_follows_the_mixers_order_and_its_own_settings(session):
    rest(session)
    session.edit("earlier:animal")
    move(session, color={"on": True, "coefficient": 0.7})
    rest(session)
    session.sequences.wish = SequenceWish(("mdm_oc", "average"), rows=10)
    session.sequences.start()
    state = ended(session)
    assert (state.phase, state.words) == ("done", "Scored 2 arrivals in one order.")
    shown = session.sequences.shown
    assert shown is not None
    assert shown.done
    assert shown.plan.orders[0].tasks == ("animal", "color")
    own, other = shown.plan.recipes["mdm_oc"], shown.plan.recipes["average"]
    assert own == session.mix.recipe(session.zoo)
    assert [task.coefficient for task in other.tasks] == [None, None]
    assert [(s.label, s.t) for s in shown.steps] == [
        ("mdm_oc", 1), ("mdm_oc", 2), ("average", 1), ("average", 2),
    ]  # fmt: skip
    assert [score.n for score in shown.steps[0].scores.values()] == [10, 10]


def test_steps_appear_as_they_finish_and_stay_when_the_job_is_cancelled(session, monkeypatch):
    reached, go_on = threading.Event(), threading.Event()
    before = module.run

    def slow(bench, plan, progress):
        found, steps = before(bench, plan, progress)

        def one_by_one():
            for step in steps:
                yield step
                reached.set()
                assert go_on.wait(60)

        return found, one_by_one()

    monkeypatch.setattr(module, "run", slow)
    session.sequences.wish = SequenceWish(("average", "ties"), rows=5)
    session.sequences.start()
    assert reached.wait(120)
    shown = session.sequences.shown
    assert shown is not None
    assert (len(shown.steps), shown.done) == (1, False)
    with pytest.raises(StudioError, match="'Sequence of arrivals' is still running"):
        session.sequences.start()
    session.cancel_job()
    go_on.set()
    assert ended(session).phase == "cancelled"
    shown = session.sequences.shown
    assert len(shown.steps) == 1
    assert not shown.done


def test_shuffles_and_a_sweep_are_part_of_the_plan(session):
    wish = SequenceWish(("average",), 2, 4, 10, ("mdm_oc.strength", 0.0, 1.0, 0.5))
    session.sequences.wish = wish
    plan, sweep = session.sequences.plan()
    assert len(plan.orders) == 2
    assert sweep is not None
    assert list(plan.recipes) == ["average", *(sweep.label(value) for value in (0.0, 0.5, 1.0))]
    assert plan.models == 3 + 3 * 4


def test_what_cannot_be_run_is_said_before_anything_starts(session):
    rest(session)
    session.sequences.wish = SequenceWish(())
    with pytest.raises(BadRecipe, match="Name at least one method"):
        session.sequences.start()
    session.sequences.wish = replace(STARTING, orders=3)
    with pytest.raises(BadRecipe, match="3 orders were asked for"):
        session.sequences.start()
    session.sequences.wish = STARTING
    move(session, color={"on": False, "coefficient": 0.7})
    with pytest.raises(BadRecipe, match="at least two tasks"):
        session.sequences.start()
    assert session.engine.jobs.state is None
