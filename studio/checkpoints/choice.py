"""Which files of a folder are the checkpoint: what transformers and PEFT read, or one named."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from studio.checkpoints.lora import CONFIG_FILE, WEIGHTS_FILE
from studio.checkpoints.pickles import refuse_pickled_adapter, refuse_pickled_model
from studio.checkpoints.weights import HEAD_FILES, Weights, open_shards
from studio.disk.files import inside, read_mapping
from studio.errors import BadCheckpoint

SINGLE = "model.safetensors"
INDEX_ENDING = ".safetensors.index.json"
INDEX = "model" + INDEX_ENDING
_MOST_FOLDERS = 200  # looked into for a refusal
_EXAMPLES = 5


@dataclass(frozen=True)
class Choice:
    """What of a folder is read.

    Attributes:
        folder: of the checkpoint.
        file: safetensors, or the index that lists them.
        adapter: whether ``adapter_config.json`` says how they are read.
        notes: what else lies there and is not read, a sentence each.
    """

    folder: Path
    file: Path
    adapter: bool
    notes: tuple[str, ...] = ()

    @property
    def is_index(self) -> bool:
        """Whether the file lists shards."""
        return self.file.name.endswith(INDEX_ENDING)

    def beside(self, read: set[Path]) -> tuple[str, ...]:
        """The notes, and one on weights that are none of the files read."""
        return (*self.notes, *_not_read(self, read))


def choose(place: Path, full: bool, roots: tuple[Path, ...] = ()) -> Choice:
    """What of a folder is read, in transformers' order; a path to a file names it.

    Args:
        place: a folder, or the file in it that counts.
        full: whether a full model is wanted, so that an adapter beside it is left alone.
        roots: folders into which links may lead.

    Raises:
        BadCheckpoint: nothing there can be read, or it is not clear what.
    """
    if not place.is_dir():
        return _named(place)
    whole = _whole(place, roots)
    if not os.path.lexists(place / CONFIG_FILE):
        return _model(place, whole)
    held = os.path.lexists(place / WEIGHTS_FILE)
    pickled = os.path.lexists(place / "adapter_model.bin")
    if whole and (full or not (held or pickled)):
        why = "as the base the full model counts" if full else f"there is no {WEIGHTS_FILE}"
        note = f"{place.name} also holds {CONFIG_FILE}; {why}, so {whole.name} is read."
        return Choice(place, whole, False, (note,))
    refuse_pickled_adapter(place, place / WEIGHTS_FILE)
    if not held and (below := _below(place)):
        raise BadCheckpoint(f"{place} holds {CONFIG_FILE} and no {WEIGHTS_FILE}. {below}")
    notes = ()
    if whole:
        notes = (
            f"{place.name} also holds a full model ({whole.name}); its adapter ({CONFIG_FILE}) is "
            f"read, as transformers and PEFT do. To take the full model, give the path of "
            f"{whole.name}.",
        )
    return Choice(place, place / WEIGHTS_FILE, True, (*notes, *_others_below(place)))


def open_choice(choice: Choice, roots: tuple[Path, ...] = ()) -> Weights:
    """The weights that were chosen: one file, or the shards that an index lists.

    Raises:
        BadCheckpoint: a file is no safetensors, or leads outside its folder and the roots.
    """
    folder, file = choice.folder, choice.file
    if choice.is_index:
        return open_shards(folder, file, roots)
    return Weights((inside(folder, file, BadCheckpoint, roots),))


def _named(file: Path) -> Choice:
    """The checkpoint that a file was named for."""
    if file.name in (CONFIG_FILE, WEIGHTS_FILE):
        return Choice(file.parent, file.parent / WEIGHTS_FILE, True)
    if file.name.endswith((".safetensors", INDEX_ENDING)):
        return Choice(file.parent, file, False)
    raise BadCheckpoint(
        f"{file} is a file; give the folder that holds the checkpoint, or its .safetensors file, "
        f"its {INDEX} or its {CONFIG_FILE}."
    )


def _whole(folder: Path, roots: tuple[Path, ...]) -> Path | None:
    """The weights of a full model where ``from_pretrained`` looks for them; None without any."""
    if (asked := _asked(folder, roots)) is not None:
        return asked
    single, index = folder / SINGLE, folder / INDEX
    if os.path.lexists(single):
        if os.path.lexists(index):
            inside(folder, index, BadCheckpoint, roots)  # not read, but no trap either
        return single
    if os.path.lexists(index):
        return index
    return None


def _asked(folder: Path, roots: tuple[Path, ...]) -> Path | None:
    """The file that ``transformers_weights`` in ``config.json`` names, which comes first."""
    config = folder / "config.json"
    if not config.is_file():
        return None
    content = read_mapping(inside(folder, config, BadCheckpoint, roots), BadCheckpoint)
    name = content.get("transformers_weights")
    if name is None:
        return None
    fits = isinstance(name, str) and re.fullmatch(r"[\w.-]+\.safetensors(\.index\.json)?", name)
    if not fits:
        raise BadCheckpoint(
            f"{config}: transformers_weights is {name!r}; it must name a file of the same folder "
            "called something.safetensors."
        )
    return folder / name


def _model(folder: Path, whole: Path | None) -> Choice:
    if whole:
        return Choice(folder, whole, False)
    found = _candidates(folder)
    if len(found) == 1 and found[0].name != WEIGHTS_FILE:
        return Choice(folder, found[0], False)
    if len(found) == 1:
        raise BadCheckpoint(
            f"{folder} holds the weights of an adapter ({WEIGHTS_FILE}), but no {CONFIG_FILE}, "
            "which says how they are read. Copy it there."
        )
    if found:
        raise BadCheckpoint(
            f"{folder} holds {len(found)} safetensors files ({found[0].name}, {found[1].name}, …) "
            f"and neither {SINGLE} nor {INDEX} says which to read. Give the path of the one to "
            "read."
        )
    if below := _below(folder):
        raise BadCheckpoint(f"{folder} holds no safetensors file itself. {below}")
    refuse_pickled_model(folder)
    raise BadCheckpoint(f"{folder} holds no safetensors file.")


def _candidates(folder: Path) -> list[Path]:
    """Safetensors files that could be a model; an adapter's only where nothing else is there."""
    found = sorted(file for file in folder.glob("*.safetensors") if file.name not in HEAD_FILES)
    return [file for file in found if file.name != WEIGHTS_FILE] or found


def _below(folder: Path) -> str:
    """A sentence on the folders below that could be opened; empty if there are none."""
    folders = sorted(each for each in folder.iterdir() if each.is_dir())[:_MOST_FOLDERS]
    found = [each.name for each in folders if _could_be_opened(each)]
    if not found:
        return ""
    more = f" and {len(found) - _EXAMPLES} more" if len(found) > _EXAMPLES else ""
    what = "These folders in it do" if len(found) > 1 else "This folder in it does"
    return f"{what}: {', '.join(found[:_EXAMPLES])}{more}. Give the path of one of them."


def _others_below(place: Path) -> tuple[str, ...]:
    """A note on adapters in folders below one that holds an adapter itself."""
    folders = sorted(each for each in place.iterdir() if each.is_dir())[:_MOST_FOLDERS]
    found = [each.name for each in folders if (each / CONFIG_FILE).is_file()]
    if not found:
        return ()
    more = f" and {len(found) - _EXAMPLES} more" if len(found) > _EXAMPLES else ""
    what = "folders of it hold adapters" if len(found) > 1 else "folder of it holds an adapter"
    return (
        f"{place.name} holds an adapter itself, which is read; {len(found)} {what} too, not read: "
        f"{', '.join(found[:_EXAMPLES])}{more}. To take one, give its path.",
    )


def _could_be_opened(folder: Path) -> bool:
    names = (CONFIG_FILE, SINGLE, INDEX)
    return any((folder / name).is_file() for name in names)


def _not_read(choice: Choice, read: set[Path]) -> tuple[str, ...]:
    """A note on weights beside those that are read; an adapter's or a model's is said elsewhere."""
    if choice.adapter or choice.file.name not in (SINGLE, INDEX):
        return ()
    known = {*read, choice.file}
    folder = choice.folder
    found = [file for file in sorted(folder.glob(f"*{INDEX_ENDING}")) if file not in known]
    found += [file for file in _candidates(folder) if file not in known]
    found = [file for file in found if file.name != WEIGHTS_FILE]
    found += sorted(folder.glob("pytorch_model*.bin"))
    if not found:
        return ()
    names = ", ".join(file.name for file in found[:_EXAMPLES])
    more = f" and {len(found) - _EXAMPLES} more" if len(found) > _EXAMPLES else ""
    note = (
        f"{choice.file.name} of {folder.name} is read, as transformers does; beside it lie "
        f"{names}{more}, which are not."
    )
    others = [file for file in found if file.suffix != ".bin"]
    return (f"{note} To read another, give its path." if others else note,)
