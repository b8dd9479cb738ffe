"""Held-out, validation and training rows, drawn once from one file and written down."""

import hashlib
import json
import math
import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from studio.errors import BadData, Remedy
from studio.new_zoo.tables import Cells
from studio.zoo import SPLITS

FEWEST = 10
"""Rows, or groups of rows, from which splits can be drawn."""


@dataclass(frozen=True)
class Shares:
    """How the rows of one file are divided.

    Attributes:
        of: by split, its share; of splits that are not wanted, the others get it.
        most: by split, rows that it gets at most.
    """

    of: Mapping[str, float]
    most: Mapping[str, int]


FOR_HEADS = Shares(
    {"held_out": 0.5, "validation": 0.2, "train": 0.3},
    {"held_out": 2_000, "validation": 500, "train": 5_000},
)
"""Where a head is fitted, if anything is."""
FOR_EXPERTS = Shares(
    {"held_out": 0.2, "validation": 0.1, "train": 0.7},
    {"held_out": 10_000, "validation": 1_000, "train": 10_000_000},
)
"""Where an expert is trained."""
_ANSWERS = ("label", "group")  # rows that differ in these alone are equal


@dataclass(frozen=True)
class Drawn:
    """Rows of each split, and how they were drawn.

    Attributes:
        rows: by split.
        notes: what a user should know, a sentence each.
    """

    rows: Mapping[str, tuple[Cells, ...]]
    notes: tuple[str, ...]


def draw(rows: Sequence[Cells], seed: int, train: bool, shares: Shares = FOR_HEADS) -> Drawn:
    """Draw splits that share no row and no group, with labels in the same shares.

    Rows that say the same to the model count as one group: no split holds another's.

    Args:
        rows: by a kind's own names; of those with a ``label`` each label is spread over the splits.
        seed: of the draw.
        train: whether rows to fit a head on, or to train on, are wanted, too.
        shares: of the splits.

    Raises:
        BadData: there are too few rows, or groups of them.
    """
    groups = _groups(rows)
    if len(groups) < FEWEST:
        what = "groups of rows" if any("group" in row for row in rows) else "different rows"
        raise BadData(
            f"There are {len(groups)} {what}; at least {FEWEST} are needed to draw held-out and "
            "validation rows from. Add rows, or name a file for each split."
        )
    wanted = [split for split in SPLITS if train or split != "train"]
    places: dict[str, list[int]] = {split: [] for split in wanted}
    for members in _by_label(groups, rows, seed):
        for split, chosen in zip(wanted, _cut(members, wanted, shares.of), strict=True):
            places[split] += [place for group in chosen for place in group]
    made = {
        split: tuple(rows[place] for place in sorted(_at_most(found, shares.most[split], seed)))
        for split, found in places.items()
    }
    empty = [split.replace("_", "-") for split, found in made.items() if not found]
    if empty:
        labels = len({str(row.get("label")) for row in rows})
        raise BadData(
            f"{len(rows):,} rows with {labels:,} labels leave none for {', '.join(empty)}. Add "
            "rows, or choose another column for the label."
        )
    return Drawn(made, _notes(rows, groups, made, seed))


def _notes(
    rows: Sequence[Cells], groups: Sequence[Sequence[int]], made: Mapping, seed: int
) -> tuple[str, ...]:
    counts = ", ".join(f"{len(found):,} {split.replace('_', '-')}" for split, found in made.items())
    how = "by group" if "group" in rows[0] else "by row"
    how += " and label" if "label" in rows[0] else ""
    notes = [f"Drawn {how} with seed {seed}: {counts} of {len(rows):,} rows."]
    copies = len(rows) - len({content(row) for row in rows})
    if copies:
        notes.append(f"{copies:,} rows are copies of others; all copies are in one split.")
    return tuple(notes)


def content(row: Cells) -> str:
    """What a row says to the model, as one digest."""
    said = {name: cell for name, cell in row.items() if name not in _ANSWERS}
    text = json.dumps(said, sort_keys=True, default=_bytes)
    return hashlib.sha256(text.encode()).hexdigest()


def _bytes(cell: object) -> str:
    return hashlib.sha256(cell).hexdigest() if isinstance(cell, bytes) else str(cell)


def _groups(rows: Sequence[Cells]) -> list[list[int]]:
    """Places of rows that must stay together: of one group, or equal, also by way of others."""
    parent = list(range(len(rows)))

    def top(place: int) -> int:
        while parent[place] != place:
            parent[place] = parent[parent[place]]
            place = parent[place]
        return place

    first: dict[tuple[str, str], int] = {}
    for place, row in enumerate(rows):
        keys = [("says", content(row))]
        keys += [("group", str(row["group"]))] if "group" in row else []
        for key in keys:
            one, other = top(place), top(first.setdefault(key, place))
            parent[max(one, other)] = min(one, other)
    found: dict[int, list[int]] = defaultdict(list)
    for place in range(len(rows)):
        found[top(place)].append(place)
    return list(found.values())


def _by_label(
    groups: Sequence[Sequence[int]], rows: Sequence[Cells], seed: int
) -> list[list[Sequence[int]]]:
    """The groups, shuffled, by the label that most of their rows have."""
    by_label: dict[str, list[Sequence[int]]] = defaultdict(list)
    for group in groups:
        counted = Counter(str(rows[place].get("label")) for place in group)
        by_label[min(counted, key=lambda label: (-counted[label], label))].append(group)
    found = []
    for label in sorted(by_label):
        random.Random(f"{seed} {label}").shuffle(by_label[label])
        found.append(by_label[label])
    return found


def _cut(
    groups: list[Sequence[int]], wanted: Sequence[str], shares: Mapping[str, float]
) -> list[list[Sequence[int]]]:
    """The groups of a label cut by the shares of rows; the first split gets at least one."""
    total = sum(map(len, groups))
    share = sum(shares[split] for split in wanted)
    ends, reached = [], 0.0
    for split in wanted:
        reached += shares[split] / share
        ends.append(math.ceil(total * reached - 1e-9))
    cut: list[list[Sequence[int]]] = [[] for _ in wanted]
    taken, at = 0, 0
    for group in groups:
        while taken >= ends[at] and at < len(ends) - 1:
            at += 1
        cut[at].append(group)
        taken += len(group)
    return cut


def _at_most(places: Sequence[int], most: int, seed: int) -> Sequence[int]:
    """At most so many places at equal distances: of places by label, each label keeps its share."""
    if len(places) <= most:
        return places
    step = len(places) / most
    start = step * random.Random(f"{seed} most").random()
    return [places[min(int(start + at * step), len(places) - 1)] for at in range(most)]


def leaks(splits: Mapping[str, Sequence[Cells]]) -> dict[tuple[str, str], int]:
    """How many rows of one split say the same as a row of another, or are of its groups."""
    found = {}
    names = list(splits)
    keys = {name: _keys(splits[name]) for name in names}
    for at, one in enumerate(names):
        for other in names[at + 1 :]:
            count = sum(bool(keys_of & keys[other][0]) for keys_of in keys[one][1])
            if count:
                found[one, other] = count
    return found


def _keys(rows: Sequence[Cells]) -> tuple[set[str], list[set[str]]]:
    each = [
        {content(row)} | ({f"group {row['group']}"} if "group" in row else set()) for row in rows
    ]
    return set().union(*each), each


def leak_words(splits: Mapping[str, Sequence[Cells]]) -> str:
    """What splits share, with numbers of rows; empty for nothing."""
    return ", ".join(
        f"{count:,} of {len(splits[one]):,} {one.replace('_', '-')} rows are also in "
        f"{other.replace('_', '-')}" for (one, other), count in leaks(splits).items()
    )  # fmt: skip


def _ungrouped(rows: Sequence[Cells]) -> list[Cells]:
    return [{name: cell for name, cell in row.items() if name != "group"} for row in rows]


def refuse_leaks(splits: Mapping[str, Sequence[Cells]]) -> None:
    """Refuse splits of separate files that share rows; whoever made them may share groups.

    Raises:
        BadData: with the number of rows.
    """
    words = leak_words({name: _ungrouped(rows) for name, rows in splits.items()})
    if words:
        raise BadData(
            f"Splits share rows: {words}. A score on rows that a choice was made on says too much.",
            Remedy.DROP_LEAKS,
        )


def without_leaks(splits: Mapping[str, Sequence[Cells]]) -> tuple[dict[str, list[Cells]], int]:
    """The splits without rows of earlier ones: held-out rows stay; and how many were left out."""
    kept, seen, lost = {}, set(), 0
    for name in sorted(splits, key=SPLITS.index):
        _, each = _keys(_ungrouped(splits[name]))
        kept[name] = [row for row, keys in zip(splits[name], each, strict=True) if not keys & seen]
        lost += len(splits[name]) - len(kept[name])
        seen |= set().union(*each) if each else set()
    return kept, lost
