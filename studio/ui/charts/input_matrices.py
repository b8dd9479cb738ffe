"""Who disturbs whose inputs, before and after, and which picture foretold the losses."""

from html import escape

from torch import Tensor

from studio.disk.csv import csv_text
from studio.geometry.gram import Gram
from studio.measure.input_disturbance import InputDisturbance, with_losses
from studio.measure.interference import Interference
from studio.ui.charts.grids import short
from studio.ui.charts.saves import folded, table_saves
from studio.ui.charts.shades import legend, shade

_MOST_NUMBERS = 10  # tasks; with more, numbers are in the tooltips and the file
_LONGEST_NAME = 18
_TITLE = "Who disturbs whose inputs"
TAUGHT = (
    "A cosine asks whether two changes point the same way; this asks whether one change moves "
    "what a layer makes of another task's rows, which is what that task feels."
)


def input_matrices(found: Interference, before: Gram, after: Gram | None) -> str:
    """The two matrices, one sentence each, and their rank correlations with the losses, as HTML.

    Args:
        found: what was measured of the shown mix.
        before: inner products of the raw deltas.
        after: of the components; None where there are none.
    """
    inputs = found.inputs
    if inputs is None:
        return f"<p class='quiet'>{escape(found.refusal)}</p>" if found.refusal else ""
    drawn = [("Before", inputs.before)]
    drawn += [("After", inputs.after)] if inputs.after is not None else []
    squares = "".join(_square(inputs.tasks, values, side) for side, values in drawn)
    low, high = "0: leaves it alone", "1 or more: as far as its own change"
    saves = folded(table_saves(_TITLE, _csv(inputs)), _TITLE)
    return (
        f"<figure class='inputs' id='inputs'><figcaption><b>{_TITLE}</b>: {escape(_said(inputs))}"
        f"</figcaption><div class='sides'>{squares}</div>{legend(low, '', high, False)}"
        f"<p class='quiet'>A row is whose change, a column whose inputs: the squared size of what "
        f"the one does there, over that of the task's own change, on validation rows. {TAUGHT}</p>"
        f"{_ranks(found, inputs, before, after)}{saves}</figure>"
    )


def _said(inputs: InputDisturbance) -> str:
    first, last = inputs.worst(False), inputs.worst(True)
    if first is None:
        return "no task's own change does anything on its rows, so there is no measure."
    words = f"before, {first[0]} moves {first[1]} most ({_text(first[2])} of its own change)"
    if inputs.after is None or last is None:
        return f"{words}; this method has no part per task, so there is no after."
    return f"{words}; after, {last[0]} moves {last[1]} most ({_text(last[2])})."


def _ranks(found: Interference, inputs: InputDisturbance, before: Gram, after: Gram | None) -> str:
    """Which of the two pictures foretells what is lost when one task is added to another."""
    chosen = after if after is not None else before
    moved = inputs.after if inputs.after is not None else inputs.before
    cosines = chosen.cosine().abs()
    pairs = [with_losses(each, inputs.tasks, found.losses) for each in (cosines, moved)]
    if None in pairs:
        return (
            "<p class='quiet'>Too few pairs to compare the pictures with the measured losses.</p>"
        )
    told = [f"{each:+.2f}".replace("-", "\u2212") for each in pairs if each is not None]
    return (
        f"<p id='inputs-ranks'>Rank correlation with what each task loses when one other is added "
        f"(Spearman, {len(found.losses)} pairs): cosines <b>{told[0]}</b>, inputs "
        f"<b>{told[1]}</b>; 1 would foretell the order of the losses, 0 says nothing of it.</p>"
    )


def _square(tasks: tuple[str, ...], values: Tensor, side: str) -> str:
    n = len(tasks)
    heads = "".join(
        f"<th scope='col'><abbr title='{escape(name)}'>{j + 1}</abbr></th>"
        for j, name in enumerate(tasks)
    )
    rows = "".join(
        f"<tr><th scope='row' title='{escape(name)}'>{i + 1} {escape(short(name, _LONGEST_NAME))}"
        f"</th>{''.join(_cell(tasks, float(values[i, j]), i, j) for j in range(n))}</tr>"
        for i, name in enumerate(tasks)
    )
    small = "" if n <= _MOST_NUMBERS else " small"
    said = f"{side}: how far each task's change moves the others' inputs"
    return (
        f"<div class='scroll' role='region' tabindex='0' aria-label='{said}'>"
        f"<table class='square{small}'><caption>{side}</caption><thead><tr><td></td>{heads}</tr>"
        f"</thead><tbody>{rows}</tbody></table></div>"
    )


def _cell(tasks: tuple[str, ...], value: float, i: int, j: int) -> str:
    said = escape(f"{tasks[i]} on the inputs of {tasks[j]}")
    if value != value:
        return f"<td class='none' title='{said}: no number'>–</td>"
    printed = _text(value) if len(tasks) <= _MOST_NUMBERS else ""
    own = " data-own" if i == j else ""
    return f"<td{own} {shade(min(value, 1.0))} title='{said}: {value:.4f}'>{printed}</td>"


def _text(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def _csv(inputs: InputDisturbance) -> str:
    heads = ["task", "on the inputs of", "before", "after"]
    n = range(len(inputs.tasks))
    after = inputs.after
    rows = [
        [
            inputs.tasks[i], inputs.tasks[j], float(inputs.before[i, j]),
            "" if after is None else float(after[i, j]),
        ]
        for i in n for j in n
    ]  # fmt: skip
    return csv_text(heads, rows)
