"""Rows of a task: split by group, without near-duplicates, balanced over the classes."""

import json
import random
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer

_ALIKE = 0.7  # Jaccard overlap of words from which two texts are near-duplicates


@dataclass(frozen=True)
class Row:
    """One text with its label, and the group that lies in one split only."""

    text: str
    label: str
    group: str


@dataclass(frozen=True)
class Task:
    """A task's rows and what its users should know about them."""

    name: str
    labels: tuple[str, ...]
    splits: Mapping[str, tuple[Row, ...]]  # train, validation, held_out
    source: str
    group: str


def by_group(
    rows: Iterable[Row], shares: Mapping[str, float], random_: random.Random
) -> dict[str, list[Row]]:
    """Deal whole groups to splits by their shares, from the largest on, so that rows follow."""
    groups = defaultdict(list)
    for row in rows:
        groups[row.group].append(row)
    order = sorted(groups)
    random_.shuffle(order)
    order.sort(key=lambda group: -len(groups[group]))  # stable: large groups first
    dealt: dict[str, list[str]] = {name: [] for name in shares}
    for group in order:
        dealt[min(shares, key=lambda name: (len(dealt[name]) + 1) / shares[name])].append(group)
    return {name: [row for group in chosen for row in groups[group]]
            for name, chosen in dealt.items()}  # fmt: skip


def balanced(rows: Iterable[Row], size: int, random_: random.Random) -> tuple[Row, ...]:
    """At most ``size`` rows, in turn from every class, and within a class from every group."""
    queues = defaultdict(lambda: defaultdict(list))
    for row in rows:
        queues[row.label][row.group].append(row)
    lines = []
    for label in sorted(queues):
        groups = [queues[label][group] for group in sorted(queues[label])]
        for group in groups:
            random_.shuffle(group)
        random_.shuffle(groups)
        depth = max(map(len, groups))
        lines.append([group[i] for i in range(depth) for group in groups if i < len(group)])
    depth = max(map(len, lines), default=0)
    chosen = [line[i] for i in range(depth) for line in lines if i < len(line)][:size]
    random_.shuffle(chosen)
    return tuple(chosen)


def distinct(rows: Iterable[Row]) -> list[Row]:
    """The first of rows with the same words."""
    seen: set[tuple[str, ...]] = set()
    kept = []
    for row in rows:
        words = tuple(re.findall(r"\w+", row.text.lower()))
        if words not in seen:
            seen.add(words)
            kept.append(row)
    return kept


def unlike(rows: Sequence[Row], others: Sequence[Row]) -> list[Row]:
    """The rows that are no near-duplicate of any of the others."""
    if not rows or not others:
        return list(rows)
    count = CountVectorizer(token_pattern=r"\w+", binary=True)
    count.fit([row.text for row in (*rows, *others)])
    mine, theirs = (count.transform([row.text for row in part]) for part in (rows, others))
    lengths = np.asarray(theirs.sum(1)).ravel()
    kept = []
    for index, row in enumerate(rows):
        shared = (mine[index] @ theirs.T).toarray()[0]
        whole = mine[index].sum() + lengths - shared
        if (shared / whole).max() < _ALIKE:
            kept.append(row)
    return kept


def write(task: Task, folder: Path) -> None:
    """Write rows, labels and provenance."""
    folder.mkdir(parents=True, exist_ok=True)
    number = {label: index for index, label in enumerate(task.labels)}
    sizes = {}
    for split, rows in task.splits.items():
        lines = ({"text": row.text, "label": number[row.label], "group": row.group} for row in rows)
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        (folder / f"{split}.jsonl").write_text(text, encoding="utf-8")
        sizes[split] = {"rows": len(rows), "groups": len({row.group for row in rows})}
    (folder / "labels.json").write_text(json.dumps(task.labels, indent=1) + "\n")
    about = {"source": task.source, "group": task.group, "splits": sizes}
    (folder / "provenance.json").write_text(json.dumps(about, indent=1) + "\n")
