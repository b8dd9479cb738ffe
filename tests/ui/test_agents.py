"""What agents are told, without one; tests/browser/test_api.py asks as an agent does."""

import json
from types import SimpleNamespace

import pytest

from studio.session.jobs import JobState
from studio.ui.agents import answer_in_json, tell_progress


def test_each_answer_is_one_text_of_json():
    server = SimpleNamespace(types=SimpleNamespace(TextContent=SimpleNamespace))
    answer_in_json(server)
    answers = [{"task": "α's", "good": True, "mean": None}, {}]
    said = server.postprocess_output_data(answers, "http://127.0.0.1/")
    assert [each.type for each in said] == ["text", "text"]
    assert [json.loads(each.text) for each in said] == answers
    assert "α's" in said[0].text
    with pytest.raises(ValueError, match="not JSON compliant"):
        server.postprocess_output_data([{"mean": float("nan")}], "")


def test_where_no_agent_asks_nobody_is_told():
    tell_progress(JobState("Scores", "running", 0.5, "half of it", 1.0))
