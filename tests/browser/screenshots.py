"""Pictures of every screen: ``python -m tests.browser.screenshots FOLDER [--zoo PATH]``."""

import argparse
import os
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import torch
from playwright.sync_api import Page, Playwright, TimeoutError, sync_playwright

from studio.errors import StudioError
from studio.progress import Progress
from studio.session.engine import Engine
from studio.session.sequence import STARTING, SequenceWish
from studio.session.session import Session
from studio.ui.browsers import COOKIE
from studio.ui.hosts import Hosts
from studio.ui.launch import start
from tests.browser.conftest import BROWSER, CHROMIUM, FLAGS
from tests.conftest import DEMO

WIDE, MIDDLE, NARROW = (
    {"width": w, "height": h} for w, h in [(1440, 900), (1024, 768), (390, 844)]
)
SIZES = {
    "light": {"viewport": WIDE, "color_scheme": "light"},
    "dark": {"viewport": WIDE, "color_scheme": "dark"},
    "tablet": {"viewport": MIDDLE, "color_scheme": "light"},
    "phone": {"viewport": NARROW, "color_scheme": "light", "device_scale_factor": 2},
    "phone-dark": {"viewport": NARROW, "color_scheme": "dark", "device_scale_factor": 2},
}
_PATIENCE = 120_000  # ms that a large zoo may take to come to rest


def main() -> None:
    """Start a studio on a zoo and take every screen in every size."""
    parser = argparse.ArgumentParser(description="Take a picture of every screen.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--zoo", type=Path, default=DEMO)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as cache:
        os.environ["XDG_CACHE_HOME"] = cache
        engine = Engine(options.zoo, (options.zoo, Path.cwd()), torch.device("cpu"))
        url = start(engine, Hosts(), None, None, browser=False)
        engine.start()
        with closing(engine), sync_playwright() as playwright:
            for size in SIZES:
                take_all(playwright, url, engine.session(BROWSER), options.folder, size)


def take_all(playwright: Playwright, url: str, session: Session, folder: Path, size: str) -> None:
    """Every tab and state, in one size."""
    session.edit("reset")
    session.edit("pin")
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
    context = browser.new_context(reduced_motion="reduce", **SIZES[size])  # type: ignore[arg-type]
    context.add_cookies([{"name": COOKIE, "value": BROWSER, "url": url}])
    page = context.new_page()
    page.goto(url, wait_until="domcontentloaded")
    rest(page)

    def picture(name: str) -> None:
        page.wait_for_timeout(400)
        page.screenshot(path=folder / f"{name}-{size}.png", full_page=True)

    for place, tab in enumerate(page.get_by_role("tab").all()):
        tab.click()
        page.wait_for_timeout(1000)
        picture(f"tab-{place}-{(tab.inner_text() or 'more').strip().lower()}")
    for name, state in STATES.items():
        page.get_by_role("tab").first.click()
        state(page, session)
        picture(f"state-{name}")
    browser.close()


def rest(page: Page) -> None:
    """Wait until nothing more comes, or long enough."""
    page.wait_for_selector("#mix-0", timeout=_PATIENCE)
    page.wait_for_timeout(600)
    with suppress(TimeoutError):
        busy = "#stamp[data-busy='0']"
        page.wait_for_selector(busy, state="attached", timeout=_PATIENCE)


def _moved(page: Page, session: Session) -> None:
    page.locator("#mix-0").fill("0.1")
    rest(page)


def _flipped(page: Page, session: Session) -> None:
    page.keyboard.down("f")
    page.wait_for_timeout(1500)


def _unmerged(page: Page, session: Session) -> None:
    page.keyboard.up("f")
    page.locator(".strip input[type=checkbox]").first.uncheck()
    rest(page)


def _refused(page: Page, session: Session) -> None:
    page.locator(".strip input[type=number]").first.fill("1000")
    page.locator(".strip input[type=number]").first.press("Enter")


def _nothing(page: Page, session: Session) -> None:
    for box in page.locator(".strip input[type=checkbox]").all():
        box.uncheck()
    rest(page)


def _job(ends: Callable[[Progress], None]) -> Callable[[Page, Session], None]:
    def state(page: Page, session: Session) -> None:
        running = session.engine.jobs.state
        if running and running.running:
            session.cancel_job()
            time.sleep(0.5)

        def work(report: Progress) -> tuple[str, str]:
            report(0.42, "merging encoder.layer.3.output.dense.weight")
            ends(report)
            return "Wrote exports/merged, weights root 0123456789abcdef…", ""

        session.engine.jobs.start("Export to merged", work, session.browser)
        page.reload(wait_until="domcontentloaded")
        page.wait_for_selector("#job", timeout=_PATIENCE)

    return state


def _running(report: Progress) -> None:
    while not threading.Event().wait(0.05):
        report(0.42, "merging encoder.layer.3.output.dense.weight")


def _failing(report: Progress) -> None:
    raise StudioError("The disk is full: 400 MB are needed and 12 MB are free. Free some space.")


def _cancelled(page: Page, session: Session) -> None:
    page.get_by_role("button", name="Cancel job").click()
    page.wait_for_selector("#job[data-phase=cancelled]", timeout=_PATIENCE)


def _arrived(page: Page, session: Session) -> None:
    session.edit("reset")
    session.sequences.wish = SequenceWish(STARTING.methods, 2, rows=20)
    session.sequences.start()
    while (state := session.engine.jobs.state) and state.running:
        page.wait_for_timeout(500)
    page.reload(wait_until="domcontentloaded")
    rest(page)
    tab = page.get_by_role("tab", name="Over time")
    if not tab.is_visible():
        page.get_by_label("More tabs").click()
        tab = page.get_by_role("button", name="Over time")
    tab.click()
    page.wait_for_selector(".sequence", timeout=_PATIENCE)


def _printed(page: Page, session: Session) -> None:
    page.get_by_role("button", name="More").first.click()
    page.get_by_role("button", name="Reset").click()
    rest(page)
    page.emulate_media(media="print")


STATES: dict[str, Callable[[Page, Session], None]] = {
    "moved": _moved, "flipped": _flipped, "unmerged": _unmerged, "refused": _refused,
    "nothing-merged": _nothing, "job-running": _job(_running), "job-cancelled": _cancelled,
    "job-failed": _job(_failing), "job-done": _job(lambda report: None), "arrived": _arrived,
    "printed": _printed,
}  # fmt: skip

if __name__ == "__main__":
    main()
