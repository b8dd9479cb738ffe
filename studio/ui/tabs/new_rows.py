"""The rows of a new zoo's tasks: which file, which columns, which labels, and the first rows."""

from collections.abc import Iterator
from functools import partial

import gradio as gr

from studio.errors import StudioError
from studio.new_zoo.fields import FIELDS
from studio.session.engine import Engine
from studio.session.new_zoo import NewZoos
from studio.session.session import Session
from studio.ui.components import BARE
from studio.ui.part import PagePart
from studio.ui.remedies import told
from studio.ui.view import Drawn, Piece, View
from studio.ui.views import new_zoo as views
from studio.ui.views.notices import refusal
from studio.ui.wiring import Wiring

_FIELDS = max(map(len, FIELDS.values()))


class RowsForm(PagePart):
    """A table of all tasks, and what can be changed of the one that is chosen."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._shown = "rows of a new task"

    def build(self) -> None:
        """Lay out the table, the choice of a task, and its boxes."""
        self.tasks = gr.HTML(**BARE)
        with gr.Group():
            with gr.Row():
                self.task = gr.Dropdown([], label="Change the rows of", elem_id="new-task")
                self.called = gr.Textbox(label="Called", elem_id="new-called")
                self.version = gr.Dropdown(
                    [], label="Checkpoint", visible=False, elem_id="new-version"
                )
            self.file = gr.Dropdown(
                [], label="Its rows: a table that was found, or the path of one",
                allow_custom_value=True, elem_id="new-file",
            )  # fmt: skip
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
            self.tasks, self.task, self.called, self.version, self.file, *self.fields, self.labels,
            self.preview,
        ]  # fmt: skip
        self.choices = [self.task]

    def pieces(self, view: View) -> Iterator[Piece]:
        """The boxes of the chosen task."""
        made, name = view.session.new_zoos, view.chosen.get(self.task)
        key = (id(made), made.version, name)
        yield Piece(self._shown, key, partial(self._draw, made, name))

    def draw(self, made: NewZoos) -> Drawn:
        """The table of all tasks."""
        return {self.tasks: views.tasks(made.tasks, made.troubles, made.notes)}

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

        shown = [self.refused, page.timer]
        for key, box in (("rows", self.file), ("version", self.version)):
            asked = {"task": self.task, "value": box}
            page.tells(box.input, partial(change, key), asked, shown)
        for key, text in (("labels", self.labels), ("called", self.called)):
            asked = {"task": self.task, "value": text}
            page.tells([text.submit, text.blur], partial(change, key), asked, shown)
        asked = {"task": self.task, **{f"field_{at}": box for at, box in enumerate(self.fields)}}
        page.tells([box.input for box in self.fields], choose, asked, shown)
        page.tells(self.task.input, lambda session, task: page.awake, {"task": self.task}, shown)

    def _changed(self, page: Wiring, session: Session, task: str, what: dict) -> Drawn:
        try:
            session.new_zoos.change(task or "", **what)
        except StudioError as error:
            return {self.refused: refusal(told(error))}
        return {self.refused: "", **page.awake}

    def _draw(self, made: NewZoos, name: str | None) -> Drawn:
        name = name if name in made.tasks else next(iter(made.tasks), None)
        if name is None:
            return {self.task: gr.Dropdown([], value=None), self.preview: ""}
        task, table, columns = made.tasks[name], made.table(name), made.columns(name)
        versions = [each.folder.name for each in made.members[name].versions]
        files = [("none: no accuracy", ""), *((each, each) for each in made.tables())]
        own = str(next(iter(task.files.values()), ""))
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
            self.called: task.name,
            self.version: gr.Dropdown(
                versions, value=task.checkpoint.name, visible=len(versions) > 1
            ),
            self.file: gr.Dropdown(files, value=own),
            self.labels: ", ".join(task.labels or ()),
            self.preview: views.first_rows(table, columns),
            **fields,
        }
