"""RegMean++: RegMean on inputs that went through the layers merged so far."""

from dataclasses import dataclass
from typing import ClassVar

from studio.methods.additive import WeighedAdditive, no_sum
from studio.methods.contract import MERGED
from studio.methods.regmean import RegMean


@dataclass(frozen=True)
class RegMeanPlusPlus(RegMean):
    """RegMean with G_i = X^T X / n of inputs that went through the blocks merged so far.

    A block is a transformer's layer, or a layer that lies in none. In it the rows of task i go
    through expert i, as in RegMean; what enters it comes out of the blocks before, merged by
    RegMean with its defaults and equal weights. So what is measured depends on which tasks there
    are, and not on coefficients or options; a task that is taken out has it measured anew.

    Source: RegMean++ (arXiv 2508.03121, TMLR 2026).
    """

    name: ClassVar[str] = "regmean_pp"
    title: ClassVar[str] = "RegMean++"
    plainly: ClassVar[str] = (
        "As RegMean, on what really arrives at a layer once those before it are merged."
    )
    needs: ClassVar[str] = MERGED

    @property
    def additive(self) -> WeighedAdditive:
        """None: what one task's inputs are depends on the other tasks.

        Raises:
            BadRecipe: always.
        """
        raise no_sum(self.title)
