"""A soak: browsers that use the page at random, ``python -m tests.benchmarks.soak --minutes 30``.

Each of four browsers (``--browsers``) moves sliders, ticks, presses the mixer's buttons, opens
tabs, doubles the type and reloads. One of them exports now and then, and every export is opened and
checked. Printed are uses, errors of pages, jobs that did not end, exports, and the memory of the
studio at the start, the middle and the end.
"""

import argparse
import random
import shutil
import time
from pathlib import Path

from playwright.sync_api import Page

from studio.checkpoints.checkpoint import open_checkpoint
from tests.benchmarks.running import Running, load, running
from tests.browser.conftest import HARMLESS

_TABS = ("Results", "Why", "Improve", "Over time", "Unmerge", "Files")
_BUTTONS = ("undo", "redo", "pin")
_MORE = ("equal", "halve", "reset")
_EVERY = 120.0  # seconds between exports


def main() -> None:
    """Print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--browsers", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with running() as studio:
        errors: list[str] = []
        pages = [studio.opened(errors) for _ in range(options.browsers)]
        soak(pages, studio, 60 * options.minutes, options.seed)
        errors = [each for each in errors if not any(h in each for h in HARMLESS)]
        print(f"errors of pages: {len(errors)} {errors[:5]}")
        print(load())


def soak(pages: list[Page], studio: Running, seconds: float, seed: int) -> None:
    """Use the pages at random and print what came of it."""
    chance, began, memory = random.Random(seed), time.monotonic(), [studio.memory]
    uses, exports, exported, stuck = 0, 0, 0.0, 0
    while (spent := time.monotonic() - began) < seconds:
        page = chance.choice(pages)
        use(page, chance)
        uses += 1
        if len(memory) == 1 and spent > seconds / 2:
            memory.append(studio.memory)
        if spent - exported > _EVERY:
            exported, target = spent, studio.folder / f"export-{exports + stuck}"
            if export(pages[0], target):
                exports += 1
            else:
                stuck += 1
    memory.append(studio.memory)
    print(f"{uses} uses by {len(pages)} browsers in {seconds:.0f} s")
    print(f"exports that were read back: {exports}; that did not end: {stuck}")
    print(f"memory of the studio, start, middle, end: {memory} MB")


def use(page: Page, chance: random.Random) -> None:
    """One thing that a person might do."""
    what = chance.random()
    if what < 0.5:
        page.locator("#mixer .strip input[type=range]").nth(chance.randrange(6)).fill(
            f"{chance.uniform(0, 1.5):.2f}"
        )
    elif what < 0.65:
        page.locator("#mixer .strip input[type=checkbox]").nth(chance.randrange(6)).click()
    elif what < 0.8:
        press(page, chance.choice(_BUTTONS + _MORE))
    elif what < 0.95:
        page.get_by_role("tab", name=chance.choice(_TABS)).click()
    elif what < 0.98:
        page.keyboard.press("Escape")
        page.locator("#wall").click()
        page.keyboard.press("Escape")
    else:
        page.reload(wait_until="domcontentloaded")
        page.wait_for_selector("#mix-0", timeout=120_000)
    page.wait_for_timeout(chance.uniform(50, 1500))


def press(page: Page, edit: str) -> None:
    """One of the mixer's buttons, if it can be pressed."""
    if edit in _MORE:
        page.locator("#mix-more-open").click()
    button = page.locator(f"#mix-{edit}")
    if button.is_enabled():
        button.click()
    page.keyboard.press("Escape")


def export(page: Page, target: Path) -> bool:
    """Export the shown mix and read it back; whether it was written in time."""
    page.get_by_role("tab", name="Files").click()
    page.get_by_label("Export to a new folder").fill(str(target))
    page.get_by_role("button", name="Export", exact=True).click()
    until = time.monotonic() + 300
    while time.monotonic() < until:
        page.wait_for_timeout(500)
        if (target / "merge.json").exists():
            assert open_checkpoint(target).weights.entries
            shutil.rmtree(target)
            return True
    return False


if __name__ == "__main__":
    main()
