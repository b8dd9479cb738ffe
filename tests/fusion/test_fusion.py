"""A fusion in the live model: its laws, dense, and the zoos that it refuses."""

from dataclasses import replace

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file
from transformers.pytorch_utils import Conv1D

from studio.checkpoints.low_rank import Factors
from studio.errors import BadCheckpoint, BadRecipe
from studio.fusion.fusion import _adapter, make_fusion, refuse_unfusable
from studio.fusion.layer import FusionLayer
from studio.measure.bench import Bench
from studio.zoo import load_zoo
from tests import adapted
from tests.conftest import refusal

TASKS = tuple(adapted.TASKS)


def states(bench):
    live, task = bench.live, bench.tasks["color"]
    items = live.encode(task, task.rows("held_out")[:6])
    return live.states(live.batch(task.kind, items).inputs)[0]


@pytest.mark.parametrize("name", TASKS)
def test_attention_to_one_adapter_with_identity_values_is_that_expert(bench, name):
    fusion = make_fusion(bench, TASKS)
    bench.live.wear(None)
    base = states(bench)
    fusion.attend([name])
    assert fusion.kept == (name,)
    with fusion.attached(bench.live):
        fused = states(bench)
    bench.live.wear(bench.expert(name))
    expert = states(bench)
    assert (expert - base).abs().max() > 0.1
    assert torch.allclose(fused, expert, atol=2e-5)


def test_equal_attention_is_the_average_of_the_adapters(bench):
    """Queries of zero make all scores zero; the layers are linear, so the sum is a merge."""
    fusion = make_fusion(bench, TASKS)
    with torch.no_grad():
        for layer in fusion.each:
            layer.query.zero_()
    bench.live.wear(None)
    with fusion.attached(bench.live):
        fused = states(bench)
    bench.live.wear(bench.merge(bench.zoo.recipe("average")))
    assert torch.allclose(fused, states(bench), atol=2e-5)


def test_a_layer_sits_beside_every_linear_layer_that_some_adapter_changes(bench):
    fusion = make_fusion(bench, TASKS)
    assert {name.replace("/", ".") + ".weight" for name in fusion.layers} == {*bench.deltas.names}
    bench.live.wear(None)
    before = states(bench)
    with fusion.attached(bench.live):
        assert not torch.equal(states(bench), before)
    assert torch.equal(states(bench), before)
    wide = fusion.layers["encoder/layer/0/intermediate/dense"]
    assert isinstance(wide, FusionLayer)
    assert (wide.query.shape, wide.key.shape, wide.value.shape) == ((16, 16), (16, 24), (24, 24))
    assert fusion.trained == sum(
        each.query.numel() + each.key.numel() + each.value.numel() for each in fusion.each
    )


def test_a_fusion_without_a_task_is_that_of_a_zoo_that_never_had_it(bench, adapted_zoo):
    (adapted_zoo / "two.yaml").write_text(yaml.safe_dump(adapted.zoo(["color", "tint"])))
    other = Bench(load_zoo(adapted_zoo / "two.yaml"), torch.device("cpu"))
    one = make_fusion(bench, ("color", "tint"), 3).state_dict()
    two = make_fusion(other, ("color", "tint"), 3).state_dict()
    assert {*one} == {*two}
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(
        one["layers.encoder/layer/0/attention/self/query.query"],
        make_fusion(bench, ("color", "tint"), 4).state_dict()[
            "layers.encoder/layer/0/attention/self/query.query"
        ],
    )


def test_factors_of_a_layer_that_is_stored_turned_are_turned():
    """transformers' Conv1D has (in, out): what is added to its weight is b a, of these shapes."""
    layer = Conv1D(24, 8)
    b, a = torch.randn(8, 2), torch.randn(2, 24)
    one = _adapter(Factors(b, a, 0.5), turned=True)
    entered = torch.randn(3, 8)
    moved = entered @ (layer.weight + 0.5 * b @ a) + layer.bias
    assert one is not None
    assert torch.allclose(layer(entered) + entered @ one.down.T @ one.up.T, moved, atol=1e-5)


def test_full_fine_tunes_are_refused_by_name(tiny_zoo):
    with pytest.raises(BadRecipe) as error:
        refuse_unfusable(Bench(load_zoo(tiny_zoo), torch.device("cpu")))
    assert "'color' is a full fine-tune" in refusal(error)
    assert "a zoo whose tasks are LoRA adapters" in refusal(error)


def test_a_zoo_of_one_task_is_refused(adapted_zoo):
    zoo = load_zoo(adapted_zoo)
    with pytest.raises(BadRecipe) as error:
        refuse_unfusable(Bench(replace(zoo, tasks=zoo.tasks[:1]), torch.device("cpu")))
    assert refusal(error).startswith("AdapterFusion attends over at least two adapters")


def test_an_adapter_that_changes_something_else_is_refused(tmp_path):
    folder = adapted.build(tmp_path)
    config = folder / "tint" / "adapter_config.json"
    config.write_text(config.read_text().replace('"use_dora": false', '"use_dora": true'))
    weights = load_file(folder / "tint" / "adapter_model.safetensors")
    for name in [name for name in weights if name.endswith("lora_B.weight")]:
        length = torch.ones(len(weights[name]))
        weights[name.replace("lora_B.weight", "lora_magnitude_vector")] = length
    save_file(weights, folder / "tint" / "adapter_model.safetensors")
    with pytest.raises(BadCheckpoint) as error:
        refuse_unfusable(Bench(load_zoo(folder), torch.device("cpu")))
    assert "'tint': AdapterFusion attends over LoRA's outputs at linear layers" in refusal(error)
