"""A state of sums in the Over time tab: begin one, let tasks come and leave, merge, check."""

from collections.abc import Iterator

import gradio as gr

from studio.methods import SUMMED, method_type
from studio.session.session import Session
from studio.ui.boxes import number_in
from studio.ui.components import BARE
from studio.ui.part import PagePart
from studio.ui.view import Drawn, Piece, View
from studio.ui.views import state as views
from studio.ui.wiring import Wiring


class StateForm(PagePart):
    """The boxes of a state, why something was refused, and the state as it is."""

    writes = True

    def build(self) -> None:
        """Lay out the boxes."""
        with gr.Accordion("A file that tasks can leave again", open=False, elem_id="state-form"):
            gr.HTML(views.INTRODUCTION, **BARE)
            self.path = gr.Textbox(
                label="State file", placeholder="arrivals.safetensors", elem_id="state-path"
            )
            with gr.Row():
                self.method = gr.Dropdown(
                    [(method_type(name).title, name) for name in SUMMED],
                    value=next(iter(SUMMED)), label="Method of a new one", elem_id="state-method",
                    min_width=200, scale=3,
                )  # fmt: skip
                self.init = gr.Button("Begin it", elem_id="state-init", scale=1, min_width=110)
                self.open = gr.Button("Open it", elem_id="state-open", scale=1, min_width=110)
            self._task_boxes()
            with gr.Row():
                self.folder = gr.Textbox(
                    label="Merged model to", elem_id="state-folder", min_width=200, scale=3
                )
                self.merge = gr.Button("Merge", elem_id="state-merge", scale=1, min_width=90)
                self.check = gr.Button(
                    "Check by rebuilding", elem_id="state-check", scale=1, min_width=150
                )
            self.refusal = gr.HTML(**BARE, elem_id="state-refusal")
            self.shown = gr.HTML(**BARE, elem_id="state-shown")
        self.outputs = [self.shown]
        self.loaded = [self.task, self.refusal]

    def _task_boxes(self) -> None:
        with gr.Row():
            self.task = gr.Dropdown(
                [],
                label="Task",
                elem_id="state-task",
                min_width=200,
                scale=3,
                allow_custom_value=True,
            )
            self.weight = gr.Textbox(  # an empty box of numbers is sent as 0
                label="Weight (empty: the method's own)", elem_id="state-weight", scale=2,
                min_width=130,
            )  # fmt: skip
            self.come = gr.Button(
                "Add", variant="primary", elem_id="state-come", scale=1, min_width=90
            )
            self.leave = gr.Button("Remove", elem_id="state-leave", scale=1, min_width=90)
        self.receipt = gr.Checkbox(
            label="Write a receipt beside the file, with which the task can leave without its "
            "checkpoint",
            elem_id="state-receipt",
        )

    def load(self, session: Session) -> Drawn:
        """The zoo's tasks."""
        names = [task.name for task in session.zoo.tasks]
        return {self.task: gr.Dropdown(names, value=names[0] if names else None), self.refusal: ""}

    def pieces(self, view: View) -> Iterator[Piece]:
        """The state that was worked on last."""
        found = view.session.states
        yield Piece("state", found.version, lambda: {self.shown: views.state(found.shown)})

    def wire(self, page: Wiring) -> None:
        """Connect the buttons."""
        path, task = {"path": self.path}, {"path": self.path, "task": self.task}
        for button, start, asked in (
            (self.init, _init, path | {"method": self.method}),
            (self.open, _open, path),
            (self.come, _come, task | {"receipt": self.receipt, "weight": self.weight}),
            (self.leave, _leave, task),
            (self.merge, _merge, path | {"folder": self.folder}),
            (self.check, _check, path),
        ):
            page.starts(button.click, start, self.refusal, asked)


def _init(session: Session, path: str, method: str) -> None:
    session.states.start_init(path, method)


def _open(session: Session, path: str) -> None:
    session.states.start_open(path)


def _come(session: Session, path: str, task: str, receipt: bool, weight: str) -> None:
    session.states.start_come(path, task, receipt, _weight(weight) if weight.strip() else None)


def _weight(typed: str) -> float:
    """Raises BadRecipe, as ``number_in``."""
    try:
        number: object = float(typed)
    except ValueError:
        number = None
    return number_in(number, "The weight")


def _leave(session: Session, path: str, task: str) -> None:
    session.states.start_leave(path, task)


def _merge(session: Session, path: str, folder: str) -> None:
    session.states.start_merge(path, folder)


def _check(session: Session, path: str) -> None:
    session.states.start_check(path)
