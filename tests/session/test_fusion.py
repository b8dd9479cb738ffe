"""AdapterFusion in a session: a job that trains it, and zoos without adapters."""

import time

import pytest
import torch

from studio.errors import BadRecipe
from studio.fusion.training import FusionPlan
from studio.session.engine import Engine
from tests import adapted
from tests.conftest import refusal

SHORT = FusionPlan(budget=2, batch=2, every=1)


def test_a_training_is_a_job_whose_row_stays(tmp_path, monkeypatch):
    monkeypatch.setattr("studio.session.fusion.FusionPlan", lambda: SHORT)
    folder = adapted.build(tmp_path / "zoo")
    engine = Engine(folder, (folder,), torch.device("cpu"))
    engine.start()
    try:
        fusions = engine.session("").fusions
        assert "at most 2 steps of 2 rows of each task" in fusions.cost()
        fusions.start()
        while (job := engine.session("").job()) and job.running:
            time.sleep(0.02)
        assert job is not None
        assert (job.phase, job.words) == (
            "done", "Trained AdapterFusion and scored it on held-out rows.",
        )  # fmt: skip
        assert fusions.version == 1
        assert fusions.row is not None
        assert [*fusions.row.outcome.scores] == [*adapted.TASKS]
    finally:
        engine.close()


def test_full_fine_tunes_are_refused_before_a_job_begins(session):
    for ask in (session.fusions.cost, session.fusions.start):
        with pytest.raises(BadRecipe) as error:
            ask()
        assert "'color' is a full fine-tune" in refusal(error)
    assert session.job() is None
