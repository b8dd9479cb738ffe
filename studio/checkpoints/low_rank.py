"""Deltas made row by row: LoRA's and DoRA's factors, and components of high rank."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from studio.checkpoints.stored import Stored

_ROWS = 64  # a block of rows that no cut divides


class Rows:
    """A delta of a matrix that is made dense row by row."""

    def rows(self, start: int, stop: int, dtype: torch.dtype) -> Tensor:
        """Rows of the dense delta, ``(stop - start, columns)`` in ``dtype``, however cut."""
        raise NotImplementedError

    def flat(self, start: int, stop: int, width: int, dtype: torch.dtype) -> Tensor:
        """Elements ``start:stop`` of the dense delta, whose rows have ``width``."""
        first = start // width
        rows = self.rows(first, -(-stop // width), dtype)
        return rows.view(-1)[start - first * width : stop - first * width]


@dataclass(frozen=True)
class Factors(Rows):
    """A low-rank delta ``scale * b @ a``.

    Attributes:
        b: ``(out, rank)``, as stored.
        a: ``(rank, in)``, as stored.
        scale: alpha / rank, say.
    """

    b: Tensor
    a: Tensor
    scale: float

    def turned(self) -> "Factors":
        """The same of the transposed tensor."""
        return Factors(self.a.T.contiguous(), self.b.T.contiguous(), self.scale)

    def rows(self, start: int, stop: int, dtype: torch.dtype) -> Tensor:
        """Rows of the dense delta, as rank-one updates added in the order of the rank.

        Every element is the same sum of separately rounded products however the rows are cut.

        Returns:
            ``(stop - start, in)`` in ``dtype``.
        """
        b = self.b[start:stop].to(dtype) * self.scale
        a = self.a.to(dtype)
        dense = b[:, :1] * a[0]
        update = torch.empty_like(dense)
        for k in range(1, a.shape[0]):
            torch.mul(b[:, k : k + 1], a[k], out=update)
            dense.add_(update)
        return dense


@dataclass(frozen=True)
class Stacked(Rows):
    """Low-rank deltas of matrices of one shape that a tensor stores one after the other.

    Attributes:
        parts: one per matrix, each of ``(height, in)``; a row of the whole is one matrix.
    """

    parts: tuple[Factors, ...]

    def rows(self, start: int, stop: int, dtype: torch.dtype) -> Tensor:
        """Rows of the dense delta, ``(stop - start, height * in)`` in ``dtype``."""
        width = len(self.parts[0].b) * self.parts[0].a.shape[1]
        return self.flat(start * width, stop * width, width, dtype).view(stop - start, width)

    def flat(self, start: int, stop: int, width: int, dtype: torch.dtype) -> Tensor:
        """See ``Rows``; only the rows of the matrices that are asked for are made."""
        inner = self.parts[0].a.shape[1]
        height, first, last = width // inner, start // inner, -(-stop // inner)
        made = [
            self.parts[k].rows(max(first - k * height, 0), min(last - k * height, height), dtype)
            for k in range(first // height, -(-last // height))
        ]
        return torch.cat(made).view(-1)[start - first * inner : stop - first * inner]


@dataclass(frozen=True)
class Vector(Rows):
    """The delta of a bias: ``scale`` times values, each a row of one column.

    Attributes:
        values: ``(out,)``, as stored.
        scale: what they are multiplied by.
    """

    values: Tensor
    scale: float

    def rows(self, start: int, stop: int, dtype: torch.dtype) -> Tensor:
        """Rows of the dense delta, ``(stop - start, 1)`` in ``dtype``."""
        return self.values[start:stop, None].to(dtype) * self.scale


@dataclass(frozen=True)
class Made(Rows):
    """A delta made by a formula, in blocks of rows that no cut changes.

    Attributes:
        height: rows of the whole.
        block: makes rows from, to, in a dtype.
    """

    height: int
    block: Callable[[int, int, torch.dtype], Tensor]

    def rows(self, start: int, stop: int, dtype: torch.dtype) -> Tensor:
        """Rows of the dense delta, ``(stop - start, columns)`` in ``dtype``."""
        return in_blocks(start, stop, self.height, lambda i, j: self.block(i, j, dtype))


@dataclass(frozen=True)
class Product(Rows):
    """A component ``b @ a`` of high rank: ``(out, rank)`` times ``(rank, in)``.

    Unlike ``Factors``, it is multiplied by the linear algebra library, so its bits belong to one
    kind of machine.
    """

    b: Tensor
    a: Tensor

    def rows(self, start: int, stop: int, dtype: torch.dtype) -> Tensor:
        """Rows of the dense component, in blocks of rows that no cut changes.

        Returns:
            ``(stop - start, in)`` in ``dtype``.
        """
        a = self.a.to(dtype)
        return in_blocks(start, stop, len(self.b), lambda i, j: self.b[i:j].to(dtype) @ a)


@dataclass(frozen=True)
class Dora(Rows):
    """A delta that also sets lengths: ``m (W + D) / ||W + D|| - W`` with D of low rank.

    Dense, since every length depends on the base. Norms are a library's sums, so its bits belong
    to one kind of machine.

    Attributes:
        factors: D, laid out as the stored tensor.
        base: W, ``(rows, columns)``; all but the first dimension of a convolution are columns.
        magnitude: m, one per output.
        by_row: whether an output is a row of W, or (Conv1D, embeddings) a column.

    Source: DoRA (arXiv 2402.09353), Eq. 5, as PEFT merges it.
    """

    factors: Factors
    base: Stored
    magnitude: Tensor
    by_row: bool

    def rows(self, start: int, stop: int, dtype: torch.dtype) -> Tensor:
        """Rows of the dense delta, ``(stop - start, columns)`` in ``dtype``."""

        def block(i: int, j: int) -> Tensor:
            base, moved = self._base(i, j, dtype), self._moved(i, j, dtype)
            if self.by_row:
                norms = torch.linalg.vector_norm(moved.double(), dim=1)
                lengths = (self.magnitude[i:j].double() / norms).unsqueeze(1)
            else:
                lengths = self.magnitude.double() / self._column_norms
            return moved * lengths.to(dtype) - base

        return in_blocks(start, stop, self.base.entry.shape[0], block)

    @cached_property
    def _column_norms(self) -> Tensor:
        """``(columns,)`` float64: a pass over the whole tensor, in blocks of rows."""
        height, width = matrix_shape(self.base)
        squares = torch.zeros(width, dtype=torch.float64)
        for i in range(0, height, _ROWS):
            moved = self._moved(i, min(i + _ROWS, height), torch.float32)
            squares += moved.double().square().sum(0)
        return squares.sqrt()

    def _base(self, i: int, j: int, dtype: torch.dtype) -> Tensor:
        return base_rows(self.base, i, j, dtype)

    def _moved(self, i: int, j: int, dtype: torch.dtype) -> Tensor:
        return self._base(i, j, dtype) + self.factors.rows(i, j, dtype)


def matrix_shape(base: Stored) -> tuple[int, int]:
    """``(rows, columns)`` of a stored tensor; a convolution has all the rest as columns."""
    shape = base.entry.shape
    return shape[0], math.prod(shape[1:])


def base_rows(base: Stored, start: int, stop: int, dtype: torch.dtype) -> Tensor:
    """Rows of a stored tensor, ``(stop - start, columns)`` in ``dtype``."""
    width = matrix_shape(base)[1]
    return base[start * width : stop * width].to(dtype).view(stop - start, width)


def in_blocks(start: int, stop: int, height: int, block: Callable[[int, int], Tensor]) -> Tensor:
    """Rows ``start:stop``, cut out of whole blocks, whatever is asked for."""
    first = start // _ROWS * _ROWS
    blocks = [block(row, min(row + _ROWS, height)) for row in range(first, stop, _ROWS)]
    return torch.cat(blocks)[start - first : stop - first]
