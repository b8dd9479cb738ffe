"""An oracle of a search: every answer is written down, and a resumed search hears them again."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from studio.errors import StudioError
from studio.search.objective import Slope, Value


class Questions(Protocol):
    """What an optimizer asks."""

    def value(self, point: Tensor, rows: int) -> Value:
        """See ``Objective.value``."""
        ...

    def check(self, point: Tensor) -> Value:
        """See ``Objective.check``."""
        ...

    def slope(self, point: Tensor, number: int, weights: Tensor) -> Slope:
        """See ``Objective.slope``."""
        ...


class LossNotFinite(StudioError):
    """A loss is NaN or infinite; the search ends with the best that it has found."""


@dataclass(frozen=True)
class OracleAnswer:
    """One answer as it is written down.

    Attributes:
        asked: digest of the question.
        losses: of the tasks.
        penalty: EWC's.
        rows: row evaluations that it took.
        accuracies: of the tasks, or None.
        slope: or None.
    """

    asked: str
    losses: tuple[float, ...]
    penalty: float
    rows: int
    accuracies: tuple[float, ...] | None = None
    slope: tuple[float, ...] | None = None

    def plain(self) -> dict:
        """As JSON."""
        kept = {"asked": self.asked, "losses": list(self.losses), "penalty": self.penalty}
        kept["rows"] = self.rows
        kept |= {"accuracies": list(self.accuracies)} if self.accuracies else {}
        return kept | ({"slope": list(self.slope)} if self.slope else {})


class Oracle:
    """Asks for what was not answered before.

    Args:
        objective: who is asked.
        tasks: names, for sentences.
        known: answers of an earlier run of the same search, in order.

    Attributes:
        answers: all so far.
        rows: row evaluations of all of them.
    """

    def __init__(
        self, objective: Questions, tasks: Sequence[str], known: Sequence[OracleAnswer] = ()
    ) -> None:
        self._objective = objective
        self._tasks = tuple(tasks)
        self._known = tuple(known)
        self.answers: list[OracleAnswer] = []
        self.rows = 0

    def value(self, point: Tensor, rows: int) -> Value:
        """See ``Objective.value``.

        Raises:
            LossNotFinite: naming the task.
        """
        return self._answer("value", point, [rows], lambda: self._objective.value(point, rows))

    def check(self, point: Tensor) -> Value:
        """See ``Objective.check``; raises as ``value``."""
        return self._answer("check", point, [], lambda: self._objective.check(point))

    def slope(self, point: Tensor, number: int, weights: Tensor) -> Slope:
        """See ``Objective.slope``; raises as ``value``."""
        about = [number, *weights.tolist()]

        def ask() -> Slope:
            return self._objective.slope(point, number, weights)

        found = self._answer("slope", point, about, ask)
        assert isinstance(found, Slope)
        return found

    def _answer(self, kind: str, point: Tensor, about: list, ask) -> Value:
        question = json.dumps([kind, point.tolist(), about])
        digest = hashlib.sha256(question.encode()).hexdigest()[:16]
        place = len(self.answers)
        if place < len(self._known):
            answer = self._known[place]
            if answer.asked != digest:
                raise StudioError(
                    f"The record's answer {place + 1} is to another question: it is of another "
                    "machine, version, zoo or plan. Start a new record."
                )
        else:
            answer = _written(digest, ask())
        self._refuse_not_finite(answer)
        self.answers.append(answer)
        self.rows += answer.rows
        return _read(answer)

    def _refuse_not_finite(self, answer: OracleAnswer) -> None:
        for task, loss in zip(self._tasks, answer.losses, strict=True):
            if not math.isfinite(loss):
                raise LossNotFinite(f"the loss of '{task}' became {loss}")
        if not all(map(math.isfinite, (answer.penalty, *(answer.slope or ())))):
            raise LossNotFinite("a derivative or the EWC penalty is not finite")


def parse_answer(data: object) -> OracleAnswer:
    """An answer from a record.

    Raises:
        StudioError: it cannot be read.
    """
    try:
        assert isinstance(data, Mapping)
        lists = {
            name: tuple(float(x) for x in data[name]) if data.get(name) is not None else None
            for name in ("losses", "accuracies", "slope")
        }
        assert lists["losses"]
        return OracleAnswer(
            str(data["asked"]), lists["losses"], float(data["penalty"]), int(data["rows"]),
            lists["accuracies"], lists["slope"],
        )  # fmt: skip
    except (AssertionError, KeyError, TypeError, ValueError):
        raise StudioError("The record holds an answer that cannot be read.") from None


def _written(digest: str, found: Value) -> OracleAnswer:
    shares = found.accuracies
    return OracleAnswer(
        digest, tuple(found.losses.tolist()), found.penalty, found.rows,
        None if shares is None else tuple(shares.tolist()),
        tuple(found.slope.tolist()) if isinstance(found, Slope) else None,
    )  # fmt: skip


def _read(answer: OracleAnswer) -> Value:
    losses = torch.tensor(answer.losses, dtype=torch.float64)
    shares = answer.accuracies
    accuracies = None if shares is None else torch.tensor(shares, dtype=torch.float64)
    common = losses, answer.penalty, answer.rows, accuracies
    if answer.slope is None:
        return Value(*common)
    return Slope(*common, slope=torch.tensor(answer.slope, dtype=torch.float64))
