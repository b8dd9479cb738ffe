"""The law of the kinds: who asks a kind knows nothing of what goes on inside it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.tasks.kinds import KINDS, USUAL_KIND
from tests.conftest import ROOT

INSIDE = {
    "pooling", "pool", "pooled", "max_length", "tokenizer", "tokenize", "tokens", "input_ids",
    "attention_mask", "pad_token_id", "last_hidden_state", "pixel_values",
}  # fmt: skip
ASKING = (
    "measure", "export", "evidence", "compare", "search", "sweep", "sequence", "session", "ui",
    "commands", "zoo.py", "preflight.py", "inspection.py",
)  # fmt: skip


def words_of_a_kind(folder: Path) -> Iterator[str]:
    """Where code of a folder or file says a word that belongs to a kind.

    Names, attributes, arguments and whole strings count; what is written for people does not.
    """
    for file in [folder] if folder.is_file() else sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            said = {getattr(node, key, None) for key in ("id", "attr", "arg", "name", "value")}
            for word in INSIDE & {each for each in said if isinstance(each, str)}:
                yield f"{file.name}:{getattr(node, 'lineno', 0)} says {word}"


@pytest.mark.parametrize("room", ASKING)
def test_who_asks_a_kind_knows_nothing_of_its_inside(room):
    assert list(words_of_a_kind(ROOT / "studio" / room)) == []


def test_the_law_bites(tmp_path):
    (tmp_path / "a.py").write_text("def run(model, max_length):\n    return model.tokenizer\n")
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "b.py").write_text("x['attention_mask'] = pad(tokens=3)\n")
    (tmp_path / "c.py").write_text('"""Words about tokens and pooling."""\nsay = "a max_length"\n')
    assert sorted(words_of_a_kind(tmp_path)) == [
        "a.py:1 says max_length",
        "a.py:2 says tokenizer",
        "b.py:1 says attention_mask",
        "b.py:1 says tokens",
    ]


def test_no_file_outside_the_kinds_imports_one():
    for file in (ROOT / "studio").rglob("*.py"):
        if file.parent.name != "kinds":
            text = file.read_text()
            assert not [name for name in KINDS if f"kinds.{name.replace('-', '_')}" in text], file


def test_kinds_stand_by_their_names():
    assert all(kind.name == name for name, kind in KINDS.items())
    assert USUAL_KIND.name == "text-classification"
