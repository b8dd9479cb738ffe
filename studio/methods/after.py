"""What can be done after any merge: depth weighed by one number, shared directions counted once."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import torch
from torch import Tensor

from studio.checkpoints.deltas import AnyDeltas, DerivedDeltas
from studio.checkpoints.vectors import Room, Vectors, add_weighted
from studio.errors import BadRecipe
from studio.geometry.counting import Counted, counted
from studio.geometry.gram import Gram, gram
from studio.methods.contract import Given, Method, mixing
from studio.methods.whole import Entries, Whole
from studio.recipe import Option, finite

LINES, SVC = "lines", "svc"
AFTER: dict[str, dict] = {
    LINES: {
        "name": LINES, "default": 1.0, "label": "first layers",
        "words": "How strongly the first layers are changed, beside the last ones; between them it "
        "rises evenly.",
        "exactly": "LiNeS: block l of L gets lines + (1 - lines) l / (L - 1), all else lines.",
        "choices": (), "low": 0.0, "high": 1.0, "whole": False,
    },
    SVC: {
        "name": SVC, "default": None, "label": "count what is shared once",
        "words": "Shortens directions that several tasks share and that were added several times; "
        "empty leaves the merge as it is.",
        "exactly": "SVC: singular values times n / sum_i max(svc, s_ri); about 1/n is usual.",
        "choices": (), "low": 1e-3, "high": 1.0, "whole": False,
    },
}  # fmt: skip
"""Options that every method takes, as ``describe`` has a method's own."""
_BLOCK = re.compile(r"(.*?)\.(\d+)\.")


def parted(options: Mapping[str, Option]) -> tuple[dict[str, Option], dict[str, float]]:
    """A method's own options, and those of ``AFTER`` that do something.

    Raises:
        BadRecipe: one of ``AFTER`` is out of range.
    """
    own = {key: value for key, value in options.items() if key not in AFTER}
    after: dict[str, float] = {}
    for key, value in options.items():
        if key in AFTER and value != AFTER[key]["default"]:
            after[key] = _within(AFTER[key], value)
    return own, after


def depths(names: Iterable[str], every: Iterable[str], first: float) -> Tensor:
    """What every tensor of a merge is multiplied by.

    Args:
        names: T tensors.
        every: all tensors of the model. A block is named by its first number
            (``encoder.layer.3.``); each list of blocks is a stack of its own.
        first: of the first block, and of what lies in no block; the last block has 1, as does the
            only block of a stack.

    Returns:
        ``(T,)`` float64.

    Source: Wang et al. 2024, LiNeS (arXiv 2410.17146), with its two numbers brought to one: the
    coefficients are the other.
    """
    last: dict[str, int] = {}
    for name in every:
        if found := _BLOCK.match(name):
            last[found[1]] = max(last.get(found[1], 0), int(found[2]))

    def of(name: str) -> float:
        found = _BLOCK.match(name)
        if not found:
            return first
        end = last[found[1]]
        return first + (1.0 - first) * int(found[2]) / end if end else 1.0

    return torch.tensor([of(name) for name in names], dtype=torch.float64)


def deepened(
    numbers: Tensor, after: Mapping[str, float], names: Sequence[str], every: Iterable[str]
) -> Tensor:
    """``(T, ...)`` numbers of T tensors, or ``(1, ...)`` of all alike, with depth weighed.

    Args:
        numbers: what the tensors' vectors are mixed with.
        after: as ``parted`` gives it; without ``lines`` they stay as they are.
        names: of the T tensors.
        every: see ``depths``.
    """
    if LINES not in after:
        return numbers
    found = depths(names, every, after[LINES])
    return numbers * found.view(-1, *(1 for _ in numbers.shape[1:]))


@dataclass(frozen=True)
class Recounted(Whole):
    """base + scale U (g s) V^T per matrix, of what a method adds there: U s V^T.

    g_r = n / sum_i max(floor, t_ri) over the n tasks that enter the matrix, with t_ri how often
    direction r is counted for every once that c_i delta_i asks for it, see ``counting``. A
    direction that one task alone asks for stays; one that n share, and whose n deltas were added,
    gets the length that each asked for. The change then depends on all tasks, so none has a
    component. Vectors and embedding tables stay.

    Source: SVC, singular value calibration, as in FusionBench and the authors' code, which
    measure against deltas without coefficients.
    """

    inner: Method | None = None
    floor: float = 1.0

    @property
    def ordered(self) -> bool:
        """As the method."""
        return self._inner.ordered

    @property
    def projects(self) -> bool:
        """As the method."""
        return self._inner.projects

    @property
    def measures(self) -> str:
        """As the method."""
        return self._inner.measures

    @property
    def measured_rows(self) -> int:
        """As the method."""
        return self._inner.measured_rows

    @property
    def _inner(self) -> Method:
        assert self.inner is not None, "made by recounted alone"
        return self.inner

    def vectors(self, given: Given) -> DerivedDeltas:
        """The change of the method, counted again."""
        changes = changes_of(self._inner, given)

        def change(entries: Entries, given: Given) -> Tensor:
            found = changes(entries.name)
            if not entries.is_matrix or not bool(found.any()):
                return found
            made = counts_of(entries, found)
            return made.put_right(found.view(entries.shape), self.floor).to(entries.dtype)

        return DerivedDeltas(given.deltas, self.transform(given, change), combined=True)


def recounted(inner: Method, floor: float) -> Method:
    """A method whose change is counted again; it goes by the method's name."""
    made = _kind(type(inner))(scale=float(getattr(inner, "scale", 1.0)))
    return replace(made, inner=inner.unscaled, floor=floor)


def counts_of(entries: Entries, change: Tensor) -> Counted:
    """How often a merged change of a matrix counts the directions of its weighted deltas."""
    deltas = (entries.factors(task) or entries.delta(task) for task in entries.present)
    return counted(change.view(entries.shape), [each for each in deltas if each is not None])


def changes_of(method: Method, given: Given) -> Callable[[str], Tensor]:
    """From a tensor's name what a method adds to the base there, flat and in the compute dtype."""
    vectors: AnyDeltas = method.vectors(given) if method.derives else given.deltas

    def grams(rows: Tensor | None = None) -> Gram:
        return given.gram() if rows is None and not method.derives else gram(vectors, rows)

    names, dtype = given.deltas.names, given.deltas.dtype
    if method.has_components:
        weights = mixing(given.coefficients, method.components(len(given.deltas), grams))
    else:
        weights = torch.full((len(names), 1), method.factor(given, vectors), dtype=torch.float64)
    places = {name: t for t, name in enumerate(names)}

    def change(name: str) -> Tensor:
        tensor: Vectors = vectors.at(name)
        total = torch.zeros(tensor.numel, dtype=dtype)
        add_weighted(total, tensor, weights[places[name]].tolist(), 0, Room())
        return total

    return change


_TOLD = (
    "name", "title", "plainly", "default_coefficient", "starting_coefficient", "needs", "draws",
    "most_tasks", "first_come", "__doc__",
)  # fmt: skip


@cache
def _kind(kind: type[Method]) -> type[Recounted]:
    told = {name: getattr(kind, name) for name in _TOLD}
    return type(f"Recounted{kind.__name__}", (Recounted,), told)


def _within(rule: dict, value: Option) -> float:
    number = finite(value, f"option '{rule['name']}'")
    if not rule["low"] <= number <= rule["high"]:
        raise BadRecipe(
            f"Option '{rule['name']}' is {value!r}; it must be from {rule['low']} to "
            f"{rule['high']}."
        )
    return number
