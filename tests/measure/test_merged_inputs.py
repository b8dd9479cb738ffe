"""Inputs behind merged blocks beside whole passes and numpy, and the laws of what they make."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import AutoModel
from transformers.cache_utils import DynamicCache

from studio.errors import BadRecipe, Cancelled
from studio.measure.bench import Bench
from studio.measure.layer_walk import read_rows
from studio.measure.merged_inputs import AIM, _fresh
from studio.tasks.live_model import LiveModel
from studio.zoo import load_zoo
from tests.merged import merged_tensors

CPU = torch.device("cpu")
ROWS = 6


@pytest.fixture(scope="module")
def bench(tiny_zoo):
    return Bench(load_zoo(tiny_zoo), CPU)


def behind(bench, coefficient=1.0, **options):
    recipe = bench.zoo.recipe("mdm_oc", coefficient)
    options = {"basis": "activation", "statistics": "merged", "rows": ROWS, **options}
    return replace(recipe, options=options)


class Dense:
    """The same by whole forward passes of models of their own, and numpy's normal equations."""

    def __init__(self, bench):
        self.names = [name for name in bench.zoo.recipe().names]
        live = LiveModel(bench.base, CPU, bench.kinds)
        self.rows = {n: read_rows(live, bench.tasks[n], ROWS) for n in self.names}
        self.model = AutoModel.from_pretrained(bench.base.folder).eval().requires_grad_(False)
        self.base = {n: x.clone() for n, x in self.model.state_dict().items()}
        self.experts = {n: self.base | merged_tensors(bench.expert(n)) for n in self.names}
        self.grams = {}

    def merge(self, prefix, layers):
        """One block: its Grams in every expert behind what is merged, and then the block."""
        held = self.model.state_dict()
        inside = [name for name in held if name.startswith(prefix)]
        merged = {name: held[name].clone() for name in held if name not in inside}
        for task in self.names:
            own = {name: self.experts[task][name] for name in inside}
            self.model.load_state_dict(merged | own)
            for layer in layers:
                self.grams[task, f"{layer}.weight"] = self.gram(task, layer)
        for name in inside:
            merged[name] = self.base[name] + self.change(name)
        self.model.load_state_dict(merged)

    def gram(self, task, layer):
        seen = []
        module = dict(self.model.named_modules())[layer]
        handle = module.register_forward_pre_hook(lambda _, x: seen.append(x[0]))
        for read in self.rows[task]:
            self.model(**read.inputs)
        handle.remove()
        found = []
        for states, read in zip(seen, self.rows[task], strict=True):
            (mask,) = read.masks.values()
            found.append(states[mask] if states.dim() == 3 else states)
        inputs = torch.cat(found).double().numpy()
        return inputs.T @ inputs / len(inputs)

    def change(self, name):
        deltas = {t: (self.experts[t][name] - self.base[name]).double() for t in self.names}
        if (self.names[0], name) not in self.grams:
            return torch.stack([*deltas.values()]).mean(0).float()
        left = right = np.zeros(1)
        for task, delta in deltas.items():
            gram = self.grams[task, name]
            gram = 0.95 * gram + 0.05 * np.diag(np.diag(gram))
            left, right = left + gram, right + gram @ delta.numpy().T
        return torch.from_numpy(np.linalg.lstsq(left, right, rcond=1e-9)[0].T).float()


def test_every_gram_is_what_whole_passes_and_numpy_find(bench):
    dense = Dense(bench)
    dense.merge("embeddings.", [])
    for number in range(2):
        block = f"encoder.layer.{number}"
        inside = ("attention.self.query", "attention.self.key", "attention.self.value",
                  "attention.output.dense", "intermediate.dense", "output.dense")  # fmt: skip
        dense.merge(f"{block}.", [f"{block}.{each}" for each in inside])
    dense.merge("pooler.", ["pooler.dense"])
    look = bench.statistics.look(dense.names, "merged", ROWS)
    assert len(dense.grams) == 13 * len(dense.names)
    for (task, name), expected in dense.grams.items():
        found = look(task, name)
        assert found is not None
        np.testing.assert_allclose(found.double().numpy(), expected, rtol=5e-3, atol=2e-4)
    assert look(dense.names[0], "embeddings.word_embeddings.weight") is None


def test_of_one_task_alone_they_are_those_of_its_expert(bench):
    own = bench.statistics.look(["animal"], "gram", ROWS)
    alone = bench.statistics.look(["animal"], "merged", ROWS)
    seen = 0
    for name in bench.base.names:
        expected, found = own("animal", name), alone("animal", name)
        assert (expected is None) == (found is None)
        if expected is not None and found is not None:
            seen += 1
            torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)
    assert seen == 13


def test_at_full_strength_and_coefficients_of_one_the_mix_is_regmean_plus_plus(bench):
    mix = merged_tensors(bench.merge(behind(bench, strength=1.0)))
    recipe = replace(bench.zoo.recipe("regmean_pp"), options={"rows": ROWS})
    other = merged_tensors(bench.merge(recipe))
    plain = replace(bench.zoo.recipe("regmean"), options={"rows": ROWS})
    usual = merged_tensors(bench.merge(plain))
    for name, values in other.items():
        torch.testing.assert_close(mix[name], values, rtol=0, atol=2e-6)
    assert any(float((usual[name] - other[name]).abs().max()) > 1e-5 for name in other)


def test_they_depend_on_which_tasks_there_are_and_on_no_number_or_order_of_a_mix(bench):
    bench.merge(behind(bench)).prepare()
    for other in (behind(bench, 0.3), behind(bench, strength=1.0, order="arrival")):
        assert bench.unmeasured(other) == []
        turned = replace(other, tasks=other.tasks[::-1])
        assert bench.unmeasured(turned) == []
    (left,) = bench.unmeasured(behind(bench).without("animal"))
    assert left.tasks == ("color",)
    assert left.words == "inputs of merged layers of color on validation rows"
    assert bench.unmeasured(behind(bench).without("animal", "color")) == []


def test_the_mix_is_linear_in_its_coefficients(bench):
    def change(first, second):
        recipe = behind(bench).with_coefficients({"color": first, "animal": second})
        found = merged_tensors(bench.merge(replace(recipe, dtype="float64")))
        return {n: x - bench.base.tensor(n).double() for n, x in found.items()}

    one, other, both = change(1.0, 0.0), change(0.0, 1.0), change(0.4, 1.7)
    for name, values in both.items():
        expected = 0.4 * one[name] + 1.7 * other[name]
        torch.testing.assert_close(values, expected, rtol=0, atol=1e-6)


def test_a_task_that_was_taken_out_leaves_nothing_and_a_silent_one_stays(bench, tiny_zoo):
    for name in ("mdm_oc", "regmean_pp"):
        recipe = behind(bench)
        if name == "regmean_pp":
            recipe = replace(bench.zoo.recipe(name), options={"rows": ROWS})
        zoo = load_zoo(tiny_zoo)
        never = Bench(replace(zoo, tasks=zoo.tasks[:1]), CPU)
        without = merged_tensors(bench.merge(recipe.without("animal")))
        alone = merged_tensors(never.merge(recipe.without("animal")))
        silent = merged_tensors(bench.merge(recipe.silenced("animal")))
        assert all(without[key].equal(alone[key]) for key in alone)
        if name == "mdm_oc":  # RegMean++ of one weight that is not 0 is that expert
            assert any(not silent[key].equal(alone[key]) for key in alone)


def test_as_many_threads_as_there_are_change_no_bit(tiny_zoo, monkeypatch, tmp_path):
    before, found = torch.get_num_threads(), []
    for threads in (1, 3):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / str(threads)))
        torch.set_num_threads(threads)
        try:
            bench = Bench(load_zoo(tiny_zoo), CPU)
            found.append(merged_tensors(bench.merge(behind(bench))))
        finally:
            torch.set_num_threads(before)
    assert all(found[0][name].equal(found[1][name]) for name in found[0])


def test_it_says_how_far_it_is_and_a_cancelled_walk_leaves_nothing(bench, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (wanted,) = bench.unmeasured(behind(bench, rows=4))
    told = []

    def stop(share, words):
        told.append(words)
        if "encoder.layer.0" in words:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        bench.statistics.measure(wanted, stop)
    assert told[0] == "loading a model to merge block by block"
    assert told[-1] == "5 of 7 blocks merged: encoder.layer.0"
    assert bench.unmeasured(behind(bench, rows=4)) == [wanted]
    assert bench.statistics.measure(wanted).entries


def test_a_model_that_passes_a_layer_twice_is_refused_with_what_to_do(bench, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("studio.measure.layer_order.FITTED", ())
    with pytest.raises(BadRecipe, match="none of its layers") as refused:
        bench.merge(behind(bench, rows=5)).prepare()
    assert str(refused.value).startswith("BertModel cannot be sent through its merged layers one")
    assert str(refused.value).endswith(AIM[1])


def test_a_block_is_called_again_without_what_a_pass_remembers():
    assert _fresh(DynamicCache()) is None
    assert _fresh(3) == 3
