"""The page: one layout, callbacks of a few lines, and a timer that fetches what has changed."""

from collections.abc import Callable
from pathlib import Path

import gradio as gr

from studio.errors import StudioError
from studio.session.engine import Engine
from studio.session.session import Session
from studio.ui import views
from studio.ui.files_tab import FilesTab, recipe_of
from studio.ui.geometry_tab import GeometryTab
from studio.ui.parts import BARE, QUIET, session_of

ASSETS = Path(__file__).parent.parent.parent / "assets"
_POLL = 0.15  # seconds between looks at a busy session
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
        self.files = FilesTab()

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
                with gr.Column(scale=3, min_width=330), gr.Tabs():
                    with gr.Tab("Accuracy", id="accuracy"):
                        self.accuracy = gr.HTML(**BARE, elem_id="accuracy")
                    with gr.Tab("Geometry", id="geometry"):
                        self.geometry.build()
                    with gr.Tab("Files", id="files"):
                        self.files.build()
            with gr.Row(equal_height=True, elem_id="jobs"):
                self.job = gr.HTML(**BARE, min_width=200)
                self.cancel = gr.Button("Cancel job", size="sm", scale=0, visible=False)
            self.timer = gr.Timer(_POLL, active=True)
            self.seen = gr.State({})
            self._wire(blocks)
        return blocks

    def _mixer(self) -> None:
        self.mixer = gr.HTML(
            html_template="<div class='mixer' role='group' aria-label='Mixer'></div>",
            js_on_load=(ASSETS / "mixer.js").read_text(encoding="utf-8"),
            elem_id="mixer",
            **BARE,
        )
        with gr.Row():
            self.actions = {
                action: gr.Button(words, size="sm", min_width=64, elem_id=f"mix-{action}")
                for action, words in _ACTIONS.items()
            }
        self.trouble = gr.HTML(_HINT, elem_id="trouble", **BARE)

    def _wire(self, blocks: gr.Blocks) -> None:
        live = [
            self.seen, self.status, self.headline, self.accuracy, *self.geometry.outputs,
            self.job, self.cancel, self.files.download, self.timer,
        ]  # fmt: skip
        looked = [self.seen, *self.geometry.choices]
        refresh = {"fn": self.refresh, "inputs": looked, "outputs": live, **QUIET}
        moved = {**refresh, "fn": self.refresh_moved}
        steps = [self.actions[name] for name in ("undo", "redo", "pin")]
        mixed = [self.mixer, *steps, self.trouble, self.timer]
        self.mixer.input(self.move, self.mixer, mixed, trigger_mode="always_last", **QUIET).then(
            **moved
        )
        for action, button in self.actions.items():
            button.click(self._edit(action), None, mixed, **QUIET).then(**moved)
        self.timer.tick(**refresh)
        geometry, files = self.geometry, self.files
        geometry.scope.input(self.list_places, geometry.scope, geometry.place, **QUIET).then(
            **refresh
        )
        geometry.place.input(**refresh)
        geometry.map.input(**refresh)
        everything = [self.title, self.mixer, *steps, *files.outputs, self.timer]
        files.export.click(self.start_export, files.asked, [files.refusal, self.timer], **QUIET)
        offered = [files.rank, files.classifiers]
        files.form.input(self.choose_form, files.form, offered, **QUIET)
        files.open.click(self.open_zoo, files.path, everything, **QUIET).then(**refresh)
        files.upload.upload(
            self.load_recipe, files.upload, [*mixed, files.upload, files.refusal], **QUIET
        ).then(**moved)
        self.cancel.click(self.cancel_job, None, self.job, **QUIET)
        self.mixer.change(self.show_files, None, files.table, **QUIET)
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
        return title, *_mixed(session), *self.files.load(session), gr.Timer(active=True)

    def move(self, value: dict, request: gr.Request) -> tuple:
        """A slider, toggle, option, arrow or key of the mixer."""
        action = value.get("action") if isinstance(value, dict) else None
        session = self.of(request)
        mixed = _edited(session, lambda: session.edit(action) if action else session.move(value))
        answered = value.get("sent") if isinstance(value, dict) else None
        return mixed[0] | {"answered": answered}, *mixed[1:]

    def refresh_moved(
        self, seen: dict, scope: str, place: str | None, kind: str, request: gr.Request
    ) -> tuple:
        """What a move has changed, with its first rows if they come soon."""
        self.of(request).wait_for_rows(_FIRST_ROWS)
        return self.refresh(seen, scope, place, kind, request)

    def refresh(
        self, seen: dict, scope: str, place: str | None, kind: str, request: gr.Request
    ) -> tuple:
        """What has changed since this page last looked."""
        session = self.of(request)
        now = session.snapshot()
        keys = {
            "status": views.status(now),
            "scores": (now.version, now.recipe.digest, now.busy, now.flipped),
            "job": (now.job.phase, now.job.share, now.job.words) if now.job else None,
            **self.geometry.keys(now, scope, place, kind),
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
            *self.geometry.look(now, new, scope, place, kind),
            views.job(now.job) if "job" in new or running else gr.skip(),
            gr.Button(visible=running and mine) if "job" in new else gr.skip(),
            self.files.finished(session, made) if "job" in new and not running else gr.skip(),
            # Off only once this page has shown the resting state: late answers may come in between.
            gr.skip() if now.busy or new else gr.Timer(active=False),
        )

    def list_places(self, scope: str, request: gr.Request) -> gr.Dropdown:
        """The layers or tensors to choose from."""
        return self.geometry.list_places(self.of(request).snapshot(), scope)

    def show_files(self, request: gr.Request) -> str:
        """The pre-flight table and the recipe."""
        return self.files.show(self.of(request))

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
            return *_mixed(session), _HINT, gr.skip(), None, views.refusal(str(refusal))
        return *_mixed(session), _HINT, gr.Timer(active=True), None, ""

    def open_zoo(self, path: str | None, request: gr.Request) -> tuple:
        """Open another zoo; the open one stays if that fails."""
        try:
            self.engine.open(path or "", self.of(request).browser)
        except StudioError as refusal:
            return *[gr.skip()] * 11, views.refusal(str(refusal)), gr.skip()
        return self.load(request)

    def cancel_job(self, request: gr.Request) -> str:
        """Ask the job to stop."""
        session = self.of(request)
        session.cancel_job()
        return views.job(session.job())

    def _edit(self, action: str) -> Callable[[gr.Request], tuple]:
        def edit(request: gr.Request) -> tuple:
            session = self.of(request)
            return _edited(session, lambda: session.edit(action))

        return edit


def _edited(session: Session, change: Callable[[], None]) -> tuple:
    try:
        change()
    except StudioError as refusal:
        return *_mixed(session), views.refusal(str(refusal)) + _HINT, gr.skip()
    return *_mixed(session), _HINT, gr.Timer(active=True)


def _mixed(session: Session) -> tuple:
    value = session.mixer_value()
    steps = (gr.Button(interactive=value[can]) for can in ("can_undo", "can_redo", "can_pin"))
    return value, *steps
