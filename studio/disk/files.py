"""Files from anywhere, read strictly: text, JSON, YAML, links, paths, hub ids."""

import io
import json
import math
import os
import re
import stat
from collections import Counter
from functools import partial
from pathlib import Path

import yaml
from yaml.composer import ComposerError
from yaml.constructor import ConstructorError

from studio.disk.beside import replace, write_beside
from studio.errors import BadCheckpoint, Remedy, StudioError

LARGEST_TEXT_FILE = 16 * 2**20
LARGEST_YAML = 256 * 2**10  # its parser is slow
MOST_VALUES = 1_600_000  # of JSON: enough for 100,000 tensors
DEEPEST = 64
_PART = r"[A-Za-z0-9][\w.-]*"
_HUB_ID = re.compile(rf"({_PART}/{_PART})(?:@({_PART}(?:/{_PART})*))?", re.ASCII)


def open_at_once(path: str, flags: int) -> int:
    """An opener that does not wait: what is a pipe must not hang."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def open_regular(path: Path, error: type[StudioError]) -> io.BufferedReader:
    """A regular file opened for reading; pipes, devices and folders are refused at once."""
    try:
        stream = open(path, "rb", opener=open_at_once)  # noqa: SIM115 (the caller closes it)
    except FileNotFoundError:
        raise error(f"There is no file {path}.") from None
    except (OSError, ValueError) as problem:  # ValueError: no such name can exist
        why = getattr(problem, "strerror", None) or problem
        raise error(f"{path} cannot be read: {why}.") from None
    if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        stream.close()
        raise error(f"{path} is not a regular file.")
    return stream


def read_text(path: Path, error: type[StudioError], limit: int = LARGEST_TEXT_FILE) -> str:
    """Text of a small UTF-8 file; ``error`` is raised for what cannot be read."""
    try:
        with open_regular(path, error) as stream:
            content = stream.read(limit + 1)
            size = max(len(content), os.fstat(stream.fileno()).st_size)
    except OSError as problem:
        raise error(f"{path} cannot be read: {problem.strerror}.") from None
    if len(content) > limit:
        raise error(f"{path} has {size:,} bytes; at most {limit:,} are read.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = content.count(b"\n", 0, problem.start) + 1
        raise error(f"{path} is not UTF-8 text: its line {line:,} is not.") from None


def inside(
    folder: Path,
    file: Path,
    error: type[StudioError] = BadCheckpoint,
    roots: tuple[Path, ...] | None = None,
) -> Path:
    """``file`` if it is a regular file that belongs to ``folder``.

    A link is followed only to the same folder, or, in a hub cache (``snapshots/<commit>``), to
    the ``blobs`` of the same repository, or below one of the roots.

    Args:
        folder: that it belongs to.
        file: to look at.
        error: raised if it is none.
        roots: folders into which links may lead; None if no choice of roots could allow one.
    """
    if not os.path.exists(file):
        raise error(f"There is no file {file}.")
    target, home = file.resolve(), folder.resolve()
    if not os.path.isfile(target):
        raise error(f"{file} is not a regular file.")
    cached = (each.parent for each in (home, *home.parents) if each.parent.name == "snapshots")
    if target.parent in (home, *(each.parent / "blobs" for each in cached)):
        return file
    if roots is None:
        raise error(f"{file} leads to {target}, outside its folder; copy the file itself there.")
    if not any(target.is_relative_to(root.resolve()) for root in roots):
        problem = f"{file} leads to {target}, outside its folder."
        raise error(problem, Remedy.FOLLOW_LINKS, target.parent)
    return file


def parse_json(text: str, where: str, error: type[StudioError]) -> object:
    """JSON without repeated keys or infinite numbers; ``where`` names the source in the error."""

    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) < len(pairs):
            twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
            raise error(f"{where} names {twice} twice.")
        return found

    def refuse(number: str) -> object:
        raise error(f"{where} holds the number {number[:50]}, which is not finite.")

    def decimal(number: str) -> object:
        return value if math.isfinite(value := float(number)) else refuse(number)

    values = sum(map(text.count, "{[,"))
    if values > MOST_VALUES:
        raise error(f"{where} holds about {values:,} values; at most {MOST_VALUES:,} are read.")
    try:
        found = json.loads(
            text, object_pairs_hook=unique, parse_float=decimal, parse_constant=refuse
        )
    except json.JSONDecodeError as problem:
        raise error(
            f"{where} is not JSON: {problem.msg} at line {problem.lineno}, column {problem.colno}."
        ) from None
    except (RecursionError, ValueError):  # nested too deeply, or a number of thousands of digits
        raise error(f"{where} holds something too deep or too long to read.") from None
    return _writable(found, where, error)


def parse_yaml(text: str, where: str, error: type[StudioError]) -> object:
    """YAML without aliases, tags or repeated keys; numbers are read as YAML 1.2 reads them."""
    try:
        found = yaml.load(text, Loader=_StrictLoader)
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        what = getattr(problem, "problem", None) or str(problem).splitlines()[0]
        raise error(f"{where} is not valid YAML: {what}{place}.") from None
    except (RecursionError, ValueError, OverflowError) as problem:
        raise error(f"{where} is not valid YAML: {problem}.") from None
    return _writable(found, where, error)


def _writable(value: object, where: str, error: type[StudioError]) -> object:
    """``value`` if it could be written again: not too deep, and its text is Unicode."""
    level = [value]
    for _ in range(DEEPEST):
        if not level:
            return value
        texts = [each for each in level if isinstance(each, str) and not each.isascii()]
        if not _is_unicode("".join(texts)):
            wrong = next(each for each in texts if not _is_unicode(each))
            raise error(
                f"{where} holds {wrong[:100]!r}, which is not Unicode text: half of a character "
                "written as two (a lone surrogate)."
            )
        level = [x for each in level if isinstance(each, dict | list) for x in _inner(each)]
    raise error(f"{where} is nested more than {DEEPEST} levels deep.")


def _inner(value: dict | list) -> list:
    return [*value, *value.values()] if isinstance(value, dict) else value


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def read_mapping(path: Path, error: type[StudioError]) -> dict:
    """A JSON or YAML file whose top level is a mapping with text keys."""
    if path.suffix == ".json":
        data = parse_json(read_text(path, error), str(path), error)
    else:
        data = parse_yaml(read_text(path, error, LARGEST_YAML), str(path), error)
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


def hub_id(source: str) -> tuple[str, str | None] | None:
    """Owner/name and the revision behind ``@``, if any, of a hub id; None for what is none."""
    found = _HUB_ID.fullmatch(source)
    return (found[1], found[2]) if found else None


def source_place(source: str) -> Path:
    """Folder or file of a path; folder of a hub id that is in the local hub cache.

    ``owner/name@revision`` is one revision of it, by its commit, branch or tag. The studio never
    downloads by itself.

    Raises:
        BadCheckpoint: there is no such place, or the hub id has not been downloaded.
    """
    if os.path.isabs(source) and (os.path.isdir(source) or os.path.isfile(source)):
        return Path(source)
    found = hub_id(source)
    if os.path.isabs(source) or found is None:
        raise BadCheckpoint(f"There is no folder {source}. Check the path in the zoo or recipe.")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(snapshot_download(found[0], revision=found[1], local_files_only=True))
    except (LocalEntryNotFoundError, ValueError, OSError):
        raise BadCheckpoint(
            f"'{source}' is neither a folder nor in the local hub cache. The studio never "
            f"downloads by itself: run `python -m studio hub fetch {source}` once, or correct the "
            "path."
        ) from None


def source_folder(source: str) -> Path:
    """The folder of a path or hub id, see ``source_place``; of a file, the one that it lies in."""
    place = source_place(source)
    return place if place.is_dir() else place.parent


def write_file(path: Path, text: str) -> None:
    """Replace or create a text file in one step.

    Raises:
        StudioError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_beside(path, text.encode(), 0o600, partial(_publish, path=path))
    except OSError as problem:
        raise StudioError(f"{path} cannot be written: {problem.strerror}.") from None
    except UnicodeEncodeError:
        raise StudioError(
            f"{path} cannot be written: it would hold a path that is no text."
        ) from None


def _publish(part: Path, path: Path) -> None:
    part.chmod(0o644)
    replace(part, path)


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
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise ConstructorError(
                    None, None, f"the key '{key.value}' stands there twice", key.start_mark
                )
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else key)
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
