import pytest

from studio.errors import BadRecipe
from studio.methods.mergekit.asked import Asked
from studio.methods.mergekit.configuration import Input, parse_configuration
from studio.methods.mergekit.reference import Reference
from studio.methods.mergekit.setting import Place


def asked(parameters, *own):
    inputs = [{"model": f"m{i}", "parameters": each} for i, each in enumerate(own)]
    data = {"merge_method": "ties", "base_model": "b", "models": inputs, "parameters": parameters}
    given = parse_configuration(data, "The file")
    return Asked(given, given.inputs, "The file")


def test_a_models_own_block_comes_first_and_shared_parameters_never_look_there():
    found = asked({"weight": 1, "lambda": 2}, {"weight": 3, "lambda": 9}, {})
    assert found.own("weight", Place()) == [3.0, 1.0]
    assert found.shared("lambda", Place()) == 2.0
    assert found.own("density", Place(), 0.5) == [0.5, 0.5]


def test_weights_are_divided_by_their_sum_unless_it_is_zero():
    found = asked({"normalize": True}, {})
    assert found.normalized([1.0, 3.0], False) == [0.25, 0.75]
    assert found.normalized([1.0, -1.0], False) == [1.0, -1.0]
    assert asked({}, {}).normalized([1.0, 3.0], False) == [1.0, 3.0]


def test_what_was_never_asked_for_is_left_out():
    found = asked({"weight": 1, "t": 2}, {"gamma": 1})
    found.own("weight", Place())
    assert found.left_out() == ["gamma", "t"]


def test_whether_tensors_and_layers_count_is_known_before_any_is():
    even, filtered = asked({"weight": 1}, {}), asked({}, {"weight": {"filter": "a", "value": 1}})
    deep = asked({"weight": [0, 1]}, {})
    names = ("weight", "lambda")
    assert [x.varies(names) for x in (even, filtered, deep)] == [False, True, True]
    assert [x.is_deep(names) for x in (even, filtered, deep)] == [False, False, True]


def test_one_number_for_all_is_asked_at_every_tensor():
    found = asked({"density": {"filter": "a", "value": 0.5}}, {}, {})
    found.places = (Place("a"), Place("b"))
    with pytest.raises(BadRecipe, match=r"density is from 0\.5 to 1 over the tensors"):
        found.one("density", 1.0)
    found = asked({"density": 0.5}, {}, {}, {"density": 0.2})
    with pytest.raises(BadRecipe, match=r"density is 0\.5 of 'm0' and 0\.2 of 'm2', and a recipe"):
        found.one("density", 1.0)
    assert Input(Reference("m0"), {"weight": 3}).parameters["weight"] == 3
