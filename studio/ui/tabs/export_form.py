"""The export in the Files tab: what would be written, in which form, and the job that writes it."""

from collections.abc import Iterator
from functools import partial

import gradio as gr

from studio.errors import StudioError
from studio.export.plan import ExportPlan
from studio.recipe import DTYPES
from studio.session.jobs import JobState
from studio.session.session import Session
from studio.ui.components import BARE, static
from studio.ui.part import PagePart
from studio.ui.remedies import told
from studio.ui.view import Drawn, Piece, View
from studio.ui.views import files as views
from studio.ui.views.notices import refusal
from studio.ui.wiring import Wiring

_MODEL, _ADAPTER = "Complete model", "One LoRA adapter"
_ADAPTERS = "That adapter and each task's own, to serve all at once (vLLM, LoRAX)"
_FORMS = (_MODEL, _ADAPTER, _ADAPTERS)


class ExportForm(PagePart):
    """What each checkpoint changes, the boxes of an export, and the same as programs."""

    def build(self) -> None:
        """Lay out the table, the boxes and the programs."""
        self.table = gr.HTML(**BARE, elem_id="files")
        with gr.Group():
            self._boxes()
        self.forecast = gr.HTML(**BARE)
        with gr.Row():
            self.measure = gr.Button("Measure the rounding", elem_id="measure-rounding")
            self.export = gr.Button(
                "Export", variant="primary", elem_id="export", visible=not self.engine.read_only
            )
        self.refusal = gr.HTML(**BARE, elem_id="refusal")
        self.download = gr.HTML(**BARE, elem_id="download")
        copy = static("copy.js")
        self.programs = gr.HTML(**BARE, elem_id="programs", js_on_load=copy)
        self.asked = {
            "folder": self.folder, "form": self.form, "rank": self.rank,
            "classifiers": self.classifiers,
        }  # fmt: skip
        self.follows = [self.table, self.dtype, self.forecast, self.programs]
        self.outputs = [self.download]
        self.loaded = [*self.follows, *self.asked.values(), self.refusal]

    def _boxes(self) -> None:
        self.folder = gr.Textbox(
            label="Export to a new folder", elem_id="folder", visible=not self.engine.read_only
        )
        self.dtype = gr.Dropdown([], label="Numbers are written as", elem_id="dtype")
        self.form = gr.Radio(
            _FORMS, value=_MODEL, label="What to write", visible=False, elem_id="form"
        )
        self.rank = gr.Number(
            None, label="Directions per tensor (empty: all, exactly)", precision=0, minimum=1,
            visible=False, elem_id="rank",
        )  # fmt: skip
        self.classifiers = gr.Checkbox(
            label="Also write a complete classifier folder per task", visible=False
        )

    def load(self, session: Session) -> Drawn:
        """The shown mix, and a folder to export it to."""
        form, folder = _MODEL, session.exports.free_export_name()
        return {
            **self._follow(session, folder, form, None, False),
            self.folder: folder,
            self.form: gr.Radio(value=form, visible=session.exports.only_adapters()),
            **self._choose_form(session, form),
            self.refusal: "",
        }

    def pieces(self, view: View) -> Iterator[Piece]:
        """The download of what a job has made, once it has ended."""
        job = view.snapshot.job
        if job is None or not job.running:
            made = job.result if job and job.phase == "done" else ""
            offer = partial(self._offer, view.session, job, made)
            yield Piece("download", view.job or "no job", offer)

    def wire(self, page: Wiring) -> None:
        """Connect the boxes and buttons, and what follows the mix."""
        typed = [each.change for each in self.asked.values()]
        page.tells(typed, self._plan, self.asked, [self.forecast, self.programs])
        offered = [self.rank, self.classifiers]
        page.tells(self.form.input, self._choose_form, {"form": self.form}, offered)
        page.tells(page.mixer.change, self._follow, self.asked, self.follows)
        page.edits(self.dtype.input, _choose_dtype, {"name": self.dtype})
        page.starts(self.export.click, _export, self.refusal, self.asked)
        page.starts(
            self.measure.click, lambda session: session.exports.start_rounding(), self.refusal
        )

    def _follow(
        self, session: Session, folder: str, form: str, rank: float | None, classifiers: bool
    ) -> Drawn:
        """What follows from the shown mix."""
        names = [("as the base has them", ""), *((name, name) for name in DTYPES)]
        return {
            self.table: _table(session),
            self.dtype: gr.Dropdown(names, value=session.mix.dtype or ""),
            **self._plan(session, folder, form, rank, classifiers),
        }

    def _plan(
        self, session: Session, folder: str, form: str, rank: float | None, classifiers: bool
    ) -> Drawn:
        """What the export asked for would take, and how to write it without the page."""
        plan = _export_plan(folder, form, rank, classifiers)
        try:
            forecast = views.forecast(session.exports.forecast(plan))
        except StudioError as error:
            forecast = views.no_forecast(told(error))
        return {
            self.forecast: forecast,
            self.programs: views.programs(*session.exports.plan_texts(plan)),
        }

    def _choose_form(self, session: Session, form: str) -> Drawn:
        """What can be chosen for a complete model or an adapter."""
        own, adapter = session.exports.own_classifiers(), form != _MODEL
        words = f"Also write a complete classifier folder for {', '.join(own)}"
        return {
            self.rank: gr.Number(value=None, visible=adapter),
            self.classifiers: gr.Checkbox(
                value=False, visible=bool(own) and not adapter, label=words
            ),
        }

    def _offer(self, session: Session, job: JobState | None, made: str) -> Drawn:
        name = session.exports.downloads.name_of(made) if made else None
        return {self.download: views.written(job, name)}


def _choose_dtype(session: Session, name: str) -> None:
    """Show the mix as an export in another dtype would be."""
    session.edit(f"dtype:{name}")


def _export(
    session: Session, folder: str, form: str, rank: float | None, classifiers: bool
) -> None:
    plan = _export_plan(folder, form, rank, classifiers)
    if plan.adapter:
        session.exports.start_adapter(folder, plan.rank, plan.each_task)
    else:
        session.exports.start_export(folder, plan.classifiers)


def _export_plan(folder: str, form: str, rank: float | None, classifiers: bool) -> ExportPlan:
    adapter = form != _MODEL
    return ExportPlan(
        folder, adapter, None if rank is None else int(rank), classifiers and not adapter,
        each_task=form == _ADAPTERS,
    )  # fmt: skip


def _table(session: Session) -> str:
    try:
        return views.checkpoints(*session.preflight(), session.recipe_text())
    except StudioError as error:
        return refusal(told(error))
