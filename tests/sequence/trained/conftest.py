"""A tiny zoo of adapters, opened once, and a short course."""

import pytest
import torch

from studio.measure.bench import Bench
from studio.sequence.orders import Order
from studio.sequence.plan import SequencePlan, make_plan
from studio.sequence.trained.course import TrainedPlan
from studio.zoo import load_zoo
from tests import adapted

SHORT = TrainedPlan(steps=6, batch=6, memory=6, fisher=4, adapter_rate=1e-2)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    folder = adapted.build(tmp_path_factory.mktemp("course"))
    return Bench(load_zoo(folder), torch.device("cpu"))


@pytest.fixture(scope="module")
def plan(bench: Bench) -> SequencePlan:
    recipes = {"task_arithmetic": bench.zoo.recipe("task_arithmetic")}
    return make_plan(bench, recipes, (Order(tuple(adapted.TASKS)),), 20)
