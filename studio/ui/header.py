"""The top of the page, always in view: what is open, how good the mix is, and the long job."""

from collections.abc import Iterator

import gradio as gr

from studio.session.engine import Engine
from studio.session.session import Session
from studio.ui.components import BARE, static
from studio.ui.job_strip import JobStrip
from studio.ui.part import PagePart
from studio.ui.tabs.files import FilesTab
from studio.ui.tabs.new_zoo import NewZooTab
from studio.ui.view import Drawn, Piece, View
from studio.ui.views import header as views
from studio.ui.wiring import Wiring
from studio.ui.zoo_choice import ZooChoice


class Header(PagePart):
    """Two fixed lines: the zoo, the job and where to go; and the result of the shown mix."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.job = JobStrip(engine)
        self.zoo = None if engine.read_only else ZooChoice(engine)

    def build(self) -> None:
        """Lay out both lines, and the one for screen readers."""
        with gr.Column(elem_id="top"):
            with gr.Row(elem_id="brand", equal_height=True):
                self.heading = gr.HTML(elem_id="title", **BARE)
                self.job.build()
                self.ways = {
                    tab.title: gr.Button(words, size="sm", scale=0, elem_id=name)
                    for tab, words, name in (
                        (NewZooTab, "Make a zoo", "to-new-zoo"),
                        (FilesTab, "Export the model", "to-export"),
                    )
                    if not (tab.writes and self.engine.read_only)
                }  # fmt: skip
                gr.HTML(
                    views.keys(),
                    js_on_load=static("keys.js") + static("wall.js"),
                    elem_id="help",
                    **BARE,
                )
            if self.zoo:
                self.zoo.build()
            self.status = gr.HTML(
                html_template="<p role='status'>${value}</p>", elem_id="status", **BARE
            )
            self.headline = gr.HTML(elem_id="headline", **BARE)
        self.outputs = [self.status, self.headline, *self.job.outputs]
        self.loaded = [self.heading]

    def load(self, session: Session) -> Drawn:
        """The zoo that is open."""
        device = self.engine.device.type
        if self.engine.read_only:
            return {self.heading: views.strangers(views.title(session.zoo, device))}
        return {self.heading: views.title(session.zoo, device, self.engine.choices(), makes=True)}

    def pieces(self, view: View) -> Iterator[Piece]:
        """What is said once the numbers have come to rest, the numbers at every step, the job."""
        now = view.snapshot
        words = views.status(now)
        yield Piece("status", words, lambda: {self.status: words})
        yield Piece("headline", view.scores, lambda: {self.headline: views.headline(now)})
        yield from self.job.pieces(view)

    def wire(self, page: Wiring) -> None:
        """Connect the ways to other tabs, and the job's buttons."""
        for title, button in self.ways.items():
            page.opens(button.click, title)
        self.job.wire(page)
        if self.zoo:
            self.zoo.wire(page)
