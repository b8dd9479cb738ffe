"""The mixer: sliders and toggles that show the whole mix, and the buttons that change it."""

from collections.abc import Callable, Iterator
from functools import partial

import gradio as gr

from studio.errors import StudioError
from studio.session.session import Session
from studio.ui.components import BARE, static
from studio.ui.part import PagePart
from studio.ui.remedies import told
from studio.ui.view import Drawn, Piece, View
from studio.ui.views.notices import refusal
from studio.ui.wiring import Wiring

_ACTIONS = {
    "equal": "Equal", "halve": "Halve all", "reset": "Reset", "undo": "Undo", "redo": "Redo",
    "pin": "Pin",
}  # fmt: skip
_HINT = (
    "<p class='quiet'>Untick a task to unmerge it: the merge is computed again as if the task "
    "had never been in it. <b>Pin</b> a mix to compare with it; hold <kbd>F</kbd> to flip to it."
    "</p>"
)


class MixerPanel(PagePart):
    """One component that holds the whole mix, and a button for each edit."""

    def build(self) -> None:
        """Lay out the mixer, its buttons, and the line that says why an edit was refused."""
        self.mix = gr.HTML(
            html_template="<div class='mixer' role='group' aria-label='Mixer'></div>",
            js_on_load=static("mixer.js"),
            elem_id="mixer",
            **BARE,
        )
        with gr.Row():
            self.actions = {
                action: gr.Button(words, size="sm", min_width=64, elem_id=f"mix-{action}")
                for action, words in _ACTIONS.items()
            }
        self.trouble = gr.HTML(_HINT, elem_id="trouble", **BARE)
        self.outputs = self.loaded = [self.mix, *self.actions.values()]

    def pieces(self, view: View) -> Iterator[Piece]:
        """The mix, where a search moves it."""
        searches = view.session.searches
        if searches.moves:
            yield Piece("mixer", (id(searches), searches.moves), partial(self.load, view.session))

    def load(self, session: Session) -> Drawn:
        """The mix as it is, and which edits are possible."""
        value = session.mixer_value()
        drawn: Drawn = {self.mix: value}
        for action, button in self.actions.items():
            possible = not value["locked"] and value.get(f"can_{action}", True)
            drawn[button] = gr.Button(interactive=possible)
        return drawn

    def edit(self, session: Session, change: Callable[[], None]) -> Drawn:
        """Change the mix; what was refused stays as it was, and a sentence says why."""
        try:
            change()
            words = ""
        except StudioError as error:
            words = refusal(told(error))
        return {**self.load(session), self.trouble: words + _HINT}

    def wire(self, page: Wiring) -> None:
        """Connect every slider, toggle and button."""

        def move(session: Session, mix: object) -> Drawn:
            given = mix if isinstance(mix, dict) else {}
            action = given.get("action")
            drawn = self.edit(
                session, lambda: session.edit(action) if action else session.move(mix)
            )
            drawn[self.mix] |= {"answered": given.get("sent")}
            return drawn | page.awake

        page.tells(
            self.mix.input, move, {"mix": self.mix}, page.mixed, trigger_mode="always_last"
        ).then(**page.moved)
        for action, button in self.actions.items():
            page.edits(button.click, lambda session, action=action: session.edit(action))
