"""DARE: drop entries of every delta at random, and rescale what is left."""

import hashlib
import json
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from studio.checkpoints.deltas import DerivedDeltas
from studio.checkpoints.vectors import Vectors
from studio.geometry.gram import Grams
from studio.geometry.orthogonal import Basis, identity
from studio.methods.contract import Given, Method, option
from studio.methods.kit.sparse import Sparse, in_chunks
from studio.methods.ties import NO_ELECTION, after_election, elect_option
from studio.parallel import in_order

RANGE = 2**32
"""How many numbers can be drawn for an entry."""
_AT_ONCE = 8  # 32-bit numbers that Philox makes of one count


@dataclass(frozen=True)
class Dare(Method):
    """base + sum_i c_i dropped_i: each delta without a random share of its entries, rescaled.

    What is left is divided by 1 - drop, so that its expectation is the delta; or, with rescale
    norm, multiplied in every tensor so that its L1 norm is the delta's. With elect a sign is then
    elected per element as TIES does by weighted deltas, and what disagrees is left out. A mask
    depends on the recipe's seed, the task's name and the tensor's name alone: not on the other
    tasks, so that a task is unmerged without another one's mask being drawn anew.

    Source: Yu et al. 2023, Language models are super Mario (arXiv 2311.03099), DARE with task
    arithmetic; the norm, and the election (dare_ties), as in mergekit.
    """

    name: ClassVar[str] = "dare"
    title: ClassVar[str] = "DARE"
    plainly: ClassVar[str] = (
        "Drops entries of each task's change by chance and enlarges the rest, so that fewer "
        "collide."
    )
    main: ClassVar[str] = "drop"
    default_coefficient: ClassVar[float] = 0.3
    draws: ClassVar[bool] = True

    drop: float = option(
        0.5,
        "How much of each task's change is thrown away by chance.",
        label="share dropped",
        exactly="Share of each delta's entries that is dropped.",
        low=0.0,
        high=0.999,
    )
    rescale: str = option(
        "expected",
        (
            "What is left is enlarged by the share that was dropped, or until it is as large as "
            "before."
        ),
        label="making up",
        exactly="Divide by the share kept, or keep each tensor's L1 norm.",
        choices=("expected", "norm"),
    )
    elect: str = elect_option()

    @property
    def derives(self) -> bool:
        """A delta with holes is no combination of whole deltas."""
        return True

    @property
    def weighs(self) -> bool:
        """Signs are elected by weighted deltas."""
        return self.elect != NO_ELECTION

    @property
    def carried(self) -> str:
        """What comes is added, unless all take part in an election."""
        return super().carried if self.weighs else "the merged model"

    @property
    def portable(self) -> bool:
        """Masks and a common factor are alike everywhere; a norm is a library's sum."""
        return self.rescale == "expected"

    @property
    def common_factor(self) -> float:
        """What all that is kept is multiplied by with rescale expected."""
        return 1.0 / (1.0 - self.drop)

    def kept(self, given: Given, name: str, task: int, start: int, stop: int) -> Tensor:
        """A factor for each of these entries of a task's delta in a tensor, 0 where it goes."""
        return mask(given.seed, given.deltas.tasks[task], name, self.drop, start, stop)

    def components(self, n: int, gram: Grams) -> Basis:
        """The rescaled deltas themselves."""
        return identity(n)

    def vectors(self, given: Given) -> DerivedDeltas:
        """Each delta with its mask and its factor."""
        deltas, n = given.deltas, len(given.deltas)
        factors = dict.fromkeys(deltas.names, (self.common_factor,) * n)
        if self.rescale == "norm":
            found = in_order(lambda name: self._norm_factors(given, name), deltas.names)
            factors = dict(zip(deltas.names, found, strict=True))

        def dropped(tensor: Vectors) -> Vectors:
            def keep(task: int, start: int, stop: int, delta: Tensor) -> Tensor:
                return self.kept(given, tensor.name, task, start, stop)

            return after_election(Sparse(tensor, keep, factors[tensor.name]), self.elect, given)

        return DerivedDeltas(deltas, dropped)

    def _norm_factors(self, given: Given, name: str) -> tuple[float, ...]:
        """Per task, the L1 norm of its delta in a tensor by that of the entries kept."""
        factors = []
        for task in range(len(given.deltas)):
            whole = kept = 0.0
            for start, stop, values in in_chunks(given.deltas, name, task):
                sizes = values.abs().double()
                whole += float(sizes.sum())
                kept += float(sizes.mul_(self.kept(given, name, task, start, stop)).sum())
            factors.append(whole / kept if kept else 0.0)  # 0: there is nothing left to rescale
        return tuple(factors)


def mask(seed: int, task: str, tensor: str, drop: float, start: int, stop: int) -> Tensor:
    """Which entries of a task's delta are kept: ``(stop - start,)`` bool.

    Element e is kept if the e-th number of ``drawn`` is at least ``drop * 2**32``.
    """
    numbers = drawn(seed, task, tensor, start, stop)
    return torch.from_numpy(numbers >= np.uint32(round(drop * RANGE)))


def drawn(seed: int, task: str, tensor: str, start: int, stop: int) -> np.ndarray:
    """Numbers for the entries of a task's delta: ``(stop - start,)`` uint32.

    The stream is Philox, which counts instead of remembering, so that it can begin anywhere; its
    key is the first 128 bits of the SHA-256 of seed, task and tensor.

    Source: Salmon et al. 2011, Parallel random numbers: as easy as 1, 2, 3 (Philox4x64-10).
    """
    named = json.dumps([seed, task, tensor]).encode()
    key = int.from_bytes(hashlib.sha256(named).digest()[:16], "little")
    first = start // _AT_ONCE
    count = -(-stop // _AT_ONCE) - first
    many = np.random.Philox(key=key, counter=first).random_raw(count * _AT_ONCE // 2)
    numbers = many.astype("<u8", copy=False).view("<u4")
    offset = start - first * _AT_ONCE
    return numbers[offset : offset + stop - start]
