"""Merge methods, one per file; METHODS lists them in the order in which the page shows them."""

from collections.abc import Mapping

from studio.errors import BadRecipe
from studio.methods.ace import Ace
from studio.methods.average import Average
from studio.methods.breadcrumbs import Breadcrumbs
from studio.methods.continual_ties import ContinualTies
from studio.methods.contract import Method, make
from studio.methods.dare import Dare
from studio.methods.fisher import Fisher
from studio.methods.iso_c import IsoC
from studio.methods.iso_cts import IsoCts
from studio.methods.kit.running_sum import RunningSum
from studio.methods.magmax import MagMax
from studio.methods.mdm_oc import MdmOc
from studio.methods.model_stock import ModelStock
from studio.methods.nuslerp import NuSlerp
from studio.methods.opcm import Opcm
from studio.methods.orthomerge import OrthoMerge
from studio.methods.regmean import RegMean
from studio.methods.slerp import Slerp
from studio.methods.task_arithmetic import TaskArithmetic
from studio.methods.ties import Ties
from studio.methods.tsv_m import TsvM
from studio.methods.wudi import Wudi
from studio.recipe import DEFAULT_METHOD, Option

METHODS: dict[str, type[Method]] = {
    each.name: each
    for each in (
        MdmOc,
        Opcm,
        OrthoMerge,
        TaskArithmetic,
        Average,
        Ties,
        Dare,
        Breadcrumbs,
        MagMax,
        ModelStock,
        Slerp,
        NuSlerp,
        TsvM,
        IsoC,
        IsoCts,
        Wudi,
        Ace,
        ContinualTies,
        Fisher,
        RegMean,
    )
}
assert DEFAULT_METHOD in METHODS, "recipes lie below and cannot look here"

SUM = TaskArithmetic.name
"""The plain sum of the deltas: of one task with coefficient 1, its own model."""
RUNNING_SUM = Opcm.name
"""The method of a sequence that is kept in one file, see ``running_sum``."""
FIRST_COMPARED = (MdmOc.name, TaskArithmetic.name, Average.name, Ties.name)
"""What a page compares before somebody chooses."""


def method_type(name: str) -> type[Method]:
    """The class of a method.

    Raises:
        BadRecipe: there is no method of that name.
    """
    if name not in METHODS:
        raise BadRecipe(f"There is no merge method '{name}'; there are {', '.join(METHODS)}.")
    return METHODS[name]


def method(name: str, options: Mapping[str, Option]) -> Method:
    """A method with options.

    Raises:
        BadRecipe: an unknown method or option, or a value out of range.
    """
    return make(method_type(name), options)


def running_sum(options: Mapping[str, Option]) -> RunningSum:
    """The method ``RUNNING_SUM`` with options.

    Raises:
        BadRecipe: an unknown option, or a value out of range.
    """
    return make(Opcm, options)
