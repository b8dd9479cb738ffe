"""Count what an export does to the disk, and stop or fail it at any one step."""

import builtins
import errno
import io
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Step = Callable[[str], None]


class Written:
    """A file whose writes are steps."""

    def __init__(self, stream, step: Step) -> None:
        self._stream = stream
        self._step = step

    def write(self, data) -> int:
        self._step("write")
        return self._stream.write(data)

    def __getattr__(self, name: str):
        return getattr(self._stream, name)

    def __enter__(self):
        return self

    def __exit__(self, *_) -> None:
        self._stream.close()


@contextmanager
def watched(step: Step) -> Iterator[None]:
    """Call ``step`` before every write, and before and after every fsync, rename and mkdir."""
    before = (builtins.open, io.open, os.fsync, os.rename, os.mkdir, shutil.copyfile)

    def opened(file, mode="r", *args, **options):
        stream = before[0](file, mode, *args, **options)
        return Written(stream, step) if set(mode) & set("wax+") else stream

    def around(name: str, work):
        def call(*args, **options):
            step(f"before {name}")
            found = work(*args, **options)
            step(f"after {name}")
            return found

        return call

    builtins.open = io.open = opened  # type: ignore[assignment]
    os.fsync, os.rename, os.mkdir, shutil.copyfile = (
        around(name, work)
        for name, work in zip(("fsync", "rename", "mkdir", "copy"), before[2:], strict=True)
    )
    try:
        yield
    finally:
        builtins.open, io.open, os.fsync, os.rename, os.mkdir, shutil.copyfile = before


def counted(work: Callable[[], object]) -> list[str]:
    """The names of the steps that ``work`` takes."""
    steps: list[str] = []
    with watched(steps.append):
        work()
    return steps


def begun(work: Callable[[], object], step: Step = lambda _: None) -> int:
    """Run ``work`` under a hook in a process of its own; returns that one's number."""
    child = os.fork()
    if not child:
        code = 3
        try:
            with watched(step):
                work()
            code = 0
        finally:
            os._exit(code)
    return child


def ended(child: int) -> int:
    """Wait for a process and return how it ended: 0, 3 if it raised, -9 if it was killed."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def forked(work: Callable[[], object], step: Step = lambda _: None) -> int:
    """Run ``work`` under a hook in a process of its own; returns how it ended."""
    return ended(begun(work, step))


def kill_at(number: int) -> Step:
    """A step that ends the process, without any clean-up, the ``number``-th time."""
    left = iter(range(number))

    def step(_: str) -> None:
        if next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)

    return step


def fail_at(number: int, kind: str = "write") -> Step:
    """A step that finds the disk full from the ``number``-th time of its kind on."""
    left = iter(range(number))

    def step(name: str) -> None:
        if name in (kind, f"before {kind}") and next(left, None) is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return step
