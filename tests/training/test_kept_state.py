"""A state is safetensors and JSON, comes back to the bit, and is whole or none."""

import random
import shutil

import numpy as np
import pytest
import torch

from studio.errors import BadState
from studio.training.kept_state import (
    is_whole,
    newest,
    read_optimizer,
    read_random,
    read_tensors,
    seal,
    states,
    step_of,
    write_optimizer,
    write_random,
    write_tensors,
)


def optimized(steps: int) -> tuple[torch.nn.Linear, torch.optim.AdamW, object]:
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, betas=(0.8, 0.9))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (1 + step))
    step(model, optimizer, schedule, steps)
    return model, optimizer, schedule


def step(model, optimizer, schedule, steps: int) -> None:
    for at in range(steps):
        model(torch.full((1, 3), 1.0 + at)).pow(2).sum().backward()
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()


def test_an_optimizer_goes_on_as_if_it_had_never_stopped(tmp_path):
    whole, first, schedule = optimized(4)
    write_optimizer(tmp_path, first.state_dict(), schedule.state_dict())
    twin, other, goes_on = optimized(0)
    for each, state in zip((other, goes_on), read_optimizer(tmp_path), strict=True):
        each.load_state_dict(state)
    twin.load_state_dict(whole.state_dict())
    step(whole, first, schedule, 3)
    step(twin, other, goes_on, 3)
    assert torch.equal(whole.weight, twin.weight)
    assert other.param_groups[0]["lr"] == first.param_groups[0]["lr"]


def test_every_generator_goes_on_where_it_stood(tmp_path):
    def drawn() -> tuple:
        return random.random(), random.gauss(0, 1), np.random.rand(), float(torch.rand(1))

    drawn()
    write_random(tmp_path)
    expected = drawn()
    drawn()
    read_random(tmp_path)
    assert drawn() == expected


def test_nothing_that_is_kept_is_a_pickle(tmp_path):
    _, optimizer, schedule = optimized(2)
    write_optimizer(tmp_path, optimizer.state_dict(), schedule.state_dict())
    write_random(tmp_path)
    write_tensors(tmp_path, "trained.safetensors", {"a": torch.ones(2, dtype=torch.float16)})
    names = sorted(file.name for file in tmp_path.iterdir())
    assert {name.rpartition(".")[2] for name in names} == {"safetensors", "json"}
    assert not any(file.read_bytes().startswith((b"\x80", b"PK")) for file in tmp_path.iterdir())


def test_tensors_of_any_shape_come_back_with_their_dtypes(tmp_path):
    given = {
        "scalar": torch.tensor(3.0), "step": torch.tensor(7), "none": torch.zeros(0, 4),
        "turned": torch.arange(6.0).view(2, 3).T, "half": torch.ones(3, dtype=torch.bfloat16),
    }  # fmt: skip
    write_tensors(tmp_path, "some.safetensors", given)
    found = read_tensors(tmp_path, "some.safetensors")
    assert {*found} == {*given}
    for name, each in given.items():
        assert found[name].dtype == each.dtype
        assert torch.equal(found[name], each)


def state(folder, number: int, sealed: bool = True):
    made = folder / f"checkpoint-{number}"
    made.mkdir()
    write_tensors(made, "trained.safetensors", {"a": torch.full((2,), float(number))})
    if sealed:
        seal(made)
    return made


def test_the_newest_whole_state_is_taken_and_halves_are_removed(tmp_path):
    assert newest(tmp_path) is None
    first, half = state(tmp_path, 9), state(tmp_path, 100, sealed=False)
    cut = state(tmp_path, 50)
    (cut / "trained.safetensors").write_bytes(b"cut")
    (tmp_path / "checkpoint-old").mkdir()  # of somebody else
    assert [is_whole(each) for each in (first, half, cut)] == [True, False, False]
    assert newest(tmp_path) == first
    assert states(tmp_path) == [first]
    assert step_of(first) == 9
    assert (tmp_path / "checkpoint-old").is_dir()
    shutil.rmtree(first)
    assert newest(tmp_path) is None


def test_a_record_that_is_no_json_is_refused_by_name(tmp_path):
    write_random(tmp_path)
    (tmp_path / "random.safetensors.json").write_text("[1]")
    with pytest.raises(BadState, match=r"random\.safetensors\.json must be a mapping"):
        read_random(tmp_path)
