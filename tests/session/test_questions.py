"""What other programs ask: answered as the library answers, as one job, beside the page."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import studio
from studio.compare.tables import comparison_json
from studio.errors import BadCertificate, BadRecipe, NotAllowed, OutputExists, StudioError
from studio.measure.metrics import scores_json
from studio.session.engine import Engine
from studio.session.questions import PROGRAM, Questions, Wanted

METHOD = "task_arithmetic"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("questions")


@pytest.fixture(scope="module")
def engine(tiny_zoo: Path, folder: Path) -> Iterator[Engine]:
    opened = Engine(tiny_zoo, (tiny_zoo, folder), torch.device("cpu"), folder / "ledger")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def questions(engine: Engine) -> Questions:
    return Questions(engine)


@pytest.fixture(scope="module")
def zoo(tiny_zoo: Path) -> studio.OpenZoo:
    return studio.open_zoo(tiny_zoo, device="cpu")


def test_answers_are_those_of_the_library_and_plain_values(questions, zoo):
    first, second = zoo.tasks
    mix, recipe = Wanted(METHOD, {first: 0.25}), zoo.recipe(METHOD, {first: 0.25})
    assert questions.evaluate(mix, "held_out") == scores_json(zoo.evaluate(recipe))
    alone = studio.unmerge(recipe, [second], "exact")
    found = questions.evaluate(Wanted(METHOD, {first: 0.25}, [second]), "validation")
    assert found == scores_json(zoo.evaluate(alone, "validation"))
    geometry, expected = questions.geometry(mix, tensors=True), zoo.geometry(recipe)
    assert geometry["cosine_before"] == expected["cosine_before"]
    assert geometry["tensors"] == expected["tensors"]
    assert "tensors" not in questions.geometry(mix, tensors=False)
    *_, table = zoo.compare(["average"])
    compared = questions.compare(["average"], tune=False)
    told, known = compared["methods"]["average"], comparison_json(table)["methods"]["average"]
    assert told["tasks"] == known["tasks"]
    json.dumps([geometry, compared], allow_nan=False)


def test_what_is_open_is_told_without_places_on_the_disk(questions, zoo, tiny_zoo):
    found = questions.inspect()
    assert [each["task"] for each in found["tasks"]] == list(zoo.tasks)
    assert found["scored"]["held_out"] == list(zoo.tasks)
    assert {each["name"] for each in found["methods"]} == set(studio.METHODS)
    said = json.dumps([found, questions.geometry(Wanted(METHOD), tensors=True)])
    assert str(tiny_zoo) not in said


@pytest.mark.parametrize(
    ("mix", "words"),
    [
        (Wanted("magic"), "no merge method 'magic'"),
        (Wanted({}), "'method' must be names"),
        (Wanted(METHOD, {"unicorn": 1}), "no task 'unicorn'"),
        (Wanted(METHOD, [1]), "'coefficients' must be an object of numbers"),
        (Wanted(METHOD, {"a": "1"}), "'coefficients' must be an object of numbers"),
        (Wanted(METHOD, {"a": True}), "'coefficients' must be an object of numbers"),
        (Wanted(METHOD, {"a": float("nan")}), "'coefficients' must be an object of numbers"),
        (Wanted(METHOD, None, ["unicorn"]), "unicorn"),
        (Wanted(METHOD, None, [5]), "'without' must be names"),
        (Wanted(METHOD, None, ["a"] * 1001), "'without' must be names"),
    ],
)
def test_a_mix_that_makes_no_sense_is_refused_in_words(questions, engine, mix, words):
    with pytest.raises(BadRecipe, match=words):
        questions.geometry(mix, tensors=False)
    assert not engine.jobs.state.running


def test_a_split_method_or_task_that_there_is_not_is_refused(questions):
    with pytest.raises(BadRecipe, match="no split 'test'"):
        questions.evaluate(Wanted(METHOD), "test")
    with pytest.raises(BadRecipe, match="at least one method"):
        questions.compare([], tune=False)
    with pytest.raises(BadRecipe, match="'remove' must be names"):
        questions.check_unmerge(Wanted(METHOD), [None])


def test_the_pages_own_bench_is_not_touched(questions, engine):
    questions.evaluate(Wanted("average"), "held_out")
    assert "live" not in vars(engine.worker.bench)


def test_another_zoo_is_asked_once_it_is_open(tiny_zoo, tmp_path):
    import shutil

    other = Path(shutil.copytree(tiny_zoo, tmp_path / "other"))
    file = other / "zoo.yaml"
    name = studio.open_zoo(tiny_zoo, device="cpu").zoo.name
    file.write_text(file.read_text().replace(name, "Another one"))
    engine = Engine(tiny_zoo, (tiny_zoo, tmp_path), torch.device("cpu"), tmp_path / "ledger")
    questions = Questions(engine)
    assert questions.inspect()["zoo"] == name
    engine.open(str(other))
    assert questions.inspect()["zoo"] == "Another one"
    engine.close()


def test_one_question_at_a_time_and_a_page_sees_that_there_is_one(questions, engine):
    going, finish = threading.Event(), threading.Event()

    def work(progress):
        going.set()
        finish.wait(60)
        return "", ""

    job = engine.jobs.start("Something", work, "a page")
    going.wait(60)
    with pytest.raises(StudioError, match="A job of another browser is still running"):
        questions.inspect()
    assert questions.stop() == {"stopped": False}
    assert engine.jobs.state.phase == "running"
    finish.set()
    job.join()


def test_a_question_is_stopped_by_another(questions, engine, monkeypatch):
    going, answers = threading.Event(), []

    def slowly(self, recipe, split, progress):
        going.set()
        for _ in range(10_000):
            progress(0.5, "scoring")
            threading.Event().wait(0.01)

    monkeypatch.setattr(studio.OpenZoo, "evaluate", slowly)

    def ask():
        with pytest.raises(StudioError, match="Cancelled") as refused:
            questions.evaluate(Wanted(METHOD), "held_out")
        answers.append(str(refused.value))

    asking = threading.Thread(target=ask)
    asking.start()
    going.wait(60)
    assert engine.jobs.state.owner == PROGRAM
    seen = engine.session("e" * 32).job()
    assert (seen.name, seen.words) == ("Another browser's job", "")
    assert questions.stop() == {"stopped": True}
    asking.join(60)
    assert answers


def test_what_breaks_is_no_answer_and_tells_nothing_of_the_inside(questions, monkeypatch, capsys):
    def broken(self, recipe, progress):
        raise KeyError("/secret/place")

    monkeypatch.setattr(studio.OpenZoo, "geometry", broken)
    with pytest.raises(StudioError, match="internal error") as refused:
        questions.geometry(Wanted(METHOD), tensors=False)
    assert "secret" not in str(refused.value)
    assert "secret" in capsys.readouterr().err


def test_paths_stay_inside_and_nothing_is_written_over(questions, folder, tmp_path):
    for ask in (lambda p: questions.merge(Wanted(METHOD), p), questions.verify):
        with pytest.raises(NotAllowed, match="outside the folders"):
            ask(str(tmp_path / "elsewhere"))
    with pytest.raises(BadCertificate, match="is no bundle"):
        questions.verify(str(folder))
    with pytest.raises(OutputExists):
        questions.merge(Wanted(METHOD), str(folder))


def test_a_merge_is_written_logged_and_the_bits_are_the_librarys(questions, engine, zoo, folder):
    target = folder / "merged"
    made = questions.merge(Wanted(METHOD), str(target))
    assert made["folder"] == str(target)
    again = zoo.merge(zoo.recipe(METHOD), folder / "again", ledger=folder / "other ledger")
    assert made["root"] == again.root
    assert made["root"] in (engine.ledger.folder / "audit.jsonl").read_text()
    json.dumps(made)


def test_an_unmerge_is_judged_and_nothing_is_written(questions, zoo, folder, rebuilt_here):
    before = sorted(folder.rglob("*"))
    found = questions.check_unmerge(Wanted(METHOD), [zoo.tasks[0]])
    assert found["exact"]["claim"].startswith("exact")
    assert found["exact"]["verdict"] == "pass"
    assert set(found) == {"exact", "algebraic"}
    assert {each["id"] for each in found["exact"]["checks"]} >= {"A1", "B1"}
    assert sorted(folder.rglob("*")) == before
    json.dumps(found)


def test_a_bundle_is_verified(questions, zoo, folder, rebuilt_here):
    zoo.certify(zoo.recipe(METHOD), zoo.tasks[0], folder / "bundle", ledger=folder / "third")
    found = questions.verify(str(folder / "bundle"))
    assert found["good"]
    assert all(each["good"] for each in found["findings"])
    config = folder / "bundle" / "config.json"
    config.write_text(config.read_text() + " ")
    assert not questions.verify(str(folder / "bundle"))["good"]
