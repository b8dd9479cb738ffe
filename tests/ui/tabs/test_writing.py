"""The writing of the Results tab without a browser."""

import pytest
import torch

from studio.session.engine import Engine
from studio.ui.tabs.writing import WritingSection
from tests.tasks.kinds import speakers
from tests.ui.conftest import Driver


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    folder = speakers.build(tmp_path_factory.mktemp("speakers") / "zoo", "Llama")
    made = Engine(folder, (folder,), torch.device("cpu"), folder / "ledger")
    yield made
    made.close()


@pytest.fixture
def writers(engine) -> Driver:
    """A page on language models, which nobody has asked yet."""
    engine.session("").begin()
    return Driver(engine)


def test_a_prompt_and_its_manner_are_the_browsers_own(writers):
    drawn = writers.use("write", "click", "the cat", "chat", 8, 0.5, 3)
    assert drawn["writing-refusal"] == ""
    loaded = writers.load()
    assert loaded["prompt"] == "the cat"
    assert [loaded[f"write-{each}"] for each in ("most", "temperature", "seed")] == [8, 0.5, 3]
    assert loaded["write-task"].value == "chat"
    looked = writers.look("Results")
    assert all("Waiting …" in looked[f"answer-{each}"] for each in ("base", "expert", "now"))
    assert "expert chat" in looked["answer-expert"]
    assert looked["stop-writing"].interactive
    writers.use("stop-writing", "click")
    assert writers.session.writings.stopped
    looked = writers.look("Results")
    assert "Stopped before its first token." in looked["answer-now"]
    assert not looked["stop-writing"].interactive


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("", "prose", 8, 0, 0), "The prompt is empty"),
        (("a", "prose", None, 0, 0), "Tokens: give a number."),
        (("a", "prose", 8, 0, 1.5), "Seed: 1.5 is no whole number."),
        (("a", "prose", 300, 0, 0), "300 tokens are asked for; give a whole number from 1 to 256"),
    ],
)
def test_what_cannot_be_written_is_refused_in_its_place(writers, given, words):
    drawn = writers.use("write", "click", *given)
    assert list(drawn) == ["writing-refusal"]
    assert words in drawn["writing-refusal"]
    assert writers.session.writings.asked is None


def test_another_expert_offers_its_own_rows(writers):
    before = writers.load()["write-opening"].choices
    drawn = writers.use("write-task", "input", "chat")
    rows = writers.page.engine.worker.bench.tasks["chat"].rows("held_out")
    assert drawn["write-opening"].choices != before
    assert drawn["write-opening"].choices[0][1] == rows[0].prompt


def test_a_zoo_whose_models_write_nothing_shows_no_prompt_and_a_text_only_where_one_is_read(
    driver, writers
):
    assert any(isinstance(each, WritingSection) for each in _sections(writers))
    ours, theirs = writers.look("Results"), driver.look("Results")
    assert "answer-now" in ours
    assert [shown["own-text"].visible for shown in (ours, theirs)] == [False, True]
    sections = [
        next(each for each in shown.values() if type(each).__name__ == "Column")
        for shown in (ours, theirs)
    ]
    assert [each.visible for each in sections] == [True, False]


def _sections(writers: Driver) -> list[object]:
    return [each for tab in writers.page.tabs for each in getattr(tab, "members", [])]
