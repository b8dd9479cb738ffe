"""The strip of the job, and the memory, without a browser."""

from studio.errors import NothingToMerge, Remedy
from studio.session.engine import Memory
from studio.session.jobs import JobState
from studio.ui.views.job_strip import job_strip, memory_line
from tests.ui.snapshots import EVIL


def test_the_memory_is_that_of_the_process_its_deltas_and_the_device():
    assert "<b>800 MB</b>, of it deltas 12 MB" in memory_line(Memory(800_000_000, 12_000_000))
    on_gpu = Memory(1, 2, 1_200_000_000, 80_000_000_000)
    assert "device 1.2 GB of 80 GB" in memory_line(on_gpu)
    assert "device 1.2 GB" in memory_line(Memory(1, 2, 1_200_000_000))


def test_a_job_says_how_far_it_is_and_how_long_it_still_takes():
    assert "data-phase='none'" in job_strip(None)
    running = job_strip(JobState(EVIL, "running", 0.5, EVIL, 3.0))
    assert EVIL not in running
    assert "50%" in running
    assert "about 3 s left" in running
    assert "about 5 min left" in job_strip(JobState("a", "running", 0.1, "", 33.0))
    assert "left" not in job_strip(JobState("a", "running", 0.01, "", 33.0))  # too early to tell
    assert "left" not in job_strip(JobState("a", "done", 1.0, "", 33.0))


def test_earlier_jobs_tell_at_first_how_long_it_takes_and_its_own_share_does_later():
    def left(share: float, seconds: float, expected: float) -> str:
        shown = job_strip(JobState("a", "running", share, "", seconds, expected=expected))
        return shown.rpartition("<span class='quiet'>")[2]

    assert left(0.0, 1.0, 41.0).startswith("about 40 s left")
    assert left(0.5, 20.0, 60.0).startswith("about 30 s left")  # 20 by its share, 40 by the others
    assert left(0.9, 45.0, 40.0).startswith("about 5 s left")  # later than expected: its own share
    assert left(0.0, 50.0, 40.0).startswith("50 s")


def test_a_failed_job_is_red_with_its_cause_and_a_next_step():
    state = JobState("Export", "failed", 0.5, "The disk is full.", 3.0, advice="Make room.")
    shown = job_strip(state)
    assert "role='alert'" in shown
    assert "<b class='down'>failed</b>" in shown
    assert "The disk is full.</span> <span class='advice'>Make room." in shown


def test_a_failed_job_says_what_helps_on_the_page():
    problem = NothingToMerge("'a' and 'b' are the same checkpoint.", Remedy.LEAVE_ONE_OUT)
    state = JobState("Open zoo", "failed", 0.1, str(problem), 1.0, problem=problem)
    shown = job_strip(state)
    assert "are the same checkpoint. Leave one out; only the command line merges both." in shown
    assert "--" not in shown


def test_what_must_not_be_overlooked_is_red_though_the_job_is_done():
    state = JobState("Export", "done", 1.0, "Wrote out.", 1.0, warning="Nothing <changes>.")
    shown = job_strip(state)
    assert "role='alert'" in shown
    assert "<b class='down'>Warning: Nothing &lt;changes&gt;.</b>" in shown


def test_what_else_there_is_to_know_of_a_job_is_folded_and_escaped():
    state = JobState("Write", "done", 1.0, "Wrote it.", 1.0, notes=("10 rows were dropped.", EVIL))
    shown = job_strip(state)
    assert "<details id='job-notes'><summary>2 notes</summary><ul><li>10 rows were" in shown
    assert EVIL not in shown
    assert "notes" not in job_strip(JobState("Write", "done", 1.0, "Wrote it.", 1.0))


def test_a_model_that_is_not_worn_in_float32_says_so():
    assert "bfloat16, since float32 would not fit" in memory_line(Memory(1, 1, worn="bfloat16"))
    assert "float32" not in memory_line(Memory(1, 1))


def test_the_strip_says_by_which_control_and_in_which_tab_its_job_was_started():
    job = JobState("Export", "running", 0.37, "merging", 3.0, tab="Files", control=EVIL)
    shown = job_strip(job)
    assert "data-tab='Files'" in shown
    assert EVIL not in shown
    assert "data-share='0.370' data-told='37%, about 5 s left'" in shown
    assert "data-told='1%'" in job_strip(JobState("Export", "running", 0.01, "", 3.0))
