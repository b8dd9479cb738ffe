"""The Results tab: what changed of the answers, a text of one's own, and all numbers."""

from collections.abc import Iterator
from functools import partial

import gradio as gr

from studio.errors import StudioError
from studio.session.engine import Engine
from studio.session.session import Session
from studio.ui.components import BARE
from studio.ui.part import PagePart, PartsTab
from studio.ui.remedies import told
from studio.ui.tabs.next_step import NextStep
from studio.ui.tabs.score_table import ScoreTable
from studio.ui.tabs.writing import WritingSection
from studio.ui.view import Drawn, Piece, View
from studio.ui.views.examples import readings_table, rows_table
from studio.ui.views.next_step import after_results
from studio.ui.views.notices import refusal
from studio.ui.views.pictures import pictures
from studio.ui.wiring import Wiring


class ResultsTab(PartsTab):
    """Texts that models write, rows and readings that follow the shown mix, and the scores."""

    title = "Results"

    def __init__(self, engine: Engine) -> None:
        ends = NextStep(engine, "results", after_results)
        self.writing, self.rows = WritingSection(engine), RowsSection(engine)
        super().__init__(engine, [self.writing, self.rows, ScoreTable(engine), ends])


class RowsSection(PagePart):
    """Rows and readings, the choice of rows, and a text of one's own."""

    def build(self) -> None:
        """Lay out the tab."""
        self.only_changed = gr.Checkbox(
            label="Only rows changed by this move", elem_id="only-changed"
        )
        self.rows = gr.HTML(**BARE, elem_id="rows")
        self.text = gr.Textbox(
            label="A text of your own, read by every head", lines=2, elem_id="own-text",
            placeholder="Type a sentence; it is read again after every move",
        )  # fmt: skip
        self.readings = gr.HTML(**BARE, elem_id="readings")
        self.loaded = [self.only_changed, self.text]
        self.outputs = [self.rows, self.readings, self.text]

    def load(self, session: Session) -> Drawn:
        """The choices of this browser."""
        return {
            self.only_changed: session.examples.only_changed,
            self.text: session.examples.own_text,
        }

    def pieces(self, view: View) -> Iterator[Piece]:
        """Rows and readings; the box for a text only where something reads it."""
        session, now = view.session, view.snapshot
        key = (
            now.version,
            now.recipe.digest,
            session.examples.only_changed,
            session.examples.own_text,
        )
        yield Piece("examples", key, partial(self._draw, session))
        reads = session.examples.reads
        yield Piece("own-text", reads, lambda: {self.text: gr.Textbox(visible=reads)})

    def wire(self, page: Wiring) -> None:
        """Connect the choice of rows, and the text."""

        def choose(session: Session, only_changed: bool) -> None:
            session.examples.only_changed = only_changed

        def read(session: Session, text: str) -> Drawn:
            try:
                session.examples.read(text)
            except StudioError as error:
                return {self.readings: refusal(told(error))}
            return page.awake

        page.wakes(self.only_changed.input, choose, {"only_changed": self.only_changed})
        page.tells(
            self.text.change, read, {"text": self.text}, [self.readings, page.timer],
            trigger_mode="always_last",
        ).then(**page.look)  # fmt: skip

    def _draw(self, session: Session) -> Drawn:
        rows, changed = session.examples.rows()
        looks = session.examples.looks(rows)
        return {
            self.rows: rows_table(rows, changed, session.examples.only_changed)
            + pictures(rows, looks),
            self.readings: readings_table(*session.examples.readings(), session.examples.own_text),
        }
