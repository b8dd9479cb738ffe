"""What is read without the heavy libraries is what is read with them, and leaves no trace."""

import subprocess
import sys

import pytest
import torch

from studio.commands.stand_ins import without_heavy_libraries
from tests.commands.conftest import run
from tests.conftest import ROOT

LISTED = """
import sys
from studio.__main__ import main
assert main(["methods"]) == 0
assert not {"torch", "numpy", "studio.methods"} & set(sys.modules)
"""
AFTERWARDS = """
import studio
assert not hasattr(studio, "methods")
from studio.methods import METHODS
import torch
assert type(torch).__name__ == "module"
assert METHODS["average"]().components(2, None).rows.dtype is torch.float64
"""
MISUSED = """
from studio.commands.stand_ins import without_heavy_libraries
with without_heavy_libraries():
    import torch
    annotated = torch.Tensor | None
    {use}
"""


def fresh(code: str) -> tuple[int, str, str]:
    """Exit code, output and errors of a Python that has imported nothing yet."""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.slow
def test_methods_are_listed_alike_without_torch_and_with_it(capsys):
    code, listed, err = fresh(LISTED)
    assert (code, err) == (0, "")
    assert listed == run(capsys, "methods")[1]


@pytest.mark.slow
def test_what_is_imported_afterwards_computes():
    code, _, err = fresh(LISTED + AFTERWARDS)
    assert (code, err) == (0, "")


@pytest.mark.slow
@pytest.mark.parametrize("use", ["torch.zeros(3)", "torch.float32 * 2", "torch.finfo[0]"])
def test_a_stand_in_can_be_named_and_not_used(use):
    code, _, err = fresh(MISUSED.format(use=use))
    assert code == 1
    assert "TypeError" in err


def test_nothing_is_replaced_where_torch_is_loaded():
    with without_heavy_libraries():
        import torch as seen

        from studio.methods import METHODS
    assert seen is torch
    assert sys.modules["studio.methods"].METHODS is METHODS
