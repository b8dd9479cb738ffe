"""The choice of another zoo in the header: a component without looks, and what was refused."""

import gradio as gr

from studio.errors import NotAllowed
from studio.session.session import Session
from studio.ui.components import BARE, static
from studio.ui.part import PagePart
from studio.ui.wiring import Wiring


class ZooChoice(PagePart):
    """Asks for the zoo that is chosen in the title's list; it is opened as a job."""

    writes = True

    def build(self) -> None:
        """Lay it out."""
        self.asked = gr.HTML(
            value={}, html_template="<i hidden></i>", js_on_load=static("zoo.js"),
            elem_id="zoo-asked", **BARE,
        )  # fmt: skip
        self.refused = gr.HTML(elem_id="zoo-refused", **BARE)

    def wire(self, page: Wiring) -> None:
        """Open what was chosen; every page loads anew once it is open."""

        def start(session: Session, asked: object) -> None:
            path = asked.get("open") if isinstance(asked, dict) else None
            if not isinstance(path, str) or path not in self.engine.choices().values():
                raise NotAllowed("This zoo is not in the list any more; reload the page.")
            self.engine.start_open(path, session.browser)

        page.starts(self.asked.input, start, self.refused, {"asked": self.asked})
