"""The Learn tab: a tour, deltas as arrows, a landscape, presets, and a lesson to take along."""

from collections.abc import Iterable, Iterator

import gradio as gr

from studio.errors import BadRecipe
from studio.session.engine import Engine
from studio.session.learn import STEPS
from studio.session.session import Session
from studio.ui.components import BARE, static
from studio.ui.part import PagePart, PartsTab
from studio.ui.tabs.learn_more import (
    ArrowsSection,
    GlossarySection,
    LessonSection,
    PresetsSection,
)
from studio.ui.tabs.learn_plane import PlaneSection
from studio.ui.view import Drawn, Piece, View
from studio.ui.views import learn as views
from studio.ui.wiring import Wiring

_ATTACK = 7  # the step that is tried by a job


class LearnTab(PartsTab):
    """Everything that teaches; what only explains words comes last."""

    title = "Learn"

    def __init__(self, engine: Engine) -> None:
        parts = TourSection(engine), ArrowsSection(engine), PlaneSection(engine)
        more = PresetsSection(engine), LessonSection(engine), GlossarySection(engine)
        super().__init__(engine, [*parts, *more])

    def build(self) -> None:
        """Lay out every part, close together."""
        with gr.Column(elem_id="learn-tab"):
            super().build()

    def pieces(self, view: View) -> Iterable[Piece]:
        """Those of all, while the tab is open; marks in the mixer go when it is left."""
        yield from self.members[0].pieces(view)
        if view.opened == self.title:
            for member in self.members[1:]:
                yield from member.pieces(view)


class TourSection(PagePart):
    """The eight steps: words, a mix to set, a question, and what the try has shown."""

    title = LearnTab.title

    def build(self) -> None:
        """Lay out the section."""
        gr.HTML("<h2>A tour in eight steps, on this zoo&#39;s own numbers</h2>", **BARE)
        self.bar = gr.HTML(**BARE, elem_id="learn-steps")
        self.words = gr.HTML(**BARE, elem_id="learn-words")
        with gr.Row(elem_id="learn-buttons"):
            self.back = gr.Button("Back", size="sm", min_width=70, elem_id="learn-back")
            self.set = gr.Button(
                "Set the mixer", variant="primary", size="sm", min_width=120, elem_id="learn-set"
            )
            self.attack = gr.Button("Attack both", size="sm", min_width=110, elem_id="learn-attack")
            self.next = gr.Button("Next", size="sm", min_width=70, elem_id="learn-next")
        self.now = gr.HTML(**BARE, elem_id="learn-now")
        self.question = gr.HTML(**BARE, elem_id="learn-question")
        self.refusal = gr.HTML(**BARE, elem_id="learn-refusal")
        self.ask = gr.HTML(
            value={}, html_template="<i hidden></i>", js_on_load=static("learn.js"),
            elem_id="learn", **BARE,
        )  # fmt: skip
        self.outputs = [
            self.bar, self.words, self.back, self.set, self.attack, self.next, self.now,
            self.question, self.ask,
        ]  # fmt: skip

    def pieces(self, view: View) -> Iterator[Piece]:
        """The step, and what the mixer comes to; what it points at, while the tab is open."""
        opened, learn, now = view.opened == self.title, view.session.learn, view.snapshot
        steps = learn.steps() if opened else ()
        step = steps[learn.at - 1] if steps else None
        points = views.pointing(step, learn.at, opened)
        yield Piece("learn-points", str(points), lambda: {self.ask: points})
        if not opened:
            return
        bar, words = views.steps_bar(steps, learn.at), views.step_words(step, learn.at)
        expected = learn.expected.get(learn.at)
        asked = views.question(step, learn.outcome(step) if step else None, expected)
        line = views.now_line(step, now.scores, now.mix.ticked)
        buttons = learn.at, bool(step and step.mix)
        yield Piece("learn-bar", bar, lambda: {self.bar: bar})
        yield Piece("learn-words", words, lambda: {self.words: words})
        yield Piece("learn-now", line, lambda: {self.now: line})
        yield Piece("learn-question", asked, lambda: {self.question: asked})
        yield Piece("learn-buttons", buttons, lambda: self._buttons(*buttons), pending=not steps)

    def wire(self, page: Wiring) -> None:
        """Connect the buttons, and what is pressed in the words."""
        page.edits(self.set.click, lambda session: session.learn.set_mixer())
        page.wakes(self.back.click, lambda session: self._go(session, -1))
        page.wakes(self.next.click, lambda session: self._go(session, 1))
        page.edits(self.ask.input, self._asked, {"asked": self.ask})
        page.starts(self.attack.click, lambda s: s.learn.start_attack(), self.refusal)

    def _go(self, session: Session, by: int) -> None:
        session.learn.open(min(max(session.learn.at + by, 1), STEPS))

    def _asked(self, session: Session, asked: object) -> None:
        given = asked if isinstance(asked, dict) else {}
        acts = {"open": session.learn.open, "expect": session.learn.expect}
        act = acts.get(str(given.get("act")))
        if act is None:
            raise BadRecipe("The page asked for something unknown; reload the page.")
        act(given.get("number"))

    def _buttons(self, at: int, sets: bool) -> Drawn:
        return {
            self.back: gr.Button(interactive=at > 1),
            self.set: gr.Button(interactive=sets),
            self.attack: gr.Button(visible=at == _ATTACK, interactive=sets),
            self.next: gr.Button("Next" if at < STEPS else "The end", interactive=at < STEPS),
        }
