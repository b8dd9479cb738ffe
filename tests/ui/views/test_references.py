"""The floor that a merge is compared with."""

from studio.ui.views.accuracy import accuracy
from studio.ui.views.header import headline
from studio.ui.views.references import complete, floor_of
from tests.ui.snapshots import EVIL, at, snapshot


def test_without_head_only_the_base_is_the_floor():
    now = snapshot(head_only={}, base={"a": at(0.3), EVIL: at(0.3)})
    assert "base</a> <b>30.0%" in headline(now)
    assert "asked as the expert is" in accuracy(now)


def test_head_only_is_the_floor_once_every_task_has_it():
    now = snapshot(base={"a": at(0.3), EVIL: at(0.3)})
    assert floor_of(now) == ("head-only", now.head_only)
    partly = snapshot(head_only={"a": at(0.6)}, base=now.base)
    assert floor_of(partly) == ("base", now.base)
    assert not complete(partly.head_only, partly.rows)
    assert not complete({}, {})
