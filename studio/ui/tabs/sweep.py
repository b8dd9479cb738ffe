"""The sweep in the Coefficients tab: one or two numbers of the mix as a curve or a map."""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from studio.errors import StudioError
from studio.search.run import Run
from studio.session.engine import Engine
from studio.session.session import Session
from studio.session.snapshot import Snapshot
from studio.session.sweep import SweepWish
from studio.sweep.axis import FACTOR, Axis
from studio.sweep.landscape import Landscape
from studio.sweep.search_path import path_of
from studio.ui.boxes import number_in, whole_in
from studio.ui.charts.contour import figure
from studio.ui.parts import BARE, QUIET, Edited, session_of, static
from studio.ui.remedies import told
from studio.ui.views import accuracy as views
from studio.ui.views import sweep as shown

_PARTS = ("sweep-takes", "sweep-names", "sweep", "sweep-map", "sweep-best")
_NONE = "none"
_LEVELS = [(f"{2**k + 1} values", k) for k in range(1, 6)]
_STEPS = 20  # of a search between two drawings of its path on a map
_DRAWINGS = 24  # of a map while it grows; each one is mounted anew


class LandscapeSection:
    """What is swept, what that takes, and the landscape."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.outputs: list = []  # none before the page is built

    def build(self) -> None:
        """Lay out the section."""
        script = static("figures.js")
        gr.HTML("<h3>Sweep numbers of the mix</h3>", **BARE)
        self.first = self._axis("Sweep", "one", FACTOR)
        self.second = self._axis("Against", "two", _NONE)
        with gr.Row():
            self.levels = gr.Dropdown(
                _LEVELS, value=SweepWish().levels, label="At most, per axis (coarse to fine)",
                elem_id="sweep-levels", min_width=140,
            )  # fmt: skip
            self.rows = gr.Number(
                SweepWish().rows, label="Validation rows per task", precision=0, min_width=140,
                elem_id="sweep-rows",
            )  # fmt: skip
        self.cost = gr.HTML(**BARE, elem_id="sweep-takes")
        self.start = gr.Button("Sweep", variant="primary", elem_id="start-sweep")
        self.refusal = gr.HTML(**BARE, elem_id="sweep-refusal")
        self.results = gr.HTML(**BARE, elem_id="sweep-results", js_on_load=script)
        self.best = gr.Button(
            "Show the best point in the mixer", size="sm", visible=False, elem_id="show-sweep-best"
        )
        self.plot = gr.Plot(show_label=False, elem_id=shown.PLOT, visible=False)
        self.notes = gr.HTML(**BARE, elem_id="sweep-notes", js_on_load=script)
        self.asked = [*self.first, *self.second, self.levels, self.rows]
        self.outputs = [
            self.cost, self.first[0], self.second[0], self.results, self.plot, self.notes,
            self.best,
        ]  # fmt: skip

    def wire(self, timer: gr.Timer, mixed: list, moved: dict[str, Any], edited: Edited) -> None:
        """Connect what concerns this section alone; the arguments are as in ``OptimizePanel``."""
        told = {"fn": self.choose, "inputs": self.asked, "outputs": self.cost, **QUIET}
        boxes = [*self.first[1:], *self.second[1:], self.levels, self.rows]
        gr.on([box.input for box in boxes], trigger_mode="always_last", **told)
        for name, *ends in (self.first, self.second):
            name.input(lambda: (None, None), None, ends, **QUIET).then(**told)
        self.start.click(self.run, self.asked, [self.refusal, timer], **QUIET)

        def show_best(request: gr.Request) -> tuple:
            session = session_of(self.engine, request)
            return edited(session, session.sweeps.show_best)

        self.best.click(show_best, None, mixed, **QUIET).then(**moved)

    def load(self, session: Session) -> tuple:
        """The boxes, as this browser left them."""
        menus, wish = _menus(session), session.sweeps.wish
        ends = [end for axis in (*wish.axes, (_NONE, None, None))[:2] for end in axis[1:]]
        return (*menus, *ends, wish.levels, wish.rows)

    @property
    def loaded(self) -> list:
        """The outputs of ``load``."""
        names = [self.first[0], self.second[0]]
        return [*names, *self.first[1:], *self.second[1:], self.levels, self.rows]

    def keys(
        self, session: Session, now: Snapshot, opened: bool, run: Run | None
    ) -> dict[str, object]:
        """What the section depends on; a closed one depends on nothing."""
        if not opened:
            return {part: None for part in _PARTS}
        sweeping = session.sweeps
        path = len(run.steps) if run else 0
        takes = now.recipe.digest, str(sweeping.wish)
        grown = sweeping.version, sweeping.moved(), path
        on_map = path if run is None or run.ended else path // _STEPS
        best = sweeping.can_show_best
        values = takes, sweeping.names(), grown, (_drawing(sweeping.found), on_map), best
        return dict(zip(_PARTS, values, strict=True))

    def look(self, session: Session, new: set[str], run: Run | None) -> tuple:
        """The outputs, if they are new; with the path of a search, if there is one.

        Args:
            session: whose sweep.
            new: which keys have changed.
            run: the session's search for coefficients.
        """
        if not new & set(_PARTS):
            return tuple(gr.skip() for _ in self.outputs)
        sweeping = session.sweeps
        found, path = sweeping.found, _path(sweeping.found, run)
        menus = _menus(session) if "sweep-names" in new else (gr.skip(), gr.skip())
        return (
            _cost(session) if "sweep-takes" in new else gr.skip(),
            *menus,
            shown.results(found, sweeping.moved(), path) if "sweep" in new else gr.skip(),
            _map(found, path) if "sweep-map" in new else gr.skip(),
            shown.notes(found, path) if "sweep" in new else gr.skip(),
            gr.Button(visible=sweeping.can_show_best) if "sweep-best" in new else gr.skip(),
        )

    def choose(
        self, first: str, low: float | None, high: float | None, second: str,
        low2: float | None, high2: float | None, levels: int, rows: float | None,
        request: gr.Request,
    ) -> str:  # fmt: skip
        """What a sweep of what is chosen takes."""
        session = session_of(self.engine, request)
        try:
            axes = _axes((first, low, high), (second, low2, high2))
            session.sweeps.wish = sweep_wish(axes, levels, rows)
        except StudioError as refusal:
            return shown.refused(told(refusal))
        return _cost(session)

    def run(
        self, first: str, low: float | None, high: float | None, second: str,
        low2: float | None, high2: float | None, levels: int, rows: float | None,
        request: gr.Request,
    ) -> tuple:  # fmt: skip
        """Start the job."""
        sweeping = session_of(self.engine, request).sweeps
        try:
            axes = _axes((first, low, high), (second, low2, high2))
            sweeping.wish = sweep_wish(axes, levels, rows)
            sweeping.start()
        except StudioError as refusal:
            return views.refusal(told(refusal)), gr.skip()
        return "", gr.Timer(active=True)

    def _axis(self, label: str, name: str, value: str) -> tuple[gr.Dropdown, gr.Number, gr.Number]:
        with gr.Row():
            return (
                gr.Dropdown(  # a look may carry a number of a mix that is gone by then
                    [value], value=value, label=label, elem_id=f"axis-{name}", min_width=260,
                    scale=2, allow_custom_value=True,
                ),
                gr.Number(label="From (empty: usual)", elem_id=f"axis-{name}-from", min_width=110),
                gr.Number(label="To (empty: usual)", elem_id=f"axis-{name}-to", min_width=110),
            )  # fmt: skip


def _axes(first: tuple, second: tuple) -> list[tuple]:
    return [first] if second[0] in (None, _NONE) else [first, second]


def _menus(session: Session) -> tuple[gr.Dropdown, gr.Dropdown]:
    """The numbers of the mix; what it does not have is chosen no more."""
    sweeping, names = session.sweeps, session.sweeps.names()
    kept = tuple(axis for axis in sweeping.wish.axes if axis[0] in names)
    if kept != sweeping.wish.axes:
        sweeping.wish = SweepWish(
            kept or SweepWish().axes, sweeping.wish.levels, sweeping.wish.rows
        )
    chosen = [axis[0] for axis in sweeping.wish.axes]
    offered = [(Axis(name, 0.0, 1.0).words, name) for name in names]
    second = chosen[1] if len(chosen) > 1 else _NONE
    return gr.Dropdown(offered, value=chosen[0]), gr.Dropdown([_NONE, *offered], value=second)


def _cost(session: Session) -> str:
    try:
        _, axes, found = session.sweeps.plan()
    except StudioError as refusal:
        return shown.refused(told(refusal))
    return shown.cost(found, axes)


def _drawing(found: Landscape | None) -> object:
    if found is None:
        return None
    share = len(found.points) * _DRAWINGS // (2**found.levels + 1) ** 2
    return id(found.here), found.level, share


def _map(found: Landscape | None, path: shown.Path) -> gr.Plot:
    if found is None or len(found.axes) == 1 or not found.known:
        return gr.Plot(visible=False)
    return gr.Plot(figure(found, path), visible=True)


def _path(found: Landscape | None, run: Run | None) -> shown.Path:
    """Of a search of the same method and tasks."""
    if found is None or run is None:
        return ()
    same = (run.before.method, run.before.names) == (found.recipe.method, found.recipe.names)
    return path_of(run, found.axes) if same else ()


def sweep_wish(
    axes: Sequence[tuple[object, object, object]], levels: object, rows: object
) -> SweepWish:
    """What the page's boxes hold, as numbers.

    Args:
        axes: name, from and to of each; a box that is empty is None.
        levels: how often.
        rows: validation rows per task.

    Raises:
        BadRecipe: a box holds no number where one is needed.
    """
    asked = tuple((str(name), _end(low), _end(high)) for name, low, high in axes)
    return SweepWish(asked, whole_in(levels, "Levels"), whole_in(rows, "Validation rows per task"))


def _end(value: object) -> float | None:
    return None if value is None else number_in(value, "From and to of a sweep")
