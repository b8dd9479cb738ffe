import pytest
import torch

from studio.measure.bench import Bench
from studio.zoo import load_zoo


@pytest.fixture(scope="session")
def bench(tiny_zoo) -> Bench:
    """The tiny zoo, opened; the live model wears what the last test left."""
    return Bench(load_zoo(tiny_zoo), torch.device("cpu"))
