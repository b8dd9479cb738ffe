"""What a subtraction leaves, by algebra and by the weights themselves; and an attack on it."""

from dataclasses import replace

import pytest

from studio.evidence.residue import residue
from studio.evidence.unmerge import unmerging
from studio.lesson.removal import brought_back, left_behind


def test_what_is_left_by_algebra_is_what_the_weights_differ_by(bench):
    full = bench.zoo.recipe(coefficient=0.7)
    removal = unmerging(full, ("color",), "algebraic")
    merges = [bench.merge(each) for each in (removal.subtracted, removal.never, full)]
    measured = residue(*merges, removed="color").norm
    length = float(bench.gram.total()[0, 0]) ** 0.5
    assert measured > 0
    assert left_behind(bench, full, "color") == pytest.approx(measured / length, rel=1e-5)


def test_who_comes_last_leaves_nothing_behind(bench):
    full = bench.zoo.recipe(coefficient=0.7)
    assert left_behind(bench, full, "animal") == pytest.approx(0.0, abs=1e-12)
    assert left_behind(bench, replace(full, options={"strength": 0.0}), "color") == 0.0


def test_an_attack_is_told_beside_expert_base_and_never(bench):
    shares = []
    found = brought_back(
        bench, bench.zoo.recipe(coefficient=0.7), "color", lambda share, words: shares.append(share)
    )
    assert found.task == "color"
    assert found.back is not None
    assert {found.own.n, found.base.n, found.never.n, found.back.n} == {50}
    assert shares == sorted(shares)
