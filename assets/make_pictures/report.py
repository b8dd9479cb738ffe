"""The pictures zoo's tables as Markdown."""

from collections.abc import Mapping, Sequence

import numpy as np

from assets.make_pictures.rows import Task, groups_of
from assets.make_pictures.scores import SCALES, mean_share
from studio.measure.intervals import score

_SPLITS = {"validation": "Validation rows", "held_out": "Held-out rows"}
_STATISTICS = ("average", "average, statistics of the base", "average, recalibrated")


def report(known: Mapping[str, Mapping], tasks: Sequence[Task], words: str) -> str:
    """Markdown.

    Args:
        known: {split: what ``scores`` found}.
        tasks: in the order of the zoo.
        words: what stands before the tables.
    """
    names = [task.name for task in tasks]
    best = best_scale(known["validation"]["rows"])
    parts = [words.strip(), _sizes(tasks)]
    for split, title in _SPLITS.items():
        if split in known:
            rows = known[split]["rows"]
            parts += [f"## {title}", _table(rows, tasks, split, best), _gained(rows, best)]
    parts += [_geometry(known["validation"]["cosines"], names)]
    return "\n\n".join(parts) + "\n"


def best_scale(rows: Mapping[str, Mapping]) -> float:
    """The scale of task arithmetic with the highest mean accuracy on these rows."""
    return max(SCALES, key=lambda scale: mean_share(rows[f"sum x {scale:g}"]))


def _sizes(tasks: Sequence[Task]) -> str:
    lines = ["| task | classes | train / validation / held-out rows | in one split only | source |",
             "|---|---|---|---|---|"]  # fmt: skip
    for task in tasks:
        counts = " / ".join(f"{len(task.splits[split]):,}"
                            for split in ("train", "validation", "held_out"))  # fmt: skip
        lines.append(
            f"| {task.name} | {len(task.labels)} | {counts} | {task.apart} | {task.source} |"
        )
    return "\n".join(lines)


def _table(rows: Mapping[str, Mapping], tasks: Sequence[Task], split: str, best: float) -> str:
    names = [task.name for task in tasks]
    n = ", ".join(f"{name} {len(rows['base'][name])}" for name in names)
    shown = ["base", "expert", *_STATISTICS, *(f"average without {name}" for name in names),
             *(f"sum x {scale:g}" for scale in SCALES),
             *(f"sum x {best:g} without {name}" for name in names)]  # fmt: skip
    lines = [
        f"Accuracy (n rows: {n}) with 95 % intervals, in which the groups that lie in one split "
        f"are resampled. The best scale of the sum on validation rows is {best:g}.",
        "",
        f"| | {' | '.join(names)} | mean |",
        f"|---|{'---|' * (len(names) + 1)}",
    ]
    for line in shown:
        if line in rows:  # held-out rows are read at one scale
            cells = [_cell(rows[line][task.name], groups_of(task.splits[split])) for task in tasks]
            lines.append(f"| {line} | {' | '.join(cells)} | {mean_share(rows[line]):.3f} |")
    return "\n".join(lines)


def _cell(right: Sequence[int], groups: np.ndarray | None) -> str:
    own = score(np.array(right), groups)
    return f"{own.value:.3f} ({own.low:.3f} to {own.high:.3f})"


def _gained(rows: Mapping[str, Mapping], best: float) -> str:
    """Mean accuracy over that of heads on the base."""
    base = mean_share(rows["base"])
    lines = ("expert", *_STATISTICS, f"sum x {best:g}")
    found = [f"{line} {100 * (mean_share(rows[line]) - base):+.1f}" for line in lines]
    return f"Points over the base with heads of its own, mean of the tasks: {', '.join(found)}."


def _geometry(cosines: Sequence[Sequence[float]], names: Sequence[str]) -> str:
    lines = ["## Cosines of the changes", "", f"| | {' | '.join(names)} |",
             f"|---|{'---|' * len(names)}"]  # fmt: skip
    for name, row in zip(names, cosines, strict=True):
        lines.append(f"| {name} | {' | '.join(f'{each:+.3f}' for each in row)} |")
    return "\n".join(lines)
