"""``methods`` as a user calls it."""

from studio.methods import METHODS
from tests.commands.conftest import run


def test_methods_lists_names_options_defaults_and_sources(capsys):
    code, out, _ = run(capsys, "methods")
    assert code == 0
    assert "task_arithmetic (coefficient 0.3)" in out
    both = "mdm_oc (coefficient 1 where a recipe leaves it out; the studio starts 6 tasks at 0.41)"
    assert both in out
    assert "scope = model  [model|layer|tensor]" in out
    assert "rank = None  [from 1 or null]" in out
    assert out.count("Source:") == len(METHODS)
