"""The Files tab's views without a browser: checkpoints, forecasts, pre-flights, programs."""

from pathlib import Path

from studio.errors import BadCheckpoint, NotAllowed, Remedy, SeveralProblems
from studio.preflight import Look, Preflight
from studio.session.export_plan import ExportCost
from studio.tasks.spec import Settings, TaskSpec
from studio.ui.views import files as views
from studio.zoo import Zoo
from tests.ui.snapshots import EVIL


def test_a_forecast_says_what_it_takes_and_refuses_a_full_disk():
    fine = views.forecast(ExportCost(2_000_000, 3_000_000, 4_000_000_000))
    assert "data-bytes='2000000'" in fine
    assert "2 MB</b> of weights (2,000,000 bytes); 4 GB are free" in fine
    full = views.forecast(ExportCost(2_000_000, 3_000_000, 2_500_000))
    assert "3 MB are needed with a margin. Make room" in full
    assert "role='alert'" in full
    assert EVIL not in views.no_forecast(EVIL)


def preflight(*looks: Look, free: int = 10**9) -> Preflight:
    zoo = Zoo(
        EVIL, Path("/z"), "/z/base", (TaskSpec("a", "/z/a", "text-classification", Settings()),)
    )
    return Preflight(zoo, looks, 90_000_000, 30_000_000, 30_000_000, free)


def test_a_preflight_lists_every_problem_by_name_and_says_that_the_open_zoo_stays():
    found = preflight(
        Look("base", "full", None, 4, 22_000_000, 88_000_000),
        Look("a", problem=BadCheckpoint(f"'a' is {EVIL}.")),
        Look(EVIL, "LoRA", 8, size=1000, problem=BadCheckpoint("'b' is broken.")),
    )
    shown = views.preflight(found)
    assert "data-problems='2'" in shown
    assert "2 problems; the open zoo stays" in shown
    assert shown.count("broken.") == 1
    assert "problem 2" in shown
    assert "python app.py" not in shown
    assert shown.count("<b class='down'>no</b>") == 2
    assert EVIL not in shown
    assert "22,000,000" in shown


def test_what_lies_outside_comes_with_the_command_that_lets_it_in():
    outside = NotAllowed("'a': x leads to /other/x.", Remedy.FOLLOW_LINKS, "/other")
    shown = views.preflight(preflight(Look("base", "full"), Look("a", problem=outside)))
    assert "python app.py --root /other</pre>" in shown
    assert "python app.py --root /z</pre>" in views.refused(
        NotAllowed("Outside.", Remedy.ADD_ROOT, "/z/zoo.yaml")
    )


def test_several_problems_of_one_task_are_listed_one_by_one():
    both = SeveralProblems("'a'", [BadCheckpoint("'a': one."), BadCheckpoint("'a': two.")])
    shown = views.preflight(preflight(Look("base", "full"), Look("a", problem=both)))
    assert "data-problems='2'" in shown
    assert "<li>&#x27;a&#x27;: one.</li><li>&#x27;a&#x27;: two.</li>" in shown
    assert "problems 1, 2" in shown


def test_a_preflight_states_needed_and_free_memory_and_counts_too_little_as_a_problem():
    good = preflight(Look("base", "full", None, 4, 22_000_000, 88_000_000))
    assert "Everything fits" in views.preflight(good)
    assert (
        "Needs about 120 MB of memory (90 MB for the live model, 30 MB of deltas); 1 GB are free."
        in views.preflight(good)
    )
    tight = preflight(Look("base", "full", None, 4, 1, 1), free=100)
    assert "needs about 120,000,000 bytes of memory, but only 100 are free" in (
        views.preflight(tight)
    )


def test_programs_are_escaped_and_named_for_the_keyboard_and_for_screen_readers():
    shown = views.programs(EVIL, "print(1)")
    assert EVIL not in shown
    assert shown.count("<button type='button' class='copy'") == 2
    assert shown.count("tabindex='0'") == 2
    assert "Copy<span class='hidden'> as python</span>" in shown


def test_files_escape_what_they_show():
    row = {
        "task": EVIL, "kind": "full", "rank": None, "tensors": 2, "parameters": 2_000_000,
        "prefix": EVIL, "private": [EVIL], "notes": [EVIL], "digest": "abc" * 10,
    }  # fmt: skip
    assert EVIL not in views.checkpoints([row], [EVIL], EVIL)
    assert "2,000,000" in views.checkpoints([row], [], "")
