"""Taking out and putting back, who teaches what is left, and what came back after a certificate."""

from pathlib import Path

import pytest

from studio.errors import BadRecipe, StudioError
from studio.evidence.teachers import Teachers, teachers
from studio.evidence.unmerge import unmerging
from studio.measure.change import Change
from studio.session.taken_out import TakenOut
from tests.conftest import refusal
from tests.evidence.test_checks import at
from tests.session.test_evidence import certified, ended, opened
from tests.session.test_session import rest


@pytest.fixture
def session(tiny_zoo: Path, tmp_path: Path):
    engine = opened(tiny_zoo, tmp_path)
    yield engine.session("")
    engine.close()


def test_a_task_goes_out_and_comes_back_by_name(session):
    taken: TakenOut = session.taken_out
    taken.take_out("color")
    assert session.mix.ticked == ("animal",)
    assert taken.scored() == ["color"]
    taken.put_back("color")
    assert session.mix.ticked == ("color", "animal")
    for name in ("cow", None, ["color"]):
        with pytest.raises(BadRecipe, match="reload the page"):
            taken.take_out(name)


def test_who_teaches_is_measured_of_what_is_out(session):
    taken = session.taken_out
    with pytest.raises(StudioError) as error:
        taken.start_teachers()
    assert refusal(error) == "Nothing is unmerged: untick a task in the mixer first."
    taken.take_out("color")
    assert taken.teachers("color") is None
    taken.start_teachers()
    assert ended(session).words == "Measured who teaches color."
    found = taken.teachers("color")
    assert found is not None
    assert list(found.without) == ["animal"]
    base = rest(session).base["color"]
    assert found.without["animal"].value == base.value  # without both, it is the base
    taken.put_back("color")
    assert taken.teachers("color") is None


@pytest.mark.slow
def test_a_certified_task_in_the_mix_is_told_though_a_demo_key_signed(session, tmp_path):
    taken = session.taken_out
    taken.take_out("color")
    told = certified(session, tmp_path / "out")
    assert taken.returned() == []
    taken.put_back("color")  # a demo keeps nothing out
    (back,) = taken.returned()
    assert (back.task, back.demo) == ("color", True)
    assert back.date == told["signer"]["time"][:10]
    made = session.evidence.certified
    assert back.certificate == made.digest
    assert back.failed == (told["verdict"]["result"] == "fail")


def test_only_a_task_whose_absence_is_surely_felt_teaches():
    each = {"a": Change(-0.2, 0.3, 9), "b": Change(-0.1, 0.05, 9), "c": Change(0.4, 0.1, 9)}
    without = dict.fromkeys(each, at(0.1))
    # the worst of a is within chance, so it says nothing; b is surely felt
    assert Teachers("x", at(0.5), without, each).main == "b"
    assert Teachers("x", at(0.5), without, {"a": each["a"], "c": each["c"]}).main == ""
    assert Teachers("x", at(0.5), without, {"b": each["b"], "c": each["c"]}).main == "b"
    assert Teachers("x", at(0.5), {}, {}).main == ""


def test_a_task_without_rows_has_no_teacher(session):
    bench = session.worker.bench
    full = session.zoo.recipe("average")
    with pytest.raises(StudioError, match="no held-out rows"):
        teachers(bench, bench.live, unmerging(full, ("color",)), "cow")
