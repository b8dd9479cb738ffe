"""The suite in two lanes side by side: all of it, or the part for the inner loop.

python -m tests [--quick]
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import IO

_PYTEST = (sys.executable, "-m", "pytest")
_BESIDE = ("tests/hostile", "tests/test_documents.py")  # so much that both lanes take as long
_WHOLE = (
    (("-m", "not browser", *(f"--ignore={path}" for path in _BESIDE)),),
    (("-m", "browser"), ("-m", "not browser", *_BESIDE)),
)
_QUICK_BESIDE = ("tests/session", "tests/ui", "tests/hostile")
_QUICK_MARKS = ("-m", "not slow and not browser")
_QUICK = (
    ((*_QUICK_MARKS, *(f"--ignore={path}" for path in ("tests/browser", *_QUICK_BESIDE))),),
    ((*_QUICK_MARKS, *_QUICK_BESIDE),),
)


def _run(lane: tuple[tuple[str, ...], ...], output: IO[bytes] | None) -> int:
    """Run a lane's parts one after another; 0 only if all pass."""
    parts = [
        subprocess.run([*_PYTEST, *part], stdout=output, stderr=output, check=False)
        for part in lane
    ]
    return max(part.returncode for part in parts)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run both lanes; 0 only if both pass. The second is printed behind the first."""
    parser = argparse.ArgumentParser(prog="python -m tests", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="neither slow nor browser tests")
    lanes = _QUICK if parser.parse_args(arguments).quick else _WHOLE
    with tempfile.TemporaryFile() as output, ThreadPoolExecutor(1) as beside:
        second = beside.submit(_run, lanes[1], output)
        first = _run(lanes[0], None)
        failed = second.result() or first
        output.seek(0)
        sys.stdout.write(output.read().decode(errors="replace"))
    return failed


if __name__ == "__main__":
    sys.exit(main())
