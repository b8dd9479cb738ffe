"""A kind of task that is scored by a loss: texts that a model finds likely or not."""

from abc import abstractmethod
from collections.abc import Sequence

from torch import Tensor

from studio.tasks.heads import Head
from studio.tasks.kinds.answers import Batch, Item
from studio.tasks.kinds.contract import Kind
from studio.tasks.metric import LOSS
from studio.tasks.rows import Row
from studio.tasks.spec import TaskSpec


class LossKind(Kind):
    """A kind whose questions are texts that a model finds likely or not: it gives ``nats``.

    Every question of a row has the one answer 0, so that ``Row.answers`` says how many there are.
    """

    metric = LOSS

    @abstractmethod
    def nats(
        self, spec: TaskSpec, head: Head, output: object, batch: Batch, places: Tensor,
        right: Tensor,
    ) -> Tensor:  # fmt: skip
        """The nats of the text of each question, summed over what counts."""

    @abstractmethod
    def extents(self, item: Item) -> Sequence[tuple[int, int]]:
        """The units and bytes of the text of every question; units of at least 1."""

    def scores(
        self, spec: TaskSpec, head: Head, output: object, batch: Batch, places: Tensor
    ) -> Tensor:
        """There are none; who asks for them has not looked at the metric."""
        raise AssertionError(f"{self.name} has no options")

    def says(self, labels: tuple[str, ...], row: Row, options: Sequence[int]) -> str:
        """No option is right or chosen."""
        return ""
