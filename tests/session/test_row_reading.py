"""Rows are read one task after another; what is no longer wanted is given up."""

import threading
import time
from typing import Any

from studio.errors import Cancelled
from studio.session.row_reading import READ, RowReading


def finished(reading: RowReading) -> None:
    while reading.state:
        time.sleep(0.01)


def test_tasks_are_looked_at_in_the_order_in_which_they_were_asked_for():
    seen = []
    reading = RowReading(lambda name, progress: seen.append(name), "me")
    assert reading.state is None
    for name in "abc":
        reading.ask(name)
    finished(reading)
    assert seen == ["a", "b", "c"]
    reading.ask("d")
    finished(reading)
    assert seen[-1] == "d"


def test_a_task_that_is_asked_for_again_is_begun_anew_and_one_left_out_is_given_up():
    begun, ended, go = [], [], threading.Event()

    def look(name, progress):
        begun.append(name)
        while not go.is_set():
            progress(0.5, "reading")
            time.sleep(0.005)
        ended.append(name)

    reading = RowReading(look, "me")
    reading.ask("a")
    reading.ask("b")
    while not begun:
        time.sleep(0.005)
    state: Any = reading.state
    assert (state.name, state.owner, state.running) == (READ, "me", True)
    reading.keep(["a"])
    reading.ask("a")
    while len(begun) < 2:
        time.sleep(0.005)
    go.set()
    finished(reading)
    assert (begun, ended) == (["a", "a"], ["a"])


def test_a_cancel_gives_up_all_and_says_what():
    told = []

    def look(name, progress):
        try:
            while True:
                progress(0.5, "reading")
                time.sleep(0.005)
        except Cancelled:
            told.append(name)
            raise

    reading = RowReading(look, "me")
    reading.ask("a")
    reading.ask("b")
    assert reading.cancel() == ("a", "b")
    assert reading.state is None
    reading.ask("c")
    assert reading.cancel() == ("c",)


def test_a_bug_in_a_look_does_not_end_the_reading(capsys):
    seen = []

    def look(name, progress):
        seen.append(name)
        if name == "bad":
            raise ValueError("of a test")

    reading = RowReading(look, "me")
    for name in ("bad", "good"):
        reading.ask(name)
    finished(reading)
    assert seen == ["bad", "good"]
    assert "of a test" in capsys.readouterr().err
