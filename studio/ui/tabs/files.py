"""The Files tab: what each checkpoint changes, recipes in and out, export, and other zoos."""

from pathlib import Path

import gradio as gr

from studio.disk.files import read_text
from studio.errors import BadRecipe, StudioError
from studio.export.plan import ExportPlan
from studio.recipe import DTYPES
from studio.session.engine import Engine
from studio.session.session import Session
from studio.ui.parts import BARE, QUIET, session_of, static
from studio.ui.remedies import told
from studio.ui.views import accuracy as views
from studio.ui.views import files as file_views

_FORMS = ("Complete model", "One LoRA adapter")


class FilesTab:
    """Everything that touches files."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def build(self) -> None:
        """Lay out the tab."""
        self.table = gr.HTML(**BARE, elem_id="files")
        self._export()
        copy = static("copy.js")
        self.programs = gr.HTML(**BARE, elem_id="programs", js_on_load=copy)
        self.upload = gr.File(
            label="Load a recipe (.yaml, .json)", file_types=[".yaml", ".yml", ".json"],
            elem_id="recipe-file", height=120,
        )  # fmt: skip
        with gr.Group():
            self.path = gr.Dropdown(
                [], label="Open another zoo (its folder or zoo.yaml)", elem_id="zoo-path",
                allow_custom_value=True,
            )  # fmt: skip
            self.check = gr.Button("Check this zoo", elem_id="check-zoo")
        self.preflight = gr.HTML(**BARE)
        self.open = gr.Button("Open this zoo", variant="primary", visible=False, elem_id="open-zoo")
        self.asked = [self.folder, self.form, self.rank, self.classifiers]
        self.shown = [self.table, self.dtype, self.forecast, self.programs]
        self.outputs = [
            *self.shown, self.folder, self.form, self.rank, self.classifiers, self.path,
            self.preflight, self.open, self.refusal,
        ]  # fmt: skip

    def _export(self) -> None:
        with gr.Group():
            self.folder = gr.Textbox(label="Export to a new folder", elem_id="folder")
            self.dtype = gr.Dropdown([], label="Numbers are written as", elem_id="dtype")
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
        self.forecast = gr.HTML(**BARE)
        with gr.Row():
            self.measure = gr.Button("Measure the rounding", elem_id="measure")
            self.export = gr.Button("Export", variant="primary", elem_id="export")
        self.refusal = gr.HTML(**BARE, elem_id="refusal")
        self.download = gr.DownloadButton("Download the export (zip)", visible=False)

    def wire(self, timer: gr.Timer) -> None:
        """Connect what concerns this tab alone."""
        planned = [self.forecast, self.programs]
        gr.on([each.change for each in self.asked], self.plan, self.asked, planned, **QUIET)
        self.measure.click(self.start_rounding, None, [self.refusal, timer], **QUIET)
        self.check.click(self.look, self.path, [self.preflight, self.open], **QUIET)
        self.open.click(self.start_open, self.path, [self.preflight, self.open, timer], **QUIET)
        self.path.input(lambda: ("", gr.Button(visible=False)), None, [self.preflight, self.open],
                        **QUIET)  # fmt: skip

    def load(self, session: Session) -> tuple:
        """The outputs for a page that was opened, or a zoo."""
        form, folder = _FORMS[0], session.exports.free_export_name()
        return (
            *self.show(session, folder, form, None, False),
            folder,
            gr.Radio(value=form, visible=session.exports.only_adapters()),
            *self.choose_form(session, form),
            gr.Dropdown(self.engine.recent(), value=None),
            "",
            gr.Button(visible=False),
            "",
        )

    def show(
        self, session: Session, folder: str, form: str, rank: float | None, classifiers: bool
    ) -> tuple:
        """What follows from the shown mix: table, dtype, forecast and programs."""
        plan = _plan(folder, form, rank, classifiers)
        return _table(session), _dtypes(session), *_planned(session, plan)

    def choose_form(self, session: Session, form: str) -> tuple:
        """Show what can be chosen for a complete model or an adapter."""
        own, adapter = session.exports.own_classifiers(), form == _FORMS[1]
        words = f"Also write a complete classifier folder for {', '.join(own)}"
        offer = gr.Checkbox(value=False, visible=bool(own) and not adapter, label=words)
        return gr.Number(value=None, visible=adapter), offer

    def plan(
        self, folder: str, form: str, rank: float | None, classifiers: bool, request: gr.Request
    ) -> tuple:
        """What the export asked for would take, and how to write it without the page."""
        session = session_of(self.engine, request)
        return _planned(session, _plan(folder, form, rank, classifiers))

    def start_export(
        self, session: Session, folder: str, form: str, rank: float | None, classifiers: bool
    ) -> tuple:
        """Start the export job."""
        plan = _plan(folder, form, rank, classifiers)
        try:
            if plan.adapter:
                session.exports.start_adapter(folder, plan.rank)
            else:
                session.exports.start_export(folder, plan.classifiers)
        except StudioError as refusal:
            return views.refusal(told(refusal)), gr.skip()
        return "", gr.Timer(active=True)

    def start_rounding(self, request: gr.Request) -> tuple:
        """Start the job that measures what the cast loses."""
        try:
            session_of(self.engine, request).exports.start_rounding()
        except StudioError as refusal:
            return views.refusal(told(refusal)), gr.skip()
        return "", gr.Timer(active=True)

    def look(self, path: str | None) -> tuple:
        """The pre-flight of another zoo; it can be opened if nothing is wrong."""
        try:
            found = self.engine.look(path or "")
        except StudioError as refusal:
            return file_views.refused(told(refusal)), gr.Button(visible=False)
        return file_views.preflight(found), gr.Button(visible=not found.problems)

    def start_open(self, path: str | None, request: gr.Request) -> tuple:
        """Start the job that opens another zoo; every page loads anew once it is open."""
        try:
            browser = session_of(self.engine, request).browser
            self.engine.start_open(path or "", browser)
        except StudioError as refusal:
            return file_views.refused(told(refusal)), gr.skip(), gr.skip()
        return gr.skip(), gr.Button(visible=False), gr.Timer(active=True)

    def finished(self, session: Session, result: str) -> gr.DownloadButton:
        """The download of what a job has made, if it made something."""
        if not result:
            return gr.DownloadButton(visible=False)
        packed = session.exports.zip_export(result)
        return gr.DownloadButton(value=packed, visible=packed is not None)


def recipe_of(file: str) -> str:
    """The text of an uploaded recipe; the upload is deleted.

    Raises:
        BadRecipe: it is no text of a reasonable size.
    """
    try:
        return read_text(Path(file), BadRecipe)
    finally:
        Path(file).unlink(missing_ok=True)


def _plan(folder: str, form: str, rank: float | None, classifiers: bool) -> ExportPlan:
    adapter = form == _FORMS[1]
    return ExportPlan(
        folder, adapter, None if rank is None else int(rank), classifiers and not adapter
    )


def _table(session: Session) -> str:
    try:
        return views.files(*session.preflight(), session.recipe_text())
    except StudioError as refusal:
        return views.refusal(told(refusal))


def _dtypes(session: Session) -> gr.Dropdown:
    names = [("as the base has them", ""), *((name, name) for name in DTYPES)]
    return gr.Dropdown(names, value=session.mix.dtype or "")


def _planned(session: Session, plan: ExportPlan) -> tuple[str, str]:
    try:
        forecast = file_views.forecast(session.exports.forecast(plan))
    except StudioError as refusal:
        forecast = file_views.no_forecast(told(refusal))
    return forecast, file_views.programs(*session.exports.plan_texts(plan))
