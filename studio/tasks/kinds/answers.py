"""What a kind makes of a model's output: scores of options, or nats of texts, and their worth."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from studio.tasks.heads import Head
from studio.tasks.kinds.losses import option_losses
from studio.tasks.metric import ACCURACY, AGREEMENT, Metric
from studio.tasks.spec import EXPERT, TaskSpec

Item = Any
"""One row as the model reads it; only its kind looks inside."""


@dataclass(frozen=True)
class Batch:
    """Rows that go through the model together; they may be of several tasks of a kind.

    Attributes:
        items: in order.
        inputs: what the model is called with, by name.
        model: whose body is called, with the layers behind it that a kind may ask.
    """

    items: Sequence[Item]
    inputs: dict[str, Tensor]
    model: nn.Module | None = None


class Answers(ABC):
    """What a kind makes of the model's output, and what that is worth.

    A row asks one question or several. A question has options, and one of them is right. All
    that is said of a kind's tasks, be it a score, a loss or a prediction on the page, is made of
    ``scores``: one line of numbers per question, whose softmax the options' probabilities are.

    A kind whose metric is a loss has no options (see ``LossKind``): all is made of ``nats``, what
    the text of a question costs, and of ``extents``, what it is summed over.
    """

    metric: ClassVar[Metric] = ACCURACY
    """What its tasks are scored by where people have answered the rows."""
    losses = staticmethod(option_losses)
    """Of questions, by their scores and right options."""

    def metric_of(self, spec: TaskSpec) -> Metric:
        """What a task is scored by: agreement, where its own expert has answered the rows."""
        return AGREEMENT if spec.labelled_by == EXPERT else self.metric

    @abstractmethod
    def scores(
        self, spec: TaskSpec, head: Head, output: object, batch: Batch, places: Tensor
    ) -> Tensor:
        """Scores of the options of the questions of some rows of a batch.

        Args:
            spec: of the task whose rows they are.
            head: that reads what the model gives.
            output: of the model.
            batch: that it was called with.
            places: ``(m,)`` of the rows, in the batch.

        Returns:
            ``(questions, options)`` float32 on the CPU, row after row, of as many options in
            every batch; a very low score stands where a question has fewer.

        Raises:
            BadData: the head does not fit the model.
        """

    def chosen(
        self, found: Tensor, spec: TaskSpec, head: Head, output: object, batch: Batch,
        places: Tensor,
    ) -> Tensor:  # fmt: skip
        """``(questions,)`` the option that is chosen: the likeliest, unless a kind says otherwise.

        Args:
            found: ``(questions, options)`` their scores.
            spec: as ``scores`` takes it, and so are the others.
            head: that reads what the model gives.
            output: of the model.
            batch: that it was called with.
            places: ``(m,)`` of the rows, in the batch.
        """
        return found.argmax(-1)

    def nats(
        self, spec: TaskSpec, head: Head, output: object, batch: Batch, places: Tensor,
        right: Tensor,
    ) -> Tensor:  # fmt: skip
        """What the right answers of some rows of a batch cost: minus their log-probability.

        Args:
            spec: of the task whose rows they are.
            head: that reads what the model gives.
            output: of the model.
            batch: that it was called with.
            places: ``(m,)`` of the rows, in the batch.
            right: ``(questions,)`` the right option of each.

        Returns:
            ``(questions,)`` on the CPU, row after row, with gradients where they are recorded.

        Raises:
            BadData: the head does not fit the model.
        """
        found = self.scores(spec, head, output, batch, places).log_softmax(-1)
        return -found[torch.arange(len(right)), right]

    def besides(
        self, labels: tuple[str, ...], items: Sequence[Item], scores: Tensor, right: Tensor
    ) -> Mapping[str, Tensor]:
        """Shares that stand beside the accuracy, made of the same answers.

        Each is one sum by another, over questions: an F1 is twice what was found rightly by what
        was found and what there is; an accuracy by another reading of the scores is what is right
        by 1. A question of a row may hold what belongs to all of the row.

        Args:
            labels: of the task.
            items: the rows.
            scores: ``(questions, options)`` of all their questions, row after row.
            right: ``(questions,)`` the right option of each.

        Returns:
            By what people call it, ``(questions, 2)``: what each question adds to the upper and to
            the lower sum, the upper one at most the lower. The same names for all rows of a task.
        """
        return {}

    def extents(self, item: Item) -> Sequence[tuple[int, int]]:
        """Of a loss: the units (such as tokens that count) and bytes of every question's text."""
        return ()
