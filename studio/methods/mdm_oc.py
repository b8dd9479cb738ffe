"""MDM-OC: modular delta merging with orthogonal constraints."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from studio.geometry.gram import Gram
from studio.geometry.orthogonal import Basis, orthogonalize
from studio.geometry.scopes import SCOPES
from studio.methods.method import Method, option


@dataclass(frozen=True)
class MdmOc(Method):
    """base + sum_i c_i component_i, with components that are orthogonal to one another.

    In order of arrival, the first task keeps its whole delta and each later one loses its part
    along those before it (Gram-Schmidt); symmetric treats all tasks alike (Loewdin).

    Source: MDM-OC (arXiv 2507.20997), Eqs. 2-7, 12, 15 and 16; no code of the paper is public.
    """

    name: ClassVar[str] = "mdm_oc"
    title: ClassVar[str] = "MDM-OC"
    default_coefficient: ClassVar[float] = 1.0

    basis: str = option("vector", "What is made orthogonal: whole deltas.", choices=("vector",))
    scope: str = option(
        "model", "Orthogonal over the whole model, in each layer or each tensor.", choices=SCOPES
    )
    normalize: str = option(
        "none",
        "Weigh all layers alike while orthogonalizing; norms are put back.",
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

    @property
    def ordered(self) -> bool:
        """Gram-Schmidt depends on the order of the tasks; Loewdin does not."""
        return self.order == "arrival"

    def components(self, n: int, gram: Callable[[], Gram]) -> Basis:
        """Orthogonal components from the Gram of the raw deltas."""
        per_layer = self.normalize == "layer"
        return orthogonalize(gram(), self.scope, self.order, per_layer, self.strength)
