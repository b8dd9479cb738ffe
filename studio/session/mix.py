"""The mixer's state as a frozen value, made of what the page sends, a kept mix or a recipe."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from studio.errors import BadRecipe
from studio.methods import defaults_of, method, method_type
from studio.methods.after import parted
from studio.methods.contract import usual
from studio.recipe import (
    BATCH_NORMS,
    DEFAULT,
    DEFAULT_METHOD,
    DTYPES,
    KEEP_BASE,
    MIXTURE,
    PERSON,
    VOCABULARIES,
    Calibrate,
    Fitted,
    GroupedCoefficient,
    Heads,
    Option,
    Recipe,
    TaskEntry,
    parse_calibrate,
    parse_fitted,
    parse_heads,
    parse_seed,
)
from studio.session.mixer_strip import Strip, kept_strip, strip_from_page, strip_of
from studio.zoo import Zoo

BATCH_NORM = "batch_norm"
"""Beside a method's options, what the page calls the choice of running statistics."""
VOCABULARY = "vocabulary"
"""Likewise, of the tokens that an export has."""
CALIBRATE, HEADS = "calibrate", "heads"
"""Likewise, of whether the mix is fitted to its experts afterwards, and then the tasks' heads."""
FITS = {CALIBRATE: Calibrate, HEADS: Heads}
OFF, ON = "off", "on"


@dataclass(frozen=True)
class Mix:
    """Everything the mixer shows.

    Attributes:
        strips: one per task of the zoo, in merge order.
        method: name of the merge method.
        options: of that method.
        dtype: of an export, and of the numbers shown; None keeps the base's.
        fitted: how the studio chose numbers or options by rows, as long as one of them stands.
        seed: for methods that draw; that of the recipe that was opened.
        undeclared: options, and 'seed', that a file has set without saying who chose them.
        batch_norm: which running statistics the merge gets, see ``BATCH_NORMS``.
        vocabulary: which tokens an export has, see ``VOCABULARIES``.
        calibrate: how the mix is fitted to its experts afterwards; None leaves it as it is.
        heads: how the heads of its tasks are, then; None leaves them as they are.
    """

    strips: tuple[Strip, ...]
    method: str
    options: Mapping[str, Option] = field(default_factory=dict)
    dtype: str | None = None
    fitted: Fitted | None = None
    seed: int = 0
    undeclared: tuple[str, ...] = ()
    batch_norm: str = MIXTURE
    vocabulary: str = KEEP_BASE
    calibrate: Calibrate | None = None
    heads: Heads | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """All tasks, merged or not."""
        return tuple(strip.name for strip in self.strips)

    @property
    def ticked(self) -> tuple[str, ...]:
        """The tasks that are merged."""
        return tuple(strip.name for strip in self.strips if strip.on)

    def recipe(self, zoo: Zoo) -> Recipe:
        """The recipe of the tasks that are on: unticking a task is the exact unmerge."""
        checkpoints = {task.name: task.checkpoint for task in zoo.tasks}
        entries = tuple(
            TaskEntry(s.name, checkpoints[s.name], s.given, set_by=s.set_by)
            for s in self.strips
            if s.on
        )
        untouched = self.options == every_option(self.method, {}) and not self.seed
        set_by = "" if untouched or self.undeclared else PERSON
        idle = method_type(self.method).idle(self.options)
        options = {name: x for name, x in self.options.items() if name not in idle}
        made = Recipe(
            zoo.base, entries, self.method, options, self.dtype, self.seed, self.fitted,
            set_by, self.batch_norm, self.vocabulary, self.calibrate, self.heads,
        )  # fmt: skip
        return replace(made, fitted=made.taint)

    def plain(self) -> dict:
        """As the page's mixer sends it."""
        rows = [vars(strip) for strip in self.strips]
        options = dict(self.options)
        plain = {"rows": rows, "method": self.method, "options": options, "dtype": self.dtype}
        plain |= {"seed": self.seed} if self.seed else {}
        plain |= {BATCH_NORM: self.batch_norm} if self.batch_norm != MIXTURE else {}
        plain |= {VOCABULARY: self.vocabulary} if self.vocabulary != KEEP_BASE else {}
        fits = {CALIBRATE: self.calibrate, HEADS: self.heads}
        plain |= {name: fit.plain() for name, fit in fits.items() if fit}
        plain |= {"undeclared": list(self.undeclared)} if self.undeclared else {}
        return plain | ({"fitted": self.fitted.plain()} if self.fitted else {})

    def everything(self) -> "Mix":
        """The same mix with every task merged."""
        return replace(self, strips=tuple(replace(strip, on=True) for strip in self.strips))

    def unticked(self, names: Collection[str]) -> "Mix":
        """The same mix without some tasks."""
        strips = (replace(s, on=s.on and s.name not in names) for s in self.strips)
        return replace(self, strips=tuple(strips))

    def equal(self) -> "Mix":
        """Every merged task gets the mean of their coefficients, for all of its tensors."""
        on = [strip for strip in self.strips if strip.on]
        if not on:
            return self
        mean = round(sum(strip.mean for strip in on) / len(on), 2)
        return self._each(mean, PERSON if all(strip.set_by for strip in on) else "")

    def halved(self) -> "Mix":
        """Every coefficient halved."""
        return replace(self, strips=tuple(strip.halved() for strip in self.strips))

    def earlier(self, name: str) -> "Mix":
        """The same mix with a task one place earlier in the merge order."""
        strips = list(self.strips)
        place = next(i for i, strip in enumerate(strips) if strip.name == name)
        if place:
            strips[place - 1], strips[place] = strips[place], strips[place - 1]
        return replace(self, strips=tuple(strips))

    def with_method(self, name: str) -> "Mix":
        """Another method at its defaults, with the coefficients it starts from."""
        chosen = method_type(name)
        options = every_option(chosen.name, {})
        fresh = replace(
            self, method=chosen.name, options=options, fitted=None,
            undeclared=tuple(name for name in self.undeclared if name == "seed"),
        )  # fmt: skip
        return fresh._each(chosen.starting_coefficient(len(self.strips)), DEFAULT)

    def with_dtype(self, name: str | None) -> "Mix":
        """The same mix for an export in another dtype, None for the base's; ``BadRecipe`` else."""
        if name not in (None, *DTYPES):
            raise BadRecipe(f"dtype {name!r} is not one of {', '.join(DTYPES)}.")
        return replace(self, dtype=name)

    def with_batch_norm(self, name: object) -> "Mix":
        """The same mix with other running statistics; a ``BadRecipe`` if there are none such."""
        if name not in BATCH_NORMS:
            raise BadRecipe(f"batch_norm {name!r} is not one of {', '.join(BATCH_NORMS)}.")
        return replace(self, batch_norm=str(name))

    def with_vocabulary(self, name: object) -> "Mix":
        """The same mix for an export with other tokens; a ``BadRecipe`` if it cannot have them."""
        if name not in VOCABULARIES:
            raise BadRecipe(f"vocabulary {name!r} is not one of {', '.join(VOCABULARIES)}.")
        return replace(self, vocabulary=str(name))

    def with_fit(self, name: str, switched: object) -> "Mix":
        """The same mix with one of ``FITS`` on or off; one that is on already keeps its numbers."""
        if switched not in (OFF, ON):
            raise BadRecipe(f"{name} {switched!r} is not one of {OFF}, {ON}.")
        return replace(
            self, **{name: getattr(self, name) or FITS[name]() if switched == ON else None}
        )

    def chosen_by(self, options: Mapping[str, Option]) -> "Mix":
        """The mix with other options, knowing of what chose numbers only as long as one stands."""
        fitted = self.fitted
        if fitted is not None:
            left = (name for name in fitted.options if self.options.get(name) == options.get(name))
            fitted = replace(fitted, options=tuple(left))
            stands = fitted.options or any(not strip.set_by for strip in self.strips)
            fitted = fitted if stands else None
        changed = {name for name, value in options.items() if self.options.get(name) != value}
        open_ = tuple(name for name in self.undeclared if name not in changed)
        return replace(self, options=options, fitted=fitted, undeclared=open_)

    def with_options(self, sent: Mapping[str, Option]) -> "Mix":
        """The same mix with options that a page sent; defaults that nobody left follow them.

        What the page does not show stays; so do numbers and options that are no defaults.
        """
        kind, n = method_type(self.method), len(self.strips)
        before, after = usual(kind, self.options), usual(kind, sent)
        hidden = {name: self.options.get(name, after[name]) for name in kind.idle(self.options)}
        made = after | hidden | dict(sent)
        for name, old in before.items():
            if made[name] == self.options.get(name, old) == old:
                made[name] = after[name]
        chosen = self.chosen_by(made)
        starts = [kind.starting_coefficient(n, each) for each in (self.options, made)]
        if starts[0] == starts[1]:
            return chosen
        strips = (s.even(starts[1], DEFAULT) if s.set_by == DEFAULT else s for s in self.strips)
        return replace(chosen, strips=tuple(strips))

    def _each(self, coefficient: float, set_by: str) -> "Mix":
        strips = tuple(strip.even(coefficient, set_by) for strip in self.strips)
        return replace(self, strips=strips)


def every_option(name: str, options: Mapping[str, Option]) -> dict[str, Option]:
    """All options of a method, written out: equal mixes are then equal recipes."""
    return usual(method_type(name), options) | dict(options)


def starting_mix(zoo: Zoo) -> Mix:
    """All tasks of a zoo, on, with the default method."""
    strips = tuple(Strip(task.name, True, 0.0, (), DEFAULT) for task in zoo.tasks)
    return Mix(strips, DEFAULT_METHOD).with_method(DEFAULT_METHOD)


def mix_from_page(value: object, current: Mix) -> Mix:
    """The mix that the page sent, checked against the one there is.

    Raises:
        BadRecipe: a value that the page cannot have made, or a number that is not finite.
    """
    try:
        rows = {row["name"]: row for row in value["rows"]}  # type: ignore[index]
        name = str(value["method"])  # type: ignore[index]
        options = dict(value["options"])  # type: ignore[index]
    except (TypeError, KeyError, ValueError):
        raise BadRecipe("The page sent a mix that cannot be read; reload the page.") from None
    if set(rows) != {strip.name for strip in current.strips}:
        raise BadRecipe("The page shows another zoo than the one that is open; reload the page.")
    if name != current.method:
        return current.with_method(name)
    current = current.with_batch_norm(options.pop(BATCH_NORM, current.batch_norm))
    current = current.with_vocabulary(options.pop(VOCABULARY, current.vocabulary))
    for each in FITS:
        current = current.with_fit(each, options.pop(each, ON if getattr(current, each) else OFF))
    method(name, options)
    own, after = parted(options)
    strips = tuple(strip_from_page(rows[strip.name], strip) for strip in current.strips)
    return replace(current, strips=strips).with_options(own | after)


def mix_from_plain(value: dict, zoo: Mix) -> Mix:
    """A mix that was kept as ``plain``, checked like one from the page, in its own order.

    Raises:
        BadRecipe: as ``mix_from_page``.
        KeyError: it lacks a part, or names a task that the zoo lacks.
    """
    known = {strip.name: strip for strip in zoo.strips}
    strips = tuple(kept_strip(row, known[row["name"]].name) for row in value["rows"])
    if len({strip.name for strip in strips}) != len(known):
        raise KeyError("rows")
    kept = Mix(strips, str(value["method"])).with_dtype(value.get("dtype"))
    found = value.get("fitted")
    fitted = parse_fitted(found, "The kept mix") if found else None
    seed = parse_seed(value, "The kept mix")
    options = every_option(kept.method, value["options"])
    open_ = tuple(str(name) for name in value.get("undeclared", ()))
    kept = replace(kept, fitted=fitted, seed=seed, options=options, undeclared=open_)
    kept = kept.with_batch_norm(value.get(BATCH_NORM, MIXTURE))
    kept = kept.with_vocabulary(value.get(VOCABULARY, KEEP_BASE))
    kept = replace(kept, calibrate=parse_calibrate(value.get(CALIBRATE), "The kept mix"))
    kept = replace(kept, heads=parse_heads(value.get(HEADS), "The kept mix"))
    return mix_from_page(value, kept)


def mix_of_recipe(recipe: Recipe, zoo: Mix) -> Mix:
    """The mix that shows a recipe: its tasks in its order, then the zoo's others, unmerged.

    Those others forget numbers that another search has found.

    Args:
        recipe: of tasks that are called as in the zoo.
        zoo: a mix with all tasks of the zoo.

    Raises:
        BadRecipe: the zoo lacks a task, or a coefficient is beyond the mixer's limits.
    """
    known = {strip.name: strip for strip in zoo.strips}
    if missing := [name for name in recipe.names if name not in known]:
        raise BadRecipe(
            f"The recipe merges {', '.join(missing)}, but the open zoo has {', '.join(known)}. "
            "Open the zoo that it belongs to first."
        )
    strips = []
    kind = method_type(recipe.method)
    for task in recipe.tasks:
        coefficient = kind.default_coefficient if task.coefficient is None else task.coefficient
        groups = ()
        if isinstance(coefficient, GroupedCoefficient):
            coefficient, groups = coefficient.default, coefficient.groups
        strip = strip_of(task.name, True, coefficient, groups)
        left_out = task.coefficient is None and recipe.fitted
        strips.append(replace(strip, set_by="" if left_out else task.origin))
    start = kind.starting_coefficient(len(known), recipe.options)
    left = (
        replace(strip if _stands(strip, zoo, recipe) else strip.even(start, DEFAULT), on=False)
        for strip in zoo.strips
        if strip.name not in recipe.names
    )
    method(recipe.method, recipe.options)
    options = every_option(recipe.method, recipe.options)
    return Mix(
        (*strips, *left), recipe.method, options, recipe.dtype, recipe.fitted, recipe.seed,
        _open_options(recipe), recipe.batch_norm, recipe.vocabulary, recipe.calibrate,
        recipe.heads,
    )  # fmt: skip


def _open_options(recipe: Recipe) -> tuple[str, ...]:
    """Options of a recipe that are no defaults and of which it does not say who set them."""
    if recipe.options_set_by == PERSON:
        return ()
    found = recipe.fitted.options if recipe.fitted else ()
    defaults = defaults_of(recipe.method, recipe.options)
    names = [n for n, x in recipe.options.items() if x != defaults.get(n) and n not in found]
    return (*names, *(["seed"] if recipe.seed else []))


def _stands(strip: Strip, before: Mix, recipe: Recipe) -> bool:
    """Whether a recipe's search, if any, is also where an unmerged task's numbers come from."""
    return bool(strip.set_by) or before.fitted == recipe.fitted


def mix_with(recipe: Recipe, mix: Mix) -> Mix:
    """The mix as a recipe of some of its tasks has it, all tasks at their places.

    Raises:
        BadRecipe: sliders cannot show it.
    """
    made = mix_of_recipe(recipe, mix)
    strips = {strip.name: strip for strip in made.strips}
    return replace(made, strips=tuple(strips[name] for name in mix.names))
