"""How each method of mergekit is said by a method of the studio; what none says is refused.

Source: mergekit 0.1.5, by its documented semantics.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from studio.errors import BadRecipe
from studio.methods.breadcrumbs import Breadcrumbs
from studio.methods.dare import Dare
from studio.methods.della import Della
from studio.methods.mergekit.asked import Asked
from studio.methods.mergekit.setting import Place
from studio.methods.model_stock import ModelStock
from studio.methods.nuslerp import NuSlerp
from studio.methods.slerp import NEVER, Slerp
from studio.methods.task_arithmetic import TaskArithmetic
from studio.methods.ties import NO_ELECTION, WEIGHTED, WEIGHTED_SUM, Ties
from studio.recipe import Option

EQUAL_MAGNITUDES = (
    "Of entries that are as large as the smallest one kept, the studio keeps all, and mergekit as "
    "many as density says."
)
OTHER_DRAWS = (
    "The entries that are dropped are drawn by another generator than mergekit's: alike in "
    "distribution, not entry by entry."
)
ZERO_TENSORS = (
    "Where a tensor is zero in one of the two models, the studio takes the straight line and "
    "mergekit an arc of a right angle."
)
ZERO_DELTAS = (
    "Where one of the two models leaves a tensor alone, or both move it in opposite directions, "
    "the studio takes the straight line and mergekit an arc."
)
SMALL_DELTAS = (
    "mergekit counts a delta that is zero in a tensor, takes norms whose product is below 1e-6 for "
    "1e-6, and lets t fall below -1; the studio does not."
)


@dataclass(frozen=True)
class Reading:
    """A method of mergekit as one of the studio.

    Attributes:
        method: name of the studio's method.
        coefficients: per tensor, one of each model.
        options: of the studio's method.
        notes: where the numbers may differ, a sentence each.
    """

    method: str
    coefficients: Callable[[Place], list[float]]
    options: Mapping[str, Option] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def linear(asked: Asked) -> Reading:
    """Sum of w x over the models and a base that is one of them, by the sum of the weights."""

    def at(place: Place) -> list[float]:
        weights = asked.own("weight", place)
        total = sum(weights)
        if asked.flag("normalize", True):
            if total == 0.0:
                raise BadRecipe(f"{asked.where}: the weights add up to 0, and are divided by it.")
            return [each / total for each in weights]
        if abs(total - 1.0) > 1e-9:
            raise BadRecipe(
                f"{asked.where}: without normalize the weights add up to {total:g}, so that the "
                "base itself would be scaled, which no method of the studio does. Let them add up "
                "to 1, or take task_arithmetic."
            )
        return weights

    return Reading(TaskArithmetic.name, at, {"scale": 1.0})


def task_arithmetic(asked: Asked) -> Reading:
    """The base and lambda times the sum of w delta."""
    return Reading(TaskArithmetic.name, _sums(asked), {"scale": 1.0})


def ties(asked: Asked) -> Reading:
    """Trimmed by tensor, elected by weighted deltas, added and divided by the agreeing weights."""
    _refuse(asked, "rescale", "scales what is left of a delta to its old length")
    reduce = WEIGHTED if asked.flag("normalize", True) else WEIGHTED_SUM
    density, scale = _density(asked), asked.one("lambda", 1.0, shared=True)
    options = {"density": density, "trim": "tensor", "reduce": reduce, "scale": scale}
    notes = () if density == 1.0 else (EQUAL_MAGNITUDES,)
    return Reading(Ties.name, lambda place: asked.own("weight", place), options, notes)


def dare(asked: Asked) -> Reading:
    """Deltas with entries dropped at random, of their old L1 norm or not rescaled at all.

    With ``dare_ties`` a sign is elected by what is left.
    """
    density = _density(asked)
    rescale, factor = _rescaling(asked, density)
    elect, at = _elected(asked, asked.given.method == "dare_ties", False, factor)
    options = {"drop": round(1.0 - density, 12), "rescale": rescale, "elect": elect}
    return Reading(Dare.name, at, options, _draws(density))


def della(asked: Asked) -> Reading:
    """The same with entries that are likelier dropped where they are small in their row."""
    density, epsilon = _density(asked), asked.one("epsilon", 0.15)
    if density == 1.0:  # the delta is then left as it is, whatever epsilon says
        epsilon = 0.0
    elif not 0.0 < density - abs(epsilon) <= density + abs(epsilon) < 1.0:
        raise BadRecipe(
            f"{asked.where}: density is {density:g} and epsilon {epsilon:g}; density - epsilon and "
            "density + epsilon must lie between 0 and 1."
        )
    if epsilon < 0.0:
        raise BadRecipe(f"{asked.where}: epsilon is {epsilon:g}; the studio's is not below 0.")
    if not asked.flag("rescale", True) and density < 1.0:
        raise BadRecipe(
            f"{asked.where}: rescale: false leaves what is kept as long as it was, which the "
            f"studio's {asked.given.method} does not. Leave it out."
        )
    elect, at = _elected(asked, asked.given.method == "della", True)
    drop = round(1.0 - density, 12)
    options = {"drop": drop, "rescale": "norm", "elect": elect, "epsilon": epsilon}
    return Reading(Della.name, at, options, _draws(density))


def breadcrumbs(asked: Asked) -> Reading:
    """Deltas without their largest and their smallest entries, tensor by tensor.

    With ``breadcrumbs_ties`` a sign is elected by what is left.
    """
    _refuse(asked, "rescale", "scales what is left of a delta to its old length")
    density, gamma = _density(asked), asked.one("gamma", 0.01)
    if not 0.0 <= gamma <= 1.0:
        raise BadRecipe(f"{asked.where}: gamma is {gamma:g}; it is a share, from 0 to 1.")
    whole = density == 1.0  # the delta is then left as it is, whatever gamma says
    elect, at = _elected(asked, asked.given.method == "breadcrumbs_ties", False)
    options = {"density": density, "gamma": 0.0 if whole else gamma, "elect": elect}
    return Reading(Breadcrumbs.name, at, options, () if whole else (EQUAL_MAGNITUDES,))


def model_stock(asked: Asked) -> Reading:
    """The mean of the models, drawn towards the base by the angles between deltas."""
    _refuse(asked, "filter_wise", "takes the angles row by row")
    _need(asked, "at least two", len(asked.inputs) >= 2)
    return Reading(ModelStock.name, lambda place: [1.0] * len(asked.inputs), {}, (SMALL_DELTAS,))


def slerp(asked: Asked) -> Reading:
    """From the base model to the other one; t is the share of the way."""
    _need(asked, "exactly two", len(asked.inputs) == 2)

    def at(place: Place) -> list[float]:
        t = asked.shared("t", place)
        return [1.0 - t, t]

    return Reading(Slerp.name, at, {}, (ZERO_TENSORS,))


def nuslerp(asked: Asked) -> Reading:
    """From one delta to the other by the ratio of the weights, each tensor as one vector.

    Without a base, from one model to the other.
    """
    _need(asked, "exactly two", len(asked.inputs) == 2)
    _refuse(asked, "nuslerp_row_wise", "turns rows one by one")
    if not asked.flag("nuslerp_flatten", True):
        raise BadRecipe(
            f"{asked.where}: nuslerp_flatten: false turns rows one by one, which the studio's "
            "nuslerp does not. Leave it out."
        )

    def at(place: Place) -> list[float]:
        weights = asked.own("weight", place)
        return [0.5, 0.5] if abs(sum(weights)) < 1e-6 else weights

    if asked.given.base is None:  # whole models are turned
        return Reading(Slerp.name, at, {"line": NEVER}, (ZERO_TENSORS,))
    return Reading(NuSlerp.name, at, {}, (ZERO_DELTAS,))


READINGS: Mapping[str, tuple[Callable[[Asked], Reading], tuple[str, ...]]] = {
    "linear": (linear, ("weight",)),
    "task_arithmetic": (task_arithmetic, ("weight", "lambda")),
    "ties": (ties, ("weight", "density", "lambda")),
    "dare_linear": (dare, ("weight", "density", "lambda")),
    "dare_ties": (dare, ("weight", "density", "lambda")),
    "della_linear": (della, ("weight", "density", "epsilon", "lambda")),
    "della": (della, ("weight", "density", "epsilon", "lambda")),
    "breadcrumbs": (breadcrumbs, ("weight", "density", "gamma", "lambda")),
    "breadcrumbs_ties": (breadcrumbs, ("weight", "density", "gamma", "lambda")),
    "model_stock": (model_stock, ()),
    "slerp": (slerp, ("t",)),
    "nuslerp": (nuslerp, ("weight",)),
}
"""By mergekit's name: what reads it, and which of its parameters are numbers."""


def _sums(asked: Asked, factor: float = 1.0) -> Callable[[Place], list[float]]:
    """Weights times lambda, by their sum if the configuration says so."""

    def at(place: Place) -> list[float]:
        scale = factor * asked.shared("lambda", place, 1.0)
        return [scale * each for each in asked.normalized(asked.own("weight", place), False)]

    return at


def _elected(
    asked: Asked, elects: bool, normalize: bool, factor: float = 1.0
) -> tuple[str, Callable[[Place], list[float]]]:
    """How signs are elected among what is left of the deltas, and the coefficients.

    Args:
        asked: the configuration.
        elects: whether its method elects; if not, weights may be divided by their sum.
        normalize: whether one that elects divides by the agreeing weights if nothing is said.
        factor: that takes back what the studio's method multiplies by.
    """
    if not elects:
        return NO_ELECTION, _sums(asked, factor)
    if not asked.flag("normalize", normalize):
        return WEIGHTED_SUM, _sums(asked, factor)
    scale = factor * asked.one("lambda", 1.0, shared=True)
    if abs(scale - 1.0) > 1e-9:
        raise BadRecipe(
            f"{asked.where}: with normalize, {asked.given.method} is a weighted mean, which lambda "
            f"and rescale multiply by {scale:g} here; the studio's has no factor. Leave both out."
        )
    return WEIGHTED, lambda place: asked.own("weight", place)


def _density(asked: Asked) -> float:
    density = asked.one("density", 1.0)
    if not 0.0 < density <= 1.0:
        raise BadRecipe(
            f"{asked.where}: density is {density:g}; it is the share of entries that are kept, "
            "above 0 and up to 1."
        )
    return density


def _rescaling(asked: Asked, density: float) -> tuple[str, float]:
    """The studio's option, and the factor that takes back what it multiplies by."""
    return ("norm", 1.0) if asked.flag("rescale", True) else ("expected", density)


def _draws(density: float) -> tuple[str, ...]:
    return () if density == 1.0 else (OTHER_DRAWS,)


def _refuse(asked: Asked, name: str, words: str) -> None:
    if asked.flag(name, False):
        raise BadRecipe(
            f"{asked.where}: {name} {words}, which the studio's {asked.given.method} does not. "
            "Leave it out."
        )


def _need(asked: Asked, count: str, enough: bool) -> None:
    if not enough:
        raise BadRecipe(
            f"{asked.where}: {asked.given.method} merges {count} models, and {len(asked.inputs)} "
            "stand there."
        )
