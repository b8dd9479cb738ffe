"""A look at a repository of the Hub before anything is fetched: files, sizes, tensors, licence."""

import hashlib
import json
import os
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

from studio.checkpoints.lora import CONFIG_FILE
from studio.checkpoints.stored import Entry
from studio.checkpoints.weights import LARGEST_HEADER, parse_header
from studio.disk.files import hub_id as split_id
from studio.disk.files import mapping, parse_json
from studio.errors import BadCheckpoint, BadRemote
from studio.hub.endpoint import Endpoint, MissingRemote, own_endpoint
from studio.hub.listing import DATASETS, INDEX, RemoteFile, parse_listing, refuse_pickles
from studio.progress import Progress, silent

_READ_WHOLE = ("config.json", CONFIG_FILE, INDEX)
_LARGEST_TEXT = 16 * 2**20
_GUESS = 2**17  # bytes of a tensor file that are read at first


@dataclass(frozen=True)
class RemoteLook:
    """What a repository of the Hub is, at one commit.

    Attributes:
        hub_id: 'owner/name', of a data set 'datasets/owner/name'.
        revision: branch, tag or commit that was asked for; 'main' if none was.
        commit: that it is, 40 hexadecimal digits.
        kind: 'model', 'adapter' or 'dataset'.
        files: that would be fetched.
        licence: that the card names, as the Hub's short name; '' if it names none.
        base_models: what the card or the adapter says that it was made from.
        headers: text of each safetensors file's header, by file name.
        texts: configurations, by file name.
        refusal: why it cannot be merged, a sentence; '' if it can as far as is known.
    """

    hub_id: str
    revision: str
    commit: str
    kind: str
    files: tuple[RemoteFile, ...]
    licence: str = ""
    base_models: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    texts: Mapping[str, str] = field(default_factory=dict, repr=False)
    refusal: str = ""

    @property
    def size(self) -> int:
        """Bytes of all files that would be fetched."""
        return sum(each.size for each in self.files)

    @property
    def pinned(self) -> str:
        """As recipes and zoos name exactly this commit."""
        return f"{self.hub_id}@{self.commit}"

    @property
    def repo(self) -> tuple[str, str]:
        """'owner/name', and the Hub's word for its type: 'model' or 'dataset'."""
        return _repo(self.hub_id)

    @cached_property
    def tensors(self) -> dict[str, Entry]:
        """Dtype code and shape of every tensor, by name; their ``file`` is its name there."""
        found: dict[str, Entry] = {}
        for name, text in self.headers.items():
            found |= _entries(self, name, text)
        return dict(sorted(found.items()))

    @property
    def parameters(self) -> int:
        """Elements of all tensors."""
        return sum(entry.numel for entry in self.tensors.values())

    def plain(self) -> dict:
        """As JSON."""
        return asdict(self)

    @staticmethod
    def of(plain: dict) -> "RemoteLook":
        """The look that ``plain`` was taken of."""
        files = tuple(RemoteFile(**each) for each in plain["files"])
        return RemoteLook(**plain | {"files": files, "base_models": tuple(plain["base_models"])})


def look(
    hub_id: str, revision: str | None = None, progress: Progress = silent,
    endpoint: Endpoint | None = None,
) -> RemoteLook:  # fmt: skip
    """Ask the Hub what a repository is; of its weights, headers alone are read.

    Args:
        hub_id: 'owner/name', 'owner/name@revision', or 'datasets/owner/name'.
        revision: branch, tag or commit, if it is not behind the ``@``; None for the main branch.
        progress: told the share done; raising in it stops.
        endpoint: to ask; None for the person's own.

    Raises:
        BadRemote: it does not exist, is gated or private, cannot be reached, or answers with what
            cannot be trusted.
        NotAllowed: the program was started offline.
    """
    hub_id, revision = parse_hub_id(hub_id, revision)
    endpoint, (name, kind) = endpoint or own_endpoint(), _repo(hub_id)
    progress(0.0, f"asking what {hub_id} is")
    listing = parse_listing(_told(endpoint, hub_id, revision), name)
    files = listing.wanted(rows=kind == "dataset")
    found = RemoteLook(hub_id, revision, listing.commit, kind, files, listing.licence)
    if kind == "dataset":
        no_rows = all(each.name == "README.md" for each in files)
        why = f"{hub_id} holds no CSV, JSON or Parquet files." if no_rows else ""
        return RemoteLook(**{**vars(found), "refusal": why})
    texts = {each.name: _text(endpoint, found, each) for each in files if each.name in _READ_WHOLE}
    weights, headers = [each for each in files if each.is_weights], {}
    for place, each in enumerate(weights):
        progress(place / len(weights), f"reading the header of {each.name}")
        headers[each.name] = _header(endpoint, found, each)
    known = {
        "kind": "adapter" if CONFIG_FILE in texts else "model", "texts": texts, "headers": headers,
        "base_models": _made_from(listing.card, texts), "refusal": refuse_pickles(listing, name),
    }  # fmt: skip
    progress(1.0, "looked")
    return RemoteLook(**{**vars(found), **known})


def parse_hub_id(hub_id: str, revision: str | None = None) -> tuple[str, str]:
    """An id without its revision, and the revision, 'main' if there is none.

    Raises:
        BadRemote: it is none.
    """
    owned = hub_id.removeprefix(DATASETS)
    found = split_id(owned)
    if found is None or (revision and split_id(f"a/b@{revision}") is None):
        raise BadRemote(
            f"{hub_id[:200]!r} is no id of the Hub: these are owner/name, owner/name@revision and "
            "datasets/owner/name."
        )
    prefix = DATASETS if hub_id.startswith(DATASETS) else ""
    return prefix + found[0], revision or found[1] or "main"


def file_url(endpoint: Endpoint, of: RemoteLook, file: RemoteFile) -> str:
    """Where a file of a look's commit lies."""
    from huggingface_hub import hf_hub_url

    name, kind = of.repo
    return hf_hub_url(name, file.name, repo_type=kind, revision=of.commit, endpoint=endpoint.url)


def sketch(of: RemoteLook, folder: Path) -> Path:
    """A checkpoint as its headers show it: the same names and shapes, and no numbers.

    What reads headers alone (a pre-flight, ``Deltas``) says of it what it would say of the real
    one. The files are holes of the real size, which take no room where the system knows holes.

    Args:
        of: a model or an adapter.
        folder: an existing folder, which is written into.

    Raises:
        BadRemote: a header is not what safetensors writes.
    """
    for name, text in of.texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    sizes = {each.name: each.size for each in of.files}
    for name, text in of.headers.items():
        _entries(of, name, text)
        (folder / name).parent.mkdir(exist_ok=True)
        content = text.encode()
        (folder / name).write_bytes(struct.pack("<Q", len(content)) + content)
        os.truncate(folder / name, sizes[name])
    return folder


def _repo(hub_id: str) -> tuple[str, str]:
    """'owner/name', and whether it is a 'dataset' or a 'model'."""
    kind = "dataset" if hub_id.startswith(DATASETS) else "model"
    return hub_id.removeprefix(DATASETS), kind


def _told(endpoint: Endpoint, hub_id: str, revision: str) -> object:
    name, kind = _repo(hub_id)
    path = f"/api/{kind}s/{name}/revision/{quote(revision, safe='')}?blobs=true"
    at = "" if revision == "main" else f" at '{revision}'"
    try:
        return endpoint.json(path, f"{hub_id}{at}")
    except MissingRemote:
        if kind == "dataset":
            raise
        try:
            endpoint.json(f"/api/datasets/{name}", name)
        except BadRemote:
            pass
        else:
            raise BadRemote(
                f"The Hub has no model {name}, but a data set: ask for {DATASETS}{name}."
            ) from None
        raise


def _text(endpoint: Endpoint, of: RemoteLook, file: RemoteFile) -> str:
    what = f"{file.name} of {of.hub_id}"
    if not 0 < file.size <= _LARGEST_TEXT:
        raise BadRemote(f"{what} has {file.size:,} bytes; 1 to {_LARGEST_TEXT:,} are read.")
    content = endpoint.first(file_url(endpoint, of, file), file.size, file.size, what)
    refuse_other_bytes(file, hasher(file, content).hexdigest(), what)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadRemote(f"{what} is not UTF-8 text.") from None
    mapping(parse_json(text, what, BadRemote), what, BadRemote)
    return text


def hasher(file: RemoteFile, content: bytes = b"") -> "hashlib._Hash":
    """What takes the hash by which a file is listed: sha256, or git's sha1."""
    if len(file.digest) == 64:
        return hashlib.sha256(content)
    return hashlib.sha1(b"blob %d\0" % file.size + content, usedforsecurity=False)


def refuse_other_bytes(file: RemoteFile, found: str, what: str) -> None:
    """Refuse bytes whose hash is not the listed one.

    Raises:
        BadRemote: with both hashes.
    """
    if found != file.digest:
        raise BadRemote(
            f"{what} came with the hash {found[:12]}…, and the Hub's list says "
            f"{file.digest[:12]}…: something on the way changed it. Nothing of it was kept."
        )


def _header(endpoint: Endpoint, of: RemoteLook, file: RemoteFile) -> str:
    """The header of a tensor file, of which no more is read than that needs."""
    what, url = f"{file.name} of {of.hub_id}", file_url(endpoint, of, file)
    if file.size < 10:
        raise BadRemote(f"{what} has {file.size} bytes; it is no safetensors file.")
    content = endpoint.first(url, file.size, _GUESS, what)
    length = struct.unpack("<Q", content[:8])[0]
    if length > min(file.size - 8, LARGEST_HEADER):
        raise BadRemote(
            f"{what} claims a header of {length:,} bytes; the file has {file.size:,}, and at most "
            f"{LARGEST_HEADER:,} are read. It is no safetensors file, or damaged."
        )
    if len(content) < 8 + length:
        content = endpoint.first(url, file.size, 8 + length, what)
    try:
        text = content[8 : 8 + length].decode()
    except UnicodeDecodeError:
        raise BadRemote(f"{what}: the header is not UTF-8 text.") from None
    _entries(of, file.name, text, file.size)
    return text


def _entries(of: RemoteLook, name: str, text: str, size: int | None = None) -> dict[str, Entry]:
    if size is None:
        size = next(each.size for each in of.files if each.name == name)
    seen = (0, 0, size, 0, 0)
    try:
        return parse_header(Path(name), text, 8 + len(text.encode()), seen)[0]
    except BadCheckpoint as problem:
        raise BadRemote(f"{of.hub_id}: {problem}") from None


def _made_from(card: dict, texts: Mapping[str, str]) -> tuple[str, ...]:
    """Ids that a card and an adapter's configuration name as what they were made from."""
    said = card.get("base_model")
    said = [said] if isinstance(said, str) else said if isinstance(said, list) else []
    adapter = json.loads(texts[CONFIG_FILE]) if CONFIG_FILE in texts else {}
    said = [adapter.get("base_model_name_or_path"), *said]
    return tuple(dict.fromkeys(x for x in said if isinstance(x, str) and split_id(x)))
