"""The whole suite: the browser's tests and all others side by side, for a browser mostly waits.

python -m tests
"""

import subprocess
import sys
import tempfile

_PYTEST = (sys.executable, "-m", "pytest")


def main() -> int:
    """Run both parts; 0 only if both pass. The browser's part is printed behind the other."""
    with tempfile.TemporaryFile() as output:
        browser = subprocess.Popen([*_PYTEST, "-m", "browser"], stdout=output, stderr=output)
        try:
            rest = subprocess.run([*_PYTEST, "-m", "not browser"], check=False).returncode
            ended = browser.wait()
        except BaseException:
            browser.kill()
            raise
        output.seek(0)
        sys.stdout.write(output.read().decode(errors="replace"))
    return rest or ended


if __name__ == "__main__":
    sys.exit(main())
