"""The shape of the house: its laws hold, and each of them bites on a small wrong tree."""

from pathlib import Path

import pytest

from tests import house
from tests.conftest import ROOT

STUDIO, TESTS = ROOT / "studio", ROOT / "tests"
LONG_FILES = {
    "studio.evidence.ledger.log": "one noun: the log, its lines, its chain and its head",
    "studio.evidence.verify_certificate": "stands alone: every bundle has it as its one program",
    "studio.recipe": "one noun: the recipe file, with every check of what stands in it",
}


def test_imports_go_one_way():
    assert house.wrong_ways(STUDIO, house.ORDER) == []


def test_nothing_imports_in_a_circle():
    assert house.circles(STUDIO) == []


def test_gradio_and_plotly_stay_in_the_page():
    assert house.foreign(STUDIO, ("gradio", "plotly"), ("ui",)) == []


def test_no_pickle_and_no_remote_code():
    assert house.foreign(STUDIO, ("pickle", "dill", "joblib"), ()) == []
    for file in house.files(STUDIO):
        text = file.read_text()
        assert "torch.load(" not in text
        assert "trust_remote_code=True" not in text


def test_functions_callbacks_and_classes_are_short():
    assert house.long_functions(STUDIO) == []
    assert house.long_callbacks(STUDIO / "ui") == []
    assert house.long_classes(STUDIO) == []


def test_a_long_file_has_its_reason():
    assert set(house.long_files(STUDIO)) == set(LONG_FILES)


def test_every_file_opens_with_its_caption():
    assert house.uncaptioned(STUDIO) == []


def test_every_module_is_named_by_a_test():
    assert house.untested(STUDIO, TESTS) == []


def test_no_file_outside_methods_names_a_method():
    assert house.named_methods(STUDIO) == []


def test_who_asks_the_kind_of_a_task_knows_nothing_of_its_inside():
    assert house.inside_of_kinds(STUDIO) == []


def test_only_front_ends_name_options_of_commands():
    assert house.options_named(STUDIO) == []
    assert all((STUDIO / name).is_file() for name in house.WRITE_COMMANDS)


@pytest.fixture
def write(tmp_path: Path):
    """Write a small tree: the package ``small`` and the tests beside it."""

    def make(**contents: str) -> Path:
        for name, text in contents.items():
            file = tmp_path / (name.replace("__", "/") + ".py")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return tmp_path / "small"

    return make


def test_the_law_of_one_way_bites(write):
    tree = write(small__low="def f():\n    from small.high import g", small__high="", small__new="")
    assert house.wrong_ways(tree, ["low", "high"]) == [
        "small.low imports small.high", "new has no place in the order",
    ]  # fmt: skip


def test_the_law_of_circles_bites_on_files_and_on_folders(write):
    hidden = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from small import a"
    assert house.circles(write(small__a="from small.b import x", small__b=hidden)) == [
        "files: small.a -> small.b", "in small: small.a -> small.b",
    ]  # fmt: skip
    tree = write(
        small__a="", small__b="", small__one__x="from small.two.y import z", small__two__y="",
        small__two__w="from small.one import v", small__one__v="",
    )  # fmt: skip
    assert house.circles(tree) == ["in small: small.one -> small.two"]


def test_the_law_of_foreign_imports_bites(write):
    tree = write(small__ui__page="import gradio as gr", small__merge="from gradio.x import y")
    assert house.foreign(tree, ("gradio",), ("ui",)) == ["small.merge imports gradio.x"]


def test_the_laws_of_length_bite(write):
    long = "\n    ".join(["x = 1"] * 5)
    tree = write(
        small__a=f"def f():\n    {long}\n", small__b=f"class C:\n    {long}\n",
        small__c=f"def f(self, request: gr.Request):\n    '''Say.'''\n    {long}\n",
    )  # fmt: skip
    assert house.long_functions(tree, 6) == []
    assert house.long_functions(tree, 5) == ["small.a.f has 6 lines", "small.c.f has 6 lines"]
    assert house.long_classes(tree, 5) == ["small.b.C has 6 lines"]
    assert house.long_callbacks(tree, 4) == ["small.c.f has 5 lines"]
    assert house.long_callbacks(tree, 5) == []
    assert house.long_files(tree, 6) == {"small.c": 7}


def test_the_laws_of_captions_and_tests_bite(write):
    tree = write(
        small__a='"""What a is."""', small__b='"""Lacks its stop"""', small__c="",
        tests__test_a="from small import a", tests__test_b="patch('small.b.f')",
    )  # fmt: skip
    assert house.uncaptioned(tree) == ["small.b", "small.c"]
    assert house.untested(tree, tree.parent / "tests") == ["small.c"]


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
    assert house.named_methods(tmp_path) == [
        "merge.py names Whole",
        "search/plan.py names Whole",
        "sequence/plan.py names studio.methods.fine",
        "sequence/state.py names studio.methods.fine",
        "zoo.py names fine",
    ]
    (tmp_path / "recipe.py").write_text('DEFAULT_METHOD = "fine"\nkind = "fine"')
    assert "recipe.py names fine" in house.named_methods(tmp_path)


def test_the_law_of_kinds_bites(write):
    tree = write(
        small__search__a="def run(model, max_length):\n    return model.tokenizer",
        small__ui__b="x['attention_mask'] = pad(tokens=3)", small__tasks__c="pooling = 'mean'",
        small__ui__d='"""Words about tokens and pooling."""\nsay = "a smaller max_length"',
    )  # fmt: skip
    assert sorted(house.inside_of_kinds(tree)) == [
        "search/a.py says max_length", "search/a.py says tokenizer",
        "ui/b.py says attention_mask", "ui/b.py says tokens",
    ]  # fmt: skip


def test_an_option_in_a_sentence_below_the_front_ends_is_found(tmp_path):
    for folder in ("merge", "commands", "ui"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "rooms.py").write_text(
            '"""Read by --help."""\n\n\ndef refuse(name):\n    """Or by --help."""\n'
            "    raise ValueError(f\"'{name}' is there. Leave it out, or pass --allow-it.\")\n"
            'FINE = "two -- dashes, a---b, or e--mail"\nBAD = "--flag"\nWORSE = "(--at-once 2)"\n'
        )
    assert sorted(house.options_named(tmp_path)) == [f"merge/rooms.py:{line}" for line in (6, 8, 9)]
