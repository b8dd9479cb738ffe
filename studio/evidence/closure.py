"""Influence closure: what was computed with a removed task, read off the merge that was made."""

from collections.abc import Callable
from dataclasses import asdict, dataclass

from studio.evidence.unmerge import Unmerging
from studio.evidence.wording import ALGEBRAIC, CARRIED_OVER, EXACT
from studio.merge import Merge
from studio.methods.contract import FISHER, GRAM

REBUILT, UNUSED, CARRIED = "rebuilt", "not used", "carried over"
FIXED, DECLARED = "fixed by the recipe", "declared"
_COEFFICIENTS = "coefficients"


@dataclass(frozen=True)
class Dependency:
    """One thing that was computed on the way to the weights.

    Attributes:
        artefact: what it is.
        state: 'rebuilt', 'not used', 'carried over' (it knew a removed checkpoint), 'fixed by the
            recipe', or 'declared' (the studio cannot know).
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
            "Subspaces, trimmed deltas and elected signs, for methods that derive them.",
        ),
        _measured(merge, gone),
        _coefficients(merge, unmerged),
        *_helpers(merge, unmerged),
        _statistics(merge),
        _traced(
            "heads and labels", tuple((name, "") for name in heads),
            {(name, "") for name in unmerged.removed if unmerged.added is None},
            "Heads are never merged; they lie beside the weights, each task's own.",
        ),
        Dependency("tokenizer and configuration", FIXED, (), "Copied from the base alone."),
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
    """What may be said of the weights: exact only if nothing was carried over."""
    carried = [each.artefact for each in table if each.state == CARRIED]
    if not carried:
        return EXACT
    return CARRIED_OVER if carried == [_COEFFICIENTS] else ALGEBRAIC


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
    kinds = {FISHER: ": the Fisher information.", GRAM: ": the Grams of layers' inputs."}
    words += kinds.get(merge.method.needs, ", for methods that need data.")
    sources = merge.deltas.sources if merge.method.needs else ()
    return _traced("statistics of rows", sources, gone, words)


def _coefficients(merge: Merge, unmerged: Unmerging) -> Dependency:
    fitted = merge.recipe.fitted
    if fitted is None:
        words = "The kept tasks have the coefficients that the recipe gave them before."
        return Dependency(_COEFFICIENTS, FIXED, merge.recipe.names, words)
    names = tuple(name for name, _ in fitted.tasks)
    words = f"Found by {fitted.by} with seed {fitted.seed} on {', '.join(names)}."
    state = CARRIED if _knows(fitted.tasks, unmerged) else REBUILT
    return Dependency(_COEFFICIENTS, state, names, words)


def _helpers(merge: Merge, unmerged: Unmerging) -> list[Dependency]:
    """What a search for coefficients computes from tasks besides."""
    fitted, rows = merge.recipe.fitted, []
    about = {
        FISHER: "Diagonal Fisher information of the experts (EWC).",
        "replay": "Synthetic or stored samples that were replayed.",
    }
    for kind, words in about.items():
        if fitted is None or kind not in fitted.used:
            rows.append(Dependency(kind, UNUSED, (), words))
            continue
        state = CARRIED if _knows(fitted.tasks, unmerged) else REBUILT
        rows.append(Dependency(kind, state, tuple(name for name, _ in fitted.tasks), words))
    return rows


def _knows(tasks: tuple[tuple[str, str], ...], unmerged: Unmerging) -> bool:
    """Whether a removed checkpoint took part; by name where nothing tells two of them apart."""
    replaced = unmerged.added is not None
    digests = {entry.digest for entry in unmerged.entries if entry.digest}
    return any(
        digest in digests or (name in unmerged.removed and not (replaced and digests))
        for name, digest in tasks
    )


def _statistics(merge: Merge) -> Dependency:
    running = merge.deltas.statistics
    words = "Running means and variances are those of a mixture of the tasks that are merged."
    state = REBUILT if running else UNUSED
    return Dependency("BatchNorm statistics", state, merge.deltas.tasks if running else (), words)


def _caches(merge: Merge) -> Dependency:
    kept: list[Callable | None] = [merge.known, merge.recall]
    used = any(each is not None for each in kept)
    words = "Nothing that the studio kept from before was used: all was computed anew."
    if used:
        words = "Bases and inner products that the studio holds in memory were used where they fit."
    return Dependency("caches of the studio", FIXED if used else UNUSED, (), words)
