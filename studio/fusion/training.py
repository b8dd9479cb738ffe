"""The training of a fusion: one attention for all its tasks, by labels, stopped by other rows."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from studio.errors import BadData, StudioError
from studio.fusion.fusion import Fusion
from studio.measure.bench import Bench
from studio.measure.supervision import (
    Supervised,
    descend,
    drawn,
    frozen,
    mean_losses,
    supervision,
)
from studio.progress import Progress, silent
from studio.tasks.row_parts import CHOOSING, MEASURED, VALIDATION

Loss = Callable[[], float]


@dataclass(frozen=True)
class FusionPlan:
    """What a training may spend; with the zoo's rows it decides the result.

    Attributes:
        budget: steps, as of the optimizers of coefficients.
        batch: rows per task of a step.
        rows: validation rows per task that are fitted on, at most.
        checked: validation rows per task that decide when to stop, at most.
        every: steps between two looks at these.
        patience: such looks without a better one.
        rate: of AdamW's first step; it falls to 0 along half a cosine over the budget.
        regularization: factor of ``||I - V||^2``, AdapterHub's.
        at_once: rows that the model runs at once; fewer take less memory.
        seed: of queries, keys and batches.
    """

    budget: int = 60
    batch: int = 16
    rows: int = 400
    checked: int = 100
    every: int = 5
    patience: int = 6
    rate: float = 1e-3
    regularization: float = 0.01
    at_once: int = 32
    seed: int = 0

    def plain(self) -> dict:
        """As JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Training:
    """What a training came to.

    Attributes:
        steps: that were taken.
        best: of these, after how many the losses that decide were lowest; 0 for the start.
        first: mean of the tasks' losses on the rows that decide, before the first step, in nats.
        last: the same of what is kept.
        rows: row evaluations forward and backward.
        looked: row evaluations that decided.
        seconds: of all of it.
    """

    steps: int
    best: int
    first: float
    last: float
    rows: int
    looked: int
    seconds: float


def counted_rows(bench: Bench, tasks: tuple[str, ...], plan: FusionPlan) -> tuple[int, int]:
    """How many rows of all tasks are fitted on, and how many decide; loads no model.

    Raises:
        BadData: a task has too few rows for both.
    """
    fitted = checked = 0
    for name in tasks:
        task = bench.tasks[name]
        own, others = len(task.rows(MEASURED)), len(task.rows(CHOOSING))
        if not own or not others:
            raise BadData(
                f"'{name}' has {len(task.rows(VALIDATION))} {VALIDATION} rows; AdapterFusion is "
                "fitted on some and stopped by others, and rows of a group stay together. Add "
                "rows, or leave AdapterFusion out."
            )
        fitted, checked = fitted + min(own, plan.rows), checked + min(others, plan.checked)
    return fitted, checked


def fusion_rows(bench: Bench, tasks: tuple[str, ...], plan: FusionPlan) -> tuple[Supervised, ...]:
    """The rows that a fusion is fitted on, and those that decide; no row is both.

    Of the validation rows they are ``MEASURED`` and ``CHOOSING``; groups stay together.

    Raises:
        BadData: a task has no head, too few rows, or rows without labels.
    """
    counted_rows(bench, tasks, plan)
    limits = {MEASURED: plan.rows, CHOOSING: plan.checked}
    return tuple(
        {name: supervision(bench.live, bench.tasks[name], split, most) for name in tasks}
        for split, most in limits.items()
    )


def train_fusion(
    bench: Bench, fusion: Fusion, plan: FusionPlan, progress: Progress = silent
) -> Training:
    """Train queries, keys and values on the tasks that are attended; the best ones are kept.

    The base and the adapters stay as they are. The bench's live model wears the base afterwards.

    Args:
        bench: the zoo, opened.
        fusion: of its adapters; changed in place.
        plan: of the training.
        progress: told the share done and the time left; raising stops it.

    Raises:
        BadData: see ``fusion_rows``.
        StudioError: a loss is not finite.

    Source: Pfeiffer et al. 2021 (arXiv 2005.00247), section 3.2, which trains one attention per
    target task; here one serves all tasks, as a merged model does.
    """
    started = time.perf_counter()
    progress(0.0, "reading the rows")
    fitted, checked = fusion_rows(bench, fusion.kept, plan)
    live = bench.live
    live.wear(None)
    looks, alike = [0], dict.fromkeys(fitted, 1 / len(fitted))

    def look() -> float:
        looks[0] += sum(len(each.rows) for each in checked.values())
        losses = mean_losses(live, checked, plan.at_once)
        return sum(losses.values()) / len(losses)

    def slope(number: int) -> float:
        rows = drawn(fitted, plan.batch, number, plan.seed)
        loss = descend(live, fitted, rows, alike, plan.at_once)
        with torch.enable_grad():
            (plan.regularization * fusion.penalty()).backward()
        return loss

    with frozen(live.whole), fusion.attached(live):
        walked = _walk(fusion, plan, slope, look, _timed(progress, plan, started))
    steps, best, first, last = walked
    rows = steps * plan.batch * len(fitted)
    return Training(steps, best, first, last, rows, looks[0], time.perf_counter() - started)


def _walk(
    fusion: Fusion, plan: FusionPlan, slope: Callable[[int], float], look: Loss,
    report: Callable[[int], None],
) -> tuple[int, int, float, float]:  # fmt: skip
    """Steps, the best of them, and the losses before the first and after the best."""
    optimizer = torch.optim.AdamW(fusion.parameters(), lr=plan.rate, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, plan.budget)
    report(0)
    first = lowest = _finite(look(), 0)
    best, state, idle = 0, _copied(fusion), 0
    for number in range(1, plan.budget + 1):
        optimizer.zero_grad(set_to_none=True)
        _finite(slope(number), number)
        optimizer.step()
        schedule.step()
        report(number)
        if number % plan.every and number != plan.budget:
            continue
        loss = _finite(look(), number)
        idle += 1
        if loss < lowest:
            lowest, best, state, idle = loss, number, _copied(fusion), 0
        if idle >= plan.patience:
            break
    fusion.load_state_dict(dict(state))
    for each in fusion.parameters():
        each.grad = None
    return number, best, first, lowest


def _copied(fusion: Fusion) -> Mapping[str, Tensor]:
    return {name: each.detach().clone() for name, each in fusion.state_dict().items()}


def _timed(progress: Progress, plan: FusionPlan, started: float) -> Callable[[int], None]:
    """Reports steps, and after the first ones the time that is left at most."""

    def report(number: int) -> None:
        left = (time.perf_counter() - started) / max(number, 1) * (plan.budget - number)
        words = f", at most {left:.0f} s left" if number else ""
        progress(number / plan.budget, f"AdapterFusion, step {number} of {plan.budget}{words}")

    return report


def _finite(loss: float, number: int) -> float:
    if loss != loss or abs(loss) == float("inf"):
        raise StudioError(
            f"AdapterFusion: the loss is {loss} at step {number}, so nothing was kept. Look at the "
            "rows' labels and the heads."
        )
    return loss
