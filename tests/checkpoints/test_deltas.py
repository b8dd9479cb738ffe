import json
from dataclasses import replace
from functools import partial

import pytest
import torch
from safetensors.torch import load_file

from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.deltas import Deltas, DerivedDeltas
from studio.checkpoints.no_change import refuse_copies
from studio.checkpoints.resident import Resident, bytes_in_memory, keep_in_memory
from studio.errors import BadCheckpoint, NothingToMerge, ShapeMismatch
from studio.methods.kit.sparse import Sparse
from tests.conftest import dense_deltas, draw, refusal, save_adapter, save_model


def everything(task, start, stop, delta):
    return torch.ones(stop - start, dtype=torch.bool)


def lay(folder, name, tensors=None):
    if tensors is not None:
        save_model(folder / name, tensors)
    return Deltas(open_checkpoint(folder / "base"), [(name, open_checkpoint(folder / name))])


def test_deltas_are_checkpoint_minus_base_under_a_prefix_and_b_times_a_for_lora(deltas, zoo_folder):
    dense = dense_deltas(zoo_folder)
    assert [j.prefix for j in deltas.joins] == ["bert.", "bert.", ""]
    for name in deltas.names:
        tensor = deltas.at(name)
        for i, task in enumerate(deltas.tasks):
            found = tensor.delta(i, 0, tensor.numel, torch.float64)
            expected = dense[task][name].flatten()
            if found is None:
                assert not expected.any()
            else:
                torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-7)


def test_the_cut_does_not_change_a_bit(deltas):
    for name in deltas.names:
        tensor = deltas.at(name)
        for task in range(len(deltas)):
            whole = tensor.delta(task, 0, tensor.numel, torch.float32)
            if whole is not None:
                for cut in (1, 3, 7):
                    parts = [
                        tensor.delta(task, i, min(i + cut, len(whole)), torch.float32)
                        for i in range(0, len(whole), cut)
                    ]
                    assert torch.cat(parts).equal(whole)


def test_held_in_memory_the_deltas_have_the_same_bits(deltas, zoo_folder):
    fresh = Deltas(deltas.base, list(zip(deltas.tasks, deltas.checkpoints, strict=True)))
    assert not keep_in_memory(deltas, 10)
    assert keep_in_memory(deltas, 10**6)
    for name in deltas.names:
        for task in range(3):
            a, b = (d.at(name).delta(task, 1, 5, torch.float32) for d in (deltas, fresh))
            assert (a is None and b is None) or (a is not None and b is not None and a.equal(b))


def test_a_part_shares_what_the_whole_holds_later(deltas):
    part = deltas.subset(["blue", "red"])
    before = {name: part.at(name).delta(0, 0, 4, torch.float32) for name in part.names}
    assert bytes_in_memory(part) == 0
    assert keep_in_memory(deltas, 10**6)
    assert 0 < bytes_in_memory(part) < bytes_in_memory(deltas)
    place = deltas.tasks.index("blue")
    for name, values in before.items():
        own, full = part.at(name), deltas.at(name)
        assert isinstance(own, Resident)
        assert isinstance(full, Resident)
        held, whole = own.raw.values[0], full.raw.values[place]
        assert (held is None) == (whole is None) == (values is None)
        if held is not None and whole is not None and values is not None:
            assert held.data_ptr() == whole.data_ptr()
            assert held[:4].equal(values)
    assert bytes_in_memory(DerivedDeltas(part, lambda raw: raw)) == 0


def test_a_wider_result_is_not_made_of_what_memory_holds(deltas):
    fresh = Deltas(deltas.base, list(zip(deltas.tasks, deltas.checkpoints, strict=True)))
    keep_in_memory(deltas, 10**6)
    a, b = (d.at("layer.0.dense.weight").delta(0, 0, 24, torch.float64) for d in (deltas, fresh))
    assert a is not None
    assert b is not None
    assert a.equal(b)
    assert not a.equal(a.float().double())


def test_heads_are_private_even_if_the_base_has_one(zoo_folder):
    base = draw(0) | {"classifier.weight": torch.zeros(2, 4)}
    save_model(zoo_folder / "base", base)
    model = {f"bert.{k}": v for k, v in draw(1).items()} | {"classifier.weight": torch.ones(9, 4)}
    found = lay(zoo_folder, "red", model)
    assert "classifier.weight" not in found.names
    assert found.private("red")["classifier.weight"].shape == (9, 4)


def test_another_base_is_refused_with_the_shapes(zoo_folder):
    model = {f"bert.{k}": v for k, v in draw(1).items()}
    model["bert.layer.0.dense.weight"] = torch.zeros(6, 5)
    with pytest.raises(ShapeMismatch) as error:
        lay(zoo_folder, "red", model)
    assert "layer.0.dense.weight (6, 5) instead of (6, 4)" in refusal(error)


def test_missing_tensors_are_counted_and_named(zoo_folder):
    model = draw(1)
    del model["layer.1.dense.bias"]
    with pytest.raises(ShapeMismatch, match="lacks 1 of the base's 5 tensors: layer.1.dense.bias"):
        lay(zoo_folder, "red", model)


def test_a_deeper_model_is_refused(zoo_folder):
    model = draw(1) | {"layer.2.dense.weight": torch.zeros(2, 2)}
    with pytest.raises(ShapeMismatch, match="1 tensors in layers that the base does not have"):
        lay(zoo_folder, "red", model)


def test_a_checkpoint_that_holds_the_base_twice_is_refused(zoo_folder):
    model = {f"{side}.{k}": v for side in ("question", "context") for k, v in draw(1).items()}
    with pytest.raises(BadCheckpoint, match="2 times, under 'context.' and 'question.'"):
        lay(zoo_folder, "red", model)


def test_names_with_and_without_the_prefix_collide(zoo_folder):
    model = {f"bert.{k}": v for k, v in draw(1).items()}
    model["layer.1.dense.bias"] = torch.zeros(4)
    with pytest.raises(BadCheckpoint, match="holds layer.1.dense.bias both as"):
        lay(zoo_folder, "red", model)


def test_integer_buffers_must_be_equal_but_counters_come_from_the_base(zoo_folder):
    extra = {"ids": torch.arange(3), "norm.num_batches_tracked": torch.tensor(5)}
    save_model(zoo_folder / "base", draw(0) | extra)
    counted = draw(1) | extra | {"norm.num_batches_tracked": torch.tensor(9)}
    found = lay(zoo_folder, "red", counted)
    assert found.joins[0].notes == ("1 counters (num_batches_tracked) are taken from the base.",)
    assert "ids" not in found.names
    with pytest.raises(ShapeMismatch, match="integer buffer ids"):
        lay(zoo_folder, "red", draw(1) | extra | {"ids": torch.arange(3) + 1})


def test_a_pretraining_head_left_out_of_the_checkpoint_is_kept_and_said(zoo_folder):
    save_model(zoo_folder / "base", draw(0) | {"cls.bias": torch.zeros(3)})
    found = lay(zoo_folder, "red", draw(1))
    assert "1 tensors of the base are not in it (cls.bias, …): kept." in found.joins[0].notes


def test_the_same_checkpoint_twice_is_refused_naming_both(zoo_folder):
    red = open_checkpoint(zoo_folder / "red")
    save_model(zoo_folder / "copy", load_file(zoo_folder / "red" / "model.safetensors"))
    copy = open_checkpoint(zoo_folder / "copy")
    with pytest.raises(NothingToMerge, match="'red' and 'copy' are the same checkpoint"):
        refuse_copies(Deltas(open_checkpoint(zoo_folder / "base"), [("red", red), ("copy", copy)]))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"use_dora": True}, "use_dora=True in adapter_config.json, but layer.0.dense has no"),
        ({"use_rslora": "yes"}, "use_rslora is 'yes'; it must be true or false"),
        ({"rank_pattern": {"layer.0.dense": 4}}, "have rank 2, but the options .* rank 4"),
        ({"rank_pattern": {"(?=a)b": 2}}, r"rank_pattern: the expression '\(\?=a\)b' has a"),
        ({"alpha_pattern": {"layer.0.dense": "1"}}, "layer.0.dense' is '1', which is out of"),
        ({"alpha_pattern": [1]}, "alpha_pattern must be a mapping"),
        ({"lora_bias": True}, "lora_bias=True in adapter_config.json, but layer.0.dense has no"),
        ({"lora_alpha": 0}, r"lora_alpha is 0 \(of every module\), so the factors would change"),
        ({"alpha_pattern": {"dense": 0.0}}, r"lora_alpha is 0 \(in alpha_pattern\)"),
        ({"trainable_token_indices": [1, 1]}, "trainable_token_indices must list token rows"),
        ({"trainable_token_indices": {"wte": [1]}}, "train token rows of 'wte', but no such"),
        ({"target_parameters": "w"}, "target_parameters must be a list of names"),
        ({"r": 10**9}, "r=1000000000 and lora_alpha=4 are no rank"),
        ({"some_future_option": 3}, "some_future_option=3"),
        ({"peft_type": "IA3"}, "the IA3 option r=2, lora_alpha=4 is not supported"),
        ({"peft_type": "XLORA"}, "adapters of type 'XLORA'"),
        ({"init_lora_weights": "pissa_niter_4"}, "init_lora_weights='pissa_niter_4' is not"),
        ({"lora_alpha": True}, "lora_alpha=True"),
        ({"lora_alpha": float("nan")}, "the number NaN"),
        ({"r": 0}, "r=0"),
        ({"r": 3}, "have rank 2, but the options .* rank 3"),
    ],
)
def test_a_lora_option_that_is_not_understood_is_refused_by_name(zoo_folder, options, words):
    file = zoo_folder / "blue" / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | options))
    with pytest.raises((BadCheckpoint, ShapeMismatch), match=words):
        lay(zoo_folder, "blue")


def test_an_adapter_of_another_model_is_refused(zoo_folder):
    save_adapter(zoo_folder / "alien", {"h.0.attn": (torch.zeros(2, 4), torch.zeros(6, 2))})
    with pytest.raises(ShapeMismatch, match=r"changes h.0.attn, which the base does not"):
        lay(zoo_folder, "alien")


def test_an_adapter_trained_under_a_wrapper_finds_its_base(zoo_folder):
    factors = {"model.bert.layer.0.dense": (torch.ones(2, 4), torch.ones(6, 2))}
    save_adapter(zoo_folder / "wrapped", factors)
    assert lay(zoo_folder, "wrapped").joins[0].prefix == "model.bert."


def test_the_digest_of_an_adapter_depends_on_alpha(zoo_folder):
    before = open_checkpoint(zoo_folder / "blue").digest
    file = zoo_folder / "blue" / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"lora_alpha": 1}))
    assert open_checkpoint(zoo_folder / "blue").digest != before


def test_what_is_derived_from_derived_deltas_is_derived_from_both(deltas):
    """A method's residuals, say, in the hands of another method."""
    name = "layer.0.dense.weight"

    def only(task: int):
        def kept(raw):
            sources = tuple(s if i == task else None for i, s in enumerate(raw.sources))
            return replace(raw, sources=sources)

        return kept

    first = DerivedDeltas(deltas, only(0))
    assert DerivedDeltas(first, only(1)).at(name).present == (False, False, False)
    assert DerivedDeltas(first, lambda raw: raw).at(name).present == (True, False, False)


def test_what_was_derived_of_all_tasks_has_no_part(deltas):
    """A subset would be the raw deltas without a word, or vectors of tasks that are gone."""
    doubled = DerivedDeltas(deltas, partial(Sparse, keep=everything, scales=(2.0, 2.0, 2.0)))
    with pytest.raises(ValueError, match="red, green, blue together has no part for blue"):
        doubled.subset(["blue"])
    right = DerivedDeltas(deltas.subset(["blue"]), partial(Sparse, keep=everything, scales=(2.0,)))
    whole, part = (each.at("layer.0.dense.weight") for each in (doubled, right))
    one, other = (t.delta(i, 0, 24, torch.float32) for t, i in ((whole, 2), (part, 0)))
    assert one is not None
    assert other is not None
    assert one.equal(other)
