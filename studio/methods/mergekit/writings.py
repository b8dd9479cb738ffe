"""How each method of the studio is said by a method of mergekit, the other way round."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from studio.errors import BadRecipe
from studio.methods.average import Average
from studio.methods.breadcrumbs import Breadcrumbs
from studio.methods.contract import Method
from studio.methods.dare import Dare
from studio.methods.della import Della
from studio.methods.mergekit.filters import Plain, setting_of
from studio.methods.mergekit.readings import (
    EQUAL_MAGNITUDES,
    OTHER_DRAWS,
    SMALL_DELTAS,
    ZERO_DELTAS,
    ZERO_TENSORS,
)
from studio.methods.model_stock import ModelStock
from studio.methods.nuslerp import NuSlerp
from studio.methods.slerp import NEVER, Slerp
from studio.methods.task_arithmetic import TaskArithmetic
from studio.methods.ties import WEIGHTED, WEIGHTED_SUM, Ties

DRAWS = (
    "An element whose sum is exactly zero counts as positive in mergekit, and goes with the "
    "majority of all elements here."
)
BASE, FIRST, NOTHING = "base", "first", "nothing"
Values = Sequence[Mapping[str, float]]
"""Per task, its coefficient by tensor, or one under the empty name."""


@dataclass(frozen=True)
class Written:
    """A method of mergekit with its parameters.

    Attributes:
        method: mergekit's name.
        own: per model, the parameters of its own block.
        shared: the parameters of all models.
        notes: where the numbers may differ, a sentence each.
        base: which model stands as ``base_model``: the recipe's base, the first model, or none.
    """

    method: str
    own: Sequence[Mapping[str, Plain]]
    shared: Mapping[str, Plain | bool]
    notes: tuple[str, ...] = ()
    base: str = BASE


def _task_arithmetic(chosen: Method, values: Values) -> Written:
    assert isinstance(chosen, TaskArithmetic)
    shared = {"lambda": chosen.scale, "normalize": False}
    return Written("task_arithmetic", _weights(values), shared)


def _average(chosen: Method, values: Values) -> Written:
    shared = {"lambda": 1.0 / len(values), "normalize": False}
    return Written("task_arithmetic", _weights(values), shared)


def _ties(chosen: Method, values: Values) -> Written:
    assert isinstance(chosen, Ties)
    if chosen.density < 1.0 and chosen.trim != "tensor":
        raise BadRecipe(
            "ties trims over the whole model here, and mergekit tensor by tensor, which keeps "
            "other entries. Set trim: tensor to say what mergekit does."
        )
    shared = {"density": _share("density", chosen.density), "lambda": chosen.scale}
    notes = () if chosen.density == 1.0 else (EQUAL_MAGNITUDES,)
    if chosen.reduce in (WEIGHTED, WEIGHTED_SUM):
        shared |= {"normalize": chosen.reduce == WEIGHTED}
        return Written("ties", _weights(values), shared, notes)
    found = {x for each in values for x in each.values()}
    if len(found) > 1 or min(found) <= 0.0:
        raise BadRecipe(
            f"ties with reduce: {chosen.reduce} elects before it weighs, and mergekit after. That "
            "is the same only with one coefficient above 0 for all; else set reduce: weighted or "
            "weighted_sum."
        )
    shared |= {"lambda": chosen.scale * found.pop(), "normalize": chosen.reduce == "mean"}
    return Written("ties", [{"weight": 1.0} for _ in values], shared, (*notes, DRAWS))


def _dare(chosen: Method, values: Values) -> Written:
    assert isinstance(chosen, Dare)
    density = round(1.0 - chosen.drop, 12)
    norm = chosen.rescale == "norm"
    shared: dict = {"density": density, "rescale": norm, "lambda": 1.0 if norm else 1.0 / density}
    shared["normalize"] = chosen.elect == WEIGHTED
    notes = () if chosen.drop == 0.0 else (OTHER_DRAWS,)
    if isinstance(chosen, Della) and chosen.epsilon:
        if not norm:
            raise BadRecipe(
                "della divides what it keeps by its probability here, and mergekit keeps the L1 "
                "norm. Set rescale: norm to say what mergekit does."
            )
        name = "della" if chosen.weighs else "della_linear"
        shared |= {"epsilon": chosen.epsilon}
        return Written(name, _weights(values), shared, notes)
    name = "dare_ties" if chosen.weighs else "dare_linear"
    return Written(name, _weights(values), shared, notes)


def _breadcrumbs(chosen: Method, values: Values) -> Written:
    assert isinstance(chosen, Breadcrumbs)
    shared = {"density": _share("density", chosen.density), "gamma": chosen.gamma}
    shared |= {"normalize": chosen.elect == WEIGHTED}
    notes = () if chosen.density == 1.0 else (EQUAL_MAGNITUDES,)
    name = "breadcrumbs_ties" if chosen.weighs else "breadcrumbs"
    return Written(name, _weights(values), shared, notes)


def _model_stock(chosen: Method, values: Values) -> Written | None:
    """None where a coefficient is not 1, which mergekit cannot say; its weights then can."""
    if len(values) < 2 or {x for each in values for x in each.values()} != {1.0}:
        return None
    return Written("model_stock", [{} for _ in values], {}, (SMALL_DELTAS,))


def _slerp(chosen: Method, values: Values) -> Written:
    assert isinstance(chosen, Slerp)
    first, second = _two(chosen, values)
    if chosen.line == NEVER:
        return Written("nuslerp", _weights(values), {}, (ZERO_TENSORS,), NOTHING)
    t = {name: second[name] / (first[name] + second[name]) for name in first}
    return Written("slerp", [{}, {}], {"t": setting_of(t)}, (ZERO_TENSORS,), FIRST)


def _nuslerp(chosen: Method, values: Values) -> Written:
    _two(chosen, values)
    return Written("nuslerp", _weights(values), {}, (ZERO_DELTAS,))


WRITINGS: Mapping[str, Callable[[Method, Values], Written | None]] = {
    TaskArithmetic.name: _task_arithmetic,
    Average.name: _average,
    Ties.name: _ties,
    Dare.name: _dare,
    Della.name: _dare,
    Breadcrumbs.name: _breadcrumbs,
    ModelStock.name: _model_stock,
    Slerp.name: _slerp,
    NuSlerp.name: _nuslerp,
}
"""By the studio's name: the method of mergekit, or None where only the deltas' numbers say it."""


def _weights(values: Values) -> list[dict[str, Plain]]:
    return [{"weight": setting_of(each)} for each in values]


def _share(name: str, value: float) -> float:
    if value == 0.0:
        raise BadRecipe(f"{name} is 0, which leaves next to nothing; mergekit leaves nothing.")
    return value


def _two(chosen: Method, values: Values) -> tuple[Mapping[str, float], Mapping[str, float]]:
    if len(values) != 2:
        raise BadRecipe(f"{chosen.title} merges two models in mergekit, and the recipe has one.")
    first, second = values
    for name in first:
        if first[name] + second[name] == 0.0:
            at = f" at {name}" if name else ""
            raise BadRecipe(
                f"{chosen.title}: the coefficients add up to 0{at}, so they name no place between "
                "the two models."
            )
    return first, second
