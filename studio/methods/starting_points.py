"""Where a search for the best merge begins: methods with options, and what is tried around them."""

from collections.abc import Mapping
from dataclasses import dataclass

from studio.methods.iso_c import IsoC
from studio.methods.mdm_oc import ACTIVATION, SUBSPACE, VECTOR, MdmOc
from studio.methods.regmean import RegMean
from studio.methods.task_arithmetic import TaskArithmetic
from studio.methods.ties import Ties
from studio.methods.tsv_m import TsvM
from studio.recipe import Option

_USUAL = (1.0, 1.6, 0.625)


@dataclass(frozen=True, eq=False)
class StartingPoint:
    """A method as a search tries it first.

    Attributes:
        method: its name.
        options: that differ from its defaults.
        words: behind its title, for people; empty where the method stands for itself.
        scales: times what the studio starts it at, the first that is tried in front.
        variants: further options, tried where the method does well.
        rival: whether it is another method than the studio's own.
    """

    method: str
    options: Mapping[str, Option]
    words: str = ""
    scales: tuple[float, ...] = _USUAL
    variants: tuple[Mapping[str, Option], ...] = ()
    rival: bool = True


def _own(basis: str, words: str, scales: tuple[float, ...], **rest: Option) -> StartingPoint:
    strengths = (0.1, 0.5, 1.0) if basis == ACTIVATION else ()
    variants = tuple({"strength": each} for each in strengths)
    return StartingPoint(MdmOc.name, {"basis": basis, **rest}, words, scales, variants, False)


def _rival(method: str, scales: tuple[float, ...] = _USUAL) -> StartingPoint:
    return StartingPoint(method, {}, scales=scales)


STARTING_POINTS = (
    _own(ACTIVATION, "activations", (1.0, 1.25, 0.8)),
    _own(VECTOR, "vectors", _USUAL),
    _own(SUBSPACE, "subspaces", (1.0, 1.6, 2.5)),
    _own(SUBSPACE, "symmetric subspaces", (1.0, 1.6, 2.5), order="symmetric"),
    _rival(TaskArithmetic.name),
    _rival(RegMean.name, (1.0, 1.25, 0.8)),
    _rival(Ties.name),
    _rival(IsoC.name),
    _rival(TsvM.name),
)
"""The bases of MDM-OC, and the rivals that were ahead somewhere."""
