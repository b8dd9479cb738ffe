"""A language model as a base: it holds the layer that gives its words, and so many positions."""

from collections.abc import Mapping

import torch
import transformers
from torch import Tensor, nn

from studio.checkpoints.architecture import architecture_of
from studio.checkpoints.checkpoint import Checkpoint
from studio.errors import BadCheckpoint, BadData, some


def refuse_own_layers(task: str, private: Mapping[str, Tensor]) -> None:
    """Refuse a checkpoint that has a last layer, where the base has none.

    Raises:
        BadData: naming its tensors.
    """
    behind = sorted(name for name in private if name.split(".")[0] == "lm_head")
    if behind:
        raise BadData(
            f"'{task}': its checkpoint keeps {some(behind, 3)} to itself, since the base does "
            "not hold it, so there is nothing that it could be merged with. Name a base that holds "
            "its language model's last layer, too."
        )


def refuse_no_head(base: Checkpoint, model_class: str, what: str) -> None:
    """Refuse a base whose last layer transformers would draw at random.

    Args:
        base: of the zoo.
        model_class: the auto class that has that layer.
        what: that class is, in words.

    Raises:
        BadCheckpoint: the base is of another sort, or lacks tensors of the class.
    """
    try:
        config = transformers.AutoConfig.for_model(**base.config)
        with torch.device("meta"):
            model = getattr(transformers, model_class).from_config(config)
    except Exception as problem:  # transformers raises whatever its config classes raise
        raise BadCheckpoint(
            f"{base.folder} is no base of {what}: {str(problem).splitlines()[0]}"
        ) from None
    architecture, prefix = architecture_of(base), f"{model.base_model_prefix}."
    held = {architecture.name(name) if architecture else name for name in base.names}
    behind = [n for n, _ in model.named_parameters() if not n.startswith(prefix)]
    if missing := [name for name in behind if name not in held]:
        raise BadCheckpoint(
            f"{base.folder} holds no {some(missing, 3)}, and its config.json does not tie it to "
            "the embeddings, so its language model has no last layer. Take the full model as base."
        )


def refuse_two_ways(task: str, model: nn.Module) -> None:
    """Refuse a body whose states know what comes after them, by trying it.

    Raises:
        BadData: they do.
    """
    device = next(model.parameters()).device
    first, second = (
        torch.tensor([[1, 2, 3]], device=device),
        torch.tensor([[1, 2, 4]], device=device),
    )
    with torch.inference_mode():
        one, other = (model(input_ids=ids)[0][0, 0] for ids in (first, second))
    if not torch.allclose(one, other, atol=1e-5):
        raise BadData(
            f"'{task}': {type(model).__name__} reads a text in both directions, so what it "
            "says of the next token is no language model's loss. Take another type for the task."
        )
