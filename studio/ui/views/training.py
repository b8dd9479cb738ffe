"""Pure views of trainings: rows, cost, curves on validation rows, experts beside the head alone."""

from collections.abc import Mapping, Sequence
from html import escape
from math import isfinite

from studio.new_zoo.prepare import Prepared
from studio.training.checks import Check
from studio.training.comparison import Compared
from studio.training.cost import TrainingCost
from studio.training.expert import Trained
from studio.ui.views.glossary import term
from studio.ui.views.units import duration, size

_WIDE, _HIGH, _EDGE = 220, 56, 4  # of a curve, in pixels
_LISTED = 6


def rows(found: Mapping[str, Prepared] | None) -> str:
    """How many rows each task has in each split, and what is to be known of them."""
    if not found:
        return "<p class='quiet'>What it takes is told once the rows were looked at.</p>"
    body = "".join(_rows(name, each) for name, each in found.items())
    said = [(name, " ".join(each.notes)) for name, each in found.items() if each.notes]
    notes = "".join(f"<li><b>{escape(n)}</b>: {escape(w)}</li>" for n, w in said)
    folded = f"<details><summary>how rows were read</summary><ul>{notes}</ul></details>"
    return _table(
        "training-rows", "Rows of each task", ("task", "training", "validation", "held-out",
        "labels"), body,
    ) + (folded if notes else "")  # fmt: skip


def _rows(name: str, made: Prepared) -> str:
    counts = "".join(
        f"<td class='num'>{len(made.rows.get(split, ())):,}</td>"
        for split in ("train", "validation", "held_out")
    )
    more = f" and {len(made.labels) - _LISTED} more" if len(made.labels) > _LISTED else ""
    labels = escape(", ".join(made.labels[:_LISTED]) + more) or "none"
    return f"<tr><th scope='row'>{escape(name)}</th>{counts}<td>{labels}</td></tr>"


def cost(needed: TrainingCost | None, free: int) -> str:
    """What training takes, about, and how that is known; empty until then."""
    if needed is None:
        return ""
    how = (
        f"as {needed.trainings} earlier on this computer took" if needed.trainings > 1
        else "as the one before on this computer took" if needed.trainings
        else "a guess from sizes: nothing was trained on this computer before"
    )  # fmt: skip
    return (
        f"<p class='quiet' id='train-cost'>Training takes about {duration(needed.seconds)} at most "
        f"({how}), more than {size(needed.memory)} of memory, of which {size(free)} are free, and "
        f"about {size(needed.disk)} on the disk.</p>"
    )


def curves(
    found: Mapping[str, Sequence[Check]], trained: Mapping[str, Trained],
    compared: Mapping[str, Compared],
) -> str:  # fmt: skip
    """A curve for each task: the validation loss by step, the kept step marked, and the end."""
    if not found:
        return ""
    body = "".join(
        _curve(name, checks, trained.get(name), compared.get(name))
        for name, checks in found.items()
    )
    heads = ("task", f"{term('validation loss')} by step", "held-out rows, 95 % intervals")
    return _table("training-curves", "How each training goes", heads, body)


def _curve(
    name: str, checks: Sequence[Check], trained: Trained | None, compared: Compared | None
) -> str:
    last = checks[-1]
    kept = trained.best if trained else min(checks, key=_loss)
    told = (
        f"{checks[0].loss:.3f} before training"
        + (f", {kept.loss:.3f} at step {kept.step:,}" if kept.step else "")
        + (f", {last.loss:.3f} at step {last.step:,}" if last.step != kept.step else "")
    )  # fmt: skip
    if kept.accuracy is not None:
        told += f"; accuracy where kept {kept.accuracy:.1%}"
    ended = f"<br><span class='quiet'>{escape(_ended(trained))}</span>" if trained else ""
    beside = _beside(compared) if compared else "<span class='quiet'>scored at the end</span>"
    cells = f"<td>{_line(checks, kept)}<br>{told}{ended}</td><td>{beside}</td>"
    return f"<tr data-task='{escape(name)}'><th scope='row'>{escape(name)}</th>{cells}</tr>"


def _loss(check: Check) -> float:
    return check.loss if isfinite(check.loss) else float("inf")


def _ended(trained: Trained) -> str:
    words = {
        "whole": f"trained for all {trained.steps:,} steps",
        "early": "ended early: nothing got better",
        "diverged": f"diverged ({trained.trouble}); its best state is kept",
    }
    return f"{words[trained.ended]}; {duration(trained.seconds)}"


def _beside(found: Compared) -> str:
    mark = (
        "<b class='down'>worse, and kept</b>: " if found.is_worse
        else "<span class='up'>better</span>: " if found.change.verdict == "better" else ""
    )  # fmt: skip
    sure = "; cannot tell, 0 lies within" if found.change.verdict == "cannot tell" else ""
    what = term("head only", "head-only") if found.what == "head only" else escape(found.what)
    return (
        f"expert <b>{found.expert.shown}</b> ({found.expert.span})<br>"
        f"{what} <b>{found.other.shown}</b> ({found.other.span})<br>"
        f"{mark}{escape(found.change.words)}{sure} (n = {found.expert.n:,})"
    )


def _line(checks: Sequence[Check], kept: Check) -> str:
    """The losses as a line, with a dot where the expert was kept."""
    seen = [each for each in checks if isfinite(each.loss)]
    if len(seen) < 2:
        return ""
    least, most = min(each.loss for each in seen), max(each.loss for each in seen)
    wide = max(seen[-1].step - seen[0].step, 1)

    def place(check: Check) -> tuple[float, float]:
        across = (check.step - seen[0].step) / wide
        down = (most - check.loss) / (most - least) if most > least else 0.5
        return _EDGE + across * (_WIDE - 2 * _EDGE), _EDGE + down * (_HIGH - 2 * _EDGE)

    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(place, seen))
    x, y = place(kept) if isfinite(kept.loss) else place(seen[-1])
    return (
        f"<svg class='training-curve' role='img' viewBox='0 0 {_WIDE} {_HIGH}' width='{_WIDE}' "
        f"height='{_HIGH}' aria-label='validation loss, {most:.3f} to {least:.3f}'>"
        f"<polyline points='{points}' fill='none' stroke='currentColor' stroke-width='1.5'/>"
        f"<circle cx='{x:.1f}' cy='{y:.1f}' r='3.5' fill='currentColor'/></svg>"
    )


def _table(element: str, caption: str, heads: Sequence[str], body: str) -> str:
    cells = "".join(f"<th scope='col'>{each}</th>" for each in heads)
    return (
        f"<div class='scroll' tabindex='0' role='region' aria-label='{caption}'><table "
        f"class='studio' id='{element}'><caption>{caption}</caption><thead><tr>{cells}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )
