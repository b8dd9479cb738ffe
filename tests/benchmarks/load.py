"""Many browsers at once: ``python -m tests.benchmarks.load [BROWSERS] [SECONDS] [EVERY]``.

Every browser moves a slider about every EVERY seconds. Printed are the seconds from a move to the
first numbers of its mix, errors of the pages, the studio's memory at the start and at the end, and
its processor seconds. The browsers run on the same cores as the studio.
"""

import random
import sys
import time

from playwright.sync_api import Page

from tests.benchmarks.running import running

_MOVER = """([every, seed]) => {
  window.moves = []; window.waits = 0;
  let began = null, before = '', state = seed;
  const random = () => (state = (state * 16807) % 2147483647) / 2147483647;
  const recipe = () => document.querySelector('#stamp')?.dataset.recipe;
  new MutationObserver(() => {
    if (began === null || recipe() === before || !document.querySelector('#mean')) return;
    moves.push((performance.now() - began) / 1000);
    began = null;
  }).observe(document.querySelector('#headline'), {subtree: true, childList: true});
  setInterval(() => {
    const slider = document.querySelector('#mix-' + Math.floor(random() * 6));
    if (began !== null || !slider) { waits += 1; return; }
    before = recipe();
    slider.value = (0.2 + 0.6 * random()).toFixed(2);
    began = performance.now();
    slider.dispatchEvent(new Event('input', {bubbles: true}));
    slider.dispatchEvent(new Event('change', {bubbles: true}));
  }, every * (0.75 + 0.5 * random()));
}"""


def main(browsers: int, seconds: int, every: int) -> None:
    """Print what came of it."""
    with running() as studio:
        errors: list[str] = []
        pages = [studio.opened(errors) for _ in range(browsers)]
        started, spent = studio.memory, studio.seconds
        for number, page in enumerate(pages, 1):
            page.evaluate(_MOVER, [1000 * every, number * 7919])
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            random.choice(pages).wait_for_timeout(500)  # errors of all pages are heard
        busy = studio.seconds - spent
        _report(pages, errors, (started, studio.memory), seconds)
        print(f"the studio computed {busy:.0f} s; the browsers had the rest of the cores")


def _report(pages: list[Page], errors: list[str], memory: tuple[int, int], seconds: int) -> None:
    moves = sorted(x for page in pages for x in page.evaluate("() => window.moves"))
    waits = sum(page.evaluate("() => window.waits") for page in pages)
    refused = sum(page.locator(".refusal").count() for page in pages)
    print(f"{len(pages)} browsers, {seconds} s: {len(moves)} moves were answered", flush=True)
    if moves:
        ends = [moves[min(int(len(moves) * q), len(moves) - 1)] for q in (0.5, 0.95, 1.0)]
        print("seconds to first numbers: median {:.2f}, 95 % {:.2f}, most {:.2f}".format(*ends))
    print(f"turns at which the move before was not answered yet: {waits}")
    print(f"errors of pages: {len(errors)}, refusals shown: {refused} {errors[:3]}")
    print("memory: {:,.0f} MB at the start, {:,.0f} MB at the end".format(*memory))


if __name__ == "__main__":
    main(*(int(each) for each in (sys.argv[1:] or ("20", "180", "20"))))
