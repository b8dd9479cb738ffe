"""The page: its parts in their places, and the look that draws of each what is new."""

from typing import Any

import gradio as gr

from studio.session.engine import Engine
from studio.session.session import Session
from studio.session.snapshot import Snapshot
from studio.ui.api import Api
from studio.ui.browsers import session_of
from studio.ui.components import BARE
from studio.ui.footer import Footer
from studio.ui.header import Header
from studio.ui.installed import TITLE
from studio.ui.link import Link
from studio.ui.mix_history import MixHistory
from studio.ui.mixer import MixerPanel
from studio.ui.search_panel import SearchPanel
from studio.ui.sparing import SparingBlocks
from studio.ui.tabs.evidence import EvidenceTab
from studio.ui.tabs.files import FilesTab
from studio.ui.tabs.improve import ImproveTab
from studio.ui.tabs.learn import LearnTab
from studio.ui.tabs.new_zoo import NewZooTab
from studio.ui.tabs.results import ResultsTab
from studio.ui.tabs.sequence import SequenceTab
from studio.ui.tabs.why import WhyTab
from studio.ui.view import Drawn, View
from studio.ui.wiring import QUIET, Wiring

TABS = (
    ResultsTab, WhyTab, ImproveTab, SequenceTab, EvidenceTab, LearnTab, NewZooTab, FilesTab,
)  # fmt: skip
_POLL = 0.15  # seconds between looks at a busy session until there are numbers
_FEW = 2  # browsers that may look so often
_REST = 3.0  # and at one at rest, which another tab, browser or late answer may have changed
_FIRST_ROWS = 0.4  # seconds that an answer to a move waits for its first rows


class Page:
    """Header, mixer, tabs and footer, and what they show of a browser's session.

    Args:
        engine: what all pages share.
        api: whether other programs may ask, too.
    """

    def __init__(self, engine: Engine, api: bool = False) -> None:
        self.engine, self.api = engine, api
        self.header, self.footer = Header(engine), Footer(engine)
        self.mixer, self.search = MixerPanel(engine), SearchPanel(engine)
        self.tabs = [tab(engine) for tab in TABS if not (tab.writes and engine.read_only)]
        self.link, self.history = Link(engine), MixHistory(engine)
        self.parts = [
            self.header, self.mixer, self.history, self.search, *self.tabs, self.footer, self.link,
        ]  # fmt: skip

    def build(self) -> gr.Blocks:
        """Lay out the page."""
        with SparingBlocks(title=TITLE, analytics_enabled=False, fill_width=True) as blocks:
            self.header.build()
            with gr.Row(equal_height=False):
                with gr.Column(scale=6, min_width=330, elem_id="left"):
                    self.mixer.build()
                    self.search.build()
                with (
                    gr.Column(scale=7, min_width=330),
                    gr.Tabs(overflow_behavior="wrap") as tabs,  # none hides in a menu
                ):
                    for tab in self.tabs:
                        with gr.Tab(tab.title, id=tab.title):
                            gr.HTML(f"<h2>{tab.title}</h2>", elem_classes="unseen", **BARE)
                            tab.build()
            self.footer.build()
            self.link.build()
            self.history.build()
            self.timer = gr.Timer(_POLL, active=True)
            self.seen, self.opened = gr.State({}), gr.State("")
            self.choices = [each for part in self.parts for each in part.choices]
            self._wire(blocks, tabs)
            if self.api:
                Api(self.engine).add()
        return blocks

    def _wire(self, blocks: gr.Blocks, tabs: gr.Tabs) -> None:
        drawn = [each for part in self.parts for each in part.outputs]
        look = {
            "fn": self.look, "inputs": [self.seen, self.opened, *self.choices],
            "outputs": [self.seen, *drawn, self.timer], **QUIET,
        }  # fmt: skip
        mixed = [*self.mixer.outputs, self.mixer.trouble, self.timer]
        wiring = Wiring(
            self.engine, self.timer, tabs, self.opened, self.mixer.mix, mixed, self.mixer.edit,
            look, {**look, "fn": self.look_moved},
        )  # fmt: skip
        gr.on([self.timer.tick, gr.Timer(_REST, active=True).tick], **look)
        tabs.select(self.open_tab, None, [self.opened, self.timer], **QUIET).then(**look)
        for part in self.parts:
            part.wire(wiring)
        loaded = [each for part in self.parts for each in part.loaded]
        blocks.load(self.load, None, [*loaded, self.timer], **QUIET).then(**look)

    def load(self, request: gr.Request) -> Drawn:
        """Fill a page that was opened or reloaded."""
        session = session_of(self.engine, request)
        session.attend()
        drawn: Drawn = {self.timer: gr.Timer(active=True)}
        for part in self.parts:
            drawn |= part.load(session)
        return drawn

    def first(self, session: Session) -> Drawn:
        """What the first screen holds of a session: header, mixer and the tab that opens first."""
        parts = [self.header, self.mixer, self.tabs[0]]
        chosen = {each: getattr(each, "value", None) for each in self.choices}
        view = View(session, session.snapshot(), "", chosen)
        drawn: Drawn = {}
        for part in parts:
            drawn |= part.load(session)
            for piece in part.pieces(view):
                drawn |= piece.draw()
        return drawn

    def open_tab(self, event: gr.SelectData) -> tuple[str, gr.Timer]:
        """Which tab is open; what is hidden is not drawn."""
        return event.value, gr.Timer(active=True)

    def look_moved(
        self, request: gr.Request, seen: dict[str, object], opened: str, *chosen: Any
    ) -> Drawn:
        """What a move has changed, with its first rows if they come soon."""
        session_of(self.engine, request).wait_for_rows(_FIRST_ROWS)
        return self.look(request, seen, opened, *chosen)

    def look(
        self, request: gr.Request, seen: dict[str, object], opened: str, *chosen: Any
    ) -> Drawn:
        """What has changed since this page last looked."""
        given = dict(zip(self.choices, chosen, strict=True))
        return self.changed(session_of(self.engine, request), seen, opened, given)

    def changed(
        self, session: Session, seen: dict[str, object], opened: str, chosen: Drawn
    ) -> Drawn:
        """The pieces whose keys are not those that this page has seen.

        Args:
            session: that is looked at.
            seen: {name of a piece: its key when it was drawn last}.
            opened: title of the tab that is open.
            chosen: what the boxes hold that choose how something is drawn.
        """
        view = View(session, session.snapshot(), opened, chosen)
        pieces = [piece for part in self.parts for piece in part.pieces(view)]
        new = [piece for piece in pieces if seen.get(piece.name) != piece.key]
        drawn: Drawn = {}
        for piece in new:
            drawn |= piece.draw()
        keys = {piece.name: piece.key for piece in pieces}
        if keys != seen:
            drawn[self.seen] = keys
        # Off only once this page has shown the resting state.
        busy = view.snapshot.busy or new or any(piece.pending for piece in pieces)
        return {**drawn, self.timer: gr.Timer(self._poll(view.snapshot), active=bool(busy))}

    def _poll(self, now: Snapshot) -> float:
        """Seconds between looks: fewer once there is something to see, and among many browsers.

        A look takes the browser more time than the studio, and both take it from the computation.
        """
        often = _POLL if not now.scores else _POLL * (4 if now.seen else 2)
        return often * max(1.0, self.engine.browsers() / _FEW)
