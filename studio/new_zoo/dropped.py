"""Files that were dropped into the page are kept in a folder, so that a zoo can name them."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from studio.errors import BadZoo
from studio.new_zoo.finding import TABLES
from studio.new_zoo.names import as_name

_TAKEN = (*TABLES, ".safetensors", ".txt", ".model", ".md")


def keep_dropped(files: Sequence[Path], home: Path) -> Path:
    """Move files that were dropped together into a new folder, which is returned.

    Args:
        files: as the page has received them: an adapter with its settings, say, or tables.
        home: folder in which a new one is made.

    Raises:
        BadZoo: a file is of no kind that is read, or two have one name.
    """
    if not files:
        raise BadZoo("Drop an adapter (its weights and adapter_config.json), or tables.")
    for file in files:
        if file.suffix.lower() not in _TAKEN:
            raise BadZoo(
                f"{file.name} is not taken; an adapter is adapter_model.safetensors with "
                f"adapter_config.json, and a table one of {', '.join(TABLES)}."
            )
    names = [file.name for file in files]
    if len({*names}) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise BadZoo(f"Two of the files are called {twice}. Drop one adapter at a time.")
    folder = _free(home, _called(files))
    folder.mkdir(parents=True)
    for file in files:
        shutil.move(file, folder / file.name)
    return folder


def _called(files: Sequence[Path]) -> str:
    """A name for the folder: the first file's whose name tells something."""
    usual = ("adapter_model", "adapter_config", "model", "config", "readme", "tokenizer")
    stems = [file.stem for file in files if not file.stem.lower().startswith(usual)]
    return as_name(stems[0]) if stems else "dropped"


def _free(home: Path, name: str) -> Path:
    numbered = (name if not number else f"{name}-{number}" for number in range(10_000))
    return next(home / each for each in numbered if not (home / each).exists())
