"""The views of a zoo in the making: what strangers wrote is text, long lists are folded."""

import re
from dataclasses import replace
from html import escape
from pathlib import Path

import pytest

from studio.checkpoints.checkpoint import open_checkpoint
from studio.errors import BadCheckpoint, BadData, BadZoo, Remedy, SeveralProblems, StudioError
from studio.hub.fitting import Fit
from studio.hub.look import RemoteLook
from studio.new_zoo.cost import MakeCost
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
    troubles = {EVIL: BadData(f"'{EVIL}': no {EVIL}", Remedy.TAKE_COLUMN, EVIL)}
    html = views.tasks({EVIL: fitted, "own": own}, troubles, {"own": (EVIL,)})
    assert "<img" not in html
    assert "a head is fitted on its rows" in html
    assert "no rows: no accuracy" in html
    assert html.count("role='alert'") == 1
    assert re.findall("data-remedy='(.*?)'", html) == [
        "TAKE_COLUMN", "WITHOUT_ROWS", "LEAVE_TASK_OUT",
    ]  # fmt: skip
    assert escape(f"Use column '{EVIL}' as the label") + "</button>" in html
    assert "No model is ticked" in views.tasks({}, {}, {})
    assert "yes" in views.tasks({EVIL: fitted}, {}, {})


def test_each_split_is_named_with_its_file():
    files = {ALL: Path("a.csv"), "train": Path("b.csv")}
    task = NewTask("x", Path("/x"), "text-classification", files)
    assert "held-out, validation: a.csv<br>training: b.csv" in views.tasks({"x": task}, {}, {})
    alone = replace(task, files={ALL: Path("a.csv")})
    assert "<td>a.csv</td>" in views.tasks({"x": alone}, {}, {})


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
    shown = views.remote([look], {})
    assert "name the base above" in shown
    assert "desk/red" in shown
    assert "aaaaaaaaaaaa" in shown
    assert EVIL not in shown
    assert "not said" in views.remote([replace(look, licence="")], {})
    assert views.remote([], {}) == ""
    fits = {"desk/red": Fit(EVIL, 2, 1)}
    assert "yes</span>, into &lt;img" in views.remote([look], fits)
    assert "2 tensors would change, 1 of the base stay" in views.remote([look], fits)
    wrong = views.remote([look], {"desk/red": Fit("b", problem=EVIL)})
    assert "no</b>: &lt;img" in wrong
    base = replace(look, hub_id="desk/base", kind="model")
    assert "<td>the base</td>" in views.remote([look, base], {"desk/red": Fit("desk/base", 2)})
    assert "<td>rows</td>" in views.remote([replace(look, kind="dataset")], fits)


def test_what_writing_takes_is_told_with_how_it_is_known():
    assert "told once the rows were read" in views.cost(None, 10**9)
    guess = views.cost(MakeCost(0.2, 3 * 10**8, 0), 10**9)
    assert "about 1 s (a guess from sizes" in guess
    assert "300 MB of memory; 1 GB are free" in guess
    assert "about 12 s (as the one before" in views.cost(MakeCost(12.3, 0, 1), 1)
    assert "about 3 min (as 4 earlier on this computer took)" in views.cost(MakeCost(170, 0, 4), 1)


def test_a_task_whose_rows_are_being_read_is_neither_ready_nor_wrong():
    task = NewTask("a", Path("x"), "text-classification", {ALL: Path("x.csv")})
    html = views.tasks({"a": task}, {}, {}, ("a",))
    assert ("being read" in html, ">yes<" in html, ">no<" in html) == (True, False, False)


def test_a_job_is_told_while_it_runs_and_where_it_failed():
    going = JobState("Search for models", "running", 0.25, EVIL, 1.0)
    assert "value='0.250'" in views.job(going)
    assert EVIL not in views.job(going)
    failed = replace(going, phase="failed", advice="Put this right.", problem=BadZoo(EVIL))
    assert "Put this right." in views.job(failed)
    assert EVIL not in views.job(failed)
    misfit = BadZoo("'a': too wide.", Remedy.LEAVE_TASK_OUT, EVIL)
    several = SeveralProblems("'zoo'", [misfit, BadZoo("Another."), misfit])
    html = views.job(replace(failed, problem=several))
    assert html.count("<button") == 1
    assert f"data-task='{escape(EVIL)}' data-remedy='LEAVE_TASK_OUT'>" in html
    assert views.job(None) == views.job(replace(going, phase="done")) == ""
