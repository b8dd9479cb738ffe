"""Names in an adapter's file, as the model that was trained calls its tensors."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from studio.errors import BadCheckpoint

ROOT = "base_model.model."
COPY = ".base_layer.weight"  # how PEFT saves a base's weight below factors
WRAPPERS = ("_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")
_WRAPPED = re.compile(rf"(^|\.)({'|'.join(WRAPPERS)})(?=\.)|^module(?=\.)")
_LEAD = re.compile(rf"((module|{'|'.join(WRAPPERS)})\.)+")
_SAVED, _ORIGINAL = "modules_to_save", "original_module"


def unwrapped(stored: str) -> str:
    """A name without the parts that compiled and distributed training add."""
    return _WRAPPED.sub("", stored).removeprefix(".")


def common_lead(names: Collection[str]) -> str:
    """What compiled or distributed training put before all of some names; empty if nothing."""
    found = _LEAD.match(next(iter(names), ""))
    lead = found.group() if found else ""
    return lead if all(name.startswith(lead) for name in names) else ""


@dataclass(frozen=True)
class PlainNames:
    """The tensors of an adapter's file by plain name: no wrapper, no adapter's name in it.

    Attributes:
        stored: {plain name: name in the file}.
        notes: what was taken out of names or left out, a sentence each.
    """

    stored: dict[str, str]
    notes: tuple[str, ...]


def plain_names(names: Iterable[str], parts: Sequence[str], folder: Path) -> PlainNames:
    """Names without wrappers of compilation and sharding, and without the adapter's name.

    PEFT writes ``lora_A.weight``; a raw state dict says ``lora_A.default.weight``, and
    ``modules_to_save.default.weight`` beside the base's ``original_module.weight``.

    Args:
        names: in the file.
        parts: words that an adapter's name follows, such as ``lora_A``.
        folder: for words.

    Raises:
        BadCheckpoint: two adapters are in one file, or two names are one.
    """
    stored: dict[str, str] = {}
    adapters: dict[str, str] = {}
    originals, wrapped = 0, 0
    for name in names:
        words = [word for word in name.split(".") if word not in WRAPPERS]
        wrapped += len(words) != name.count(".") + 1
        plain = ".".join(words).removeprefix("module." if ROOT in name else "").removeprefix(ROOT)
        words, adapter = _without_adapter(plain.split("."), parts)
        if adapter:
            adapters.setdefault(adapter, name)
        if _ORIGINAL in words[:-1]:
            originals += 1
            continue
        plain = ".".join(words)
        if plain in stored:
            raise BadCheckpoint(f"{folder}: {name} and {stored[plain]} are both there.")
        stored[plain] = name
    if len(adapters) > 1:
        raise BadCheckpoint(
            f"{folder} holds {len(adapters)} adapters in one file, "
            f"{' and '.join(sorted(adapters))} ({', '.join(sorted(adapters.values())[:2])}); "
            "save each to a folder of its own."
        )
    notes = [
        f"The adapter's name '{adapter}' is left out of its tensors' names." for adapter in adapters
    ]
    if wrapped:
        notes.append(f"{wrapped} names are read without the wrappers of compilation or sharding.")
    if originals:
        notes.append(f"{originals} tensors named {_ORIGINAL} are copies of the base's: left out.")
    return PlainNames(stored, tuple(notes))


def _without_adapter(words: list[str], parts: Sequence[str]) -> tuple[list[str], str | None]:
    """The words of a name without the adapter's, and that one."""
    for place, word in enumerate(words[:-1]):
        following = words[place + 1]
        if word == _SAVED and len(words) > place + 2:
            return words[:place] + words[place + 2 :], following
        if word in parts and following not in ("weight", "bias"):
            return words[: place + 1] + words[place + 2 :], following
    return words, None
