"""MDM-OC: modular delta merging with orthogonal constraints."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from studio.checkpoints.architecture import turned
from studio.checkpoints.deltas import AnyDeltas, DerivedDeltas, Transform
from studio.checkpoints.vectors import Vectors
from studio.errors import BadRecipe
from studio.geometry.gram import Grams
from studio.geometry.orthogonal import Basis, identity, orthogonalize, refuse_dependent
from studio.geometry.scopes import SCOPES
from studio.geometry.spectra import Reduction
from studio.geometry.subspaces import is_matrix, reduced, subspaces
from studio.methods.additive import Additive, MeasuredAdditive
from studio.methods.contract import Given, Method, option
from studio.methods.kit.activation_components import ActivationMetric
from studio.methods.kit.input_metric import (
    BEHIND,
    EXPERTS,
    kind_of,
    regressed,
    rows_option,
    scaled,
    statistics_option,
    trust_option,
)
from studio.recipe import Option

VECTOR, SUBSPACE, ACTIVATION = "vector", "subspace", "activation"
BASES = (VECTOR, SUBSPACE, ACTIVATION)
_NO_SUM = (
    "MDM-OC: what it needs of its tasks is a sum over them only with basis: activation, order: "
    "symmetric, strength: 1, statistics: experts, and no rank or energy. Begin the state with "
    "these options, or merge by a recipe."
)


@dataclass(frozen=True)
class MdmOc(Method):
    """base + sum_i c_i component_i, with components that are orthogonal to one another.

    In order of arrival, the first task keeps its whole delta and each later one loses its part
    along those before it (Gram-Schmidt); symmetric treats all tasks alike (Loewdin). With basis
    vector, whole deltas are orthogonal; with basis subspace, each matrix keeps a few singular
    directions per task whose column and row spaces are orthogonal to the other tasks', and
    vectors and embedding tables are averaged. With basis activation, each layer's component does
    on its own task's inputs what the delta did, and as little as possible on those of the others:
    delta_i G_i (G_i + strength sum_j G_j)^-1 with G_j = X_j^T X_j / n of validation rows, j over
    all other tasks, or over those before i; all else is delta_i / (1 + strength count of j). At
    strength 1, symmetric, coefficients 1 it is RegMean. With statistics merged, X_j come behind
    the layers merged so far, as of RegMean++; that depends on which tasks there are, and not on
    their coefficients, in which the mix stays linear. Rank and energy reduce matrices before that.

    Source: MDM-OC (arXiv 2507.20997), Eqs. 2-7, 9, 12, 13, 15 and 16; no code of the paper is
    public. Symmetric subspaces: TSV-M (arXiv 2412.00081). Basis activation: the studio's own,
    with the least squares of RegMean (arXiv 2212.09849).
    """

    name: ClassVar[str] = "mdm_oc"
    title: ClassVar[str] = "MDM-OC"
    plainly: ClassVar[str] = (
        "Takes out of each task what earlier tasks have already brought, so that tasks stop "
        "pulling at the same numbers."
    )
    main: ClassVar[str] = "strength"
    default_coefficient: ClassVar[float] = 1.0
    starts_short: ClassVar[bool] = True

    basis: str = option(
        VECTOR,
        (
            "Made independent are whole changes, the main directions of every matrix, or what "
            "changes do to other tasks' inputs."
        ),
        label="what is made independent",
        exactly=(
            "What is made orthogonal: whole deltas, the spaces of each matrix, or deltas to the "
            "other tasks' activations, measured on validation rows."
        ),
        choices=BASES,
    )
    scope: str = option(
        "model",
        "Tasks are compared over the whole model, within each layer, or within each matrix.",
        label="reach",
        exactly="Vectors: orthogonal over the model, in each layer or each tensor.",
        choices=SCOPES,
    )
    normalize: str = option(
        "none",
        "Whether all layers count alike while shared parts are looked for, or large ones decide.",
        label="even layers",
        exactly="Vectors: weigh all layers alike while orthogonalizing; norms are put back.",
        choices=("none", "layer"),
    )
    order: str = option(
        "arrival",
        "What two tasks share stays with the one that came first, or both give way alike.",
        label="who comes first",
        exactly="First come, first kept; or symmetric: all tasks alike.",
        choices=("arrival", "symmetric"),
    )
    strength: float = option(
        1.0,
        "0 leaves in what tasks share, 1 takes all of it out.",
        label="share taken out",
        exactly=(
            "0 keeps the raw deltas, 1 makes them orthogonal. Activations: weight of the others' "
            "inputs."
        ),
        low=0.0,
        high=1.0,
    )

    rank: int | None = option(
        None,
        "How many main directions of every matrix are kept; empty keeps all that fit.",
        label="directions kept",
        exactly=(
            "Most singular directions kept per matrix; none: all, or an equal part for a subspace."
        ),
        low=1,
        whole=True,
    )
    energy: float | None = option(
        None,
        (
            "How much of every matrix's size is kept when weak directions are dropped; empty keeps "
            "all."
        ),
        label="size kept",
        exactly="Share of each matrix's squared norm that is kept; none: all.",
        low=0.0,
        high=1.0,
    )

    off_diagonal: float = trust_option()
    rows: int = rows_option()
    statistics: str = statistics_option()

    @classmethod
    def defaults(cls, options: Mapping[str, Option]) -> Mapping[str, Option]:
        """In the activations' metric all tasks are alike, and a quarter is taken out."""
        return {"order": "symmetric", "strength": 0.25} if _by_activation(options) else {}

    @classmethod
    def idle(cls, options: Mapping[str, Option]) -> tuple[str, ...]:
        """Reach and even layers belong to whole deltas, what is measured to activations."""
        of_vectors = "scope", "normalize"
        of_activations = "off_diagonal", "rows", "statistics"
        basis = options.get("basis", cls.basis)
        return of_vectors * (basis != VECTOR) + of_activations * (basis != ACTIVATION)

    @property
    def measures(self) -> str:
        """What enters the layers, in the activations' metric alone."""
        return kind_of(self.statistics) if self.basis == ACTIVATION else ""

    @property
    def measured_rows(self) -> int:
        """As the option says."""
        return self.rows

    @property
    def derives(self) -> bool:
        """Only whole deltas are combined as they are."""
        return self.basis != VECTOR or self.rank is not None or self.energy is not None

    @property
    def ordered(self) -> bool:
        """Gram-Schmidt depends on the order of the tasks; Loewdin does not."""
        return self.order == "arrival"

    @property
    def projects(self) -> bool:
        """In order of arrival."""
        return self.ordered

    @property
    def carried(self) -> str:
        """Later arrivals leave earlier components alone (Eqs. 6, 7, 15 and 16).

        Where tasks keep their order and whole deltas are made orthogonal, that is; a subspace's
        rank depends on how many tasks there are. In the activations' metric a newcomer has to
        know the inputs of those before it, whose Grams add up unless they are seen behind layers
        that are merged of all.
        """
        behind = self.basis == ACTIVATION and self.statistics == BEHIND
        if not self.ordered or self.basis == SUBSPACE or behind:
            return super().carried
        kept = "the merged model and the earlier components"
        return kept if self.basis == VECTOR else f"{kept}, and the sum of the earlier Grams"

    @classmethod
    def starting_coefficient(cls, n: int, options: Mapping[str, Option] | None = None) -> float:
        """1/sqrt(n): orthogonal components of equal norm then move the base as one task does.

        In the activations' metric, 1: what others would disturb is out of the components already.
        """
        return 1.0 if _by_activation(options or {}) else super().starting_coefficient(n)

    def components(self, n: int, gram: Grams) -> Basis:
        """Orthogonal components from the Gram of the raw deltas."""
        if self.basis == ACTIVATION:
            return identity(n)
        if self.basis == SUBSPACE:
            return replace(identity(n), scope="tensor")
        per_layer = self.normalize == "layer"
        return orthogonalize(gram(), self.scope, self.order, per_layer, self.strength, gram)

    def vectors(self, given: Given) -> DerivedDeltas:
        """Components of subspaces or in the activations' metric, or reduced deltas."""
        deltas, reduction = given.deltas, Reduction(self.rank, self.energy)
        if self.basis == ACTIVATION:
            return DerivedDeltas(deltas, _in_activations(self, given, reduction))
        if self.basis == VECTOR:
            return DerivedDeltas(deltas, lambda raw: reduced(raw, reduction, deltas.dtype))
        refuse_dependent(given.gram(), self.order)
        return DerivedDeltas(
            deltas,
            lambda raw: subspaces(raw, reduction, self.order, self.strength, deltas.dtype),
        )

    @property
    def additive(self) -> Additive:
        """In the activations' metric with all tasks alike and all of what they share taken out."""
        return _additive(self)

    def orthogonal_in(self, deltas: AnyDeltas) -> tuple[str, ...]:
        """With subspaces, the matrices; they have orthogonal column and row spaces."""
        if self.basis != SUBSPACE:
            return deltas.names
        shapes = {name: deltas.base.weights.entries[name].shape for name in deltas.names}
        return tuple(name for name, shape in shapes.items() if is_matrix(name, shape))


def _in_activations(method: MdmOc, given: Given, reduction: Reduction) -> Transform:
    assert given.measured is not None, "a merge refuses a method whose needs are not measured"
    deltas, base = given.deltas, given.deltas.base
    metric = ActivationMetric(
        deltas.tasks, given.measured, method.off_diagonal, method.strength, method.order
    )

    def made(raw: Vectors) -> Vectors:
        if reduction != Reduction(None, None):
            raw = reduced(raw, reduction, deltas.dtype)
        return metric.components(raw, bool(turned(base, raw.name)), deltas.dtype)

    return made


def _additive(method: MdmOc) -> Additive:
    reduced_too = method.rank is not None or method.energy is not None
    unlike = method.ordered or reduced_too or method.statistics != EXPERTS
    if not _by_activation(vars(method)) or method.strength < 1 or unlike:
        raise BadRecipe(_NO_SUM)
    return MeasuredAdditive(
        method.title,
        lambda sums: regressed(sums, sums.tasks),
        lambda gram, whose: scaled(gram, method.off_diagonal, whose),
    )


def _by_activation(options: Mapping[str, Option]) -> bool:
    return options.get("basis") == ACTIVATION
