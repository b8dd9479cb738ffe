"""Bases in half precision: worn in float32 where that fits, and in their own dtype where not."""

import shutil

import pytest
import torch
from transformers import AutoModelForCausalLM

from studio.checkpoints.checkpoint import open_base
from studio.export.folder import write_export
from studio.export.model import MergedModel
from studio.measure.bench import Bench, score_folder
from studio.search.plan import SearchPlan
from studio.search.run import optimize
from studio.tasks import precision
from studio.tasks.live_model import LiveModel
from studio.tasks.precision import worn_dtype
from studio.zoo import load_zoo
from tests.scored import score
from tests.tasks.kinds import pictures, speakers, towers

CPU = torch.device("cpu")


def halved(folder, made, names, dtype=torch.bfloat16):
    """A zoo whose base and full experts are stored in half precision."""
    for name in names:
        model = made.from_pretrained(folder / name, dtype=dtype)
        tokens = [x for x in (folder / name).iterdir() if x.name.startswith("tokenizer")]
        kept = {x.name: x.read_bytes() for x in tokens}
        model.save_pretrained(folder / name)
        for file, content in kept.items():
            (folder / name / file).write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    folder = speakers.build(tmp_path_factory.mktemp("half"), "Llama")
    return halved(folder, AutoModelForCausalLM, ("base", "prose"))


@pytest.fixture
def narrow(monkeypatch):
    """As if only a little more memory than the base takes were free."""
    monkeypatch.setattr(precision, "free_on", lambda device: 2000)


def test_float32_is_left_only_where_it_does_not_fit(zoo, tmp_path, monkeypatch):
    base = open_base(str(zoo / "base"))
    whole = 4 * sum(each.numel for each in base.weights.entries.values())
    for free, dtype in ((2 * whole, torch.float32), (whole, torch.bfloat16)):
        monkeypatch.setattr(precision, "free_on", lambda device, free=free: free)
        assert worn_dtype(base, CPU) is dtype
    shutil.copytree(zoo / "base", tmp_path / "wide")
    halved(tmp_path, AutoModelForCausalLM, ("wide",), torch.float32)
    assert worn_dtype(open_base(str(tmp_path / "wide")), CPU) is torch.float32


def test_a_merge_is_worn_as_its_export_holds_it_and_scored_as_transformers_computes_it(
    zoo, tmp_path, narrow
):
    bench = Bench(load_zoo(zoo / "zoo.yaml"), CPU)
    merge = bench.merge(bench.zoo.recipe("task_arithmetic", 0.6))
    found = score(bench, merge)
    assert bench.live.dtype is bench.dtype is torch.bfloat16
    content = MergedModel(merge, [bench.tasks[name] for name in merge.recipe.names])
    write_export(content, tmp_path / "out")
    written = AutoModelForCausalLM.from_pretrained(tmp_path / "out", dtype="auto")
    worn = bench.live.whole.state_dict()
    assert all(worn[name].equal(values) for name, values in written.state_dict().items())
    wide = score_folder(bench, tmp_path / "out", live=LiveModel(
        open_base(str(tmp_path / "out")), CPU, bench.kinds, torch.float32
    ))  # fmt: skip
    for name, each in wide.items():
        assert found[name].value == pytest.approx(each.value, rel=0.02)
        assert found[name].value != each.value


def test_scores_in_another_dtype_are_other_scores(zoo, narrow, monkeypatch):
    names = set()
    for free in (2000, 2**40):
        monkeypatch.setattr(precision, "free_on", lambda device, free=free: free)
        bench = Bench(load_zoo(zoo / "zoo.yaml"), CPU)
        names.add(bench.score_cache._file(None))
    assert len(names) == 2


@pytest.mark.parametrize("optimizer", ["adam", "cma"])
def test_a_slide_and_a_search_go_on_in_it(zoo, narrow, optimizer):
    bench = Bench(load_zoo(zoo / "zoo.yaml"), CPU)
    recipe = bench.zoo.recipe("task_arithmetic", 0.4)
    moved = recipe.with_coefficients({"prose": 0.7})
    assert bench.live.slide(bench.merge(recipe), "prose", 2**30)
    assert bench.live.slide(bench.merge(moved), "prose", 2**30)
    slid = {name: values.clone() for name, values in bench.live.whole.state_dict().items()}
    bench.live.wear(bench.merge(moved))
    for name, values in bench.live.whole.state_dict().items():
        torch.testing.assert_close(slid[name], values)
    plan = SearchPlan(optimizer=optimizer, rows=8, batch=4, budget=6)
    run = list(optimize(bench, recipe, plan))[-1]
    assert all(torch.tensor(step.losses).isfinite().all() for step in run.steps)


def test_pictures_enter_in_it_and_a_head_of_its_own_answers(tmp_path, narrow):
    import transformers

    expert = pictures.built(tmp_path, "ViT")
    said = pictures.write_rows(tmp_path, expert)
    halved(tmp_path, transformers.AutoModel, ("base",))
    expert.to(torch.bfloat16).save_pretrained(tmp_path / "expert")
    (tmp_path / "zoo.yaml").write_text(
        "base: base\ntasks:\n  - {name: own, checkpoint: expert, type: image-classification, "
        "data: {held_out: rows.npz}}\n"
    )
    bench = Bench(load_zoo(tmp_path / "zoo.yaml"), CPU)
    found = score(bench, bench.expert("own"))["own"]
    assert bench.live.dtype is torch.bfloat16
    assert found.n == len(said)
    assert found.value > 0.9


def test_two_towers_answer_in_it(tmp_path, narrow):
    import transformers

    towers.built(tmp_path, "CLIP")
    said = towers.logits(tmp_path, towers.expert(tmp_path, "CLIP", "whole")).argmax(-1).tolist()
    for name in ("base", "whole"):
        model = transformers.CLIPModel.from_pretrained(tmp_path / name, dtype=torch.bfloat16)
        model.save_pretrained(tmp_path / name)
    bench = Bench(load_zoo(towers.write_zoo(tmp_path, {"whole": said}, "zoo.yaml")), CPU)
    assert score(bench, bench.expert("whole"))["whole"].value > 0.9
    assert bench.live.dtype is torch.bfloat16
