"""The views of a zoo in the making: what strangers wrote is text, long lists are folded."""

from dataclasses import replace
from pathlib import Path

import pytest

from studio.checkpoints.checkpoint import open_checkpoint
from studio.errors import BadCheckpoint, BadZoo, StudioError
from studio.hub.look import RemoteLook
from studio.new_zoo.finding import Found, Model, find
from studio.new_zoo.grouping import Member, Proposal, propose
from studio.new_zoo.plan import ALL, NewTask
from studio.new_zoo.tables import Table
from studio.session.jobs import JobState
from studio.ui.views import new_zoo as views

EVIL = "<img src=x onerror=1>"


@pytest.fixture(scope="module")
def model(runs) -> Model:
    return Model(Path("/x"), open_checkpoint(runs / "animals-lora"))


def test_proposals_and_models_have_a_line_each(runs, model):
    (proposal,) = propose(find([runs]))
    assert views.proposal_name(proposal) == f"2 models on {runs / 'base'}"
    assert views.proposal_name(Proposal(None, "", "", proposal.members[:1])) == (
        "1 model on a base that is not named"
    )
    assert [views.member_name(member) for member in proposal.members] == [
        "animals-lora (LoRA of rank 2, 1.02 kB)", "colors (full, 20.3 kB)",
    ]  # fmt: skip
    assert "3 versions" in views.member_name(Member("x", model, (model,) * 3))


def test_what_was_found_is_text_and_what_cannot_be_used_is_folded(model):
    wrong = Member(EVIL, model, (model,), problem=BadCheckpoint(f"No {EVIL}."))
    broken = StudioError("Broken.")
    refused = [(Path(f"/{EVIL}/{at}"), broken) for at in range(14)]
    searched = Found([model], refused, notes=[EVIL])
    html = views.found(searched, Proposal(None, EVIL, EVIL, (wrong,), (EVIL,)))
    assert "<img" not in html
    assert "15 cannot be used" in html
    assert "and 3 more" in html
    assert html.count("class='refusal'") == 2  # loud, where there is no base
    assert views.found(None, None) == ""
    assert "No two of the models share a base" in views.found(searched, None)


def test_tasks_say_what_answers_and_whether_their_rows_can_be_taken():
    fitted = NewTask(EVIL, Path("/x"), "text-classification", {ALL: Path(f"/{EVIL}.csv")})
    own = replace(fitted, name="own", kind="causal-lm", files={})
    html = views.tasks({EVIL: fitted, "own": own}, {EVIL: f"'{EVIL}': no {EVIL}"}, {"own": (EVIL,)})
    assert "<img" not in html
    assert "a head is fitted on its rows" in html
    assert "no rows: no accuracy" in html
    assert html.count("role='alert'") == 1
    assert "No model is ticked" in views.tasks({}, {}, {})
    assert "yes" in views.tasks({EVIL: fitted}, {}, {})


def test_the_first_rows_put_what_is_read_before_the_rest():
    rows = tuple({"id": at, EVIL: "a" * 200, "image": b"x", "note": EVIL} for at in range(9))
    table = Table(Path(f"/{EVIL}.csv"), ("id", EVIL, "image", "note"), rows, 12_345, "")
    html = views.first_rows(table, {"text": "note", "label": ""})
    assert "<img" not in html
    assert html.index("note") < html.index("<th scope='col'>id")
    assert "The first of 12,345 rows of" in html
    assert html.count("<tr>") == 1 + 4
    assert "a" * 90 + "…" in html
    assert "a" * 91 not in html
    assert "a picture" in html
    assert views.first_rows(None, {}) == ""


def test_repositories_of_the_hub_are_shown_with_commit_size_and_licence():
    look = RemoteLook("desk/red", "main", "a" * 40, "adapter", (), EVIL)
    shown = views.remote([look])
    assert "desk/red" in shown
    assert "aaaaaaaaaaaa" in shown
    assert EVIL not in shown
    assert "not said" in views.remote([replace(look, licence="")])
    assert views.remote([]) == ""


def test_a_path_outside_comes_with_a_command_that_a_shell_reads():
    shown = views.outside("It is outside.", f"/a b/{EVIL}")
    assert EVIL not in shown
    assert "--root &#x27;/a b/" in shown


def test_a_job_is_told_while_it_runs_and_where_it_failed():
    going = JobState("Search for models", "running", 0.25, EVIL, 1.0)
    assert "value='0.250'" in views.job(going)
    assert EVIL not in views.job(going)
    failed = replace(going, phase="failed", advice="Put this right.", problem=BadZoo(EVIL))
    assert "Put this right." in views.job(failed)
    assert EVIL not in views.job(failed)
    assert views.job(None) == views.job(replace(going, phase="done")) == ""
