"""The contract of a part of the page, such as a tab: one class in a file, one entry in a tuple."""

from collections.abc import Iterable, Sequence
from itertools import chain

from gradio.blocks import Block

from studio.session.engine import Engine
from studio.session.session import Session
from studio.ui.view import Drawn, Piece, View
from studio.ui.wiring import Wiring


class PagePart:
    """Something on the page that follows a session.

    Attributes:
        title: of a tab; empty for what is no tab.
        outputs: every component that one of the pieces draws.
        choices: boxes that choose how a piece is drawn; each look carries what they hold.
        loaded: every component that ``load`` fills.
        writes: whether it is there to open or write files, and so left out for strangers.
    """

    title = ""
    writes = False
    outputs: Sequence[Block] = ()
    choices: Sequence[Block] = ()
    loaded: Sequence[Block] = ()

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def build(self) -> None:
        """Lay out the components."""
        raise NotImplementedError

    def pieces(self, view: View) -> Iterable[Piece]:
        """What is shown of a session; a tab that is hidden shows nothing."""
        return ()

    def load(self, session: Session) -> Drawn:
        """What a page that was opened or reloaded starts with."""
        return {}

    def wire(self, page: Wiring) -> None:
        """Connect the controls."""


class PartsTab(PagePart):
    """A tab that is made of parts, one below the other."""

    def __init__(self, engine: Engine, members: Sequence[PagePart]) -> None:
        super().__init__(engine)
        self.members = members

    def build(self) -> None:
        """Lay out every part."""
        for member in self.members:
            member.build()
        self.outputs = [each for member in self.members for each in member.outputs]
        self.choices = [each for member in self.members for each in member.choices]
        self.loaded = [each for member in self.members for each in member.loaded]

    def pieces(self, view: View) -> Iterable[Piece]:
        """Those of every part."""
        return chain.from_iterable(member.pieces(view) for member in self.members)

    def load(self, session: Session) -> Drawn:
        """What every part starts with."""
        drawn: Drawn = {}
        for member in self.members:
            drawn |= member.load(session)
        return drawn

    def wire(self, page: Wiring) -> None:
        """Connect every part."""
        for member in self.members:
            member.wire(page)
