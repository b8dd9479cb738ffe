"""The writing in the Results tab: a prompt that four models go on with, side by side."""

from collections.abc import Iterator
from functools import partial

import gradio as gr

from studio.errors import StudioError
from studio.session.session import Session
from studio.session.writing import Answer
from studio.tasks.kinds.writing import Manner
from studio.ui.boxes import number_in, whole_in
from studio.ui.components import BARE
from studio.ui.part import PagePart
from studio.ui.remedies import told
from studio.ui.view import Drawn, Piece, View
from studio.ui.views.notices import refusal
from studio.ui.views.writing import CAPTION, TITLES, answer
from studio.ui.wiring import Wiring


class WritingSection(PagePart):
    """A prompt, how it is gone on with, and the answers; hidden where no model writes."""

    def build(self) -> None:
        """Lay out the section."""
        with gr.Column(visible=False) as self.section:
            gr.HTML("<h3>See the models write</h3>", **BARE)
            with gr.Row():
                self.task = gr.Dropdown([], label="Expert", elem_id="write-task", min_width=140)
                self.opening = gr.Dropdown(
                    [], label="Prompt from a row", elem_id="write-opening", min_width=200,
                    allow_custom_value=True,
                )  # fmt: skip
            self.prompt = gr.Textbox(
                label="Prompt", lines=2, elem_id="prompt", placeholder="Type how a text begins"
            )
            self._build_manner()
            with gr.Row():
                self.write = gr.Button("Write", variant="primary", elem_id="write")
                self.stop = gr.Button("Stop", elem_id="stop-writing", interactive=False)
            self.refusal = gr.HTML(**BARE, elem_id="writing-refusal")
            with gr.Row(elem_classes="answers"):
                self.answers = {each: gr.HTML(**BARE, elem_id=f"answer-{each}") for each in TITLES}
            self.caption = gr.HTML(**BARE, elem_id="writing-caption")
        boxes = [self.task, self.opening, self.prompt, self.most, self.temperature, self.seed]
        self.loaded = [self.section, *boxes]
        self.outputs = [
            self.section, self.task, self.opening, self.stop, self.caption, *self.answers.values(),
        ]  # fmt: skip

    def _build_manner(self) -> None:
        usual = Manner()
        with gr.Row():
            self.most = gr.Number(
                usual.most, label="Tokens to write", precision=0, min_width=110,
                elem_id="write-most",
            )  # fmt: skip
            self.temperature = gr.Number(
                usual.temperature, label="Temperature (0: the likeliest)", min_width=110,
                elem_id="write-temperature", step=0.1,
            )  # fmt: skip
            self.seed = gr.Number(
                usual.seed, label="Seed", precision=0, min_width=110, elem_id="write-seed"
            )

    def load(self, session: Session) -> Drawn:
        """The prompt and its manner, as this browser left them."""
        asked, drawn = session.writings.asked, self._draw_tasks(session)
        if asked is None:
            return drawn
        manner = asked.manner
        boxes = {self.most: manner.most, self.temperature: manner.temperature}
        return {**drawn, **boxes, self.seed: manner.seed, self.prompt: asked.text}

    def pieces(self, view: View) -> Iterator[Piece]:
        """Whether anybody writes, and each model's answer by itself."""
        session, writings = view.session, view.session.writings
        tasks = view.snapshot.zoo.name, tuple(writings.tasks)
        yield Piece("writers", tasks, partial(self._draw_tasks, session))
        answers = writings.answers()
        going = any(each.going for each in answers)
        yield Piece("writing-stop", going, lambda: {self.stop: gr.Button(interactive=going)})
        caption = f"<p class='quiet'>{CAPTION}</p>" if answers else ""
        yield Piece("writing-caption", bool(answers), lambda: {self.caption: caption})
        shown = answers or [None] * len(TITLES)
        for model, own, beside in zip(TITLES, shown, [None, *shown], strict=False):
            key = own, beside, writings.task
            yield Piece(f"writing-{model}", key, partial(self._draw, model, *key))

    def wire(self, page: Wiring) -> None:
        """Connect the prompt, its manner and the expert."""
        asked = {
            "text": self.prompt, "task": self.task, "most": self.most,
            "temperature": self.temperature, "seed": self.seed,
        }  # fmt: skip

        def ask(
            session: Session, text: str, task: str, most: object, temperature: object, seed: object
        ) -> Drawn:
            try:
                manner = Manner(
                    whole_in(most, "Tokens"), number_in(temperature, "Temperature"),
                    whole_in(seed, "Seed"),
                )  # fmt: skip
                session.writings.ask(text, task, manner)
            except StudioError as error:
                return {self.refusal: refusal(told(error))}
            return {self.refusal: "", **page.awake}

        def fill(session: Session, row: str) -> Drawn:
            return {self.prompt: row}

        def choose(session: Session, task: str) -> Drawn:
            session.writings.choose(task)
            return {self.opening: self._openings(session), **page.awake}

        shown = [self.refusal, page.timer]
        page.tells([self.write.click, self.prompt.submit], ask, asked, shown).then(**page.look)
        of_row = asked | {"text": self.opening}
        page.tells(self.opening.input, ask, of_row, shown).then(**page.look)
        page.tells(self.opening.input, fill, {"row": self.opening}, [self.prompt])
        page.tells(self.task.input, choose, {"task": self.task}, [self.opening, page.timer]).then(
            **page.look
        )
        page.wakes(self.stop.click, lambda session: session.writings.stop())

    def _draw_tasks(self, session: Session) -> Drawn:
        tasks, task = list(session.writings.tasks), session.writings.task
        return {
            self.section: gr.Column(visible=bool(tasks)),
            self.task: gr.Dropdown(tasks, value=task or None),
            self.opening: self._openings(session),
        }

    def _openings(self, session: Session) -> gr.Dropdown:
        found = session.writings.openings()
        return gr.Dropdown([(" ".join(each.split()), each) for each in found], value=None)

    def _draw(self, model: str, own: Answer | None, beside: Answer | None, task: str) -> Drawn:
        return {self.answers[model]: answer(own, beside, task) if own else ""}
