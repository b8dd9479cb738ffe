"""Inner products are taken once for the same deltas, and again for others."""

import torch

from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.deltas import Deltas
from studio.geometry.gram import Gram
from studio.geometry.gram_cache import kept_gram, recalled_gram


class Counted:
    """Makes a Gram of the same number everywhere, and counts how often."""

    def __init__(self, deltas: Deltas) -> None:
        self.deltas, self.times = deltas, 0

    def __call__(self) -> Gram:
        self.times += 1
        n, count = len(self.deltas), len(self.deltas.names)
        return Gram(self.deltas.tasks, self.deltas.names, torch.full((count, n, n), 0.1).double())


def laid(folder, *names: str) -> Deltas:
    opened = [(name, open_checkpoint(folder / name)) for name in names]
    return Deltas(open_checkpoint(folder / "base"), opened)


def test_a_gram_is_made_once_and_comes_back_bit_by_bit(deltas, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert recalled_gram(deltas) is None
    make = Counted(deltas)
    first, second = kept_gram(deltas, make), kept_gram(deltas, make)
    assert make.times == 1
    assert second.blocks.equal(first.blocks)
    assert (second.tasks, second.names) == (deltas.tasks, deltas.names)


def test_what_was_multiplied_and_of_what_is_told_apart(zoo_folder, deltas, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    kept_gram(deltas, Counted(deltas))
    assert recalled_gram(deltas, ["components", "ties"]) is None
    assert recalled_gram(laid(zoo_folder, "red", "green")) is None
    assert recalled_gram(laid(zoo_folder, "green", "red", "blue")) is None
    assert recalled_gram(laid(zoo_folder, "red", "green", "blue")) is not None
