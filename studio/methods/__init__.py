"""Merge methods, one per file; METHODS lists them in the order in which the page shows them."""

from collections.abc import Mapping

from studio.errors import BadRecipe
from studio.methods.ace import Ace
from studio.methods.actmat import ActMat
from studio.methods.after import AFTER, SVC, parted, recounted
from studio.methods.aswudi import AsWudi
from studio.methods.average import Average
from studio.methods.breadcrumbs import Breadcrumbs
from studio.methods.cart import Cart
from studio.methods.continual_ties import ContinualTies
from studio.methods.contract import Method, make, numbers, usual
from studio.methods.dare import Dare
from studio.methods.della import Della
from studio.methods.emr import Emr
from studio.methods.fisher import Fisher
from studio.methods.iso_c import IsoC
from studio.methods.iso_cts import IsoCts
from studio.methods.kit.running_sum import RunningSum
from studio.methods.knots import Knots
from studio.methods.magmax import MagMax
from studio.methods.mdm_oc import MdmOc
from studio.methods.model_stock import ModelStock
from studio.methods.nufilt import Nufilt
from studio.methods.nuslerp import NuSlerp
from studio.methods.opcm import Opcm
from studio.methods.orthomerge import OrthoMerge
from studio.methods.pcb import Pcb
from studio.methods.regmean import RegMean
from studio.methods.regmean_pp import RegMeanPlusPlus
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
        Della,
        Breadcrumbs,
        MagMax,
        Pcb,
        ModelStock,
        Cart,
        Emr,
        Slerp,
        NuSlerp,
        TsvM,
        IsoC,
        IsoCts,
        Knots,
        Wudi,
        AsWudi,
        Ace,
        ActMat,
        ContinualTies,
        Nufilt,
        Fisher,
        RegMean,
        RegMeanPlusPlus,
    )
}
assert DEFAULT_METHOD in METHODS, "recipes lie below and cannot look here"

SUM = TaskArithmetic.name
"""The plain sum of the deltas: of one task with coefficient 1, its own model."""
REGRESSION = RegMean.name
"""The least squares of layers on their inputs, with which a walk goes from layer to layer."""
RUNNING_SUM = Opcm.name
"""The method of a sequence that is kept in one file, see ``running_sum``."""
SUMMED: Mapping[str, Mapping[str, Option]] = {
    TaskArithmetic.name: {},
    Average.name: {},
    RegMean.name: {},
    MdmOc.name: {"basis": "activation", "order": "symmetric", "strength": 1.0},
    Wudi.name: {},
    AsWudi.name: {},
    ActMat.name: {},
}
"""Methods of which a state of sums can be kept, with options that make it one."""
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
    """A method with options: its own, and those that any merge takes, see ``after``.

    Raises:
        BadRecipe: an unknown method or option, or a value out of range.
    """
    own, after = parted(options)
    made = make(method_type(name), own)
    return recounted(made, after[SVC]) if SVC in after else made


def settings(name: str, options: Mapping[str, Option]) -> dict[str, Option]:
    """Every option of a method that does something, with its value, and what is done after it.

    Raises:
        BadRecipe: an unknown method or option, or a value out of range.
    """
    own, after = parted(options)
    every = vars(make(method_type(name), own))
    idle = method_type(name).idle(every)
    return {key: value for key, value in every.items() if key not in idle} | after


def defaults_of(name: str, options: Mapping[str, Option]) -> dict[str, Option]:
    """What is meant by every option that is left out beside these, with what any merge takes."""
    after = {key: each["default"] for key, each in AFTER.items()}
    return usual(method_type(name), options) | after


def every_number(name: str, options: Mapping[str, Option]) -> dict[str, dict]:
    """The options that are a number beside these, by name, with those that any merge takes."""
    return numbers(method_type(name), options) | AFTER


def running_sum(options: Mapping[str, Option]) -> RunningSum:
    """The method ``RUNNING_SUM`` with options.

    Raises:
        BadRecipe: an unknown option, or a value out of range.
    """
    return make(Opcm, options)
