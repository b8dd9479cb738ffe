"""The whole suite in two lanes side by side, for a browser mostly waits.

python -m tests
"""

import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from typing import IO

_PYTEST = (sys.executable, "-m", "pytest")
_BESIDE = ("tests/hostile", "tests/test_readme.py")  # so much that both lanes take as long
_LANES = (
    (("-m", "not browser", *(f"--ignore={path}" for path in _BESIDE)),),
    (("-m", "browser"), ("-m", "not browser", *_BESIDE)),
)


def _run(lane: tuple[tuple[str, ...], ...], output: IO[bytes] | None) -> int:
    """Run a lane's parts one after another; 0 only if all pass."""
    parts = [
        subprocess.run([*_PYTEST, *part], stdout=output, stderr=output, check=False)
        for part in lane
    ]
    return max(part.returncode for part in parts)


def main() -> int:
    """Run both lanes; 0 only if both pass. The second is printed behind the first."""
    with tempfile.TemporaryFile() as output, ThreadPoolExecutor(1) as beside:
        second = beside.submit(_run, _LANES[1], output)
        first = _run(_LANES[0], None)
        failed = second.result() or first
        output.seek(0)
        sys.stdout.write(output.read().decode(errors="replace"))
    return failed


if __name__ == "__main__":
    sys.exit(main())
