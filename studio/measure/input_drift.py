"""Drift: how far what enters the layers of a mix is from what enters them in each expert."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

from studio.measure.bench import Bench
from studio.measure.evaluate import examples
from studio.measure.information import input_grams
from studio.methods.contract import Measured
from studio.progress import Progress, part, silent
from studio.recipe import Recipe
from studio.tasks.row_parts import MEASURED

FAR = 0.3
"""Share by which inputs differ from which on statistics of the experts may mislead."""


@dataclass(frozen=True)
class InputDrift:
    """How far inputs have drifted.

    Attributes:
        shares: by task, the mean over the layers of ``|G_mix - G_expert| / |G_expert|`` in the
            Frobenius norm, of the task's own rows.
    """

    shares: Mapping[str, float]

    @property
    def mean(self) -> float:
        """Over the tasks."""
        return fmean(self.shares.values())

    @property
    def far(self) -> bool:
        """Whether statistics behind merged layers are worth a look."""
        return self.mean > FAR

    @property
    def words(self) -> str:
        """What was found and what it means, for people."""
        most = max(self.shares, key=lambda name: self.shares[name])
        found = (
            f"What enters a layer of this mix differs from what its expert sees by {self.mean:.0%} "
            f"on average, most of '{most}' ({self.shares[most]:.0%})."
        )
        if self.far:
            return (
                f"{found} Above {FAR:.0%}, statistics of the experts may mislead: try "
                "'where inputs are seen: merged' of MDM-OC by activations, or RegMean++, which "
                "send the rows through the layers merged so far."
            )
        return f"{found} Up to {FAR:.0%}, statistics of the experts will do."


def input_drift(
    bench: Bench, recipe: Recipe, look: Measured, rows: int, progress: Progress = silent
) -> InputDrift:
    """Measure it, on the rows on which the experts were measured; one pass of each.

    Args:
        bench: the zoo; its live model ends wearing the mix.
        recipe: that mixes its tasks.
        look: Grams of each expert's inputs on ``rows`` rows.
        rows: per task, at most.
        progress: told the share done; may raise to give up.
    """
    bench.live.wear(bench.merge(recipe))
    shares = {}
    for place, name in enumerate(recipe.names):
        own = part(progress, place / len(recipe.names), (place + 1) / len(recipe.names))
        items = examples(bench.live, bench.tasks[name], MEASURED, labelled=False)
        seen = input_grams(bench.live, items, items.order[:rows].tolist(), own)
        away = []
        for tensor, gram in seen.items():
            expert = look(name, tensor)
            if expert is not None and float(expert.norm()):
                away.append(float((gram.cpu() - expert).norm() / expert.norm()))
        shares[name] = fmean(away)
    return InputDrift(shares)
