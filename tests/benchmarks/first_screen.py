"""The first screen, full: ``python -m tests.benchmarks.first_screen [N]``.

N times in turn, a studio that knows nothing from before is started: as it is; without the picture
of the first screen that is sent with the page; and without the scores that the demo zoo ships.
Printed are seconds from the page's opening, by the page's own clock, to a first screen that is full
(every row's score, the mean, experts and floor), and to the page itself, whose mixer can be moved;
and the ratios of the medians.
"""

import statistics
import sys

from tests.benchmarks.running import START, Running, load, running

_PLAIN = "import studio.ui.first_paint as f; f.paint_of = lambda *_: lambda _: ''; "
_WITHOUT = "import studio.session.engine as e; e.read_shipped = lambda *_: None; "
_PROGRAMS = {
    "as it is": START,
    "without the picture": _PLAIN + START,
    "without shipped scores": _WITHOUT + START,
}
_WATCH = """const attach = Element.prototype.attachShadow;
let tree = null;
Element.prototype.attachShadow = function (how) {
  const made = attach.call(this, how);
  if (this.id === 'first-paint') tree = made;
  return made;
};
const full = (root) => {
  const rows = [...root.querySelectorAll('#mixer .strip .now')];
  const told = rows.length && rows.every((each) => each.textContent);
  const beside = root.querySelectorAll('.headline .beside').length >= 2;
  return told && root.querySelector('#mean') && beside;
};
window.fullAt = window.movableAt = 0;
function look() {
  const now = performance.now() / 1000;
  const gone = !document.querySelector('#first-paint');
  if (!window.fullAt && ((tree && !gone && full(tree)) || full(document))) window.fullAt = now;
  if (!window.movableAt && gone && document.querySelector('#mix-0')) window.movableAt = now;
  if (!window.fullAt || !window.movableAt) requestAnimationFrame(look);
}
look();"""


def main(repeats: int) -> None:
    """Print medians, ranges and the ratios."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in _PROGRAMS}
    for _ in range(repeats):
        for name, program in _PROGRAMS.items():
            with running(program) as studio:
                found[name].append(opened(studio))
    for place, what in enumerate(("first screen full", "mixer can be moved")):
        medians = {}
        for name, times in found.items():
            seconds = [each[place] for each in times]
            medians[name] = statistics.median(seconds)
            ends = f"{min(seconds):.2f} to {max(seconds):.2f}, n={repeats}"
            print(f"{what}, {name}: {medians[name]:.2f} s ({ends})", flush=True)
        own, *others = medians.values()
        print("ratios: " + ", ".join(f"{own / each:.3f}" for each in others))
    print(load())


def opened(studio: Running) -> tuple[float, float]:
    """Seconds to a full first screen and to a mixer that can be moved."""
    page = studio.browser.new_page(viewport={"width": 1440, "height": 900})
    page.add_init_script(_WATCH)
    page.goto(studio.url, wait_until="domcontentloaded")
    page.wait_for_function("window.fullAt && window.movableAt", timeout=900_000, polling=50)
    return tuple(page.evaluate("[window.fullAt, window.movableAt]"))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
