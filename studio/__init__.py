"""Merge fine-tuned models, see their geometry, and take tasks out again exactly."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from studio.library import (
        METHODS,
        OpenZoo,
        Recipe,
        Score,
        SearchPlan,
        StudioError,
        load_recipe,
        open_zoo,
        save_recipe,
        unmerge,
        verify,
    )

__version__ = "0.1.0"
__all__ = [
    "METHODS", "OpenZoo", "Recipe", "Score", "SearchPlan", "StudioError", "load_recipe",
    "open_zoo", "save_recipe", "unmerge", "verify",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """What ``studio.library`` offers, imported when it is asked for: a command needs little."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from studio import library

    return getattr(library, name)
