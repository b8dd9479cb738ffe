"""The mixer: sliders and toggles that show the whole mix, and the buttons that change it."""

import time
from collections.abc import Callable, Iterator
from functools import partial

import gradio as gr

from studio.errors import StudioError
from studio.evidence.rebuild import why_not_apart
from studio.measure.bench import Bench
from studio.session.mix import Mix
from studio.session.session import Session
from studio.session.task_facts import TaskFacts, task_facts
from studio.ui.components import BARE, static
from studio.ui.part import PagePart
from studio.ui.remedies import told
from studio.ui.view import Drawn, Piece, View
from studio.ui.views.glossary import term
from studio.ui.views.notices import refusal
from studio.ui.views.row_results import row_results
from studio.ui.views.taken_out import returned
from studio.ui.wiring import Wiring

_ACTIONS = {"undo": "Undo", "redo": "Redo", "pin": "Pin"}
_MORE = {"equal": "All equal", "halve": "Halve all", "reset": "Reset"}
Possible = tuple[bool, dict[str, bool]]  # whether the mix may be edited at all, and {edit: whether}
_BEGAN = time.time() - time.monotonic()  # so that no clock that is put back makes answers earlier
_FEW = 3  # names that a button has room for
_HINT = (
    f"<p class='quiet'>Untick a task to {term('unmerge')} it, as if it had never been there.</p>"
)


class MixerPanel(PagePart):
    """One component that holds the whole mix, and a button for each edit."""

    def build(self) -> None:
        """Lay out the mixer, its buttons, and the line that says why an edit was refused."""
        self.mix = gr.HTML(
            html_template="<div class='mixer' role='group' aria-label='Mixer'></div>",
            js_on_load="".join(map(static, ("mixer.js", "mixer_keys.js", "steps.js"))),
            elem_id="mixer",
            **BARE,
        )
        self.results = gr.HTML(
            value={}, html_template="<i hidden></i>", js_on_load=static("results.js"),
            elem_id="results", **BARE,
        )  # fmt: skip
        with gr.Row(elem_id="mix-actions"):
            self.actions = {name: _button(name, words) for name, words in _ACTIONS.items()}
            flip = gr.Button("A|B", size="sm", min_width=48, elem_id="mix-flip")  # mixer_keys.js
            more = gr.Button("More", size="sm", min_width=64, elem_id="mix-more-open")
            self.bar = [*self.actions.values(), flip, more]
            with gr.Row(elem_id="mix-more"):
                self.actions |= {name: _button(name, words) for name, words in _MORE.items()}
                gr.Button("History", size="sm", min_width=64, elem_id="mix-history-open")
                gr.Button("Copy link", size="sm", min_width=64, elem_id="copy-link")  # keys.js
        self.trouble = gr.HTML(_HINT, elem_id="trouble", **BARE)
        self.prove = gr.Button("Prove it", variant="primary", visible=False, elem_id="prove")
        drawn = [self.mix, *self.actions.values(), self.prove]
        self.loaded, self.outputs = [self.mix, self.trouble], [*drawn, self.results]

    def pieces(self, view: View) -> Iterator[Piece]:
        """What every task comes to; and the mix, where a search moves it."""
        now, searches = view.snapshot, view.session.searches
        bench = view.session.context.bench
        known = (view.scores, "gram" in vars(bench))
        yield Piece("results", known, lambda: {self.results: row_results(now, _facts(bench))})
        out, evidence = _taken_out(now.mix), view.session.evidence
        possible = _possible(view.session)
        yield Piece("mix-actions", possible, partial(self._buttons, possible))
        yield Piece("prove", (out, evidence.version), partial(self._way, view.session))
        if searches.moves:
            yield Piece("mixer", (id(searches), searches.moves), partial(self._mix, view.session))

    def load(self, session: Session) -> Drawn:
        """The mix as it is, and what is said below it; looks draw the buttons."""
        return self._value(session) | {self.trouble: _said(session)}

    def _value(self, session: Session) -> Drawn:
        made = {"made": _BEGAN + time.monotonic()}  # of two answers, the later one holds
        return {self.mix: session.mixer_value() | made}

    def _mix(self, session: Session) -> Drawn:
        return self._value(session) | self._buttons(_possible(session)) | self._way(session)

    def _buttons(self, possible: Possible) -> Drawn:
        """Which edits are possible, and which of these would change something."""
        free, some = possible
        return {
            button: gr.Button(interactive=free and some.get(action, True))
            for action, button in self.actions.items()
        }

    def _way(self, session: Session) -> Drawn:
        """The way to the proof of what is taken out, and back to it once it was checked."""
        out, checked = _taken_out(session.mix), bool(session.evidence.found())
        verb = "is" if len(out) == 1 else "are"
        names, shown = " and ".join(out), session.evidence.unmerging()
        words = f"See what was checked of {names}" if checked else f"Prove that {names} {verb} out"
        if shown and not checked and why_not_apart(shown.never):
            words = f"See what is left of {names}"
        button = gr.Button(
            words,
            visible=0 < len(out) <= _FEW, variant="secondary" if checked else "primary",
        )  # fmt: skip
        return {self.prove: button}

    def edit(self, session: Session, change: Callable[[], None]) -> Drawn:
        """Change the mix; what was refused stays as it was, and a sentence says why."""
        try:
            change()
            words = ""
        except StudioError as error:
            words = refusal(told(error))
        return {**self._mix(session), self.trouble: words + _said(session)}

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
        page.opens(self.prove.click, "Unmerge")
        for action, button in self.actions.items():
            page.edits(button.click, lambda session, action=action: session.edit(action))


def _facts(bench: Bench) -> dict[str, TaskFacts]:
    """What every task is made of; none of a zoo whose files were changed, which is said above."""
    try:
        return task_facts(bench)
    except StudioError:
        return {}


def _button(action: str, words: str) -> gr.Button:
    return gr.Button(words, size="sm", min_width=64, elem_id=f"mix-{action}")


def _possible(session: Session) -> Possible:
    mixer = session.mixer
    some = {
        "pin": mixer.mix != mixer.pinned,
        "undo": mixer.history.can_undo,
        "redo": mixer.history.can_redo,
    }
    return mixer.flipped or session.searches.moving() is None, some


def _said(session: Session) -> str:
    return returned(session.taken_out.returned()) + _HINT


def _taken_out(mix: Mix) -> tuple[str, ...]:
    return tuple(strip.name for strip in mix.strips if not strip.on)
