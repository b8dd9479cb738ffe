"""Pickles can run code when read: a folder that holds nothing else is refused, never opened."""

from pathlib import Path

from studio.errors import BadCheckpoint

_ENDINGS = (".bin", ".pt", ".pth", ".ckpt", ".pkl")


def refuse_pickled_adapter(folder: Path, weights: Path) -> None:
    """Refuse an adapter whose only weights are a pickle.

    Args:
        folder: of the adapter.
        weights: where its safetensors file would be.

    Raises:
        BadCheckpoint: saying how to save it anew.
    """
    if not weights.exists() and (folder / "adapter_model.bin").exists():
        raise BadCheckpoint(
            f"{folder} holds only a pickled adapter (adapter_model.bin), which can run "
            "code when read. Save it with `save_pretrained` of a current PEFT."
        )


def refuse_pickled_model(folder: Path) -> None:
    """Refuse a model folder without safetensors that holds pickles.

    Raises:
        BadCheckpoint: saying how to save it anew.
    """
    pickles = sorted(file.name for file in folder.iterdir() if file.suffix in _ENDINGS)
    if pickles:
        raise BadCheckpoint(
            f"{folder} holds only pickled weights ({pickles[0]}), which can run code when read. "
            "Save the model with `save_pretrained(..., safe_serialization=True)` and use that."
        )
