"""Trained token rows: rows of an embedding that an adapter puts in the place of the base's."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from studio.checkpoints.adapter import Module, Read, Shapes
from studio.checkpoints.low_rank import Rows
from studio.checkpoints.stored import Stored
from studio.errors import BadCheckpoint, ShapeMismatch

SUFFIXES = {
    ".token_adapter.trainable_tokens_delta": "tokens", ".trainable_tokens_delta": "tokens",
}  # fmt: skip
Tokens = tuple[tuple[str, tuple[int, ...]], ...]
"""(end of an embedding's path, rows that are trained); an empty end is for the one embedding."""
_MOST_ROWS = 2**20


@dataclass(frozen=True)
class TokenRows(Module):
    """The trained rows of one embedding.

    Attributes:
        path: of the embedding in the model that was trained.
        values: stored name of ``(rows, width)``, what stands in the place of the base's rows.
        rows: which ones, in the order of the values.
        tied: ends of paths that the options give the same rows and the file no tensor: heads that
            were tied to the embedding.
    """

    path: str
    values: str
    rows: tuple[int, ...]
    tied: tuple[str, ...] = ()

    @property
    def stored(self) -> tuple[str, ...]:
        """See ``Module``."""
        return (self.values,)

    def check(self, shapes: Shapes, shape: tuple[int, ...], name: str, task: str) -> None:
        """See ``Module``."""
        found = shapes[self.values]
        if len(shape) == 2 and max(self.rows) >= shape[0]:
            raise ShapeMismatch(
                f"'{task}': {self.values} trains token row {max(self.rows):,}, but {name} has "
                f"{shape[0]:,} rows in the base: tokens were added to the vocabulary. Resize the "
                "base's embeddings, save it, and merge on that base."
            )
        if len(shape) != 2 or found != (len(self.rows), shape[1]):
            raise ShapeMismatch(
                f"'{task}': {self.values} is {found} for {len(self.rows)} token rows of {name}, "
                f"which the base has as {shape}. The adapter belongs to another base model."
            )

    def delta(self, base: Stored, read: Read, turned: bool | None) -> "ReplacedRows":
        """See ``Module``."""
        order = sorted(range(len(self.rows)), key=lambda place: self.rows[place])
        rows = torch.tensor([self.rows[place] for place in order])
        return ReplacedRows(base, rows, read(self.values)[order])


@dataclass(frozen=True)
class ReplacedRows(Rows):
    """A delta that puts values in the place of some rows, and leaves the others alone.

    Attributes:
        base: W, ``(rows, columns)``.
        places: of the rows, ascending.
        values: ``(places, columns)``.
    """

    base: Stored
    places: Tensor
    values: Tensor

    def rows(self, start: int, stop: int, dtype: torch.dtype) -> Tensor:
        """Rows of the dense delta, ``(stop - start, columns)`` in ``dtype``."""
        width = self.base.entry.shape[1]
        made = torch.zeros(stop - start, width, dtype=dtype)
        first, last = torch.searchsorted(self.places, torch.tensor([start, stop])).tolist()
        for index in range(first, last):
            row = int(self.places[index])
            old = self.base[row * width : (row + 1) * width].to(dtype)
            made[row - start] = self.values[index].to(dtype) - old
        return made


def read_tokens(value: object, where: str) -> Tokens:
    """``trainable_token_indices``: a list of rows, or lists by the ends of embeddings' paths.

    Raises:
        BadCheckpoint: they are no such lists, or a row is named twice.
    """
    if value is None:
        return ()
    lists = value if isinstance(value, Mapping) else {"": value}
    found = []
    for end, rows in lists.items():
        rows = rows if isinstance(rows, list) else []
        good = all(type(row) is int and 0 <= row < 2**40 for row in rows)
        if not good or not 0 < len(rows) <= _MOST_ROWS or len({*rows}) != len(rows):
            raise BadCheckpoint(
                f"{where} must list token rows, each a whole number from 0, and none twice."
            )
        found.append((str(end), tuple(rows)))
    return tuple(found)


def token_modules(
    modules: dict[str, dict[str, str]], tokens: Tokens, folder: Path
) -> dict[str, TokenRows]:
    """Take the trained token rows out of an adapter's modules.

    Raises:
        BadCheckpoint: rows that the options do not name, or the other way round.
    """
    made: dict[str, TokenRows] = {}
    left = dict(tokens)
    for path in [path for path, parts in modules.items() if "tokens" in parts]:
        stored = modules[path].pop("tokens")
        if modules[path]:
            beside = next(iter(modules[path].values()))
            raise BadCheckpoint(
                f"{folder} trains token rows of {path} beside {beside}; "
                "it is not clear how both make one weight."
            )
        del modules[path]
        ends = [end for end in left if path.endswith(end)]
        if len(ends) != 1:
            raise BadCheckpoint(
                f"{folder}: the options name {len(ends)} lists of token rows for {stored}; there "
                "must be one."
            )
        made[path] = TokenRows(path, stored, left.pop(ends[0]))
    if len(made) == 1 and all(
        {*rows} == {*each.rows} for each in made.values() for rows in left.values()
    ):
        made = {path: replace(rows, tied=tuple(left)) for path, rows in made.items()}
    elif left:
        raise BadCheckpoint(
            f"{folder}: the options train token rows of {', '.join(map(repr, left))}, but no such "
            "tensor is in the file."
        )
    return made
