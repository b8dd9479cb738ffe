"""The long job, always in view: how far it is, what became of it, and how to end it."""

from collections.abc import Iterator

import gradio as gr

from studio.session.session import Session
from studio.ui.components import BARE, static
from studio.ui.part import PagePart
from studio.ui.view import Drawn, Piece, View
from studio.ui.views.job_strip import job_strip
from studio.ui.wiring import Wiring


class JobStrip(PagePart):
    """One line with a button or two; it lies over the page, so that nothing moves when it comes."""

    def build(self) -> None:
        """Lay out the strip."""
        with gr.Row(equal_height=False, elem_id="jobs"):
            self.job = gr.HTML(**BARE, min_width=240, js_on_load=static("job.js"))
            self.show = gr.Button("Show", size="sm", scale=0, visible=False, elem_id="job-show")
            self.cancel = gr.Button("Cancel job", size="sm", scale=0, visible=False)
            self.dismiss = gr.Button("Dismiss", size="sm", scale=0, visible=False)
        self.outputs = [self.job, self.show, self.cancel, self.dismiss]

    def pieces(self, view: View) -> Iterator[Piece]:
        """The job, at every look while it runs."""
        job = view.snapshot.job
        running = bool(job and job.running)
        mine = bool(job and job.owner == view.session.browser)
        seen = view.job, job.seconds if job and running else None
        yield Piece("job's line", seen, lambda: {self.job: job_strip(job)})
        yield Piece("job", view.job, lambda: {
            self.show: gr.Button(visible=bool(job and mine and job.tab and not running)),
            self.cancel: gr.Button(visible=running and mine),
            self.dismiss: gr.Button(visible=bool(job) and not running),
        })  # fmt: skip

    def wire(self, page: Wiring) -> None:
        """Connect the buttons that ask the studio; job.js shows what came of it."""

        def cancel(session: Session) -> Drawn:
            session.cancel_job()
            return {self.job: job_strip(session.job())}

        page.tells(self.cancel.click, cancel, {}, [self.job])
        page.wakes(self.dismiss.click, Session.dismiss_job)
