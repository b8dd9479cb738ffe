"""Between a control and a session: what is pressed or typed, what it does, what is answered."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr
from gradio.blocks import Block
from gradio.events import Dependency

from studio.errors import StudioError
from studio.session.engine import Engine
from studio.session.session import Session
from studio.ui.browsers import session_of
from studio.ui.remedies import told
from studio.ui.view import Drawn
from studio.ui.views.notices import refusal

QUIET: dict[str, Any] = {
    "show_progress": "hidden",
    "api_visibility": "private",
    "queue": False,
}
_NOTHING: Mapping[str, Block] = {}
Edit = Callable[[Session, Callable[[], None]], Drawn]


@dataclass(frozen=True)
class Wiring:
    """Connects the controls of a part with the session of the browser that uses them.

    What is asked is handed on by name: ``{'seed': box}`` calls with ``seed=`` the box's value.

    Attributes:
        engine: that has the sessions.
        timer: looks again and again while something is coming.
        tabs: all of them.
        opened: title of the one that is open.
        mixer: that shows the mix, and has changed with it.
        mixed: what a change of the mix draws.
        edit: changes a session's mix and draws that, or why it cannot be.
        look: arguments of an event that draws what is new.
        moved: the same after a move.
    """

    engine: Engine
    timer: gr.Timer
    tabs: gr.Tabs
    opened: gr.State
    mixer: gr.HTML
    mixed: Sequence[Block]
    edit: Edit
    look: dict[str, Any]
    moved: dict[str, Any]

    @property
    def awake(self) -> Drawn:
        """Have the page look again and again until all is there."""
        return {self.timer: gr.Timer(active=True)}

    def tells(
        self, events: Any, answer: Callable[..., Drawn], asked: Mapping[str, Block],
        shown: Sequence[Block], **options: Any,
    ) -> Dependency:  # fmt: skip
        """Answer with components.

        Args:
            events: one or several, of components.
            answer: takes the session and what is asked.
            asked: {name: component}.
            shown: the components that an answer can draw.
            options: of the event.
        """

        def call(request: gr.Request, *values: object) -> Drawn:
            given = dict(zip(asked, values, strict=True))
            return answer(session_of(self.engine, request), **given) or gr.skip()

        triggers = events if isinstance(events, list) else [events]
        boxes, drawn = list[Any](asked.values()), list[Any](shown)
        return gr.on(triggers, call, boxes, drawn, **QUIET, **options)

    def starts(
        self, events: Any, start: Callable[..., None], refused: gr.HTML,
        asked: Mapping[str, Block] = _NOTHING, opens: str = "",
    ) -> None:  # fmt: skip
        """Start a job; the page remembers by which control and in which tab.

        Args:
            events: one or several, of components.
            start: takes the session and what is asked.
            refused: tells why it was not started.
            asked: {name: component}.
            opens: title of the tab where it is watched; empty for the one that is open.
        """
        control = (events[0] if isinstance(events, list) else events).__self__

        def started(session: Session, **given: object) -> Drawn:
            try:
                start(session, **given)
            except StudioError as error:
                return {refused: refusal(told(error))}
            session.context.jobs.place(opens or _tab_of(control), _element_of(control))
            opened = {self.tabs: gr.Tabs(selected=opens), self.opened: opens} if opens else {}
            return {refused: "", **self.awake, **opened}

        shown = [self.tabs, self.opened] if opens else []
        self.tells(events, started, asked, [refused, self.timer, *shown])

    def opens(self, events: Any, title: str) -> None:
        """Open a tab, by its title."""

        def opened(session: Session) -> Drawn:
            return {self.tabs: gr.Tabs(selected=title), self.opened: title, **self.awake}

        self.tells(events, opened, {}, [self.tabs, self.opened, self.timer]).then(**self.look)

    def wakes(
        self, events: Any, act: Callable[..., None], asked: Mapping[str, Block] = _NOTHING
    ) -> None:
        """Change what is looked at, and look; ``act`` takes the session and what is asked."""

        def woken(session: Session, **given: object) -> Drawn:
            act(session, **given)
            return self.awake

        self.tells(events, woken, asked, [self.timer]).then(**self.look)

    def edits(
        self, events: Any, change: Callable[..., None], asked: Mapping[str, Block] = _NOTHING
    ) -> None:
        """Change the mix; ``change`` takes the session and what is asked. Each press counts."""

        def edited(session: Session, **given: object) -> Drawn:
            return {**self.edit(session, partial(change, session, **given)), **self.awake}

        told = self.tells(events, edited, asked, self.mixed, trigger_mode="multiple")
        told.then(**self.moved)


def _tab_of(control: Block) -> str:
    """Title of the tab in which a control lies; empty for none."""
    place: Any = control
    while place is not None:
        if isinstance(place, gr.Tab):
            return str(place.id)
        place = place.parent
    return ""


def _element_of(control: Block) -> str:
    """Id of a control in the page."""
    return str(getattr(control, "elem_id", None) or f"component-{control._id}")
