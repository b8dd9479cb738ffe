"""The Files tab's views without a browser: sizes, forecasts, pre-flights, programs, the footer."""

from pathlib import Path

import pytest

from studio.errors import BadCheckpoint, NothingToMerge, Remedy
from studio.preflight import Look, Preflight
from studio.session.engine import Memory
from studio.session.export_plan import ExportCost
from studio.session.jobs import JobState
from studio.ui.views import files as file_views
from studio.zoo import Zoo, ZooTask
from tests.ui.views.test_accuracy import EVIL


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 bytes"), (999, "999 bytes"), (1_500, "1.5 kB"), (417_000_000, "417 MB"),
     (5e12, "5 TB"), (9e15, "9e+03 TB")],
)  # fmt: skip
def test_sizes_are_read_in_their_unit(count, words):
    assert file_views.size(int(count)) == words


def test_a_forecast_says_what_it_takes_and_refuses_a_full_disk():
    fine = file_views.forecast(ExportCost(2_000_000, 3_000_000, 4_000_000_000))
    assert "data-bytes='2000000'" in fine
    assert "2 MB</b> of weights (2,000,000 bytes); 4 GB are free" in fine
    full = file_views.forecast(ExportCost(2_000_000, 3_000_000, 2_500_000))
    assert "3 MB are needed with a margin. Make room" in full
    assert "role='alert'" in full
    assert EVIL not in file_views.no_forecast(EVIL)


def preflight(*looks: Look, free: int = 10**9) -> Preflight:
    zoo = Zoo(EVIL, Path("/z"), "/z/base", (ZooTask("a", "/z/a"),))
    return Preflight(zoo, looks, 90_000_000, 30_000_000, 30_000_000, free)


def test_a_preflight_lists_every_problem_by_name_and_says_that_the_open_zoo_stays():
    found = preflight(
        Look("base", "full", None, 4, 22_000_000, 88_000_000),
        Look("a", problem=BadCheckpoint(f"'a' is {EVIL}.")),
        Look(EVIL, "LoRA", 8, size=1000, problem=BadCheckpoint("'b' is broken.")),
    )
    shown = file_views.preflight(found)
    assert "data-problems='2'" in shown
    assert "2 problems; the open zoo stays" in shown
    assert shown.count("broken.") == 1
    assert "problem 2</td>" in shown
    assert shown.count("<b class='down'>no</b>") == 2
    assert EVIL not in shown
    assert "22,000,000" in shown


def test_a_preflight_states_needed_and_free_memory_and_counts_too_little_as_a_problem():
    good = preflight(Look("base", "full", None, 4, 22_000_000, 88_000_000))
    assert "Everything fits" in file_views.preflight(good)
    assert (
        "Needs about 120 MB of memory (90 MB for the live model, 30 MB of deltas); 1 GB are free."
        in file_views.preflight(good)
    )
    tight = preflight(Look("base", "full", None, 4, 1, 1), free=100)
    assert "needs about 120,000,000 bytes of memory, but only 100 are free" in (
        file_views.preflight(tight)
    )


def test_programs_are_escaped_and_named_for_the_keyboard_and_for_screen_readers():
    shown = file_views.programs(EVIL, "print(1)")
    assert EVIL not in shown
    assert shown.count("<button type='button' class='copy'") == 2
    assert shown.count("tabindex='0'") == 2
    assert "Copy<span class='hidden'> as python</span>" in shown


def test_the_footer_shows_the_job_and_the_memory():
    memory = Memory(800_000_000, 12_000_000)
    assert "No job is running" in file_views.footer(None, memory)
    assert "<b>800 MB</b>, of it deltas 12 MB" in file_views.footer(None, memory)
    on_gpu = Memory(1, 2, 1_200_000_000, 80_000_000_000)
    assert "device 1.2 GB of 80 GB" in file_views.footer(None, on_gpu)
    assert "device 1.2 GB" in file_views.footer(None, Memory(1, 2, 1_200_000_000))
    running = file_views.footer(JobState(EVIL, "running", 0.5, EVIL, 3.0), memory)
    assert EVIL not in running
    assert "50%" in running


def test_a_failed_job_is_red_with_its_cause_and_a_next_step():
    state = JobState("Export", "failed", 0.5, "The disk is full.", 3.0, advice="Make room.")
    shown = file_views.footer(state, Memory(1, 2))
    assert "role='alert'" in shown
    assert "<b class='down'>failed</b>" in shown
    assert "The disk is full.</span> <span class='advice'>Make room." in shown


def test_a_failed_job_says_what_helps_on_the_page():
    problem = NothingToMerge("'a' and 'b' are the same checkpoint.", Remedy.LEAVE_ONE_OUT)
    state = JobState("Open zoo", "failed", 0.1, str(problem), 1.0, problem=problem)
    shown = file_views.footer(state, Memory(1, 2))
    assert "are the same checkpoint. Leave one out; only the command line merges both." in shown
    assert "--" not in shown
