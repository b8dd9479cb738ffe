"""Where the live model runs: auto, cpu, cuda or mps. Merges are always computed on the CPU."""

import torch

from studio.errors import StudioError

DEVICES = ("auto", "cpu", "cuda", "mps")


def resolve_device(name: str) -> torch.device:
    """The device of that name; 'auto' takes CUDA, then MPS, then the CPU.

    Raises:
        StudioError: this machine or this torch has no such device.
    """
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = next(device for device, there in available.items() if there)
    if not available.get(name, False):
        raise StudioError(
            f"Device '{name}' is not available here; use --device auto, or one of "
            f"{', '.join(device for device, there in available.items() if there)}."
        )
    return torch.device(name)
