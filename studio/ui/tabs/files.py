"""The Files tab: what each checkpoint changes, recipes in and out, export, push, other zoos."""

from pathlib import Path

import gradio as gr

from studio.disk.files import read_text
from studio.errors import BadRecipe, StudioError
from studio.session.engine import Engine
from studio.session.session import Session
from studio.ui.components import BARE, static
from studio.ui.part import PagePart, PartsTab
from studio.ui.remedies import told
from studio.ui.tabs.export_form import ExportForm
from studio.ui.tabs.next_step import NextStep
from studio.ui.tabs.push_form import PushForm
from studio.ui.view import Drawn
from studio.ui.views import files as views
from studio.ui.views.next_step import after_files
from studio.ui.views.notices import notes, refusal
from studio.ui.wiring import QUIET, Wiring


class FilesTab(PartsTab):
    """Everything that touches files."""

    title = "Files"

    def __init__(self, engine: Engine) -> None:
        export = ExportForm(engine)
        ends = NextStep(engine, "files", after_files)
        parts = (export, PushForm(engine), RecipeUpload(engine, export), OtherZoos(engine), ends)
        super().__init__(engine, [p for p in parts if not (p.writes and engine.read_only)])


class RecipeUpload(PagePart):
    """A recipe that becomes the mix; what is wrong with it, or to be known, stands below."""

    def __init__(self, engine: Engine, export: ExportForm) -> None:
        super().__init__(engine)
        self.export = export

    def build(self) -> None:
        """Lay out the box to drop it into."""
        self.upload = gr.File(
            label="Load a recipe, or one of mergekit (.yaml, .json)",
            file_types=[".yaml", ".yml", ".json"], elem_id="recipe-file", height=120,
        )  # fmt: skip

    def wire(self, page: Wiring) -> None:
        """Connect the box."""

        def load(session: Session, file: str | None) -> Drawn:
            try:
                words = notes(session.load_recipe(recipe_of(file or "")))
            except StudioError as error:
                words = refusal(told(error))
            mix = {**page.edit(session, lambda: None), **page.awake}
            return {**mix, self.upload: None, self.export.refusal: words}

        shown = [*page.mixed, self.upload, self.export.refusal]
        page.tells(self.upload.upload, load, {"file": self.upload}, shown).then(**page.moved)


class OtherZoos(PagePart):
    """The pre-flight of another zoo, and the job that opens it."""

    writes = True

    def build(self) -> None:
        """Lay out the choice, and what was found."""
        with gr.Group():
            self.path = gr.Dropdown(
                [], label="Open another zoo (its folder or zoo.yaml)", elem_id="zoo-path",
                allow_custom_value=True,
            )  # fmt: skip
            self.check = gr.Button("Check this zoo", elem_id="check-zoo")
        self.preflight = gr.HTML(**BARE, js_on_load=static("copy.js"))
        self.open = gr.Button("Open this zoo", variant="primary", visible=False, elem_id="open-zoo")
        self.loaded = [self.path, self.preflight, self.open]

    def load(self, session: Session) -> Drawn:
        """The other demos, and the zoos that were open before."""
        return {
            self.path: gr.Dropdown(_offered(self.engine), value=None),
            self.preflight: "",
            self.open: gr.Button(visible=False),
        }

    def wire(self, page: Wiring) -> None:
        """Connect the choice and both buttons."""
        asked, shown = {"path": self.path}, [self.preflight, self.open]
        page.tells(self.check.click, self._check, asked, shown)
        page.tells(
            self.open.click, lambda session, path: self._start(session, path) | page.awake, asked,
            [*shown, page.timer],
        )  # fmt: skip
        self.path.input(lambda: ("", gr.Button(visible=False)), None, shown, **QUIET)

    def _check(self, session: Session, path: str | None) -> Drawn:
        """It can be opened if nothing is wrong."""
        try:
            found = self.engine.look(path or "")
        except StudioError as error:
            told = views.refused(error, self.engine.restart)
            return {self.preflight: told, self.open: gr.Button(visible=False)}
        fits = gr.Button(visible=not found.problems)
        return {self.preflight: views.preflight(found, self.engine.restart), self.open: fits}

    def _start(self, session: Session, path: str | None) -> Drawn:
        """Every page loads anew once it is open."""
        try:
            self.engine.start_open(path or "", session.browser)
        except StudioError as error:
            return {self.preflight: views.refused(error, self.engine.restart)}
        return {self.preflight: views.opening(path or "")}


def _offered(engine: Engine) -> list[tuple[str, str]]:
    """(what is shown, path): the other demos, and the zoos that were open before."""
    demos = engine.demos()
    before = [(path, path) for path in engine.recent() if path not in demos.values()]
    return [(f"Demo: {name}", path) for name, path in demos.items()] + before


def recipe_of(file: str) -> str:
    """The text of an uploaded recipe; the upload is deleted.

    Raises:
        BadRecipe: it is no text of a reasonable size.
    """
    try:
        return read_text(Path(file), BadRecipe)
    finally:
        Path(file).unlink(missing_ok=True)
