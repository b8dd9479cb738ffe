"""CMA-ES: generations of candidates, each tried on the live model, on more and more rows."""

import warnings
from collections.abc import Iterator

import numpy as np
import torch

from studio.errors import BadRecipe
from studio.search.state import Search, SearchStep

SPREAD = 0.2  # of the first generation, in coefficients
LIMITS = (0.0, 1.5)  # of a coefficient, unless the search starts beyond
FEWEST_ROWS = 32  # of each task for a candidate of the first generation


def generation_size(dimensions: int) -> int:
    """Candidates of a generation: ``4 + floor(3 ln k)``.

    Source: Hansen 2016, The CMA evolution strategy: a tutorial (arXiv 1604.00772), Eq. 48.
    """
    return 4 + int(3 * np.log(dimensions))


def evolution(search: Search) -> Iterator[SearchStep]:
    """Adapt the mean and the covariance of a normal distribution of coefficients.

    After each generation its best candidate and its mean are checked.

    Raises:
        BadRecipe: the budget is below one generation.

    Source: Hansen and Ostermeier 2001; MDM-OC, section V, where it is said to suit the
    coefficients better than gradients.
    """
    size = generation_size(len(search.directions))
    generations = search.plan.budget // size
    if generations < 1:
        raise BadRecipe(
            f"The budget is {search.plan.budget} candidates, but a generation of CMA-ES in "
            f"{len(search.directions)} directions has {size}. Give it several generations, such as "
            f"{10 * size}."
        )
    strategy = _strategy(search, size)
    for generation in range(generations):
        rows = rows_of(generation, generations, search.most_rows)
        candidates = strategy.ask()
        found = [search.oracle.value(_point(search, each), rows) for each in candidates]
        values = [search.joint(each) for each in found]
        strategy.tell(candidates, values)
        first = int(np.argmin(values))
        point = _point(search, candidates[first])
        checked = [search.check(point), search.check(_point(search, strategy.result.xfavorite))]
        checked.sort(key=lambda kept: kept.value)
        number = (generation + 1) * size
        yield search.step(number, point, found[first].losses, values[first], checked[0])


def rows_of(generation: int, generations: int, most: int) -> int:
    """Rows per task of a candidate: they grow geometrically, and the last generation has all."""
    if generations < 2 or most <= FEWEST_ROWS:
        return most
    return round(FEWEST_ROWS * (most / FEWEST_ROWS) ** (generation / (generations - 1)))


def limits(search: Search) -> tuple[torch.Tensor, torch.Tensor]:
    """``(p,)`` the least and the greatest value of every coefficient."""
    start = search.start
    return start.clamp(max=LIMITS[0]), start.clamp(min=LIMITS[1])


def _strategy(search: Search, size: int):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # cma says that it cannot plot without matplotlib
        import cma

    low, high = (each - search.start for each in limits(search))
    generator = np.random.default_rng(search.plan.seed)
    options = {
        "popsize": size, "seed": np.nan, "verbose": -9, "verb_log": 0,
        "randn": lambda *shape: generator.standard_normal(shape),
    }  # fmt: skip
    if search.directions.plain:
        options["bounds"] = [low.tolist(), high.tolist()]
    return cma.CMAEvolutionStrategy(np.zeros(len(search.directions)), SPREAD, options)


def _point(search: Search, candidate: np.ndarray) -> torch.Tensor:
    """A candidate's coefficients, inside the limits."""
    low, high = limits(search)
    return search.at(torch.from_numpy(np.asarray(candidate, dtype=float))).clamp(low, high)
