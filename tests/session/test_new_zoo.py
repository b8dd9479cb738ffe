"""A zoo in the making in a session: searched and saved as jobs, changed in between."""

import shutil
import struct
import threading
import time
from pathlib import Path

import pytest
import torch

from studio.errors import (
    BadCheckpoint,
    BadData,
    BadZoo,
    NotAllowed,
    Remedy,
    SeveralProblems,
    StudioError,
)
from studio.hub.listing import RemoteFile
from studio.hub.look import RemoteLook
from studio.new_zoo import tables
from studio.new_zoo.plan import ALL
from studio.session import row_looks
from studio.session.engine import Engine
from studio.session.making import Making
from studio.session.new_zoo import SAVE, SEARCH, NewZoos
from studio.session.read_tasks import ReadTasks
from studio.session.row_looks import Draws
from studio.session.row_reading import READ
from studio.zoo import load_zoo
from tests.own_models import ANIMALS, COLORS, save_classifier, save_csv, save_lora, sentences
from tests.session.test_compare import wait


@pytest.fixture
def place(runs, tmp_path) -> Path:
    """Runs of one's own in the folder that the session may use."""
    folder = Path(shutil.copytree(runs, tmp_path / "runs"))
    file = folder / "animals-lora" / "adapter_config.json"
    file.write_text(file.read_text().replace(str(runs / "base"), "../base"))
    return folder


@pytest.fixture
def session(tiny_zoo, tmp_path):
    engine = Engine(tiny_zoo, (tiny_zoo, tmp_path), torch.device("cpu"))
    yield engine.session("")
    engine.close()


@pytest.fixture
def made(session, place) -> NewZoos:
    search(session, place)
    return session.new_zoos


def read(made) -> None:
    """Wait until the rows of all tasks were looked at."""
    while made.reading:
        time.sleep(0.01)


def search(session, *places: Path | str, base: str = "") -> None:
    session.new_zoos.start_search("\n".join(map(str, places)), base)
    ended = wait(session)
    assert (ended.phase, ended.name) == ("done", SEARCH), ended.words


def test_a_search_proposes_tasks_with_their_tables(session, made, place):
    assert session.job().words == "Found 3 models."
    assert list(made.tasks) == list(made.members) == ["animals-lora", "colors"]
    assert made.tasks["animals-lora"].files == {ALL: place / "animals.csv"}
    assert made.columns("colors") == {
        "text": "text",
        "text_pair": "",
        "label": "label",
        "group": "",
    }
    assert made.tables() == [str(place / "animals.csv"), str(place / "colors" / "test.csv")]
    assert made.table("colors").total == 90
    assert made.troubles == {}
    assert "60 held-out, 24 validation, 36 train of 120 rows" in made.notes["animals-lora"][1]


def test_another_search_forgets_the_tasks_of_the_last(session, made, place, tmp_path):
    shutil.copytree(place, tmp_path / "again")
    made.change("colors", labels="a, b, c")
    read(made)
    search(session, tmp_path / "again")
    assert made.tasks["colors"].checkpoint == tmp_path / "again" / "colors"
    assert made.tasks["colors"].labels is None
    assert made.troubles == {}


def test_models_are_left_out_and_taken_in_the_order_of_the_proposal(made):
    before = made.version
    made.take(["colors"])
    read(made)
    assert list(made.tasks) == ["colors"]
    made.take(["colors", "animals-lora"])
    read(made)
    assert list(made.tasks) == ["animals-lora", "colors"]
    assert made.version == before + 3  # the rows of the one that came back were looked at
    with pytest.raises(BadZoo, match="There is no model 'gone' among those found"):
        made.take(["gone"])
    with pytest.raises(BadZoo, match="a zoo that was not found"):
        made.choose(1)


def test_columns_rows_and_labels_are_changed_and_looked_at_at_once(made, place):
    made.change("animals-lora", fields={"text": "label", "label": "text"})
    read(made)
    assert "There are 3 different rows" in str(made.troubles["animals-lora"])
    made.change("animals-lora", fields={"text": "text", "label": "label", "group": ""})
    read(made)
    assert made.troubles == {}
    other = save_csv(place / "other.csv", sentences(ANIMALS, 50, seed=3))
    made.change("animals-lora", rows=f" {other} ")
    read(made)
    assert (made.tasks["animals-lora"].files, made.table("animals-lora").total) == (
        {ALL: other}, 50,
    )  # fmt: skip
    made.change("colors", labels="blue, green, red")
    read(made)
    assert made.tasks["colors"].labels == ("blue", "green", "red")
    made.change("colors", labels="a, b, c")
    read(made)
    assert "labels that the head lacks" in str(made.troubles["colors"])
    made.change("colors", rows="")
    read(made)
    assert (made.tasks["colors"].files, made.troubles, made.table("colors")) == ({}, {}, None)
    assert made.columns("colors") == {}


def test_a_file_is_chosen_for_each_split_and_one_for_all_again(made, place):
    every = sentences(ANIMALS, 60)
    test = save_csv(place / "animals-lora" / "test.csv", every[:30])
    train = save_csv(place / "animals-lora" / "train.csv", every[30:])
    assert not made.is_apart("animals-lora")
    made.take_apart("animals-lora", True)
    read(made)
    assert made.is_apart("animals-lora")
    assert made.tasks["animals-lora"].files == {ALL: place / "animals.csv"}
    made.change("animals-lora", fields={"text": "text", "label": "label", "group": ""})
    read(made)
    made.change("animals-lora", files={"held_out": str(place / "animals.csv"), "train": str(train)})
    read(made)
    assert made.tasks["animals-lora"].files == {ALL: place / "animals.csv", "train": train}
    assert made.tasks["animals-lora"].columns == {"text": "text", "label": "label"}
    made.change("animals-lora", files={"held_out": str(test), "validation": str(train)})
    read(made)
    assert "fitting one needs training rows" in str(made.troubles["animals-lora"])
    made.change("animals-lora", files={"held_out": "", "validation": str(train)})
    read(made)
    assert "no file holds its held-out rows" in str(made.troubles["animals-lora"])
    made.change("animals-lora", files={"held_out": str(test), "train": str(train)})
    read(made)
    assert (made.troubles, made.tasks["animals-lora"].columns) == ({}, None)
    made.take_apart("animals-lora", False)
    read(made)
    assert not made.is_apart("animals-lora")
    assert made.tasks["animals-lora"].files == {ALL: test}
    with pytest.raises(BadZoo, match="Choose a task"):
        made.take_apart("gone", True)


def test_files_that_were_found_by_split_are_apart(session, place):
    every = sentences(ANIMALS, 60)
    for split, rows in (("test", every[:30]), ("dev", every[30:])):
        save_csv(place / "colors" / f"{split}.csv", rows)
    search(session, place)
    made = session.new_zoos
    assert {*made.tasks["colors"].files} == {"held_out", "validation"}
    assert made.is_apart("colors")


def test_rows_in_two_splits_are_left_out_when_that_is_offered_and_taken(made, place):
    every = sentences(COLORS, 40)
    held, other = save_csv(place / "t.csv", every[:25]), save_csv(place / "v.csv", every[20:])
    made.change("colors", files={"held_out": str(held), "validation": str(other)})
    read(made)
    assert "5 of 25 held-out rows are also in validation" in str(made.troubles["colors"])
    assert made.offers("colors")[0] == (Remedy.DROP_LEAKS, "")
    made.help("colors", Remedy.DROP_LEAKS)
    read(made)
    assert (made.troubles, made.draws) == ({}, Draws(0, True))
    assert made.notes["colors"] == ("5 rows that were in two splits are held out only.",)
    with pytest.raises(BadZoo, match="offered what no longer helps"):
        made.help("colors", Remedy.DROP_LEAKS)
    made.draw(Draws(0, False))
    read(made)
    assert {*made.troubles} == {"colors"}
    made.help("colors", Remedy.WITHOUT_ROWS)
    read(made)
    assert (made.tasks["colors"].files, made.troubles) == ({}, {})


def test_another_seed_is_another_draw_of_all_tasks(made):
    made.draw(Draws(7))
    read(made)
    assert all("with seed 7" in " ".join(notes) for notes in made.notes.values())


def test_columns_and_labels_that_would_do_are_taken_when_asked(session, place):
    save_classifier(place / "hues", place / "base")  # without names of labels
    rows = [{"text": r["text"], "label": "x", "hue": r["label"]} for r in sentences(COLORS, 60)]
    save_csv(place / "colors" / "test.csv", rows)
    save_csv(place / "hues" / "test.csv", sentences(COLORS, 60))
    search(session, place)
    made = session.new_zoos
    assert made.columns("colors")["label"] == "hue"  # for it holds the head's labels
    made.change("colors", fields={"text": "text", "label": "label"})
    read(made)
    made.help("colors", Remedy.TAKE_COLUMN)
    read(made)
    assert made.columns("colors")["label"] == "hue"
    made.help("hues", Remedy.NAME_LABELS)
    read(made)
    assert (made.tasks["hues"].labels, made.troubles) == (COLORS, {})
    made.change("hues", labels="a, b, c")
    read(made)
    made.help("hues", Remedy.LEAVE_TASK_OUT)
    read(made)
    assert ("hues" in made.tasks, made.troubles) == (False, {})
    made.change("colors", called="tints")
    read(made)
    made.leave_out("tints")
    read(made)
    assert list(made.tasks) == ["animals-lora"]


def test_what_changes_nothing_is_no_new_version(made, place):
    before = made.version
    made.change("colors", labels="")
    read(made)
    made.change("animals-lora", rows=str(place / "animals.csv"))
    read(made)
    assert made.version == before


def test_rows_with_options_make_a_language_model_choose(session, tmp_path):
    from tests.architectures import examples, save

    save(examples()["GPT-2"], tmp_path / "gpt")
    file = tmp_path / "gpt" / "rows.json"
    file.write_text('[{"question": "q", "choices": ["a", "b"], "answer": 0}]')
    search(session, tmp_path / "gpt", base=str(tmp_path / "gpt" / "base"))
    made = session.new_zoos
    assert made.tasks["first"].kind == "causal-lm"
    made.change("first", rows=str(file))
    read(made)
    assert made.tasks["first"].kind == "multiple-choice"
    assert made.columns("first")["options"] == "choices"


def test_another_version_of_a_training_is_taken_with_its_rows(session, place, tmp_path):
    for step in (1, 2):
        save_lora(place / "mood" / f"checkpoint-{step}", place / "base", "../../base", seed=step)
    search(session, place)
    made = session.new_zoos
    made.change("mood", rows=str(place / "animals.csv"))
    read(made)
    assert made.tasks["mood"].checkpoint.name == "checkpoint-2"
    made.change("mood", version="checkpoint-1")
    read(made)
    assert made.tasks["mood"].checkpoint.name == "checkpoint-1"
    assert made.tasks["mood"].files == {ALL: place / "animals.csv"}
    with pytest.raises(BadCheckpoint, match="'mood' has no version 'checkpoint-9'"):
        made.change("mood", version="checkpoint-9")


def test_only_what_is_inside_the_roots_is_read(session, made, place, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    save_csv(outside / "rows.csv", sentences(ANIMALS, 30))
    for act in (
        lambda: made.start_search(str(outside)),
        lambda: made.change("colors", rows=str(outside / "rows.csv")),
        lambda: made.start_save("x", str(outside / "zoo"), 0, False),
    ):
        with pytest.raises(NotAllowed, match="is outside the folders"):
            act()
    (place / "animals.csv").unlink()
    (place / "animals.csv").symlink_to(outside / "rows.csv")
    search(session, place)
    assert "is outside the folders" in str(made.troubles["animals-lora"])
    made.start_search(str(place), str(outside))
    assert "a root" in wait(session).words or "outside" in wait(session).words


def test_a_page_that_asks_for_nothing_is_told(session, made):
    with pytest.raises(BadZoo, match="Name a folder to search"):
        made.start_search(" \n")
    with pytest.raises(BadZoo, match="Choose a task"):
        made.change("gone", labels="x")
    with pytest.raises(BadZoo, match="Search for models first"):
        NewZoos(session.engine, "").start_save("x", "y", 0, False)
    assert (Making(session.engine).proposal, ReadTasks(session.engine).members) == (None, {})
    made.take([])
    read(made)
    with pytest.raises(BadZoo, match="choose at least one"):
        made.start_save("x", "y", 0, False)
    assert made.members


def test_a_search_that_is_cancelled_or_finds_nothing_keeps_what_was_there(session, made, tmp_path):
    before = made.version
    (tmp_path / "nothing").mkdir()
    made.start_search(str(tmp_path / "nothing"))
    ended = wait(session)
    assert (ended.phase, "Nothing in" in ended.words) == ("failed", True)
    assert (made.version, list(made.tasks)) == (before, ["animals-lora", "colors"])


@pytest.mark.slow
def test_the_zoo_is_written_opened_and_scored_with(session, made, place, tmp_path):
    folder = made.free_folder(tmp_path)
    assert folder == str(tmp_path / "zoo-base")
    made.start_save("Mine", folder, 3, False)
    ended = wait(session)
    assert (ended.phase, ended.name) == ("done", SAVE), ended.words
    assert ended.words == f"Wrote {folder}/zoo.yaml and opened it."
    assert len(ended.notes) > 2  # of rows and heads
    assert load_zoo(Path(folder)).name == session.engine.zoo.name == "Mine"
    assert made.free_folder(tmp_path) == str(tmp_path / "zoo-base-1")
    made.start_save("Mine", folder, 3, False)
    ended = wait(session)
    assert (ended.phase, "exists already" in ended.words) == ("failed", True)


def test_a_table_that_is_not_there_is_a_trouble_of_the_task(made, place):
    made.change("animals-lora", rows=str(place / "missing.csv"))
    read(made)
    assert "There is no file" in str(made.troubles["animals-lora"])
    assert "animals-lora" not in made.notes or made.notes["animals-lora"] == ()


def test_a_chosen_folder_and_dropped_files_may_be_read_from_then_on(
    session, runs, tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path.parent / "data"))
    engine, made = session.engine, session.new_zoos
    with pytest.raises(StudioError, match="no dialog"):
        made.ask_for_folder()
    engine.choose_folder = lambda: None
    assert made.ask_for_folder() == ""
    outside = runs
    with pytest.raises(NotAllowed):
        made.start_search(str(outside))
    engine.choose_folder = lambda: outside
    assert made.ask_for_folder() == str(outside)
    assert engine.inside(str(outside)) == outside.resolve()
    upload = tmp_path / "upload" / "rows.csv"
    upload.parent.mkdir()
    upload.write_text("text,label\na,b\n")
    kept = Path(made.drop([str(upload)]))
    assert kept.is_relative_to(tmp_path.parent / "data")
    assert engine.inside(str(kept / "rows.csv")).read_text() == "text,label\na,b\n"


def test_a_task_is_called_otherwise(made):
    made.change("colors", called="hues")
    read(made)
    assert made.tasks["colors"].name == "hues"
    assert list(made.members) == ["animals-lora", "colors"]
    made.change("colors", rows="")
    read(made)
    assert (made.tasks["colors"].name, made.tasks["colors"].files) == ("hues", {})
    with pytest.raises(BadZoo, match="no task name"):
        made.change("colors", called="a/b")


def header(file: Path) -> str:
    """What a file of safetensors says of its tensors."""
    content = file.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    return content[8 : 8 + length].decode()


class OneRepository:
    """A hub with one model, whose snapshot lies in a cache once it was fetched."""

    def __init__(self, cache: Path, model: Path) -> None:
        self.snapshot = cache / "models--desk--animals" / "snapshots" / ("a" * 40)
        self.model, self.fetched = model, 0

    def look(self, hub_id: str, progress) -> RemoteLook:
        progress(0.0, "asking")
        files = [each for each in sorted(self.model.iterdir()) if each.is_file()]
        listed = tuple(RemoteFile(f.name, f.stat().st_size, "0" * 40) for f in files)
        headers = {f.name: header(f) for f in files if f.suffix == ".safetensors"}
        texts = {f.name: f.read_text() for f in files if f.name == "adapter_config.json"}
        return RemoteLook(
            hub_id, "main", "a" * 40, "adapter", listed, "apache-2.0", (), headers, texts
        )

    def fetch(self, look: RemoteLook, progress) -> Path:
        self.fetched += 1
        if not self.snapshot.exists():
            shutil.copytree(self.model, self.snapshot)
        return self.snapshot


def test_what_lies_on_the_hub_is_said_first_and_fetched_when_asked(
    session, place, tmp_path, monkeypatch
):
    from huggingface_hub import constants

    cache = tmp_path.parent / "hub-cache"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    model = Path(shutil.move(place / "animals-lora", tmp_path.parent / "animals-lora"))
    hub = session.engine.hub = OneRepository(cache, model)
    made = session.new_zoos
    search(session, place, "desk/animals", base=str(place / "base"))
    assert "bytes must be fetched from the Hub" in session.job().words
    assert [look.hub_id for look in made.remote] == ["desk/animals"]
    found = made.remote_fits["desk/animals"]  # of studio.session.remote_fits
    assert (found.base, found.changed, found.problem) == (str(place / "base"), 4, "")
    assert (made.found, hub.fetched) == (None, 0)
    made.start_fetch()
    assert wait(session).phase == "done"
    assert (made.remote, hub.fetched) == ((), 1)
    search(session, place, "desk/animals", base=str(place / "base"))
    assert len(made.tasks) == 2
    made.start_save("", str(tmp_path / "mine"), 0, False)
    ended = wait(session)
    assert (ended.phase, ended.name) == ("done", SAVE), ended.words
    text = (tmp_path / "mine" / "zoo.yaml").read_text()
    assert f"checkpoint: desk/animals@{'a' * 40}" in text
    with pytest.raises(BadZoo, match="nothing to fetch"):
        made.start_fetch()


def test_rows_that_cannot_be_taken_are_refused_before_a_job_and_not_once_unticked(
    session, made, tmp_path
):
    broken = tmp_path / "broken.csv"
    broken.write_text("text,label\n" + "a,b\n" * 3)
    made.change("colors", rows=str(broken))
    read(made)
    assert str(made.troubles["colors"]).startswith("'colors': ")
    with pytest.raises(BadData, match="'colors'"):
        made.start_save("", str(tmp_path / "mine"), 0, False)
    assert not (tmp_path / "mine").exists()
    made.take(["animals-lora"])
    read(made)
    assert made.troubles == {}
    made.start_save("", str(tmp_path / "mine"), 0, False)
    assert wait(session).phase == "done"


def test_a_page_that_is_opened_again_knows_what_was_searched(session, made, place):
    assert (made.places, made.wanted) == (str(place), "")


class Gate:
    """Lets a table be read only once the test says so."""

    def __init__(self, monkeypatch) -> None:
        self.reached, self.open = threading.Event(), threading.Event()
        self.reads = 0

        def read_table(path, seed, progress):
            self.reads += 1
            self.reached.set()
            while not self.open.wait(0.01):
                progress(0.25, "1,000 rows of big.csv read")
            return tables.read_table(path, seed, progress)

        monkeypatch.setattr(row_looks, "read_table", read_table)


def test_a_big_table_is_read_beside_the_page_with_progress_and_can_be_cancelled(
    session, made, place, monkeypatch
):
    gate, before = Gate(monkeypatch), session.job()
    big = save_csv(place / "big.csv", sentences(ANIMALS, 60, seed=4))
    made.change("animals-lora", rows=str(big))
    assert gate.reached.wait(60)
    while "1,000 rows" not in session.job().words:
        time.sleep(0.01)
    job = session.job()
    assert (job.name, job.phase, job.share, job.owner) == (READ, "running", 0.25, session.browser)
    assert session.snapshot().busy
    assert made.unread == ("animals-lora",)
    assert (made.troubles, [*made.notes]) == ({}, ["colors"])  # which nobody waits for
    made.change("colors", labels="blue, green, red")
    session.cancel_job()
    read(made)
    assert session.job() == before
    assert "'animals-lora': its rows were not read: that was cancelled" in str(
        made.troubles["animals-lora"]
    )
    assert made.offers("animals-lora")[0] == (Remedy.READ_ROWS, "")
    gate.open.set()
    for name in ("animals-lora", "colors"):
        made.help(name, Remedy.READ_ROWS)
    read(made)
    assert (made.troubles, made.table("animals-lora").total) == ({}, 60)


def test_the_last_of_several_choices_is_what_is_read(made, place, monkeypatch):
    gate = Gate(monkeypatch)
    for seed, count in ((4, 60), (5, 45)):
        file = save_csv(place / f"big{seed}.csv", sentences(ANIMALS, count, seed=seed))
        made.change("animals-lora", rows=str(file))
    assert gate.reached.wait(60)
    gate.open.set()
    read(made)
    assert made.table("animals-lora").total == 45


def test_a_table_is_read_once_and_again_when_it_has_changed_which_is_said(made, place, monkeypatch):
    gate = Gate(monkeypatch)
    gate.open.set()
    file = place / "animals.csv"
    made.change("animals-lora", labels="bird, cat, dog")
    read(made)
    assert gate.reads == 0
    assert made.refresh() == []
    save_csv(file, sentences(ANIMALS, 30, seed=9))
    assert made.table("animals-lora").total == 120  # what was looked at, until it is again
    assert made.refresh() == [str(file)]
    read(made)
    assert (gate.reads, made.table("animals-lora").total) == (1, 30)
    said = "animals.csv changed since its rows were looked at, and was read again."
    assert made.notes["animals-lora"][0] == said
    made.change("animals-lora", labels="")
    read(made)
    assert said not in made.notes["animals-lora"]


def test_what_changed_since_it_was_looked_at_is_not_written(session, made, place, tmp_path):
    save_csv(place / "animals.csv", sentences(ANIMALS, 60, seed=9))
    with pytest.raises(BadData, match=r"animals.csv changed since its rows were looked at. It i"):
        made.start_save("", str(tmp_path / "mine"), 0, False)
    read(made)
    look = made._as_looked_at()
    assert look(place / "animals.csv", 0).total == 60
    save_csv(place / "animals.csv", sentences(ANIMALS, 30, seed=9))
    with pytest.raises(BadData, match="Look at them again, then write"):
        look(place / "animals.csv", 0)
    (place / "animals.csv").unlink()
    with pytest.raises(BadData, match="There is no file"):
        look(place / "animals.csv", 0)
    assert not (tmp_path / "mine").exists()


def test_what_writing_takes_is_known_once_the_rows_were_read(session, made, place, monkeypatch):
    gate = Gate(monkeypatch)
    work = made.work()
    assert work.operations > 0  # of the heads that are fitted
    made.change("animals-lora", rows="")
    read(made)
    assert made.work().operations == 0
    made.change("animals-lora", rows=str(save_csv(place / "o.csv", sentences(ANIMALS, 30))))
    assert gate.reached.wait(60)
    assert made.work() is None
    gate.open.set()
    read(made)
    assert 0 < made.work().operations < work.operations


def test_all_folders_outside_are_named_at_once(session, made, tmp_path_factory):
    one, other = (str(tmp_path_factory.mktemp(name)) for name in ("one", "other"))
    with pytest.raises(NotAllowed) as refused:
        made.start_search(one)
    assert refused.value.about == one
    with pytest.raises(SeveralProblems) as refused:
        made.start_search(f"{one}\n{other}")
    assert [each.about for each in refused.value.each()] == [one, other]
