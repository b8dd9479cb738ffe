"""Train experts: offered by New zoo where there are a base and labelled rows, and no experts."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import gradio as gr

from studio.device import free_memory
from studio.errors import StudioError
from studio.session.engine import Engine
from studio.session.jobs import JobState
from studio.session.session import Session
from studio.session.training import LOOK, TRAIN, Trainings
from studio.training.course import Course
from studio.ui.components import BARE
from studio.ui.part import PagePart
from studio.ui.remedies import told
from studio.ui.view import Drawn, Piece, View
from studio.ui.views import training as views
from studio.ui.views.new_zoo import job as job_view
from studio.ui.views.notices import refusal
from studio.ui.wiring import Wiring

_INTRO = (
    "<p>There are a base and tables, and no experts: they can be trained here, one for each task. "
    "Every expert is compared, on rows that it never saw, with a head alone on the untouched base. "
    "What is trained is kept: cancelled or cut off, it goes on when it is started again.</p>"
)
_WHAT = [("a small adapter (LoRA)", False), ("all weights", True)]
_GO, _GO_ON = "Train, write the zoo and open it", "Go on with the training"


class TrainingForm(PagePart):
    """Which tasks, how they are trained, what that takes, and how it goes."""

    def __init__(self, engine: Engine, home: Path) -> None:
        super().__init__(engine)
        self.home = home

    def build(self) -> None:
        """Lay out the choices, the two buttons and what they tell."""
        with gr.Column(visible=False) as self.whole:
            gr.Markdown("### 2 · Train experts", elem_classes="step")
            gr.HTML(_INTRO, **BARE)
            self.tasks = gr.CheckboxGroup([], label="Tasks", elem_id="train-tasks")
            self._settings()
            self.look = gr.Button("Look at the rows and the cost", elem_id="train-look")
            self.refused = gr.HTML(**BARE, elem_id="train-refused")
            self.looked = gr.HTML(**BARE, elem_id="train-looked")
            self.rows = gr.HTML(**BARE)
            self.cost = gr.HTML(**BARE)
            self.folder = gr.Textbox(label="A new folder for the zoo", elem_id="train-folder")
            self.train = gr.Button(_GO, variant="primary", elem_id="train-start")
            self.unstarted = gr.HTML(**BARE)
            self.ended = gr.HTML(**BARE, elem_id="train-ended")
            self.stop = gr.Button("Cancel", size="sm", visible=False, elem_id="train-stop")
            self.curves = gr.HTML(**BARE, elem_id="train-curves")
        self.outputs = [
            self.whole, self.tasks, self.looked, self.rows, self.cost, self.folder, self.train,
            self.ended, self.stop, self.curves,
        ]  # fmt: skip
        self.choices = [self.folder]
        self.loaded = list(self.settings.values())

    def _settings(self) -> None:
        usual = Course()
        with gr.Row():
            self.kind = gr.Radio(_WHAT, value=usual.whole, label="Trained is", elem_id="train-what")
            self.epochs = _number(usual.epochs, "Passes over the rows, at most", "train-epochs")
            self.rate = gr.Textbox(
                label="Learning rate (empty: 2e-4 of an adapter, 2e-5 of all weights)",
                elem_id="train-rate",
            )
        with gr.Row():
            self.rank = _number(usual.rank, "LoRA rank", "train-rank")
            self.batch = _number(usual.batch, "Rows of a step", "train-batch")
            self.patience = _number(
                usual.patience, "Checks without a better loss until it ends", "train-patience"
            )
            self.seed = _number(usual.seed, "Seed", "train-seed")
        self.settings = {
            "whole": self.kind, "epochs": self.epochs, "rate": self.rate, "rank": self.rank,
            "batch": self.batch, "patience": self.patience, "seed": self.seed,
        }  # fmt: skip

    def load(self, session: Session) -> Drawn:
        """The settings as this browser left them."""
        course = session.trainings.course
        drawn: Drawn = {box: getattr(course, name) for name, box in self.settings.items()}
        return {**drawn, self.rate: "" if course.rate is None else f"{course.rate:g}"}

    def pieces(self, view: View) -> Iterator[Piece]:
        """What is offered, what was looked at, and how the training goes."""
        made, folder = view.session.trainings, str(view.chosen.get(self.folder) or "")
        found = view.session.new_zoos
        key = (id(found), found.version, made.version)
        yield Piece("training", key, partial(self._draw, made))
        new = (id(found.proposal), made.offered)
        yield Piece("training's folder", new, lambda: {self.folder: made.free_folder(self.home)})
        state = (view.job, folder)
        yield Piece("training's job", state, partial(self._tell, made, view.snapshot.job, folder))

    def wire(self, page: Wiring) -> None:
        """Connect the choices and the two buttons."""

        def choose(session: Session, tasks: list[str]) -> Drawn:
            return self._tried(page, partial(session.trainings.choose, tuple(tasks or ())))

        def change(session: Session, **given: object) -> Drawn:
            return self._tried(page, partial(session.trainings.set_course, _read(given)))

        def look(session: Session, seed: float) -> None:
            session.trainings.start_look(int(seed or 0))

        def train(session: Session, folder: str, seed: float, **given: object) -> None:
            session.trainings.set_course(_read(given | {"seed": seed}))
            session.trainings.start_training(folder or "", int(seed or 0))

        shown = [self.refused, page.timer]
        page.tells(self.tasks.input, choose, {"tasks": self.tasks}, shown)
        numbers = [self.epochs, self.rank, self.batch, self.patience, self.seed, self.rate]
        events = [self.kind.input, *(box.blur for box in numbers), *(x.submit for x in numbers)]
        page.tells(events, change, self.settings, shown)
        page.starts(self.look.click, look, self.refused, {"seed": self.seed})
        page.starts(
            self.train.click, train, self.unstarted, {"folder": self.folder, **self.settings}
        )
        page.wakes([self.stop.click], Session.cancel_job)

    def _tried(self, page: Wiring, act: partial) -> Drawn:
        try:
            act()
        except StudioError as error:
            return {self.refused: refusal(told(error))}
        return {self.refused: "", **page.awake}

    def _draw(self, made: Trainings) -> Drawn:
        seen = made.seen if made.seen and made.seen.names == made.names else None
        return {
            self.whole: gr.Column(visible=made.offered),
            self.tasks: gr.CheckboxGroup(list(made.tables), value=list(made.names)),
            self.rows: views.rows(seen.rows if seen else None),
            self.cost: views.cost(made.cost(), free_memory()),
            self.curves: views.curves(made.checks, made.trained, made.compared),
        }

    def _tell(self, made: Trainings, job: JobState | None, folder: str) -> Drawn:
        look = job if job and job.name == LOOK else None
        train = job if job and job.name == TRAIN else None
        return {
            self.looked: job_view(look),
            self.ended: job_view(train),
            self.stop: gr.Button(visible=bool(train and train.running)),
            self.train: gr.Button(_GO_ON if made.goes_on(folder) else _GO),
        }


def _number(value: int, label: str, element: str) -> gr.Number:
    return gr.Number(value, label=label, precision=0, elem_id=element, min_width=120)


def _read(given: dict[str, object]) -> dict[str, object]:
    """Settings as a course takes them: an empty box is the usual."""
    return {key: each for key, each in given.items() if each not in (None, "")}
