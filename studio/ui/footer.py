"""The bottom of the page: the long job, the memory in use, and what reloads the page."""

from collections.abc import Iterator

import gradio as gr

from studio.session.session import Session
from studio.ui.components import BARE, static
from studio.ui.part import PagePart
from studio.ui.view import Drawn, Piece, View
from studio.ui.views.footer import footer
from studio.ui.wiring import Wiring

_STEP = 2**24  # bytes of memory from which on the page is told


class Footer(PagePart):
    """The job with its two buttons; and the number of the zoo that is open, hidden."""

    def build(self) -> None:
        """Lay out the strip."""
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
        self.outputs = [self.job, self.cancel, self.dismiss, self.opened]

    def pieces(self, view: View) -> Iterator[Piece]:
        """The job, at every look while it runs; and the zoo."""
        job, memory = view.snapshot.job, self.engine.memory()
        running = bool(job and job.running)
        mine = bool(job and job.owner == view.session.browser)
        seen = view.job, job.seconds if job and running else None, memory.process // _STEP
        yield Piece("footer", seen, lambda: {self.job: footer(job, memory)})
        yield Piece("job", view.job, lambda: {
            self.cancel: gr.Button(visible=running and mine),
            self.dismiss: gr.Button(visible=bool(job) and not running),
        })  # fmt: skip
        zoo = f"{self.engine.opened}.{view.session.overruled}"
        yield Piece("opened", zoo, lambda: {self.opened: zoo})

    def wire(self, page: Wiring) -> None:
        """Connect both buttons."""

        def cancel(session: Session) -> Drawn:
            session.cancel_job()
            return {self.job: footer(session.job(), self.engine.memory())}

        page.tells(self.cancel.click, cancel, {}, [self.job])
        page.wakes(self.dismiss.click, Session.dismiss_job)
