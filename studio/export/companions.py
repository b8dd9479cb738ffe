"""What lies beside the base's weights: data that an export takes along, and what it leaves out."""

import json
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from studio.checkpoints.checkpoint import Checkpoint
from studio.checkpoints.choice import SINGLE
from studio.checkpoints.sentence_modules import module_folders
from studio.disk.files import open_regular, parse_json, read_text
from studio.errors import BadCheckpoint
from studio.export.folder import CARD, RECORD

LARGEST = 128 * 2**20  # bytes of a file that is taken along
_MOST = 1000  # files looked at
_DEEPEST = 3  # folders in each other
_LISTED = 20
_ALWAYS = (".json", ".txt", ".model", ".jinja")  # refused, not left out, where they lead elsewhere
_REPLACED = (
    CARD, RECORD, f"{SINGLE}.index.json", "zoo.json", "zoo.yaml", "recipe.json", "recipe.yaml",
    "labels.json",
)  # fmt: skip
_OF_EXPORTS = ("heads", "classifiers")
_NOT_DATA = {
    "code": (
        ".py", ".pyc", ".pyi", ".ipynb", ".sh", ".bash", ".bat", ".cmd", ".ps1", ".js", ".mjs",
        ".ts", ".html", ".htm", ".svg", ".so", ".dll", ".dylib", ".exe", ".c", ".cc", ".cpp", ".h",
        ".cu", ".rs", ".go", ".java", ".jar", ".class", ".whl", ".rb", ".pl", ".lua", ".php",
    ),
    "a pickle": (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".dill", ".npy"),
    "other weights": (
        ".safetensors", ".gguf", ".ggml", ".h5", ".msgpack", ".onnx", ".onnx_data", ".ot",
        ".tflite", ".pb", ".mlmodel", ".npz", ".index.json",
    ),
    "an archive": (".zip", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".7z"),
    "a key or certificate": (".pem", ".key", ".dsse.json"),
    "of a training run": (".log",),
}  # fmt: skip
_STARTS = {
    b"PK\x03\x04": "an archive", b"\x7fELF": "code", b"#!": "code", b"GGUF": "other weights",
    b"\x80\x02": "a pickle", b"\x80\x03": "a pickle", b"\x80\x04": "a pickle",
    b"\x80\x05": "a pickle", b"\x89HDF": "other weights",
}  # fmt: skip


@dataclass(frozen=True)
class Companions:
    """What an export takes along of the base's folder.

    Attributes:
        files: paths in the folder.
        folders: empty ones, which a list of modules names.
        left_out: (path, why), of what is no data or not the base's.
    """

    files: tuple[Path, ...]
    folders: tuple[Path, ...]
    left_out: tuple[tuple[str, str], ...]


def companions(base: Checkpoint) -> Companions:
    """Look at what lies beside the base's weights; nothing is copied.

    Raises:
        BadCheckpoint: a configuration or tokenizer leads out of the folder.
    """
    read = {entry.file for entry in base.weights.entries.values()}
    files, folders, out = [], [], []
    for each in sorted(base.folder.iterdir()):
        if each.name.startswith(".") or each.name in _REPLACED or each in read:
            continue
        if each.is_dir():
            taken, why = _folder(base, each)
            files += taken
            folders += [] if taken or why else [each]
            out += [(f"{each.relative_to(base.folder)}/", why)] if why else []
        elif why := _why_not(base, each, each.suffix in _ALWAYS):
            out.append((each.name, why))
        else:
            files.append(each)
    inner = [(str(f.relative_to(base.folder)), why) for f, why in _within_modules(base)]
    return Companions(tuple(files), tuple(folders), (*out, *inner))


def copy_companions(base: Checkpoint, work: Path, dtype: str | None = None) -> tuple[str, ...]:
    """Config, tokenizer and what else is data beside the base's weights; never code.

    Args:
        base: whose they are.
        work: an existing folder.
        dtype: of the weights beside them, for the config; None leaves what the base says.

    Returns:
        What was left out, a sentence each.
    """
    found = companions(base)
    for folder in found.folders:
        (work / folder.relative_to(base.folder)).mkdir()
    for file in found.files:
        place = work / file.relative_to(base.folder)
        if not place.parent.is_dir():
            place.parent.mkdir(parents=True)
        shutil.copyfile(base.inside(file), place)
    told = _told(found.left_out)
    for config in sorted(work.glob("*config.json")):
        told += _plain_config(config, dtype if config.name == "config.json" else None)
    return tuple(told)


def _folder(base: Checkpoint, folder: Path) -> tuple[list[Path], str]:
    """The files of a folder that are taken along, or why it is left out."""
    if not _leads_inside(base, folder):
        return [], "a link that leads elsewhere"
    if folder.name in _OF_EXPORTS:
        return [], "of an earlier export"
    held = list(_files(folder))
    if len(held) > _MOST:
        return [], f"more than {_MOST:,} files"
    if folder.name in _modules(base):
        return [file for file in held if not _why_not_in_module(base, file)], ""
    for file in held:
        if why := _why_not(base, file):
            return [], f"it holds {file.name}: {why}"
    is_module = re.fullmatch(r"\d+_\w+", folder.name)
    return held, "" if held or is_module else "empty"


def _within_modules(base: Checkpoint) -> Iterator[tuple[Path, str]]:
    """Files that stay behind, although the list of modules names their folder."""
    for name in _modules(base):
        folder = base.folder / name
        if folder.is_dir() and _leads_inside(base, folder):
            for file in _files(folder):
                if why := _why_not_in_module(base, file):
                    yield file, why


def _modules(base: Checkpoint) -> list[str]:
    """Folders that the list of modules names, whose weights are no others."""
    return [name for name in module_folders(base) if name not in _OF_EXPORTS]


def _files(folder: Path, deep: int = 1) -> Iterator[Path]:
    for each in sorted(folder.iterdir()):
        if each.name.startswith("."):
            continue
        if each.is_dir() and not each.is_symlink() and deep < _DEEPEST:
            yield from _files(each, deep + 1)
        else:
            yield each


def _leads_inside(base: Checkpoint, folder: Path) -> bool:
    """Whether a folder is one of the base's: no link, or one that leads below a root."""
    if not folder.is_symlink():
        return True
    target = folder.resolve()
    below = any(target.is_relative_to(root.resolve()) for root in base.roots)
    return below and not base.folder.resolve().is_relative_to(target)


def _why_not_in_module(base: Checkpoint, file: Path) -> str:
    return "" if file.suffix == ".safetensors" and file.is_file() else _why_not(base, file)


def _why_not(base: Checkpoint, file: Path, strict: bool = False) -> str:
    """Why a file is not taken along; empty if it is data.

    Raises:
        BadCheckpoint: ``strict`` and it is no regular file of the folder.
    """
    if ".tfevents." in file.name:
        return "of a training run"
    for why, endings in _NOT_DATA.items():
        if file.name.lower().endswith(endings):
            return why
    if file.name.startswith("adapter_"):
        return "of an adapter"
    try:
        base.inside(file)
    except BadCheckpoint:
        if strict:
            raise
        return "no regular file, or a link that leads elsewhere"
    if not file.name.isprintable():
        return "its name is no text"
    if file.stat().st_size > LARGEST:
        return f"{file.stat().st_size:,} bytes"
    with open_regular(file, BadCheckpoint) as stream:
        start = stream.read(4)
    return next((why for first, why in _STARTS.items() if start.startswith(first)), "")


def _told(left_out: Sequence[tuple[str, str]]) -> list[str]:
    if not left_out:
        return []
    listed = ", ".join(f"{name} ({why})" for name, why in left_out[:_LISTED])
    more = f" and {len(left_out) - _LISTED} more" if len(left_out) > _LISTED else ""
    return [f"Left out of what lies beside the base's weights: {listed}{more}."]


def _plain_config(config: Path, dtype: str | None) -> list[str]:
    """Let a written config say what is true of plain weights without code beside them."""
    untrue = ("auto_map", "quantization_config") if config.name == "config.json" else ("auto_map",)
    text = read_text(config, BadCheckpoint)
    if not dtype and not any(key in text for key in untrue):
        return []
    plain, dropped = _without(parse_json(text, str(config), BadCheckpoint), untrue)
    if dtype and isinstance(plain, dict):
        plain.pop("torch_dtype", None)
        plain["dtype"] = dtype
    if not dropped and not dtype:
        return []
    config.write_text(json.dumps(plain, indent=2))
    if not dropped:
        return []
    return [
        f"{config.name} does not say {' and '.join(sorted(dropped))} any more: the weights are "
        "plain, and no code lies beside them."
    ]


def _without(value: object, keys: tuple[str, ...]) -> tuple[object, set[str]]:
    """A JSON value without some keys, on every level, and those that were there."""
    if not isinstance(value, dict):
        return value, set()
    found, dropped = {}, {key for key in keys if key in value}
    for key, inner in value.items():
        if key not in keys:
            found[key], deeper = _without(inner, keys)
            dropped |= deeper
    return found, dropped
