"""An answer costs what it changes, and says the same as gradio's own would."""

import asyncio

import gradio as gr
import pytest
from gradio.state_holder import SessionState

from studio.ui.sparing import SparingBlocks


def page(kind):
    with kind() as blocks:
        text, button, kept = gr.HTML("before"), gr.Button("Go"), gr.State(1)
        shown = [text, button, gr.Dropdown(["a"]), kept, gr.HTML()]
        gr.on(button.click, lambda: None, None, shown)
    (event,) = blocks.fns.values()
    return blocks, event, shown


def answered(kind, answer):
    blocks, event, shown = page(kind)
    told = asyncio.run(blocks.postprocess_data(event, answer(shown), SessionState(blocks)))
    for each in told:  # gradio's own HTML says of nothing that its props are nothing
        if isinstance(each, dict) and each.get("props") == gr.skip():
            del each["props"]
    return [gr.skip() if each is None else each for each in told]  # a state tells the page nothing


@pytest.mark.parametrize(
    "answer",
    [
        lambda shown: {shown[0]: "after"},
        lambda shown: {shown[4]: "after", shown[1]: gr.Button(interactive=False)},
        lambda shown: {shown[3]: 2, shown[2]: gr.Dropdown(["a", "b"], value="b")},
        lambda shown: gr.skip(),
        lambda shown: ["after", "Go", "a", 3, "too"],
    ],
)
def test_the_answer_is_gradio_s_own(answer):
    assert answered(SparingBlocks, answer) == answered(gr.Blocks, answer)


def test_nothing_is_built_anew_of_what_the_answer_does_not_name(monkeypatch):
    built = []
    blocks, event, shown = page(SparingBlocks)
    monkeypatch.setattr(gr.Dropdown, "__init__", lambda *_, **__: built.append(1))
    state = SessionState(blocks)
    asyncio.run(blocks.postprocess_data(event, {shown[0]: "after"}, state))
    assert not built


def test_a_component_that_is_no_output_is_refused_as_gradio_refuses_it():
    with pytest.raises(ValueError, match="not specified as output"):
        answered(SparingBlocks, lambda shown: {gr.HTML(): "x", shown[0]: "y"})
