"""The words zoo writes on the page: four answers, stopped, asked again after a move, reloaded."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Page, expect

from studio.demo import ASSETS
from studio.session.engine import Engine
from studio.session.live_steps import LiveSteps
from studio.session.session import Session
from studio.ui.hosts import Hosts
from studio.ui.launch import start
from tests.browser.conftest import another_browser

pytestmark = pytest.mark.browser
READER = "2" * 32
MODELS = ("base", "expert", "before", "now")


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    zoo: Path = ASSETS / "words-zoo"
    opened = Engine(zoo, (zoo,), torch.device("cpu"), tmp_path_factory.mktemp("ledger"))
    opened.start()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def url(engine: Engine) -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return start(engine, Hosts(), port, None, browser=False)


@pytest.fixture(scope="module")
def session(engine: Engine) -> Session:
    return engine.session(READER)


@pytest.fixture
def page(profile, url) -> Iterator[Page]:
    with another_browser(profile, url, READER) as tab:
        errors: list[str] = []
        tab.on("pageerror", lambda error: errors.append(str(error)))
        tab.goto(url, wait_until="domcontentloaded")
        tab.locator("#mix-0").wait_for()
        tab.get_by_role("tab", name="Results").click()
        yield tab
        assert errors == []


def answer(page: Page, model: str):
    return page.locator(f"#answer-{model} .answer")


def ended(page: Page, session: Session) -> dict[str, str]:
    """What the page shows once nothing more is written; it is what the session holds."""
    for model in MODELS:
        done = f"#answer-{model} [data-state=full], #answer-{model} [data-state=ended]"
        page.locator(done).wait_for()
    held = {each.model: each.written for each in session.writings.answers()}
    for model in MODELS:
        own = held[model]
        assert own is not None
        shown = own.text.replace("\n", "↵\n") + ("∎" if own.ending == "ended" else "")
        assert page.locator(f"#answer-{model} .said").text_content() == shown
    return {model: str(page.locator(f"#answer-{model} .said").text_content()) for model in MODELS}


def test_four_models_answer_a_prompt_and_after_a_move_only_the_mix_is_asked(page, session):
    page.locator("#prompt textarea").fill("The king is ")
    page.get_by_role("button", name="Write", exact=True).click()
    first = ended(page, session)
    assert len(set(first.values())) >= 3
    for model in ("base", "expert"):  # a node that is drawn again is another
        answer(page, model).evaluate("node => { node.kept = true; }")
    page.locator("#mix-0").fill("1.4")
    expect(page.locator("#answer-now .said")).not_to_have_text(first["now"])
    second = ended(page, session)
    assert {model for model in MODELS if second[model] != first[model]} == {"now"}
    assert second["before"] == first["now"]
    for model in ("base", "expert"):
        assert answer(page, model).evaluate("node => node.kept === true")
    marked = page.locator("#answer-now mark").first
    assert str(marked.get_attribute("title")).endswith("%")
    page.locator("#answer-now summary").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#answer-now .shares li").first).to_be_visible()
    page.reload(wait_until="domcontentloaded")
    page.get_by_role("tab", name="Results").click()
    assert ended(page, session) == second
    expect(page.locator("#prompt textarea")).to_have_value("The king is ")


def test_a_row_fills_the_prompt_and_stop_leaves_what_was_written(page, session, monkeypatch):
    stopped, really = threading.Event(), LiveSteps.write

    def write(self, recipe, asked):
        known = self._results.written(recipe, asked)
        if known is not None and len(known.pieces) == 3:
            stopped.wait(60)
        really(self, recipe, asked)

    monkeypatch.setattr(LiveSteps, "write", write)
    page.get_by_label("Prompt from a row").click()
    page.locator("li[role=option]").nth(1).click()
    expect(page.locator("#answer-now [data-state=going] .said")).not_to_be_empty()
    assert session.writings.asked is not None
    expect(page.locator("#prompt textarea")).to_have_value(session.writings.asked.text)
    assert session.writings.asked.text == session.writings.openings()[1]
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#answer-now [data-state=stopped]")).to_contain_text("Stopped after")
    stopped.set()
    expect(page.locator("#answer-base [data-state=stopped]")).to_contain_text(
        "Stopped before its first token."
    )
    expect(page.get_by_role("button", name="Stop")).to_be_disabled()
    page.get_by_role("button", name="Write", exact=True).click()
    ended(page, session)
