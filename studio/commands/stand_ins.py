"""Reading what modules say of themselves, without the heavy libraries that they compute with."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

_HEAVY = ("numpy", "safetensors.torch", "torch")


@contextmanager
def without_heavy_libraries() -> Iterator[None]:
    """Let modules of the studio be imported in a fraction of a second, to be read and not run.

    In the place of what takes seconds to import stand names that may be imported and annotated
    with; every other use of them fails. Nothing that was imported so is kept. Where torch is
    loaded already, nothing is replaced.
    """
    if "torch" in sys.modules:
        yield
        return
    before, finder = set(sys.modules), _Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in set(sys.modules) - before:
            if name.startswith(("studio.", *_HEAVY)):
                _forget(name)


class _StandIn(ModuleType):
    """A module, or a name in one: it has every name, and annotations may be made of it."""

    def __getattr__(self, name: str) -> "_StandIn":
        if name.startswith("__"):
            raise AttributeError(name)
        return _StandIn(name)

    def __or__(self, other: object) -> "_StandIn":
        return self

    __ror__ = __or__


class _Finder(MetaPathFinder, Loader):
    """Finds a stand-in for every heavy library, and nothing else."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        heavy = any(f"{fullname}.".startswith(f"{name}.") for name in _HEAVY)
        return ModuleSpec(fullname, self, is_package=True) if heavy else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


def _forget(name: str) -> None:
    """Take a module out of those that are loaded, and out of the package that it is in."""
    del sys.modules[name]
    package, _, own = name.rpartition(".")
    if package in sys.modules:
        vars(sys.modules[package]).pop(own, None)
