"""Rows of pictures, and how a pool of them becomes splits."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

SPLITS = ("train", "validation", "held_out")


@dataclass(frozen=True)
class Row:
    """A picture with its label.

    Attributes:
        image: ``(H, W)`` or ``(H, W, 3)`` uint8.
        label: its name.
        group: what it comes from; a group lies in one split.
    """

    image: np.ndarray
    label: str
    group: str


@dataclass(frozen=True)
class Task:
    """Rows of every split.

    Attributes:
        name: of the task.
        labels: in the order of the head's rows.
        splits: rows by the names of ``SPLITS``.
        source: the package and its version.
        apart: what lies in one split only.
        turned: how far training pictures are turned and moved at random, 0 for not at all.
    """

    name: str
    labels: tuple[str, ...]
    splits: Mapping[str, tuple[Row, ...]]
    source: str
    apart: str
    turned: float


def dealt(groups: Iterable[str], shares: Mapping[str, float], seed: str) -> dict[str, str]:
    """{group: split}; the groups are dealt in an order drawn once, in these shares."""
    order = sorted(set(groups))
    random.Random(seed).shuffle(order)
    total, found, first = sum(shares.values()), {}, 0.0
    for split, share in shares.items():
        last = first + share / total * len(order)
        found |= dict.fromkeys(order[round(first) : round(last)], split)
        first = last
    return found


def chosen(rows: Sequence[Row], most: int, seed: str) -> tuple[Row, ...]:
    """At most so many rows, the labels as even as they can be, in an order drawn once."""
    by_label: dict[str, list[Row]] = {}
    shuffled = list(rows)
    dealer = random.Random(seed)
    dealer.shuffle(shuffled)
    for row in shuffled:
        by_label.setdefault(row.label, []).append(row)
    turns = [(place, label) for label, own in by_label.items() for place in range(len(own))]
    dealer.shuffle(turns)
    turns.sort(key=lambda turn: turn[0])
    return tuple(by_label[label][place] for place, label in turns[:most])


def groups_of(rows: Sequence[Row]) -> np.ndarray | None:
    """What each row comes from; None where no two come from the same."""
    groups = np.array([row.group for row in rows])
    return groups if len(set(groups)) < len(groups) else None


def write(task: Task, folder: Path) -> None:
    """Write the rows that are scored as ``SPLIT.npz``, grey or in color."""
    folder.mkdir(parents=True, exist_ok=True)
    for split in SPLITS[1:]:
        rows = task.splits[split]
        arrays = {
            "images": np.stack([row.image for row in rows]),
            "labels": np.array([task.labels.index(row.label) for row in rows], np.int16),
        }
        if (groups := groups_of(rows)) is not None:
            arrays["groups"] = groups
        np.savez_compressed(folder / f"{split}.npz", **arrays)


def fitted(picture: Image.Image, side: int, margin: int, behind: int = 255) -> np.ndarray:
    """``(side, side, 3)`` uint8: the picture, its shape kept, in the middle of a plain ground."""
    seen = picture.convert("RGBA")
    seen.thumbnail((side - 2 * margin,) * 2, Image.Resampling.LANCZOS)
    ground = Image.new("RGBA", (side, side), (behind,) * 3 + (255,))
    ground.alpha_composite(seen, ((side - seen.width) // 2, (side - seen.height) // 2))
    return np.asarray(ground.convert("RGB")).copy()
