"""A cancel is heard soon, in the middle of tensors, and leaves nothing behind."""

import time

import pytest
import torch

from studio.checkpoints.checkpoint import open_checkpoint
from studio.errors import Cancelled, StudioError
from studio.export.model import export
from studio.merge import open_merge
from studio.session.jobs import Jobs, keeping
from studio.session.pace import Takes
from tests.conftest import save_model

LARGE = (2048, 4096)  # 33 MB, 32 pieces


@pytest.fixture
def large(zoo_folder):
    generator = torch.Generator().manual_seed(0)
    base = {"layer.weight": torch.randn(LARGE, generator=generator)}
    save_model(zoo_folder / "base", base)
    change = torch.randn(LARGE, generator=generator)
    save_model(zoo_folder / "red", {"layer.weight": base["layer.weight"] + change})


def test_an_export_reports_within_a_tensor_and_never_goes_back(large, make_recipe, tmp_path):
    told: list[tuple[float, str]] = []
    merge = open_merge(make_recipe("red", method="average"))
    export(merge, tmp_path / "out", progress=lambda *each: told.append(each))
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert sum(words == "written: layer.weight" for _, words in told) == 32
    assert sum(words == "hashed: layer.weight" for _, words in told) == 64  # base and red
    assert told[-1] == (1.0, "done")


@pytest.mark.parametrize("stop_at", ["hashed", "preparing", "written", "loading", "flushing"])
def test_a_cancel_in_any_phase_stops_the_export_and_leaves_nothing(
    large, make_recipe, tmp_path, stop_at
):
    jobs, out = Jobs(), tmp_path / "out"
    merge = open_merge(make_recipe("red"))
    heard: list[float] = []

    def work(progress):
        def watched(share: float, words: str) -> None:
            if words.startswith(stop_at) and not heard:
                heard.append(time.monotonic())
                jobs.cancel()
                assert jobs.state
                assert jobs.state.phase == "cancelling"
            progress(share, words)

        return export(merge, out, progress=watched), ""

    jobs.start("Export", work)
    while (state := jobs.state) and state.running:
        time.sleep(0.005)
    assert state
    assert (state.phase, len(heard)) == ("cancelled", 1)
    assert time.monotonic() - heard[0] < 0.5
    assert not list(tmp_path.glob("*out*"))


def test_a_digest_that_was_stopped_is_taken_anew(large, zoo_folder):
    weights = open_checkpoint(zoo_folder / "red").weights

    def stop(share: float, words: str) -> None:
        raise Cancelled("enough.")

    with pytest.raises(Cancelled):
        weights.take_root(stop)
    assert weights.root == open_checkpoint(zoo_folder / "red").weights.root
    weights.take_root(stop)  # taken already: nothing to report


def test_a_job_tells_what_it_took_once_it_is_done_and_only_then():
    jobs, told = Jobs(), []
    takes = Takes(12.0, told.append)

    def fail(progress):
        raise StudioError("no.")

    jobs.start("a", fail, takes=takes).join()
    assert told == []
    jobs.start("a", lambda progress: ("done", "", "", "one note", "another"), takes=takes).join()
    assert len(told) == 1
    assert 0 <= told[0] < 12
    state = jobs.state
    assert state
    assert (state.expected, state.warning) == (12.0, "")
    assert state.notes == ("one note", "another")


def test_a_cancelled_job_says_what_stays():
    with pytest.raises(Cancelled) as stopped, keeping(lambda: "3 of 9 stay."):
        raise Cancelled("Cancelled; nothing was written.")
    assert str(stopped.value) == "Cancelled. 3 of 9 stay."
