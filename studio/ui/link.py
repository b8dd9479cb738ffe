"""The page's address as a link to what it shows."""

from collections.abc import Iterator

import gradio as gr

from studio.errors import BadRecipe
from studio.session.session import Session
from studio.ui.components import BARE, static
from studio.ui.part import PagePart
from studio.ui.view import Piece, View
from studio.ui.wiring import Wiring


class Link(PagePart):
    """A component without looks, which writes the address and asks for what an opened one says."""

    def build(self) -> None:
        """Lay it out."""
        self.link = gr.HTML(
            value={}, html_template="<i hidden></i>", js_on_load=static("link.js"),
            elem_id="link", **BARE,
        )  # fmt: skip
        self.outputs = [self.link]

    def pieces(self, view: View) -> Iterator[Piece]:
        """The links of the mix and of the pinned one."""
        mix, pinned = view.session.links()
        yield Piece("link", (mix, pinned), lambda: {self.link: {"mix": mix, "pinned": pinned}})

    def wire(self, page: Wiring) -> None:
        """Show what an address says that was opened."""

        def follow(session: Session, link: object) -> None:
            wanted = link.get("open") if isinstance(link, dict) else None
            if not (
                isinstance(wanted, list)
                and len(wanted) == 2
                and all(isinstance(each, str) for each in wanted)
            ):
                raise BadRecipe("The page asked for something unknown; reload the page.")
            session.open_link(*wanted)

        page.edits(self.link.input, follow, {"link": self.link})
