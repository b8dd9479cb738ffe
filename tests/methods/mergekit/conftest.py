"""The small Llama of the golden cases as folders, and a configuration as it would be dropped."""

import json
import textwrap

import pytest

from studio.disk.files import mapping, parse_yaml
from studio.errors import BadRecipe
from studio.merge import open_merge
from studio.methods.mergekit.incoming import Surroundings, recipe_of
from studio.methods.mergekit.layout import Layout
from tests.conftest import save_model
from tests.mergekit_cases import CONFIG, MODELS, tensors


@pytest.fixture(scope="package")
def llamas(tmp_path_factory):
    """Folders base, red, green and blue; do not write into them."""
    root = tmp_path_factory.mktemp("llamas")
    for model in MODELS:
        (save_model(root / model, tensors(model)) / "config.json").write_text(json.dumps(CONFIG))
    return root


@pytest.fixture
def read(llamas):
    """From a configuration's text to its recipe and notes."""

    def convert(text, base=None, **more):
        plain = parse_yaml(textwrap.dedent(text), "The file", BadRecipe)
        data = mapping(plain, "The file", BadRecipe)
        layout = lambda recipe: Layout.of(open_merge(recipe).deltas)  # noqa: E731
        base = str(llamas / base) if base else None
        return recipe_of(data, "The file", Surroundings(llamas, layout, base, **more))

    return convert
