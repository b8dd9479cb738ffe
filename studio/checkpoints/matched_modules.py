"""What an adapter trains of a vocabulary whose rows are matched by token."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch

from studio.checkpoints.adapter import INSTEAD, Module, Read, Shapes
from studio.checkpoints.checkpoint import Checkpoint
from studio.checkpoints.lora import LoraModule
from studio.checkpoints.low_rank import Factors, Rows
from studio.checkpoints.matched_rows import Matched, speaks_of_tokens
from studio.checkpoints.stored import Stored
from studio.checkpoints.tokens import ReplacedRows, TokenRows
from studio.errors import ShapeMismatch


@dataclass(frozen=True)
class MatchedModule(Module):
    """A module whose rows are those of its own vocabulary, read as the base's rows.

    Attributes:
        inner: factors of rank, or trained token rows.
        rows: where the base's rows lie in it.
    """

    inner: LoraModule | TokenRows
    rows: Matched

    @property
    def path(self) -> str:  # pyright: ignore
        """See ``Module``."""
        return self.inner.path

    @property
    def stored(self) -> tuple[str, ...]:
        """See ``Module``."""
        return self.inner.stored

    def check(self, shapes: Shapes, shape: tuple[int, ...], name: str, task: str) -> None:
        """See ``Module``."""
        self.inner.check(shapes, (self.rows.height, *shape[1:]), name, task)

    def delta(self, base: Stored, read: Read, turned: bool | None) -> Rows:
        """See ``Module``: rows of tokens that it does not have are zero."""
        places = self.rows.places[: base.entry.shape[0]]
        if isinstance(self.inner, TokenRows):
            at = {place: row for row, place in enumerate(places.tolist()) if place >= 0}
            kept = [(at[row], n) for n, row in enumerate(self.inner.rows) if row in at]
            rows = torch.tensor([row for row, _ in sorted(kept)], dtype=torch.long)
            return ReplacedRows(base, rows, read(self.inner.values)[[n for _, n in sorted(kept)]])
        made = self.own_delta(base, read, turned)
        assert isinstance(made, Factors)
        b = made.b[places.clamp(min=0)] * (places >= 0).to(made.b)[:, None]
        return Factors(b, made.a, made.scale)

    def own_delta(self, base: Stored, read: Read, turned: bool | None) -> Rows:
        """The delta with a row per token of its own vocabulary, in its own order."""
        # the base's shape alone is looked at
        shape = (self.rows.height, *base.entry.shape[1:])
        return self.inner.delta(Stored(base.name, replace(base.entry, shape=shape)), read, turned)


def module_heights(
    base: Checkpoint, checkpoint: Checkpoint, shared: Mapping[str, str],
    modules: Mapping[str, Module],
) -> dict[str, tuple[int, int]]:  # fmt: skip
    """Per module on a tensor with a row per token, the rows of the base's and its own.

    Args:
        base: the base.
        checkpoint: the adapter.
        shared: ``{base name: module}``.
        modules: by these names.
    """
    shapes, found = checkpoint.shapes, {}
    for name, key in shared.items():
        if len(shape := base.weights.entries[name].shape) == 2 and speaks_of_tokens(base, name):
            found[key] = shape[0], _height(modules[key], shapes, shape[0])
    return found


def _height(module: Module, shapes: Shapes, usual: int) -> int:
    if isinstance(module, TokenRows):
        return max(usual, max(module.rows) + 1)
    if isinstance(module, LoraModule):
        a, b = shapes[module.a], shapes[module.b]
        return (a[1] if module.embedding else b[0]) if len(a) == len(b) == 2 else usual
    return usual


def with_matched(
    task: str, checkpoint: Checkpoint, modules: Mapping[str, Module], rows: Matched | None
) -> dict[str, Module]:
    """The modules, those on matched rows as such.

    Raises:
        ShapeMismatch: of a kind whose rows cannot be taken apart, such as DoRA's.
    """
    made = dict(modules)
    for key in modules.keys() & (rows.names if rows else ()):
        module = modules[key]
        plain = isinstance(module, LoraModule) and not module.magnitude and not module.start
        if not plain and not isinstance(module, TokenRows):
            part = checkpoint.adapter.part if checkpoint.adapter else ""
            raise ShapeMismatch(
                f"'{task}' ({checkpoint.folder}) trains {part} on {key}, and its vocabulary is not "
                f"the base's: rows of this kind of adapter cannot be matched by token; {INSTEAD}."
            )
        assert rows is not None
        made[key] = MatchedModule(module, rows)  # type: ignore[arg-type]
    return made
