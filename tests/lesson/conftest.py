"""The tiny zoo measured as a lesson once, for all tests that read one."""

from pathlib import Path

import pytest
import torch

from studio.lesson.record import LessonRecord, record_of
from studio.measure.bench import Bench
from studio.zoo import load_zoo


@pytest.fixture(scope="session")
def bench(tiny_zoo: Path) -> Bench:
    return Bench(load_zoo(tiny_zoo), torch.device("cpu"))


@pytest.fixture(scope="session")
def record(bench: Bench) -> LessonRecord:
    return record_of(bench, rows=20)
