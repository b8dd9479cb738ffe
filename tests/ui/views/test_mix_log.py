"""The history's views: rows, two mixes compared, the file, and names that are text."""

import base64
import csv
import re
from types import SimpleNamespace
from typing import Any

from studio.measure.outcomes import paired
from studio.session.mix import Mix, every_option
from studio.session.mix_log import LoggedMix
from studio.session.mixer_strip import Strip
from studio.ui.views import mix_log as views
from tests.outcomes import outcome

EVIL = "<img src=x onerror=1>"
MIX = Mix((Strip("red", True, 0.4), Strip(EVIL, True, 0.4)), "ties", every_option("ties", {}))
OLD, NEW = (
    outcome({"red": [1, 0] * 50, EVIL: [1] * 100}),
    outcome({"red": [1] * 100, EVIL: [1] * 100}),
)


def logged(number: int, scores, name: str = "") -> LoggedMix:
    return LoggedMix(number, 1e9 + number, MIX, f"{number}", scores, name)


LOG: Any = SimpleNamespace(entries=(logged(1, OLD.scores, EVIL), logged(2, NEW.scores)))


def test_the_latest_is_first_and_each_can_be_restored_pinned_and_named():
    rows = re.findall(r"<tr data-number='(\d)'(.*?)</tr>", views.history(LOG))
    assert [number for number, _ in rows] == ["2", "1"]
    for number, row in rows:
        assert f"data-act='restore' data-number='{number}'" in row
        assert f"data-act='pin' data-number='{number}'" in row
        assert "<b>TIES</b> <span class='quiet'>all 0.4</span>" in row
    assert "<b>100.0%</b>" in rows[0][1]
    assert "placeholder='mix 2'" in rows[0][1]


def test_names_are_text_and_no_mix_is_said_in_words():
    assert EVIL not in views.history(LOG)
    nothing: Any = SimpleNamespace(entries=())
    assert "No mix has come to rest yet" in views.history(nothing)


def test_two_mixes_are_compared_in_words():
    old, new = LOG.entries
    html = views.compared(old, new, paired(NEW, OLD))
    assert "mix 2 is better than &lt;img" in html
    assert "+25.0 ± " in html
    assert "most of it on red, +50.0 ± " in html
    tie = views.compared(old, new, paired(OLD, OLD))
    assert "A tie: these rows cannot tell" in tie
    assert EVIL not in html + tie


def test_the_file_has_a_line_per_mix():
    html = views.history(LOG)
    text = base64.b64decode(re.findall(r"\.csv'[^>]*base64,([^']+)'", html)[0]).decode()
    first, second = csv.DictReader(text.splitlines())
    assert (first["name"], second["name"], second["method"]) == (EVIL, "", "TIES")
    assert (float(first["mean"]), float(second["red"])) == (0.75, 1.0)
    assert re.fullmatch(r"2001-09-\d\d \d\d:\d\d:\d\d", first["time"])
