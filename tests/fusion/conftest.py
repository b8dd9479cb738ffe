"""A tiny zoo of adapters, opened once."""

from pathlib import Path

import pytest
import torch

from studio.measure.bench import Bench
from studio.zoo import load_zoo
from tests import adapted


@pytest.fixture(scope="session")
def adapted_zoo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Do not write into it."""
    return adapted.build(tmp_path_factory.mktemp("adapted"))


@pytest.fixture
def bench(adapted_zoo: Path) -> Bench:
    """The zoo, with a live model of its own."""
    return Bench(load_zoo(adapted_zoo), torch.device("cpu"))
