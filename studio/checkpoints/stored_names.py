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
    ``modules_to_save.default.weight`` beside the base's ``original_module.weight``. Both are also
    written beside the plain name, which is the one that PEFT reads.

    Args:
        names: in the file.
        parts: words that an adapter's name follows, such as ``lora_A``.
        folder: for words.

    Raises:
        BadCheckpoint: two adapters are in one file, or two names are one.
    """
    stored: dict[str, str] = {}
    adapters: dict[str, str] = {}
    twice, originals, wrapped = [], 0, 0
    spelled = {name: _inside(name) for name in names}
    held = {*spelled.values()}
    for name, inside in sorted(spelled.items(), key=lambda item: _is_saved(item[1])):
        wrapped += any(wrapper in name.split(".") for wrapper in WRAPPERS)
        words, adapter = _without_adapter(inside.split("."), parts, held)
        if adapter:
            adapters.setdefault(adapter, name)
        if _ORIGINAL in words[:-1]:
            originals += 1
            continue
        plain = ".".join(words)
        if plain not in stored:
            stored[plain] = name
        elif _is_saved(inside) and plain in held:
            twice.append(f"{stored[plain]} is read, and not {name}")
        else:
            raise BadCheckpoint(f"{folder}: {name} and {stored[plain]} are both there.")
    _refuse_several(adapters, folder)
    notes = [
        f"The adapter's name '{adapter}' is left out of its tensors' names." for adapter in adapters
    ]
    if wrapped:
        notes.append(f"{wrapped} names are read without the wrappers of compilation or sharding.")
    if originals:
        notes.append(f"{originals} tensors named {_ORIGINAL} are copies of the base's: left out.")
    if twice:
        notes.append(f"{len(twice)} tensors are stored twice: {twice[0]}, as PEFT reads it.")
    return PlainNames(stored, tuple(notes))


def _inside(name: str) -> str:
    """A name inside the model that was trained, without wrappers."""
    words = ".".join(word for word in name.split(".") if word not in WRAPPERS)
    return words.removeprefix("module." if ROOT in name else "").removeprefix(ROOT)


def _is_saved(name: str) -> bool:
    return _SAVED in name.split(".")


def _refuse_several(adapters: dict[str, str], folder: Path) -> None:
    if len(adapters) > 1:
        raise BadCheckpoint(
            f"{folder} holds {len(adapters)} adapters in one file, "
            f"{' and '.join(sorted(adapters))} ({', '.join(sorted(adapters.values())[:2])}); "
            "save each to a folder of its own."
        )


def _without_adapter(
    words: list[str], parts: Sequence[str], held: Collection[str]
) -> tuple[list[str], str | None]:
    """The words of a name without the adapter's, and that one."""
    for place, word in enumerate(words[:-1]):
        before, following, after = words[:place], words[place + 1], words[place + 2 :]
        if word == _SAVED:
            # a part of the saved module, and no adapter, if the same module has it beside
            beside = (".".join([*before, *each, following, *after]) for each in ([], [_ORIGINAL]))
            if not after or any(name in held for name in beside):
                return [*before, following, *after], None
            return before + after, following
        if word in parts and following not in ("weight", "bias"):
            return [*before, word, *after], following
    return words, None
