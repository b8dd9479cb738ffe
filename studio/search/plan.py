"""What a search is asked for: optimizer, granularity, budget, loss, balance, stability, rows."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace

from studio.errors import BadRecipe, StudioError
from studio.merge import Merge
from studio.recipe import finite
from studio.search.balance import BALANCES
from studio.search.ewc import ANCHORS
from studio.search.space import GRANULARITIES
from studio.tasks.kinds.losses import LOSSES

OPTIMIZERS = ("adam", "cma")
OPTIMIZER_TITLES = {"adam": "Adam", "cma": "CMA-ES"}
_MOST_BUDGET = 100_000


@dataclass(frozen=True)
class SearchPlan:
    """A search; with the recipe and the zoo's rows it decides the result.

    Attributes:
        optimizer: 'adam' (gradients) or 'cma' (values alone).
        granularity: see ``Space``.
        budget: steps of Adam, or candidates of CMA-ES.
        loss: see ``LOSSES``.
        balance: see ``Balance``.
        ewc: strength of the quadratic penalty, see ``Quadratic``; 0 for none.
        anchor: what the penalty holds on to.
        rows: validation rows per task, at most; a quarter of them decides when to stop.
        batch: rows per task of a step of Adam.
        at_once: rows that the model runs at once; fewer take less memory.
        seed: of the batches, and of CMA-ES.
    """

    optimizer: str = "adam"
    granularity: str = "task"
    budget: int = 60
    loss: str = "labels"
    balance: str = "uniform"
    ewc: float = 0.0
    anchor: str = "experts"
    rows: int = 400
    batch: int = 16
    at_once: int = 32
    seed: int = 0

    def plain(self) -> dict:
        """As it stands in a record."""
        return asdict(self)

    @property
    def needs_labels(self) -> bool:
        """Whether rows without labels are of no use to it."""
        return self.loss == "labels"


def checked(plan: SearchPlan) -> SearchPlan:
    """The plan itself, if it can be carried out by some recipe.

    Raises:
        BadRecipe: naming what is wrong.
    """
    choices = {
        "optimizer": OPTIMIZERS, "granularity": GRANULARITIES, "loss": LOSSES,
        "balance": BALANCES, "anchor": ANCHORS,
    }  # fmt: skip
    for name, known in choices.items():
        if getattr(plan, name) not in known:
            raise BadRecipe(f"{name} {getattr(plan, name)!r} is not one of {', '.join(known)}.")
    for name, least in {"budget": 1, "rows": 4, "batch": 1, "at_once": 1, "seed": 0}.items():
        value = getattr(plan, name)
        most = 2**63 - 1 if name == "seed" else _MOST_BUDGET
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise BadRecipe(
                f"{said(name)} {value!r}: give a whole number from {least} to {most:,}."
            )
    if finite(plan.ewc, "The strength of EWC") < 0:
        raise BadRecipe(f"The strength of EWC is {plan.ewc:g}; it must be at least 0.")
    return replace(plan, ewc=float(plan.ewc))


def said(name: str) -> str:
    """An attribute of a plan, for people."""
    return {"at_once": "rows at once"}.get(name, name)


def refuse_unsearchable(merge: Merge, plan: SearchPlan) -> None:
    """Refuse a method whose coefficients the optimizer cannot move.

    Raises:
        BadRecipe: saying which optimizer or methods can be used.
    """
    if not merge.recipe.tasks:
        raise BadRecipe("Nothing is merged, so there are no coefficients; tick a task first.")
    if merge.method.weighs and (plan.optimizer == "adam" or plan.ewc):
        what = "Adam" if plan.optimizer == "adam" else "EWC"
        raise BadRecipe(
            f"{what} needs components that stay as they are while their coefficients move, and "
            f"{merge.method.title} forms its change anew from the coefficients. Use CMA-ES "
            "without EWC, or a method with a component per task, such as mdm_oc."
        )


def parse_plan(data: object) -> SearchPlan:
    """A plan from a record.

    Raises:
        StudioError: it has other parts, or an impossible value.
    """
    names = {each.name for each in fields(SearchPlan)}
    if not isinstance(data, Mapping) or set(data) != names:
        raise StudioError(f"A plan holds {', '.join(sorted(names))}, and nothing else.")
    return checked(SearchPlan(**data))
