"""Several browsers on one engine: what each sees, and what threads and lost keys can leave."""

import threading
import time
from contextlib import suppress

import pytest
import torch

from studio.errors import BadRecipe, StudioError
from studio.session import engine as engine_module
from studio.session.engine import Engine
from studio.session.jobs import BrowserJobs, Jobs
from tests.session.test_session import move, rest

CPU = torch.device("cpu")
ONE, TWO = "1" * 32, "2" * 32


@pytest.fixture
def engine(tiny_zoo, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    opened = Engine(tiny_zoo, (tiny_zoo, tmp_path), CPU)
    yield opened
    opened.close()


def held(engine, browser: str) -> threading.Event:
    """A job of a browser that runs until the event is set."""
    go = threading.Event()

    def work(report):
        while not go.wait(0.01):
            report(0.5, "writing /secret/place")
        return "Wrote /secret/place", "/secret/place"

    engine.jobs.start("Export to secret", work, browser)
    return go


def ended(engine) -> None:
    deadline = time.monotonic() + 10
    while engine.jobs.state.running:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_another_browser_sees_that_a_job_runs_and_nothing_of_it(engine):
    one, two = engine.session(ONE), engine.session(TWO)
    go = held(engine, ONE)
    assert one.snapshot().job.name == "Export to secret"
    job = two.snapshot().job
    assert (job.running, job.name, job.words, job.result) == (True, "Another browser's job", "", "")
    with pytest.raises(StudioError, match="A job of another browser is still running"):
        two.exports.start_export(str(engine.roots[1] / "x"))
    with pytest.raises(StudioError, match="'Export to secret' is still running; wait or cancel"):
        one.exports.start_export(str(engine.roots[1] / "x"))
    two.cancel_job()
    assert engine.jobs.state.phase == "running"
    go.set()
    ended(engine)
    assert one.snapshot().job.result == "/secret/place"
    assert two.snapshot().job is None


def test_who_started_a_job_cancels_it(engine):
    held(engine, ONE)
    engine.session(ONE).cancel_job()
    assert engine.jobs.state.phase == "cancelling"
    ended(engine)
    assert engine.session(ONE).snapshot().job.phase == "cancelled"


def test_a_flip_whose_key_never_rose_ends_with_the_next_page_or_move(engine):
    session = engine.session(ONE)
    start = session.mix
    move(session, color={"coefficient": 0.1})
    session.edit("flip")
    assert session.mix == start
    session.attend()
    assert session.mix.strips[0].coefficient == 0.1
    session.edit("flip")
    move(session, animal={"coefficient": 0.3})
    assert not session.mixer.flipped
    assert [strip.coefficient for strip in session.mix.strips] == [0.71, 0.3]


@pytest.mark.parametrize("action", ["", "drop", "begin", "equal:color", "earlier", "earlier:x"])
def test_an_unknown_action_is_refused_and_changes_nothing(engine, action):
    session = engine.session(ONE)
    session.edit("flip")
    with pytest.raises(BadRecipe, match="something unknown; reload the page"):
        session.edit(action)
    assert session.mixer.flipped


@pytest.mark.parametrize("coefficient", [100.5, -1e12, 1e300])
def test_a_coefficient_beyond_the_mixers_range_is_refused(engine, coefficient):
    session = engine.session(ONE)
    with pytest.raises(BadRecipe, match="the mixer takes -100 to 100"):
        move(session, color={"coefficient": coefficient})
    text = session.recipe_text().replace("0.71", f"{coefficient:.1f}", 1)
    with pytest.raises(BadRecipe, match="the mixer takes -100 to 100"):
        session.load_recipe(text)


@pytest.mark.parametrize("path", ["~nobody-of-this-name/x", "a" * 300, "x/" * 3000, "\udcff", None])
def test_a_path_that_the_system_does_not_know_is_refused(engine, path):
    with pytest.raises(StudioError, match="outside the folders|Give a path"):
        engine.inside(path)


def test_a_refused_path_is_shown_as_it_was_typed(engine, tmp_path):
    (tmp_path / "link").symlink_to("/usr/share")
    with pytest.raises(StudioError) as refused:
        engine.inside(str(tmp_path / "link" / "x"))
    assert "/usr/share" not in str(refused.value)


def test_a_worker_that_is_stopped_lets_a_waiting_job_go(engine):
    worker, recipe = engine.worker, engine.session(ONE).snapshot().recipe
    found = []

    def work(report):
        found.append(worker.scores(recipe, lambda share: report(share, "scoring")))
        return "", ""

    engine.jobs.start("Export", work)
    worker.stop()
    ended(engine)
    assert found == []
    assert engine.jobs.state.phase == "cancelled"
    assert "zoo was closed" in engine.jobs.state.words


def test_two_browsers_that_open_zoos_at_once_leave_one_worker(engine, tiny_zoo, monkeypatch):
    made, worker_type = [], engine_module.Worker

    def slow(*given):
        made.append(worker_type(*given))
        time.sleep(0.1)
        return made[-1]

    monkeypatch.setattr(engine_module, "Worker", slow)
    engine.start()
    threads = [threading.Thread(target=engine.open, args=(str(tiny_zoo),)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 3
    assert [worker._thread.is_alive() for worker in made] == [w is engine.worker for w in made]


def test_a_move_while_another_browser_opens_a_zoo_never_mixes_the_two(
    engine, tiny_copy, monkeypatch
):
    text = (tiny_copy / "zoo.yaml").read_text()
    (tiny_copy / "zoo.yaml").write_text(text.replace("name: color", "name: hue"))
    engine.roots += (tiny_copy,)
    engine.start()
    one, strange = engine.session(ONE), []
    want = engine_module.Worker.want

    def watched(worker, recipe, *given, **named):
        if not set(recipe.names) <= set(worker.bench.tasks):
            strange.append(recipe.names)
        want(worker, recipe, *given, **named)

    monkeypatch.setattr(engine_module.Worker, "want", watched)
    stop = threading.Event()

    def moving():
        place = 0
        while not stop.is_set():
            place += 1
            name = one.mix.strips[0].name
            with suppress(BadRecipe):  # the page shows another zoo
                move(one, **{name: {"coefficient": place % 100 / 100}})
                one.snapshot()
            time.sleep(0.001)

    thread = threading.Thread(target=moving)
    thread.start()
    try:
        for _ in range(2):
            engine.open(str(tiny_copy), TWO)
            engine.open(str(engine.roots[0]), TWO)
    finally:
        stop.set()
        thread.join()
    assert strange == []
    assert one.mix.strips[0].name == "color"


def test_a_browser_that_was_crowded_out_is_computed_once_its_page_is_opened_again(engine):
    session = engine.session(ONE)
    for number in range(64):
        engine.session(f"{number:032x}")
    shown = engine.worker.viewers
    assert ONE not in shown.browsers
    session.attend()
    assert shown.browsers[-1] == ONE
    assert shown.recipes[0] == session.snapshot().recipe


def test_a_browser_may_take_away_what_it_has_exported_and_no_other_may(engine, tmp_path):
    first, second = engine.session(ONE), engine.session("2" * 32)
    (tmp_path / "out").mkdir()
    first.exports.downloads.offer(tmp_path / "out")
    name = first.exports.downloads.name_of(str(tmp_path / "out"))
    assert first.exports.downloads.find(name).folder == tmp_path / "out"
    assert second.exports.downloads.name_of(str(tmp_path / "out")) is None
    assert second.exports.downloads.find(name) is None
    first.begin()  # another zoo
    assert first.exports.downloads.name_of(str(tmp_path / "out")) == name


def test_the_temporary_folder_is_for_this_user_and_goes_with_the_studio(engine):
    assert engine.temporary.path.stat().st_mode & 0o077 == 0
    engine.close()
    assert not engine.temporary.path.exists()


def test_what_is_refused_again_and_again_is_not_all_kept(engine, monkeypatch):
    worker, session = engine.worker, engine.session(ONE)

    def refuse(recipe):
        raise StudioError(f"no {recipe.digest}")

    monkeypatch.setattr(worker.bench, "merge", refuse)
    engine.start()
    for number in range(150):
        move(session, color={"coefficient": number / 1000})
        assert rest(session).refused
    assert len(worker.results.refusals) < 120


def test_the_mix_is_read_before_or_after_a_change_and_never_within(engine):
    """A certificate may untick a task in every browser's history while a page reads the mix."""
    session, found = engine.session(ONE), []
    reader = threading.Thread(target=lambda: found.append(session.context.current()))
    with session._lock:
        reader.start()
        reader.join(0.1)
        assert found == []
        session.edit("halve")
    reader.join()
    assert found == [session.mix]


def test_where_a_job_was_started_is_known_to_its_own_browser_alone():
    jobs = Jobs()
    mine, other = BrowserJobs(jobs, "me"), BrowserJobs(jobs, "you")
    go = threading.Event()
    mine.place("Files", "export")  # before any job nothing is remembered
    assert mine.state is None
    thread = jobs.start("Export", lambda progress: (str(go.wait(10)), ""), "me")
    other.place("Why", "measure")
    mine.place("Files", "export")
    seen, hidden = mine.state, other.state
    assert seen
    assert hidden
    assert (seen.tab, seen.control) == ("Files", "export")
    assert (hidden.tab, hidden.control) == ("", "")
    go.set()
    thread.join()
    done = mine.state
    assert done
    assert (done.phase, done.tab) == ("done", "Files")
