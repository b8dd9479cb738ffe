"""One studio on the tiny zoo, one fresh browser profile per test; waits on state, not on time."""

import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Page, Playwright, expect, sync_playwright

from studio.session.engine import Engine
from studio.session.jobs import Jobs
from studio.session.mix import Mix
from studio.session.session import Session
from studio.ui.parts import COOKIE

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage",
]  # fmt: skip
HARMLESS = ("svelte-i18n", "AbortError", "Connection errored out", "GL Driver Message")


BROWSER = "0" * 32  # the id that every fresh profile is given, so that tests find its session


@pytest.fixture(scope="session")
def engine(tiny_zoo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    opened = Engine(tiny_zoo, (tiny_zoo, tmp_path_factory.getbasetemp()), torch.device("cpu"))
    opened.start()
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def session(engine: Engine) -> Session:
    return engine.session(BROWSER)


@pytest.fixture
def jobs(session: Session) -> Iterator[Jobs]:
    """The studio's jobs; none is left running or shown afterwards."""
    jobs = session.engine.jobs
    yield jobs
    jobs.cancel()
    while (state := jobs.state) and state.running:
        time.sleep(0.02)
    jobs.dismiss()


@pytest.fixture(scope="session")
def url(engine: Engine) -> str:
    from studio.ui.launch import start

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return start(engine, "127.0.0.1", port, None, browser=False)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(params=[{}])
def page(
    playwright: Playwright, url: str, session: Session, request: pytest.FixtureRequest
) -> Iterator[Page]:
    """The page, loaded and at rest. Parametrize indirectly to pass context options."""
    assert CHROMIUM, "chromium is not installed; .ci/run installs it"
    session.edit("reset")
    session.edit("pin")
    options = {"viewport": {"width": 1280, "height": 900}} | request.param
    with tempfile.TemporaryDirectory() as profile:
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=CHROMIUM, headless=True, args=FLAGS, reduced_motion="reduce",
            **options,
        )  # fmt: skip
        context.set_default_timeout(60_000)
        expect.set_options(timeout=60_000)
        context.add_cookies([{"name": COOKIE, "value": BROWSER, "url": url}])
        tab, outside, errors = context.pages[0], [], []

        def guard(route):
            if route.request.url.startswith((url, "data:", "blob:")):
                route.continue_()
            else:
                outside.append(route.request.url)
                route.abort()

        context.route("**/*", guard)
        tab.on("pageerror", lambda error: errors.append(str(error)))
        tab.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        tab.goto(url, wait_until="domcontentloaded")
        at_rest(tab)
        yield tab
        context.close()
    assert outside == [], "the page asked another host"
    assert [e for e in errors if not any(h in e for h in HARMLESS)] == []


def settled(page: Page, session: Session, mix: Callable[[Mix], bool]) -> None:
    """Wait until the session holds such a mix and the page shows it whole."""
    for _ in range(600):
        if mix(session.mix):
            break
        page.wait_for_timeout(100)
    assert mix(session.mix), session.mix
    digest = session.snapshot().recipe.digest
    expect(page.locator("#stamp")).to_have_attribute("data-recipe", digest)
    at_rest(page)


def at_rest(page: Page) -> None:
    """Wait until nothing more is coming."""
    expect(page.locator("#mix-0")).to_be_visible()
    expect(page.locator("#stamp")).to_have_attribute("data-busy", "0")
