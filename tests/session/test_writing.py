"""Four models go on with a prompt: cached, stopped, cancelled by a move, one model in memory."""

import threading
from collections import Counter
from collections.abc import Iterator

import pytest
import torch

from studio.errors import BadData
from studio.measure.writing import Asked, Scribe, Written, written
from studio.session import live_steps
from studio.session.engine import Engine
from studio.session.session import Session
from studio.session.writing import Answer
from studio.tasks.kinds.writing import Manner
from tests.conftest import refusal
from tests.session.test_session import move, rest
from tests.tasks.kinds import speakers

ASKED = ("the red cat", "prose", Manner(12))


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    return speakers.build(tmp_path_factory.mktemp("speakers") / "zoo", "Llama")


@pytest.fixture
def steps(monkeypatch) -> Counter:
    """Steps of writing by model, while tests look."""
    counted: Counter = Counter()
    really = Scribe.step

    def step(self, model, asked, known):
        counted[model] += 1
        return really(self, model, asked, known)

    monkeypatch.setattr(Scribe, "step", step)
    return counted


@pytest.fixture
def engine(zoo, tmp_path, steps) -> Iterator[Engine]:
    made = Engine(zoo, (zoo, tmp_path), torch.device("cpu"))
    made.start()
    yield made
    made.close()


@pytest.fixture
def session(engine) -> Session:
    return engine.session("")


def by_model(session: Session) -> dict[str, Answer]:
    return {each.model: each for each in session.writings.answers()}


def written_now(session: Session) -> Written:
    found = by_model(session)["now"].written
    assert found is not None
    return found


def test_four_models_answer_and_are_what_each_says_alone(session):
    session.writings.ask(*ASKED)
    move(session, chat={"on": False})
    rest(session)
    found, bench = by_model(session), session.worker.bench
    assert list(found) == ["base", "expert", "before", "now"]
    assert not any(each.going or each.refusal for each in found.values())
    own = speakers.bench(bench.zoo.folder)
    asked, scribe = Asked("prose", "the red cat", Manner(12)), Scribe(own.live, own.tasks)
    for model, merge in (
        ("base", None),
        ("expert", own.expert("prose")),
        ("before", own.merge(session.mixer.before.recipe(session.zoo))),
        ("now", own.merge(session.context.recipe())),
    ):
        assert found[model].written == written(scribe, own.live, merge, model, asked), model
    assert len({each.written and each.written.text for each in found.values()}) > 1


def test_after_a_move_only_the_mix_is_asked_again(session, steps):
    session.writings.ask(*ASKED)
    rest(session)
    before, known = dict(steps), by_model(session)
    assert len(before) == 3  # the mix now is the one before, too
    move(session, prose={"coefficient": 1.3})
    rest(session)
    assert {name for name in steps if steps[name] != before.get(name)} == {
        session.context.recipe().digest
    }
    found = by_model(session)
    assert found["base"] == known["base"]
    assert found["expert"] == known["expert"]
    assert found["before"].written == known["now"].written
    session.edit("undo")
    rest(session)
    assert by_model(session)["now"].written == known["now"].written
    again = dict(steps)
    session.writings.choose("chat")
    rest(session)
    assert sum(steps[name] != again.get(name) for name in steps) == 1  # the other expert


def held(monkeypatch) -> tuple[threading.Event, threading.Event]:
    """Writing waits before each piece behind the prompt: whether it does, and that it goes on."""
    waits, on = threading.Event(), threading.Event()
    really = live_steps.LiveSteps.write

    def write(self, recipe, asked):
        known = self._results.written(recipe, asked)
        if known is not None and known.pieces:
            waits.set()
            on.wait(30)
        really(self, recipe, asked)

    monkeypatch.setattr(live_steps.LiveSteps, "write", write)
    return waits, on


def test_newer_moves_end_what_an_older_mix_writes(session, monkeypatch):
    rest(session)
    move(session, prose={"coefficient": 1.1})
    rest(session)
    waits, on = held(monkeypatch)
    session.writings.ask(*ASKED)
    assert waits.wait(30)
    left = session.context.recipe()
    move(session, prose={"coefficient": 1.2})
    move(session, chat={"on": False})  # so that the mix that wrote is not even the one before
    on.set()
    rest(session)
    known = session.worker.results.written(left, session.writings.asked)
    assert known.pieces
    assert not known.ending
    assert written_now(session).ending


def test_what_is_stopped_stays_as_it_is_until_somebody_asks_again(session, monkeypatch):
    rest(session)
    waits, on = held(monkeypatch)
    session.writings.ask(*ASKED)
    assert waits.wait(30)
    session.writings.stop()
    on.set()
    rest(session)
    now = written_now(session)
    assert (by_model(session)["now"].going, now.ending) == (False, "")
    assert 1 <= len(now.pieces) < 12
    move(session, chat={"on": False})
    rest(session)
    assert by_model(session)["now"].written is None
    session.writings.ask(*ASKED)
    rest(session)
    assert written_now(session).ending


def test_a_reloaded_page_finds_what_was_written(session):
    session.writings.ask(*ASKED)
    rest(session)
    known = by_model(session)
    session.attend()
    assert by_model(session) == known


def test_two_browsers_share_what_was_written(engine, steps):
    one, other = engine.session("a b"), engine.session("c d")
    one.writings.ask(*ASKED)
    rest(one)
    before = dict(steps)
    other.writings.ask(*ASKED)
    rest(other)
    assert dict(steps) == before
    assert by_model(other) == by_model(one)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((" ", "prose", Manner(8)), "The prompt is empty"),
        (("a", "nobody", Manner(8)), "the expert of an unknown task"),
        (("a", "prose", Manner(0)), "0 tokens are asked for"),
        (("a", "prose", Manner(8, -1.0)), "The temperature is -1.0"),
        ((None, "prose", Manner(8)), "The page sent no text"),
    ],
)
def test_what_cannot_be_asked_is_refused_and_changes_nothing(session, given, words):
    with pytest.raises(BadData) as error:
        session.writings.ask(*given)
    assert words in refusal(error)
    assert session.writings.asked is None
    assert session.writings.answers() == []


def test_a_prompt_that_the_model_cannot_take_is_refused_in_its_place_and_scores_go_on(session):
    session.writings.ask("the cat", "prose", Manner(64))
    rest(session)
    assert all("positions for 64" in each.refusal for each in session.writings.answers())
    assert not any(each.going for each in session.writings.answers())
    assert set(session.snapshot().scores) == {"prose", "chat"}
    assert not session.snapshot().refusal


def test_rows_open_prompts_and_a_zoo_that_writes_nothing_has_none(session, tiny_zoo, tmp_path):
    session.writings.choose("chat")
    assert session.writings.openings()[0].endswith(" ")
    with pytest.raises(BadData, match="unknown task"):
        session.writings.choose("nobody")
    other = Engine(tiny_zoo, (tiny_zoo, tmp_path), torch.device("cpu"))
    assert other.session("").writings.tasks == {}
    assert other.session("").writings.openings() == []
    assert other.session("").writings.answers() == []
