"""A running session on the tiny zoo, for a caller without a browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from studio.session.engine import Engine
from studio.session.session import Session


@pytest.fixture
def session(tiny_zoo: Path, tmp_path: Path) -> Iterator[Session]:
    engine = Engine(tiny_zoo, (tiny_zoo, tmp_path), torch.device("cpu"))
    engine.start()
    yield engine.session("")
    engine.close()
