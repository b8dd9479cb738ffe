"""A ledger and a merge for its tests."""

from pathlib import Path

import pytest

from studio.evidence.ledger.log import Ledger
from studio.merge import Merge, open_merge


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger")


@pytest.fixture
def merge(make_recipe) -> Merge:
    return open_merge(make_recipe("red", "green"))
