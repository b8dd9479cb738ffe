"""A walk through a model beside a dense second computation, and the laws of calibration."""

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from transformers import AutoModel

from studio.errors import BadRecipe, Cancelled
from studio.measure.bench import Bench
from studio.measure.layer_walk import calibrated, expert_alone, read_rows
from studio.recipe import Calibrate, GroupedCoefficient
from studio.tasks.live_model import LiveModel
from studio.zoo import load_zoo
from tests.merged import merged_tensors

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def bench(tiny_zoo):
    return Bench(load_zoo(tiny_zoo), CPU)


def mixed(bench, coefficient=0.5, **options):
    recipe = bench.zoo.recipe("task_arithmetic", coefficient)
    return replace(recipe, calibrate=Calibrate(**options))


def plain(recipe):
    return replace(recipe, calibrate=None)


class Dense:
    """The same by whole forward passes, least squares and no sharing: one model per expert."""

    def __init__(self, bench, recipe):
        self.options = recipe.calibrate
        self.base = self.loaded(bench, {})
        self.student = self.loaded(bench, merged_tensors(bench.merge(plain(recipe))))
        self.mix = self.loaded(bench, merged_tensors(bench.merge(plain(recipe))))
        self.teachers = {
            name: self.loaded(bench, merged_tensors(bench.expert(name))) for name in recipe.names
        }
        live = LiveModel(bench.base, CPU, bench.kinds)
        self.rows = {
            n: read_rows(live, bench.tasks[n], recipe.calibrate.rows) for n in recipe.names
        }

    @staticmethod
    def loaded(bench, tensors):
        model = AutoModel.from_pretrained(bench.base.folder).eval()
        model.load_state_dict(model.state_dict() | tensors)
        return model.requires_grad_(False)

    def inputs(self, model, layer, task):
        seen = []
        module = dict(model.named_modules())[layer]
        handle = module.register_forward_pre_hook(lambda _, x: seen.append(x[0]))
        for read in self.rows[task]:
            model(**read.inputs)
        handle.remove()
        found = []
        for states, read in zip(seen, self.rows[task], strict=True):
            (mask,) = read.masks.values()
            found.append(states[mask] if states.dim() == 3 else states)
        return torch.cat(found).double().numpy()

    def calibrate(self, layer, length):
        """One layer of the student by the normal equations, with numpy."""
        share, pull = self.options.share, self.options.pull
        module = dict(self.student.named_modules())[layer]
        mix, base = (dict(m.named_modules())[layer] for m in (self.mix, self.base))
        anchor, known = (
            (getattr(base, k) + length * (getattr(mix, k) - getattr(base, k))).double().numpy()
            for k in ("weight", "bias")
        )
        left, right, parts = pull * np.eye(anchor.shape[1]), pull * anchor.T, []
        for task, teacher in self.teachers.items():
            own = dict(teacher.named_modules())[layer]
            x = self.inputs(self.student, layer, task)
            y = share * self.inputs(teacher, layer, task) + (1 - share) * x
            weigh = 1 / np.linalg.norm(x.T @ x / len(x))
            target = y @ own.weight.double().numpy().T
            left += weigh * x.T @ x / len(x)
            right += weigh * x.T @ target / len(x)
            parts.append((weigh, x.mean(0), target.mean(0) + own.bias.double().numpy()))
        weight = np.linalg.solve(left, right).T
        bias = pull * known + sum(s * (t - weight @ x) for s, x, t in parts)
        bias = bias / (pull + sum(s for s, _, _ in parts))
        module.weight.copy_(torch.from_numpy(weight))
        module.bias.copy_(torch.from_numpy(bias))

    def calibrate_norm(self, layer, length):
        """Gain and bias of a LayerNorm, channel by channel, by least squares."""
        share, pull = self.options.share, self.options.pull
        modules = [dict(m.named_modules())[layer] for m in (self.student, self.mix, self.base)]
        module, mix, base = modules
        anchors = [
            (getattr(base, k) + length * (getattr(mix, k) - getattr(base, k))).double().numpy()
            for k in ("weight", "bias")
        ]
        blocks = []
        for task, teacher in self.teachers.items():
            own = dict(teacher.named_modules())[layer]
            x = self.normed(self.inputs(self.student, layer, task), own.eps)
            y = share * self.normed(self.inputs(teacher, layer, task), own.eps) + (1 - share) * x
            root = np.sqrt(len(x))
            target = y * own.weight.double().numpy() + own.bias.double().numpy()
            blocks.append((x / root, np.full_like(x, 1 / root), target / root))
        for channel in range(len(anchors[0])):
            rows = [np.stack([a[:, channel], b[:, channel]], 1) for a, b, _ in blocks]
            goal = [t[:, channel] for _, _, t in blocks]
            rows.append(np.sqrt(pull) * np.eye(2))
            goal.append(np.sqrt(pull) * np.array([each[channel] for each in anchors]))
            gain, bias = np.linalg.lstsq(np.concatenate(rows), np.concatenate(goal))[0]
            module.weight[channel], module.bias[channel] = gain, bias

    @staticmethod
    def normed(x, eps):
        return (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + eps)


ORDER = ["attention.self.query", "attention.self.key", "attention.self.value",
         "attention.output.dense", "attention.output.LayerNorm", "intermediate.dense",
         "output.dense", "output.LayerNorm"]  # fmt: skip


@pytest.mark.parametrize("share", [0.6, 0.0, 1.0])
def test_every_layer_is_what_whole_passes_and_numpy_find(bench, share):
    recipe = mixed(bench, share=share, pull=0.05, length=1.5)
    found = merged_tensors(bench.merge(recipe))
    dense = Dense(bench, recipe)
    dense.calibrate_norm("embeddings.LayerNorm", 1.5)
    for number in range(2):
        for name in ORDER:
            layer = f"encoder.layer.{number}.{name}"
            step = dense.calibrate_norm if name.endswith("LayerNorm") else dense.calibrate
            step(layer, 1.5)
    dense.calibrate("pooler.dense", 1.5)
    for name, values in dense.student.state_dict().items():
        if name in found:
            torch.testing.assert_close(found[name], values, rtol=2e-3, atol=2e-4)
    before = merged_tensors(bench.merge(plain(recipe)))
    name = "encoder.layer.1.intermediate.dense.weight"
    assert (found[name] - before[name]).norm() > 0.02 * before[name].norm()


@pytest.mark.parametrize("task", ["color", "animal"])
@pytest.mark.parametrize("coefficient", [1.0, 0.6])
def test_one_task_alone_stays_its_expert_whatever_is_left_of_it(bench, task, coefficient):
    others = [name for name in bench.zoo.recipe().names if name != task]
    recipe = mixed(bench, coefficient).without(*others)
    tables = [each for each in bench.expert(task).changed if "embeddings.weight" in each]
    if tables:  # which are no such layers: what the mix has stays
        own = GroupedCoefficient(coefficient, tuple((name, 1.0) for name in tables))
        recipe = recipe.with_coefficients({task: own})
    found, expert = merged_tensors(bench.merge(recipe)), merged_tensors(bench.expert(task))
    for name, values in expert.items():
        torch.testing.assert_close(found[name], values, rtol=1e-3, atol=2e-4)


def test_as_many_threads_as_there_are_change_no_bit(bench, tiny_zoo):
    recipe, before = mixed(bench), torch.get_num_threads()
    found = []
    for threads in (1, 3):
        torch.set_num_threads(threads)
        try:
            found.append(merged_tensors(Bench(load_zoo(tiny_zoo), CPU).merge(recipe)))
        finally:
            torch.set_num_threads(before)
    assert all(found[0][name].equal(found[1][name]) for name in found[0])


def test_a_task_that_is_silent_or_was_taken_out_leaves_nothing(bench, tiny_zoo):
    recipe = mixed(bench)
    whole = merged_tensors(bench.merge(recipe))
    silent = merged_tensors(bench.merge(recipe.silenced("animal")))
    without = merged_tensors(bench.merge(recipe.without("animal")))
    zoo = load_zoo(tiny_zoo)
    never = Bench(replace(zoo, tasks=zoo.tasks[:1]), CPU)
    alone = merged_tensors(never.merge(recipe.without("animal")))
    assert all(without[name].equal(alone[name]) for name in alone)
    assert all(silent[name].equal(alone[name]) for name in alone)
    assert any(not whole[name].equal(alone[name]) for name in alone)


def walked(bench, recipe, progress):
    model = LiveModel(bench.base, CPU, bench.kinds)
    rows = {n: read_rows(model, bench.tasks[n], 8) for n in recipe.names}
    calibrated(model, bench.merge(recipe), rows, progress)
    return model


def test_the_model_wears_the_base_afterwards_and_no_pass_is_left(bench):
    before = {each.name for each in threading.enumerate()}
    model = walked(bench, mixed(bench), lambda share, words: None)
    model.wear(None)
    untouched = LiveModel(bench.base, CPU, bench.kinds)
    known = untouched.whole.state_dict()
    assert all(x.equal(known[name]) for name, x in model.whole.state_dict().items())
    assert {each.name for each in threading.enumerate()} <= before


def test_it_can_be_cancelled_between_layers(bench):
    told = []

    def progress(share, words):
        told.append((share, words))
        if len(told) == 3:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        walked(bench, mixed(bench), progress)
    assert [share for share, _ in told] == sorted(share for share, _ in told)
    assert told[0][1] == "1 of 21 layers calibrated: embeddings.word_embeddings"
    assert not any(each.name == "pass" for each in threading.enumerate())


def test_what_one_expert_alone_is_shares_nothing_with_the_others(bench):
    alone = expert_alone(bench.deltas, "color")
    assert alone.recipe.names == ("color",)
    assert alone.recall is None
    own, known = merged_tensors(alone), merged_tensors(bench.expert("color"))
    assert all(own[name].equal(known[name]) for name in known)


def test_rows_that_leave_the_order_are_refused(bench, monkeypatch):
    model = LiveModel(bench.base, CPU, bench.kinds)
    recipe = mixed(bench)
    rows = {n: read_rows(model, bench.tasks[n], 8) for n in recipe.names}
    skipped, asked = model.encoder.pooler, []

    class Sometimes(nn.Module):
        def __init__(self):
            super().__init__()
            self.dense, self.activation = skipped.dense, skipped.activation

        def forward(self, states):
            asked.append(None)
            return skipped(states) if len(asked) <= 3 else states[:, 0]

    model.encoder.pooler = Sometimes()
    with pytest.raises(BadRecipe, match=r"not every row reaches pooler\.dense when the others"):
        calibrated(model, bench.merge(recipe), rows)
