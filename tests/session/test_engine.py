"""Browsers come and go, zoos are opened and let go, a new start finds the mix."""

import gc
import json
import time
import weakref

import pytest
import torch

from studio.disk import cache
from studio.errors import BadRecipe, StudioError
from studio.recipe import load_recipe
from studio.session import engine as module
from studio.session.engine import Engine
from studio.ui.remedies import told
from tests.session.test_session import move, rest

CPU = torch.device("cpu")
ME, OTHER = "a" * 32, "b" * 32


@pytest.fixture
def engine(tiny_zoo, tmp_path):
    opened = Engine(tiny_zoo, (tiny_zoo, tmp_path), CPU)
    yield opened
    opened.close()


def wanted(engine) -> set[str]:
    return set(engine.worker.viewers.browsers)


def job_of(engine):
    while (state := engine.jobs.state) and state.running:
        time.sleep(0.01)
    return engine.jobs.state


def test_a_new_start_finds_mix_pin_and_dtype_of_each_browser(engine, tiny_zoo):
    first = engine.session(ME)
    move(first, color={"coefficient": 0.11})
    first.edit("pin")
    first.edit("earlier:animal")
    first.edit("dtype:bfloat16")
    engine.session(OTHER).edit("halve")
    again = Engine(tiny_zoo, (tiny_zoo,), CPU)
    found = again.session(ME)
    assert found.mix == first.mix
    assert found.mixer.pinned == first.mixer.pinned
    assert found.mix.recipe(again.zoo).dtype == "bfloat16"
    assert again.session(OTHER).mix == engine.session(OTHER).mix
    assert again.session("5e" * 16).mix.strips[0].coefficient == 0.71


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\xff\xfe", b"not json", b"[]", b"7", b'"x"', b"{}", b'{"mix": 1, "pinned": 2}',
        b'{"mix": {"rows": [1], "method": "average", "options": {}}, "pinned": {}}',
        b'{"mix": {"rows": "ab"}, "pinned": {"rows": "ab"}}',
    ],
)  # fmt: skip
def test_a_kept_mix_that_makes_no_sense_falls_back_to_the_starting_mix(engine, content):
    session = engine.session(ME)
    session.edit("halve")
    cache.keep(session.mixer.key, content)
    session.begin()
    assert session.mix == session.mixer.pinned == session.mixer.start


@pytest.mark.parametrize(
    "change",
    [{"dtype": "int8"}, {"dtype": []}, {"method": "magic"}, {"options": {"scope": "head"}},
     {"rows": []}, {"rows": [{"name": "cow", "on": True, "coefficient": 1}] * 2}],
)  # fmt: skip
def test_a_kept_mix_with_one_foreign_part_is_left_aside_whole(engine, change):
    session = engine.session(ME)
    session.edit("halve")
    good = session.mix.plain()
    cache.keep(session.mixer.key, json.dumps({"mix": good | change, "pinned": good}).encode())
    session.begin()
    assert session.mix == session.mixer.pinned == session.mixer.start


@pytest.mark.parametrize(
    "content", [b"", b"\xff", b"{", b"7", b'{"a": 1}', b'[1, null, "\\u0000"]']
)
def test_a_list_of_recent_zoos_that_makes_no_sense_is_empty(engine, content):
    cache.keep("recent-zoos", content)
    assert engine.recent() == []
    engine.open(str(engine.path))
    assert engine.recent() == [str(engine.path)]


def test_the_65th_browser_pushes_out_the_one_unseen_for_longest(engine):
    names = [f"{i:032x}" for i in range(64)]
    sessions = [engine.session(name) for name in names]
    sessions[0].edit("halve")
    mix = sessions[0].mix
    for name in [*names[1:], "f" * 32]:
        engine.session(name)
    assert names[0] not in wanted(engine)
    sessions[0].edit("halve")  # a callback that was under way still works
    assert engine.session(names[1]) is sessions[1]
    again = engine.session(names[0])
    assert again is not sessions[0]
    assert again.mix.strips[0].coefficient == mix.strips[0].coefficient / 2


def test_another_zoo_computes_nothing_for_browsers_that_are_long_gone(engine):
    engine.session(ME)
    engine._seen[ME] -= 2 * module._AWAY
    here = engine.session(OTHER)
    engine.open(str(engine.path))
    assert wanted(engine) == {OTHER}
    assert engine.session(OTHER) is here


def test_an_opened_zoo_lets_go_of_worker_bench_and_live_model(engine, tiny_copy):
    engine.start()
    rest(engine.session(ME))
    held = [engine.worker, engine.worker.bench, engine.worker.bench.live.encoder]
    gone = [weakref.ref(each) for each in held]
    del held
    engine.start_open(str(tiny_copy))
    assert job_of(engine).phase == "done"
    gc.collect()
    assert [each() for each in gone] == [None] * 3
    assert engine.zoo.folder == tiny_copy


def test_ten_openings_do_not_grow_the_process(engine, tiny_copy):
    engine.start()
    paths, sizes = [str(tiny_copy), str(engine.path)], []
    for count in range(13):
        engine.open(paths[count % 2])
        rest(engine.session(ME))
        sizes.append(engine.memory().process)
    growth = max(sizes[-3:]) - max(sizes[:3])
    assert growth < 20_000_000, [f"{each:,}" for each in sizes]


def test_a_zoo_with_problems_is_a_failed_job_and_the_open_one_stays(engine, tiny_copy):
    for task, file in (("color", "model"), ("animal", "adapter_model")):
        (tiny_copy / task / f"{file}.safetensors").write_bytes(b"")
    worker = engine.worker
    engine.start_open(str(tiny_copy))
    job = job_of(engine)
    assert (job.phase, job.advice[:20]) == ("failed", "Nothing was changed.")
    assert "2 problems" in job.words
    assert "'color'" in job.words
    assert "'animal'" in job.words
    assert engine.worker is worker
    engine.jobs.dismiss()
    assert engine.jobs.state is None


def test_a_zoo_with_a_checkpoint_twice_is_refused_in_words_of_the_page(engine, tiny_copy):
    file = tiny_copy / "zoo.yaml"
    file.write_text(file.read_text().replace("checkpoint: animal", "checkpoint: color"))
    engine.start_open(str(tiny_copy))
    problem = job_of(engine).problem
    assert problem is not None
    assert "--" not in told(problem)
    assert told(problem).endswith("Leave one out; only the command line merges both.")
    assert problem.__traceback__ is None


def test_a_look_opens_nothing(engine, tiny_copy):
    assert engine.look(str(tiny_copy)).problems == []
    assert engine.opened == 1
    with pytest.raises(StudioError, match="outside the folders"):
        engine.look("/etc")


def test_opening_can_be_cancelled_and_the_open_zoo_stays(engine, tiny_copy, monkeypatch):
    monkeypatch.setattr(module, "_bench", lambda zoo, device, roots: time.sleep(3))
    engine.start_open(str(tiny_copy))
    with pytest.raises(StudioError, match="still running"):
        engine.open(str(tiny_copy))
    time.sleep(0.1)
    began = time.monotonic()
    engine.jobs.cancel()
    assert engine.jobs.state.phase == "cancelling"
    assert job_of(engine).phase == "cancelled"
    assert time.monotonic() - began < 0.5
    assert engine.opened == 1


def test_memory_tells_process_and_deltas_and_no_device_on_the_cpu(engine):
    engine.start()
    rest(engine.session(ME))
    memory = engine.memory()
    assert memory.process > memory.deltas > 0
    assert memory.device is memory.device_total is None


def test_a_recipe_brings_its_dtype_and_an_unknown_one_is_refused(engine, tmp_path):
    session = engine.session(ME)
    session.edit("dtype:float16")
    text = session.recipe_text()
    session.edit("reset")
    assert session.mix.dtype is None
    session.load_recipe(text)
    assert session.mix.dtype == "float16"
    (tmp_path / "r.yaml").write_text(text)
    loaded, own = load_recipe(tmp_path / "r.yaml"), session.zoo.recipe("mdm_oc", 1.0).names
    known = dict(zip(own, session.worker.bench.deltas.checkpoints, strict=True))
    digests = {name: checkpoint.digest for name, checkpoint in known.items()}
    assert loaded == session.snapshot().recipe.with_digests(digests)
    with pytest.raises(BadRecipe, match="dtype 'int8' is not one of float16"):
        session.edit("dtype:int8")


def test_running_out_of_memory_says_what_to_do(engine):
    def work(progress):
        raise MemoryError

    engine.jobs.start("x", work)
    job = job_of(engine)
    assert job.words == "Out of memory; nothing was kept."
    assert "smaller model" in job.advice


def test_a_running_job_cannot_be_dismissed(engine):
    def work(progress):
        while True:
            progress(0.5, "x")
            time.sleep(0.01)

    engine.jobs.start("x", work)
    engine.jobs.dismiss()
    assert engine.jobs.state.running
    engine.jobs.cancel()
    assert job_of(engine).phase == "cancelled"
