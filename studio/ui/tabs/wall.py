"""The wall in the Unmerge tab: eight beats, prepared so that nothing has to be waited for."""

from collections.abc import Iterator

import gradio as gr

from studio.errors import StudioError
from studio.session.session import Session
from studio.ui.browsers import session_of
from studio.ui.components import BARE, static
from studio.ui.part import PagePart
from studio.ui.remedies import told
from studio.ui.view import Drawn, Piece, View
from studio.ui.views.notices import refusal
from studio.ui.views.wall import wall
from studio.ui.wiring import QUIET, Wiring


class WallStrip(PagePart):
    """The beats, and the buttons that prepare, begin and reset."""

    def build(self) -> None:
        """Lay out the strip."""
        self.strip = gr.HTML(**BARE, elem_id="wall-strip", js_on_load=static("beats.js"))
        self.refusal = gr.HTML(**BARE, elem_id="wall-refusal")
        self.outputs = [self.strip]

    def pieces(self, view: View) -> Iterator[Piece]:
        """What is prepared, and of which tasks one can be told."""
        stage, names = view.session.wall, view.session.mix.names
        ready, story, number = stage.ready, stage.story, stage.certificate
        yield Piece("wall", (stage.version, ready, names, story, number), lambda: {
            self.strip: wall(names, stage.task, stage.moment, ready, story, number),
        })  # fmt: skip

    def wire(self, page: Wiring) -> None:
        """Connect the strip."""

        def act(event: gr.EventData, request: gr.Request) -> Drawn:
            asked = event._data if isinstance(event._data, dict) else {}
            session, name = session_of(self.engine, request), asked.get("act")
            task = asked.get("task")
            if name == "prepare":
                return {self.refusal: _prepared(session, task), **page.awake}
            return {**page.edit(session, lambda: _moved(session, name, task)), **page.awake}

        shown = [*page.mixed, self.refusal]
        self.strip.click(act, None, shown, **QUIET).then(**page.moved)


def _prepared(session: Session, task: object) -> str:
    """Why it is not prepared; empty if it is under way."""
    try:
        session.wall.prepare(task)
    except StudioError as problem:
        return refusal(told(problem))
    return ""


def _moved(session: Session, name: object, task: object) -> None:
    """What a beat does to the mix; nothing where it is so already."""
    ticked = task in session.mix.ticked
    if name == "reset":
        session.wall.reset()
    elif name == "take" and ticked:
        session.taken_out.take_out(task)
    elif name == "back" and not ticked and session.wall.may_return(str(task)):
        session.taken_out.put_back(task)
