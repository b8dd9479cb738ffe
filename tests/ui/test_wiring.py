"""What a control does to a session, and what the page answers."""

from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from studio.errors import StudioError
from studio.ui.wiring import Wiring


class Desk:
    """A button, two boxes and a line, wired to a session that only remembers."""

    def __init__(self) -> None:
        self.session: Any = SimpleNamespace(done=[], places=[])
        place = lambda *place: self.session.places.append(place)  # noqa: E731
        self.session.context = SimpleNamespace(jobs=SimpleNamespace(place=place))
        engine: Any = SimpleNamespace(session=lambda browser: self.session)
        with gr.Blocks() as self.blocks:
            self.one, self.two, self.button = gr.Number(), gr.Number(), gr.Button()
            self.line, self.timer, self.mix = gr.HTML(), gr.Timer(), gr.HTML()
            with gr.Tabs() as self.tabs, gr.Tab("Files", id="Files"), gr.Row():
                self.inner = gr.Button(elem_id="export")
            self.opened = gr.State("")
            look = {"fn": lambda: None, "inputs": None, "outputs": self.line}
            self.wiring = Wiring(
                engine, self.timer, self.tabs, self.opened, self.mix, [self.mix, self.timer],
                self._edit, look, look,
            )  # fmt: skip

    def _edit(self, session: Any, change) -> dict:
        change()
        return {self.mix: session.done[-1]}

    def press(self, *values: object, inner: bool = False) -> Any:
        pressed = self.inner if inner else self.button
        called = next(
            each for each in self.blocks.fns.values() if (pressed._id, "click") in each.targets
        )
        assert called.fn
        return called.fn(None, *values)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_what_is_asked_is_handed_on_by_name(desk):
    def answer(session, first, second):
        return {desk.line: first - second}

    with desk.blocks:
        asked = {"second": desk.two, "first": desk.one}
        desk.wiring.tells(desk.button.click, answer, asked, [desk.line])
    assert desk.press(2, 5) == {desk.line: 3}


def test_an_answer_of_nothing_leaves_everything_as_it_is(desk):
    with desk.blocks:
        desk.wiring.tells(desk.button.click, lambda session: {}, {}, [desk.line])
    assert desk.press() == gr.skip()


def test_a_job_that_cannot_start_says_why_and_one_that_can_opens_its_tab(desk):
    def start(session, number):
        if number < 0:
            raise StudioError("Too <few>.")

    with desk.blocks:
        desk.wiring.starts(
            desk.button.click, start, desk.line, {"number": desk.one}, opens="Compare"
        )
    refused, started = desk.press(-1), desk.press(1)
    assert list(refused) == [desk.line]
    assert "Too &lt;few&gt;." in refused[desk.line]
    assert started[desk.line] == ""
    assert started[desk.timer].active
    assert started[desk.opened] == started[desk.tabs].selected == "Compare"
    assert desk.session.places == [("Compare", f"component-{desk.button._id}")]


def test_a_job_remembers_the_tab_and_the_control_that_started_it(desk):
    with desk.blocks:
        for button in (desk.inner, desk.button):
            desk.wiring.starts([button.click], lambda session: None, desk.line)
    desk.press(inner=True)
    desk.press()
    assert desk.session.places == [("Files", "export"), ("", f"component-{desk.button._id}")]


def test_a_choice_wakes_the_page_and_an_edit_draws_the_mix(desk):
    with desk.blocks:
        desk.wiring.wakes(desk.button.click, lambda session, n: session.done.append(n),
                          {"n": desk.one})  # fmt: skip
    drawn = desk.press(3)
    assert (desk.session.done, list(drawn), drawn[desk.timer].active) == ([3], [desk.timer], True)
    other = Desk()
    with other.blocks:
        other.wiring.edits(other.button.click, lambda session: session.done.append("mix"))
    drawn = other.press()
    assert drawn[other.mix] == "mix"
    assert drawn[other.timer].active
