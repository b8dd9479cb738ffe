import json
import os
import subprocess
import sys
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file

from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.resident import keep_in_memory
from studio.checkpoints.writer import write_weights
from studio.disk.folders import new_folder
from studio.errors import BadCheckpoint, NothingToMerge, OutputExists, StudioError
from studio.evidence.logged_export import export_merge
from studio.evidence.unmerge import unmerge
from studio.export.model import check_loads, export
from studio.export.plan import ExportPlan
from studio.measure.bench import Bench, score_folder
from studio.merge import Merge, open_merge
from studio.recipe import Recipe, TaskEntry, load_recipe, save_recipe
from studio.tasks.kinds.text_classification import TextRow
from studio.zoo import load_zoo
from tests.conftest import DEMO, ROOT, draw, save_model
from tests.merged import merged_tensors
from tests.scored import score

CPU = torch.device("cpu")


def text_rows(bench: Bench, task: str) -> list[TextRow]:
    return [row for row in bench.tasks[task].rows("held_out") if isinstance(row, TextRow)]


def root_of_fresh_process(recipe: Path, out: Path) -> str:
    """Merge in a new interpreter; returns the weights root it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "studio", "merge", str(recipe), "--out", str(out)],
        cwd=ROOT, capture_output=True, text=True, check=True,
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
    )  # fmt: skip
    return done.stdout.split()[-1]


def test_an_export_is_what_transformers_loads(tiny_zoo, tmp_path):
    from transformers import AutoModel, AutoTokenizer

    bench = Bench(load_zoo(tiny_zoo), CPU)
    merge = bench.merge(bench.zoo.recipe("task_arithmetic"))
    root = export_merge(merge, ExportPlan(tmp_path / "out"), bench).root
    model, report = AutoModel.from_pretrained(tmp_path / "out", output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    for name, tensor in merged_tensors(merge).items():
        assert model.state_dict()[name].equal(tensor)
    assert AutoTokenizer.from_pretrained(tmp_path / "out")("red cat")["input_ids"]
    assert open_checkpoint(tmp_path / "out").digest == root
    assert score_folder(bench, tmp_path / "out") == score(bench, merge)


def test_the_card_tells_what_was_merged_and_its_loader_runs(tiny_zoo, tmp_path, monkeypatch):
    bench = Bench(load_zoo(tiny_zoo), CPU)
    merge = bench.merge(bench.zoo.recipe("task_arithmetic"))
    export_merge(merge, ExportPlan(tmp_path / "out"), bench)
    card = (tmp_path / "out" / "README.md").read_text()
    front = yaml.safe_load(card.split("---")[1])
    assert front["base_model"] == ["base", "color", "animal"]
    assert "merge" in front["tags"]
    scores = score(bench, merge)
    assert f"| color | yes | {scores['color'].value:.3f} |" in card
    assert str(tiny_zoo) not in card
    code = card.split("```python\n")[1].split("```")[0]
    monkeypatch.chdir(tmp_path / "out")
    for task in ("color", "animal"):
        space: dict = {}
        exec(code.replace("'color'", repr(task)), space)
        rows = text_rows(bench, task)
        found = space["classify"]([row.text for row in rows])
        right = [bench.tasks[task].labels[row.label] for row in rows]
        share = sum(a == b for a, b in zip(found, right, strict=True)) / len(rows)
        assert share == pytest.approx(scores[task].value)


def test_the_record_holds_digests_and_the_mixing_as_hex_floats(tmp_path):
    bench = Bench(load_zoo(DEMO), CPU)
    merge = bench.merge(bench.zoo.recipe(coefficient=0.4))
    root = export(merge, tmp_path / "out")
    record = json.loads((tmp_path / "out" / "merge.json").read_text())
    assert record["weights_root"] == root
    assert "/" not in record["base"]["source"]
    for t, name in enumerate(merge.deltas.names):
        found = [float.fromhex(x) for x in record["mixing"][name]]
        assert found == merge.mixing[t].tolist()


def test_the_exported_recipe_records_digests_and_merges_to_the_same_root(
    zoo_folder, make_recipe, tmp_path
):
    root = export(open_merge(make_recipe()), tmp_path / "out")
    again = load_recipe(tmp_path / "out" / "recipe.yaml")
    assert again.tasks[0].digest == open_checkpoint(zoo_folder / "red").digest
    assert export(open_merge(again), tmp_path / "again") == root


def test_shards_hold_the_same_model_as_one_file(make_recipe, tmp_path):
    from studio.merge import merged_pieces

    merge = open_merge(make_recipe())
    root = export(merge, tmp_path / "one")
    (tmp_path / "many").mkdir()
    layout = {k: (merge.output_dtype(k), e.shape) for k, e in merge.base.weights.entries.items()}
    assert root == write_weights(
        tmp_path / "many", layout, lambda k: merged_pieces(merge, k), largest_shard=100
    )
    assert open_checkpoint(tmp_path / "many").digest == root
    assert len(list((tmp_path / "many").glob("*.safetensors"))) > 2


@pytest.mark.parametrize("mode", ["exact", "algebraic"])
def test_unmerged_recipes_keep_or_drop_the_task(make_recipe, mode):
    recipe = unmerge(make_recipe(), ["red"], mode)
    assert recipe.names == (("green", "blue") if mode == "exact" else ("red", "green", "blue"))


@pytest.mark.parametrize(
    "options", [{}, {"scope": "tensor", "normalize": "layer"}, {"order": "symmetric"}]
)
def test_exact_unmerge_equals_never_merged_in_every_position(
    tmp_path, make_recipe, zoo_folder, options
):
    """One or two tasks out, every cache warm, against merges that never opened them."""
    full = open_merge(make_recipe(options=options))
    keep_in_memory(full.deltas, 10**6)
    merged_tensors(full)
    for count in (1, 2):
        for gone in combinations(full.recipe.names, count):
            recipe = unmerge(full.recipe, gone, "exact")
            warm = Merge(recipe, full.deltas.subset(recipe.names), lambda: full.gram)
            never = make_recipe(*recipe.names, options=options)
            a, b = (
                export(m, tmp_path / f"{i}{count}{gone}")
                for i, m in enumerate((warm, open_merge(never)))
            )
            assert a == b


def clean_zoo(folder: Path, kept: Recipe) -> Path:
    """A folder with nothing but the base's weights and the kept adapters, and a recipe."""
    (folder / "base").mkdir(parents=True)
    weights = "model.safetensors"  # no config: nothing needs transformers to merge
    (folder / "base" / weights).write_bytes((DEMO / "base" / weights).read_bytes())
    entries = []
    for task in kept.tasks:
        (folder / task.name).mkdir()
        for file in ("adapter_model.safetensors", "adapter_config.json"):
            (folder / task.name / file).write_bytes((Path(task.checkpoint) / file).read_bytes())
        entries.append(TaskEntry(task.name, str(folder / task.name), task.coefficient))
    save_recipe(Recipe(str(folder / "base"), tuple(entries)), folder / "recipe.yaml")
    return folder / "recipe.yaml"


@pytest.mark.slow
def test_exact_unmerge_equals_a_fresh_process_that_never_had_the_checkpoint(tmp_path):
    """The demo zoo with every cache warm, against folders without the task: all positions."""
    bench = Bench(load_zoo(DEMO), CPU)
    full = bench.zoo.recipe(coefficient=0.4)
    bench.live.wear(bench.merge(full))
    pairs = [(full.names[0], full.names[3]), (full.names[2], full.names[4])]
    for number, gone in enumerate([*((name,) for name in full.names), *pairs]):
        kept = unmerge(full, gone, "exact")
        ours = export(bench.merge(kept), tmp_path / f"ours{number}")
        recipe = clean_zoo(tmp_path / f"clean{number}", kept)
        assert root_of_fresh_process(recipe, tmp_path / f"theirs{number}") == ours


@pytest.mark.parametrize("dtype", [None, "float64", "bfloat16"])
def test_a_warm_bench_exports_the_bits_of_a_cold_one(tiny_zoo, tmp_path, dtype):
    recipe = replace(load_zoo(tiny_zoo).recipe(), dtype=dtype)
    warm = Bench(load_zoo(tiny_zoo), CPU)
    warm.live.wear(warm.merge(recipe))
    ours = export(warm.merge(recipe), tmp_path / "warm")
    assert export(open_merge(recipe), tmp_path / "cold") == ours
    assert score_folder(warm, tmp_path / "warm") == score(warm, warm.merge(recipe))


def test_a_complete_classifier_predicts_what_the_studio_predicts(tiny_zoo, tmp_path):
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    bench = Bench(load_zoo(tiny_zoo), CPU)
    merge = bench.merge(bench.zoo.recipe("task_arithmetic"))
    export_merge(merge, ExportPlan(tmp_path / "out", classifiers=True), bench)
    folder = tmp_path / "out" / "classifiers"
    assert [path.name for path in folder.iterdir()] == ["color"]  # 'animal' pools by the mean
    model, report = AutoModelForSequenceClassification.from_pretrained(
        folder / "color", output_loading_info=True
    )
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    rows = text_rows(bench, "color")
    tokenizer = AutoTokenizer.from_pretrained(folder / "color")
    batch = tokenizer([row.text for row in rows], padding=True, return_tensors="pt")
    with torch.no_grad():
        found = model.eval()(**batch).logits.argmax(-1).tolist()
    share = sum(a == row.label for a, row in zip(found, rows, strict=True)) / len(rows)
    assert share == pytest.approx(score(bench, merge)["color"].value)
    assert model.config.id2label[0] == "red"


def test_without_a_zoo_the_heads_that_checkpoints_hold_are_written(tiny_zoo, tmp_path):
    merge = open_merge(load_zoo(tiny_zoo).recipe("task_arithmetic"))
    export_merge(merge, ExportPlan(tmp_path / "out"))
    assert [path.name for path in (tmp_path / "out" / "heads").iterdir()] == ["color"]


def test_algebraic_unmerge_leaves_a_negative_coefficient_unless_the_task_was_last(make_recipe):
    first = open_merge(unmerge(make_recipe(), ["red"], "algebraic")).mixing[:, 0]
    last = open_merge(unmerge(make_recipe(), ["blue"], "algebraic")).mixing[:, 2]
    assert first.abs().max() > 1e-3
    assert last.abs().max() == 0


def test_unmerging_the_last_task_gives_the_base(make_recipe, zoo_folder, tmp_path):
    recipe = unmerge(make_recipe("red"), ["red"], "exact")
    assert (
        export(open_merge(recipe), tmp_path / "out") == open_checkpoint(zoo_folder / "base").digest
    )


def test_nothing_is_overwritten_and_nothing_is_left_after_a_failure(make_recipe, tmp_path):
    (tmp_path / "there").mkdir()
    with pytest.raises(OutputExists, match="there exists already"):
        export(open_merge(make_recipe()), tmp_path / "there")

    class Stop(StudioError):
        pass

    def stop(share: float, words: str) -> None:
        if share > 0.3:
            raise Stop("enough.")

    with pytest.raises(Stop):
        export(open_merge(make_recipe()), tmp_path / "x" / "new", progress=stop)
    assert not (tmp_path / "x").exists()


def test_a_folder_that_appears_meanwhile_is_not_replaced(tmp_path):
    def meanwhile() -> None:
        with new_folder(tmp_path / "out") as work:
            (work / "file").write_text("ours")
            (tmp_path / "out").mkdir()
            (tmp_path / "out" / "file").write_text("theirs")

    with pytest.raises(OutputExists, match="appeared meanwhile"):
        meanwhile()
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]
    assert (tmp_path / "out" / "file").read_text() == "theirs"


def test_copies_and_zero_deltas_are_refused_unless_allowed(zoo_folder, make_recipe, tmp_path):
    save_model(zoo_folder / "copy", load_file(zoo_folder / "red" / "model.safetensors"))
    with pytest.raises(NothingToMerge, match="'red' and 'copy' are the same checkpoint"):
        export(open_merge(make_recipe("red", "copy", method="average")), tmp_path / "out")
    save_model(zoo_folder / "zero", draw(0))
    with pytest.raises(NothingToMerge, match="'zero' is equal to the base"):
        export(open_merge(make_recipe("red", "zero", method="average")), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    export(
        open_merge(make_recipe("red", "zero", method="average")), tmp_path / "out",
        allow_duplicates=True,
    )  # fmt: skip


def test_a_model_that_lost_a_tensor_does_not_pass_the_check(tiny_zoo, tmp_path):
    base = open_checkpoint(tiny_zoo / "base")
    left = load_file(tiny_zoo / "base" / "model.safetensors")
    left.pop("pooler.dense.bias")
    save_model(tmp_path / "m", left)
    with pytest.raises(BadCheckpoint, match="lacks 1 tensors, first pooler.dense.bias"):
        check_loads(tmp_path / "m", base)


def test_a_config_that_does_not_fit_the_weights_is_found_before_done_is_said(tiny_copy, tmp_path):
    config = tiny_copy / "base" / "config.json"
    content = json.loads(config.read_text())
    config.write_text(json.dumps(content | {"model_type": "no-such-model"}))
    bench = Bench(load_zoo(tiny_copy), CPU)
    with pytest.raises(BadCheckpoint, match="transformers cannot load the written model"):
        export(bench.merge(bench.zoo.recipe()), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_output_dtype_stands_in_the_config(tiny_zoo, tmp_path):
    bench = Bench(load_zoo(tiny_zoo), CPU)
    recipe = replace(bench.zoo.recipe("average"), dtype="bfloat16")
    export(bench.merge(recipe), tmp_path / "out")
    assert json.loads((tmp_path / "out" / "config.json").read_text())["dtype"] == "bfloat16"
    codes = {e.code for e in open_checkpoint(tmp_path / "out").weights.entries.values()}
    assert codes == {"BF16"}


def test_the_card_says_what_the_zoo_left_open(tiny_copy, tmp_path):
    zoo = yaml.safe_load((tiny_copy / "zoo.yaml").read_text())
    del zoo["tasks"][0]["pooling"]
    (tiny_copy / "zoo.yaml").write_text(yaml.safe_dump(zoo))
    bench = Bench(load_zoo(tiny_copy), CPU)
    made = export_merge(
        bench.merge(bench.zoo.recipe("average")), ExportPlan(tmp_path / "out"), bench
    )
    note = "'color': answered by BertForSequenceClassification, the class of its checkpoint."
    assert note in made.notes
    assert note in (tmp_path / "out" / "README.md").read_text()
