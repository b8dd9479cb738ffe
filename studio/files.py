"""Files and folders: strict YAML and JSON, paths, hub ids, atomic folders."""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
    except (RecursionError, ValueError):  # nested too deeply, or a number of thousands of digits
        raise error(f"{where} holds something too deep or too long to read.") from None


def parse_yaml(text: str, where: str, error: type[StudioError]) -> object:
    """YAML without aliases, tags or repeated keys; numbers are read as YAML 1.2 reads them."""
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


def text_field(data: dict, key: str, where: str, error: type[StudioError]) -> str:
    """A value that must be text that is not empty."""
    value = data.get(key)
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise error(f"{where}: '{key}' is {value!r}; it must be a name or path.")
    return value


def resolve_source(source: str, folder: Path) -> str:
    """A path relative to ``folder`` made absolute; a hub id that is no folder stays as it is."""
    path = Path(os.path.normpath(folder / os.path.expanduser(source)))
    return source if not os.path.exists(path) and _HUB_ID.fullmatch(source) else str(path)


def source_folder(source: str) -> Path:
    """Folder of a path or of a hub id that is in the local hub cache.

    The studio never downloads by itself.

    Raises:
        BadCheckpoint: there is no such folder, or the hub id has not been downloaded.
    """
    if os.path.isabs(source) and os.path.isdir(source):
        return Path(source)
    if os.path.isfile(source):
        raise BadCheckpoint(f"{source} is a file; give the folder that holds the checkpoint.")
    if os.path.isabs(source) or not _HUB_ID.fullmatch(source):
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
    made = [folder for folder in target.parents if not os.path.exists(folder)]
    done = False
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent))
        try:
            yield work
            work.chmod(0o755)
            for path in [*sorted(work.rglob("*")), work]:
                _sync(path)
            _claim(target)
            work.rename(target)
            _sync(target.parent)
            done = True
        finally:
            shutil.rmtree(work, ignore_errors=True)
    except OSError as problem:
        what = f"{problem.strerror} ({problem.filename})" if problem.filename else str(problem)
        raise StudioError(f"{target} could not be written: {what}; nothing was kept.") from None
    finally:
        for folder in made if not done else ():
            with suppress(OSError):  # somebody else uses it by now
                folder.rmdir()


def write_file(path: Path, text: str) -> None:
    """Replace or create a text file in one step.

    Raises:
        StudioError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            Path(name).chmod(0o644)
            Path(name).replace(path)
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as problem:
        raise StudioError(f"{path} cannot be written: {problem.strerror}.") from None


def refuse_existing(target: Path) -> None:
    """Refuse an output folder that is there already.

    Raises:
        OutputExists: naming it.
    """
    if os.path.lexists(target):
        raise OutputExists(f"{target} exists already; choose another output folder.")


def _claim(target: Path) -> None:
    """Take the name, so that a rename cannot replace what appeared there meanwhile."""
    try:
        if os.name != "nt":  # where renaming onto anything is refused anyway
            target.mkdir()
    except FileExistsError:
        raise OutputExists(f"{target} appeared meanwhile; choose another output folder.") from None


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
        event = self.peek_event()
        if getattr(event, "tag", None) is not None:
            raise ComposerError(None, None, "tags (!name) are not accepted", event.start_mark)
        return super().compose_node(parent, index)  # type: ignore[arg-type]

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for position, key in enumerate(keys):
            if key in keys[:position]:
                raise ConstructorError(
                    None, None, f"the key '{key}' stands there twice", node.start_mark
                )
        return super().construct_mapping(node, deep)


# Only null, true and false, whole numbers and decimals are not text: no octals, dates or "yes".
_StrictLoader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("null", r"(~|null|)$", ["~", "n", ""]),
    ("bool", r"(true|false)$", list("tf")),
    ("int", r"[-+]?(0|[1-9]\d*)$", list("-+0123456789")),
    (
        "float",
        r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?$|[-+]?\.inf$|\.nan$",
        list("-+0123456789."),
    ),
):
    _StrictLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _first)
