"""The file of a state of sums: its units, its header, and what is no such file."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from studio.checkpoints.checkpoint import open_checkpoint
from studio.errors import BadCheckpoint, BadRecipe, BadState, NotFinite, OutputExists
from studio.sequence import sums as module
from studio.sequence.arrivals import leave
from studio.sequence.sealed import seal_of
from studio.sequence.sums import init_sums, open_sums
from tests.conftest import SHAPES, draw, save_model
from tests.sequence.sums import METRIC, begun, four_tasks, grown, terms_of


@pytest.fixture
def state(zoo_folder):
    """In which 'red' and 'green' are."""
    folder = four_tasks(zoo_folder)
    return grown(begun(folder, "regmean", {}), folder, "red", "green")


def resealed(state, change, tensors=None, root=None):
    """The state with something else in it, and a seal that fits."""
    content = state.path.read_bytes()
    notes = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]
    said = json.loads(notes[module.KEY])
    change(said)
    text = json.dumps(said)
    notes |= {module.KEY: text, "seal": seal_of(text)}
    save_file(load_file(state.path) if tensors is None else tensors, state.path, notes)
    return state.path


def test_units_follow_from_the_base_alone(zoo_folder):
    folder = four_tasks(zoo_folder)
    state = begun(folder, "regmean", {}, coarser=2)
    for name, tensor in draw(0).items():
        assert (
            2.0 ** (state.scales[name] - 1) <= float(tensor.abs().max()) < 2.0 ** state.scales[name]
        )
        assert state.unit(f"deltas/{name}") == state.scales[name] - 44 + 2
    assert state.unit("left/layer.0.dense.weight") == -34
    assert state.path.stat().st_size < 2000


def test_a_state_has_a_constant_size_and_the_order_of_names(state, zoo_folder):
    size = state.path.stat().st_size
    more = grown(state, zoo_folder, "gold", "blue")
    assert abs(more.path.stat().st_size - size) < 900  # two more lines in the header
    assert [task.name for task in more.tasks] == ["blue", "gold", "green", "red"]
    assert more.counts["deltas/layer.0.dense.bias"] == 3
    assert more.counts["left/layer.0.dense.weight"] == 4


def test_init_refuses_what_is_there_and_what_is_no_sum(zoo_folder):
    folder = four_tasks(zoo_folder)
    begun(folder, "average", {})
    with pytest.raises(OutputExists):
        begun(folder, "average", {})
    for method, options, words in [
        ("ties", {}, "TIES.*: what it needs of its tasks is no sum over them"),
        ("wudi", {"solver": "adam"}, "WUDI: what it needs of its tasks is no sum"),
        ("mdm_oc", {}, "only with basis: activation, order: symmetric, strength: 1"),
        ("mdm_oc", METRIC | {"strength": 0.25}, "only with basis: activation"),
        ("mdm_oc", METRIC | {"order": "arrival"}, "only with basis: activation"),
        ("mdm_oc", METRIC | {"rank": 3}, "no rank or energy"),
        ("average", {"lines": 0.5}, "average has no option 'lines'"),
        ("nothing", {}, "no merge method 'nothing'"),
    ]:
        with pytest.raises(BadRecipe, match=words):
            begun(folder, method, options, "t")
    with pytest.raises(BadState, match="coarser by 99 powers of two; choose from -60 to 60"):
        begun(folder, "average", {}, "t", coarser=99)
    path = folder / "t.safetensors"
    with pytest.raises(BadState, match="is an adapter; it must be a full model"):
        init_sums(open_checkpoint(folder / "blue"), path, "average", {})
    save_model(folder / "bad", draw(0) | {"layer.0.dense.bias": torch.full((6,), float("inf"))})
    with pytest.raises(NotFinite, match="layer.0.dense.bias holds values that are NaN or infinite"):
        init_sums(open_checkpoint(folder / "bad"), path, "average", {})
    assert not path.exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda said: said.update(version=7), "a state of sums of version 7; this studio reads"),
        (lambda said: said.update(more=1), "unknown key 'more'"),
        (lambda said: said.update(method="ties"), "damaged: TIES"),
        (lambda said: said.update(options={"rows": -3}), "damaged: .*'rows' is -3"),
        (lambda said: said.update(coarser=0.5), "its units are coarser by 0.5"),
        (lambda said: said["scales"].update({"layer.0.dense.bias": 10**9}), "its scales have l"),
        (lambda said: said["scales"].pop("layer.0.dense.bias"), "deltas/layer.0.dense.bias, which"),
        (lambda said: said["counts"].update({"deltas/layer.0.dense.bias": 9}), "its counts have d"),
        (lambda said: said["counts"].pop("deltas/layer.0.dense.bias"), "counts 8 sums and holds 9"),
        (lambda said: said.update(tasks="red"), "its tasks are 'red'"),
        (lambda said: said["tasks"].append(said["tasks"][0]), "task 3, 'green', comes twice"),
        (lambda said: said["tasks"][0].update(coefficient="0x0p+0"), "has the coefficient '0x0p"),
        (lambda said: said["tasks"][0].update(digest="**"), r"has the digest '\*\*'"),
        (lambda said: said["tasks"][0].update(name="a/b"), "no task name"),
    ],
)  # fmt: skip
def test_a_header_that_says_what_cannot_be_is_refused(state, change, words):
    with pytest.raises(BadState, match=words):
        open_sums(resealed(state, change))


def test_an_edited_header_is_refused(state):
    content = state.path.read_bytes()
    state.path.write_bytes(content.replace(b'\\"name\\": \\"red\\"', b'\\"name\\": \\"rod\\"'))
    with pytest.raises(BadState, match=r"damaged: its header has the digest \w{12}…, not \w{12}…"):
        open_sums(state.path)


def test_damaged_sums_are_refused_before_a_task_leaves(state, zoo_folder):
    content = state.path.read_bytes()
    state.path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    flipped = open_sums(state.path)
    with pytest.raises(BadState, match=r"damaged: its sums have the root \w{12}…, not \w{12}…"):
        leave(flipped, terms_of(flipped, zoo_folder, "red", 0.5))
    state.path.write_bytes(content[:-8])
    with pytest.raises(BadCheckpoint, match="cut off or damaged"):
        open_sums(state.path)
    save_model(zoo_folder / "other", draw(0))
    with pytest.raises(BadState, match="is not a state of sums; begin one"):
        open_sums(zoo_folder / "other" / "model.safetensors")


def test_sums_of_other_tensors_or_dtypes_are_refused(state, zoo_folder):
    key, nothing = "deltas/layer.0.dense.bias", lambda said: None
    path, held = state.path, load_file(state.path)
    with pytest.raises(BadState, match="1 of them not of whole numbers"):
        open_sums(resealed(state, nothing, held | {key: torch.zeros(6)}))
    resealed(state, nothing, held | {key: torch.zeros(7, dtype=torch.int64)})
    with pytest.raises(
        BadState, match=r"deltas/layer.0.dense.bias as \(7,\), which its base does not"
    ):
        open_sums(path).refuse_other_base(open_checkpoint(zoo_folder / "base"))


def test_what_is_left_of_the_last_task_is_damage(zoo_folder):
    folder = four_tasks(zoo_folder)
    state = grown(begun(folder, "average", {}), folder, "red")
    held = load_file(state.path)
    held["deltas/layer.0.dense.bias"][0] += 1
    save_file(held, folder / "alike.safetensors")
    from studio.checkpoints.weights import Weights

    root = Weights((folder / "alike.safetensors",)).root
    resealed(state, lambda said: None, held)
    content = state.path.read_bytes()
    old, new = (f'"root":"{each}"'.encode() for each in (state.root, root))
    state.path.write_bytes(content.replace(old, new))
    open_again = open_sums(state.path)
    with pytest.raises(
        BadState, match="without 'red' something is left in deltas/layer.0.dense.bi"
    ):
        leave(open_again, terms_of(open_again, folder, "red", 0.5))


def test_the_version_is_in_the_file(state):
    assert state.plain()["version"] == module.VERSION == 1
    assert {*state.scales} == {*SHAPES}
