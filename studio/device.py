"""Where the live model runs: auto, cpu, cuda or mps. Merges are always computed on the CPU."""

import os
from pathlib import Path

import torch

from studio.errors import Remedy, StudioError

_MOST_RESIDENT = 4 * 2**30


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
            f"Device '{name}' is not available here;",
            Remedy.CHOOSE_DEVICE,
            ", ".join(device for device, there in available.items() if there),
        )
    return torch.device(name)


def free_memory() -> int:
    """Bytes of memory that this process may still take: what is free, within its own limit."""
    page = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 1
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        known = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * page
        return max(min(known["MemAvailable"], _limit() - taken), 0)
    except (OSError, KeyError, ValueError):  # not Linux
        return os.sysconf("SC_PHYS_PAGES") * page if hasattr(os, "sysconf") else 2**63


def free_on(device: torch.device) -> int:
    """Bytes that a model on a device may still take."""
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else free_memory()


def resident_limit() -> int:
    """Bytes of dense deltas that may stay in memory: a quarter of what is free, at most 4 GiB."""
    return min(_MOST_RESIDENT, free_memory() // 4)


def device_memory(device: torch.device) -> tuple[int | None, int | None]:
    """Bytes taken on a device, by all programs, and bytes it has; None for the CPU."""
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        return total - free, total
    if device.type == "mps":
        return torch.mps.driver_allocated_memory(), None
    return None, None


def used_memory() -> int:
    """Bytes of memory that this process holds now; where the system does not say, held at most."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError):  # not Linux
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return pages * os.sysconf("SC_PAGE_SIZE")


def _limit() -> int:
    import resource  # not on Windows

    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return 2**63 if limit == resource.RLIM_INFINITY else limit
