"""Influence closure: what was computed with a removed task, read off the merge that was made."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass

from studio.evidence.unmerge import Unmerging
from studio.evidence.wording import (
    ALGEBRAIC,
    BY_DEFAULT,
    BY_PERSON,
    BY_SEARCH,
    CARRIED_OVER,
    EXACT,
    NOT_DECLARED,
    UNDECLARED,
    WITH_IT,
)
from studio.measure.recalibration import ROWS
from studio.merge import Merge
from studio.methods import defaults_of
from studio.methods.contract import FISHER, GRAM, MERGED
from studio.recipe import (
    DEFAULT,
    KEEP_BASE,
    MIXTURE,
    PERSON,
    RECALIBRATE,
    UNDECLARED_START,
)

REBUILT, UNUSED, CARRIED = "rebuilt", "not used", "carried over"
FIXED, DECLARED, UNKNOWN = "fixed by the recipe", "declared", "undeclared"
_COEFFICIENTS = "coefficients"
_USED = {
    FISHER: "Diagonal Fisher information of the experts (EWC).",
    "replay": "Synthetic or stored samples that were replayed.",
}
_MOST_TASKS = 257  # that a start is computed for, to know one again


@dataclass(frozen=True)
class Dependency:
    """One thing that was computed on the way to the weights.

    Attributes:
        artefact: what it is.
        state: 'rebuilt', 'not used', 'carried over' (it knew a checkpoint that is not in the
            result), 'fixed by the recipe', 'declared' (the studio cannot know), or 'undeclared'
            (it should be known, and nobody says).
        inputs: the tasks whose checkpoints or rows went into it.
        words: one sentence for people.
    """

    artefact: str
    state: str
    inputs: tuple[str, ...]
    words: str

    def plain(self) -> dict:
        """As it stands in a certificate."""
        return asdict(self) | {"inputs": list(self.inputs)}


def closure(
    merge: Merge, full: Merge, unmerged: Unmerging, heads: tuple[str, ...] = ()
) -> list[Dependency]:
    """The table of everything that could have carried a removed task into the result.

    Args:
        merge: of the unmerge's recipe, once its weights were computed; what it holds is looked at.
        full: the merge with the tasks, for the places of their checkpoints.
        unmerged: what was taken out.
        heads: tasks whose heads lie beside the weights.

    Source: the definition of exact unlearning as equality with a run that never had the item.
    """
    gone = {source for source in full.deltas.sources if source[0] in unmerged.removed}
    return [
        _inner_products(merge),
        _traced(
            "basis", merge.basis.made_of, gone,
            "Each task's component, and the norms by which layers are weighed, where they are.",
        ),
        _traced(
            "derived vectors", merge.vectors.sources if merge.method.derives else (), gone,
            "Subspaces, trimmed deltas, elected signs, and components that leave other tasks' "
            "inputs alone, for methods that derive them.",
        ),
        _measured(merge, gone),
        _coefficients(merge),
        *_helpers(merge),
        _statistics(merge),
        *_fits(merge, gone),
        _traced(
            "heads and labels", tuple((name, "") for name in heads),
            {(name, "") for name in unmerged.removed if unmerged.added is None},
            "Heads are never merged; they lie beside the weights, each task's own, or refitted to "
            "them.",
        ),
        _vocabulary(merge),
        _caches(merge),
        Dependency(
            "choices made by people", DECLARED, (),
            "Method, options and coefficients that somebody chose while looking at the removed "
            "task's scores cannot be undone.",
        ),
        Dependency(
            "lineage of the other checkpoints", DECLARED, (),
            "Whether a kept checkpoint was started from a model that held the removed task is the "
            "operator's statement; it is not verified.",
        ),
        Dependency("base model", DECLARED, (), "What the base was trained on is out of scope."),
    ]  # fmt: skip


def claim(table: list[Dependency]) -> str:
    """What may be said of the weights: exact only if nothing was carried over or is unknown."""
    carried = [each.artefact for each in table if each.state == CARRIED]
    if carried:
        return CARRIED_OVER if carried == [_COEFFICIENTS] else ALGEBRAIC
    return UNDECLARED if any(each.state == UNKNOWN for each in table) else EXACT


def origin(merge: Merge, kept: Collection[str]) -> str:
    """Where the coefficients of a result come from, one of ``ORIGINS``.

    Args:
        merge: of the result.
        kept: digests of the checkpoints in it.
    """
    recipe = merge.recipe
    if (taint := recipe.taint) is not None and not {d for _, d in taint.tasks} <= {*kept}:
        return WITH_IT
    if _open(merge) or _strange(merge):
        return NOT_DECLARED
    if taint is not None:
        return BY_SEARCH
    return BY_PERSON if any(task.origin == PERSON for task in recipe.tasks) else BY_DEFAULT


def _open(merge: Merge) -> str:
    names = (*merge.recipe.undeclared, *_not_found(merge), *_no_defaults(merge))
    return ", ".join(dict.fromkeys((*names, *_open_options(merge))))


def _open_options(merge: Merge) -> list[str]:
    """Options, and the seed of a method that draws, that are no defaults and nobody's."""
    recipe, chosen = merge.recipe, merge.recipe.fitted
    if recipe.options_set_by == PERSON:
        return []
    found = chosen.options if chosen else ()
    usual = defaults_of(recipe.method, recipe.options)
    names = [n for n, x in recipe.options.items() if x != usual.get(n) and n not in found]
    return names + (["seed"] if merge.method.draws and recipe.seed else [])


def _not_found(merge: Merge) -> tuple[str, ...]:
    """Tasks whose number is nobody's although the search that is named had no part of them."""
    taint = merge.recipe.taint
    if taint is None:
        return ()
    searched = {digest for _, digest in taint.tasks}
    pairs = zip(merge.recipe.tasks, merge.deltas.checkpoints, strict=True)
    return tuple(t.name for t, c in pairs if not t.origin and c.digest not in searched)


def _no_defaults(merge: Merge) -> tuple[str, ...]:
    """Tasks whose number is called a default and is none, of however many tasks."""
    kind, options = type(merge.method), merge.recipe.options
    starts = (kind.starting_coefficient(n, options) for n in range(1, _MOST_TASKS))
    known = {kind.default_coefficient, *starts}
    return tuple(
        task.name
        for task in merge.recipe.tasks
        if task.set_by == DEFAULT and task.coefficient not in (None, *known)
    )


def _traced(
    artefact: str, made_of: tuple[tuple[str, str], ...], gone: set[tuple[str, str]], words: str
) -> Dependency:
    """Carried over if a removed checkpoint is among the inputs."""
    inputs = tuple(name for name, _ in made_of)
    if not made_of:
        return Dependency(artefact, UNUSED, (), words)
    carried = [name for name, folder in made_of if (name, folder) in gone]
    if carried:
        words += f" Computed with {', '.join(carried)}."
    return Dependency(artefact, CARRIED if carried else REBUILT, inputs, words)


def _inner_products(merge: Merge) -> Dependency:
    used = "gram" in vars(merge)
    words = "Each pair's is computed alone, so no other task can change it."
    inputs = merge.gram.tasks if used else ()
    return Dependency("inner products", REBUILT if used else UNUSED, inputs, words)


def _measured(merge: Merge, gone: set[tuple[str, str]]) -> Dependency:
    words = "Measured of each expert alone, on its own validation rows"
    kinds = {
        FISHER: ": the Fisher information.",
        GRAM: ": the Grams of layers' inputs.",
    }
    words += kinds.get(merge.method.measures, ", for methods that need data.")
    if merge.method.measures == MERGED:
        words = (
            "Grams of what enters each layer behind blocks that are merged of these tasks alone, "
            "on their own validation rows; every removal measures them anew."
        )
    sources = merge.deltas.sources if merge.method.measures else ()
    if sources and not gone & {*sources}:
        words += " Those of a removed task left with it."
    return _traced("statistics of rows", sources, gone, words)


def _coefficients(merge: Merge) -> Dependency:
    """Carried over if anything but the kept checkpoints, told by their digests, took part."""
    recipe, kept = merge.recipe, [each.digest for each in merge.deltas.checkpoints]
    taint, found = recipe.taint, origin(merge, kept)
    words = {
        BY_PERSON: "Set by a person in this studio, or as the recipe declares it.",
        BY_DEFAULT: "The method's defaults, or the mixer's start for the tasks of a zoo.",
        NOT_DECLARED: f"Nothing says where the numbers of {_open(merge)} come from."
        if _open(merge)
        else "What the search used besides is not known here.",
    }.get(found, "")
    if taint is None:
        state = UNKNOWN if found == NOT_DECLARED else FIXED
        return Dependency(_COEFFICIENTS, state, recipe.names, words)
    names = tuple(dict.fromkeys(name for name, _ in taint.tasks))
    chosen = f"Found by {taint.by} with seed {taint.seed} on {', '.join(names)}."
    others = [name for name, digest in taint.tasks if digest not in kept]
    if others:
        chosen += f" {', '.join(others)} took part as a checkpoint that is not in the result."
    state = CARRIED if others else UNKNOWN if found == NOT_DECLARED else REBUILT
    return Dependency(_COEFFICIENTS, state, names, f"{chosen} {words}".strip())


def _helpers(merge: Merge) -> list[Dependency]:
    """What a search for coefficients computes from tasks besides."""
    fitted, rows = merge.recipe.taint, []
    kept = [each.digest for each in merge.deltas.checkpoints]
    for kind, words in _USED.items():
        if fitted is None or kind not in fitted.used:
            rows.append(Dependency(kind, UNUSED, (), words))
            continue
        known = all(digest in kept for _, digest in fitted.tasks)
        names = tuple(name for name, _ in fitted.tasks)
        rows.append(Dependency(kind, REBUILT if known else CARRIED, names, words))
    if strange := _strange(merge):
        words = f"What a search used, and nobody can check: {', '.join(strange)}."
        rows.append(Dependency("what else a search used", UNKNOWN, (), words))
    return rows


def _strange(merge: Merge) -> list[str]:
    """What a search says that it used and this studio does not know."""
    fitted = merge.recipe.taint
    return sorted({*(fitted.used if fitted else ())} - {*_USED, UNDECLARED_START})


def _statistics(merge: Merge) -> Dependency:
    used = bool(merge.statistics.names)
    words = {
        MIXTURE: "Running means and variances are those of a mixture of the tasks that are merged.",
        RECALIBRATE: "Running means and variances were measured anew on at most "
        f"{ROWS} validation rows, without labels, of each task that is merged.",
        KEEP_BASE: "Running means and variances are the base's.",
    }[merge.recipe.batch_norm]
    inputs = merge.deltas.tasks if used else ()
    return Dependency("BatchNorm statistics", REBUILT if used else UNUSED, inputs, words)


def _fits(merge: Merge, gone: set[tuple[str, str]]) -> list[Dependency]:
    """What was fitted to experts after merging: layers, and heads."""
    layers, heads = merge.fitted.found.rows, merge.heads.found.rows
    last = "The last layers of heads, fitted to the experts on validation rows, without labels."
    return [
        _fitted(
            merge, gone, "calibration", layers,
            "Layers fitted to the experts on validation rows, without labels.",
        ),
        _fitted(merge, gone, "refitted heads", heads, last),
    ]  # fmt: skip


def _fitted(
    merge: Merge, gone: set[tuple[str, str]], artefact: str, rows: Mapping[str, tuple[int, str]],
    words: str,
) -> Dependency:  # fmt: skip
    """Which rows of whom something was fitted on, by their digests."""
    if rows:
        said = (f"{name}, {n:,} rows of SHA-256 {digest}" for name, (n, digest) in rows.items())
        words = f"{words[:-1]}: {'; '.join(said)}."
    made_of = tuple(source for source in merge.deltas.sources if source[0] in rows)
    return _traced(artefact, made_of, gone, words)


def _vocabulary(merge: Merge) -> Dependency:
    joined, what = merge.union, "tokenizer and configuration"
    if not joined.places:
        return Dependency(what, FIXED, (), "Copied from the base alone.")
    used = sorted({task for owners in joined.owners.values() for task, _ in owners})
    words = (
        f"The base's, and {len(joined.places):,} tokens that kept tasks added, read anew from "
        "their files: each has a row of its owners alone."
    )
    return Dependency(what, REBUILT, tuple(merge.deltas.tasks[task] for task in used), words)


def _caches(merge: Merge) -> Dependency:
    kept: list[Callable | None] = [merge.known, merge.recall]
    used = any(each is not None for each in kept)
    words = "Nothing that the studio kept from before was used: all was computed anew."
    if used:
        words = "Bases and inner products that the studio holds in memory were used where they fit."
    return Dependency("caches of the studio", FIXED if used else UNUSED, (), words)
