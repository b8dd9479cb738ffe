"""Work on demand: made once, the latest wish first, given up when nobody looks."""

import threading
import time

from studio.errors import StudioError
from studio.session.background import OnDemand


def wait_for(check, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_a_thing_is_made_once_and_kept():
    made, desk = [], OnDemand()

    def make(progress):
        made.append(1)
        return "thing"

    assert desk.ask("page", "key", make).pending
    wait_for(lambda: desk.ask("page", "key", make).made == "thing")
    assert desk.ask("other", "key", make).made == "thing"
    assert made == [1]


def test_progress_is_told_and_what_nobody_looks_at_is_given_up():
    desk, go = OnDemand(), threading.Event()

    def long(progress):
        while not go.is_set():
            progress(0.25, "reading")
            time.sleep(0.002)
        return "long"

    wait_for(lambda: desk.ask("page", "long", long).share == 0.25)
    assert desk.ask("page", "long", long).words == "reading"
    wait_for(lambda: desk.ask("page", "short", lambda progress: "short").made == "short")
    desk.ask("page", "long", long)
    desk.leave("page")
    desk.stop()  # would wait for ever if the long work went on
    go.set()
    wait_for(lambda: desk.ask("page", "long", long).made == "long")


def test_a_refusal_and_a_bug_are_told_in_words_and_the_next_wish_is_served(capsys):
    desk = OnDemand()

    def refuse(progress):
        raise StudioError("Too few points.")

    def fail(progress):
        raise RuntimeError("secret path /home/x")

    wait_for(lambda: desk.ask("page", "few", refuse).refusal == "Too few points.")
    assert not desk.ask("page", "few", refuse).pending
    wait_for(lambda: not desk.ask("page", "bug", fail).pending)
    assert "RuntimeError" in desk.ask("page", "bug", fail).refusal
    assert "secret" not in desk.ask("page", "bug", fail).refusal
    capsys.readouterr()
    wait_for(lambda: desk.ask("page", "good", lambda progress: 1).made == 1)
