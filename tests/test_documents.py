"""The documents tell the truth: their commands and programs run, their links lead somewhere."""

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from docs.make import (
    architecture,
    architectures_table,
    command_line,
    glossary,
    methods_table,
    peft_table,
    statement_fields,
)
from studio.__main__ import main
from tests.conftest import DEMO, ROOT

README = ROOT / "README.md"
DOCUMENTS = [
    *(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "CHANGELOG", "SECURITY")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
NOT_RUN = ("python -m venv", "pip install", "python app.py", "python -m tests")
"""What sets up, serves or tests: each has a test of its own, or is this suite."""
ROWS = 12  # of each split; commands ask for ten at most, and compute the longer the more there are
LONGEST_PARAGRAPH = 90  # words, about six lines


def name(file: Path) -> str:
    return str(file.relative_to(ROOT))


def blocks(file: Path, language: str) -> list[str]:
    """The fenced blocks of a language, in order."""
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", file.read_text(), re.S | re.M)
    return [text for kind, text in fenced if kind == language]


def with_blocks(language: str) -> list[Path]:
    return [file for file in DOCUMENTS if blocks(file, language)]


def prose(file: Path) -> list[str]:
    """The paragraphs, list items among them; no code, tables, pictures and headings."""
    text = re.sub(
        r"^```.*?^```$", "", file.read_text().partition(command_line.MARK)[0], flags=re.S | re.M
    )
    parts = re.split(r"\n\s*\n|\n(?=- |\d+\. )", text)
    return [part.strip() for part in parts if part.strip() and part.strip()[0] not in "|#!<"]


@pytest.fixture(scope="module")
def small_assets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo zoo and its recipe, with fewer rows to measure on than the user's."""
    assets = tmp_path_factory.mktemp("documents") / "assets"
    copied = Path(shutil.copytree(DEMO, assets / "demo-zoo"))
    shutil.copy(DEMO.parent / "demo-recipe.yaml", assets)
    for split in ("validation", "held_out"):
        for rows in copied.glob(f"tasks/*/{split}.jsonl"):
            rows.write_text("".join(rows.read_text().splitlines(keepends=True)[:ROWS]))
    return assets


@pytest.mark.slow
@pytest.mark.parametrize("file", with_blocks("bash"), ids=name)
def test_every_command_runs(file, small_assets, tmp_path, monkeypatch):
    (tmp_path / "assets").symlink_to(small_assets)
    monkeypatch.chdir(tmp_path)
    for line in "".join(blocks(file, "bash")).strip().splitlines():
        words = shlex.split(line, comments=True)
        if words[:3] == ["python", "-m", "studio"]:
            assert main(words[3:]) == 0, line
        elif not line.startswith(NOT_RUN):
            line = line.replace("python -I", f"{sys.executable} -I")
            done = subprocess.run(["bash", "-c", line], capture_output=True, check=False)
            assert done.returncode == 0, done.stderr.decode()


@pytest.mark.slow
@pytest.mark.parametrize("file", [f for f in with_blocks("python") if f != README], ids=name)
def test_every_python_block_of_the_other_documents_runs(file, small_assets, tmp_path, monkeypatch):
    for place, code in enumerate(blocks(file, "python")):
        folder = tmp_path / str(place)
        folder.mkdir()
        (folder / "assets").symlink_to(small_assets)
        monkeypatch.chdir(folder)
        exec(compile(code, f"{name(file)}, block {place}", "exec"), {})


@pytest.mark.slow
def test_the_readmes_program_shows_what_it_says(tmp_path, monkeypatch, capsys):
    (code,) = blocks(README, "python")
    (tmp_path / "assets").symlink_to(DEMO.parent)
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    first, last = capsys.readouterr().out.split()
    assert float(first) < 1e-8
    assert last == "True"
    assert len(code.strip().splitlines()) <= 14


def test_the_readme_is_read():
    assert len(README.read_text().split()) <= 900


@pytest.mark.parametrize("file", DOCUMENTS, ids=name)
def test_no_paragraph_is_a_wall(file):
    for part in prose(file):
        assert len(part.split()) <= LONGEST_PARAGRAPH, part


@pytest.mark.parametrize("file", DOCUMENTS, ids=name)
def test_every_link_leads_somewhere(file):
    for target in re.findall(r"\]\(([^)\s]+)\)", file.read_text()):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        there = (file.parent / path).resolve() if path else file
        assert there.is_relative_to(ROOT), target
        assert there.exists(), target
        if anchor:
            assert anchor in anchors(there), target


def anchors(file: Path) -> set[str]:
    """What headings can be linked to, as code hosts name them."""
    titles = re.findall(
        r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", file.read_text(), flags=re.S | re.M), re.M
    )
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_document_is_reached_from_the_readme():
    seen, left = set(), [README]
    while left:
        file = left.pop()
        if file not in seen:
            seen.add(file)
            targets = re.findall(r"\]\(([^)\s#]+\.md)", file.read_text())
            left += [(file.parent / each).resolve() for each in targets if "://" not in each]
    assert set(DOCUMENTS) <= seen


def test_the_table_of_methods_is_made_from_them():
    assert methods_table.table() in README.read_text()


def test_the_table_of_architectures_is_that_of_the_round_trips():
    assert architectures_table.table() in architectures_table.FILE.read_text()


def test_the_table_of_weighted_adapters_is_what_peft_does():
    assert peft_table.table() in (ROOT / "docs" / "formats.md").read_text()


def test_the_options_are_those_of_help():
    text = command_line.FILE.read_text()
    assert text == command_line.document(text)


def test_the_glossary_is_the_page_s_own():
    assert glossary.FILE.read_text() == glossary.document()


def test_the_fields_of_a_statement_are_those_that_the_verifiers_ask_for():
    text = statement_fields.FILE.read_text()
    assert text == statement_fields.document(text)


def test_the_picture_of_the_rooms_is_drawn_from_the_imports():
    assert architecture.FILE.read_text() == architecture.picture()


def test_the_changelog_knows_the_version():
    import studio

    assert f"## {studio.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_ci_runs_the_readmes_test_command():
    command = next(b for b in blocks(README, "bash") if "pyright" in b).strip()
    checks = command.split(" && ", 1)[1]
    assert checks in (ROOT / ".ci" / "run").read_text()


def test_the_linters_read_the_programs_that_make_the_documents():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "docs" in settings["tool"]["pyright"]["include"]
