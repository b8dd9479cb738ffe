"""A recipe that was dropped into the page: the studio's own, or a configuration of mergekit."""

from studio.checkpoints.deltas import Deltas
from studio.disk.files import mapping, parse_yaml
from studio.errors import BadRecipe
from studio.methods.mergekit.configuration import is_configuration
from studio.methods.mergekit.incoming import Surroundings, recipe_of
from studio.methods.mergekit.layout import Layout
from studio.recipe import Recipe, parse_recipe
from studio.session.mix import Mix, mix_of_recipe
from studio.zoo import Zoo

_FILE = "The recipe"


def read_upload(text: str, zoo: Zoo, deltas: Deltas, start: Mix) -> tuple[Recipe, tuple[str, ...]]:
    """The recipe that a text says, and what to know of it, a sentence each.

    Paths are relative to the zoo. A configuration of mergekit has the zoo's base, where it needs
    to name none, and the zoo's names of its tasks' checkpoints.

    Args:
        text: YAML or JSON.
        zoo: that is open.
        deltas: of its tasks.
        start: a mix with all of its tasks.

    Raises:
        BadRecipe: it is no recipe, or says what none can, or a value of it depends on the tensors
            of a task that the zoo lacks.
    """
    data = mapping(parse_yaml(text, _FILE, BadRecipe), _FILE, BadRecipe)
    if not is_configuration(data):
        return parse_recipe(data, zoo.folder, _FILE), ()

    def layout(recipe: Recipe) -> Layout:
        mix_of_recipe(recipe, start)  # refuses tasks that the zoo lacks
        return Layout.of(deltas)

    names = {task.checkpoint: task.name for task in zoo.tasks}
    return recipe_of(data, _FILE, Surroundings(zoo.folder, layout, zoo.base, names))
