"""What of a repository of the Hub would merge into a base, from headers alone."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from studio.checkpoints.checkpoint import Checkpoint, open_base, open_checkpoint
from studio.checkpoints.deltas import Deltas
from studio.errors import StudioError
from studio.hub.look import RemoteLook, sketch


@dataclass(frozen=True)
class Fit:
    """What a remote model would change of a base.

    Attributes:
        base: folder or hub id.
        changed: tensors of the base that it would change.
        stay: tensors of the base that it would not.
        problem: why it would not merge; empty if it would.
    """

    base: str
    changed: int = 0
    stay: int = 0
    problem: str = ""

    @property
    def words(self) -> str:
        """In a sentence without its end."""
        if self.problem:
            return f"does not merge. {self.problem}"
        return f"{self.changed:,} tensors would change, {self.stay:,} of the base stay"


def fit(
    of: RemoteLook, base: RemoteLook | Checkpoint | Path, told: str, roots: tuple[Path, ...] = ()
) -> Fit:
    """What of a repository would merge into a base, or why nothing would.

    Args:
        of: a model or an adapter, as a look has found it.
        base: as a look has found it, opened, or its folder.
        told: the base as a person names it.
        roots: folders into which links of the base's files may lead.
    """
    with tempfile.TemporaryDirectory() as made:
        places = [Path(made) / name for name in ("base", "other")]
        for place in places:
            place.mkdir()
        try:
            if isinstance(base, RemoteLook):
                base = sketch(base, places[0])
            opened = open_base(str(base), roots) if isinstance(base, Path) else base
            joined = Deltas(opened, [(of.hub_id, open_checkpoint(sketch(of, places[1])))])
        except StudioError as problem:
            return Fit(told, problem=str(problem).replace(f"{made}/", ""))
        return Fit(told, len(joined.names), len(opened.names) - len(joined.names))
