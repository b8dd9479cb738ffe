"""What a repository of the Hub lists: files with sizes and hashes, and which of them are wanted."""

import re
from collections import Counter
from dataclasses import dataclass

from studio.checkpoints.lora import CONFIG_FILE, WEIGHTS_FILE
from studio.checkpoints.weights import HEAD_FILES
from studio.disk.files import mapping
from studio.errors import BadRemote, some
from studio.export.licences import licence_of_card

MOST_FILES = 20_000
INDEX = "model.safetensors.index.json"
DATASETS = "datasets/"
"""How the id of a data set begins, as in the Hub's own addresses."""
_ONE_FILE = "model.safetensors"
_LONGEST_NAME = 400
_SAFE = re.compile(r"[\w.+=@,()\[\] -]+", re.ASCII)
_SHARD = re.compile(r"model-\d{5}-of-\d{5}\.safetensors")
_TEXTS = (
    "README.md", "vocab.txt", "vocab.bpe", "merges.txt", "tokenizer.model", "spiece.model",
    "sentencepiece.bpe.model", "source.spm", "target.spm", "spm.model", "chat_template.jinja",
)  # fmt: skip
_TEXT_ENDS = (".json", ".tiktoken", ".spm")
_ROW_ENDS = (".csv", ".json", ".jsonl", ".parquet")
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".msgpack", ".h5")
_PART_FOLDER = re.compile(r"\d+_\w+", re.ASCII)  # of sentence-transformers
_SHA1, _SHA256 = re.compile(r"[0-9a-f]{40}"), re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class RemoteFile:
    """A file of a repository.

    Attributes:
        name: with folders, by slashes; checked to stay inside.
        size: in bytes.
        digest: by which the cache keeps it: the sha256 of its bytes, or git's sha1.
    """

    name: str
    size: int
    digest: str

    @property
    def is_weights(self) -> bool:
        """Whether it holds tensors."""
        return self.name.endswith(".safetensors")


@dataclass(frozen=True)
class Listing:
    """All files of a repository at one commit.

    Attributes:
        commit: 40 hexadecimal digits.
        files: with names that are allowed on every system.
        licence: that the card names; '' if it names none.
        card: what else its card says of itself, unchecked.
    """

    commit: str
    files: tuple[RemoteFile, ...]
    licence: str
    card: dict

    def wanted(self, rows: bool) -> tuple[RemoteFile, ...]:
        """The files that are fetched: of a data set its rows, else weights and what reads them."""
        if rows:
            kept = (each for each in self.files if each.name.endswith(_ROW_ENDS))
            return (*kept, *(each for each in self.files if each.name == "README.md"))
        weights = self._weights()
        kept = [each for each in self.files if each.name in weights or _is_text(each.name)]
        return tuple(kept)

    @property
    def pickles(self) -> tuple[str, ...]:
        """Names of weights that no safe reader opens."""
        return tuple(each.name for each in self.files if each.name.endswith(_PICKLES))

    def _weights(self) -> set[str]:
        """Names of the tensor files that ``from_pretrained`` would read, or all at the top."""
        top = {each.name for each in self.files if each.is_weights and "/" not in each.name}
        names = {each.name for each in self.files}
        model = {_ONE_FILE} & top
        if not model and INDEX in names:
            model = {name for name in top if _SHARD.fullmatch(name)}
        own = ({WEIGHTS_FILE} if CONFIG_FILE in names else set()) | set(HEAD_FILES)
        found = (model | own) & top
        parts = {each.name for each in self.files if each.is_weights and _in_part(each.name)}
        return (found if found - set(HEAD_FILES) else top) | parts


def parse_listing(answer: object, hub_id: str) -> Listing:
    """The Hub's account of a repository, every word of it checked.

    Args:
        answer: of the Hub, parsed.
        hub_id: that was asked for, ``datasets/`` left out.

    Raises:
        BadRemote: naming what is wrong with it.
    """
    where = f"The Hub's answer on {hub_id}"
    told = mapping(answer, where, BadRemote)
    called = told.get("id")
    if called != hub_id:
        raise BadRemote(f"The Hub calls '{hub_id}' {str(called)[:200]!r}; ask for it by that name.")
    commit = told.get("sha")
    if not isinstance(commit, str) or not _SHA1.fullmatch(commit):
        raise BadRemote(f"{where} names the commit {str(commit)[:60]!r}; it must be a sha1.")
    listed = told.get("siblings")
    if not isinstance(listed, list) or len(listed) > MOST_FILES:
        many = f"{len(listed):,} files" if isinstance(listed, list) else "no files"
        raise BadRemote(f"{where} lists {many}; there must be a list of at most {MOST_FILES:,}.")
    found = (_file(each, where) for each in listed)
    files = tuple(each for each in found if _is_plain(each.name))
    folded = Counter(each.name.casefold() for each in files)
    if folded and (most := folded.most_common(1)[0])[1] > 1:
        raise BadRemote(f"{where} lists {most[0]} twice, capitals apart.")
    card = told.get("cardData")
    card = card if isinstance(card, dict) else {}
    return Listing(commit, files, licence_of_card(card), card)


def refuse_pickles(listing: Listing, hub_id: str) -> str:
    """Why there is nothing to merge; '' if there is something."""
    if any(each.is_weights for each in listing.wanted(rows=False)):
        return ""
    if listing.pickles:
        return (
            f"{hub_id} holds its weights only as {some(listing.pickles, 3)}: pickles, which run "
            "programs when they are opened, or other formats that the studio does not read. Ask "
            "its owner for safetensors, or look for a revision that has them."
        )
    return f"{hub_id} holds no safetensors, so that there is nothing to merge."


def _file(entry: object, where: str) -> RemoteFile:
    told = mapping(entry, f"{where}: a file", BadRemote)
    name = told.get("rfilename")
    if not isinstance(name, str) or _leaves(name):
        raise BadRemote(
            f"{where} lists a file {str(name)[:100]!r}, which would leave the folder or cannot "
            "be a name. Nothing of it is fetched."
        )
    large = told.get("lfs")
    large = mapping(large, f"{where}: {name}", BadRemote) if large is not None else {}
    digest = large.get("sha256", told.get("blobId"))
    size = large.get("size", told.get("size"))
    right = _SHA256 if large else _SHA1
    if not isinstance(digest, str) or not right.fullmatch(digest):
        raise BadRemote(f"{where}: {name} has the hash {str(digest)[:80]!r}, which is none.")
    if type(size) is not int or not 0 <= size < 2**50:
        raise BadRemote(f"{where}: {name} has the size {str(size)[:40]!r}, which is impossible.")
    return RemoteFile(name, size, digest)


def _leaves(name: str) -> bool:
    """Whether a name would leave its folder on some system, or is none."""
    odd = "\\" in name or not name.isprintable() or len(name) > _LONGEST_NAME
    return odd or any(part in ("", ".", "..") for part in name.split("/"))


def _is_plain(name: str) -> bool:
    """Whether a name can be a file's on every system; what is fetched is called so."""
    parts = name.split("/")
    return all(_SAFE.fullmatch(part) and part == part.rstrip(" .") for part in parts)


def _is_text(name: str) -> bool:
    folder, _, own = name.rpartition("/")
    kept = own in _TEXTS or own.endswith(_TEXT_ENDS)
    return kept and (not folder or _in_part(name))


def _in_part(name: str) -> bool:
    folder = name.rpartition("/")[0]
    return bool(_PART_FOLDER.fullmatch(folder))
