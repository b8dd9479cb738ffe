"""The suite in two lanes side by side, for a browser mostly waits; or its quick part.

python -m tests [--quick] [--all]
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import IO

_PYTEST = (sys.executable, "-m", "pytest")
_BESIDE = ("tests/browser",)  # both lanes then take as long
_QUICK_BESIDE = ("tests/hostile", "tests/session", "tests/ui", "tests/evidence")


def lanes(quick: bool, every: bool = False) -> tuple[list[str], list[str]]:
    """What pytest is given in either lane: together each test once.

    Args:
        quick: nothing that is slow, and no browser.
        every: all attacks of ``tests/adversary`` and all architectures, and not a sample of them.
    """
    beside = _QUICK_BESIDE if quick else _BESIDE
    elsewhere = (*beside, "tests/browser") if quick else beside
    marks = ["-m", "not slow"] if quick else []
    marks += ["--all"] if every else []
    return [*marks, *(f"--ignore={path}" for path in elsewhere)], [*marks, *beside]


def _run(lane: list[str], output: IO[bytes] | None) -> int:
    """Run a lane on its share of the cores; 0 only if all pass."""
    share = str(max(1, (os.cpu_count() or 2) // 2))  # threads that wait for each other's cores spin
    ran = subprocess.run(
        [*_PYTEST, *lane],
        stdout=output,
        stderr=output,
        env=os.environ | {"OMP_NUM_THREADS": share},
        check=False,
    )
    return ran.returncode


def main(arguments: Sequence[str] | None = None) -> int:
    """Run both lanes; 0 only if both pass. The second is printed behind the first."""
    parser = argparse.ArgumentParser(prog="python -m tests")
    parser.add_argument("--quick", action="store_true", help="nothing slow, and no browser")
    parser.add_argument(
        "--all", action="store_true", help="every attack and architecture, and not a sample"
    )
    given = parser.parse_args(arguments)
    first, second = lanes(given.quick, given.all)
    with tempfile.TemporaryFile() as output, ThreadPoolExecutor(1) as beside:
        running = beside.submit(_run, second, output)
        failed = _run(first, None)
        failed = running.result() or failed
        output.seek(0)
        sys.stdout.write(output.read().decode(errors="replace"))
    return failed


if __name__ == "__main__":
    sys.exit(main())
