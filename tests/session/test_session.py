import time

import pytest
import torch
from safetensors.torch import load_file, save_file

from studio.errors import BadZoo, NotAllowed, OutputExists, StudioError
from studio.inspection import components_gram, inspect
from studio.measure.bench import Bench
from studio.merge import open_merge
from studio.session import worn_model
from studio.session.engine import Engine
from studio.session.jobs import Jobs
from studio.zoo import load_zoo
from tests.merged import merged_tensors
from tests.scored import score, score_experts

CPU = torch.device("cpu")


def rest(session, seconds=240.0):
    deadline = time.monotonic() + seconds
    while session.snapshot().busy:
        assert time.monotonic() < deadline, "the session does not come to rest"
        time.sleep(0.02)
    return session.snapshot()


def move(session, **changes):
    value = session.mixer_value()
    rows = [row | changes.get(row["name"], {}) for row in value["rows"]]
    session.move(value | {"rows": rows})


def test_at_rest_everything_is_there_and_equals_a_bench_of_its_own(session, tiny_zoo):
    now = rest(session)
    bench = Bench(load_zoo(tiny_zoo), CPU)
    assert now.scores == score(bench, open_merge(now.recipe))
    assert now.experts == score_experts(bench)
    assert now.base == score(bench, None)
    assert now.head_only == {}
    assert now.share == 1.0
    merge = open_merge(now.recipe)
    assert now.geometry.before.blocks.equal(merge.gram.blocks)
    assert now.geometry.after.blocks.equal(components_gram(merge).blocks)


def test_a_move_is_served_before_the_references_are_done(session):
    move(session, color={"coefficient": 0.1})
    deadline = time.monotonic() + 240
    while not (now := session.snapshot()).scores:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    assert now.recipe.tasks[0].coefficient == 0.1


def test_going_back_finds_the_scores_that_were_measured(session):
    first = rest(session)
    move(session, color={"coefficient": 0.1})
    rest(session)
    session.edit("undo")
    assert session.snapshot().scores == first.scores


def test_what_is_seen_while_a_large_slider_moves_is_measured_again_at_rest(session, monkeypatch):
    monkeypatch.setattr(worn_model, "_WORTH_SLIDING", 0)
    move(session, color={"coefficient": 0.1})
    rest(session)
    live, slid = session.worker.bench.live, []
    slide = live.slide
    monkeypatch.setattr(live, "slide", lambda *given: slid.append(given[1]) or slide(*given))
    for coefficient in (0.2137, 0.3171, 0.4193):  # that no other test has scored and kept
        move(session, color={"coefficient": coefficient})
        now = rest(session)
    assert slid == ["color"] * 3
    merge = open_merge(now.recipe)
    assert now.scores == score(Bench(session.zoo, CPU), merge)
    worn = live.encoder.state_dict()
    assert all(worn[name].equal(tensor) for name, tensor in merged_tensors(merge).items())


def test_the_order_is_compared_for_the_coefficients_that_are_set(session):
    for coefficient in (0.4, 0.9):
        move(session, color={"coefficient": coefficient})
        now = rest(session)
        assert now.order == inspect(open_merge(now.recipe))["order"]["words"]
        assert "with the two tasks swapped" in now.order
    move(session, color={"on": False})
    assert rest(session).order == "Order: one task has one order."
    value = session.mixer_value()
    session.move(value | {"method": "average", "options": {}})
    assert "alike" in rest(session).order


def test_a_refused_merge_says_so_and_the_next_one_works(tiny_copy, tmp_path):
    adapter = tiny_copy / "animal" / "adapter_model.safetensors"
    factors = {k: v * (1 + 1e-6) for k, v in load_file(adapter).items()}
    (tiny_copy / "twin").mkdir()
    for file in (tiny_copy / "animal").iterdir():
        (tiny_copy / "twin" / file.name).write_bytes(file.read_bytes())
    save_file(factors, tiny_copy / "twin" / "adapter_model.safetensors")
    text = (tiny_copy / "zoo.yaml").read_text()
    again = text[text.index("- checkpoint: animal") : text.index("- checkpoint: animal") + 10_000]
    twin = again.replace("checkpoint: animal", "checkpoint: twin").replace(
        "name: animal", "name: twin"
    )
    (tiny_copy / "zoo.yaml").write_text(text + twin)
    engine = Engine(tiny_copy, (tiny_copy,), CPU)
    engine.start()
    session = engine.session("")
    try:
        now = rest(session)
        assert "adds no direction of its own" in now.refusal
        assert (now.refused, now.geometry, now.order) == (True, None, "")
        assert any("almost a copy of 'animal'" in each for each in session.preflight()[1])
        move(session, twin={"on": False})
        now = rest(session)
        assert (now.refusal, now.refused) == ("", False)
        assert set(now.scores) == {"color", "animal", "twin"}
    finally:
        engine.close()


def test_paths_outside_the_roots_are_refused_even_through_links(session, tmp_path):
    (tmp_path / "link").symlink_to("/etc")
    for path in ("/etc", "../..", str(tmp_path / "link"), "", "\0", "~"):
        with pytest.raises(NotAllowed):
            session.engine.inside(path)
    assert session.engine.inside(str(tmp_path / "new")) == (tmp_path / "new").resolve()


def test_a_zoo_whose_checkpoints_lie_elsewhere_is_refused(session, tiny_copy):
    text = (tiny_copy / "zoo.yaml").read_text()
    (tiny_copy / "zoo.yaml").write_text(text.replace("checkpoint: color", "checkpoint: /usr"))
    with pytest.raises(NotAllowed, match="'color' of the zoo: /usr is outside"):
        session.engine.open(str(tiny_copy))
    assert session.zoo.name == "Tiny <zoo>"


def test_a_broken_zoo_leaves_the_open_one_alone(session, tmp_path):
    before = rest(session).scores
    (tmp_path / "zoo.yaml").write_text("name: x")
    with pytest.raises(BadZoo):
        session.engine.open(str(tmp_path))
    assert session.snapshot().scores == before


def test_another_zoo_can_be_opened(session, tiny_copy):
    session.edit("halve")
    session.engine.open(str(tiny_copy))
    now = rest(session)
    assert now.zoo.folder == tiny_copy
    assert not session.mixer.history.can_undo
    assert now.scores


def test_an_export_is_a_job_with_scores_in_its_card(session, tmp_path):
    session.exports.start_export(str(tmp_path / "out"))
    now = rest(session)
    assert now.job.phase == "done"
    assert "| color | yes |" in (tmp_path / "out" / "README.md").read_text()
    name = session.exports.downloads.name_of(now.job.result)
    offered = session.exports.downloads.find(name)
    assert offered.folder == tmp_path / "out"
    assert "recipe.yaml" in dict(offered.files)
    with pytest.raises(OutputExists):
        session.exports.start_export(str(tmp_path / "out"))


def test_a_cancelled_job_leaves_nothing_and_says_so(session, tmp_path):
    rest(session)
    session.exports.start_export(str(tmp_path / "out"))
    session.engine.jobs.cancel()
    job = rest(session).job
    assert (job.phase, job.words) == ("cancelled", "Cancelled; nothing was written.")
    assert list(tmp_path.iterdir()) == []


def test_one_job_at_a_time_and_failures_are_told():
    jobs = Jobs()
    go = []

    def wait(progress):
        while not go:
            progress(0.5, "waiting")
            time.sleep(0.005)
        raise RuntimeError("secret path /home/x")

    jobs.start("first", wait)
    with pytest.raises(StudioError, match="'first' is still running"):
        jobs.start("second", wait)
    go.append(True)
    while (state := jobs.state) and state.running:
        time.sleep(0.005)
    assert state
    assert state.phase == "failed"
    assert "secret" not in state.words
    assert "RuntimeError" in state.words


def test_an_adapter_export_is_a_job_and_what_cannot_be_one_is_refused_before(session, tmp_path):
    rest(session)
    assert not session.exports.only_adapters()
    with pytest.raises(StudioError, match="'color' changes .* as a whole"):
        session.exports.start_adapter(str(tmp_path / "one"))
    move(session, color={"on": False})
    session.exports.start_adapter(str(tmp_path / "one"), 1)
    job = rest(session).job
    assert job.phase == "done"
    assert "of the merged change was left out" in job.words
    assert (tmp_path / "one" / "adapter_model.safetensors").is_file()


def test_examples_compare_with_the_mix_before_the_last_move(session):
    rest(session)
    rows, changed = session.examples.rows()
    assert (len(rows), changed) == (12, 0)
    before = {(row.task, row.shown): row.now for row in rows}
    move(session, color={"on": False}, animal={"coefficient": 1.5})
    rest(session)
    rows, changed = session.examples.rows()
    assert all(row.before == before[row.task, row.shown] for row in rows)
    assert changed > 0
    session.examples.only_changed = True
    assert all(row.before != row.now for row in session.examples.rows()[0])


def test_a_text_of_ones_own_is_read_again_after_every_move(session):
    with pytest.raises(StudioError, match="10,001 letters"):
        session.examples.read("x" * 10_001)
    session.examples.read(" a text of my own ")
    rest(session)
    now, pinned = session.examples.readings()
    assert set(now) == {"color", "animal"}
    assert now == pinned
    move(session, color={"coefficient": 1.5})
    rest(session)
    assert session.examples.readings()[0] != pinned
    assert session.examples.readings()[1] == pinned
    session.examples.read("")
    assert session.examples.readings() == ({}, {})
