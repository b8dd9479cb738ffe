"""Beside the tour: deltas as arrows, presets that are links, a lesson in one file, all words."""

from collections.abc import Iterator

import gradio as gr

from studio.lesson.page import ARROWS, script
from studio.session.session import Session
from studio.ui.components import BARE, static
from studio.ui.part import PagePart
from studio.ui.view import Piece, View
from studio.ui.views import learn as views
from studio.ui.views.glossary import glossary
from studio.ui.wiring import Wiring


class ArrowsSection(PagePart):
    """Gram-Schmidt with handles, and real deltas that are put in by a click."""

    def build(self) -> None:
        """Lay out the section."""
        gr.HTML(
            "<h2>Deltas as arrows</h2><p class='quiet'>Dashed: a delta as it is. Whole: what is "
            "left when its part along earlier ones is taken out. Turn them, change the order and "
            "how much is taken out, or put real deltas of this zoo in: their lengths and angles "
            "are the ones in the matrices of Why.</p>",
            **BARE,
        )
        self.arrows = gr.HTML(
            value={}, html_template="<div class='arrows-place'></div>", elem_id="learn-arrows",
            js_on_load=f"{script(*ARROWS)}\n{static('learn_arrows.js')}", **BARE,
        )  # fmt: skip
        self.outputs = [self.arrows]

    def pieces(self, view: View) -> Iterator[Piece]:
        """The zoo's inner products, once they are known."""
        facts, bench = view.session.learn.facts(), view.session.worker.bench
        if facts is None:
            return
        places = [bench.gram.tasks.index(name) for name in facts.tasks]
        gram = bench.gram.total()[places][:, places].tolist()
        first = [facts.tasks.index(name) for name in facts.near or ()]
        data = views.arrows_data(facts.tasks, gram, first)
        yield Piece("learn-arrows", views.arrows_key(data), lambda: {self.arrows: data})


class PresetsSection(PagePart):
    """Mixes of this zoo that show one thing each."""

    def build(self) -> None:
        """Lay out the section."""
        gr.HTML(
            "<h2>Mixes to open</h2><p class='quiet'>Each is a link to a mix of this zoo, "
            "chosen by its own angles and scores, beside a pinned mix to compare with. Undo "
            "brings your own back.</p>",
            **BARE,
        )
        self.list = gr.HTML(**BARE, elem_id="learn-presets")
        self.outputs = [self.list]

    def pieces(self, view: View) -> Iterator[Piece]:
        """The presets, once the zoo is measured."""
        shown = views.presets_list(view.session.learn.presets(), view.session.zoo)
        yield Piece("learn-presets", shown, lambda: {self.list: shown})


class LessonSection(PagePart):
    """The button that makes the lesson, and the lesson to be saved."""

    def build(self) -> None:
        """Lay out the section."""
        gr.HTML("<h2>A lesson in one file</h2>", **BARE)
        self.make = gr.Button("Make the lesson", size="sm", elem_id="make-lesson")
        self.refusal = gr.HTML(**BARE, elem_id="lesson-refusal")
        self.made = gr.HTML(**BARE, elem_id="lesson-made")
        self.outputs = [self.made]

    def pieces(self, view: View) -> Iterator[Piece]:
        """The lesson, once it was made."""
        lesson, name = view.session.learn.lesson, view.session.zoo.name
        key = hash(lesson)
        yield Piece("lesson", key, lambda: {self.made: views.lesson_link(lesson, name)})

    def wire(self, page: Wiring) -> None:
        """Connect the button."""

        def start(session: Session) -> None:
            session.learn.start_lesson()

        page.starts(self.make.click, start, self.refusal)


class GlossarySection(PagePart):
    """Every word of the page with its explanation; a word itself opens the same where it stands."""

    def build(self) -> None:
        """Lay out the section."""
        gr.HTML(
            "<h2>What the words mean</h2><p class='quiet'>A dotted word anywhere on the page opens "
            "its explanation where it stands.</p><details class='glossary-fold'><summary>Glossary: "
            f"all words</summary>{glossary()}</details>",
            elem_id="all-terms", **BARE,
        )  # fmt: skip
