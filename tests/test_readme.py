"""The README tells the truth: its code runs, its tree is the tree, its test command is CI's."""

import ast
import re
import shlex
import shutil
from pathlib import Path

from studio.__main__ import main
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    """The fenced blocks of a language ('' for none), in order."""
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.S | re.M)
    return [text for name, text in fenced if name == language]


def caption(path) -> str:
    return (ast.get_docstring(ast.parse(path.read_text())) or "").splitlines()[0]


def expected_tree() -> list[str]:
    """A line per room: packages by their captions, modules by theirs."""
    from tests.test_house import ORDER

    lines = []
    for name in ORDER:
        package = ROOT / "studio" / name
        file = package / "__init__.py" if package.is_dir() else package.with_suffix(".py")
        shown = f"{name}/" if package.is_dir() else f"{name}.py"
        lines.append(f"  {shown:24} {caption(file)}")
    return lines


def test_the_python_example_runs(tmp_path, monkeypatch, capsys):
    (code,) = blocks("python")
    (tmp_path / "assets").symlink_to(ROOT / "assets")
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    first, last = capsys.readouterr().out.split()
    assert float(first) < 1e-8
    assert last == "True"
    assert len(code.strip().splitlines()) <= 14


def test_the_command_line_examples_run(tmp_path, monkeypatch):
    (commands,) = [b for b in blocks("bash") if "python -m studio inspect" in b]
    copied = Path(shutil.copytree(ROOT / "assets" / "demo-zoo", tmp_path / "assets" / "demo-zoo"))
    shutil.copy(ROOT / "assets" / "demo-recipe.yaml", tmp_path / "assets")
    for rows in copied.glob("tasks/*/held_out.jsonl"):  # as the user's, but fewer
        rows.write_text("".join(rows.read_text().splitlines(keepends=True)[:80]))
    monkeypatch.chdir(tmp_path)
    for line in commands.strip().splitlines():
        words = shlex.split(line, comments=True)
        assert main(words[3:]) == 0


def test_the_file_tree_is_current():
    tree = next(b for b in blocks("") if b.startswith("app.py"))
    assert [line for line in tree.splitlines() if line.startswith("  ")] == expected_tree()
    for line in tree.splitlines():
        if not line.startswith(" "):
            assert (ROOT / line.split()[0]).exists()


def test_every_file_opens_with_a_caption():
    for file in (ROOT / "studio").rglob("*.py"):
        assert caption(file).endswith("."), file


def test_ci_runs_the_readmes_test_command():
    command = next(b for b in blocks("bash") if "pyright" in b).strip()
    checks = command.split(" && ", 1)[1]
    assert checks in (ROOT / ".ci" / "run").read_text()
