"""How a checkpoint is laid over its base: prefix, heads, what is private, and what is refused."""

import pytest
import torch

from studio.checkpoints.alignment import join
from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.names import is_head
from studio.errors import BadCheckpoint, ShapeMismatch
from tests.conftest import SHAPES, draw, refusal, save_model


@pytest.fixture
def lay(zoo_folder):
    def over(name="task", **tensors):
        save_model(zoo_folder / name, tensors) if tensors else None
        return join(open_checkpoint(zoo_folder / "base"), name, open_checkpoint(zoo_folder / name))

    return over


def test_a_prefix_is_taken_off_and_a_head_stays_private(lay):
    found = lay("red")
    assert found.prefix == "bert."
    assert found.shared == {name: f"bert.{name}" for name in SHAPES}
    assert found.private == {"classifier.weight": "classifier.weight"}
    assert found.notes == ()


def test_an_adapter_shares_what_its_modules_change(lay):
    found = lay("blue")
    assert found.shared == {f"layer.{i}.dense.weight": f"layer.{i}.dense" for i in (0, 1)}
    assert (found.prefix, found.private) == ("", {})


@pytest.mark.parametrize(
    ("name", "head"),
    [("classifier.weight", True), ("score.weight", True), ("encoder.classifier.weight", False)],
)
def test_a_head_is_known_by_the_first_part_of_its_name(name, head):
    assert is_head(name) is head


def test_the_model_twice_under_two_prefixes_is_refused(lay):
    twice = {f"{prefix}.{k}": v for prefix in ("a", "b") for k, v in draw(1).items()}
    with pytest.raises(BadCheckpoint) as error:
        lay(**twice)
    assert "holds the base's tensors 2 times, under 'a.' and 'b.'" in refusal(error)


def test_a_deeper_model_is_refused(lay):
    deeper = draw(1) | {"layer.2.dense.weight": torch.ones(4, 6)}
    with pytest.raises(ShapeMismatch) as error:
        lay(**deeper)
    assert "1 tensors in layers that the base does not have: layer.2.dense.weight" in refusal(error)


def test_a_missing_tensor_is_named(lay):
    tensors = draw(1)
    del tensors["layer.1.dense.bias"]
    with pytest.raises(ShapeMismatch) as error:
        lay(**tensors)
    assert "lacks 1 of the base's 5 tensors: layer.1.dense.bias" in refusal(error)
