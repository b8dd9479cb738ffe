import pytest
import torch

from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.deltas import Deltas
from studio.checkpoints.resident import keep_in_memory
from studio.errors import NotFinite
from studio.geometry.gram import gram
from studio.geometry.orthogonal import orthogonalize
from studio.geometry.scopes import layer_of
from studio.merge import open_merge
from tests.conftest import dense_deltas, draw, refusal, save_model


def test_blocks_equal_dense_float64_products_for_full_and_lora_together(deltas, zoo_folder):
    blocks = gram(deltas).blocks
    dense = dense_deltas(zoo_folder)
    for t, name in enumerate(deltas.names):
        flat = torch.stack([dense[task][name].flatten() for task in deltas.tasks])
        torch.testing.assert_close(blocks[t], flat @ flat.T, rtol=1e-5, atol=1e-6)


def test_factors_give_the_products_of_the_dense_deltas(deltas, zoo_folder):
    only = deltas.subset(["blue"])
    assert only.names == ("layer.0.dense.weight", "layer.1.dense.weight")
    dense = dense_deltas(zoo_folder)["blue"]
    for t, name in enumerate(only.names):
        expected = float(dense[name].square().sum())
        assert float(gram(only).blocks[t]) == pytest.approx(expected, rel=1e-12)


def test_components_are_measured_from_the_deltas_not_from_the_gram(deltas):
    raw = gram(deltas)
    basis = orthogonalize(raw, "model", "arrival", per_layer=False)
    assert 0 < basis.residual(gram(deltas, basis.rows)) < 1e-6
    bent = basis.rows.clone()
    bent[:, 2, 0] += 0.1  # a wrong basis must show
    assert basis.residual(gram(deltas, bent)) > 1e-3


def test_grouping_sums_the_tensors_of_a_layer(deltas):
    blocks = gram(deltas)
    labels, grouped = blocks.grouped("layer")
    assert labels == ("embeddings", "layer.0", "layer.1")
    torch.testing.assert_close(grouped[1], blocks.blocks[1] + blocks.blocks[2])
    torch.testing.assert_close(blocks.grouped("model")[1][0], blocks.total())


def test_layers_are_found_by_the_first_number():
    assert layer_of("bert.encoder.layer.10.output.dense.weight") == "bert.encoder.layer.10"
    assert layer_of("ln_f.weight") == "ln_f"


def test_nan_is_refused_with_file_tensor_and_count(zoo_folder, deltas):
    model = {f"bert.{k}": v for k, v in draw(4).items()}
    model["bert.layer.0.dense.bias"][2:4] = float("nan")
    save_model(zoo_folder / "green", model)
    broken = Deltas(deltas.base, [("green", open_checkpoint(zoo_folder / "green"))])
    with pytest.raises(NotFinite) as error:
        gram(broken)
    for part in ("green/model.safetensors", "bert.layer.0.dense.bias", "2 values", "of 6"):
        assert part in refusal(error)


def test_bits_do_not_depend_on_the_number_of_threads(tmp_path):
    shapes = {"layer.0.weight": (500, 420)}  # more than three pieces of 2^16 elements
    opened = []
    for name, seed in (("base", 0), ("red", 1), ("green", 2)):
        save_model(tmp_path / name, draw(seed, shapes))
        opened.append((name, open_checkpoint(tmp_path / name)))
    large = Deltas(opened[0][1], opened[1:])
    basis = orthogonalize(gram(large), "model", "arrival", per_layer=False)
    before = torch.get_num_threads()
    try:
        results = []
        for threads in (1, 2):
            torch.set_num_threads(threads)
            assert torch.get_num_threads() == threads
            results.append((gram(large).blocks, gram(large, basis.rows).blocks))
    finally:
        torch.set_num_threads(before)
    assert all(a.equal(b) for a, b in zip(*results, strict=True))


def test_a_subset_has_the_bits_of_its_own_pass_whichever_tasks_are_left(deltas):
    whole = gram(deltas)
    keep_in_memory(deltas, 10**6)
    warm = gram(deltas)
    assert warm.blocks.equal(whole.blocks)
    for tasks in [("blue",), ("green", "blue"), ("blue", "red")]:
        own = deltas.subset(tasks)
        assert whole.subset(tasks, own.names).blocks.equal(gram(own).blocks)


def test_a_float64_checkpoint_that_leaves_takes_its_dtype_with_it(zoo_folder, deltas):
    wide = {f"bert.{k}": v.double() for k, v in draw(9).items()}
    save_model(zoo_folder / "wide", wide)
    opened = [(n, open_checkpoint(zoo_folder / n)) for n in ("red", "wide")]
    both = Deltas(deltas.base, opened)
    keep_in_memory(both, 10**6)
    left = both.subset(["red"])
    assert (both.dtype, left.dtype) == (torch.float64, torch.float32)
    assert gram(left).blocks.equal(gram(Deltas(deltas.base, opened[:1])).blocks)


@pytest.mark.parametrize("name", ["ties", "iso_c", "mdm_oc"])
def test_vectors_held_in_memory_have_the_products_of_those_made_afresh(make_recipe, name):
    options = {"rank": 1} if name == "mdm_oc" else {}
    merge = open_merge(make_recipe("blue", "red", method=name, options=options))
    vectors = merge.vectors
    afresh = gram(vectors).blocks
    assert keep_in_memory(vectors, 10**6)
    torch.testing.assert_close(gram(vectors).blocks, afresh, rtol=1e-6, atol=1e-9)
