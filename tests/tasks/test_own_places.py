"""Names of a base's tensors in the model in memory; single experts in their stacks."""

from pathlib import Path

import pytest
import torch
import transformers

from studio.checkpoints.checkpoint import Checkpoint, open_checkpoint
from studio.errors import BadCheckpoint
from studio.tasks.own_places import OwnPlaces
from tests.trips import trips

MIXTURES = ("Mixtral", "Qwen3Moe")


def opened(folder: Path, family: str, body: bool) -> tuple[Checkpoint, OwnPlaces]:
    """A written base, and its tensors in the model that transformers opens."""
    trip = trips()[f"{family}, causal-lm"]
    torch.manual_seed(0)
    getattr(transformers, trip.base)(trip.config()).save_pretrained(folder)
    base = open_checkpoint(folder)
    named = "AutoModel" if body else "AutoModelForCausalLM"
    model = getattr(transformers, named).from_pretrained(folder)
    return base, OwnPlaces(base, model, dict(model.state_dict()), not body)


@pytest.mark.parametrize("body", [True, False])
@pytest.mark.parametrize("family", MIXTURES)
def test_every_tensor_of_single_experts_stands_where_transformers_puts_it(tmp_path, family, body):
    base, own = opened(tmp_path, family, body)
    experts = [name for name in base.names if ".experts." in name]
    assert len(experts) == 2 * 2 * 3  # layers, experts, matrices
    found = own.places(base.names)
    assert set(base.names) - set(found) <= {"lm_head.weight"}
    for name, place in found.items():
        assert torch.equal(place, base.tensor(name)), name
        assert place.is_contiguous()


def test_what_is_written_into_one_expert_leaves_the_others_alone(tmp_path):
    base, own = opened(tmp_path, "Mixtral", body=False)
    name = next(each for each in base.names if each.endswith("experts.1.w3.weight"))
    stack = own.held[own.names([name])[name]]
    before = stack.clone()
    own.places([name])[name].zero_()
    half = stack.shape[1] // 2
    assert not stack[1, half:].any()
    assert torch.equal(stack[0], before[0])
    assert torch.equal(stack[1, :half], before[1, :half])


def test_a_tensor_that_the_model_lacks_is_refused_by_name(tmp_path):
    _, own = opened(tmp_path, "Mixtral", body=True)
    assert own.names(["cls.weight"]) == {}
    with pytest.raises(BadCheckpoint, match=r"MixtralModel has no tensor layers\.9\.x"):
        own.names(["layers.9.x"])
