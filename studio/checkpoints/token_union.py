"""The union of vocabularies: rows of tokens that checkpoints added, in and behind the base's."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from studio.checkpoints.added_tokens import Flags, added_tokens
from studio.checkpoints.architecture import turned
from studio.checkpoints.deltas import Deltas
from studio.checkpoints.matched_modules import MatchedModule
from studio.checkpoints.matched_rows import counted, row_count, speaks_of_tokens
from studio.checkpoints.tokens import TokenRows
from studio.checkpoints.vocabulary import vocabulary
from studio.errors import NotFinite, some

Owners = tuple[tuple[int, int], ...]
_LIVE = (
    "Scores are those of the base's rows and tokenizer: the tokens that join the vocabulary are in "
    "the export alone."
)
_NONE = (
    "vocabulary: union adds nothing: no merged task is known to bring a token that the base lacks."
)


@dataclass(frozen=True, eq=False)
class TokenUnion:
    """Which tokens a merged model has beside the base's, and what their rows are.

    A token of one owner has its owner's row as it is; one of several the mean of theirs. No
    coefficient enters, so that a token's row depends on its owners alone.

    Attributes:
        deltas: of the tasks that are merged.
        places: ``{token: row of the merged model}``, in the order of the rows.
        owners: per token the tasks that bring it, by number, with the row that each has for it.
        flags: how each token is found in a text.
        heights: ``{base name: rows that it is written with}``, of what has a row per token.
        notes: what a user should know, a sentence each.

    Source: mergekit, ``PermutedEmbeddings`` (mergekit/tokenizer/embed.py): the row that its union
    begins with, of a token that the base lacks; what it mixes into that row is left out here.
    """

    deltas: Deltas
    places: Mapping[str, int] = field(default_factory=dict)
    owners: Mapping[str, Owners] = field(default_factory=dict)
    flags: Mapping[str, Flags] = field(default_factory=dict)
    heights: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of one of the base's tensors as it is written."""
        shape = self.deltas.base.weights.entries[name].shape
        rows = self.heights.get(name)
        if rows is None:
            return shape
        return (1, rows) if shape[0] == 1 else (rows, *shape[1:])

    def laid(
        self, name: str, merged: Iterable[Tensor], dtype: torch.dtype, wide: torch.dtype
    ) -> Iterator[Tensor]:
        """A merged tensor in flat pieces, with the rows of the tokens in and behind it.

        Args:
            name: of the base's tensor.
            merged: its flat pieces, of the base's shape, in ``dtype``; not written to.
            dtype: of what is written.
            wide: in which means are taken.

        Raises:
            NotFinite: a row holds NaN or infinity, or leaves the output's range.
        """
        height = self.heights.get(name)
        if height is None:
            yield from merged
            return
        entry = self.deltas.base.weights.entries[name]
        before = row_count(entry.shape)
        width, start = entry.numel // before, 0
        named = {row: token for token, row in self.places.items()}
        for piece in merged:
            out, stop = piece, start + len(piece)
            for row in range(start // width, -(-stop // width)):
                if row in named:
                    out = piece.clone() if out is piece else out
                    values = self._row(name, named[row], width, dtype, wide)
                    first, last = max(row * width, start), min((row + 1) * width, stop)
                    out[first - start : last - start] = values[first - row * width :][
                        : last - first
                    ]
            yield out
            start = stop
        for row in range(before, height):
            if row in named:
                yield self._row(name, named[row], width, dtype, wide)
            else:
                yield torch.zeros(width, dtype=dtype)

    def _row(
        self, name: str, token: str, width: int, dtype: torch.dtype, wide: torch.dtype
    ) -> Tensor:
        """``(width,)`` the row of a token: its owner's, the mean of its owners', or zeros."""
        found = (own_row(self.deltas, task, name, row, wide) for task, row in self.owners[token])
        rows = [each for each in found if each is not None]
        if not rows:
            return torch.zeros(width, dtype=dtype)
        total = rows[0].to(wide)
        for each in rows[1:]:
            total = total + each.to(wide)
        made = (total / len(rows) if len(rows) > 1 else total).to(dtype)
        if not bool(made.isfinite().all()):
            raise NotFinite(
                f"{name}: the row of the token {token[:50]!r} holds NaN or infinity, or leaves the "
                f"range of {dtype}. Look at its owner's weights, or choose `dtype: float32`."
            )
        return made


def place(deltas: Deltas, task: int, name: str, row: int) -> tuple[str, int] | None:
    """Where a task stores one row of its vocabulary: a stored tensor, and the row in it.

    Args:
        deltas: of the tasks.
        task: number of the task.
        name: of the base's tensor.
        row: of the task's own vocabulary.

    Returns:
        None where it has none: it leaves the tensor alone, or trains it by factors.
    """
    join = deltas.joins[task]
    stored = join.shared.get(name)
    if stored is None or join.rows is None or stored not in join.rows.names:
        return None
    module = join.modules.get(stored)
    if module is None:
        return stored, row
    inner = module.inner if isinstance(module, MatchedModule) else module
    if isinstance(inner, TokenRows) and row in inner.rows:
        return inner.values, inner.rows.index(row)
    return None


def own_row(deltas: Deltas, task: int, name: str, row: int, wide: torch.dtype) -> Tensor | None:
    """``(width,)`` one row of a task's vocabulary, of its own model: the task alone on the base.

    Args:
        deltas: of the tasks.
        task: number of the task.
        name: of the base's tensor.
        row: of the task's own vocabulary.
        wide: in which a change of the base's row is added to it.

    Returns:
        What the task stores, or the base's row with what the task changes of it. None where the
        task stores none, and the base has no such row.
    """
    base = deltas.base.weights.stored(name)
    rows = row_count(base.entry.shape)
    width = base.numel() // rows
    if (found := place(deltas, task, name, row)) is not None:
        stored, at = found
        return deltas.checkpoints[task].weights.stored(stored)[at * width : (at + 1) * width]
    if row >= rows:
        return None
    old = base[row * width : (row + 1) * width]
    stored = deltas.joins[task].shared.get(name)
    module = deltas.joins[task].modules.get(stored or "")
    if module is None:
        return old
    if isinstance(module, MatchedModule) and isinstance(module.inner, TokenRows):
        return old  # it trains other rows
    made = module.own_delta if isinstance(module, MatchedModule) else module.delta
    change = made(base, deltas.checkpoints[task].tensor, turned(deltas.base, name))
    return old.to(wide) + change.flat(row * width, (row + 1) * width, width, wide)


def bring_tokens(deltas: Deltas) -> bool:
    """Whether some task has a row for a token that the base has none for."""
    return any(join.rows is not None and join.rows.own for join in deltas.joins)


def token_union(deltas: Deltas, active: Sequence[int]) -> TokenUnion:
    """The tokens that tasks bring, with rows from the base tokenizer's last one on.

    These are the rows that transformers' ``add_tokens`` gives them: free rows of the base, which
    its tokenizer does not name, come first. Tokens stand in the order of their tasks, and of the
    rows that those have for them.

    Args:
        deltas: of the tasks that are merged.
        active: numbers of the tasks whose tokens join; one with coefficient 0 brings none.

    Raises:
        BadCheckpoint: a tokenizer's file cannot be read.
    """
    known = vocabulary(deltas.base) or {}
    tensors = _tensors(deltas)
    owners, flags, notes = _owners(deltas, active, tensors)
    if not owners:
        return TokenUnion(deltas, notes=(*notes, _NONE))
    free = max(known.values(), default=-1) + 1
    places: dict[str, int] = {}
    for token in owners:
        places[token] = known.get(token, free)
        free += token not in known
    places = dict(sorted(places.items(), key=lambda each: each[1]))
    last = max(places.values())
    entries = deltas.base.weights.entries
    heights = {name: max(row_count(entries[name].shape), last + 1) for name in tensors}
    made = TokenUnion(deltas, places, owners, flags, heights)
    told = (*_told(made), *notes, *_empty(made), _LIVE)
    return TokenUnion(deltas, places, owners, flags, heights, told)


def _tensors(deltas: Deltas) -> list[str]:
    """The base's tensors that have a row per token."""
    base = deltas.base
    return [
        name
        for name, entry in base.weights.entries.items()
        if entry.floating and entry.numel and entry.shape and speaks_of_tokens(base, name)
    ]


def _owners(
    deltas: Deltas, active: Sequence[int], tensors: Sequence[str]
) -> tuple[dict[str, Owners], dict[str, Flags], list[str]]:
    """Per token its owners and flags, and notes on tokens that stay out."""
    owners: dict[str, Owners] = {}
    flags: dict[str, Flags] = {}
    notes = []
    for task in active:
        name, rows = deltas.tasks[task], deltas.joins[task].rows
        own = rows.own if rows else {}
        added = added_tokens(deltas.checkpoints[task]) if own else {}
        joining = [
            token for token in own if token in added and _holds(deltas, task, own[token], tensors)
        ]
        notes += _left_out(name, own, added, joining)
        for token in joining:
            owners[token] = (*owners.get(token, ()), (task, own[token]))
            if flags.setdefault(token, added[token]) != added[token]:
                first = deltas.tasks[owners[token][0][0]]
                notes.append(
                    f"'{name}' finds the token {token[:50]!r} otherwise in a text than '{first}', "
                    "the first that has it, which counts."
                )
    return owners, flags, notes


def _holds(deltas: Deltas, task: int, row: int, tensors: Sequence[str]) -> bool:
    """Whether a task has some tensor's row of its vocabulary."""
    return any(_has(deltas, task, name, row) for name in tensors)


def _has(deltas: Deltas, task: int, name: str, row: int) -> bool:
    """Whether a task's own model has numbers for a row of its vocabulary."""
    inside = row < row_count(deltas.base.weights.entries[name].shape)
    return inside or place(deltas, task, name, row) is not None


def _left_out(
    name: str, own: Mapping[str, int], added: Mapping[str, Flags], joining: Collection[str]
) -> Iterator[str]:
    """Why tokens of a task stay out."""
    if pieces := [token for token in own if token not in added]:
        yield (
            f"'{name}': {counted(pieces)} {_stay(pieces)} out of the union: its "
            "tokenizer makes them by merges and rules of its own, and only added "
            "tokens can join another one."
        )
    if absent := [token for token in own if token in added and token not in joining]:
        yield (
            f"'{name}': {counted(absent)} {_stay(absent)} out of the union: it holds no "
            "whole row for them."
        )


def _stay(tokens: Sequence[str]) -> str:
    return "stays" if len(tokens) == 1 else "stay"


def _told(union: TokenUnion) -> Iterator[str]:
    """What joins, from whom."""
    rows = [*union.places.values()]
    where = f"row {rows[0]:,}" if len(rows) == 1 else f"rows {rows[0]:,} to {rows[-1]:,}"
    yield (
        f"{counted(union.places)} {'joins' if len(rows) == 1 else 'join'} the base's vocabulary "
        f"(vocabulary: union), {where}: each has its owner's row as it is."
    )
    if shared := [token for token, owners in union.owners.items() if len(owners) > 1]:
        yield f"{counted(shared)} of them with several owners: their row is the owners' mean."


def _empty(union: TokenUnion) -> Iterator[str]:
    """What has zeros, since nobody has numbers for it."""
    zero = [
        name
        for name in union.heights
        if any(
            not any(_has(union.deltas, task, name, row) for task, row in owners)
            for owners in union.owners.values()
        )
    ]
    if zero:
        yield f"Rows of tokens whose owners leave a tensor alone are 0: {some(zero)}."
    entries = union.deltas.base.weights.entries
    least = min(row_count(entries[name].shape) for name in union.heights)
    taken = {*union.places.values()}
    if gaps := sum(row not in taken for row in range(least, max(taken) + 1)):
        yield (
            f"{gaps:,} rows behind the base's are 0: its tokenizer names tokens for which it has "
            "no row."
        )
