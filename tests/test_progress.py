"""Progress from several threads, and for work that reports nothing itself."""

import threading
import time

import pytest

from studio.errors import Cancelled
from studio.progress import Meter, attended, part


def test_a_meter_adds_up_what_threads_do_and_never_goes_back():
    seen: list[float] = []
    meter = Meter(400, lambda share, words: seen.append(share))
    threads = [
        threading.Thread(target=lambda: [meter.add(1, "x") for _ in range(100)]) for _ in range(4)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert seen == [i / 400 for i in range(1, 401)]


def test_one_raise_stops_whoever_reports_after_it():
    calls = []

    def once(share: float, words: str) -> None:
        calls.append(share)
        if len(calls) == 1:
            raise Cancelled("enough.")

    meter = Meter(10, once)
    for _ in range(3):
        with pytest.raises(Cancelled, match="enough"):
            meter.add(1, "x")
    assert len(calls) == 1


def test_a_part_of_the_work_covers_its_share_of_the_whole():
    seen = []
    part(lambda share, words: seen.append((share, words)), 0.5, 0.75)(0.5, "x")
    assert seen == [(0.625, "x")]


def test_attended_work_is_reported_for_and_its_result_and_refusal_come_through():
    seen = []
    assert attended(lambda: time.sleep(0.35) or 7, lambda *told: seen.append(told), 0.5, "x") == 7
    assert len(seen) >= 3
    assert set(seen) == {(0.5, "x")}

    def refuse() -> None:
        raise Cancelled("no.")

    with pytest.raises(Cancelled, match="no"):
        attended(refuse, lambda *told: None, 0.0, "x")


def test_attended_work_is_left_as_soon_as_a_report_raises():
    go, began = threading.Event(), time.monotonic()

    def stop(share: float, words: str) -> None:
        raise Cancelled("enough.")

    with pytest.raises(Cancelled):
        attended(lambda: go.wait(20), stop, 0.0, "x")
    assert time.monotonic() - began < 1
    go.set()
