"""The rows of a new zoo's tasks: which file, which columns, which labels, and the first rows."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import gradio as gr
from gradio.blocks import Block

from studio.errors import Remedy, StudioError
from studio.new_zoo.fields import FIELDS
from studio.new_zoo.plan import splits_of
from studio.session.engine import Engine
from studio.session.new_zoo import NewZoos
from studio.session.session import Session
from studio.ui.browsers import session_of
from studio.ui.components import BARE, static
from studio.ui.part import PagePart
from studio.ui.remedies import told
from studio.ui.view import Drawn, Piece, View
from studio.ui.views import new_zoo as views
from studio.ui.views.notices import refusal
from studio.ui.wiring import QUIET, Wiring

_FIELDS = max(map(len, FIELDS.values()))
_ONE = "Its rows: a table that was found, or the path of one"
_NO_ROWS, _NONE = ("none: no accuracy", ""), ("none", "")
_DRAWN = ("drawn from the held-out rows' file", "")


class RowsForm(PagePart):
    """A table of all tasks, and what can be changed of the one that is chosen."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._shown = "rows of a new task"

    def build(self) -> None:
        """Lay out the table, the choice of a task, and its boxes."""
        self.tasks = gr.HTML(**BARE, elem_id="new-tasks-told", js_on_load=static("remedies.js"))
        with gr.Group():
            with gr.Row():
                self.task = gr.Dropdown([], label="Change the rows of", elem_id="new-task")
                self.called = gr.Textbox(label="Called", elem_id="new-called")
                self.version = gr.Dropdown(
                    [], label="Checkpoint", visible=False, elem_id="new-version"
                )
            with gr.Row():
                self.file = _file_box(_ONE, "new-file")
                self.validation = _file_box("Validation rows", "new-validation", visible=False)
                self.train = _file_box("Training rows", "new-train", visible=False)
            self.apart = gr.Checkbox(label="A file for each split", elem_id="new-apart")
            with gr.Row():
                self.fields = [
                    gr.Dropdown([], label=" ", visible=False, elem_id=f"new-field-{at}")
                    for at in range(_FIELDS)
                ]
            self.labels = gr.Textbox(
                label="Labels in the order of the head (only where the checkpoint has no names)",
                elem_id="new-labels", placeholder="negative, positive",
            )  # fmt: skip
        self.preview = gr.HTML(**BARE)
        self.refused = gr.HTML(**BARE)
        self.outputs = [
            self.tasks, self.task, self.called, self.version, self.file, self.validation,
            self.train, self.apart, *self.fields, self.labels, self.preview,
        ]  # fmt: skip
        self.choices = [self.task]

    def pieces(self, view: View) -> Iterator[Piece]:
        """The boxes of the chosen task."""
        made, name = view.session.new_zoos, view.chosen.get(self.task)
        key = (id(made), made.version, name)
        reading = made.reading is not None
        yield Piece(self._shown, key, partial(self._draw, made, name), pending=reading)
        texts = self._texts(made, name)  # what is typed stays until something else is said there
        yield Piece("texts of a new task", (id(made), name, str(texts.values())), lambda: texts)

    def draw(self, made: NewZoos) -> Drawn:
        """The table of all tasks."""
        return {self.tasks: views.tasks(made.tasks, made.troubles, made.notes, made.unread)}

    def wire(self, page: Wiring) -> None:
        """Connect the boxes; each change is looked at at once."""

        def change(key: str, session: Session, task: str, value: object) -> Drawn:
            return self._changed(page, session, task, {key: value})

        def choose(session: Session, task: str, **values: str) -> Drawn:
            made = session.new_zoos
            kind = made.tasks[task].kind if task in made.tasks else ""
            names = [field.name for field in FIELDS.get(kind, ())]
            fields = dict(zip(names, values.values(), strict=False))
            return self._changed(page, session, task, {"fields": fields})

        def look_again(session: Session, task: str) -> None:
            session.new_zoos.refresh()

        shown = [self.refused, page.timer]
        asked = {"task": self.task, "value": self.version}
        page.tells(self.version.input, partial(change, "version"), asked, shown)
        for key, text in (("labels", self.labels), ("called", self.called)):
            asked = {"task": self.task, "value": text}
            page.tells([text.submit, text.blur], partial(change, key), asked, shown)
        asked = {"task": self.task, **{f"field_{at}": box for at, box in enumerate(self.fields)}}
        page.tells([box.input for box in self.fields], choose, asked, shown)
        self._wire_files(page, shown)
        self._wire_remedies(page, shown)
        page.wakes(self.task.input, look_again, {"task": self.task})  # draws its boxes at once

    def _wire_files(self, page: Wiring, shown: Sequence[Block]) -> None:
        """Connect the one file, or that of each split."""

        def choose(session: Session, task: str, apart: bool, **files: str) -> Drawn:
            what = {"files": files} if apart else {"rows": files["held_out"]}
            return self._changed(page, session, task, what)

        def divide(session: Session, task: str, apart: bool) -> Drawn:
            return self._tried(page, lambda: session.new_zoos.take_apart(task or "", apart))

        boxes = {"held_out": self.file, "validation": self.validation, "train": self.train}
        asked = {"task": self.task, "apart": self.apart, **boxes}
        page.tells([box.input for box in boxes.values()], choose, asked, shown)
        asked = {"task": self.task, "apart": self.apart}
        page.tells(self.apart.input, divide, asked, shown)

    def _wire_remedies(self, page: Wiring, shown: Sequence[Block]) -> None:
        """Connect the buttons beside the troubles of tasks."""

        def help_task(request: gr.Request, event: gr.EventData) -> Drawn:
            made = session_of(self.engine, request).new_zoos
            clicked = event._data if isinstance(event._data, dict) else {}
            remedy = Remedy.__members__.get(str(clicked.get("remedy")))
            task = str(clicked.get("task"))
            return self._tried(page, lambda: made.help(task, remedy)) if remedy else page.awake

        self.tasks.click(help_task, None, list(shown), **QUIET)

    def _changed(self, page: Wiring, session: Session, task: str, what: dict) -> Drawn:
        return self._tried(page, lambda: session.new_zoos.change(task or "", **what))

    def _tried(self, page: Wiring, act: Callable[[], None]) -> Drawn:
        try:
            act()
        except StudioError as error:
            return {self.refused: refusal(told(error))}
        return {self.refused: "", **page.awake}

    def _draw(self, made: NewZoos, name: str | None) -> Drawn:
        name = name if name in made.tasks else next(iter(made.tasks), None)
        if name is None:
            return {self.task: gr.Dropdown([], value=None), self.preview: ""}
        task, table, columns = made.tasks[name], made.table(name), made.columns(name)
        versions = [each.folder.name for each in made.members[name].versions]
        named = list(columns.items())
        every = list(table.columns) if table else []
        fields = {
            box: gr.Dropdown([("not there", ""), *((c, c) for c in every)], value=named[at][1],
                             label=named[at][0], visible=True)
            if at < len(named) else gr.Dropdown(visible=False)
            for at, box in enumerate(self.fields)
        }  # fmt: skip
        return {
            self.task: gr.Dropdown([(t.name, key) for key, t in made.tasks.items()], value=name),
            self.version: gr.Dropdown(
                versions, value=task.checkpoint.name, visible=len(versions) > 1
            ),
            **self._draw_files(made, name),
            self.preview: views.first_rows(table, columns),
            **fields,
        }

    def _texts(self, made: NewZoos, name: str | None) -> Drawn:
        """What stands in the boxes that are typed into."""
        task = made.tasks.get(name or "", next(iter(made.tasks.values()), None))
        labels = ", ".join(task.labels or ()) if task else ""
        return {self.called: task.name if task else "", self.labels: labels}

    def _draw_files(self, made: NewZoos, name: str) -> Drawn:
        """The one file, or a box for each split; training rows where there are or must be some."""
        task, apart = made.tasks[name], made.is_apart(name)
        own = {split: str(file) for split, file in splits_of(task.files).items()}
        tables = [(each, each) for each in made.tables()]
        trains = apart and (task.needs_head or "train" in own)
        drawn = task.needs_head and "validation" not in own
        return {
            self.apart: apart,
            self.file: gr.Dropdown(
                [_NO_ROWS, *tables], value=own.get("held_out", ""),
                label="Held-out rows" if apart else _ONE,
            ),
            self.validation: gr.Dropdown(
                [_DRAWN, *tables], value=own.get("validation", ""), visible=apart
            ),
            self.train: gr.Dropdown(
                [_DRAWN if drawn else _NONE, *tables], value=own.get("train", ""), visible=trains
            ),
        }  # fmt: skip


def _file_box(label: str, element: str, visible: bool = True) -> gr.Dropdown:
    return gr.Dropdown(
        [], label=label, elem_id=element, visible=visible, allow_custom_value=True, min_width=220
    )
