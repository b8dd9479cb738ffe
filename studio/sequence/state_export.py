"""The merged model of a sequence's state: a folder that transformers loads."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from torch import Tensor

from studio.checkpoints.checkpoint import Checkpoint
from studio.checkpoints.ties import without_copies
from studio.checkpoints.vectors import pieces
from studio.checkpoints.writer import write_weights
from studio.errors import NotFinite
from studio.export.card import escaped, front_matter, notes_part, public_name, root_words
from studio.export.companions import copy_companions
from studio.export.folder import CARD, RECORD, Content, Written
from studio.export.merged import made_with
from studio.export.model import check_loads
from studio.methods.kit.running_sum import squared_norm
from studio.parallel import SMALL, in_order
from studio.progress import Progress, attended, part
from studio.sequence.state import State, refuse_damaged, refuse_other_base

_PIECE = 2**18  # elements at a time; the work is elementwise, so no cut changes a bit
NO_UNDO = (
    "A state cannot be undone: it does not say what one task put in. Unmerging a task exactly "
    "needs the checkpoints of the kept tasks."
)


@dataclass(frozen=True, eq=False)
class MergedState(Content):
    """The model merged from a state.

    The weights are those of the recipe with the method ``opcm``, the state's options and its
    tasks in order of arrival: the same bits on one machine. Heads are private to the checkpoints
    and not in a state, so none are written.

    Attributes:
        state: of which base and options.
        base: of the state.
    """

    state: State
    base: Checkpoint

    @property
    def size(self) -> int:
        """See ``Content``.

        Raises:
            BadState: the state is of another base.
        """
        refuse_other_base(self.state, self.base)
        return sum(entry.size for entry in self.base.weights.entries.values())

    @property
    def held(self) -> dict:
        """See ``Content``."""
        tasks = {task.name: task.digest for task in self.state.tasks}
        return {"base": self.state.base, "tasks": tasks}

    def prepare(self, progress: Progress) -> None:
        """Refuse a state that is damaged."""
        refuse_damaged(self.state, progress)

    def write(self, work: Path, progress: Progress) -> Written:
        """See ``Content``.

        Raises:
            NotFinite: the result leaves the range of the base's dtype.
        """
        base = without_copies(self.base) if self.state.tasks else self.base
        entries = base.weights.entries
        layout = {name: (entry.dtype, entry.shape) for name, entry in entries.items()}
        factor = attended(partial(scaling, self.state), progress, 0.0, "measuring the sum")
        values = partial(state_pieces, self.state, base, factor)
        root = write_weights(work, layout, values, part(progress, 0.1, 1.0))
        notes = (*self.base.notes, *copy_companions(self.base, work))
        record = json.dumps(_record(self.state, self.base, root, factor), indent=1)
        card = _card(self.state, self.base, root) + notes_part(notes)
        return Written(root, {RECORD: record, CARD: card}, notes=notes)

    def check(self, work: Path) -> None:
        """See ``Content``."""
        base = without_copies(self.base) if self.state.tasks else self.base
        check_loads(work, base, tuple(self.state.sums.entries) if self.state.sums else ())


def scaling(state: State) -> float:
    """What a state's sums are multiplied by: the scale divided by lambda."""
    names = tuple(state.sums.entries) if state.sums else ()

    def square(name: str) -> float:
        assert state.sums is not None
        stored = state.sums.stored(name)
        return squared_norm(stored.numel(), lambda start, stop: stored[start:stop])

    squares = in_order(square, names, SMALL)
    return state.method.multiplier([task.norm for task in state.tasks], squares)


def state_pieces(state: State, base: Checkpoint, factor: float, name: str) -> Iterator[Tensor]:
    """One merged tensor in flat pieces: base + factor * sum, added in the compute dtype, cast once.

    Raises:
        NotFinite: a sum is not finite, or the result leaves the range of the base's dtype.
    """
    stored = base.weights.stored(name)
    touched = state.sums is not None and name in state.sums.entries
    total = state.sums.stored(name) if state.sums is not None and touched else None
    for start, stop in pieces(stored.numel(), _PIECE):
        piece = stored[start:stop]
        if total is not None:
            change = total[start:stop].mul_(factor)
            whole = piece.to(state.dtype).add_(change)
            piece = whole.to(stored.dtype)
            if not bool(piece.isfinite().all()):
                raise NotFinite(
                    f"{name}: the merged values leave the range of {stored.dtype}, or {state.path} "
                    "holds values that are NaN or infinite. Use a base in a wider dtype."
                )
        yield piece


def _record(state: State, base: Checkpoint, root: str, factor: float) -> dict:
    """What the weights were computed from, as an export says it."""
    growth = state.method.growth(factor)
    return {
        **made_with(root),
        "base": {"source": public_name(str(base.folder)), "digest": base.digest},
        "tasks": [{"name": task.name, "digest": task.digest} for task in state.tasks],
        "compute_dtype": str(state.dtype).removeprefix("torch."),
        "vectors": "the sum of a sequence's state",
        "lambda": growth and growth.hex(),
        "sequence": state.plain(),
    }


def _card(state: State, base: Checkpoint, root: str) -> str:
    settings = ", ".join(f"{key} = {value}" for key, value in vars(state.method).items())
    rows = [
        f"| {number} | {escaped(task.name)} | {task.norm:.4g} | `{task.digest}` |"
        for number, task in enumerate(state.tasks, 1)
    ]
    return "\n".join(
        [
            front_matter([str(base.folder)], state.method.name),
            f"# OPCM of {len(state.tasks)} tasks that arrived one by one\n",
            f"Base `{public_name(str(base.folder))}` (digest `{base.digest}`), method "
            f"`{state.method.name}` ({settings}), dtype of the base.\n",
            "| arrival | task | norm of its delta | checkpoint digest |",
            "|---|---|---|---|",
            *rows,
            "\nNo scores were measured for this export, and it holds no heads.\n",
            f"{root_words(root)}\n\n{NO_UNDO}\n",
        ]
    )
