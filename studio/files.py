"""Files and folders: strict YAML and JSON, paths, hub ids, atomic folders."""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml
from yaml.composer import ComposerError
from yaml.constructor import ConstructorError

from studio.errors import BadCheckpoint, OutputExists, StudioError

LARGEST_TEXT_FILE = 16 * 2**20
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def read_text(path: Path, error: type[StudioError]) -> str:
    """Text of a small UTF-8 file; ``error`` is raised for what cannot be read."""
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise error(f"{path} is not a file.")
        if size > LARGEST_TEXT_FILE:
            raise error(f"{path} has {size:,} bytes; at most {LARGEST_TEXT_FILE:,} are read.")
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise error(f"There is no file {path}.") from None
    except UnicodeDecodeError as problem:
        raise error(f"{path} is not UTF-8 text (byte {problem.start}).") from None
    except OSError as problem:
        raise error(f"{path} cannot be read: {problem.strerror}.") from None


def parse_json(text: str, where: str, error: type[StudioError]) -> object:
    """JSON without repeated keys; ``where`` names the source in the error."""

    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        keys = [key for key, _ in pairs]
        repeated = sorted({key for key in keys if keys.count(key) > 1}) if len(keys) < 1000 else []
        if repeated or len(set(keys)) != len(keys):
            raise error(f"{where} names {', '.join(repeated) or 'a key'} twice.")
        return dict(pairs)

    try:
        return json.loads(text, object_pairs_hook=unique)
    except json.JSONDecodeError as problem:
        raise error(
            f"{where} is not JSON: {problem.msg} at line {problem.lineno}, column {problem.colno}."
        ) from None
    except RecursionError:
        raise error(f"{where} is nested too deeply.") from None


def parse_yaml(text: str, where: str, error: type[StudioError]) -> object:
    """YAML without aliases, tags or repeated keys; ``1e-3`` is a number."""
    try:
        return yaml.load(text, Loader=_StrictLoader)
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        what = getattr(problem, "problem", None) or str(problem).splitlines()[0]
        raise error(f"{where} is not valid YAML: {what}{place}.") from None
    except (RecursionError, ValueError) as problem:
        raise error(f"{where} is not valid YAML: {problem}.") from None


def read_mapping(path: Path, error: type[StudioError]) -> dict:
    """A JSON or YAML file whose top level is a mapping with text keys."""
    text = read_text(path, error)
    parse = parse_json if path.suffix == ".json" else parse_yaml
    data = parse(text, str(path), error)
    return mapping(data, str(path), error)


def mapping(data: object, where: str, error: type[StudioError]) -> dict:
    """``data`` if it is a mapping with text keys."""
    if not isinstance(data, dict) or not all(isinstance(key, str) for key in data):
        raise error(f"{where} must be a mapping of names to values.")
    return data


def only_keys(data: dict, allowed: tuple[str, ...], where: str, error: type[StudioError]) -> None:
    """Refuse keys that nothing reads, by name."""
    unknown = [key for key in data if key not in allowed]
    if unknown:
        raise error(
            f"{where} has the unknown key {', '.join(map(repr, unknown))}; "
            f"the keys are {', '.join(allowed)}."
        )


def resolve_source(source: str, folder: Path) -> str:
    """A path relative to ``folder`` made absolute; a hub id that is no folder stays as it is."""
    path = Path(os.path.normpath(folder / Path(source).expanduser()))
    return source if not path.exists() and _HUB_ID.fullmatch(source) else str(path)


def source_folder(source: str) -> Path:
    """Folder of a path or of a hub id that is in the local hub cache.

    The studio never downloads by itself.

    Raises:
        BadCheckpoint: there is no such folder, or the hub id has not been downloaded.
    """
    path = Path(source)
    if path.is_dir():
        return path
    if path.exists():
        raise BadCheckpoint(f"{source} is a file; give the folder that holds the checkpoint.")
    if path.is_absolute() or not _HUB_ID.fullmatch(source):
        raise BadCheckpoint(f"There is no folder {source}. Check the path in the zoo or recipe.")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(snapshot_download(source, local_files_only=True))
    except (LocalEntryNotFoundError, ValueError, OSError):
        raise BadCheckpoint(
            f"'{source}' is neither a folder nor in the local hub cache. The studio never "
            f"downloads by itself: run `hf download {source}` once, or correct the path."
        ) from None


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A temporary sibling that becomes ``target`` if the block succeeds, and vanishes if not.

    Every file is flushed to the disk before the rename, which is the last step.

    Raises:
        OutputExists: ``target`` exists before or after the block.
    """
    target = Path(os.path.abspath(target))
    refuse_existing(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent))
    except OSError as problem:
        raise StudioError(f"{target} cannot be written: {problem.strerror}.") from None
    try:
        yield work
        work.chmod(0o755)
        for path in [*sorted(work.rglob("*")), work]:
            _sync(path)
        refuse_existing(target)
        work.rename(target)
        _sync(target.parent)
    except OSError as problem:
        raise StudioError(
            f"{target} could not be written: {problem.strerror}; nothing was kept."
        ) from None
    finally:
        shutil.rmtree(work, ignore_errors=True)


def write_file(path: Path, text: str) -> None:
    """Replace or create a text file in one step.

    Raises:
        StudioError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except OSError as problem:
        raise StudioError(f"{path} cannot be written: {problem.strerror}.") from None


def refuse_existing(target: Path) -> None:
    """Refuse an output folder that is there already.

    Raises:
        OutputExists: naming it.
    """
    if target.exists() or target.is_symlink():
        raise OutputExists(f"{target} exists already; choose another output folder.")


def _sync(path: Path) -> None:
    if os.name == "nt" and path.is_dir():  # Windows flushes folders with their files
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class _StrictLoader(yaml.SafeLoader):
    """Safe YAML that refuses what could surprise: aliases and repeated keys."""

    def compose_node(self, parent: yaml.Node | None, index: object) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            raise ComposerError(None, None, "aliases (*name) are not accepted", event.start_mark)
        return super().compose_node(parent, index)  # type: ignore[arg-type]

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for position, key in enumerate(keys):
            if key in keys[:position]:
                raise ConstructorError(
                    None, None, f"the key '{key}' stands there twice", node.start_mark
                )
        return super().construct_mapping(node, deep)


_StrictLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?$|[-+]?\.(inf|Inf|INF)$|\.(nan|NaN|NAN)$"),
    list("-+0123456789."),
)
