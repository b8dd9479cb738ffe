"""Sentences that stay on the page until what they are about is over."""

import shlex
from collections.abc import Sequence
from html import escape
from pathlib import Path

from studio.errors import Remedy, StudioError
from studio.new_zoo.finding import TABLES
from studio.ui.remedies import told

_COMMAND = "python app.py"
_FILES = (".yaml", ".yml", ".safetensors", *TABLES)
_ROOTS = (Remedy.ADD_ROOT, Remedy.FOLLOW_LINKS)


def refusal(sentence: str) -> str:
    """A refusal that stays on the page."""
    return f"<p class='refusal' role='alert'>{escape(sentence)}</p>" if sentence else ""


def refused(problem: StudioError, element: str, command: str = _COMMAND) -> str:
    """A refusal with the command that restarts the studio, where that would help."""
    return refusal(told(problem)) + restart([problem], element, command)


def restart(problems: Sequence[StudioError], element: str, command: str = _COMMAND) -> str:
    """The command, to be copied, that lets the studio into folders; empty if none would help.

    Args:
        problems: of which some may be about folders that are outside the roots.
        element: id of the command on the page.
        command: with which the studio was started.
    """
    every = [each for problem in problems for each in problem.each()]
    about = [Path(str(each.about)) for each in every if each.remedy in _ROOTS and each.about]
    folders = [path.parent if path.suffix.lower() in _FILES else path for path in about]
    if not folders:
        return ""
    roots = "".join(f" --root {shlex.quote(str(each))}" for each in dict.fromkeys(folders))
    return (
        f"<section class='program'><button type='button' class='copy' data-copy='{element}'>Copy"
        "</button> <span role='status' class='quiet'></span>"
        f"<pre id='{element}' tabindex='0'>{escape(command + roots)}</pre></section>"
    )


def notes(sentences: Sequence[str]) -> str:
    """What to know of something that was done, a line each."""
    return "".join(f"<p class='note'>{escape(each)}</p>" for each in sentences)
