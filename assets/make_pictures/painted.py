"""Tasks on pictures that are painted by this program alone: clocks, and dots to count."""

import math
import random
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from assets.make_pictures.rows import Row, Task

_SIDE, _FINE = 48, 192  # pixels of a row, and of what it is painted as
_SIZES = {"train": 2000, "validation": 150, "held_out": 200}
_HOURS, _MOST = 12, 9
_SOURCE = "painted by the program"


def clocks() -> Task:
    """The hour that a clock shows, at any minute of it."""
    return _painted("clocks", [str(hour + 1) for hour in range(_HOURS)], _clock)


def dots() -> Task:
    """How many dots there are."""
    return _painted("dots", [str(count + 1) for count in range(_MOST)], _dots)


def _painted(
    name: str, labels: list[str], paint: Callable[[random.Random], tuple[Image.Image, int]]
) -> Task:
    splits = {}
    for split, size in _SIZES.items():
        dealer = random.Random(f"{name} {split}")
        rows = []
        for place in range(size):
            picture, label = paint(dealer)
            small = picture.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)
            rows.append(Row(np.asarray(small).copy(), labels[label], str(place)))
        splits[split] = tuple(rows)
    return Task(name, tuple(labels), splits, _SOURCE, "picture", 0.0)


def _clock(dealer: random.Random) -> tuple[Image.Image, int]:
    """A dial with twelve marks and two hands; hour 1 is label 0."""
    ground, ink = dealer.randint(180, 255), dealer.randint(0, 90)
    picture = Image.new("L", (_FINE, _FINE), ground)
    drawn, middle, radius = ImageDraw.Draw(picture), _FINE / 2, 0.44 * _FINE

    def line(turn: float, first: float, last: float, width: int) -> None:
        across, up = math.sin(math.tau * turn), -math.cos(math.tau * turn)
        ends = [(middle + radius * far * across, middle + radius * far * up)
                for far in (first, last)]  # fmt: skip
        drawn.line(ends, fill=ink, width=width)

    dial = min(ground + dealer.randint(-30, 30), 255)
    box = (middle - radius, middle - radius, middle + radius, middle + radius)
    drawn.ellipse(box, fill=dial, outline=ink, width=dealer.randint(2, 8))
    for mark in range(_HOURS):
        line(mark / _HOURS, 0.8 if mark % 3 else 0.7, 0.92, dealer.choice((3, 5)))
    hour, minute = dealer.randrange(_HOURS), dealer.randrange(60)
    line((hour + minute / 60) / _HOURS, 0, 0.45, dealer.randint(10, 15))
    line(minute / 60, 0, 0.75, dealer.randint(4, 8))
    return picture, (hour - 1) % _HOURS


def _dots(dealer: random.Random) -> tuple[Image.Image, int]:
    """Dots of one size that do not touch; one dot is label 0."""
    picture = Image.new("L", (_FINE, _FINE), dealer.randint(170, 255))
    drawn, ink = ImageDraw.Draw(picture), dealer.randint(0, 110)
    count, radius = dealer.randint(1, _MOST), dealer.randint(9, 17)
    placed: list[tuple[float, float]] = []
    while len(placed) < count:
        across, down = (dealer.uniform(22, _FINE - 22) for _ in range(2))
        if all(math.dist((across, down), other) > 2.3 * radius + 6 for other in placed):
            placed.append((across, down))
            box = (across - radius, down - radius, across + radius, down + radius)
            drawn.ellipse(box, fill=ink)
    return picture, count - 1
