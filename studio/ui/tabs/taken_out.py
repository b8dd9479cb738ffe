"""The first step of the Unmerge tab: what is out, and why the model's score on it is right."""

from collections.abc import Iterator
from functools import partial

import gradio as gr

from studio.session.engine import Engine
from studio.session.session import Session
from studio.ui.browsers import session_of
from studio.ui.components import BARE, static
from studio.ui.part import PagePart
from studio.ui.view import Drawn, Piece, View
from studio.ui.views import taken_out as views
from studio.ui.wiring import QUIET, Wiring


class TakenOutStep(PagePart):
    """Buttons to take tasks out and put them back, and what the model does on them.

    Args:
        engine: what all pages share.
        tab: title of the tab that it stands in.
    """

    def __init__(self, engine: Engine, tab: str) -> None:
        super().__init__(engine)
        self._tab = tab

    def build(self) -> None:
        """Lay out the step."""
        gr.HTML(views.step(1, "Taken out"), **BARE)
        self.returned = gr.HTML(**BARE, elem_id="returned")
        self.out = gr.HTML(**BARE, elem_id="taken-out", js_on_load=static("unmerge.js"))
        self.teach = gr.Button(
            "Find out which task teaches it", elem_id="find-teachers", size="sm", visible=False
        )
        self.refusal = gr.HTML(**BARE, elem_id="teachers-refusal")
        self.outputs = [self.returned, self.out, self.teach, self.refusal]

    def pieces(self, view: View) -> Iterator[Piece]:
        """What is out, with its live score; who teaches it; and what came back."""
        session, now = view.session, view.snapshot
        evidence, taken = session.evidence, session.taken_out
        out = evidence.unmerging()
        full, known = out and out.full.digest, (len(now.experts), len(now.base))
        key = view.scores, full, evidence.version, taken.version, known
        yield Piece("taken-out", key, partial(self._draw, view))
        log = now.recipe.digest, evidence.version
        yield Piece("returned", log, lambda: {self.returned: views.returned(taken.returned())})

    def wire(self, page: Wiring) -> None:
        """Connect the buttons of the list, and the one that asks who teaches."""

        def tick(event: gr.EventData, request: gr.Request) -> Drawn:
            session, pressed = session_of(self.engine, request), event._data
            told = pressed if isinstance(pressed, dict) else {}
            put_back, take_out = session.taken_out.put_back, session.taken_out.take_out
            act = partial(put_back if "back" in told else take_out, *list(told.values())[:1])
            return {**page.edit(session, act), **page.awake}

        self.out.click(tick, None, page.mixed, **QUIET).then(**page.moved)
        teach = self.teach.click
        page.starts(teach, lambda session: session.taken_out.start_teachers(), self.refusal)

    def _draw(self, view: View) -> Drawn:
        session: Session = view.session
        shown, taken = session.evidence.unmerging(), session.taken_out
        if shown is None:
            words, asks = views.nothing(session.mix.names), False
        else:
            scored = taken.scored()
            known = {task: taken.teachers(task) for task in scored}
            words = views.taken_out(shown, view.snapshot, session.evidence.found(), known)
            asks = bool(scored) and not all(known.values()) and bool(shown.never.tasks)
        return {self.out: words, self.teach: gr.Button(visible=asks), self.refusal: ""}
