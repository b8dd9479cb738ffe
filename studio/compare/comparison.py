"""A comparison: references first, then method after method, at its default and tuned."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import pairwise

from studio.compare.scale_search import Budget, best, largest_factor, plan_budget, scaled, search
from studio.compare.standings import (
    TUNED,
    MethodRow,
    Proposal,
    Standing,
    fit_words,
    propose,
    standing,
)
from studio.errors import BadRecipe, Cancelled, StudioError
from studio.measure.agreement import Agreement, agreement_on
from studio.measure.bench import Bench, known_digests
from studio.measure.metrics import worth
from studio.measure.outcomes import Measuring, Outcome
from studio.measure.references import References, references, score_references
from studio.methods import METHODS, method_type
from studio.progress import Progress, part, silent
from studio.recipe import Calibrate, Fitted, Heads, Recipe

NOTHING: Mapping[str, Recipe] = {}
Fit = tuple[Calibrate | None, Heads | None]
"""How a row is fitted to its experts: its layers, its heads."""
_REFERENCES = 0.1  # share of the progress
_EXPERTS = 0.05  # likewise, of what experts answer to the rows that propose


@dataclass(frozen=True)
class Table:
    """What is known of a comparison so far.

    Attributes:
        zoo: its name.
        budget: of validation rows.
        references: what methods are compared with.
        rows: of the methods that are finished, in the order asked for; refused ones among them.
        floor: how far not merging agrees with the experts on the rows that propose; None if there
            are none.
    """

    zoo: str
    budget: Budget
    references: References
    rows: tuple[MethodRow, ...] = ()
    floor: Outcome | None = None

    @cached_property
    def standings(self) -> tuple[Standing, ...]:
        """Of the rows that could be merged, the best mean first."""
        known = [row for row in self.rows if row.held_out]
        found = [standing(row, known, self.references) for row in known]
        return tuple(sorted(found, key=lambda each: -each.worth))

    @cached_property
    def refusals(self) -> dict[str, str]:
        """Why a row could not be merged, by its name."""
        return {row.name: row.refusal for row in self.rows if row.refusal}

    @cached_property
    def proposal(self) -> Proposal | None:
        """What agrees most with the experts on validation rows; None if there are none."""
        return propose(self.rows, self.floor)


def methods_named(names: Sequence[str]) -> tuple[str, ...]:
    """Method names, each once; 'all' is every method.

    Raises:
        BadRecipe: an unknown method, or none at all.
    """
    names = [each for name in names for each in (METHODS if name == "all" else (name,))]
    if not names:
        raise BadRecipe(f"Name at least one method of {', '.join(METHODS)}, or all.")
    return tuple(method_type(name).name for name in dict.fromkeys(names))


def compare(
    bench: Bench,
    methods: Sequence[str],
    progress: Progress = silent,
    tune: bool = False,
    limit: int | None = None,
    own: Mapping[str, Recipe] = NOTHING,
    calibrate: Calibrate | None = None,
    heads: Heads | None = None,
) -> Iterator[Table]:
    """Score methods on held-out rows, one by one; nothing is chosen on these rows.

    All is checked before the first row is run. What was measured before is recalled, so a
    comparison that was cancelled goes on where it stopped.

    Args:
        bench: the zoo, opened; its live model ends wearing the last merge.
        methods: names, or 'all'.
        progress: told the share done; may raise to stop.
        tune: whether each method is also shown with the scale that is best on validation rows.
        limit: row evaluations per method for that, see ``plan_budget``.
        own: recipes that are compared with them as they are, by what they are called.
        calibrate: how every method is also shown, fitted to the experts; None for not at all.
        heads: how every method is also shown with its heads refitted, calibrated before if that
            is asked for; None for not at all.

    Yields:
        The table once the references are there, and again after every row.

    Raises:
        BadRecipe: an unknown method, none at all, or too low a limit.
        BadData: nothing can be scored, or scales are to be searched without validation rows.
    """
    names = methods_named(methods)
    fits = _fits(calibrate, heads)
    budget = plan_budget(bench, names, tune, limit, bool(fits))
    bench.refuse_unscored()
    return _tables(bench, names, own, budget, fits, progress)


def _fits(calibrate: Calibrate | None, heads: Heads | None) -> tuple[Fit, ...]:
    """How each row is also shown: calibrated, with other heads, and with both."""
    layers = (calibrate,) if calibrate else ()
    both = ((None, heads), *((each, heads) for each in layers)) if heads else ()
    return (*((each, None) for each in layers), *both)


def _tables(
    bench: Bench, names: tuple[str, ...], own: Mapping[str, Recipe], budget: Budget,
    fits: tuple[Fit, ...], progress: Progress,
) -> Iterator[Table]:  # fmt: skip
    chosen = references(bench, general=True)
    found = score_references(chosen, part(progress, 0.0, _REFERENCES))
    if found.floor[0] == "base":  # some task has no head fitted on it
        found = replace(found, head_only=None)
    table, begun, agreement = Table(bench.zoo.name, budget, found), _REFERENCES, None
    if budget.rows:
        report = _about(part(progress, begun, begun + _EXPERTS), "experts")
        begun += _EXPERTS
        agreement = agreement_on(bench, budget.split, budget.most, report)
        table = replace(table, floor=agreement.of_not_merging(silent))
    yield table
    share = (1 - begun) / (len(own) + len(names))
    for place, name in enumerate((*own, *names)):
        start = begun + place * share
        report = part(progress, start, start + share)
        made = [_own_row(bench, name, own[name], report)] if name in own else None
        for row in made or _all(bench, name, budget, fits, report):
            table = replace(table, rows=(*table.rows, _agreed(bench, row, agreement)))
            yield table


def _own_row(bench: Bench, name: str, recipe: Recipe, progress: Progress) -> MethodRow:
    """The row of a recipe of somebody's own."""
    row = MethodRow(name, recipe, own=True)
    try:
        return _held_out(bench, row, _about(progress, row.title))
    except Cancelled:
        raise
    except StudioError as refusal:
        return replace(row, refusal=str(refusal))


def _agreed(bench: Bench, row: MethodRow, agreement: Agreement | None) -> MethodRow:
    """A row with how far it agrees with the experts; its answers are known by then."""
    if agreement is None or row.validation is None:
        return row
    found = agreement.of(bench.merge(row.recipe), bench.heads(bench.scored()))
    return replace(row, agreement=found)


def _all(
    bench: Bench, name: str, budget: Budget, fits: tuple[Fit, ...], progress: Progress
) -> Iterator[MethodRow]:
    """A method's rows, and each of them fitted to the experts in the ways that are asked for."""
    ways = 1 + len(fits)
    for row in _rows(bench, name, budget, part(progress, 0.0, 1 / ways)):
        yield row
        for place, fit in enumerate(() if row.refusal else fits, 1):
            report = part(progress, place / ways, (place + 1) / ways)
            yield _fitted(bench, row, budget, fit, report)


def _fitted(
    bench: Bench, row: MethodRow, budget: Budget, fit: Fit, progress: Progress
) -> MethodRow:
    """A row fitted to the experts; its refusal, if it cannot be."""
    recipe = replace(row.recipe, calibrate=fit[0], heads=fit[1])
    name = row.name + fit_words(recipe)
    made = replace(row, name=name, recipe=recipe, held_out=None, validation=None)
    report = _about(progress, made.title)
    try:
        made = _held_out(bench, made, report)
        if budget.rows:
            seen = Measuring(bench, report).merged(recipe, budget.split, budget.most)
            made = replace(made, validation=seen)
        return made
    except Cancelled:
        raise
    except StudioError as refusal:
        return replace(made, held_out=None, validation=None, refusal=str(refusal))


def _rows(bench: Bench, name: str, budget: Budget, progress: Progress) -> Iterator[MethodRow]:
    """A method's rows; a refusal is one, too."""
    row = default = MethodRow(name, bench.zoo.started(name))
    scored = sum(len(bench.tasks[each].rows("held_out")) for each in bench.scored())
    tuning = budget.candidates > 1
    whole = scored * (2 if tuning else 1) + budget.candidates * budget.rows
    ends = [0.0, scored / whole, 1 - scored / whole if tuning else 1.0, 1.0]
    reports = [_about(part(progress, a, b), row.title) for a, b in pairwise(ends)]
    try:
        default = _held_out(bench, default, reports[0])
        tried = _validated(bench, default, budget, reports[1]) if budget.rows else {}
        yield replace(default, validation=tried.get(1.0))
        if tuning:
            chosen = best({factor: _value(tried[factor]) for factor in tried})
            recipe = _tuned(bench, default.recipe, chosen)
            row = MethodRow(name + TUNED, recipe, chosen, validation=tried[chosen])
            yield _held_out(bench, row, reports[2])
    except Cancelled:
        raise
    except StudioError as refusal:
        yield replace(row, held_out=None, validation=None, refusal=str(refusal))


def _tuned(bench: Bench, recipe: Recipe, factor: float) -> Recipe:
    """A recipe at the scale that was chosen, which records by whose rows."""
    made = scaled(recipe, factor)
    options = tuple(name for name, x in made.options.items() if x != recipe.options.get(name))
    digests = known_digests(bench.deltas, recipe.names)
    return replace(made, fitted=Fitted("a tuned scale", digests, options=options).after(recipe))


def _held_out(bench: Bench, row: MethodRow, progress: Progress) -> MethodRow:
    made = Measuring(bench, progress).merged(row.recipe, "held_out", timed=True)
    return replace(row, held_out=made)


def _validated(
    bench: Bench, row: MethodRow, budget: Budget, progress: Progress
) -> dict[float, Outcome | None]:
    """Outcomes on validation rows by factor; None where the factor cannot be merged."""
    found: dict[float, Outcome | None] = {}

    def value(factor: float) -> float:
        start = len(found) / budget.candidates
        report = part(progress, start, start + 1 / budget.candidates)
        try:
            recipe = scaled(row.recipe, factor)
            outcome = Measuring(bench, report).merged(recipe, budget.split, budget.most)
        except Cancelled:
            raise
        except StudioError:
            outcome = None
        found[factor] = outcome
        return _value(outcome)

    search(value, budget.candidates, largest_factor(row.recipe))
    return found


def _value(outcome: Outcome | None) -> float:
    return worth(outcome.scores) if outcome else float("-inf")


def _about(progress: Progress, what: str) -> Progress:
    """Reports with what they are about in front."""
    return partial(_report, progress, what)


def _report(progress: Progress, what: str, share: float, words: str) -> None:
    progress(share, f"{what}: {words}")
