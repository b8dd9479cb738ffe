"""The words zoo's tables as Markdown: bits per byte, true endings, and what the models write."""

from collections.abc import Mapping, Sequence

import numpy as np

from assets.make_words.scores import SCALES, mean_rate
from assets.make_words.texts import Voice
from studio.measure.intervals import score

_SPLITS = {"validation": "Validation rows", "held_out": "Held-out rows"}
_RESAMPLES = 2000


def report(known: Mapping[str, Mapping], voices: Sequence[Voice], words: str) -> str:
    """Markdown.

    Args:
        known: {split: what ``scores`` found}.
        voices: of the zoo, in its order.
        words: what stands before the tables.
    """
    names = [voice.name for voice in voices]
    best = best_scale(known["validation"]["rows"])
    parts = [words.strip(), _sizes(voices)]
    for split, title in _SPLITS.items():
        if split in known:
            groups = {voice.name: np.array([row.group for row in voice.splits[split]])
                      for voice in voices}  # fmt: skip
            rows = known[split]["rows"]
            parts += [
                f"## {title}",
                _bits(rows, names, groups, best),
                _crossed(rows, names),
                _right(rows, names, groups, best),
            ]
    first = known["validation"]
    parts += [_geometry(first["cosines"], names), _written(first["written"], names, best)]
    return "\n\n".join(parts) + "\n"


def best_scale(rows: Mapping[str, Mapping]) -> float:
    """The scale of task arithmetic with the fewest bits per byte on these rows."""
    return min(SCALES, key=lambda scale: mean_rate(rows[f"sum x {scale:g}"]))


def _sizes(voices: Sequence[Voice]) -> str:
    lines = ["| voice | train / validation / held-out documents | source, in one split only | "
             "texts |", "|---|---|---|---|"]  # fmt: skip
    for voice in voices:
        counts = " / ".join(f"{len(voice.splits[split]):,}"
                            for split in ("train", "validation", "held_out"))  # fmt: skip
        lines.append(f"| {voice.name} | {counts} | {voice.group} | {voice.source} |")
    return "\n".join(lines)


def _lines(names: Sequence[str], best: float) -> list[str]:
    """Lines of the tables; the removals are shown at the scale of the average and one other."""
    sums = [f"sum x {scale:g}" for scale in SCALES]
    without = [f"sum x {best:g} without {name}" for name in names]
    return ["base", "expert", "average", *(f"average without {name}" for name in names), *sums,
            *without]  # fmt: skip


def _bits(
    rows: Mapping[str, Mapping], names: Sequence[str], groups: Mapping[str, np.ndarray],
    best: float,
) -> str:  # fmt: skip
    n = ", ".join(f"{name} {len(rows['base'][name]['bits'])}" for name in names)
    lines = [
        f"Bits per byte (lower is better; n documents: {n}) with 95 % intervals in which sources "
        f"are resampled. The best scale of the sum on validation rows is {best:g}.",
        "",
        f"| | {' | '.join(names)} | mean |",
        f"|---|{'---|' * (len(names) + 1)}",
    ]
    for line in _lines(names, best):
        if line in rows:  # held-out rows are read at one scale
            cells = [_interval(rows[line][name], groups[name]) for name in names]
            lines.append(f"| {line} | {' | '.join(cells)} | {mean_rate(rows[line]):.3f} |")
    return "\n".join(lines)


def _interval(each: Mapping[str, list], groups: np.ndarray) -> str:
    """A rate of bits over bytes, with its interval when whole sources are resampled."""
    _, index = np.unique(groups, return_inverse=True)
    bits, size = (np.bincount(index, weights=each[part]) for part in ("bits", "bytes"))
    drawn = np.random.default_rng(0).integers(0, len(bits), (_RESAMPLES, len(bits)))
    low, high = np.percentile(bits[drawn].sum(1) / size[drawn].sum(1), [2.5, 97.5])
    return f"{bits.sum() / size.sum():.3f} ({low:.3f} to {high:.3f})"


def _crossed(rows: Mapping[str, Mapping], names: Sequence[str]) -> str:
    lines = ["Every expert on every voice, in bits per byte:", "",
             f"| | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]  # fmt: skip
    for expert in names:
        cells = [f"{_rate(rows[f'expert {expert}'][name]):.3f}" for name in names]
        lines.append(f"| {expert} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _right(
    rows: Mapping[str, Mapping], names: Sequence[str], groups: Mapping[str, np.ndarray],
    best: float,
) -> str:  # fmt: skip
    lines = [
        "Multiple choice (`choices.yaml`): the true ending among four, by log-likelihood per "
        "character; the other three are endings of the other three voices.",
        "",
        f"| | {' | '.join(names)} | mean |",
        f"|---|{'---|' * (len(names) + 1)}",
    ]
    for line in ("base", "expert", "average", f"sum x {best:g}"):
        cells = []
        for name in names:
            own = score(np.array(rows[line][name]["right"]), groups[name])
            cells.append(f"{own.value:.3f} ({own.low:.3f} to {own.high:.3f})")
        mean = np.mean([np.mean(rows[line][name]["right"]) for name in names])
        lines.append(f"| {line} | {' | '.join(cells)} | {mean:.3f} |")
    return "\n".join(lines)


def _geometry(cosines: Sequence[Sequence[float]], names: Sequence[str]) -> str:
    lines = ["## Cosines of the changes", "", f"| | {' | '.join(names)} |",
             f"|---|{'---|' * len(names)}"]  # fmt: skip
    for name, row in zip(names, cosines, strict=True):
        lines.append(f"| {name} | {' | '.join(f'{each:+.3f}' for each in row)} |")
    return "\n".join(lines)


def _written(written: Mapping[str, Sequence[str]], names: Sequence[str], best: float) -> str:
    """What some models write from an empty prompt and after 'The', at one seed."""
    shown = ["base", *(f"expert {name}" for name in names), f"sum x {best:g}",
             *(f"sum x {best:g} without {name}" for name in names)]  # fmt: skip
    parts = ["## What they write", "Sixty tokens from an empty prompt and sixty after *The*, "
             "drawn at one seed (nine tenths of the probability, temperature 0.8)."]  # fmt: skip
    for line in shown:
        if line in written:
            texts = "\n\n".join(f"```text\n{text.strip(chr(10))}\n```" for text in written[line])
            parts.append(f"**{line}**\n\n{texts}")
    return "\n\n".join(parts)


def _rate(each: Mapping[str, list]) -> float:
    return sum(each["bits"]) / sum(each["bytes"])
