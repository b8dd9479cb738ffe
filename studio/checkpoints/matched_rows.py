"""Rows of embeddings and output layers, matched by token where two vocabularies differ."""

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from studio.checkpoints.architecture import Architecture, architecture_of
from studio.checkpoints.checkpoint import Checkpoint
from studio.checkpoints.low_rank import Rows
from studio.checkpoints.stored import Stored
from studio.checkpoints.vocabulary import (
    CONVERT,
    WHOLE,
    same_unread,
    unread_file,
    vocabulary,
    vocabulary_digest,
)
from studio.errors import BadCheckpoint, ShapeMismatch, some, visible

_USUAL = (
    "embed_tokens.weight", "wte.weight", "word_embeddings.weight", "shared.weight",
    "tok_embeddings.weight", "embed_in.weight", "lm_head.weight", "lm_head.bias",
    "embed_out.weight",
)  # fmt: skip
_ALONE = (
    "an export has them under `vocabulary: union` in a recipe, and not otherwise. Scores are read "
    "by the base's tokenizer, which does not know them."
)


@dataclass(frozen=True, eq=False)
class Matched:
    """Where the rows of the base's vocabulary lie in a checkpoint.

    Attributes:
        places: ``(rows,)`` int64, per row of the base the checkpoint's row of the same token, or
            -1 where it has none.
        own: ``{token: row of the checkpoint}`` of the tokens for which the base has no row.
        height: rows of the checkpoint.
        names: stored names of the tensors, and names of modules, whose rows are matched so.
    """

    places: Tensor
    own: Mapping[str, int]
    height: int
    names: frozenset[str]

    @cached_property
    def digest(self) -> str:
        """What tells this matching from others; deltas depend on it as on the weights."""
        text = f"{sorted(self.own.items())} {self.height} {sorted(self.names)}"
        return hashlib.sha256(self.places.numpy().tobytes() + text.encode()).hexdigest()

    def laid(self, values: Tensor, base: Tensor) -> Tensor:
        """Values of the checkpoint's rows in the order of the base's; the base's where it has none.

        Args:
            values: a tensor with the checkpoint's rows.
            base: the base's, of the same width.
        """
        width = base.numel() // row_count(tuple(base.shape))
        places = self.places[: base.numel() // width]
        made = base.clone().view(-1, width)
        made[places >= 0] = values.reshape(-1, width)[places[places >= 0]].to(made)
        return made.view(base.shape)


@dataclass(frozen=True)
class MatchedRows(Rows):
    """The delta of a tensor whose rows are matched by token; zero where there is no such row.

    Attributes:
        base: the base's tensor.
        source: the checkpoint's.
        places: see ``Matched``.
    """

    base: Stored
    source: Stored
    places: Tensor

    def rows(self, start: int, stop: int, dtype: torch.dtype) -> Tensor:
        """Rows of the dense delta, ``(stop - start, columns)`` in ``dtype``, however cut."""
        width = math.prod(self.base.entry.shape[1:])
        return self.flat(start * width, stop * width, width, dtype).view(stop - start, width)

    def flat(self, start: int, stop: int, width: int, dtype: torch.dtype) -> Tensor:
        """Elements ``start:stop`` of the dense delta; a row is one token's, whatever the shape."""
        width = self.base.numel() // row_count(self.base.entry.shape)
        first, last = start // width, -(-stop // width)
        made = torch.zeros(last - first, width, dtype=dtype)
        for row, at, count in _runs(self.places[first:last].tolist()):
            ours = self.base[(first + row) * width : (first + row + count) * width].to(dtype)
            theirs = self.source[at * width : (at + count) * width].to(dtype)
            made[row : row + count] = torch.sub(theirs, ours).view(count, width)
        return made.view(-1)[start - first * width : stop - first * width]


def _runs(places: list[int]) -> list[tuple[int, int, int]]:
    """(first row, first place, count) of rows whose places follow each other."""
    found: list[tuple[int, int, int]] = []
    for row, at in enumerate(places):
        if at < 0:
            continue
        if found and found[-1][0] + found[-1][2] == row and found[-1][1] + found[-1][2] == at:
            found[-1] = (*found[-1][:2], found[-1][2] + 1)
        else:
            found.append((row, at, 1))
    return found


def row_count(shape: tuple[int, ...]) -> int:
    """Rows of a vocabulary in a tensor: a bias that is kept as ``(1, rows)`` has as many."""
    return math.prod(shape) if shape[0] == 1 else shape[0]


def speaks_of_tokens(base: Checkpoint, name: str) -> bool:
    """Whether a base's tensor has a row per token, by its class or else by its usual names."""
    return _speaks(architecture_of(base), name)


def _speaks(architecture: Architecture | None, name: str) -> bool:
    if architecture is None:
        return name.endswith(_USUAL)
    return architecture.own(architecture.name(name)) in architecture.vocabulary


def matched(
    base: Checkpoint, task: str, checkpoint: Checkpoint, heights: Mapping[str, tuple[int, int]]
) -> tuple[Matched | None, list[str]]:
    """Match the rows of tensors that have one per token.

    Args:
        base: the base.
        task: for words.
        checkpoint: the other one.
        heights: per stored name the rows of the base's tensor and of the checkpoint's.

    Returns:
        None where every row is that of its place and no token is its own, and notes.

    Raises:
        BadCheckpoint: a tokenizer's file cannot be read.
        ShapeMismatch: the two have other tokenizers.
    """
    if not heights:
        return _left_alone(base, checkpoint)
    ours, theirs = (
        min(before for before, _ in heights.values()),
        min(x for _, x in heights.values()),
    )
    alike = all(before == after for before, after in heights.values())
    digests = vocabulary_digest(base), vocabulary_digest(checkpoint)
    if not all(digests):
        return None, _unread(base, checkpoint, alike)
    if alike and digests[0] == digests[1]:
        return None, []
    known, own = vocabulary(base), vocabulary(checkpoint)
    assert known is not None
    assert own is not None
    if alike and known == own:  # the files differ in what names no token
        return None, []
    most = max(before for before, _ in heights.values())
    return _compared(task, checkpoint, _Pair(known, own, most, ours, theirs), frozenset(heights))


def _left_alone(base: Checkpoint, checkpoint: Checkpoint) -> tuple[Matched | None, list[str]]:
    """Tokens of a checkpoint that leaves all rows of a vocabulary alone: theirs are the base's."""
    architecture = architecture_of(base)
    rows = [
        row_count(entry.shape)
        for name, entry in base.weights.entries.items()
        if entry.floating and entry.numel and entry.shape and _speaks(architecture, name)
    ]
    digests = vocabulary_digest(base), vocabulary_digest(checkpoint)
    if not rows or not all(digests) or digests[0] == digests[1]:
        return None, []
    try:
        ours, theirs = vocabulary(base) or {}, vocabulary(checkpoint) or {}
    except BadCheckpoint as problem:  # nothing that is merged depends on it
        return None, [f"Its tokens are not compared with the base's. {problem}"]
    known = {token for token, row in ours.items() if row < min(rows)}
    strange = sorted((row, token) for token, row in theirs.items() if token not in known)
    if 2 * (len(theirs) - len(strange)) < min(len(known), len(theirs)):
        return None, []  # another tokenizer altogether, by which no row is read
    own = {token: row for row, token in strange if row < min(rows)}
    rowless = [token for _, token in strange if token not in own]
    notes = [f"{counted(own)} of its own, in rows of the base that it leaves alone: {_ALONE}"]
    notes = notes if own else []
    if rowless:
        notes.append(f"{counted(rowless)} of its tokenizer without a row in any weights.")
    places = torch.arange(max(rows))
    return Matched(places, own, min(rows), frozenset()) if own else None, notes


@dataclass(frozen=True)
class _Pair:
    """Two vocabularies.

    Attributes:
        ours: ``{token: row}`` of the base.
        theirs: of the checkpoint.
        rows: of the base's tensors, of the one that has most.
        least: of the one that has fewest, in which a token needs its row.
        height: of the checkpoint's tensors, likewise.
    """

    ours: Mapping[str, int]
    theirs: Mapping[str, int]
    rows: int
    least: int
    height: int


def _compared(
    task: str, checkpoint: Checkpoint, two: _Pair, names: frozenset[str]
) -> tuple[Matched | None, list[str]]:
    """Where the rows of one vocabulary lie in another, by what differs between them."""
    known = {token: row for token, row in two.ours.items() if row < two.least}
    changed = {token: row for token, row in known.items() if two.theirs.get(token) != row}
    gained = {token: row for token, row in two.theirs.items() if known.get(token) != row}
    strange = sum(token not in known for token in gained)
    both = len(two.theirs) - strange
    if 2 * both < min(len(known), len(two.theirs)):
        raise ShapeMismatch(
            f"'{task}' ({checkpoint.folder}) has another tokenizer: {both:,} of its "
            f"{len(two.theirs):,} tokens are among the base's {len(known):,}. Both must come from "
            "the same base model; if only the tokenizer's files are wrong, put the right ones "
            "there."
        )
    places = torch.arange(two.rows)  # where neither names a row, or both name it alike
    for row in gained.values():
        if row < two.rows:
            places[row] = -1
    places[min(two.rows, two.height) :] = -1
    for token, row in changed.items():
        at = two.theirs.get(token, two.height)
        places[row] = at if at < two.height else -1
    own = {t: row for t, row in gained.items() if t not in known and row < two.height}
    found = Matched(places, dict(sorted(own.items(), key=lambda x: x[1])), two.height, names)
    by_place = two.rows == two.height and places.equal(torch.arange(two.rows))
    return None if by_place else found, _notes(found, known, changed, gained)


def row_counts(
    base: Checkpoint, checkpoint: Checkpoint, pairs: Iterable[tuple[str, str]]
) -> dict[str, tuple[int, int]]:
    """Rows in the base and in the checkpoint, per stored name of what has a row per token.

    Args:
        base: the base.
        checkpoint: the other one.
        pairs: (base name, stored name) of what is joined.
    """
    found, architecture = {}, architecture_of(base)
    for name, stored in pairs:
        ours, theirs = base.weights.entries[name], checkpoint.weights.entries[stored]
        before, after = ours.shape, theirs.shape
        usable = ours.floating and theirs.floating and ours.numel and theirs.numel
        if usable and len(before) == len(after) > 0 and _speaks(architecture, name):
            rows = row_count(before), row_count(after)
            if ours.numel // rows[0] == theirs.numel // rows[1]:
                found[stored] = rows
    return found


def _notes(
    found: Matched, ours: Mapping[str, int], changed: Mapping[str, int], gained: Mapping[str, int]
) -> list[str]:
    """What is matched otherwise than by place, kept apart, and left out."""
    places, height = found.places, found.height
    moved = [token for token, row in changed.items() if places[row] >= 0]
    absent = [token for token, row in changed.items() if places[row] < 0]
    if height < len(places):
        absent += [token for token, row in ours.items() if row >= height and token not in changed]
    rowless = [token for token, row in gained.items() if row >= height]
    padding = height - int((places >= 0).sum()) - len(found.own)
    notes = []
    if found.own:
        notes.append(f"{counted(found.own)} of its own, for which the base has no row: {_ALONE}")
    if moved:
        notes.append(f"{counted(moved)} in other rows than the base's: rows are matched by token.")
    if absent:
        notes.append(f"{counted(absent)} of the base not in its vocabulary: the base's rows stay.")
    if padding:
        notes.append(f"{padding:,} of its rows of vocabulary stand for no token and are left out.")
    if rowless:
        notes.append(f"{counted(rowless)} of its tokenizer without a row in its weights.")
    return notes


def counted(tokens: Iterable[str]) -> str:
    """A count of tokens with the first of them."""
    listed = list(tokens)
    first = some([visible(repr(token[:40])) for token in listed])
    return f"{len(listed):,} token{'' if len(listed) == 1 else 's'} ({first})"


def _unread(base: Checkpoint, checkpoint: Checkpoint, alike: bool) -> list[str]:
    """A note where tokens are not compared although one side has some."""
    told = [vocabulary_digest(each) != "" for each in (base, checkpoint)]
    files = [unread_file(each) for each in (base, checkpoint)]
    if not alike or not (any(files) or told[1]):
        return []  # rows of other counts are refused in words of their own
    if (same := same_unread(base, checkpoint)) is not None:
        compared = "the base's, byte for byte" if same else "another one than the base's"
        risk = "" if same else " Where a row means another token, two are mixed."
        return [
            f"Its {files[1].name if files[1] else ''}, which is not read, is {compared}: rows of "
            f"the vocabulary are matched by their place.{risk}" + ("" if same else f" {CONVERT}")
        ]
    whose, file = ("The base", files[0]) if not told[0] else ("It", files[1])
    unread = f" (its {file.name} is not read)" if file else ""
    return [
        f"{whose} has no {', '.join(WHOLE[:-1])} or {WHOLE[-1]}{unread} to compare tokens by: rows "
        "of the vocabulary are matched by their place." + (f" {CONVERT}" if file else "")
    ]
