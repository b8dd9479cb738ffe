"""The shape of the house: which part may import which, how large a file may be."""

import ast
import re
from pathlib import Path

import pytest

from tests.conftest import ROOT

ORDER = [
    "errors", "progress", "parallel", "disk", "device", "recipe", "zoo", "demo", "checkpoints",
    "geometry", "methods", "merge", "tasks", "measure", "export", "evidence", "compare", "search",
    "sweep", "sequence", "inspection", "preflight", "session", "ui", "commands", "__main__",
]  # fmt: skip
FILES = sorted((ROOT / "studio").rglob("*.py"))
FRONT_ENDS = ("commands", "ui", "__main__.py")
OPTIONS = re.compile(r"(?:^|[\s(])--[a-z]")
WRITE_COMMANDS = {
    "session/export_plan.py": "shows an export as a command",
    "evidence/report/tables.py": "shows an auditor the commands of a check",
    "evidence/report/style.py": "is CSS, whose variables begin so",
}


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


def method_classes(studio: Path) -> dict[str, str]:
    """Every class below ``Method``, with the name by which recipes call it, or ''."""
    trees = [ast.parse(file.read_text()) for file in sorted((studio / "methods").rglob("*.py"))]
    classes = [each for tree in trees for each in ast.walk(tree) if isinstance(each, ast.ClassDef)]
    found: dict[str, str] = {}
    for _ in classes:  # a chain of bases is no longer than this
        for each in classes:
            if {ast.unparse(base) for base in each.bases} & {"Method", *found}:
                found[each.name] = called(each)
    return found


def called(method: ast.ClassDef) -> str:
    for each in method.body:
        if isinstance(each, ast.AnnAssign) and ast.unparse(each.target) == "name" and each.value:
            return ast.literal_eval(each.value)
    return ""


def named_methods(studio: Path) -> list[str]:
    """Files outside ``methods/`` that name a method: by its class, its module or its name.

    One name is no offence, ``DEFAULT_METHOD`` in ``recipe.py``: a recipe has a method where nobody
    chooses one, and is a room below ``methods``, which asserts that there is such a method. Nor
    are sentences that advise a method.
    """
    classes, found = method_classes(studio), []
    names = {name for name in classes.values() if name}
    modules = {f"studio.methods.{name}" for name in names}
    for file in sorted(studio.rglob("*.py")):
        place = file.relative_to(studio).as_posix()
        if place.startswith("methods/"):
            continue
        tree, said = ast.parse(file.read_text()), imports(file) & modules
        if place == "recipe.py":
            tree.body = [x for x in tree.body if not ast.unparse(x).startswith("DEFAULT_METHOD =")]
        for node in ast.walk(tree):
            match node:
                case ast.Name(id=word) | ast.Attribute(attr=word) | ast.alias(name=word):
                    said |= {word} & classes.keys()
                case ast.Constant(value=str(word)):
                    said |= {word} & names
        found += [f"{place} names {word}" for word in sorted(said)]
    return found


def test_no_file_outside_methods_names_a_method():
    assert named_methods(ROOT / "studio") == []


def test_whoever_names_a_method_is_found(tmp_path):
    files = {
        "methods/contract.py": "class Method:\n    name: ClassVar[str]",
        "methods/whole.py": "class Whole(Method):\n    scale: float = 1.0",
        "methods/fine.py": 'class Fine(Whole):\n    name: ClassVar[str] = "fine"',
        "methods/__init__.py": "from studio.methods.fine import Fine\nBEST = Fine.name",
        "recipe.py": 'DEFAULT_METHOD = "fine"\nkind = "finest"',
        "zoo.py": 'method = "fine"',
        "merge.py": "from studio.methods.whole import Whole\nisinstance(1, Whole)",
        "search/plan.py": "import studio.methods.whole as w\nisinstance(1, w.Whole)",
        "session/mix.py": "from studio.methods import BEST, METHODS\nMETHODS[BEST]",
        "sequence/state.py": "from studio.methods.fine import norms",
        "sequence/plan.py": "from studio.methods import fine",
        "ui/page.py": 'def advise():\n    """Whole."""\n    return "Choose a method such as fine."',
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert named_methods(tmp_path) == [
        "merge.py names Whole",
        "search/plan.py names Whole",
        "sequence/plan.py names studio.methods.fine",
        "sequence/state.py names studio.methods.fine",
        "zoo.py names fine",
    ]
    (tmp_path / "recipe.py").write_text('DEFAULT_METHOD = "fine"\nkind = "fine"')
    assert "recipe.py names fine" in named_methods(tmp_path)


def options_named(studio: Path) -> list[str]:
    """Texts below the front ends that name an option of a command, docstrings left out."""
    found = []
    for file in sorted(studio.rglob("*.py")):
        name = file.relative_to(studio)
        if name.parts[0] in FRONT_ENDS or name.as_posix() in WRITE_COMMANDS:
            continue
        tree = ast.parse(file.read_text())
        holders = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        documented = [node.body[0] for node in ast.walk(tree) if isinstance(node, holders)]
        docstrings = {id(each.value) for each in documented if isinstance(each, ast.Expr)}
        found += [
            f"{name}:{node.lineno}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
            if OPTIONS.search(node.value) and id(node) not in docstrings
        ]
    return found


def test_only_front_ends_name_options_of_commands():
    assert options_named(ROOT / "studio") == []
    assert all((ROOT / "studio" / name).is_file() for name in WRITE_COMMANDS)


def test_an_option_in_a_sentence_below_the_front_ends_is_found(tmp_path):
    for folder in ("merge", "commands", "ui"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "rooms.py").write_text(
            '"""Read by --help."""\n\n\ndef refuse(name):\n    """Or by --help."""\n'
            "    raise ValueError(f\"'{name}' is there. Leave it out, or pass --allow-it.\")\n"
            'FINE = "two -- dashes, a---b, or e--mail"\nBAD = "--flag"\nWORSE = "(--at-once 2)"\n'
        )
    assert sorted(options_named(tmp_path)) == [f"merge/rooms.py:{line}" for line in (6, 8, 9)]
