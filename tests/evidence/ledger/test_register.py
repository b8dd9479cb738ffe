"""A removed change that comes back in pieces, or on a base that was touched, is known again."""

import shutil
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from studio.errors import NotAllowed
from studio.evidence.bundle import Operator, certify
from studio.evidence.certificate import Request
from studio.evidence.ledger.keys import demo_key
from studio.evidence.ledger.register import refuse_removed, register_of
from studio.evidence.unmerge import unmerging
from studio.merge import open_merge
from tests.conftest import save_model
from tests.evidence.clothes import dressed


@pytest.fixture
def without_red(rebuilt_here, make_recipe, tmp_path, ledger):
    """The ledger after red was removed."""
    operator = Operator(ledger, replace(demo_key(), demo=False), Request())
    certify(open_merge, unmerging(make_recipe("red", "green"), ("red",)), tmp_path / "o", operator)
    return ledger


@pytest.mark.parametrize("times", [1.0, 10.0])
def test_two_pieces_of_a_removed_change_are_not_let_in_together(
    make_recipe, zoo_folder, without_red, times
):
    draw = torch.Generator().manual_seed(11)
    noise: list[torch.Tensor] = []

    def first(red, green):
        noise.append(times * red.std() * torch.randn(red.shape, generator=draw))
        return red / 2 + noise[-1]

    one = dressed(zoo_folder, "one", first)
    drawn = iter(noise)
    two = dressed(zoo_folder, "two", lambda red, green: red / 2 - next(drawn))
    recipe = make_recipe("green", "blue")
    deltas = open_merge(replace(recipe, tasks=(*recipe.tasks, one, two))).deltas
    words = "'one', alone or together with 'two', changes the base as the checkpoint that was"
    with pytest.raises(NotAllowed, match=words):
        refuse_removed(without_red, deltas)
    refuse_removed(without_red, deltas.subset(("green", "blue", "one")))


def test_a_removed_change_is_known_on_a_base_that_was_touched(make_recipe, zoo_folder, without_red):
    base = load_file(zoo_folder / "base" / "model.safetensors")
    shutil.copytree(zoo_folder / "base", zoo_folder / "touched")
    save_model(zoo_folder / "touched", {k: v * (1 + 1e-6) for k, v in base.items()})
    scaled = dressed(zoo_folder, "scaled", lambda red, green: 1.1 * red)
    recipe = replace(make_recipe("green"), base=str(zoo_folder / "touched"))
    deltas = open_merge(replace(recipe, tasks=(*recipe.tasks, scaled))).deltas
    assert list(register_of(without_red).known(deltas)) == ["scaled"]
