"""The page: one layout, callbacks of a few lines, and a timer that fetches what has changed."""

from collections.abc import Callable

import gradio as gr

from studio.errors import StudioError
from studio.session.engine import Engine
from studio.session.session import Session
from studio.ui.parts import BARE, QUIET, session_of, static
from studio.ui.remedies import told
from studio.ui.tabs.compare import CompareTab
from studio.ui.tabs.evidence import EvidenceTab
from studio.ui.tabs.examples import ExamplesTab
from studio.ui.tabs.files import FilesTab, recipe_of
from studio.ui.tabs.geometry import Choices, GeometryTab
from studio.ui.tabs.search import TAB, OptimizePanel
from studio.ui.tabs.sequence import SequenceTab
from studio.ui.tabs.sweep import LandscapeSection
from studio.ui.views import accuracy as views
from studio.ui.views import files as file_views

_POLL = 0.15  # seconds between looks at a busy session
_REST = 3.0  # and at one at rest, which another tab, browser or late answer may have changed
_FIRST_ROWS = 0.4  # seconds that an answer to a move waits for its first rows
_ACTIONS = {
    "equal": "Equal", "halve": "Halve all", "reset": "Reset", "undo": "Undo", "redo": "Redo",
    "pin": "Pin",
}  # fmt: skip
_HINT = (
    "<p class='quiet'>Untick a task to unmerge it: the merge is computed again as if the task "
    "had never been in it. <b>Pin</b> a mix to compare with it; hold <kbd>F</kbd> to flip to it."
    "</p>"
)


class Page:
    """The components of the page and the callbacks between them and a browser's session."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.geometry = GeometryTab()
        self.examples = ExamplesTab()
        self.optimize = OptimizePanel(engine)
        self.compare = CompareTab(engine)
        self.sequence = SequenceTab(engine)
        self.landscape = LandscapeSection(engine)
        self.evidence = EvidenceTab(engine)
        self.files = FilesTab(engine)

    def build(self) -> gr.Blocks:
        """Lay out the page."""
        title = "MDM-OC merge studio"
        with gr.Blocks(title=title, analytics_enabled=False, fill_width=True) as blocks:
            self.title = gr.HTML(elem_id="title", **BARE)
            self.status = gr.HTML(
                html_template="<p role='status'>${value}</p>", elem_id="status", **BARE
            )
            self.headline = gr.HTML(elem_id="headline", **BARE)
            with gr.Row(equal_height=False):
                with gr.Column(scale=2, min_width=330, elem_id="left"):
                    self._mixer()
                with (
                    gr.Column(scale=3, min_width=330),
                    gr.Tabs(overflow_behavior="wrap") as self.tabs,  # none hides in a menu
                ):
                    with gr.Tab("Accuracy", id="accuracy"):
                        self.accuracy = gr.HTML(**BARE, elem_id="accuracy")
                    with gr.Tab("Examples", id="examples"):
                        self.examples.build()
                    with gr.Tab("Geometry", id="geometry"):
                        self.geometry.build()
                    with gr.Tab(TAB, id=TAB):
                        self.optimize.build_tab()
                        self.landscape.build()
                    with gr.Tab("Compare", id="compare"):
                        self.compare.build()
                    with gr.Tab("Sequence", id="sequence"):
                        self.sequence.build()
                    with gr.Tab("Evidence", id="evidence"):
                        self.evidence.build()
                    with gr.Tab("Files", id="files"):
                        self.files.build()
            with gr.Row(equal_height=False, elem_id="jobs"):
                self.job = gr.HTML(**BARE, min_width=340)
                self.cancel = gr.Button("Cancel job", size="sm", scale=0, visible=False)
                self.dismiss = gr.Button("Dismiss", size="sm", scale=0, visible=False)
            self.opened = gr.HTML(
                html_template="<i hidden data-zoo='${value}'></i>",
                js_on_load=static("reload.js"),
                elem_id="opened",
                **BARE,
            )
            self.timer = gr.Timer(_POLL, active=True)
            self.heartbeat = gr.Timer(_REST, active=True)
            self.seen = gr.State({})
            self._wire(blocks)
        return blocks

    def _mixer(self) -> None:
        self.mixer = gr.HTML(
            html_template="<div class='mixer' role='group' aria-label='Mixer'></div>",
            js_on_load=static("mixer.js"),
            elem_id="mixer",
            **BARE,
        )
        with gr.Row():
            self.actions = {
                action: gr.Button(words, size="sm", min_width=64, elem_id=f"mix-{action}")
                for action, words in _ACTIONS.items()
            }
        self.trouble = gr.HTML(_HINT, elem_id="trouble", **BARE)
        self.optimize.build()

    def _wire(self, blocks: gr.Blocks) -> None:
        steps = list(self.actions.values())
        live = [
            self.seen, self.status, self.headline, self.accuracy, *self.examples.outputs,
            *self.geometry.outputs, *self.compare.outputs, *self.sequence.outputs,
            *self.evidence.outputs, self.mixer, *steps, *self.optimize.outputs,
            *self.landscape.outputs, self.job,
            self.cancel, self.dismiss, self.opened, self.files.download, self.timer,
        ]  # fmt: skip
        looked = [self.seen, *self.geometry.choices]
        refresh = {"fn": self.refresh, "inputs": looked, "outputs": live, **QUIET}
        moved = {**refresh, "fn": self.refresh_moved}
        mixed = [self.mixer, *steps, self.trouble, self.timer]
        self.mixer.input(self.move, self.mixer, mixed, trigger_mode="always_last", **QUIET).then(
            **moved
        )
        for action, button in self.actions.items():
            button.click(self._edit(action), None, mixed, **QUIET).then(**moved)
        gr.on([self.timer.tick, self.heartbeat.tick], **refresh)
        geometry, files = self.geometry, self.files
        geometry.scope.input(self.list_places, geometry.scope, geometry.place, **QUIET).then(
            **refresh
        )
        geometry.heat.click(
            self.choose_place, None, [geometry.scope, geometry.place, self.timer], **QUIET
        ).then(**refresh)
        for choice in (geometry.place, geometry.measure, geometry.map, geometry.source):
            choice.input(self.wake, None, self.timer, **QUIET).then(**refresh)
        self.tabs.select(self.open_tab, None, [geometry.open, self.timer], **QUIET).then(**refresh)
        examples = self.examples
        examples.only_changed.input(
            self.choose_rows, examples.only_changed, self.timer, **QUIET
        ).then(**refresh)
        examples.text.change(
            self.read_text, examples.text, [examples.readings, self.timer],
            trigger_mode="always_last", **QUIET,
        ).then(**refresh)  # fmt: skip
        everything = [
            self.title, self.mixer, *steps, *examples.choices, *self.compare.loaded,
            *self.sequence.loaded, *self.optimize.loaded, *self.landscape.loaded,
            *self.evidence.loaded, *files.outputs, self.timer,
        ]  # fmt: skip
        files.export.click(self.start_export, files.asked, [files.refusal, self.timer], **QUIET)
        offered = [files.rank, files.classifiers]
        files.form.input(self.choose_form, files.form, offered, **QUIET)
        files.dtype.input(self.choose_dtype, files.dtype, mixed, **QUIET).then(**moved)
        files.wire(self.timer)
        self.sequence.wire(self.timer)
        self.landscape.wire(self.timer, mixed, moved, _edited)
        self.evidence.wire(self.timer)
        self.compare.wire(self.timer)
        self.optimize.wire(self.timer, [self.tabs, geometry.open], mixed, moved, _edited)
        self.compare.results.click(self.show_row, None, mixed, **QUIET).then(**moved)
        files.upload.upload(
            self.load_recipe, files.upload, [*mixed, files.upload, files.refusal], **QUIET
        ).then(**moved)
        self.cancel.click(self.cancel_job, None, self.job, **QUIET)
        self.dismiss.click(self.dismiss_job, None, self.timer, **QUIET).then(**refresh)
        self.mixer.change(self.show_files, files.asked, files.shown, **QUIET)
        blocks.load(self.load, None, everything, **QUIET).then(**refresh)

    # Callbacks: a value in, one call of the browser's session, components out.

    def of(self, request: gr.Request | None) -> Session:
        """The session of the browser that asks."""
        return session_of(self.engine, request)

    def load(self, request: gr.Request) -> tuple:
        """Draw a page that was opened or reloaded."""
        session = self.of(request)
        session.attend()
        title = views.title(session.zoo, self.engine.device.type)
        tabs = (
            *self.examples.load(session), self.compare.load(session), *self.sequence.load(session),
            *self.optimize.load(session), *self.landscape.load(session),
            *self.evidence.load(session), *self.files.load(session),
        )  # fmt: skip
        return title, *_mixed(session), *tabs, gr.Timer(active=True)

    def move(self, value: dict, request: gr.Request) -> tuple:
        """A slider, toggle, option, arrow or key of the mixer."""
        action = value.get("action") if isinstance(value, dict) else None
        session = self.of(request)
        mixed = _edited(session, lambda: session.edit(action) if action else session.move(value))
        answered = value.get("sent") if isinstance(value, dict) else None
        return mixed[0] | {"answered": answered}, *mixed[1:]

    def refresh_moved(
        self, seen: dict, scope: str, place: str | None, measure: str, kind: str, source: str,
        opened: str, request: gr.Request,
    ) -> tuple:  # fmt: skip
        """What a move has changed, with its first rows if they come soon."""
        self.of(request).wait_for_rows(_FIRST_ROWS)
        return self.refresh(seen, scope, place, measure, kind, source, opened, request)

    def refresh(
        self, seen: dict, scope: str, place: str | None, measure: str, kind: str, source: str,
        opened: str, request: gr.Request,
    ) -> tuple:  # fmt: skip
        """What has changed since this page last looked."""
        session = self.of(request)
        now, memory, found = session.snapshot(), self.engine.memory(), session.searches.run
        chosen = Choices(scope, place, measure, kind, source, opened == "Geometry")
        studied = self.geometry.study(session, now, chosen)
        keys = {
            "status": views.status(now),
            "scores": (now.version, now.recipe.digest, now.busy, now.flipped),
            "examples": (now.version, now.recipe.digest, session.only_changed, session.own_text),
            "job": (now.job.name, now.job.phase, now.job.share, now.job.words) if now.job else None,
            "memory": memory.process >> 24,  # steps of 16 MiB
            "opened": f"{self.engine.opened}.{session.overruled}",
            **self.geometry.keys(now, chosen, studied),
            **self.compare.keys(session, opened == "Compare"),
            **self.sequence.keys(session, now, opened == "Sequence"),
            **self.evidence.keys(session, now, opened == "Evidence"),
            **self.optimize.keys(session, now, opened == TAB),
            **self.landscape.keys(session, now, opened == TAB, found),
        }
        new = {name for name, key in keys.items() if seen.get(name) != key}
        running = bool(now.job and now.job.running)
        mine = bool(now.job and now.job.owner == session.browser)
        made = now.job.result if now.job and now.job.phase == "done" else ""
        return (
            keys if new else gr.skip(),
            keys["status"] if "status" in new else gr.skip(),
            views.headline(now) if "scores" in new else gr.skip(),
            views.accuracy(now) if "scores" in new else gr.skip(),
            *(self.examples.look(session) if "examples" in new else (gr.skip(), gr.skip())),
            *self.geometry.look(now, new, chosen, studied),
            *self.compare.look(session, new if opened == "Compare" else set()),
            *self.sequence.look(session, new if opened == "Sequence" else set()),
            *self.evidence.look(session, new if opened == "Evidence" else set()),
            *(_mixed(session) if "mixer" in new else (gr.skip() for _ in range(len(_ACTIONS) + 1))),
            *self.optimize.look(session, new, opened == TAB),
            *self.landscape.look(session, new if opened == TAB else set(), found),
            file_views.footer(now.job, memory) if running or new & {"job", "memory"} else gr.skip(),
            gr.Button(visible=running and mine) if "job" in new else gr.skip(),
            gr.Button(visible=bool(now.job) and not running) if "job" in new else gr.skip(),
            keys["opened"] if "opened" in new else gr.skip(),
            self.files.finished(session, made) if "job" in new and not running else gr.skip(),
            # Off only once this page has shown the resting state.
            gr.Timer(active=bool(now.busy or studied.pending or new)),
        )

    def choose_rows(self, only_changed: bool, request: gr.Request) -> gr.Timer:
        """Show the rows that the last move has changed, or a fixed dozen."""
        return self.examples.choose(self.of(request), only_changed)

    def read_text(self, text: str, request: gr.Request) -> tuple:
        """Have a text read by every head."""
        return self.examples.read(self.of(request), text)

    def list_places(self, scope: str, request: gr.Request) -> gr.Dropdown:
        """The layers or tensors to choose from."""
        return self.geometry.list_places(self.of(request).snapshot(), scope)

    def choose_place(self, event: gr.EventData, request: gr.Request) -> tuple:
        """A row of the heat map that was clicked."""
        now = self.of(request).snapshot()
        return *self.geometry.choose_place(now, event._data), gr.Timer(active=True)

    def show_row(self, event: gr.EventData, request: gr.Request) -> tuple:
        """A row of the comparison, in the mixer."""
        session, asked = self.of(request), event._data
        name = asked.get("row") if isinstance(asked, dict) else None
        return _edited(session, lambda: session.comparisons.to_mixer(name))

    def open_tab(self, event: gr.SelectData) -> tuple:
        """Which tab is open; what is hidden is not drawn."""
        return event.value, gr.Timer(active=True)

    def wake(self) -> gr.Timer:
        """Look again and again until what was chosen is there."""
        return gr.Timer(active=True)

    def show_files(
        self, folder: str, form: str, rank: float | None, classifiers: bool, request: gr.Request
    ) -> tuple:
        """What the Files tab shows of the mix."""
        return self.files.show(self.of(request), folder, form, rank, classifiers)

    def choose_dtype(self, name: str, request: gr.Request) -> tuple:
        """Show the mix as an export in another dtype would be."""
        session = self.of(request)
        return _edited(session, lambda: session.edit(f"dtype:{name}"))

    def choose_form(self, form: str, request: gr.Request) -> tuple:
        """Show what can be chosen for a complete model or an adapter."""
        return self.files.choose_form(self.of(request), form)

    def start_export(
        self, folder: str, form: str, rank: float | None, classifiers: bool, request: gr.Request
    ) -> tuple:
        """Start the export job."""
        return self.files.start_export(self.of(request), folder, form, rank, classifiers)

    def load_recipe(self, file: str | None, request: gr.Request) -> tuple:
        """Show an uploaded recipe; the shown one stays if that fails."""
        session = self.of(request)
        try:
            session.load_recipe(recipe_of(file or ""))
        except StudioError as refusal:
            return *_mixed(session), _HINT, gr.skip(), None, views.refusal(told(refusal))
        return *_mixed(session), _HINT, gr.Timer(active=True), None, ""

    def cancel_job(self, request: gr.Request) -> str:
        """Ask the job to stop."""
        session = self.of(request)
        session.cancel_job()
        return file_views.footer(session.job(), self.engine.memory())

    def dismiss_job(self, request: gr.Request) -> gr.Timer:
        """Show the last job no more."""
        self.of(request).dismiss_job()
        return gr.Timer(active=True)

    def _edit(self, action: str) -> Callable[[gr.Request], tuple]:
        def edit(request: gr.Request) -> tuple:
            session = self.of(request)
            return _edited(session, lambda: session.edit(action))

        return edit


def _edited(session: Session, change: Callable[[], None]) -> tuple:
    try:
        change()
    except StudioError as refusal:
        return *_mixed(session), views.refusal(told(refusal)) + _HINT, gr.skip()
    return *_mixed(session), _HINT, gr.Timer(active=True)


def _mixed(session: Session) -> tuple:
    value = session.mixer_value()
    free = not value["locked"]
    each = (gr.Button(interactive=free and value.get(f"can_{name}", True)) for name in _ACTIONS)
    return value, *each
