"""The zoo's table as Markdown: what was asked of it, and what three training seeds gave."""

from collections.abc import Mapping, Sequence
from statistics import mean

import numpy as np

from assets.make_zoo.rows import Task
from assets.make_zoo.table import REMOVED, SCALES, Right, merged_at, without_at
from studio.measure.intervals import score

_SPLITS = {"validation": "Validation rows", "held_out": "Held-out rows"}


def report(found: Mapping[str, Mapping], tasks: Sequence[Task], words: str) -> str:
    """Markdown.

    Args:
        found: {split: {seed: {'right', 'cosines', 'norms'}}}, as the program writes it.
        tasks: of the zoo, in its order.
        words: what stands before the tables.
    """
    parts = [words.strip(), _sizes(tasks)]
    for split, title in _SPLITS.items():
        if split in found:
            seeds = found[split]
            parts += [f"## {title}", _accuracies(seeds, tasks, split), _targets(seeds, tasks)]
    parts.append(_geometry(next(iter(found.values())), tasks))
    return "\n\n".join(parts) + "\n"


def _sizes(tasks: Sequence[Task]) -> str:
    lines = [
        "| task | labels | train / validation / held-out rows | split unit | rows from |",
        "|---|---|---|---|---|",
    ]
    for task in tasks:
        counts = " / ".join(
            f"{len(task.splits[split]):,}" for split in ("train", "validation", "held_out")
        )
        lines.append(
            f"| {task.name} | {len(task.labels)} | {counts} | {task.group} | {task.source} |"
        )
    return "\n".join(lines)


def _accuracies(seeds: Mapping[str, Mapping], tasks: Sequence[Task], split: str) -> str:
    """Of the first seed with intervals; the means over the tasks of every seed."""
    names = [task.name for task in tasks]
    shipped = next(iter(seeds))
    lines = [
        f"Accuracy of training seed {shipped}, the one that ships, with 95 % intervals in which "
        "groups of rows are resampled; the last column is the mean over the tasks of every seed.",
        "",
        f"| | {' | '.join(names)} | mean of seeds {', '.join(seeds)} |",
        f"|---|{'---|' * (len(names) + 1)}",
    ]
    for line, right in seeds[shipped]["right"].items():
        cells = []
        for task in tasks:
            groups = np.array([row.group for row in task.splits[split]])
            own = score(np.array(right[task.name]), groups)
            cells.append(f"{own.value:.3f} ({own.low:.3f} to {own.high:.3f})")
        means = (mean(_share(each["right"][line], name) for name in names)
                 for each in seeds.values())  # fmt: skip
        cells.append(", ".join(f"{value:.3f}" for value in means))
        lines.append(f"| {line} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _targets(seeds: Mapping[str, Mapping], tasks: Sequence[Task]) -> str:
    """What was asked of the zoo, in points, seed by seed."""
    names = [task.name for task in tasks]
    kept = [name for name in names if name != REMOVED]
    rows: dict[str, list[str]] = {}
    for each in seeds.values():
        right = each["right"]
        gains = {n: _share(right["expert"], n) - _share(right["head-only"], n) for n in names}
        merged = mean(_share(right[merged_at(1.0)], name) for name in names)
        experts = mean(_share(right["expert"], name) for name in names)
        found = {
            "smallest gain of an expert over head-only (at least 5)": min(gains.values()),
            "mean gain (at least 8)": mean(gains.values()),
            "second largest gain (at least 20)": sorted(gains.values())[-2],
            "clinic-north's gain (at least 8)": gains["clinic-north"],
            "plain sum at scale 1 below the experts (at least 8)": experts - merged,
        }
        for scale in SCALES:
            before, after = right[merged_at(scale)], right[without_at(scale)]
            drop = _share(before, REMOVED) - _share(after, REMOVED)
            moved = max((_share(after, n) - _share(before, n) for n in kept), key=abs)
            found[f"{REMOVED} loses when it is unmerged, scale {scale:g} (at least 15)"] = drop
            found[f"a kept task moves then, at most, scale {scale:g} (less than 3)"] = moved
        for words, value in found.items():
            rows.setdefault(words, []).append(f"{100 * value:+.1f}")
        cosine = each["cosines"]["clinic-north"]["clinic-south"]
        rows.setdefault("cosine of the two clinics (0.4 to 0.7)", []).append(f"{cosine:.3f}")
    lines = [f"| in points | {' | '.join(f'seed {seed}' for seed in seeds)} |"]
    lines.append(f"|---|{'---|' * len(seeds)}")
    return "\n".join(lines + [f"| {words} | {' | '.join(each)} |" for words, each in rows.items()])


def _geometry(seeds: Mapping[str, Mapping], tasks: Sequence[Task]) -> str:
    first, names = next(iter(seeds.values())), [task.name for task in tasks]
    lines = [
        "## Deltas of the seed that ships",
        "",
        f"| cosine | {' | '.join(names)} | norm |",
        f"|---|{'---|' * (len(names) + 1)}",
    ]
    for name in names:
        cosines = " | ".join(f"{first['cosines'][name][other]:+.3f}" for other in names)
        lines.append(f"| {name} | {cosines} | {first['norms'][name]:.2f} |")
    return "\n".join(lines)


def _share(right: Right, name: str) -> float:
    return mean(right[name])
