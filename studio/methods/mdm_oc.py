"""MDM-OC: modular delta merging with orthogonal constraints."""

from dataclasses import dataclass, replace
from typing import ClassVar

from studio.checkpoints.deltas import AnyDeltas, DerivedDeltas
from studio.geometry.gram import Grams
from studio.geometry.orthogonal import Basis, identity, orthogonalize, refuse_dependent
from studio.geometry.scopes import SCOPES
from studio.geometry.spectra import Reduction
from studio.geometry.subspaces import is_matrix, reduced, subspaces
from studio.methods.contract import Given, Method, option


@dataclass(frozen=True)
class MdmOc(Method):
    """base + sum_i c_i component_i, with components that are orthogonal to one another.

    In order of arrival, the first task keeps its whole delta and each later one loses its part
    along those before it (Gram-Schmidt); symmetric treats all tasks alike (Loewdin). With basis
    vector, whole deltas are orthogonal; with basis subspace, each matrix keeps a few singular
    directions per task whose column and row spaces are orthogonal to the other tasks', and
    vectors and embedding tables are averaged. Rank and energy reduce matrices before that.

    Source: MDM-OC (arXiv 2507.20997), Eqs. 2-7, 9, 12, 13, 15 and 16; no code of the paper is
    public. Symmetric subspaces: TSV-M (arXiv 2412.00081).
    """

    name: ClassVar[str] = "mdm_oc"
    title: ClassVar[str] = "MDM-OC"
    default_coefficient: ClassVar[float] = 1.0

    basis: str = option(
        "vector",
        "What is made orthogonal: whole deltas, or the spaces of each matrix.",
        choices=("vector", "subspace"),
    )
    scope: str = option(
        "model", "Vectors: orthogonal over the model, in each layer or each tensor.", choices=SCOPES
    )
    normalize: str = option(
        "none",
        "Vectors: weigh all layers alike while orthogonalizing; norms are put back.",
        choices=("none", "layer"),
    )
    order: str = option(
        "arrival",
        "First come, first kept; or symmetric: all tasks alike.",
        choices=("arrival", "symmetric"),
    )
    strength: float = option(
        1.0, "0 keeps the raw deltas, 1 makes them orthogonal.", low=0.0, high=1.0
    )

    rank: int | None = option(
        None,
        "Most singular directions kept per matrix; none: all, or an equal part for a subspace.",
        low=1,
        whole=True,
    )
    energy: float | None = option(
        None, "Share of each matrix's squared norm that is kept; none: all.", low=0.0, high=1.0
    )

    @property
    def derives(self) -> bool:
        """Subspaces and reduced deltas are no combinations of the raw deltas."""
        return self.basis == "subspace" or self.rank is not None or self.energy is not None

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
        rank depends on how many tasks there are.
        """
        if self.ordered and self.basis == "vector":
            return "the merged model and the earlier components"
        return super().carried

    @classmethod
    def starting_coefficient(cls, n: int) -> float:
        """1/sqrt(n): orthogonal components of equal norm then move the base as one task does."""
        return round(max(n, 1) ** -0.5, 2)

    def components(self, n: int, gram: Grams) -> Basis:
        """Orthogonal components from the Gram of the raw deltas."""
        if self.basis == "subspace":
            return replace(identity(n), scope="tensor")
        per_layer = self.normalize == "layer"
        return orthogonalize(gram(), self.scope, self.order, per_layer, self.strength, gram)

    def vectors(self, given: Given) -> DerivedDeltas:
        """Subspace components, or deltas whose matrices are reduced."""
        deltas = given.deltas
        reduction = Reduction(self.rank, self.energy)
        if self.basis == "vector":
            return DerivedDeltas(deltas, lambda raw: reduced(raw, reduction, deltas.dtype))
        refuse_dependent(given.gram(), self.order)
        return DerivedDeltas(
            deltas,
            lambda raw: subspaces(raw, reduction, self.order, self.strength, deltas.dtype),
        )

    def orthogonal_in(self, deltas: AnyDeltas) -> tuple[str, ...]:
        """With subspaces, the matrices; they have orthogonal column and row spaces."""
        if self.basis == "vector":
            return deltas.names
        shapes = {name: deltas.base.weights.entries[name].shape for name in deltas.names}
        return tuple(name for name, shape in shapes.items() if is_matrix(name, shape))
