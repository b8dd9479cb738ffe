"""What parts of a session are handed: an engine, the mix that is shown, and the order of locks."""

import ast
import re
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from studio.session import context
from studio.session.context import Context, SharedEngine
from studio.session.engine import Engine
from studio.session.mix import starting_mix
from studio.zoo import load_zoo
from tests import house
from tests.conftest import ROOT


def test_an_engine_has_all_that_parts_ask_of_it(tiny_zoo, tmp_path):
    engine = Engine(tiny_zoo, (tiny_zoo, tmp_path), torch.device("cpu"), tmp_path / "ledger")
    asked = [*SharedEngine.__annotations__, "inside", "leave_out_removed"]
    assert [name for name in asked if not hasattr(engine, name)] == []
    engine.close()


@pytest.fixture
def flipped(tiny_zoo) -> Context:
    """The pinned mix is shown for a moment; another is worked on."""
    zoo = load_zoo(tiny_zoo)
    start = starting_mix(zoo)
    nothing: Any = None
    worker: Any = SimpleNamespace(bench=SimpleNamespace(device=torch.device("cpu"), roots=()))
    return Context(
        nothing, zoo, worker, nothing, nothing, nothing, start, lambda: start.unticked(("color",)),
        lambda: start, lambda mix: None,
    )  # fmt: skip


def test_the_recipe_is_of_the_mix_that_is_shown_not_of_the_one_that_is_worked_on(flipped):
    assert flipped.recipe().names == ("animal",)
    assert flipped.current().recipe(flipped.zoo).names == ("color", "animal")


def test_a_job_has_a_bench_of_its_own_on_the_same_zoo(flipped):
    own = flipped.own_bench()
    assert own is not flipped.bench
    assert own.zoo is flipped.zoo


def test_every_lock_in_the_written_order_exists():
    told = re.findall(r"``(\w+)\.(_?lock)``", context.__doc__ or "")
    assert len(told) == 5
    held = set()
    for file in house.files(ROOT / "studio" / "session"):
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.ClassDef):
                body = ast.unparse(node)
                held |= {(node.name, name) for name in re.findall(r"self\.(_?lock) =", body)}
    assert set(told) <= held
