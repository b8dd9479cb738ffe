"""Patches: a convolution is the product of its patches and its weight, however it is set."""

from functools import partial

import pytest
import torch
from torch import nn

from studio.measure.bench import Bench
from studio.measure.examples import examples
from studio.measure.unfolded import add_products, patches
from studio.tasks.live_model import LiveModel
from studio.tasks.row_parts import MEASURED
from studio.zoo import load_zoo
from tests.tasks.kinds.pictures import built, images

CPU = torch.device("cpu")
LAYERS = [
    (nn.Conv2d(4, 6, 3), (4, 9, 8)),
    (nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 0)), (4, 9, 8)),
    (nn.Conv2d(4, 8, 3, padding=2, dilation=2, groups=2), (4, 9, 8)),
    (nn.Conv2d(4, 8, 3, padding=1, groups=4), (4, 9, 8)),
    (nn.Conv2d(4, 6, (2, 4), padding="same"), (4, 9, 8)),
    (nn.Conv2d(4, 6, 3, padding=1, padding_mode="reflect"), (4, 9, 8)),
    (nn.Conv2d(4, 6, 2, padding="valid"), (4, 9, 8)),
    (nn.Conv1d(4, 6, 3, stride=2, padding=1), (4, 11)),
    (nn.Conv1d(4, 6, 3, groups=2, dilation=2), (4, 11)),
]


def drawn(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("layer", "shape"), LAYERS)
def test_patches_times_the_weight_are_the_convolution(layer, shape):
    states = drawn(3, *shape)
    seen = patches(layer, states)  # (groups, places, in)
    weight = layer.weight.flatten(1).view(layer.groups, -1, seen.shape[-1])
    found = seen @ weight.mT + layer.bias.view(layer.groups, 1, -1)
    expected = layer(states).movedim(1, -1).flatten(0, -2)  # (places, out)
    torch.testing.assert_close(torch.cat(list(found), 1), expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(patches(layer, states[0]), patches(layer, states[:1]))


@pytest.mark.parametrize(("layer", "shape"), LAYERS)
def test_products_add_up_over_rows(layer, shape):
    states = drawn(5, *shape)
    first, some = add_products(None, layer, states[:2])
    total, more = add_products(first, layer, states[2:])
    seen = patches(layer, states)
    expected = seen.mT @ seen
    expected = expected[0] if layer.groups == 1 else expected
    torch.testing.assert_close(total, expected, rtol=1e-4, atol=1e-4)
    assert some + more == seen.shape[1]
    assert total.shape[-1] == layer.weight[0].numel()


def test_a_linear_layers_products_are_of_its_rows():
    states = drawn(7, 4)
    first, some = add_products(None, nn.Linear(4, 2), states[:3])
    total, more = add_products(first, nn.Linear(4, 2), states[3:])
    torch.testing.assert_close(total, states.T @ states)
    assert (some, more) == (3, 4)


def test_a_zoo_of_convolutions_has_a_gram_of_every_convolution(tmp_path):
    import numpy as np

    built(tmp_path, "MobileNetV2").save_pretrained(tmp_path / "first")
    np.savez(tmp_path / "rows.npz", images=images(), labels=np.arange(len(images())) % 2)
    (tmp_path / "zoo.yaml").write_text(
        "base: base\ntasks:\n  - {name: first, checkpoint: first, type: image-classification, "
        "image_size: 32, data: {held_out: rows.npz, validation: rows.npz}}\n"
    )
    bench = Bench(load_zoo(tmp_path / "zoo.yaml"), CPU)
    look = bench.statistics.look(["first"], "gram", 6)
    model = LiveModel(bench.base, CPU, bench.kinds)
    model.wear(bench.expert("first"))
    part, kept = examples(model, bench.tasks["first"], MEASURED, labelled=False), {}

    def keep(name, _, inputs):
        kept[name] = inputs[0]

    layers = {n: m for n, m in model.whole.named_modules() if isinstance(m, nn.Conv2d)}
    for name, module in layers.items():
        module.register_forward_pre_hook(partial(keep, name))
    rows = [part.items[row] for row in part.order[:6].tolist()]
    model.states(model.batch(part.task.kind, rows).inputs)
    own, grouped = model.own_names(model.base.names), 0
    for name in bench.base.names:
        module = layers.get(own.get(name, "").removesuffix(".weight"))
        if module is None:
            continue
        seen = patches(module, kept[own[name].removesuffix(".weight")])
        expected = seen.mT @ seen / seen.shape[1]
        grouped += module.groups > 1
        expected = expected[0] if module.groups == 1 else expected
        torch.testing.assert_close(look("first", name), expected, rtol=1e-3, atol=1e-4)
    assert grouped, "depthwise convolutions"
