"""The New zoo tab: models are found in folders, joined with tables, checked, written and opened."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import gradio as gr
from gradio.blocks import Block

from studio.device import free_memory
from studio.errors import StudioError
from studio.new_zoo.cost import make_cost
from studio.session.engine import Engine
from studio.session.jobs import JobState
from studio.session.new_zoo import FETCH, SAVE, SEARCH, NewZoos
from studio.session.row_looks import Draws
from studio.session.session import Session
from studio.ui.browsers import session_of
from studio.ui.components import BARE, static
from studio.ui.part import PagePart
from studio.ui.remedies import told
from studio.ui.tabs.new_rows import RowsForm
from studio.ui.tabs.training import TrainingForm
from studio.ui.view import Drawn, Piece, View
from studio.ui.views import new_zoo as views
from studio.ui.views.notices import refusal, refused
from studio.ui.wiring import QUIET, Wiring

_INTRO = (
    "<p>Merge models of your own: point at the folders that your training has written. Nothing is "
    "changed there; the new zoo is a small folder beside them.</p>"
)


class NewZooTab(PagePart):
    """Three steps: find models, give each its rows, write the zoo and open it."""

    title = "New zoo"
    writes = True

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.rows = RowsForm(engine)
        self.home = engine.roots[-1]  # before a dialog or a drop lets others in
        self.training = TrainingForm(engine, self.home)

    def build(self) -> None:
        """Lay out the three steps."""
        gr.HTML(_INTRO, **BARE)
        gr.Markdown("### 1 · Models", elem_classes="step")
        self.places = gr.Textbox(
            value=str(self.home),
            label="Folders, searched with all below them, or ids of the Hub; one a line",
            lines=2, elem_id="new-places",
        )  # fmt: skip
        self.choose = gr.Button("Choose a folder …", size="sm", elem_id="new-choose", visible=False)
        self.drop_in = gr.File(
            label="Or drop an adapter (its two files) or tables here", file_count="multiple",
            elem_id="new-drop-in", height=132,
        )  # fmt: skip
        self.base = gr.Textbox(
            label="Base (empty: find it out)", elem_id="new-base", placeholder="folder or hub id"
        )
        self.search = gr.Button("Search", variant="primary", elem_id="new-search")
        copy = static("copy.js")
        self.refused = gr.HTML(**BARE, elem_id="new-refused", js_on_load=copy)
        self.searched = gr.HTML(**BARE, elem_id="new-searched")
        self.stop_search = gr.Button("Cancel", size="sm", visible=False, elem_id="new-stop-search")
        self.remote = gr.HTML(**BARE)
        self.fetch = gr.Button("Fetch from the Hub", visible=False, elem_id="new-fetch")
        self.found = gr.HTML(**BARE, elem_id="new-found")
        self.proposals = gr.Radio([], label="Which base", visible=False, elem_id="new-proposals")
        self.models = gr.CheckboxGroup([], label="Tasks", visible=False, elem_id="new-members")
        self.training.build()
        with gr.Column(visible=False) as self.later:
            gr.Markdown("### 2 · Rows", elem_classes="step")
            self.rows.build()
            gr.Markdown("### 3 · Write and open", elem_classes="step")
            self._ending()
        self.loaded = [self.places, self.base, self.choose, *self.training.loaded]
        self.outputs = [
            self.remote, self.fetch, self.found, self.proposals, self.models, self.later,
            self.folder, self.seed, self.drop, self.searched, self.stop_search, self.ended,
            self.stop_save, self.cost,
            *self.rows.outputs, *self.training.outputs,
        ]  # fmt: skip
        self.choices = [*self.rows.choices, *self.training.choices]

    def _ending(self) -> None:
        with gr.Row():
            self.name = gr.Textbox(label="Name", elem_id="new-name", placeholder="of the folder")
            self.folder = gr.Textbox(label="A new folder for it", elem_id="new-folder")
            self.seed = gr.Number(0, label="Seed of the draws", precision=0, elem_id="new-seed")
        self.drop = gr.Checkbox(
            label="Leave rows that are in two splits out of all but the held-out one",
            elem_id="new-drop",
        )
        self.cost = gr.HTML(**BARE)
        self.save = gr.Button("Write the zoo and open it", variant="primary", elem_id="new-save")
        self.unsaved = gr.HTML(**BARE, elem_id="new-unsaved")
        self.ended = gr.HTML(**BARE, elem_id="new-ended", js_on_load=static("remedies.js"))
        self.stop_save = gr.Button("Cancel", size="sm", visible=False, elem_id="new-stop-save")

    def load(self, session: Session) -> Drawn:
        """Where the last search was; what is typed before a first one is left alone."""
        dialog, made = gr.Button(visible=self.engine.choose_folder is not None), session.new_zoos
        asked = {self.places: made.places, self.base: made.wanted} if made.places else {}
        return {self.choose: dialog, **asked, **self.training.load(session)}

    def pieces(self, view: View) -> Iterator[Piece]:
        """What was found and chosen."""
        if view.opened == self.title:
            made = view.session.new_zoos
            yield Piece("new zoo", (id(made), made.version), partial(self._draw, made))
            new = (id(made), id(made.proposal))  # a folder that was typed stays until then
            yield Piece("new folder", new, lambda: {self.folder: made.free_folder(self.home)})
            drawn = {self.seed: made.draws.seed, self.drop: made.draws.drop_leaks}
            yield Piece("new draws", (id(made), made.draws), lambda: drawn)
            yield Piece("new zoo's job", view.job, partial(self._tell, view.snapshot.job))
            yield from self.rows.pieces(view)
            yield from self.training.pieces(view)

    def wire(self, page: Wiring) -> None:
        """Connect the steps."""

        def search(session: Session, places: str, base: str) -> Drawn:
            try:
                session.new_zoos.start_search(places or "", base or "")
            except StudioError as error:
                return {self.refused: refused(error, "restart-text", self.engine.restart)}
            return {self.refused: "", **page.awake}

        def save(session: Session, name: str, folder: str, seed: float, drop: bool) -> None:
            session.new_zoos.start_save(name or "", folder or "", int(seed or 0), drop)

        self._wire_places(page)
        asked = {"places": self.places, "base": self.base}
        page.tells(self.search.click, search, asked, [self.refused, page.timer])
        page.starts(self.fetch.click, lambda session: session.new_zoos.start_fetch(), self.refused)
        asked = {"name": self.name, "folder": self.folder, "seed": self.seed, "drop": self.drop}
        page.starts(self.save.click, save, self.unsaved, asked)
        page.wakes([self.stop_search.click, self.stop_save.click], Session.cancel_job)
        shown = [self.refused, page.timer]

        def choose(session: Session, place: int) -> Drawn:
            return self._tried(page, lambda: session.new_zoos.choose(place))

        def take(session: Session, names: list[str]) -> Drawn:
            return self._tried(page, lambda: session.new_zoos.take(names))

        page.tells(self.proposals.input, choose, {"place": self.proposals}, shown)
        page.tells(self.models.input, take, {"names": self.models}, shown)
        self._wire_ending(page, shown)
        self.rows.wire(page)
        self.training.wire(page)

    def _wire_ending(self, page: Wiring, shown: Sequence[Block]) -> None:
        """Connect how rows are drawn, and what helps where a zoo could not be written."""

        def draw(session: Session, seed: float, drop: bool) -> Drawn:
            draws = Draws(int(seed or 0), bool(drop))
            return self._tried(page, lambda: session.new_zoos.draw(draws))

        def leave_out(request: gr.Request, event: gr.EventData) -> Drawn:
            made = session_of(self.engine, request).new_zoos
            clicked = event._data if isinstance(event._data, dict) else {}
            return self._tried(page, lambda: made.leave_out(str(clicked.get("task"))))

        asked = {"seed": self.seed, "drop": self.drop}
        page.tells([self.seed.submit, self.seed.blur, self.drop.input], draw, asked, shown)
        self.ended.click(leave_out, None, list(shown), **QUIET)

    def _wire_places(self, page: Wiring) -> None:
        """Connect what adds a folder to those that are searched."""

        def add(session: Session, places: str, folder: Callable[[], str]) -> Drawn:
            try:
                new = folder()
            except StudioError as error:
                return {self.drop_in: None, self.refused: refusal(told(error))}
            lines = [*(places or "").splitlines(), *([new] if new else [])]
            return {self.drop_in: None, self.refused: "", self.places: "\n".join(lines).strip()}

        def ask(session: Session, places: str) -> Drawn:
            return add(session, places, session.new_zoos.ask_for_folder)

        def drop(session: Session, places: str, files: list[str] | None) -> Drawn:
            return add(session, places, lambda: session.new_zoos.drop(files or []))

        shown = [self.places, self.drop_in, self.refused]
        page.tells(self.choose.click, ask, {"places": self.places}, shown)
        asked = {"places": self.places, "files": self.drop_in}
        page.tells(self.drop_in.upload, drop, asked, shown)

    def _tried(self, page: Wiring, act: Callable[[], None]) -> Drawn:
        try:
            act()
        except StudioError as error:
            return {self.refused: refusal(told(error))}
        return {self.refused: "", **page.awake}

    def _tell(self, job: JobState | None) -> Drawn:
        """The search and the writing, beside the button that started each."""
        search = job if job and job.name in (SEARCH, FETCH) else None
        save = job if job and job.name == SAVE else None
        return {
            self.searched: views.job(search),
            self.stop_search: gr.Button(visible=bool(search and search.running)),
            self.ended: views.job(save),
            self.stop_save: gr.Button(visible=bool(save and save.running)),
        }

    def _draw_cost(self, made: NewZoos) -> str:
        work = made.work()
        return views.cost(make_cost(work) if work else None, free_memory())

    def _draw(self, made: NewZoos) -> Drawn:
        proposal, members = made.proposal, made.members
        proposals = [(views.proposal_name(each), at) for at, each in enumerate(made.proposals)]
        ticked = [(views.member_name(member), name) for name, member in members.items()]
        return {
            self.remote: views.remote(made.remote, made.remote_fits),
            self.fetch: gr.Button(visible=bool(made.remote)),
            self.found: views.found(made.found, proposal),
            self.proposals: gr.Radio(
                proposals, value=made.chosen if proposals else None, visible=len(proposals) > 1
            ),
            self.models: gr.CheckboxGroup(ticked, value=list(made.tasks), visible=bool(ticked)),
            self.later: gr.Column(visible=bool(made.tasks)),
            self.cost: self._draw_cost(made),
            **self.rows.draw(made),
        }
