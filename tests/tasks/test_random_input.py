"""Random input shows what equal weights hide: settings with which they answer otherwise."""

import copy

import pytest
import torch
import transformers
from torch import nn

from studio.tasks.random_input import answers, apart, random_input, under_settings
from tests.architectures import examples
from tests.tasks.kinds import towers

EXAMPLES = examples()


def built(name: str) -> nn.Module:
    torch.manual_seed(0)
    example = EXAMPLES[name]
    return getattr(transformers, example.base)(copy.deepcopy(example.config)).eval()


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_architecture_takes_random_input_and_its_own_settings_move_nothing(name):
    model = built(name)
    given = random_input(model)
    assert given
    found = answers(model, given)
    assert found
    assert apart(found, found) == 0.0
    assert under_settings(model, {}) == 0.0


def test_settings_are_seen_by_what_they_move():
    for name, settings in (
        ("BERT", {"hidden_act": "relu"}), ("ViT", {"layer_norm_eps": 0.5}),
        ("Qwen2", {"rope_parameters": {"rope_type": "default", "rope_theta": 10.0}}),
    ):  # fmt: skip
        moved = under_settings(built(name), settings)
        assert moved is not None
        assert moved > 1e-3


def test_settings_that_do_not_fit_the_weights_are_not_compared():
    assert under_settings(built("BERT"), {"hidden_size": 48}) is None
    assert under_settings(built("BERT"), {"hidden_act": "no such"}) is None


def test_a_difference_is_relative_to_the_largest_value_or_to_one():
    assert apart([torch.tensor([4.0, 0.0])], [torch.tensor([4.0, 1.0])]) == 0.25
    assert apart([torch.tensor([0.1])], [torch.tensor([0.3])]) == pytest.approx(0.2)
    assert apart([torch.zeros(2)], [torch.zeros(3)]) == float("inf")
    assert apart([torch.zeros(2)], [torch.tensor([0.0, float("nan")])]) == float("inf")


def test_a_model_that_reads_nothing_known_has_no_input():
    class Odd(nn.Module):
        config = transformers.BertConfig()

        def forward(self, graph):
            return graph

    assert random_input(Odd()) is None


def test_what_a_model_draws_itself_is_drawn_alike_and_moves_no_other_draw():
    class Masking(nn.Module):
        def forward(self, values):
            return values * torch.rand(5)

    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    first, second = (answers(Masking(), {"values": torch.ones(5)}) for _ in range(2))
    assert first
    assert second
    assert apart(first, second) == 0.0
    assert torch.rand(2).equal(expected)


def test_hidden_states_are_among_the_answers_of_a_model_that_gives_them():
    model = built("BERT")
    found = answers(model, random_input(model) or {})
    config = EXAMPLES["BERT"].config
    width = config.hidden_size
    states = [each for each in found or () if each.shape[-1] == width and each.ndim == 3]
    assert len(states) > config.num_hidden_layers


def test_a_tower_that_reads_patches_in_a_row_answers():
    model = transformers.Siglip2Model(towers.config_of("Siglip2")).eval()
    given = random_input(model)
    assert given is not None
    assert given["pixel_values"].shape == (1, 16, 3 * 8 * 8)
    assert given["spatial_shapes"].tolist() == [[4, 4]]
    assert answers(model, given)
