"""Trained token rows: which embedding they belong to, and their delta."""

from pathlib import Path

import pytest
import torch

from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.tokens import ReplacedRows, TokenRows, read_tokens, token_modules
from studio.errors import BadCheckpoint
from tests.conftest import draw, save_model


def test_rows_are_replaced_and_others_left(tmp_path):
    save_model(tmp_path, draw(0, {"wte.weight": (200, 3)}))
    stored = open_checkpoint(tmp_path).weights.stored("wte.weight")
    base, values = open_checkpoint(tmp_path).tensor("wte.weight"), torch.ones(3, 3)
    rows = TokenRows("wte", "x", (150, 0, 63)).delta(stored, lambda _: values, None)
    assert isinstance(rows, ReplacedRows)
    expected = torch.zeros(200, 3)
    expected[[0, 63, 150]] = 1 - base[[0, 63, 150]]
    assert rows.rows(0, 200, torch.float32).equal(expected)
    for start, stop in ((0, 1), (63, 64), (64, 150), (140, 200), (5, 5)):
        assert rows.rows(start, stop, torch.float32).equal(expected[start:stop])


def test_a_list_is_of_the_one_embedding_and_lists_are_of_ends_of_paths():
    assert read_tokens(None, "x") == ()
    assert read_tokens([3, 1], "x") == (("", (3, 1)),)
    assert read_tokens({"wte": [3]}, "x") == (("wte", (3,)),)
    found = token_modules({"m.wte": {"tokens": "t"}}, (("wte", (3,)),), Path("x"))
    assert found == {"m.wte": TokenRows("m.wte", "t", (3,))}
    tied = token_modules({"m.wte": {"tokens": "t"}}, (("wte", (3,)), ("head", (3,))), Path("x"))
    assert tied["m.wte"].tied == ("head",)


@pytest.mark.parametrize("value", [[], [1, 1], [-1], [True], [1.0], ["1"], {"a": []}, "12", 3])
def test_what_is_no_list_of_rows_is_refused(value):
    with pytest.raises(BadCheckpoint, match="x must list token rows"):
        read_tokens(value, "x")


@pytest.mark.parametrize(
    ("modules", "tokens", "words"),
    [
        ({"wte": {"tokens": "t", "a": "A"}}, (("wte", (1,)),), "trains token rows of wte beside A"),
        ({"wte": {"tokens": "t"}}, (), "the options name 0 lists of token rows for t"),
        ({"wte": {"tokens": "t"}}, (("wte", (1,)), ("e", (2,))), "the options name 2 lists"),
        ({"wte": {"tokens": "t"}}, (("wte", (1,)), ("x", (2,))), "train token rows of 'x', but no"),
        ({}, (("", (1,)),), "train token rows of '', but no such tensor"),
    ],
)
def test_rows_that_options_and_file_do_not_share_are_refused(modules, tokens, words):
    with pytest.raises(BadCheckpoint, match=words):
        token_modules(modules, tokens, Path("x"))
