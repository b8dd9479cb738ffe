"""The shape of the house: which part may import which, how large a file may be."""

import ast
from pathlib import Path

import pytest

from tests.conftest import ROOT

ORDER = [
    "errors", "progress", "parallel", "disk", "device", "recipe", "zoo", "checkpoints", "geometry",
    "methods", "merge", "tasks", "measure", "export", "evidence", "compare", "search", "sweep",
    "sequence", "inspection", "preflight", "session", "ui", "commands", "__main__",
]  # fmt: skip
FILES = sorted((ROOT / "studio").rglob("*.py"))


def imports(file: Path) -> set[str]:
    tree = ast.parse(file.read_text())
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def room(module: str) -> str:
    return module.split(".")[1]


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(ROOT)))
def test_imports_go_one_way(file):
    parts = file.relative_to(ROOT / "studio").with_suffix("").parts
    own = parts[0]
    if own == "__init__":
        return
    for name in imports(file):
        if name.startswith("studio.") and room(name) in ORDER:
            assert ORDER.index(room(name)) <= ORDER.index(own), f"{own} imports {name}"
        if own != "ui":
            assert name.split(".")[0] not in ("gradio", "plotly"), f"{own} imports {name}"


def test_every_room_has_its_place_in_the_order():
    rooms = {f.relative_to(ROOT / "studio").with_suffix("").parts[0] for f in FILES}
    assert rooms - {"__init__"} <= set(ORDER)


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(ROOT)))
def test_a_file_can_be_held_in_ones_head(file):
    lines = file.read_text().splitlines()
    assert len(lines) <= 355
    assert lines[0].startswith('"""'), "a module opens with its caption"


def test_no_pickle_and_no_remote_code():
    for file in FILES:
        text = file.read_text()
        assert not {"pickle", "dill", "joblib"} & imports(file)
        assert "torch.load(" not in text
        assert "trust_remote_code=True" not in text
