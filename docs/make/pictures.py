"""Pictures of the page for the documents, moving and still: ``python -m docs.make.pictures``."""

import io
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import torch
from PIL import Image
from playwright.sync_api import Locator, Page, ViewportSize, sync_playwright

from studio.demo import DEMO_ZOO
from studio.session.engine import Engine
from studio.ui.browsers import COOKIE
from studio.ui.hosts import Hosts
from studio.ui.launch import start
from studio.ui.page import TABS
from studio.ui.tabs.evidence import EvidenceTab
from studio.ui.tabs.improve import ImproveTab
from studio.ui.tabs.new_zoo import NewZooTab
from studio.ui.tabs.results import ResultsTab
from studio.ui.tabs.sequence import SequenceTab
from tests.browser.conftest import BROWSER, CHROMIUM, FLAGS

FOLDER = Path(__file__).parent.parent / "pictures"
MOVING = FOLDER / "unmerge.webp"
_SIZE: ViewportSize = {"width": 1280, "height": 800}
_WIDE = 1000  # pixels of the moving picture
_STILL, _BLINK = 1800, 350  # milliseconds that a frame stands
_PATIENCE = 300_000
_ROWS = 100
_TAKEN_OUT = "guild-registry"


def main() -> None:
    """Take all of them on the demo zoo, in a studio that remembers nothing."""
    FOLDER.mkdir(exist_ok=True)
    with page() as shown:
        stills(shown)
        save(frames(shown))


def stills(shown: Page) -> None:
    """A picture of every tab, with something that was made in it; called as the tab is."""
    tabs = {tab.title: shown.get_by_role("tab", name=tab.title, exact=True) for tab in TABS}
    worked(shown, tabs)
    for name, tab in tabs.items():
        tab.click()
        shown.wait_for_timeout(2500)
        shown.screenshot(path=FOLDER / picture_of(name), full_page=True)
    tabs[ResultsTab.title].click()


def picture_of(title: str) -> str:
    """The file of a tab's picture."""
    return f"{title.lower().replace(' ', '-')}.png"


def worked(shown: Page, tabs: dict[str, Locator]) -> None:
    """Run a search, a comparison and a sequence, look for models, and put the mix back."""
    tabs[ImproveTab.title].click()
    job(shown, "Compare the 4 usual methods")
    tabs[SequenceTab.title].click()
    shown.locator("#sequence-rows input").fill("50")
    job(shown, "Run the sequence")
    tabs[NewZooTab.title].click()
    shown.locator("#new-places textarea").fill("demo-zoo")
    job(shown, "Search")
    shown.locator("#new-rows").wait_for()
    shown.get_by_role("button", name="Optimize the coefficients").click()
    shown.locator("#optimize-budget input").fill("30")
    job(shown, "Start")
    shown.get_by_role("button", name="Optimize the coefficients").click()
    shown.get_by_role("button", name="More").first.click()
    shown.get_by_role("button", name="Reset").click()
    rest(shown)


def job(shown: Page, button: str) -> None:
    """Press a button and wait for the end of the job that it starts."""
    shown.wait_for_timeout(1500)
    shown.get_by_role("button", name=re.compile(f"^{button}( \\(|$)")).click()
    shown.wait_for_selector("#job[data-phase=done]", timeout=_PATIENCE)
    shown.get_by_role("button", name="Dismiss").click()


@contextmanager
def page() -> Iterator[Page]:
    """The page of a fresh studio, at rest."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"XDG_CACHE_HOME": folder, "XDG_DATA_HOME": folder}
        os.chdir(folder)
        zoo = fewer_rows(Path(folder) / "demo-zoo")
        engine = Engine(zoo, (zoo, Path(folder)), torch.device("cpu"))
        url = start(engine, Hosts(), None, None, browser=False)
        engine.start()
        with closing(engine), sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            context = browser.new_context(viewport=_SIZE, color_scheme="light")
            context.add_cookies([{"name": COOKIE, "value": BROWSER, "url": url}])
            shown = context.new_page()
            shown.goto(url, wait_until="domcontentloaded")
            rest(shown)
            yield shown
            browser.close()


def fewer_rows(folder: Path) -> Path:
    """The demo zoo with the first held-out rows of every task, so that nobody waits long."""
    shutil.copytree(DEMO_ZOO, folder)
    for rows in folder.glob("tasks/*/held_out.jsonl"):
        rows.write_text("".join(rows.read_text().splitlines(keepends=True)[:_ROWS]))
    return folder


def rest(shown: Page) -> None:
    """Wait until every score is there."""
    shown.wait_for_selector("#mix-0", timeout=_PATIENCE)
    shown.wait_for_timeout(600)
    shown.wait_for_selector("#stamp[data-busy='0']", state="attached", timeout=_PATIENCE)


def frames(shown: Page) -> list[tuple[bytes, int]]:
    """Untick a task, see the numbers change, write its certificate: pictures with milliseconds."""
    taken = [(shown.screenshot(), _STILL)]
    row = shown.locator(".strip").filter(has_text=_TAKEN_OUT)
    row.locator("input[type=checkbox]").uncheck()
    for _ in range(6):
        taken.append((shown.screenshot(), _BLINK))
        shown.wait_for_timeout(_BLINK)
    rest(shown)
    taken.append((shown.screenshot(), _STILL))
    shown.get_by_role("tab", name=EvidenceTab.title, exact=True).click()
    shown.wait_for_selector("#verdict", timeout=_PATIENCE)
    shown.wait_for_timeout(1500)
    taken.append((shown.screenshot(), _STILL))
    shown.get_by_role("button", name="Write certificate").click()
    while not shown.locator("#certified").is_visible():
        taken.append((shown.screenshot(), _BLINK))
        shown.wait_for_timeout(1500)
    shown.locator("#certified").scroll_into_view_if_needed()
    shown.wait_for_timeout(800)
    return [*taken, (shown.screenshot(), 2 * _STILL)]


def save(taken: list[tuple[bytes, int]]) -> None:
    """Write the moving picture."""
    height = _WIDE * _SIZE["height"] // _SIZE["width"]
    images = [
        Image.open(io.BytesIO(each))
        .convert("RGB")
        .resize((_WIDE, height), Image.Resampling.LANCZOS)
        for each, _ in taken
    ]
    images[0].save(
        MOVING, save_all=True, append_images=images[1:], duration=[ms for _, ms in taken], loop=0,
        quality=80, method=6,
    )  # fmt: skip


if __name__ == "__main__":
    main()
