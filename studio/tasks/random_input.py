"""What a model answers to random input, by which models of equal weights are compared."""

import copy
import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

TOLERANCE = 1e-5
"""Of a tensor's largest value, or of 1 if that is larger."""

_TOKENS, _PIXELS, _SAMPLES = 24, 32, 4000  # of an input, unless the configuration wants more


def random_input(model: nn.Module) -> dict[str, Tensor] | None:
    """One row of seeded noise of every kind that a model's forward pass asks for.

    Tokens, pixels and sound are known; None of a model that reads none of them.
    """
    config: Any = model.config
    text = config.get_text_config() if hasattr(config, "get_text_config") else config
    wanted, draw = inspect.signature(model.forward).parameters, torch.Generator().manual_seed(0)
    found: dict[str, Tensor] = {}
    if "input_ids" in wanted and getattr(text, "vocab_size", 0):
        places = getattr(text, "max_position_embeddings", None) or _TOKENS + 4
        tokens = max(1, min(_TOKENS, places - 4))  # some classes begin to count at 2
        found["input_ids"] = torch.randint(text.vocab_size, (1, tokens), generator=draw)
        if "decoder_input_ids" in wanted:
            found["decoder_input_ids"] = found["input_ids"].flip(1)
    if "spatial_shapes" in wanted:
        found |= _patches(config, draw)
    elif "pixel_values" in wanted and not _puts_pictures_among_tokens(config):
        seen = getattr(config, "vision_config", config)
        size, channels = getattr(seen, "image_size", _PIXELS), getattr(seen, "num_channels", 3)
        height, width = size if isinstance(size, (list, tuple)) else (size, size)
        found["pixel_values"] = torch.randn(1, channels, height, width, generator=draw)
    if "input_values" in wanted:
        found["input_values"] = torch.randn(1, _SAMPLES, generator=draw)
    return found or None


def _patches(config: Any, draw: torch.Generator) -> dict[str, Tensor]:
    """A square picture as patches in a row, as SigLIP 2 reads it."""
    seen = getattr(config, "vision_config", config)
    side = int(seen.num_patches**0.5)
    shape = 1, side * side, seen.num_channels * seen.patch_size**2
    return {
        "pixel_values": torch.randn(shape, generator=draw),
        "pixel_attention_mask": torch.ones(shape[:2], dtype=torch.int32),
        "spatial_shapes": torch.tensor([[side, side]]),
    }


def _puts_pictures_among_tokens(config: Any) -> bool:
    """Whether pictures are asked for at tokens of their own, as in a chat; texts alone do, too."""
    return any(hasattr(config, f"image_token_{end}") for end in ("id", "index"))


def answers(model: nn.Module, given: Mapping[str, Tensor]) -> list[Tensor] | None:
    """The tensors of real numbers that a model answers; None if it takes no such input.

    Its hidden states are among them where it gives them. What it draws itself, such as a mask, it
    draws from one seed.
    """
    for asked in ({"output_hidden_states": True}, {}):
        try:
            with torch.inference_mode(), torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                output: Any = model(**given, **asked)
        except Exception:  # models raise whatever their code raises on what they do not take
            continue
        values = output.to_tuple() if hasattr(output, "to_tuple") else (output,)
        flat = [x for each in values for x in (each if isinstance(each, tuple) else (each,))]
        return [each for each in flat if isinstance(each, Tensor) and each.is_floating_point()]
    return None


def apart(first: list[Tensor], second: list[Tensor]) -> float:
    """Largest difference of two answers, relative to the largest value of the first or 1."""
    most = 0.0
    for a, b in zip(first, second, strict=True):
        if a.shape != b.shape:
            return float("inf")
        difference = float((a.double() - b.double()).abs().max()) if a.numel() else 0.0
        scale = max(float(a.abs().max()), 1.0) if a.numel() else 1.0
        most = max(most, difference / scale if difference == difference else float("inf"))
    return most


def under_settings(model: nn.Module, settings: Mapping[str, object]) -> float | None:
    """How far a model's answers move if its weights are read with other settings.

    Args:
        model: as transformers opened it.
        settings: top-level entries of its configuration that are others.

    Returns:
        See ``apart``; None if the model takes no random input, or none with these settings.
    """
    given = random_input(model)
    before = answers(model, given) if given else None
    if not given or not before:
        return None
    config: Any = copy.deepcopy(model.config)
    try:
        for name, value in settings.items():
            setattr(config, name, value)
        made: Any = type(model)
        other = made._from_config(config, dtype=torch.float32).eval()
        other.load_state_dict(model.state_dict())
    except Exception:  # transformers raises whatever its config classes raise
        return None
    after = answers(other, given)
    return None if after is None else apart(before, after)
