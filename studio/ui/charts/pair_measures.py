"""What can be looked at layer by layer: how each measure is read, printed and colored."""

from collections.abc import Callable
from dataclasses import dataclass

from studio.geometry.pairs import Pairs, conflicts, cosines, overlaps
from studio.session.geometry import Geometry
from studio.session.geometry_studies import Reports
from studio.ui.charts.grids import diverging, rising

Source = Callable[[Geometry, Reports, str], Pairs]


@dataclass(frozen=True)
class Measure:
    """One measure of pairs of tasks.

    Attributes:
        title: of a figure.
        source: its numbers from geometry and reports, by scope.
        passes: whether it needs a pass over all deltas.
        middle: the value painted white, with blue below and orange above; None: white is 0.
        limit: largest distance from white that a pair can have.
        form: how a value is printed.
        words: how it is read.
    """

    title: str
    source: Source
    passes: bool
    middle: float | None
    limit: float
    form: str
    words: str

    def text(self, value: float) -> str:
        """A value as it is printed; no minus in front of a zero."""
        printed = format(value, self.form)
        return printed.replace("-", "", 1) if not printed.strip("-0.%") else printed

    def color(self, value: float, limit: float) -> str:
        """A value's color, full at ``limit`` from white."""
        if self.middle is None:
            return rising(value, limit)
        return diverging(value - self.middle, limit)

    def share(self, value: float) -> float:
        """-1 to 1: where a value stands on the one scale of all heat maps."""
        return (value - (self.middle or 0.0)) / self.limit

    @property
    def scale(self) -> tuple[str, str, str]:
        """What the ends and the middle of the scale are, in words."""
        if self.middle is None:
            return "0: orthogonal", "", "1: the same"
        if self.middle:
            return "0 %: always agree", "50 %: unrelated", "100 %: always opposed"
        return "-1: opposed", "0: unrelated", "1: the same direction"


def _before(geometry: Geometry, reports: Reports, scope: str) -> Pairs:
    return cosines(geometry.before, scope)


def _after(geometry: Geometry, reports: Reports, scope: str) -> Pairs:
    return cosines(geometry.after or geometry.before, scope)


def _signs(geometry: Geometry, reports: Reports, scope: str) -> Pairs:
    return conflicts(reports, geometry.before.tasks, scope)


def _columns(geometry: Geometry, reports: Reports, scope: str) -> Pairs:
    return overlaps(reports, geometry.before.tasks, scope, "columns")


def _rows(geometry: Geometry, reports: Reports, scope: str) -> Pairs:
    return overlaps(reports, geometry.before.tasks, scope, "rows")


_COSINE = "Cosine of two tasks' {what}: 1 the same direction, 0 unrelated, -1 opposed."
_OVERLAP = (
    "Overlap of the leading {what} spaces of two raw deltas: the mean squared cosine of their "
    "principal angles, 0 orthogonal, 1 the same. What random subspaces give is printed beside it; "
    "adapters started from the same factors overlap by that alone."
)
COSINE_BEFORE = Measure(
    "Cosine before", _before, False, 0.0, 1.0, ".2f", _COSINE.format(what="raw deltas")
)
COSINE_AFTER = Measure(
    "Cosine after", _after, False, 0.0, 1.0, ".2f",
    _COSINE.format(what="components, after orthogonalization"),
)  # fmt: skip
SIGNS = Measure(
    "Sign conflict", _signs, True, 0.5, 0.5, ".1%",
    "Share of the elements changed by both raw deltas that they push in opposite directions: "
    "50 % is what unrelated deltas do, less is agreement.",
)  # fmt: skip
COLUMNS = Measure(
    "Column overlap", _columns, True, None, 1.0, ".2f", _OVERLAP.format(what="column (output)")
)
ROWS = Measure("Row overlap", _rows, True, None, 1.0, ".2f", _OVERLAP.format(what="row (input)"))
NORM = "Norm"
MEASURES = {each.title: each for each in (COSINE_BEFORE, COSINE_AFTER, SIGNS, COLUMNS, ROWS)}
CHOICES = (COSINE_BEFORE.title, COSINE_AFTER.title, NORM, SIGNS.title, COLUMNS.title, ROWS.title)


NO_COMPONENTS = (
    "This method forms one merged change of all tasks and no component per task, so there are no "
    "cosines after it."
)


def needs_pass(measure: str) -> bool:
    """Whether a measure needs a pass over all deltas."""
    return measure in MEASURES and MEASURES[measure].passes
