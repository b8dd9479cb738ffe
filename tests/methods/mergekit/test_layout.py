import pytest

from studio.errors import BadRecipe
from studio.methods.mergekit.layout import Layout, escaped, grouped
from studio.recipe import GroupedCoefficient
from tests.mergekit_cases import shapes

NAMES = tuple(shapes())


def depths(*names):
    return {name: place.depth for name, place in Layout(names, {}).places(deep=True).items()}


def test_the_first_layer_is_at_0_and_the_last_at_1_and_all_else_at_0():
    found = depths(*NAMES)
    assert [found[f"model.layers.{i}.mlp.up_proj.weight"] for i in range(3)] == [0.0, 0.5, 1.0]
    assert found["lm_head.weight"] == found["model.norm.weight"] == 0.0


def test_a_single_layer_is_the_end_of_the_way():
    assert depths("embed", "layer.0.a") == {"embed": 0.0, "layer.0.a": 1.0}


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("a.weight", "b.weight"), "no name has a number"),
        (("encoder.0.a", "decoder.0.a"), "it has 2 stacks, decoder, encoder"),
        (("layer.0.a", "layer.2.a"), "all layers of the base's 'layer', of which 1 is missing"),
    ],
)
def test_a_gradient_over_layers_that_are_unknown_is_refused(names, words):
    with pytest.raises(BadRecipe, match=words):
        depths(*names)
    assert Layout(names, {}).places(deep=False)  # filters alone need no layers


def test_equal_numbers_are_one_number():
    assert grouped(dict.fromkeys(NAMES, 0.5)) == 0.5
    assert grouped({}) == 0.0


def test_layers_and_modules_become_patterns_and_every_tensor_keeps_its_number():
    by_layer = {name: (1.0 if ".1." in name else 0.5) for name in NAMES}
    assert grouped(by_layer) == GroupedCoefficient(0.5, (("model.layers.1.*", 1.0),))
    by_module = {name: (2.0 if "self_attn" in name else 0.5) for name in NAMES}
    assert grouped(by_module) == GroupedCoefficient(0.5, (("model.layers.*.self_attn.*", 2.0),))
    mixed = {name: float(i % 4) for i, name in enumerate(NAMES)}
    found = grouped(mixed)
    assert isinstance(found, GroupedCoefficient)
    assert all(found.of(name) == value for name, value in mixed.items())


def test_a_name_with_signs_of_patterns_stands_for_itself():
    found = grouped({"a[0].w": 1.0, "a0.w": 2.0, "b": 2.0})
    assert found == GroupedCoefficient(2.0, (("a[[]0].w", 1.0),))
    assert escaped("a*") == "a[*]"
