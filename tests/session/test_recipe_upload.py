import pytest
import yaml

from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.deltas import Deltas
from studio.errors import BadRecipe
from studio.recipe import GroupedCoefficient, recipe_text
from studio.session.mix import starting_mix
from studio.session.recipe_upload import read_upload
from studio.zoo import load_zoo


@pytest.fixture
def read(tiny_zoo):
    zoo = load_zoo(tiny_zoo)
    tasks = [(task.name, open_checkpoint(task.checkpoint)) for task in zoo.tasks]
    deltas = Deltas(open_checkpoint(zoo.base), tasks)
    return lambda text: read_upload(text, zoo, deltas, starting_mix(zoo))


def linear(*checkpoints, weight: object = 1):
    models = [{"model": each} for each in checkpoints]
    return yaml.safe_dump(
        {"merge_method": "linear", "models": models, "parameters": {"weight": weight}}
    )


def test_a_recipe_is_read_as_it_is(read, tiny_zoo):
    recipe = load_zoo(tiny_zoo).recipe("average")
    assert read(recipe_text(recipe, tiny_zoo / "recipe.yaml")) == (recipe, ())


def test_a_configuration_of_mergekit_gets_the_zoos_base_and_its_names(read, tiny_zoo):
    zoo = load_zoo(tiny_zoo)
    recipe, notes = read(linear(*(task.checkpoint for task in zoo.tasks)))
    assert (recipe.base, recipe.names, notes) == (zoo.base, tuple(t.name for t in zoo.tasks), ())
    assert [task.coefficient for task in recipe.tasks] == [1 / len(zoo.tasks)] * len(zoo.tasks)


def test_a_gradient_runs_over_the_layers_of_the_open_zoo(read, tiny_zoo):
    zoo = load_zoo(tiny_zoo)
    weight = [{"filter": "layer.0.", "value": 1}, {"value": [0, 3]}]
    first, *_ = [task.checkpoint for task in zoo.tasks]
    text = yaml.safe_dump(
        {
            "merge_method": "task_arithmetic", "base_model": zoo.base,
            "models": [{"model": first, "parameters": {"weight": weight}}],
        }
    )  # fmt: skip
    recipe, _ = read(text)
    found = recipe.tasks[0].coefficient
    assert isinstance(found, GroupedCoefficient)
    assert {x for _, x in found.groups} | {found.default} == {0.0, 1.0, 3.0}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (linear("gone", weight=[0, 1]), "The recipe merges gone, but the open zoo has"),
        ("merge_method: x\nslices: []\n", "^The recipe: 'slices' assembles a model of layers"),
        ("a: *b\n", "aliases"),
        ("- 1\n", "The recipe must be a mapping"),
    ],
)
def test_what_cannot_be_shown_is_refused(read, text, words):
    with pytest.raises(BadRecipe, match=words):
        read(text)
