"""``python -m tests``: every test in one lane, and nothing slow in the quick part."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.__main__ import lanes
from tests.conftest import ROOT


@pytest.mark.parametrize("quick", [False, True])
def test_what_one_lane_ignores_the_other_runs(quick):
    first, second = (
        {word.removeprefix("--ignore=") for word in lane if "tests/" in word}
        for lane in lanes(quick)
    )
    assert first - second == ({"tests/browser"} if quick else set())
    assert all((ROOT / path).exists() for path in first | second)


@pytest.mark.parametrize("every", [False, True])
def test_both_lanes_hear_whether_every_attack_is_tried(every):
    assert [("--all" in lane) for lane in lanes(False, every)] == [every, every]


def test_each_test_in_the_folder_of_the_browser_drives_one():
    files = (Path(__file__).parent / "browser").glob("test_*.py")
    assert all("pytestmark = pytest.mark.browser\n" in file.read_text() for file in files)


def test_a_test_that_is_not_marked_slow_starts_no_other_python():
    with pytest.raises(AssertionError, match="mark it as slow"):
        subprocess.run([sys.executable, "-c", ""], check=True)


@pytest.mark.slow
def test_a_test_that_is_marked_slow_may():
    subprocess.run([sys.executable, "-S", "-c", ""], check=True)
