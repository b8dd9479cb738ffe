"""The push in the Files tab, in a real browser: hidden, refused, and through to a stand-in."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from studio.hub.errand import Hub
from tests.browser.conftest import at_rest
from tests.hub.stand_in import TOKEN, served
from tests.hub.test_push import OLD

pytestmark = pytest.mark.browser
PHONE = {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"}


def open_push(page) -> None:
    page.reload(wait_until="domcontentloaded")
    at_rest(page)
    page.get_by_role("tab", name="Files").click()
    expect(page.locator("#forecast")).to_be_visible()
    page.get_by_role("button", name="Push to the Hub ").first.click()
    expect(page.get_by_label("As (owner/name, a new repository)")).to_be_visible()


@pytest.fixture
def login(monkeypatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)


def test_without_a_login_there_is_no_push(page, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "none"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    page.reload(wait_until="domcontentloaded")
    at_rest(page)
    page.get_by_role("tab", name="Files").click()
    expect(page.locator("#forecast")).to_be_visible()
    expect(page.locator("#push-form")).to_be_hidden()


@pytest.mark.parametrize("page", [{}, PHONE], indirect=True)
def test_a_push_goes_through_and_shows_no_login(page, engine, jobs, login, tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "hub", Hub())
    monkeypatch.setattr(engine, "roots", (*engine.roots, OLD.resolve()))
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    with served() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        open_push(page)
        assert Axe().run(page, context="#push-form").response["violations"] == []
        page.get_by_label("Folder of an export or a bundle").fill(str(OLD / "merged"))
        page.get_by_label("As (owner/name, a new repository)").fill("desk/mix")
        page.locator("#push").click()
        expect(page.locator("#pushed")).to_contain_text(f"{hub.url}/desk/mix")
        expect(page.locator("#pushed a")).to_have_attribute("href", f"{hub.url}/desk/mix")
        assert "model.safetensors" in hub.models["desk/mix"].files
    assert TOKEN not in page.content()
    width = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert width <= 0


def test_offline_it_says_what_to_do(page, engine, login, monkeypatch):
    monkeypatch.setattr(engine, "hub", Hub(forbidden=True))
    open_push(page)
    page.locator("#push").click()
    expect(page.locator("#push-refusal")).to_contain_text("Restart it without --offline")
