"""Modules of sentence-transformers beside a transformer: they are its own, and never merged."""

from pathlib import Path

from studio.checkpoints.checkpoint import Checkpoint
from studio.disk.files import open_regular, parse_json, read_text
from studio.errors import BadCheckpoint, StudioError, some

MODULES = "modules.json"
_CHUNK = 2**20


def module_folders(checkpoint: Checkpoint) -> list[str]:
    """Folders that a checkpoint's ``modules.json`` names beside the transformer's own."""
    try:
        file = checkpoint.inside(checkpoint.folder / MODULES)
        listed = parse_json(read_text(file, BadCheckpoint), "", BadCheckpoint)
    except StudioError:
        return []
    entries = listed if isinstance(listed, list) else []
    paths = [entry.get("path") for entry in entries if isinstance(entry, dict)]
    names = {path.split("/")[0] for path in paths if isinstance(path, str)}
    return sorted(names - {"", ".", ".."})


def module_notes(base: Checkpoint, checkpoint: Checkpoint) -> list[str]:
    """A note on modules in which a checkpoint differs from its base, if it does."""
    own, ours = module_folders(checkpoint), module_folders(base)
    others = [name for name in own if name not in ours or not _equal(base, checkpoint, name)]
    if not others:
        return []
    instead = "the base's are used" if ours else "the base has none, and an export neither"
    return [
        f"Its modules of sentence-transformers ({some(others)}) are not merged; {instead}. An "
        "embedding that goes through them needs them from its folder."
    ]


def _equal(base: Checkpoint, checkpoint: Checkpoint, name: str) -> bool:
    files = [_files(each.folder / name) for each in (base, checkpoint)]
    if files[0] != files[1]:
        return False
    return all(_same(base, checkpoint, Path(name) / file) for file in files[0])


def _files(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    return sorted(
        each.name for each in folder.iterdir() if each.suffix in (".json", ".safetensors")
    )


def _same(base: Checkpoint, checkpoint: Checkpoint, file: Path) -> bool:
    """Whether a file says the same in both: JSON by its content, weights byte by byte."""
    try:
        one, two = (each.inside(each.folder / file) for each in (base, checkpoint))
        if file.suffix == ".json":
            first, second = (
                parse_json(read_text(each, BadCheckpoint), str(each), BadCheckpoint)
                for each in (one, two)
            )
            return first == second
        if one.stat().st_size != two.stat().st_size:
            return False
        with open_regular(one, BadCheckpoint) as a, open_regular(two, BadCheckpoint) as b:
            while piece := a.read(_CHUNK):
                if piece != b.read(_CHUNK):
                    return False
    except StudioError:
        return False
    return True
