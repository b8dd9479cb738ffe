"""The push in the Files tab: shown to whoever has a login, and asking nobody before it is used."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import gradio as gr

from studio.session.jobs import JobState
from studio.session.session import Session
from studio.ui.components import BARE
from studio.ui.part import PagePart
from studio.ui.view import Drawn, Piece, View
from studio.ui.views import push as views
from studio.ui.wiring import Wiring

_RECORD = "merge.json"


class PushForm(PagePart):
    """The boxes of a push, why it was refused, and what came of it."""

    writes = True

    def build(self) -> None:
        """Lay out the boxes; hidden without a login."""
        self.whole = gr.Accordion("Push to the Hub", open=False, visible=False, elem_id="push-form")
        with self.whole:
            gr.HTML(views.INTRODUCTION, **BARE)
            self.folder = gr.Textbox(label="Folder of an export or a bundle", elem_id="push-folder")
            self.name = gr.Textbox(label="As (owner/name, a new repository)", elem_id="push-name")
            self.licence = gr.Textbox(
                label="Licence (empty: the strictest of the inputs' cards, if one is)",
                elem_id="push-licence",
            )  # fmt: skip
            self.public = gr.Checkbox(
                label="Let everybody see it at once (else only you)", elem_id="push-public"
            )
            self.push = gr.Button("Push to the Hub", elem_id="push")
            self.refusal = gr.HTML(**BARE, elem_id="push-refusal")
        self.said = gr.HTML(**BARE, elem_id="pushed")
        self.outputs = [self.said, self.folder]
        self.loaded = [self.whole, self.name, self.licence, self.public, self.refusal]

    def load(self, session: Session) -> Drawn:
        """Nothing is filled in; it is there if a login is."""
        shown = gr.Accordion(visible=session.pushes.offered)
        empty: Drawn = {self.name: "", self.licence: "", self.public: False, self.refusal: ""}
        return {self.whole: shown, **empty}

    def pieces(self, view: View) -> Iterator[Piece]:
        """What the last push came to, and the folder that was exported last."""
        job = view.snapshot.job
        if job is None or not job.running:
            yield Piece("pushed", view.job or "no job", partial(self._ended, job))

    def wire(self, page: Wiring) -> None:
        """Connect the button."""
        asked = {
            "folder": self.folder, "name": self.name, "licence": self.licence,
            "public": self.public,
        }  # fmt: skip
        page.starts(self.push.click, _push, self.refusal, asked)

    def _ended(self, job: JobState | None) -> Drawn:
        made = job.result if job and job.phase == "done" else ""
        told: Drawn = {self.said: views.pushed(job)}
        return told | ({self.folder: made} if made and (Path(made) / _RECORD).is_file() else {})


def _push(session: Session, folder: str, name: str, licence: str, public: bool) -> None:
    session.pushes.start(folder, name, licence, public)
