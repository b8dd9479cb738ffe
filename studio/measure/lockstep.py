"""Forward passes that go through one model together: each waits before every layer."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

_own = threading.local()
_NOTHING = Tensor()


class _Dropped(BaseException):
    """Ends a pass that nobody waits for."""


class Pass:
    """One forward pass, on a thread of its own, that waits before every layer of some.

    Only one of all passes runs at a time: the one that ``advance`` was called of last. So many
    passes can share one model, although its weights change in between.

    Args:
        run: the whole pass.

    Attributes:
        layer: that it waits before; None before it began and after it ended.
        inputs: what that layer is called with, in order.
        named: what it is called with by name.
    """

    def __init__(self, run: Callable[[], object]) -> None:
        self.layer: nn.Module | None = None
        self.inputs: tuple[Any, ...] = ()
        self.named: dict[str, Any] = {}
        self._run = run
        self._go, self._back = threading.Semaphore(0), threading.Semaphore(0)
        self._problem: BaseException | None = None
        self._dropped = False
        self._thread = threading.Thread(target=self._work, name="pass", daemon=True)

    @property
    def states(self) -> Tensor:
        """What enters the layer that it waits before."""
        return next(iter((*self.inputs, *self.named.values())), _NOTHING)

    def advance(self) -> None:
        """Go through the layer that it waits before, up to the next one or the end.

        Raises:
            BaseException: whatever the pass itself raised.
        """
        if self._thread.ident is None:
            self._thread.start()
        self._go.release()
        self._back.acquire()
        if self._problem is not None:
            raise self._problem

    def drop(self) -> None:
        """End it where it is."""
        self._dropped = True
        if self._thread.is_alive():
            self._go.release()
            self._thread.join()

    def wait(self, layer: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
        """Called on its own thread, before a layer."""
        self.layer, self.inputs, self.named = layer, inputs, named
        self._back.release()
        self._go.acquire()
        if self._dropped:
            raise _Dropped

    def _work(self) -> None:
        _own.running = self
        self._go.acquire()
        try:
            if not self._dropped:
                self._run()
        except _Dropped:
            pass
        except BaseException as problem:  # it is raised where somebody waits for it
            self._problem = problem
        self.layer, self.inputs, self.named = None, (), {}
        self._back.release()


@contextmanager
def in_lockstep(
    layers: Sequence[nn.Module], runs: Sequence[Callable[[], object]]
) -> Iterator[list[Pass]]:
    """Passes that have not begun; those that have not ended are dropped when the context ends.

    Args:
        layers: before which they wait.
        runs: the passes.
    """

    def hook(layer: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
        running: Pass | None = getattr(_own, "running", None)
        if running is not None:
            running.wait(layer, inputs, named)

    handles = [layer.register_forward_pre_hook(hook, with_kwargs=True) for layer in layers]
    passes = [Pass(run) for run in runs]
    try:
        yield passes
    finally:
        for each in passes:
            each.drop()
        for handle in handles:
            handle.remove()
