"""The state of a sequence: the weights of the recipe, from O(one model), and strict reading."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM

from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.stored import Stored
from studio.disk.folders import replaced_file
from studio.errors import BadCheckpoint, BadRecipe, BadState, OutputExists, ShapeMismatch
from studio.export.folder import write_export
from studio.export.model import export
from studio.merge import open_merge
from studio.recipe import Recipe, TaskEntry
from studio.sequence import state as module
from studio.sequence.state import State, add_task, init_state, open_state
from studio.sequence.state_export import MergedState, scaling, state_pieces
from tests.architectures import moved
from tests.conftest import SHAPES, draw, save_model
from tests.merged import merged_tensors


def begun(folder: Path, **options) -> State:
    return init_state(open_checkpoint(folder / "base"), folder / "s.safetensors", options)


def grown(state: State, folder: Path, *names: str) -> State:
    base = open_checkpoint(folder / "base")
    for name in names:
        state = add_task(state, base, open_checkpoint(folder / name), name)
    return state


def recipe_of(folder: Path, *names: str, **options) -> Recipe:
    tasks = tuple(TaskEntry(name, str(folder / name)) for name in names)
    return Recipe(str(folder / "base"), tasks, "opcm", options)


def merged(state: State, folder: Path) -> dict[str, torch.Tensor]:
    base, factor = open_checkpoint(folder / "base"), scaling(state)
    return {
        name: torch.cat(list(state_pieces(state, base, factor, name))).view(entry.shape)
        for name, entry in base.weights.entries.items()
    }


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"block": "paper", "alpha": 0.3},
        {"mend": False, "zero_diagonal": False},
        {"scale": 0.3},
    ],
)
@pytest.mark.parametrize("order", [("red", "green", "blue"), ("blue", "red", "green"), ("blue",)])
def test_the_weights_are_those_of_the_recipe_bit_for_bit(zoo_folder, options, order):
    state = begun(zoo_folder, **options)
    for t, name in enumerate(order, 1):
        state = grown(state, zoo_folder, name)
        expected = merged_tensors(open_merge(recipe_of(zoo_folder, *order[:t], **options)))
        found = merged(state, zoo_folder)
        assert all(found[key].equal(tensor) for key, tensor in expected.items())
    assert [task.name for task in state.tasks] == list(order)


def test_float64_is_kept(golden_zoo):
    folder, names = golden_zoo
    state = grown(begun(folder), folder, *names)
    assert state.dtype == torch.float64
    expected = merged_tensors(open_merge(recipe_of(folder, *names)))
    found = merged(state, folder)
    assert all(found[key].equal(tensor) for key, tensor in expected.items())


def test_a_merged_folder_has_the_root_of_the_recipes_export_and_loads(tiny_zoo, tmp_path):
    from transformers import AutoModel, AutoTokenizer

    base = open_checkpoint(tiny_zoo / "base")
    options = {"alpha": 0.4, "scale": 2.0}
    state = init_state(base, tmp_path / "s.safetensors", options)
    for name in ("color", "animal"):
        state = add_task(state, base, open_checkpoint(tiny_zoo / name), name)
    root = write_export(MergedState(state, base), tmp_path / "out").root
    recipe = recipe_of(tiny_zoo, "color", "animal", **options)
    assert root == export(open_merge(recipe), tmp_path / "recipe")
    model = AutoModel.from_pretrained(tmp_path / "out")
    assert AutoTokenizer.from_pretrained(tmp_path / "out")("red cat")["input_ids"]
    stored = load_file(tmp_path / "out" / "model.safetensors")
    assert all(tensor.equal(stored[name]) for name, tensor in model.state_dict().items())
    record = json.loads((tmp_path / "out" / "merge.json").read_text())
    assert record["weights_root"] == root
    assert [task["name"] for task in record["tasks"]] == ["color", "animal"]
    assert record["sequence"]["options"] == options
    factor = float(open_merge(recipe).mixing[0, 0])
    assert float.fromhex(record["lambda"]) == pytest.approx(2.0 / factor)
    card = (tmp_path / "out" / "README.md").read_text()
    assert "cannot be undone" in card
    assert "alpha = 0.4" in card
    with pytest.raises(OutputExists):
        write_export(MergedState(state, base), tmp_path / "out")


def test_a_state_without_tasks_is_the_base(zoo_folder, tmp_path):
    state, base = begun(zoo_folder), open_checkpoint(zoo_folder / "base")
    assert write_export(MergedState(state, base), tmp_path / "out").root == base.digest
    assert (zoo_folder / "s.safetensors").stat().st_size < 1000


def test_add_reads_only_base_state_and_newcomer_and_the_file_keeps_its_size(
    zoo_folder, monkeypatch
):
    state = grown(begun(zoo_folder), zoo_folder, "red")
    size = state.path.stat().st_size
    shutil.rmtree(zoo_folder / "red")
    read = set()
    original = Stored.read
    monkeypatch.setattr(
        Stored, "read", lambda self, *x: read.add(self.entry.file) or original(self, *x)
    )
    state = grown(state, zoo_folder, "green")
    folders = {zoo_folder / "base", zoo_folder / "green", zoo_folder}
    assert {file.parent for file in read} == folders
    assert abs(state.path.stat().st_size - size) < 300  # one more line in the header


def test_what_is_no_newcomer_is_refused_and_the_state_stays(zoo_folder):
    state = grown(begun(zoo_folder), zoo_folder, "red")
    before = state.path.read_bytes()
    base = open_checkpoint(zoo_folder / "base")
    shutil.copytree(zoo_folder / "red", zoo_folder / "copy")
    save_model(zoo_folder / "zero", draw(0))
    save_model(zoo_folder / "wide", {k: v.double() for k, v in draw(5).items()})
    save_model(zoo_folder / "other", draw(5, SHAPES | {"layer.1.dense.bias": (5,)}))
    for folder, name, error, words in [
        ("copy", "copy", BadState, "'copy' is in .* already: task 1, 'red', has the same digest"),
        ("green", "red", BadState, "has a task 'red' already, .*another name"),
        ("zero", "zero", BadState, "'zero' is equal to the base"),
        ("wide", "wide", BadState, r"'wide' .* holds float64 tensors, but .* float32"),
        ("other", "other", ShapeMismatch, r"'other' .*layer.1.dense.bias \(5,\) instead of \(4,\)"),
        ("green", "a/b", BadState, "no task name"),
    ]:
        with pytest.raises(error, match=words):
            add_task(state, base, open_checkpoint(zoo_folder / folder), name)
    with pytest.raises(BadState, match=r"on the base \w{12}…, but .*green has the digest \w{12}…"):
        add_task(
            state, open_checkpoint(zoo_folder / "green"), open_checkpoint(zoo_folder / "green"), "x"
        )
    assert state.path.read_bytes() == before
    assert not list(zoo_folder.glob(".*"))


def rewritten(path: Path, old: str, new: str) -> Path:
    """The state with something else of the same length in it."""
    assert len(old) == len(new)
    content = path.read_bytes()
    assert content.count(old.encode()) == 1
    path.write_bytes(content.replace(old.encode(), new.encode()))
    return path


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('\\"version\\": 1', '\\"version\\": 7', "of version 7; this studio reads version 1"),
        ('\\"method\\": \\"opcm\\"', '\\"method\\": \\"ties\\"', "damaged: method 'ties'"),
        ('\\"options\\"', '\\"0pt1ons\\"', "unknown key '0pt1ons'"),
        ('\\"norm\\"', '\\"form\\"', "unknown key 'form'"),
        ('\\"alpha\\": 0.5', '\\"alpha\\": 7.5', "damaged: .*'alpha' is 7.5; it must be from 0.0"),
        ('\\"digest\\": \\"', '\\"digest\\":\\"*', r"damaged: task 1 has the digest '\*"),
        ("0x1.", "0x2.", r"damaged: its header has the digest \w{12}…, not \w{12}…"),
        ("0x1.", "nope", "damaged: task 1, 'red', has the norm nope"),
        ("mdm-oc-studio sequence", "mdm-oc-studio tertiary", "not the state of a sequence"),
    ],
)
def test_a_header_that_says_something_else_is_refused(zoo_folder, old, new, words):
    state = grown(begun(zoo_folder, alpha=0.5), zoo_folder, "red")
    with pytest.raises(BadState, match=words):
        open_state(rewritten(state.path, old, new))


def test_a_damaged_file_is_refused(zoo_folder, tmp_path):
    state = grown(begun(zoo_folder), zoo_folder, "red")
    base, content = open_checkpoint(zoo_folder / "base"), state.path.read_bytes()
    state.path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    flipped = open_state(state.path)
    for attempt in (
        lambda: add_task(flipped, base, open_checkpoint(zoo_folder / "green"), "green"),
        lambda: write_export(MergedState(flipped, base), tmp_path / "out"),
    ):
        with pytest.raises(BadState, match=r"damaged: its sums have the root \w{12}…, not \w{12}…"):
            attempt()
    assert not (tmp_path / "out").exists()
    state.path.write_bytes(content[:-8])
    with pytest.raises(BadCheckpoint, match="cut off or damaged"):
        open_state(state.path)
    shutil.copy(zoo_folder / "base" / "model.safetensors", state.path)
    with pytest.raises(BadState, match="not the state of a sequence"):
        open_state(state.path)
    with pytest.raises(BadCheckpoint, match="There is no file"):
        open_state(zoo_folder / "nothing")


def test_init_refuses_what_is_there_options_and_adapters(zoo_folder):
    begun(zoo_folder)
    with pytest.raises(OutputExists):
        begun(zoo_folder)
    base, path = open_checkpoint(zoo_folder / "base"), zoo_folder / "t.safetensors"
    with pytest.raises(BadRecipe, match="'alpha' is 2; it must be from 0.0 to 1.0"):
        init_state(base, path, {"alpha": 2})
    with pytest.raises(BadState, match="is an adapter; it must be a full model"):
        init_state(open_checkpoint(zoo_folder / "blue"), path, {})
    assert not path.exists()


def test_a_stop_leaves_the_state_as_it_was(zoo_folder):
    state = grown(begun(zoo_folder), zoo_folder, "red")
    before, base = state.path.read_bytes(), open_checkpoint(zoo_folder / "base")
    for limit in (0.05, 0.2, 0.9):

        def stop(share: float, words: str, limit: float = limit) -> None:
            if share >= limit:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            add_task(state, base, open_checkpoint(zoo_folder / "green"), "green", stop)
        assert state.path.read_bytes() == before
        assert not list(zoo_folder.glob(".*"))


def test_the_new_state_is_shown_before_it_takes_its_place(zoo_folder):
    state = begun(zoo_folder)
    base, red = (open_checkpoint(zoo_folder / name) for name in ("base", "red"))
    shown = []

    def look(new: State) -> None:
        shown.append((len(new.tasks), len(open_state(state.path).tasks)))
        raise OutputExists("no room")

    with pytest.raises(OutputExists, match="no room"):
        add_task(state, base, red, "red", first=look)
    assert shown == [(1, 0)]
    assert open_state(state.path).tasks == ()


def test_a_state_that_was_changed_meanwhile_is_refused(zoo_folder):
    first = begun(zoo_folder)
    grown(first, zoo_folder, "red")
    with pytest.raises(BadState, match="changed meanwhile"):
        grown(first, zoo_folder, "green")
    assert [task.name for task in open_state(first.path).tasks] == ["red"]


def test_what_a_killed_process_left_beside_a_file_is_removed(tmp_path):
    target, left = tmp_path / "file", tmp_path / ".file.abcdefgh.part"
    left.write_text("half")
    with replaced_file(target) as work:
        work.write_text("whole")
        assert not target.exists()
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
    assert target.read_text() == "whole"


def test_the_version_is_in_the_file(zoo_folder):
    assert module.VERSION == 1
    assert begun(zoo_folder).plain()["version"] == 1


def test_a_copy_of_a_tied_tensor_moves_along_and_one_trained_apart_is_refused(tmp_path):
    config = LlamaConfig(
        vocab_size=40, hidden_size=16, intermediate_size=24, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=1, tie_word_embeddings=True,
    )  # fmt: skip
    head, embedding = "lm_head.weight", "model.embed_tokens.weight"
    LlamaForCausalLM(config).save_pretrained(tmp_path / "base")
    moved(LlamaForCausalLM.from_pretrained(tmp_path / "base"), 1).save_pretrained(tmp_path / "red")
    for folder, apart in (("base", 0.0), ("apart", 0.1)):
        source = tmp_path / ("base" if folder == "base" else "red")
        stored = load_file(source / "model.safetensors")
        if folder != "base":
            shutil.copytree(source, tmp_path / folder)
        save_file(stored | {head: stored[embedding] + apart},
                  tmp_path / folder / "model.safetensors", {"format": "pt"})  # fmt: skip
    state = grown(begun(tmp_path), tmp_path, "red")
    write_export(MergedState(state, open_checkpoint(tmp_path / "base")), tmp_path / "out")
    made = LlamaForCausalLM.from_pretrained(tmp_path / "out")
    wanted = load_file(tmp_path / "red" / "model.safetensors")[embedding]
    torch.testing.assert_close(made.lm_head.weight.data, wanted)
    with pytest.raises(BadState, match="has trained lm_head.weight apart"):
        grown(state, tmp_path, "apart")


def test_a_state_refuses_what_it_cannot_sum_running_statistics(tmp_path):
    shapes = {"n.weight": (3,), "n.running_mean": (3,)}
    still = draw(1, shapes) | {"n.running_var": torch.ones(3)}
    save_model(tmp_path / "base", still)
    save_model(tmp_path / "frozen", still | {"n.weight": draw(2, shapes)["n.weight"]})
    save_model(tmp_path / "moved", still | draw(3, shapes))
    state = grown(begun(tmp_path), tmp_path, "frozen")
    assert merged(state, tmp_path)["n.running_var"].equal(still["n.running_var"])
    with pytest.raises(BadState, match="changes 1 running statistics, first n.running_mean"):
        grown(state, tmp_path, "moved")
