"""The history of mixes: a dialog with every mix that came to rest, beside Undo and Redo."""

from functools import partial

import gradio as gr

from studio.errors import StudioError
from studio.session.mix_log import MixLog
from studio.session.session import Session
from studio.ui.browsers import session_of
from studio.ui.components import BARE, static
from studio.ui.part import PagePart
from studio.ui.remedies import told
from studio.ui.view import Drawn
from studio.ui.views.mix_log import compared, history
from studio.ui.views.notices import refusal
from studio.ui.wiring import QUIET, Wiring

_EMPTY = (
    "<dialog id='mix-history' aria-labelledby='mix-history-title'><div class='top'>"
    "<h2 id='mix-history-title'>History of mixes</h2>"
    "<button type='button' class='copy close'>Close</button></div><div class='body'></div></dialog>"
)


class MixHistory(PagePart):
    """The dialog; its rows are fetched when it is opened, so that looks do not carry them."""

    def build(self) -> None:
        """Lay out the dialog; a button elsewhere opens it, see ``history.js``."""
        self.dialog = gr.HTML(
            value={}, html_template=_EMPTY, js_on_load=static("history.js"),
            elem_id="mix-history-box", **BARE,
        )  # fmt: skip

    def wire(self, page: Wiring) -> None:
        """Connect what is asked in the dialog."""

        def ask(event: gr.EventData, request: gr.Request) -> Drawn:
            session = session_of(self.engine, request)
            asked = event._data if isinstance(event._data, dict) else {}
            drawn = self._mixed(page, session, asked)
            return {**drawn, self.dialog: {"html": self._answer(session, asked)}, **page.awake}

        shown = [self.dialog, *page.mixed]
        self.dialog.click(ask, None, shown, **QUIET).then(**page.moved)

    def _mixed(self, page: Wiring, session: Session, asked: dict) -> Drawn:
        """What changes the mixer: restore and pin."""
        changes = {"restore": session.log.restore, "pin": session.log.pin}
        change = changes.get(str(asked.get("act")))
        return page.edit(session, partial(change, asked.get("number"))) if change else {}

    def _answer(self, session: Session, asked: dict) -> str:
        """The table, with what was found or why it cannot be."""
        session.snapshot()  # the mix that is shown may have come to rest since the last look
        try:
            said = _done(session.log, asked)
        except StudioError as error:
            said = refusal(told(error))
        return history(session.log, said)


def _done(log: MixLog, asked: dict) -> str:
    """Name a mix or compare two; what there is to say of it."""
    if asked.get("act") == "rename":
        log.rename(asked.get("number"), asked.get("name"))
    if asked.get("act") != "compare":
        return ""
    both = (asked.get("first"), asked.get("second"))
    old, new = sorted(each if isinstance(each, int) else 0 for each in both)
    each = log.compare(old, new)
    return compared(log.entry(old), log.entry(new), each)
