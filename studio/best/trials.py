"""Trials: which recipes are tried at first, and what the best of them are grown into."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from studio.best.halving import best_of_each
from studio.compare.scale_search import largest_factor, scaled
from studio.disk.cache import cache_key
from studio.methods import METHODS, method
from studio.methods.starting_points import STARTING_POINTS, StartingPoint
from studio.recipe import RECALIBRATE, Calibrate, Heads, Recipe
from studio.search.plan import SearchPlan
from studio.zoo import Zoo

_NEAR = 1.25  # and its inverse: scales around one that does well
_KINDS, _SEARCHED, _FINALISTS = 6, 4, 3
_GRAINS = {"task": "weights per task by Adam", "tensor": "weights per tensor by Adam"}


@dataclass(frozen=True)
class Trial:
    """One thing that is tried.

    Attributes:
        kind: what it is a variation of, for people.
        recipe: that is merged, or whose coefficients are searched; None for not merging.
        point: where it began; None for not merging.
        scale: times what the studio starts its kind at.
        plan: of the search for its coefficients; None for those that it has.
        grain: of a search, 'task' or 'tensor'; empty for none.
        notes: what else it is, for people.
        alone: whether it is a method at one scale, with nothing done before or after.
    """

    kind: str
    recipe: Recipe | None
    point: StartingPoint | None = None
    scale: float = 1.0
    plan: SearchPlan | None = None
    grain: str = ""
    notes: tuple[str, ...] = ()
    alone: bool = True

    @property
    def what(self) -> str:
        """What it is, for people."""
        scale = () if self.scale == 1 else (f"x {self.scale:.3g}",)
        grain = (_GRAINS[self.grain],) if self.grain else ()
        return ", ".join((" ".join((self.kind, *scale)), *self.notes, *grain, *self._after))

    @property
    def _after(self) -> tuple[str, ...]:
        if self.recipe is None:
            return ()
        done = {"calibrated": self.recipe.calibrate, "heads refitted": self.recipe.heads}
        return tuple(words for words, asked in done.items() if asked)

    @cached_property
    def key(self) -> str:
        """A name for what it leads to, wherever the models lie."""
        recipe = self.recipe.plain() if self.recipe else {}
        recipe.pop("base", None)
        for task in recipe.get("tasks", ()):
            task.pop("checkpoint")
        return cache_key("trial", recipe, self.plan.plain() if self.plan else None)

    @property
    def rival(self) -> bool:
        """Whether it is a single rival: another method at one scale."""
        return self.alone and self.point is not None and self.point.rival

    @property
    def finished(self) -> bool:
        """Whether something was done after the merge."""
        return bool(self.recipe and self.recipe.fits_experts)


NOT_MERGING = Trial("Not merging", None)


def first_trials(zoo: Zoo) -> tuple[Trial, ...]:
    """Not merging, then every starting point at the scale it is started at, then at the others."""
    wide = max(len(point.scales) for point in STARTING_POINTS)
    found = [
        _started(zoo, point, point.scales[place])
        for place in range(wide)
        for point in STARTING_POINTS
        if place < len(point.scales)
    ]
    return (NOT_MERGING, *(each for each in found if each))


def next_trials(level: int, ranked: Sequence[Trial], grow: "Growth") -> list[Trial]:
    """What is judged on the next level: the best so far, and what they are grown into.

    Not merging and the best single rival are always among them.

    Args:
        level: that is done, from 0.
        ranked: its trials, the best first.
        grow: what they can be grown into.
    """
    merged = [each for each in ranked if each.recipe]
    if level == 0:
        best = best_of_each(merged, lambda each: each.kind, _KINDS)
        new = [near for each in best for near in around(each)]
    elif level == 1:
        best = best_of_each(merged, lambda each: each.kind, _KINDS)
        searchable = [each for each in best if can_search(each)][:_SEARCHED]
        new = [x for each in best[:2] for x in (*grow.finished(each), *grow.recalibrated(each))]
        new += [x for each in searchable for x in grow.searched(each, "task")]
        best = best[:_FINALISTS]
    else:
        best = merged[:_FINALISTS]
        new = [x for each in best[:2] for x in grow.finished(each)]
        if level == 2:
            kinds = best_of_each(merged, lambda each: each.kind, len(merged))
            coarse = [each for each in kinds if can_search(each)][:2]
            new += [x for each in coarse for x in grow.searched(each, "tensor")]
    rivals = [each for each in merged if each.rival][:1]
    always = [NOT_MERGING] if NOT_MERGING in ranked else []
    return list(dict.fromkeys([*always, *best, *rivals, *new]))


@dataclass(frozen=True)
class Growth:
    """What a trial that does well is grown into.

    Attributes:
        plan: of searches for coefficients; None where no search can be made.
        resolved: a trial's recipe with the coefficients that were found.
        batch_norm: whether the base has running statistics.
        heads: whether a task has a head that can be refitted.
    """

    plan: SearchPlan | None
    resolved: Callable[[Trial], Recipe]
    batch_norm: bool = False
    heads: bool = False

    def searched(self, trial: Trial, grain: str) -> list[Trial]:
        """Its coefficients searched, from those that it has; nothing if that was done or cannot."""
        if self.plan is None or not can_search(trial) or trial.grain == grain:
            return []
        plan = replace(self.plan, granularity=grain)
        recipe = self.resolved(trial)
        return [replace(trial, recipe=recipe, plan=plan, grain=grain, alone=False)]

    def recalibrated(self, trial: Trial) -> list[Trial]:
        """With running statistics measured anew on validation rows, where there are some."""
        recipe = self.resolved(trial)
        if not self.batch_norm or recipe.batch_norm == RECALIBRATE:
            return []
        made = replace(recipe, batch_norm=RECALIBRATE)
        notes = (*trial.notes, "running statistics measured anew")
        return [replace(trial, recipe=made, plan=None, notes=notes, alone=False)]

    def finished(self, trial: Trial) -> list[Trial]:
        """Whatever is done after a merge: its layers are calibrated, then its heads refitted."""
        if trial.recipe is None or trial.finished:
            return []
        layers = replace(self.resolved(trial), calibrate=Calibrate())
        ways = (layers, replace(layers, heads=Heads())) if self.heads else (layers,)
        return [replace(trial, recipe=made, plan=None, alone=False) for made in ways]


def around(trial: Trial) -> list[Trial]:
    """Scales near a trial's that were not tried, and its starting point's options at its scale."""
    recipe, point = trial.recipe, trial.point
    assert recipe is not None
    assert point is not None
    found = []
    for factor in (_NEAR, 1 / _NEAR):
        scale = trial.scale * factor
        known = any(math.isclose(scale, each) for each in point.scales)
        if not known and factor <= largest_factor(recipe) / trial.scale:
            found.append(replace(trial, recipe=scaled(recipe, factor), scale=scale))
    for options in point.variants:
        made = replace(recipe, options={**recipe.options, **options})
        notes = tuple(f"{name} {value:g}" for name, value in options.items())
        found.append(replace(trial, recipe=made, notes=(*trial.notes, *notes)))
    return found


def can_search(trial: Trial) -> bool:
    """Whether gradients can move the coefficients: the components stay as they are."""
    recipe = trial.recipe
    if recipe is None or trial.finished:
        return False
    return not method(recipe.method, recipe.options).weighs


def _started(zoo: Zoo, point: StartingPoint, factor: float) -> Trial | None:
    kind = METHODS[point.method]
    start = kind.starting_coefficient(len(zoo.tasks), point.options)
    coefficient = None if start == kind.default_coefficient else start
    recipe = replace(zoo.recipe(point.method, coefficient), options=dict(point.options))
    if factor > largest_factor(recipe):
        return None
    title = ", ".join(filter(None, (kind.title, point.words)))
    return Trial(title, scaled(recipe, factor), point, factor)
