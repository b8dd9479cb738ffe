"""Names with values, as the commands on zoos are given them."""

from pathlib import Path

import pytest

from studio.commands.zoo_words import given_data, given_pairs
from studio.errors import BadZoo


def test_values_are_read_by_name():
    assert given_pairs(["a=1", "b=x=y"], "--column") == {"a": "1", "b": "x=y"}
    assert given_pairs(["a="], "--column", empty=True) == {"a": ""}


@pytest.mark.parametrize("given", ["a", "=x", "a="])
def test_what_is_written_otherwise_is_refused_with_the_option(given):
    with pytest.raises(BadZoo, match=f"--labels {given}: write it as NAME=VALUE"):
        given_pairs([given], "--labels")


def test_files_are_by_task_and_split(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = given_data(["a.b=x.csv", "c.train=y.csv", "c.held_out=z.csv"])
    here = Path.cwd()
    assert found == {
        "a.b": {"all": here / "x.csv"},
        "c": {"train": here / "y.csv", "held_out": here / "z.csv"},
    }
