from pathlib import Path

import pytest

from studio.errors import BadRecipe
from studio.methods.mergekit.configuration import parse_configuration
from studio.methods.mergekit.participants import participants


def found(method, models, base=None, given=None, **more):
    listed = [{"model": each} for each in models]
    data = {"merge_method": method, "models": listed} | ({"base_model": base} if base else {})
    return participants(parse_configuration(data, "it"), "it", Path("/zoo"), given, **more)


def test_the_base_is_no_task_of_a_sum_of_deltas():
    made = found("ties", ["base", "red", "org/green"], "base")
    assert made.base == "/zoo/base"
    assert made.tasks == {"red": "/zoo/red", "green": "org/green"}
    assert made.owners == ("red", "green")


def test_of_linear_the_base_is_a_model_like_others():
    made = found("linear", ["red", "base"], "base")
    assert (made.owners, len(made.inputs)) == (("red", ""), 2)
    assert found("linear", ["red"], "base").owners == ("red", "")
    other = found("linear", ["red", "base"], "base", "/zoo/older")
    assert (other.base, other.owners) == ("/zoo/older", ("red", "base"))


def test_of_slerp_the_base_model_is_the_first_of_two():
    assert found("slerp", ["red", "green"], "green", "/zoo/base").owners == ("green", "red")
    assert found("slerp", ["red"], "green", "/zoo/base").owners == ("green", "red")


def test_an_adapter_is_one_of_the_base():
    made = found("ties", ["base+red"], "base")
    assert made.tasks == {"red": "/zoo/red"}
    with pytest.raises(BadRecipe, match="'red' lists no model|lists no model beside the base"):
        found("ties", ["base"], "base")


def test_a_folder_that_is_no_name_is_called_otherwise():
    assert list(found("ties", ["a/.hidden.", "b/con", "x/model"], "base").tasks) == [
        "-hidden-", "model", "model-2",
    ]  # fmt: skip
    assert list(found("ties", ["red"], "base", names={"/zoo/red": "reviews"}).tasks) == ["reviews"]
