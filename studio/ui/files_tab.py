"""The Files tab: what each checkpoint changes, recipes in and out, export, and other zoos."""

from pathlib import Path

import gradio as gr

from studio.errors import BadRecipe, StudioError
from studio.files import read_text
from studio.session.session import Session
from studio.ui import views
from studio.ui.parts import BARE

_FORMS = ("Complete model", "One LoRA adapter")


class FilesTab:
    """Everything that touches files."""

    def build(self) -> None:
        """Lay out the tab."""
        self.table = gr.HTML(**BARE, elem_id="files")
        self.upload = gr.File(
            label="Load a recipe (.yaml, .json)", file_types=[".yaml", ".yml", ".json"],
            elem_id="recipe-file", height=120,
        )  # fmt: skip
        with gr.Group():
            self.folder = gr.Textbox(label="Export to a new folder", elem_id="folder")
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
            self.path = gr.Dropdown(
                [], label="Open another zoo (its folder or zoo.yaml)", elem_id="zoo-path",
                allow_custom_value=True,
            )  # fmt: skip
            self.open = gr.Button("Open zoo", elem_id="open-zoo")
        self.refusal = gr.HTML(**BARE, elem_id="refusal")
        self.asked = [self.folder, self.form, self.rank, self.classifiers]
        self.outputs = [
            self.table, self.folder, self.form, self.rank, self.classifiers, self.path,
            self.refusal,
        ]  # fmt: skip

    def load(self, session: Session) -> tuple:
        """The outputs for a page that was opened, or a zoo."""
        form = _FORMS[0]
        return (
            self.show(session),
            session.free_export_name(),
            gr.Radio(value=form, visible=session.only_adapters()),
            *self.choose_form(session, form),
            gr.Dropdown(session.engine.recent(), value=None),
            "",
        )

    def show(self, session: Session) -> str:
        """The pre-flight table."""
        try:
            return views.files(*session.preflight(), session.recipe_text())
        except StudioError as refusal:
            return views.refusal(str(refusal))

    def choose_form(self, session: Session, form: str) -> tuple:
        """Show what can be chosen for a complete model or an adapter."""
        own, adapter = session.own_classifiers(), form == _FORMS[1]
        words = f"Also write a complete classifier folder for {', '.join(own)}"
        offer = gr.Checkbox(value=False, visible=bool(own) and not adapter, label=words)
        return gr.Number(value=None, visible=adapter), offer

    def start_export(
        self, session: Session, folder: str, form: str, rank: float | None, classifiers: bool
    ) -> tuple:
        """Start the export job."""
        try:
            if form == _FORMS[1]:
                session.start_adapter(folder, None if rank is None else int(rank))
            else:
                session.start_export(folder, classifiers)
        except StudioError as refusal:
            return views.refusal(str(refusal)), gr.skip()
        return "", gr.Timer(active=True)

    def finished(self, session: Session, result: str) -> gr.DownloadButton:
        """The download of what a job has made, if it made something."""
        if not result:
            return gr.DownloadButton(visible=False)
        packed = session.zip_export(result)
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
