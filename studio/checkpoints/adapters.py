"""Adapters as PEFT saves them, of every type that is understood: a new type is one more reader."""

from collections.abc import Callable, Mapping
from pathlib import Path

from studio.checkpoints import lora, oft
from studio.checkpoints.adapter import INSTEAD, Adapter
from studio.checkpoints.formulas import FORMULAS
from studio.disk.files import read_mapping
from studio.errors import BadCheckpoint

READERS: Mapping[str, Callable[[Path, Mapping], Adapter]] = {
    "LORA": lora.read_config,
    "OFT": oft.read_config,
} | {each.peft_type: each.read for each in FORMULAS}
"""By PEFT's name of a type, what reads its options."""
_PROMPTS = {
    "ADAPTION_PROMPT", "CARTRIDGE", "CPT", "MULTITASK_PROMPT_TUNING", "P_TUNING", "PREFIX_TUNING",
    "PROMPT_TUNING",
}  # fmt: skip


def read_adapter(folder: Path) -> Adapter:
    """Options of the adapter in ``folder``.

    Raises:
        BadCheckpoint: its type or an option is not understood.
    """
    file = folder / lora.CONFIG_FILE
    config = read_mapping(file, BadCheckpoint)
    kind = config.get("peft_type")
    if isinstance(kind, str) and kind in READERS:
        return READERS[kind](file, config)
    if isinstance(kind, str) and kind in _PROMPTS:
        raise BadCheckpoint(
            f"{file}: adapters of type {kind} train what a model is shown beside its input, and "
            "no weights: there is nothing to merge."
        )
    raise BadCheckpoint(
        f"{file}: adapters of type {kind!r} are not supported; {', '.join(sorted(READERS))} are. "
        f"With PEFT, {INSTEAD}."
    )
