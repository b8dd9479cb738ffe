"""The page: one layout, callbacks of a few lines, and a timer that fetches what has changed."""

from pathlib import Path
from typing import Any

import gradio as gr

from studio.errors import StudioError
from studio.geometry.scopes import SCOPES
from studio.session.session import Session, Snapshot
from studio.ui import figures, matrices, views

ASSETS = Path(__file__).parent.parent.parent / "assets"
_POLL = 0.2  # seconds between looks at a busy session
_FORMS = ("Complete model", "One LoRA adapter")
_MAPS = {"t-SNE": "tsne", "MDS": "mds"}
_HINT = (
    "<p class='quiet'>Untick a task to unmerge it: the merge is computed again as if the task "
    "had never been in it.</p>"
)
_BARE: dict[str, Any] = {"apply_default_css": False, "padding": False}
_QUIET: dict[str, Any] = {
    "show_progress": "hidden",
    "api_visibility": "private",
    "queue": False,
}


class Page:
    """The components of the page and the callbacks between them and a session."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def build(self) -> gr.Blocks:
        """Lay out the page."""
        title = "MDM-OC merge studio"
        with gr.Blocks(title=title, analytics_enabled=False, fill_width=True) as blocks:
            self.title = gr.HTML(self._title(), elem_id="title", **_BARE)
            self.headline = gr.HTML(elem_id="headline", **_BARE)
            with gr.Row(equal_height=False):
                with gr.Column(scale=2, min_width=330, elem_id="left"):
                    self._mixer()
                with gr.Column(scale=3, min_width=330), gr.Tabs():
                    with gr.Tab("Accuracy", id="accuracy"):
                        self.accuracy = gr.HTML(**_BARE, elem_id="accuracy")
                    with gr.Tab("Geometry", id="geometry"):
                        self._geometry()
                    with gr.Tab("Files", id="files"):
                        self._files()
            with gr.Row(equal_height=True, elem_id="jobs"):
                self.job = gr.HTML(**_BARE, min_width=200)
                self.cancel = gr.Button("Cancel job", size="sm", scale=0, visible=False)
            self.timer = gr.Timer(_POLL, active=True)
            self.seen = gr.State({})
            self._wire(blocks)
        return blocks

    def _mixer(self) -> None:
        self.mixer = gr.HTML(
            value=self.session.mixer_value,
            html_template="<div class='mixer' role='group' aria-label='Mixer'></div>",
            js_on_load=(ASSETS / "mixer.js").read_text(encoding="utf-8"),
            elem_id="mixer",
            **_BARE,
        )
        with gr.Row():
            self.actions = {
                action: gr.Button(words, size="sm", min_width=70, elem_id=f"mix-{action}")
                for action, words in {
                    "equal": "Equal", "halve": "Halve all", "reset": "Reset",
                    "undo": "Undo", "redo": "Redo",
                }.items()
            }  # fmt: skip
        self.trouble = gr.HTML(_HINT, elem_id="trouble", **_BARE)

    def _geometry(self) -> None:
        with gr.Row():
            self.scope = gr.Radio(
                list(SCOPES), value="model", label="Cosines over", elem_id="scope", min_width=200
            )
            self.place = gr.Dropdown(
                [], label="Which one", visible=False, elem_id="place", min_width=200
            )
        self.matrices = gr.HTML(**_BARE, elem_id="matrices")
        self.order = gr.HTML(**_BARE, elem_id="order")
        self.map = gr.Radio(list(_MAPS), value="t-SNE", label="Map of the deltas", elem_id="map")
        self.plot = gr.Plot(show_label=False, elem_id="plot", visible=False)
        self.map_words = gr.Markdown(elem_id="map-words")

    def _files(self) -> None:
        self.files = gr.HTML(**_BARE, elem_id="files")
        with gr.Group():
            self.folder = gr.Textbox(
                self.session.free_export_name, label="Export to a new folder", elem_id="folder"
            )
            self.form = gr.Radio(
                _FORMS, value=_FORMS[0], label="What to write", visible=False, elem_id="form"
            )
            self.rank = gr.Number(
                None, label="Directions per tensor (empty: all, exactly)", precision=0, minimum=1,
                visible=False, elem_id="rank",
            )  # fmt: skip
            self.classifiers = gr.Checkbox(
                label="Also write a complete classifier folder per task", visible=False
            )
            self.export = gr.Button("Export", variant="primary", elem_id="export")
        self.download = gr.DownloadButton("Download the export (zip)", visible=False)
        with gr.Group():
            self.path = gr.Textbox(
                label="Open another zoo (its folder or zoo.yaml)", elem_id="zoo-path"
            )
            self.open = gr.Button("Open zoo", elem_id="open-zoo")
        self.refusal = gr.HTML(**_BARE, elem_id="refusal")

    def _wire(self, blocks: gr.Blocks) -> None:
        live = [
            self.seen, self.headline, self.accuracy, self.matrices, self.order, self.plot,
            self.map_words, self.job, self.cancel, self.download, self.timer,
        ]  # fmt: skip
        looked = [self.seen, self.scope, self.place, self.map]
        refresh = {"fn": self.refresh, "inputs": looked, "outputs": live, **_QUIET}
        steps = [self.actions["undo"], self.actions["redo"]]
        mixed = [self.mixer, *steps, self.trouble, self.timer]
        self.mixer.input(self.move, self.mixer, mixed, trigger_mode="always_last", **_QUIET).then(
            **refresh
        )
        for action, button in self.actions.items():
            button.click(lambda name=action: self.edit(name), None, mixed, **_QUIET).then(**refresh)
        self.timer.tick(**refresh)
        self.scope.input(self.list_places, self.scope, self.place, **_QUIET).then(**refresh)
        self.place.input(**refresh)
        self.map.input(**refresh)
        everything = [
            self.title, self.mixer, *steps, self.files, self.form, self.rank, self.classifiers,
            self.refusal, self.timer,
        ]  # fmt: skip
        asked = [self.folder, self.form, self.rank, self.classifiers]
        self.export.click(self.start_export, asked, [self.refusal, self.timer], **_QUIET)
        self.form.input(self.choose_form, self.form, [self.rank, self.classifiers], **_QUIET)
        self.open.click(self.open_zoo, self.path, everything, **_QUIET).then(**refresh)
        self.cancel.click(self.cancel_job, None, self.job, **_QUIET)
        self.mixer.change(self.show_files, None, self.files, **_QUIET)
        blocks.load(self.load, None, everything, **_QUIET).then(**refresh)

    # Callbacks: a value in, one call of the session, components out.

    def load(self) -> tuple:
        """Draw a page that was opened or reloaded."""
        start, form = gr.Timer(active=True), _FORMS[0]
        offers = gr.Radio(value=form, visible=self.session.only_adapters()), *self.choose_form(form)
        return self._title(), *self._mixed(), self.show_files(), *offers, "", start

    def move(self, value: dict) -> tuple:
        """A slider, toggle, option or arrow of the mixer."""
        action = value.get("action") if isinstance(value, dict) else None
        return self._edited(
            lambda: self.session.edit(action) if action else self.session.move(value)
        )

    def edit(self, action: str) -> tuple:
        """A button under the mixer."""
        return self._edited(lambda: self.session.edit(action))

    def refresh(self, seen: dict, scope: str, place: str | None, kind: str) -> tuple:
        """What has changed since this page last looked."""
        now = self.session.snapshot()
        job_key = (now.job.phase, now.job.share, now.job.words) if now.job else None
        nothing, order = views.nothing_to_show(now), views.order(now)
        keys = {
            "scores": (now.version, now.recipe.digest, now.busy),
            "matrices": (id(now.geometry), scope, place, nothing),
            "order": order,
            "map": (id(now.geometry), bool(now.geometry and now.geometry.maps), kind, nothing),
            "job": job_key,
        }
        new = {name for name, key in keys.items() if seen.get(name) != key}
        running = bool(now.job and now.job.running)
        ended = "job" in new and not running
        return (
            keys if new else gr.skip(),
            views.headline(now) if "scores" in new else gr.skip(),
            views.accuracy(now) if "scores" in new else gr.skip(),
            self._matrices(now, scope, place) if "matrices" in new else gr.skip(),
            order if "order" in new else gr.skip(),
            *(self._map(now, kind) if "map" in new else (gr.skip(), gr.skip())),
            views.job(now.job) if "job" in new or running else gr.skip(),
            gr.Button(visible=running) if "job" in new else gr.skip(),
            self._download(now) if ended else gr.skip(),
            # Off only once this page has shown the resting state: late answers may come in between.
            gr.skip() if now.busy or new else gr.Timer(active=False),
        )

    def list_places(self, scope: str) -> gr.Dropdown:
        """The layers or tensors to choose from."""
        found = matrices.places(self.session.snapshot().geometry, scope)
        return gr.Dropdown(found, value=found[0] if found else None, visible=bool(found))

    def show_files(self) -> str:
        """The pre-flight table."""
        try:
            return views.files(*self.session.preflight(), self.session.recipe_text())
        except StudioError as refusal:
            return views.refusal(str(refusal))

    def choose_form(self, form: str) -> tuple:
        """Show what can be chosen for a complete model or an adapter."""
        own, adapter = self.session.own_classifiers(), form == _FORMS[1]
        words = f"Also write a complete classifier folder for {', '.join(own)}"
        offer = gr.Checkbox(value=False, visible=bool(own) and not adapter, label=words)
        return gr.Number(value=None, visible=adapter), offer

    def start_export(self, folder: str, form: str, rank: float | None, classifiers: bool) -> tuple:
        """Start the export job."""
        try:
            if form == _FORMS[1]:
                self.session.start_adapter(folder, None if rank is None else int(rank))
            else:
                self.session.start_export(folder, classifiers)
        except StudioError as refusal:
            return views.refusal(str(refusal)), gr.skip()
        return "", gr.Timer(active=True)

    def open_zoo(self, path: str) -> tuple:
        """Open another zoo; the open one stays if that fails."""
        try:
            self.session.open(path)
        except StudioError as refusal:
            return *[gr.skip()] * 8, views.refusal(str(refusal)), gr.skip()
        return self.load()

    def cancel_job(self) -> str:
        """Ask the job to stop."""
        self.session.jobs.cancel()
        return views.job(self.session.jobs.state)

    def _edited(self, change) -> tuple:  # a function of no arguments
        try:
            change()
        except StudioError as refusal:
            return *self._mixed(), views.refusal(str(refusal)) + _HINT, gr.skip()
        return *self._mixed(), _HINT, gr.Timer(active=True)

    def _mixed(self) -> tuple:
        value = self.session.mixer_value()
        steps = (gr.Button(interactive=value[can]) for can in ("can_undo", "can_redo"))
        return value, *steps

    def _matrices(self, now: Snapshot, scope: str, place: str | None) -> str:
        nothing = views.nothing_to_show(now)
        return f"<p>{nothing}</p>" if nothing else matrices.matrices(now.geometry, scope, place)

    def _map(self, now: Snapshot, kind: str) -> tuple:
        if nothing := views.nothing_to_show(now):
            return gr.Plot(visible=False), nothing
        if not now.geometry or not now.geometry.maps:
            return gr.skip(), "Drawing the map …"
        wanted = [each for each in now.geometry.maps if each.kind == _MAPS[kind]]
        if not wanted:
            few = "t-SNE says nothing about so few points; look at MDS instead."
            return gr.Plot(visible=False), few
        return gr.Plot(figures.figure(wanted[0]), visible=True), figures.words(wanted[0])

    def _download(self, now: Snapshot) -> gr.DownloadButton:
        if not now.job or now.job.phase != "done" or not now.job.result:
            return gr.DownloadButton(visible=False)
        packed = self.session.zip_export(now.job.result)
        return gr.DownloadButton(value=packed, visible=packed is not None)

    def _title(self) -> str:
        return views.title(self.session.zoo, self.session.device.type)
