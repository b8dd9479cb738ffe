"""Seconds and anonymous memory of one process, and tables of medians over pairs of processes.

Anonymous memory is what a process really needs; pages of memory-mapped files, which the system can
drop at any time, are not in it. It is sampled every 20 ms from ``/proc``, so Linux only.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
_INTERVAL = 0.02  # seconds
_OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}


@dataclass(frozen=True)
class Sample:
    """One run of one process.

    Attributes:
        seconds: of the work; of the whole process if it was measured from outside.
        megabytes: peak anonymous memory (10^6 bytes) above what was there when the work began.
        cpu: seconds of all threads; the machine's other guests disturb it less.
        imports: seconds before the work; 0 if measured from outside.
    """

    seconds: float
    megabytes: float
    cpu: float
    imports: float = 0.0


@dataclass(frozen=True)
class Row:
    """Runs of ours and of a yardstick, one after the other in pairs.

    Attributes:
        figure: what was measured.
        model: folder and number of tasks.
        ours: a sample per pair.
        yardstick: a sample per pair; empty if there is nothing to compare with.
        refused: why there are no samples.
        more: further numbers by name.
    """

    figure: str
    model: str
    ours: tuple[Sample, ...] = ()
    yardstick: tuple[Sample, ...] = ()
    refused: str = ""
    more: tuple[tuple[str, float], ...] = ()

    @property
    def ratios(self) -> list[float]:
        """Seconds of ours over the yardstick's, pair by pair."""
        pairs = zip(self.ours, self.yardstick, strict=False)
        return [ours.seconds / other.seconds for ours, other in pairs]

    @property
    def cpu_ratios(self) -> list[float]:
        """CPU seconds of ours over the yardstick's, pair by pair."""
        pairs = zip(self.ours, self.yardstick, strict=False)
        return [ours.cpu / other.cpu for ours, other in pairs]


class Refused(Exception):
    """A measured process ended without a result; the text says why."""


def measured(work: Callable[[], object], began: float) -> Sample:
    """Do some work once; ``began`` is ``time.perf_counter()`` at the start of the program."""
    before = anonymous("self")
    peak, stop = [before], threading.Event()
    watcher = threading.Thread(target=_watch, args=("self", peak, stop))
    watcher.start()
    started, busy = time.perf_counter(), time.process_time()
    try:
        work()
        seconds, cpu = time.perf_counter() - started, time.process_time() - busy
    finally:
        peak.append(anonymous("self"))
        stop.set()
        watcher.join()
    return Sample(seconds, (max(peak) - before) / 1e6, cpu, started - began)


def in_own_process(module: str, *arguments: object) -> Sample:
    """Run ``python -m MODULE ARGUMENTS``, which prints a sample as its last line.

    Raises:
        Refused: it failed; with the last line of its errors.
    """
    return Sample(**json.loads(_last_line(module, *arguments)))


def several_in_own_process(module: str, *arguments: object) -> dict[str, tuple[Sample, ...]]:
    """The same for a program that prints several named rows of samples."""
    found = json.loads(_last_line(module, *arguments))
    return {name: tuple(Sample(**each) for each in samples) for name, samples in found.items()}


def whole_process(command: Sequence[str | Path]) -> Sample:
    """Run a command; seconds from its start to its end, all of its anonymous memory.

    Raises:
        Refused: it failed; with the last line of its errors.
    """
    peak, stop = [0], threading.Event()
    started, busy = time.perf_counter(), _children()
    process = subprocess.Popen(
        [str(word) for word in command],
        cwd=ROOT, env=os.environ | _OFFLINE,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    watcher = threading.Thread(target=_watch, args=(str(process.pid), peak, stop))
    watcher.start()
    _, errors = process.communicate()
    seconds = time.perf_counter() - started
    stop.set()
    watcher.join()
    if process.returncode:
        raise Refused(_reason(errors))
    return Sample(seconds, max(peak) / 1e6, _children() - busy)


def anonymous(process: str) -> int:
    """Anonymous memory of a process in bytes; 0 if it has ended."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    _, _, rest = status.partition("RssAnon:")
    return int(rest.split()[0]) * 1024 if rest else 0


def table(rows: Sequence[Row]) -> str:
    """Rows as Markdown: medians with ranges."""
    lines = [
        "| figure | model, tasks | ours, s | yardstick, s | ratio | ratio of CPU s | "
        "anonymous MB, ours | anonymous MB, yardstick | runs | also |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = [
            _range([sample.seconds for sample in row.ours], 2),
            _range([sample.seconds for sample in row.yardstick], 2),
            _range(row.ratios, 2),
            _range(row.cpu_ratios, 2),
            _range([sample.megabytes for sample in row.ours], 0),
            _range([sample.megabytes for sample in row.yardstick], 0),
            str(len(row.ours)),
            "; ".join(f"{name} {value:.3g}" for name, value in row.more),
        ]
        if row.refused:
            cells = [f"not measured: {row.refused}".replace("|", "/"), *[""] * 5, "0", ""]
        lines.append(f"| {row.figure} | {row.model} | {' | '.join(cells)} |")
    return "\n".join(lines)


def as_json(rows: Sequence[Row]) -> str:
    """Rows with every sample, and the median ratio."""
    plain = [
        asdict(row) | {"ratio": statistics.median(row.ratios) if row.ratios else None}
        for row in rows
    ]
    return json.dumps(plain, indent=1)


def warm(files: Sequence[Path]) -> None:
    """Read files once, so that no measured run waits for the disk."""
    buffer = bytearray(2**24)
    for file in files:
        with file.open("rb", buffering=0) as stream:
            while stream.readinto(buffer):
                pass


def _last_line(module: str, *arguments: object) -> str:
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=ROOT, env=os.environ | _OFFLINE, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise Refused(_reason(done.stderr))
    return done.stdout.splitlines()[-1]


def _children() -> float:
    """CPU seconds of the processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _reason(errors: str) -> str:
    lines = errors.strip().splitlines()
    return lines[-1] if lines else "no message"


def _watch(process: str, peak: list[int], stop: threading.Event) -> None:
    while not stop.wait(_INTERVAL):
        peak[0] = max(peak[0], anonymous(process))


def _range(numbers: list[float], digits: int) -> str:
    if not numbers:
        return ""
    middle = f"{statistics.median(numbers):.{digits}f}"
    if len(numbers) == 1:
        return middle
    return f"{middle} ({min(numbers):.{digits}f} to {max(numbers):.{digits}f})"
