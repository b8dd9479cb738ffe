"""Measure OPCM on BERT-base shapes: ``python -m tests.benchmarks.opcm [REPEATS]``.

One step per shape: a drawn delta is cleared of a drawn sum, by the studio and by a float32 SVD with
``full_matrices=True`` and the products with its bases, as the reference does it. Both may use all
threads: the SVD within an operation, the studio with one matrix per thread, as in a merge. Seconds
of a whole merge of n = 4 are those of a matrix times the number of such matrices times n - 1 steps.
Prints the error of both to a float64 SVD, as a share of the cleared delta's norm.
"""

import statistics
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor

from studio.methods.opcm import Projection
from studio.parallel import in_order

SHAPES = {(768, 768): 49, (3072, 768): 12, (768, 3072): 12}  # BERT-base's matrices, with pooler
STEPS = 3  # n = 4
RULE = Projection(0.5, "code", True, True)


def main(repeats: int) -> None:
    """Print a line per shape, and the whole."""
    threads = torch.get_num_threads()
    print(f"{threads} threads, n={repeats}; median (least to most)")
    whole: list[tuple[float, float]] = [(0.0, 0.0)] * repeats
    for shape, count in SHAPES.items():
        total, delta = draw(shape)
        pairs = [(full(total, delta), ours(total, delta, threads)) for _ in range(repeats)]
        errors = [error(total, delta, way) for way in (reference, cleared)]
        print(f"{shape}: full SVD {words(a for a, _ in pairs)} s, ours {words(b for _, b in pairs)}"
              f" s, ratio {words(a / b for a, b in pairs)}; error {errors[0]:.1e}, {errors[1]:.1e}",
              flush=True)  # fmt: skip
        each = count * STEPS
        whole = [(x + each * a, y + each * b) for (x, y), (a, b) in zip(whole, pairs, strict=True)]
    print(
        f"73 matrices, {STEPS} steps, extrapolated: full SVD {words(a for a, _ in whole)} s, ours "
        f"{words(b for _, b in whole)} s, ratio {words(a / b for a, b in whole)}"
    )


def draw(shape: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """A sum and a delta of normal numbers."""
    generator = torch.Generator().manual_seed(0)
    total, delta = 0.002 * torch.randn(2, *shape, generator=generator)
    return total, delta


def full(total: Tensor, delta: Tensor) -> float:
    """Seconds of one step with full bases."""
    return seconds(lambda: reference(total, delta))


def ours(total: Tensor, delta: Tensor, threads: int) -> float:
    """Seconds per matrix of the studio, with as many matrices in work as there are threads."""
    copies = 2 * threads

    def work() -> None:
        for _ in in_order(lambda _: cleared(total, delta), range(copies)):
            pass

    return seconds(work) / copies


def reference(total: Tensor, delta: Tensor) -> Tensor:
    """OPCM's projection in full singular bases (algorithm of arXiv 2501.09522)."""
    u, s, vh = torch.linalg.svd(total, full_matrices=True)
    r = int((s.cumsum(0) / s.sum() > RULE.alpha).int().argmax())
    p = u.T @ delta @ vh.T
    p.diagonal().zero_()
    p[:r, :r] = 0
    return u @ p @ vh


def cleared(total: Tensor, delta: Tensor) -> Tensor:
    """The studio's."""
    return RULE.clear(delta.clone(), total)


def error(total: Tensor, delta: Tensor, way: Callable[[Tensor, Tensor], Tensor]) -> float:
    """Distance to the same in float64, relative to its norm."""
    exact = reference(total.double(), delta.double())
    return float((way(total, delta) - exact).norm() / exact.norm())


def seconds(work: Callable[[], object]) -> float:
    """Of one run."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def words(numbers) -> str:
    """Median and range."""
    found = list(numbers)
    return f"{statistics.median(found):.3f} ({min(found):.3f} to {max(found):.3f})"


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
