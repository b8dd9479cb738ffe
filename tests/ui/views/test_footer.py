"""The footer without a browser: the job and the memory."""

from studio.errors import NothingToMerge, Remedy
from studio.session.engine import Memory
from studio.session.jobs import JobState
from studio.ui.views.footer import footer
from tests.ui.snapshots import EVIL


def test_the_footer_shows_the_job_and_the_memory():
    memory = Memory(800_000_000, 12_000_000)
    assert "No long job is running" in footer(None, memory)
    assert "<b>800 MB</b>, of it deltas 12 MB" in footer(None, memory)
    on_gpu = Memory(1, 2, 1_200_000_000, 80_000_000_000)
    assert "device 1.2 GB of 80 GB" in footer(None, on_gpu)
    assert "device 1.2 GB" in footer(None, Memory(1, 2, 1_200_000_000))
    running = footer(JobState(EVIL, "running", 0.5, EVIL, 3.0), memory)
    assert EVIL not in running
    assert "50%" in running


def test_a_failed_job_is_red_with_its_cause_and_a_next_step():
    state = JobState("Export", "failed", 0.5, "The disk is full.", 3.0, advice="Make room.")
    shown = footer(state, Memory(1, 2))
    assert "role='alert'" in shown
    assert "<b class='down'>failed</b>" in shown
    assert "The disk is full.</span> <span class='advice'>Make room." in shown


def test_a_failed_job_says_what_helps_on_the_page():
    problem = NothingToMerge("'a' and 'b' are the same checkpoint.", Remedy.LEAVE_ONE_OUT)
    state = JobState("Open zoo", "failed", 0.1, str(problem), 1.0, problem=problem)
    shown = footer(state, Memory(1, 2))
    assert "are the same checkpoint. Leave one out; only the command line merges both." in shown
    assert "--" not in shown


def test_what_must_not_be_overlooked_is_red_though_the_job_is_done():
    state = JobState("Export", "done", 1.0, "Wrote out.", 1.0, warning="Nothing <changes>.")
    shown = footer(state, Memory(1, 2))
    assert "role='alert'" in shown
    assert "<b class='down'>Warning: Nothing &lt;changes&gt;.</b>" in shown


def test_a_model_that_is_not_worn_in_float32_says_so():
    assert "bfloat16, since float32 would not fit" in footer(None, Memory(1, 1, worn="bfloat16"))
    assert "float32" not in footer(None, Memory(1, 1))
