"""The model of a state of sums as a folder: what it says, and that it loads."""

import json
from dataclasses import replace

import pytest
import torch

from studio.checkpoints.checkpoint import open_checkpoint
from studio.errors import BadState, NotFinite, OutputExists
from studio.export.folder import write_export
from studio.sequence.arrivals import come, leave
from studio.sequence.sums import init_sums
from studio.sequence.sums_export import MergedSums, merged_pieces, touched
from studio.sequence.terms import Terms
from tests.conftest import draw, save_model
from tests.sequence.sums import begun


def test_a_merged_folder_loads_and_says_of_which_state_it_is(tiny_zoo, tmp_path):
    from transformers import AutoModel

    base = open_checkpoint(tiny_zoo / "base")
    state = init_sums(base, tmp_path / "s.safetensors", "task_arithmetic", {"scale": 0.5})
    for name in ("color", "animal"):
        terms = Terms.of(state, base, (name, open_checkpoint(tiny_zoo / name)), 1.0, None)
        state = come(state, terms)
    root = write_export(MergedSums(state, base), tmp_path / "out").root
    AutoModel.from_pretrained(tmp_path / "out")
    record = json.loads((tmp_path / "out" / "merge.json").read_text())
    assert (record["weights_root"], record["state_root"]) == (root, state.root)
    assert [task["name"] for task in record["tasks"]] == ["animal", "color"]
    assert record["sequence"]["options"] == {"scale": 0.5}
    card = (tmp_path / "out" / "README.md").read_text()
    assert "the bits of a state that never had it" in card
    assert f"| color | 1 | `{open_checkpoint(tiny_zoo / 'color').digest}`" in card
    with pytest.raises(OutputExists):
        write_export(MergedSums(state, base), tmp_path / "out")
    gone = Terms.of(state, base, ("color", open_checkpoint(tiny_zoo / "color")), 1.0, None)
    state = leave(state, gone)
    other = init_sums(base, tmp_path / "t.safetensors", "task_arithmetic", {"scale": 0.5})
    alone = Terms.of(other, base, ("animal", open_checkpoint(tiny_zoo / "animal")), 1.0, None)
    other = come(other, alone)
    roots = [write_export(MergedSums(each, base), tmp_path / n).root
             for n, each in (("a", state), ("b", other))]  # fmt: skip
    assert roots[0] == roots[1] != root


def test_a_state_without_tasks_is_the_base(zoo_folder, tmp_path):
    state, base = begun(zoo_folder, "average", {}), open_checkpoint(zoo_folder / "base")
    assert touched(state) == ()
    assert write_export(MergedSums(state, base), tmp_path / "out").root == base.digest
    with pytest.raises(BadState, match="is a state on the base"):
        write_export(MergedSums(state, open_checkpoint(zoo_folder / "red")), tmp_path / "m")


def test_values_that_leave_the_range_of_the_base_are_refused(tmp_path):
    shapes = {"a.weight": (2, 2)}
    save_model(tmp_path / "base", {k: v.half() for k, v in draw(0, shapes).items()})
    save_model(tmp_path / "red", {k: v + 1000 for k, v in draw(0, shapes).items()})
    base, red = (open_checkpoint(tmp_path / name) for name in ("base", "red"))
    state = init_sums(base, tmp_path / "s.safetensors", "task_arithmetic", {"scale": 9.0})
    state = come(state, Terms.of(state, base, ("red", red), 9.0, None))
    with pytest.raises(
        NotFinite, match="a.weight: the merged values leave the range of torch.float16"
    ):
        list(merged_pieces(state, base, "a.weight"))


def test_transposed_layers_are_solved_by_their_inputs(tmp_path):
    """GPT-2's Conv1D stores (in, out); data-free methods take what is stored as it is."""
    from safetensors.torch import save_file
    from transformers import GPT2Config, GPT2Model

    from studio.checkpoints.weights import Weights
    from studio.merge import open_merge
    from studio.recipe import Recipe, TaskEntry
    from tests.architectures import moved
    from tests.merged import merged_tensors

    config = GPT2Config(vocab_size=20, n_positions=8, n_embd=8, n_layer=1, n_head=2)
    GPT2Model(config).save_pretrained(tmp_path / "base")
    names, key = ("red", "green"), "h.0.mlp.c_fc.weight"
    grams = {}
    for seed, name in enumerate(names, 1):
        moved(GPT2Model.from_pretrained(tmp_path / "base"), seed).save_pretrained(tmp_path / name)
        rows = draw(seed, {"x": (30, 8)})["x"]
        save_file({key: rows.T @ rows}, tmp_path / f"{name}.safetensors")
        grams[name] = Weights((tmp_path / f"{name}.safetensors",))
    base = open_checkpoint(tmp_path / "base")

    def look(task: str, name: str):
        return grams[task].tensor(key) if name == key else None

    for method in ("regmean", "wudi"):
        state = init_sums(base, tmp_path / f"{method}.safetensors", method, {})
        for name in names:
            task = name, open_checkpoint(tmp_path / name)
            state = come(state, Terms.of(state, base, task, 1.0, grams[name]))
        tasks = tuple(TaskEntry(name, str(tmp_path / name), 1.0) for name in names)
        recipe = Recipe(str(tmp_path / "base"), tasks, method, {}, dtype="float64")
        merge = replace(open_merge(recipe), measured=lambda *_: look)
        expected = merged_tensors(merge)
        for name in (key, "wte.weight", "h.0.attn.c_attn.weight"):
            made = torch.cat(list(merged_pieces(state, base, name))).double()
            torch.testing.assert_close(made, expected[name].view(-1), rtol=3e-6, atol=3e-6)
