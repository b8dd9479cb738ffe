"""The command that writes a lesson in one file."""

import argparse
from pathlib import Path

from studio.commands.tools import Commands, duplicates_argument, show_progress, zoo_bench

_ROWS = 200  # as the lesson has it, which is not imported for --help


def add_lesson_command(commands: Commands) -> None:
    """Add the command."""
    each = commands.add(
        "lesson",
        _lesson,
        "Write a lesson on a zoo: one HTML page with measured numbers, which needs no network.",
    )
    each.add_argument("zoo", type=Path, metavar="ZOO")
    each.add_argument("out", type=Path, metavar="OUT.html", help="a new file")
    each.add_argument(
        "--rows", type=int, default=_ROWS, metavar="N",
        help=f"held-out rows per task, a fair sample that is always the same (default {_ROWS}); "
        "the attack is scored on all",
    )  # fmt: skip
    duplicates_argument(each)


def _lesson(options: argparse.Namespace) -> None:
    from studio.disk.files import write_file
    from studio.disk.folders import refuse_existing
    from studio.lesson.page import lesson_page
    from studio.lesson.record import record_of

    refuse_existing(options.out)
    page = lesson_page(record_of(zoo_bench(options), options.rows, show_progress))
    write_file(options.out, page)
    print(f"Wrote {options.out}, {len(page.encode()) / 1000:,.0f} kB. It opens in any browser.")
