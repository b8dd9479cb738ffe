"""The objective: losses, gradients and checks of coefficients on validation rows (Eq. 14)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from studio.errors import StudioError
from studio.measure.bench import Bench
from studio.measure.examples import RowAt, batch_of, by_kind
from studio.merge import Merge
from studio.methods.contract import mixing
from studio.progress import Progress, silent
from studio.search.balance import Scale
from studio.search.ewc import Quadratic
from studio.search.gradient import coefficient_slopes, gradients, mixing_slopes
from studio.search.plan import SearchPlan
from studio.search.rows import SearchRows
from studio.search.space import Space, rounded
from studio.tasks.kinds.contract import places_of
from studio.tasks.live_model import LiveModel

Chosen = Mapping[str, np.ndarray]  # rows by task


@dataclass(frozen=True)
class Value:
    """What a point is worth on some rows.

    Attributes:
        losses: ``(n,)`` mean loss of each task, in nats per row, or per token where it is scored
            by a loss.
        penalty: EWC's, 0 without one.
        rows: row evaluations that it took.
        accuracies: ``(n,)`` shares of right answers; None where rows have no labels, or some task
            is scored by a loss.
    """

    losses: Tensor
    penalty: float
    rows: int
    accuracies: Tensor | None = None


@dataclass(frozen=True)
class Slope(Value):
    """A batch's losses with their gradient.

    Attributes:
        slope: ``(p,)`` derivatives of the weighted losses and the penalty.
    """

    slope: Tensor = field(kw_only=True)


class Objective:
    """Asks the bench's live model, which wears one point after another.

    Args:
        bench: the zoo, opened.
        merge: whose coefficients are free.
        free: which of them.
        plan: of the search.
        rows: by task, in the merge's order.
        penalty: EWC's, or None.
        experts: per task ``(questions, options)`` log-probabilities of its expert on all rows of
            its part, for the loss 'expert'; None for other losses.
    """

    def __init__(
        self, bench: Bench, merge: Merge, free: Space, plan: SearchPlan,
        rows: Mapping[str, SearchRows], penalty: Quadratic | None = None,
        experts: Mapping[str, Tensor] | None = None,
    ) -> None:  # fmt: skip
        self.bench = bench
        self.merge = merge
        self.free = free
        self.plan = plan
        self.rows = rows
        self._parts = {name: each.part for name, each in rows.items()}
        self.penalty = penalty
        self.experts = experts

    def value(self, point: Tensor, rows: int) -> Value:
        """On the first rows of each task that are fitted on."""
        self._wear(point)
        chosen = {name: each.fit[:rows] for name, each in self.rows.items()}
        return replace(self.measure(chosen), penalty=self.penalty_of(point))

    def check(self, point: Tensor) -> Value:
        """On the rows that decide what is kept, at the point as a recipe would hold it."""
        self._wear(rounded(point))
        chosen = {name: each.check for name, each in self.rows.items()}
        return replace(self.measure(chosen), penalty=self.penalty_of(rounded(point)))

    def slope(self, point: Tensor, number: int, weights: Tensor) -> Slope:
        """Of a step's batch, by one backward pass.

        Args:
            point: ``(p,)`` free coefficients.
            number: of the step, from 1; decides the batch.
            weights: ``(n,)`` of the losses.
        """
        self._wear(point)
        chosen, names = self._batch(number), list(self.rows)
        sums = dict.fromkeys(names, 0.0)
        with gradients(self.bench.live, self.merge) as parameters:
            for found in self._runs(chosen):
                total = torch.zeros((), dtype=torch.float64)
                for name, (losses, _) in found.items():
                    weight = float(weights[names.index(name)]) / self._shares(name, chosen)
                    total = total + weight * losses.sum()
                    sums[name] += float(losses.detach().sum())
                total.backward()
            slopes = mixing_slopes(self.merge, parameters, self.bench.live.part)
        if self.penalty is not None:
            slopes = slopes + 0.5 * self.plan.ewc * self.penalty.slopes(self._mixing(point))
        slope = self.free.gathered(coefficient_slopes(slopes, self.merge.basis.rows))
        losses = [sums[name] / self._shares(name, chosen) for name in names]
        count = sum(len(each) for each in chosen.values())
        return Slope(
            torch.tensor(losses, dtype=torch.float64), self.penalty_of(point), count, slope=slope
        )

    def measure(self, chosen: Chosen) -> Value:
        """Losses and accuracies of whatever the live model wears, on some rows."""
        sums, right = dict.fromkeys(chosen, 0.0), dict.fromkeys(chosen, 0)
        with torch.no_grad():
            for found in self._runs(chosen):
                for name, (losses, correct) in found.items():
                    sums[name] += float(losses.sum())
                    right[name] += correct
        whole = torch.tensor([self._shares(name, chosen) for name in chosen], dtype=torch.float64)
        losses = torch.tensor([sums[name] for name in chosen], dtype=torch.float64) / whole
        asked = [len(self._parts[name].questions(rows)) for name, rows in chosen.items()]
        shares = torch.tensor([right[name] for name in chosen], dtype=torch.float64)
        shares = shares / torch.tensor(asked, dtype=torch.float64)
        known = all(self.rows[name].has_accuracy for name in chosen)
        rows = sum(len(each) for each in chosen.values())
        return Value(losses, 0.0, rows, shares if known else None)

    def try_longest(self, rows: int) -> None:
        """Run so many rows at once, the longest there are, as a step or a candidate does."""
        every = [(name, int(row)) for name, each in self.rows.items() for row in each.fit]
        every.sort(key=self._length, reverse=True)
        for alike in by_kind(self._parts, every):
            self._try(alike[:rows])

    def penalty_of(self, point: Tensor) -> float:
        """EWC's penalty at a point."""
        return self.penalty.value(self._mixing(point)) if self.penalty is not None else 0.0

    def _try(self, rows: Sequence[RowAt]) -> None:
        if self.plan.optimizer != "adam":
            with torch.no_grad():
                self._run(rows)
            return
        with gradients(self.bench.live, self.merge):
            found = self._run(rows).values()
            torch.stack([losses.sum() for losses, _ in found]).sum().backward()

    def _shares(self, name: str, chosen: Chosen) -> float:
        return self._parts[name].shares(chosen[name])

    def _mixing(self, point: Tensor) -> Tensor:
        return mixing(self.free.spread(point), self.merge.basis)

    def _wear(self, point: Tensor) -> None:
        if self.merge.method.weighs:
            worn = self.bench.merge(self.free.recipe(self.merge.recipe, point))
        else:
            recipe = self.free.recipe(self.merge.recipe, point)  # of the running statistics
            worn = replace(self.merge, recipe=recipe, recorded=self._mixing(point))
        self.bench.live.wear(worn)

    def _batch(self, number: int) -> dict[str, np.ndarray]:
        """The rows of a step: each task's are shuffled anew whenever all of them were used."""
        size, chosen = self.plan.batch, {}
        for place, (name, each) in enumerate(self.rows.items()):
            count = len(each.fit)
            used = np.arange((number - 1) * size, number * size)
            rounds = {
                int(epoch): np.random.default_rng([self.plan.seed, place, int(epoch)])
                .permutation(count)
                for epoch in np.unique(used // count)
            }  # fmt: skip
            chosen[name] = np.array([each.fit[rounds[int(k // count)][k % count]] for k in used])
        return chosen

    def _runs(self, chosen: Chosen) -> Iterator[dict[str, tuple[Tensor, int]]]:
        """Run rows through what is worn, those of like length together.

        Yields:
            Per pass, by task: what each row adds to the loss, and how many answers are right.
        """
        every = [(name, int(row)) for name, rows in chosen.items() for row in rows]
        every.sort(key=self._length)
        size = self.plan.at_once
        for alike in by_kind(self._parts, every):
            for start in range(0, len(alike), size):
                yield self._run(alike[start : start + size])

    def _length(self, row: RowAt) -> int:
        return self._parts[row[0]].length(row[1])

    def _run(self, rows: Sequence[RowAt]) -> dict[str, tuple[Tensor, int]]:
        """One pass of rows of tasks of one kind."""
        live, found = self.bench.live, {}
        batch = batch_of(live, self._parts, rows)
        output = live.encoder(**live.placed(batch.inputs))
        for name, places in places_of(rows).items():
            own = self.rows[name]
            index = np.array([rows[place][1] for place in places.tolist()])
            asked, kind = own.part.questions(index), own.part.task.kind
            answers = torch.from_numpy(own.part.answers[asked])
            about = own.part.task.spec, own.head, output, batch, places
            if own.part.extents is None:
                scores = kind.scores(*about)
                expert = self.experts[name][asked] if self.experts else None
                losses = kind.losses(self.plan.loss, scores, answers, expert)
                right = int((kind.chosen(scores, *about) == answers).sum())
            else:
                losses, right = kind.nats(*about, answers).double(), 0
            found[name] = own.part.row_sums(losses, index), right
        return found


def loss_references(objective: Objective, progress: Progress = silent) -> Scale:
    """What losses are measured by: each expert's and the base's, on the rows that are fitted on.

    Raises:
        StudioError: one is not finite, naming the task.
    """
    rows, found = objective.rows, []
    for place, (name, each) in enumerate(rows.items()):
        progress(place / (len(rows) + 1), f"loss of expert {name}")
        objective.bench.live.wear(objective.bench.expert(name))
        found.append(objective.measure({name: each.fit}).losses)
    progress(len(rows) / (len(rows) + 1), "losses of the base")
    objective.bench.live.wear(None)
    base = objective.measure({name: each.fit for name, each in rows.items()}).losses
    scale = Scale(torch.cat(found), base)
    for what, losses in (("expert", scale.expert), ("base", scale.base)):
        for name, loss in zip(rows, losses.tolist(), strict=True):
            if not np.isfinite(loss):
                raise StudioError(
                    f"'{name}': the loss of its {what} is {loss} on its validation rows, so "
                    "nothing can be measured by it. Look at its head and rows."
                )
    return scale


def expert_predictions(
    bench: Bench, rows: Mapping[str, SearchRows], at_once: int, progress: Progress = silent
) -> dict[str, Tensor]:
    """Per task ``(questions, options)`` float64 log-probabilities of its expert on its rows."""
    found = {}
    for place, (name, each) in enumerate(rows.items()):
        progress(place / len(rows), f"predictions of expert {name}")
        bench.live.wear(bench.expert(name))
        found[name] = _predictions(bench.live, each, at_once)
    return found


def _predictions(live: LiveModel, rows: SearchRows, at_once: int) -> Tensor:
    """``(questions, options)`` of what is worn; 0 for rows that the search does not use."""
    part, used, made = rows.part, np.concatenate([rows.fit, rows.check]), torch.zeros(0)
    for start in range(0, len(used), at_once):
        index = used[start : start + at_once]
        batch = live.batch(part.task.kind, [part.items[row] for row in index])
        places, output = torch.arange(len(index)), live.states(batch.inputs)
        scores = part.task.kind.scores(part.task.spec, rows.head, output, batch, places)
        if not len(made):
            made = torch.zeros(len(part.answers), scores.shape[1], dtype=torch.float64)
        made[torch.from_numpy(part.questions(index))] = scores.double().log_softmax(-1)
    return made
