"""One tensor from close by as two charts: singular values, and how its entries are spread."""

from html import escape

from studio.geometry.tensor_look import TensorLook
from studio.session.background import Answer
from studio.ui.charts import lines
from studio.ui.charts.line_figure import figure
from studio.ui.charts.lines import Chart, Series

_MOST_TASKS = 6  # lines before, and as many after
_BEFORE_AFTER = "Dashed: before. Solid: after."


def tensor_view(found: Answer[TensorLook]) -> str:
    """The charts, or why there are none yet; as HTML."""
    if found.refusal:
        return f"<p>{escape(found.refusal)}</p>"
    if found.made is None:
        return "<p class='quiet'>Looking at the tensor …</p>"
    look = found.made
    shape = " x ".join(map(str, look.shape))
    named = ", ".join(look.tasks[:_MOST_TASKS])
    more = "" if len(look.tasks) <= _MOST_TASKS else f" The first {_MOST_TASKS} tasks: {named}."
    drawn = [_spectra(look), _entries(look)]
    keys = lines.legend([Series(task, i, ((0, 0, None),), "plain") for i, task in _few(look)])
    charts = "".join(figure(each, "", True, name=each.title, quiet=True) for each in drawn if each)
    return (
        f"<p class='trail'>{escape(look.name)}, {shape}. {_BEFORE_AFTER}{escape(more)}</p>"
        f"<p class='keys'>{keys}</p><div class='matrices looks-at'>{charts}</div>"
    )


def _few(look: TensorLook) -> list[tuple[int, str]]:
    return list(enumerate(look.tasks[:_MOST_TASKS]))


def _spectra(look: TensorLook) -> Chart | None:
    series = []
    for i, task in _few(look):
        for when, style, values in (
            ("before", "dashed", look.before[i]), ("after", "plain", look.after[i]),
        ):  # fmt: skip
            points = tuple((float(k + 1), value, None) for k, value in enumerate(values))
            series += [Series(f"{task} {when}", i, points, style)] if points else []
    if not series:
        return None
    longest = max(len(each.points) for each in series)
    return Chart(
        f"Singular values of {look.name}", "number of the direction", tuple(series),
        (1.0, float(longest)), notes=(_BEFORE_AFTER,),
    )  # fmt: skip


def _entries(look: TensorLook) -> Chart:
    middles = [(low + high) / 2 for low, high in zip(look.edges, look.edges[1:], strict=False)]
    series = []
    for i, task in _few(look):
        for when, style, counts in (
            ("before", "dashed", look.counts[i]), ("after", "plain", look.counts_after[i]),
        ):  # fmt: skip
            points = tuple((x, y, None) for x, y in zip(middles, counts, strict=True))
            series.append(Series(f"{task} {when}", i, points, style))
    ends = (float(f"{look.edges[0]:.1g}"), 0.0, float(f"{look.edges[-1]:.1g}"))
    return Chart(
        f"Entries of {look.name}", "size of an entry", tuple(series), ends, percent=True,
        notes=(_BEFORE_AFTER, "Entries beyond the ends are counted in the outer bins."),
    )  # fmt: skip
