"""What lies in folders: full models and adapters by their headers, tables and folders of images."""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from studio.checkpoints.checkpoint import Checkpoint, open_checkpoint
from studio.disk.files import hub_id, resolve_source
from studio.errors import BadCheckpoint, StudioError
from studio.progress import Progress, silent
from studio.tasks.spec import is_answered

TABLES = (".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet")
IMAGES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
_WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".gguf")
_OF_TRAINING = ("optimizer", "scheduler", "rng_state", "training_args", "scaler")
_OF_MODELS = (
    "config", "tokenizer", "vocab", "special_tokens", "added_tokens", "generation", "index",
    "preprocessor", "processor", "trainer_state", "adapter_config", "modules", "sentence_bert",
    "all_results", "train_results", "eval_results", "labels", "package", "chat_template",
)  # fmt: skip
_OF_ZOO = ("zoo.yaml", "made.json")  # of one that was written here
_ROWS = "rows"  # beside them: what it drew from tables, which are to be drawn from again
_SKIPPED = {"__pycache__", "node_modules", "blobs", "refs", "site-packages"}
_VERSION = re.compile(r"(?:checkpoint|step|epoch)[-_](\d+)")
_DEEPEST, _MOST_ENTRIES, _MOST_MODELS = 8, 100_000, 500
_FEW = 50  # entries of a folder that tell whether it holds images


@dataclass(frozen=True)
class Model:
    """A full model or an adapter that was found.

    Attributes:
        folder: where it lies.
        checkpoint: opened; headers only.
        version: of a folder such as ``checkpoint-500`` its number; None for any other.
    """

    folder: Path
    checkpoint: Checkpoint
    version: int | None = None

    @property
    def is_adapter(self) -> bool:
        """Whether it needs a base."""
        return self.checkpoint.adapter is not None

    @property
    def size(self) -> int:
        """Bytes of its weights."""
        return sum(entry.size for entry in self.checkpoint.weights.entries.values())

    @property
    def run(self) -> Path:
        """The folder of the training that it is of; its own unless that is ``checkpoint-500``."""
        return self.folder if self.version is None else self.folder.parent


@dataclass
class Found:
    """What a search has found, in the order of the paths.

    Attributes:
        models: that can be opened.
        refused: folders that look like models and cannot be opened, and why.
        tables: files of rows.
        images: folders whose folders hold images, a folder a label.
        notes: what a user should know of the search, a sentence each.
    """

    models: list[Model] = field(default_factory=list)
    refused: list[tuple[Path, StudioError]] = field(default_factory=list)
    tables: list[Path] = field(default_factory=list)
    images: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def is_remote(place: str) -> bool:
    """Whether a place is an id of the Hub: no path here, nor one below a folder that is here.

    A misspelt path must not be asked of the Hub.
    """
    name, path = place.removeprefix("datasets/"), Path(place)
    return hub_id(name) is not None and not path.exists() and not path.parent.exists()


def find(
    places: Sequence[Path],
    allow: Callable[[str, str], None] = lambda source, name: None,
    progress: Progress = silent,
    roots: tuple[Path, ...] = (),
) -> Found:
    """Search folders, and what lies below them, without reading a weight; links are not followed.

    Args:
        places: folders, or single files.
        allow: called with a place and a word for it before it is touched; raises to forbid it.
        progress: told how many entries were looked at.
        roots: folders into which links of the checkpoints' files may lead.

    Raises:
        BadCheckpoint: a place does not exist, or nothing to merge was found.
    """
    found, seen = Found(), set()
    places = [Path.cwd() / resolve_source(str(place), Path.cwd()) for place in places]
    for place in places:
        allow(str(place), "the folder")
        if not os.path.lexists(place):
            raise BadCheckpoint(f"There is no folder {place}.")
        for folder, files in _folders(place, found, progress):
            if (real := folder.resolve()) not in seen or place.is_file():
                seen.add(real)
                _look(folder, files, found, (*roots, *places))
    if not found.models:
        raise _nothing(places, found)
    return found


def _folders(place: Path, found: Found, progress: Progress) -> Iterator[tuple[Path, list[str]]]:
    """Folders with their files; what belongs to a model or holds images is not gone into."""
    if place.is_file():
        yield place.parent, [place.name]
        return
    entries, depth = 0, len(place.parts)

    def unread(problem: OSError) -> None:
        found.notes.append(f"{problem.filename} was not searched: {problem.strerror}.")

    for name, folders, files in os.walk(place, onerror=unread):
        folder, entries = Path(name), entries + len(files) + len(folders)
        progress(0.0, f"{entries:,} entries, {len(found.models)} models")
        if entries > _MOST_ENTRIES or len(found.models) >= _MOST_MODELS:
            found.notes.append(
                f"The search stopped at {folder}, after {entries:,} entries and "
                f"{len(found.models)} models; name a folder further down."
            )
            return
        unnamed = [x for x in (*folders, *files) if not _is_text(x)]
        if unnamed:
            found.notes.append(f"{folder / unnamed[0]} was passed over: its name is no text.")
        files = [x for x in files if x not in unnamed]
        folders[:] = sorted({*folders} - _SKIPPED - {*unnamed})
        folders[:] = [x for x in folders if not x.startswith(".")]
        if {*_OF_ZOO} <= {*files} and _ROWS in folders:
            folders.remove(_ROWS)
            found.notes.append(f"{folder / _ROWS} was passed over: rows that a zoo was made of.")
        if "modules.json" in files or len(folder.parts) - depth >= _DEEPEST:
            folders.clear()  # of a sentence transformer: its further modules are no models
        elif _holds_images(folder, folders):
            found.images.append(folder)
            folders.clear()
        yield folder, sorted(files)


def _holds_images(folder: Path, folders: list[str]) -> bool:
    """Whether at least two folders hold images alone: one for each label."""
    if len(folders) < 2:
        return False
    return all(_only_images(folder / each) for each in folders[:_FEW])


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _only_images(folder: Path) -> bool:
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for _, entry in zip(range(_FEW), entries, strict=False)]
    except OSError:
        return False  # the search says so when it comes there
    named = [Path(name).suffix.lower() in IMAGES for name in names if not name.startswith(".")]
    return bool(named) and all(named)


def _look(folder: Path, files: list[str], found: Found, roots: tuple[Path, ...]) -> None:
    """Add what a folder holds to what was found."""
    weights = [each for each in files if _is_weights(each)]
    own = {*_OF_ZOO} if {*_OF_ZOO} <= {*files} else set()
    for name in (each for each in files if each not in own):
        file = folder / name
        stem = name.lower().split(".")[0]
        named = name.lower().startswith(_OF_MODELS) if weights else stem in _OF_MODELS
        if file.suffix.lower() in TABLES and not named and file.is_file():
            if is_answered(file):
                found.notes.append(f"{file} was passed over: it holds an expert's answers.")
            else:
                found.tables.append(file)
    if not weights and "adapter_config.json" not in files:
        return
    adapters = "adapter_config.json" in files
    whole = {"model.safetensors", "model.safetensors.index.json", "config.json"} & {*files}
    alone = [x for x in weights if x.endswith(".safetensors")]
    one_each = not (adapters or whole) and len(alone) > 0
    for place in [folder / x for x in alone] if one_each else [folder]:
        try:
            checkpoint = open_checkpoint(place, roots)
        except StudioError as problem:
            if not (one_each and "head" in place.name):  # a file of a head is no checkpoint
                found.refused.append((place, problem))
            continue
        if one_each and checkpoint.adapter is None:
            found.notes.append(
                f"{place} was passed over: it is no adapter, and no config.json lies beside it."
            )
            continue
        number = _VERSION.fullmatch(folder.name)
        found.models.append(Model(place, checkpoint, int(number[1]) if number else None))


def _is_weights(name: str) -> bool:
    lower = name.lower()
    return lower.endswith(_WEIGHTS) and not lower.startswith((*_OF_TRAINING, "head"))


def _nothing(places: Sequence[Path], found: Found) -> BadCheckpoint:
    searched = ", ".join(map(str, places))
    if found.refused:
        first, problem = found.refused[0]
        more = f" {len(found.refused) - 1} more cannot be opened." * (len(found.refused) > 1)
        return BadCheckpoint(f"Nothing in {searched} can be merged. {first}: {problem}{more}")
    return BadCheckpoint(
        f"Nothing in {searched} can be merged: there is no folder with model.safetensors or "
        "adapter_model.safetensors in it. Name the folder that your training has written."
    )
