"""The computer's own dialog to choose a folder: what a person chooses there, the page may read.

The dialog is a window on the screen of the computer that runs the studio, so only somebody who sits
at it can answer. It is offered where the page is served to that computer alone.
"""

import importlib.util
import os
import subprocess
import sys
import threading
from pathlib import Path

from studio.errors import StudioError

_WAITING = 600  # seconds until a dialog that nobody answers is closed
_PROGRAM = """
import tkinter, tkinter.filedialog
root = tkinter.Tk()
root.withdraw()
root.attributes("-topmost", True)
print(tkinter.filedialog.askdirectory(title="A folder that the merge studio may read"))
"""
_open = threading.Lock()


def has_dialog() -> bool:
    """Whether this computer has a screen and a program to show the dialog with."""
    screen = sys.platform in ("win32", "darwin") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
    return screen and importlib.util.find_spec("tkinter") is not None


def choose_folder() -> Path | None:
    """Show the dialog, and wait for the person; None if it was closed.

    Raises:
        StudioError: one is open already, or none can be shown.
    """
    if not _open.acquire(blocking=False):
        raise StudioError("The dialog is open already, in a window of its own.")
    try:
        ran = subprocess.run(
            [sys.executable, "-c", _PROGRAM],
            capture_output=True, text=True, timeout=_WAITING, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return None
    finally:
        _open.release()
    if ran.returncode:
        raise StudioError("No dialog can be shown here; type the path, or restart with --root.")
    chosen = ran.stdout.strip()
    return Path(chosen) if chosen else None
