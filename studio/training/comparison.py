"""Whether an expert is better than the untouched base with a head of its own, on held-out rows."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from studio.measure.bench import Bench
from studio.measure.change import Change, changes
from studio.measure.intervals import Score
from studio.progress import Progress, silent
from studio.tasks.answerer import RECORD
from studio.zoo import load_zoo

HEAD_ONLY, BASE = "head only", "the base"


@dataclass(frozen=True)
class Compared:
    """An expert beside what needs no training of the base, on the same held-out rows.

    Attributes:
        expert: its score.
        other: that of the untouched base, with a fitted head if the task has one.
        what: the other is: ``HEAD_ONLY`` or ``BASE``.
        change: from the other to the expert, paired.
    """

    expert: Score
    other: Score
    what: str
    change: Change

    @property
    def is_worse(self) -> bool:
        """Whether the expert scores less than what needs no training; it is kept and marked."""
        return self.change.gain < 0

    @property
    def words(self) -> str:
        """Both scores and their difference, for people."""
        mark = "WORSE than " if self.is_worse else ""
        sure = {"worse": "", "better": "", "cannot tell": "; the interval holds 0"}
        return (
            f"expert {self.expert.shown} ({self.expert.span}), {mark}{self.what} "
            f"{self.other.shown} ({self.other.span}); difference {self.change.words}"
            f"{sure[self.change.verdict]} (n = {self.expert.n:,} held-out rows, 95 % intervals)"
        )

    def plain(self) -> dict:
        """As JSON."""
        own = {"expert": self.expert.plain(), self.what: self.other.plain()}
        return own | {"change": self.change.plain(), "expert_is_worse": self.is_worse}


def compared(
    folder: Path, device: torch.device, progress: Progress = silent, roots: tuple[Path, ...] = ()
) -> dict[str, Compared]:
    """Every expert of a zoo beside the head alone, or, of kinds without heads, beside the base.

    Args:
        folder: of the zoo.
        device: of the model.
        progress: told after every batch; raises to stop.
        roots: folders into which links of files may lead.
    """
    bench = Bench(load_zoo(folder), device, True, roots)
    names = bench.scored("held_out")
    fitted = bench.fitted_heads("held_out")
    bench.live.wear(None)
    heads = {name: fitted.get(name) or bench.heads([name])[name] for name in names}
    alone = bench.evaluation(heads, "held_out")
    for share in alone.run(bench.live):
        progress(share / 2, "held-out rows, the untouched base")
    found = {}
    for at, name in enumerate(names):
        bench.live.wear(bench.expert(name))
        own = bench.evaluation(bench.heads([name]), "held_out")
        for share in own.run(bench.live):
            progress(0.5 + (at + share) / len(names) / 2, f"held-out rows, expert '{name}'")
        what = HEAD_ONLY if name in fitted else BASE
        change = changes(own, alone)[name]
        found[name] = Compared(own.scores()[name], alone.scores()[name], what, change)
    return found


def note_compared(folder: Path, found: Mapping[str, Compared]) -> None:
    """Write the comparison into the zoo's record."""
    file = folder / RECORD
    about = json.loads(file.read_text(encoding="utf-8"))
    for name, each in found.items():
        about["tasks"][name]["trained"] = each.plain()
    file.write_text(json.dumps(about, indent=1, ensure_ascii=False), encoding="utf-8")
