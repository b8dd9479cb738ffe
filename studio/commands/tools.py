"""What the commands share: how one is added, and how it opens a zoo, reports and writes."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from studio.progress import Progress

if TYPE_CHECKING:
    from studio.measure.bench import Bench

Adder = Callable[[str, Callable[[argparse.Namespace], None], str], argparse.ArgumentParser]


@dataclass(frozen=True)
class Tools:
    """What the parser hands to every command that opens a zoo's bench.

    Attributes:
        command: adds one by its name, what it runs, and one line.
        duplicates: adds how equal checkpoints are accepted.
        bench: opens the zoo that the options name.
        write_json: writes a file, if one is named.
        progress: told how far the command is.
    """

    command: Adder
    duplicates: Callable[[argparse.ArgumentParser], None]
    bench: "Callable[[argparse.Namespace], Bench]"
    write_json: Callable[[Path | None, dict], None]
    progress: Progress
