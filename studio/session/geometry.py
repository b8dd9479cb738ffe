"""The geometry of a shown merge: by algebra while a slider moves, measured at rest."""

from dataclasses import dataclass, replace

from torch import Tensor

from studio.geometry.gram import Gram
from studio.geometry.gram_cache import kept_gram
from studio.geometry.maps import joint
from studio.geometry.order import Orders
from studio.geometry.prospects import reasons_of
from studio.inspection import components_gram, order_words, orders
from studio.merge import Merge
from studio.methods import method
from studio.recipe import Recipe


@dataclass(frozen=True)
class Geometry:
    """The geometry of a merge.

    Attributes:
        before: inner products of the raw deltas.
        after: of the components, as the basis weighs them; by algebra until they are measured.
            None of a method that forms one change of all tasks and no component per task.
        residual: largest cosine left between two components; None until they are measured.
        scope: within which components are meant to be orthogonal.
        weighed: whether every layer is weighed alike.
        shares: of each delta's squared norm that its component holds.
        joint: ``(2n, 2n)`` inner products over the model of the deltas followed by their
            components; None where algebra alone does not give them.
        reasons: why the tasks might not merge well, see ``prospects``; not looked for while a
            slider moves.
    """

    before: Gram
    after: Gram | None
    residual: float | None
    scope: str
    weighed: bool
    shares: tuple[float, ...]
    joint: Tensor | None = None
    reasons: tuple[str, ...] = ()


def sketched_geometry(merge: Merge) -> Geometry:
    """The geometry of a merge of whole deltas, by algebra alone: milliseconds."""
    return _geometry(merge, merge.gram.combined(merge.basis.rows), None)


def measured_geometry(merge: Merge) -> Geometry:
    """The geometry with its components streamed and multiplied, or recalled from then."""
    reasons = reasons_of(merge.deltas, merge.gram)
    if not merge.method.has_components:
        return Geometry(merge.gram, None, 0.0, "model", False, (), reasons=reasons)
    measured = _components(merge)
    return replace(_geometry(merge, measured, merge.residual(measured)), reasons=reasons)


def shape_of(recipe: Recipe) -> tuple[tuple, str, tuple, int, tuple]:
    """What a recipe's geometry depends on: on coefficients only if its components do."""
    checkpoints = tuple((task.name, task.checkpoint) for task in recipe.tasks)
    chosen = method(recipe.method, recipe.options)
    weighs = chosen.weighs and chosen.has_components
    weights = tuple(task.coefficient for task in recipe.tasks) if weighs else ()
    options = tuple(sorted(recipe.options.items()))
    return checkpoints, recipe.method, options, recipe.seed, weights


class OrderWords:
    """Sentences on the order of tasks; the components of the shape asked for last are kept.

    A coefficient then takes milliseconds.
    """

    def __init__(self) -> None:
        self._known: tuple[object, Orders | None] = (None, None)

    def said(self, merge: Merge) -> str:
        """How much the order of a merge's tasks matters; empty where it does not."""
        shape = shape_of(merge.recipe)
        if self._known[0] != shape:
            self._known = (shape, orders(merge))
        return order_words(merge, self._known[1])


def _components(merge: Merge) -> Gram:
    """Inner products of the components; kept if checkpoints and recipe say all about them."""
    if merge.method.measures:
        return components_gram(merge)
    about: list[object] = [merge.recipe.method, dict(merge.recipe.options), merge.recipe.seed]
    if merge.method.weighs:
        about.append(merge.coefficients.tolist())
    if merge.method.draws:
        about.append(list(merge.deltas.tasks))  # names are drawn by, too
    return kept_gram(merge.deltas, lambda: components_gram(merge), about)


def _geometry(merge: Merge, components: Gram, residual: float | None) -> Geometry:
    basis = merge.basis
    after, weighed = basis.weighed(components), basis.scales is not None
    shares = _shares(merge, components)
    both = None
    if not weighed and not merge.method.derives:
        both = joint(merge.gram, basis).total()
    return Geometry(merge.gram, after, residual, basis.scope, weighed, shares, both)


def _shares(merge: Merge, components: Gram) -> tuple[float, ...]:
    if not merge.method.derives:
        return tuple(merge.basis.shares.tolist())
    before, after = merge.gram.total().diagonal(), components.total().diagonal()
    return tuple((after / before.where(before > 0, 1.0)).tolist())
