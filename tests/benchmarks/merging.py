"""Measure merges of the demo zoo: ``python -m tests.benchmarks.merging [REPEATS]``.

Each merge runs in a process of its own; prints the seconds of the merge itself (without imports)
and the peak anonymous memory above what the imports need. Linux only.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

from tests.conftest import DEMO, ROOT


def main(repeats: int) -> None:
    """Print one line per method and output dtype."""
    for method, dtype in (("mdm_oc", None), ("task_arithmetic", None), ("mdm_oc", "float32")):
        runs = [in_own_process(method, dtype) for _ in range(repeats)]
        seconds, megabytes = ([run[i] for run in runs] for i in (0, 1))
        print(
            f"{method}, output {dtype or 'as the base (float16)'}: "
            f"median {statistics.median(seconds):.2f} s ({min(seconds):.2f} to "
            f"{max(seconds):.2f}), {statistics.median(megabytes):.0f} MB anonymous above imports, "
            f"n={repeats}",
            flush=True,
        )


def in_own_process(method: str, dtype: str | None) -> tuple[float, float]:
    """Seconds and megabytes of one merge."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.merging", "--one", method, dtype or ""],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return tuple(json.loads(done.stdout.splitlines()[-1]))


def one(method: str, dtype: str) -> None:
    """Merge once, as `python -m studio merge` does but without loading the result again."""
    from studio.checkpoints.writer import write_weights
    from studio.merge import merged_pieces, open_merge
    from studio.zoo import load_zoo

    before = anonymous()
    peak, stop = [before], threading.Event()

    def watch() -> None:
        while not stop.wait(0.002):
            peak.append(anonymous())

    watcher = threading.Thread(target=watch)
    watcher.start()
    started = time.perf_counter()
    recipe = replace(load_zoo(DEMO).recipe(method), dtype=dtype or None)
    merge = open_merge(recipe)
    layout = {k: (merge.output_dtype(k), e.shape) for k, e in merge.base.weights.entries.items()}
    with tempfile.TemporaryDirectory() as folder:
        write_weights(Path(folder), layout, lambda name: merged_pieces(merge, name))
    seconds = time.perf_counter() - started
    stop.set()
    watcher.join()
    print(json.dumps([seconds, (max(peak) - before) / 1024]))


def anonymous() -> int:
    """Anonymous memory of this process in kB."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0])


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one(*sys.argv[2:4])
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
