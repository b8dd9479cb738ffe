"""The tiny zoo for searches for the best, with two starting points and a few rows."""

from dataclasses import replace

import pytest
import torch

from studio.best import trials
from studio.measure.bench import Bench
from studio.methods.starting_points import STARTING_POINTS
from studio.zoo import load_zoo


@pytest.fixture(scope="session")
def bench(tiny_zoo) -> Bench:
    return Bench(load_zoo(tiny_zoo), torch.device("cpu"))


@pytest.fixture
def two_points(monkeypatch):
    """Vectors and Iso-C alone, at their first scales."""
    chosen = [x for x in STARTING_POINTS if x.words == "vectors" or x.method == "iso_c"]
    few = tuple(replace(point, scales=point.scales[:1]) for point in chosen)
    monkeypatch.setattr(trials, "STARTING_POINTS", few)
