"""A slider to its own row's bar: ``python -m tests.benchmarks.slider [MOVES]``.

Moves the sliders of the demo zoo in turn, each once the bar of the one before has answered, and
prints the seconds from the move to a new bar in its own row (median, 95 %, most), and what the page
has grown by: heap after a collection, and elements.
"""

import sys

from playwright.sync_api import Page

from tests.benchmarks.running import load, running

_MOVES = """async ([moves, seed]) => {
  let state = seed; const found = []; let missed = 0;
  const random = () => (state = (state * 16807) % 2147483647) / 2147483647;
  const strips = [...document.querySelectorAll('#mixer .strip')];
  for (let move = 0; move < moves; move += 1) {
    const strip = strips[move % strips.length];
    const slider = strip.querySelector('input[type=range]');
    const began = performance.now();
    const seconds = await new Promise((done) => {
      const watch = new MutationObserver(() => { stop((performance.now() - began) / 1000); });
      const given = setTimeout(() => stop(null), 10000);
      function stop(x) { watch.disconnect(); clearTimeout(given); done(x); }
      watch.observe(strip.querySelector('.bar'), {subtree: true, childList: true});
      slider.value = (0.1 + random()).toFixed(2);
      slider.dispatchEvent(new Event('input', {bubbles: true}));
      slider.dispatchEvent(new Event('change', {bubbles: true}));
    });
    if (seconds === null) missed += 1; else found.push(seconds);
  }
  return [found, missed];
}"""


def main(moves: int) -> None:
    """Print what came of it."""
    with running() as studio:
        page = studio.browser.new_page()
        page.goto(studio.url, wait_until="domcontentloaded")
        _rest(page)
        before = _grown(page)
        found, missed = page.evaluate(_MOVES, [moves, 7919])
        _rest(page)
        _report(sorted(found), missed, before, _grown(page))
        print(load())


def _rest(page: Page) -> None:
    page.wait_for_selector("#mix-0", timeout=600_000)
    page.wait_for_selector("#stamp[data-busy='0']", state="attached", timeout=1_800_000)


def _grown(page: Page) -> tuple[float, int]:
    """MB of the page's heap after a collection, and its elements."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("HeapProfiler.collectGarbage")
    heap = devtools.send("Runtime.getHeapUsage")["usedSize"] / 1e6
    return heap, page.evaluate("document.querySelectorAll('*').length")


def _report(found: list[float], missed: int, before: tuple, after: tuple) -> None:
    if found:
        ends = [found[min(int(len(found) * q), len(found) - 1)] for q in (0.5, 0.95, 1.0)]
        print("slider to its own bar: median {:.3f} s, 95 % {:.3f} s, most {:.3f} s".format(*ends))
    print(f"answered: {len(found)}; without a new bar within 10 s: {missed}")
    print("heap: {:.1f} MB and {} elements before".format(*before))
    print("heap: {:.1f} MB and {} elements after".format(*after))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
