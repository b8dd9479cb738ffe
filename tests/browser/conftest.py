"""One studio on the tiny zoo, one browser, emptied for each test; waits on state, not on time."""

import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from playwright.sync_api import (
    BrowserContext,
    Page,
    Playwright,
    Request,
    ViewportSize,
    expect,
    sync_playwright,
)

from studio.session.engine import Engine
from studio.session.jobs import Jobs
from studio.session.mix import Mix
from studio.session.session import Session
from studio.ui.browsers import COOKIE

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PUBLIC = "merge.test"  # a name that tests' proxies are reached by
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage",
    f"--host-resolver-rules=MAP {PUBLIC} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, "
    "EXCLUDE localhost",
]  # fmt: skip
DESKTOP: ViewportSize = {"width": 1280, "height": 900}
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
    from studio.ui.hosts import Hosts
    from studio.ui.launch import start

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return start(engine, Hosts(), port, None, browser=False)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def profile(playwright: Playwright) -> Iterator[BrowserContext]:
    """One browser for all tests, which need not read the page's programs anew each time."""
    assert CHROMIUM, "chromium is not installed; .ci/run installs it"
    with tempfile.TemporaryDirectory() as folder:
        context = playwright.chromium.launch_persistent_context(
            folder, executable_path=CHROMIUM, headless=True, args=FLAGS, reduced_motion="reduce",
            viewport=DESKTOP,
        )  # fmt: skip
        context.set_default_timeout(60_000)
        expect.set_options(timeout=60_000)
        yield context
        context.close()


@contextmanager
def another_browser(
    profile: BrowserContext, url: str, browser: str, own_certificate: bool = False
) -> Iterator[Page]:
    """An empty tab of a browser that shares nothing with the tests' own."""
    assert profile.browser
    context = profile.browser.new_context(
        reduced_motion="reduce", ignore_https_errors=own_certificate
    )
    context.set_default_timeout(60_000)
    if browser:
        context.add_cookies([{"name": COOKIE, "value": browser, "url": url}])
    yield context.new_page()
    context.close()


@pytest.fixture(params=[{}])
def page(
    profile: BrowserContext, url: str, session: Session, request: pytest.FixtureRequest
) -> Iterator[Page]:
    """The page, loaded and at rest, in a browser that remembers nothing but programs.

    Parametrize indirectly to pass a viewport, a color scheme or permissions.
    """
    session.edit("reset")
    session.edit("pin")
    tab, outside, errors = profile.new_page(), [], []
    profile.new_cdp_session(tab).send(
        "Storage.clearDataForOrigin", {"origin": url.rstrip("/"), "storageTypes": "all"}
    )
    profile.clear_cookies()
    profile.add_cookies([{"name": COOKIE, "value": BROWSER, "url": url}])
    profile.grant_permissions(request.param.get("permissions", []))
    tab.set_viewport_size(request.param.get("viewport", DESKTOP))
    tab.emulate_media(color_scheme=request.param.get("color_scheme", "light"))

    def watch(asked: Request) -> None:
        if not asked.url.startswith((url, "data:", "blob:")):
            outside.append(asked.url)

    profile.on("request", watch)
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    tab.goto(url, wait_until="domcontentloaded")
    at_rest(tab)
    yield tab
    for each in profile.pages:
        each.close()
    profile.remove_listener("request", watch)
    profile.clear_permissions()
    assert outside == [], "the page asked another host"
    assert [e for e in errors if not any(h in e for h in HARMLESS)] == []


def settled(page: Page, session: Session, mix: Callable[[Mix], bool]) -> None:
    """Wait until the session holds such a mix and the page shows it whole."""
    for _ in range(3000):
        if mix(session.mix):
            break
        page.wait_for_timeout(20)
    assert mix(session.mix), session.mix
    digest = session.snapshot().recipe.digest
    page.locator(f"#stamp[data-recipe='{digest}']").wait_for(state="attached")
    at_rest(page)


def at_rest(page: Page) -> None:
    """Wait until nothing more is coming."""
    page.locator("#mix-0").wait_for()
    page.locator("#stamp[data-busy='0']").wait_for(state="attached")
