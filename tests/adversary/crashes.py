"""A crash at any one call that changes the disk: from then on, nothing reaches it any more."""

import builtins
import gc
import io
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

_CALLS = (
    "write", "fsync", "rename", "replace", "link", "symlink", "unlink", "remove", "mkdir", "rmdir",
    "ftruncate", "truncate", "chmod", "utime",
)  # fmt: skip
_CHANGES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


Step = Callable[[], Any]


class Crash(BaseException):
    """The process has ended: no handler of errors is meant to see it."""


class Disk:
    """Counts the calls that change the disk, and refuses all from one of them on.

    A write that is refused has put half of its bytes there. Locks go, as with a process.

    Args:
        last: number of the call at which the process ends; None lets it live.
        late: whether that call is still carried out.
    """

    def __init__(self, last: int | None = None, late: bool = False) -> None:
        self.calls: list[str] = []
        self._last = last
        self._late = late

    @property
    def dead(self) -> bool:
        """Whether the process has ended."""
        return self._last is not None and len(self.calls) > self._last

    def step(self, name: str, work: Step, half: Step | None = None) -> Any:
        """Carry out a call, or end the process at it."""
        if self.dead:
            raise Crash
        self.calls.append(name)
        if not self.dead:
            return work()
        if self._late:
            with suppress(OSError):
                made = work()
                if name == "open":  # which the system closes
                    os.close(made) if isinstance(made, int) else made.close()
        elif half:
            half()
        raise Crash


class _File:
    """A file whose writes are calls; not a byte waits in memory for its end."""

    def __init__(self, stream: Any, disk: Disk) -> None:
        self._stream = stream
        self._disk = disk

    def write(self, content: Any) -> int:
        half = content[: len(content) // 2]

        def put(part: Any) -> int:
            written = self._stream.write(part)
            self._stream.flush()
            return written

        return self._disk.step("write", lambda: put(content), lambda: put(half))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __enter__(self) -> "_File":
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()


@contextmanager
def crashing(disk: Disk) -> Iterator[None]:
    """Hand every call that changes the disk to ``disk``; links and locks of others stay real."""
    kept = {name: getattr(os, name) for name in (*_CALLS, "open", "dup")}
    held: dict[int, tuple[int, int]] = {}
    files = builtins.open, io.open, shutil.copyfile
    fast = shutil._USE_CP_SENDFILE  # type: ignore[attr-defined]

    def around(name: str) -> Callable[..., Any]:
        work = kept[name]

        def call(*given: Any, **more: Any) -> Any:
            half = None
            if name == "write":
                half = lambda: work(given[0], given[1][: len(given[1]) // 2])  # noqa: E731
            return disk.step(name, lambda: work(*given, **more), half)

        return call

    def noted(handle: int) -> int:
        state = os.fstat(handle)
        held[handle] = state.st_dev, state.st_ino
        return handle

    def open_number(path: Any, flags: int, *given: Any, **more: Any) -> int:
        def work() -> int:
            return noted(kept["open"](path, flags, *given, **more))

        if flags & _CHANGES:
            return disk.step("open", work)
        if disk.dead:
            raise Crash
        return work()

    def opened(file: Any, mode: str = "r", *given: Any, **more: Any) -> Any:
        if not set(mode) & set("wax+"):
            return files[0](file, mode, *given, **more)
        named = not isinstance(file, int)
        stream = (
            disk.step("open", lambda: files[0](file, mode, *given, **more))
            if named
            else files[0](file, mode, *given, **more)
        )
        return _File(stream, disk)

    for name in _CALLS:
        setattr(os, name, around(name))
    os.open = open_number
    os.dup = lambda handle: noted(kept["dup"](handle))  # type: ignore[assignment]
    builtins.open = io.open = opened  # type: ignore[assignment]
    shutil._USE_CP_SENDFILE = False  # type: ignore[attr-defined]
    try:
        yield
    finally:
        for name, work in kept.items():
            setattr(os, name, work)
        builtins.open, io.open, shutil.copyfile = files
        shutil._USE_CP_SENDFILE = fast  # type: ignore[attr-defined]
        _close(held)


def _close(held: dict[int, tuple[int, int]]) -> None:
    """Close what a crash left open, as the end of a process does: its locks go."""
    gc.collect()  # streams close their own
    for handle, known in held.items():
        with suppress(OSError):
            state = os.fstat(handle)
            if (state.st_dev, state.st_ino) == known:
                os.close(handle)
