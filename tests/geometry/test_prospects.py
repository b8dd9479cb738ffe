"""Will it merge: shared starting factors and unlike norms are told, and nothing else is."""

import re

import pytest
import torch

from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.deltas import Deltas
from studio.geometry.gram import gram
from studio.geometry.prospects import prospect, reasons_of, row_overlap
from studio.measure.bench import Bench
from studio.zoo import load_zoo
from tests.conftest import DEMO, save_adapter, save_model

WIDE, MODULE = 64, "layer.0.dense"


def adapters(folder, *seeds, sizes=(1.0, 1.0), rank=4):
    """Two adapters whose factors A are drawn by these seeds."""
    save_model(folder / "base", {f"{MODULE}.weight": torch.zeros(WIDE, WIDE)})
    checkpoints = []
    for place, (seed, size) in enumerate(zip(seeds, sizes, strict=True)):
        a = torch.randn(rank, WIDE, generator=torch.Generator().manual_seed(seed))
        b = torch.randn(WIDE, rank, generator=torch.Generator().manual_seed(100 + place))
        save_adapter(folder / f"t{place}", {MODULE: (a, size * b)})
        checkpoints.append((f"t{place}", open_checkpoint(folder / f"t{place}")))
    return Deltas(open_checkpoint(folder / "base"), checkpoints)


def said(deltas: Deltas) -> str:
    return prospect(len(deltas), reasons_of(deltas, gram(deltas)))


def test_the_same_factors_overlap_wholly_and_are_told(tmp_path):
    deltas = adapters(tmp_path, 1, 1)
    assert row_overlap(deltas) == (pytest.approx(1.0), pytest.approx(4 / WIDE))
    assert "share their starting factors (overlap of row spaces 1.00, of random ones 0.06)" in said(
        deltas
    )


def test_factors_of_their_own_overlap_by_chance_and_nothing_is_told(tmp_path):
    deltas = adapters(tmp_path, 1, 2)
    overlap = row_overlap(deltas)
    assert overlap is not None
    assert overlap[0] < 3 * overlap[1]
    assert said(deltas) == (
        "Will it merge? Nothing in the deltas speaks against it; scores on rows decide."
    )


def test_norms_that_differ_much_are_told_with_both_names(tmp_path):
    words = said(adapters(tmp_path, 1, 2, sizes=(1.0, 5.0)))
    assert re.search(r"'t1' moves the base [456]\.\d times as far as 't0'", words)


def test_one_task_alone_and_whole_checkpoints_have_no_such_line(tmp_path, deltas):
    alone = adapters(tmp_path / "own", 1, 2).subset(["t0"])
    assert said(alone) == ""
    assert row_overlap(deltas) is None


def test_the_demo_zoos_adapters_share_theirs():
    bench = Bench(load_zoo(DEMO), torch.device("cpu"))
    overlap = row_overlap(bench.deltas)
    assert overlap is not None
    assert 0.5 < overlap[0] <= 1.0
    assert overlap[1] < 0.1


def test_other_reasons_stand_in_the_same_line(tmp_path):
    reasons = (*reasons_of(*_both(adapters(tmp_path, 1, 1))), "unsure of their rows are 'a'")
    words = prospect(2, reasons, asked=True)
    assert words.startswith("Will it merge? Look closely: the adapters share their starting")
    assert words.endswith("; unsure of their rows are 'a'.")
    assert "or in the experts' certainty speaks against it" in prospect(2, (), asked=True)


def _both(deltas):
    return deltas, gram(deltas)
