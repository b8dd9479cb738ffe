"""Certainty: how sure each expert is of what it answers to its own rows, from guess to certain."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from studio.measure.bench import Bench
from studio.measure.evaluate import Examples, batch_of, examples, sampled
from studio.progress import Progress, silent
from studio.tasks.heads import Head
from studio.tasks.live_model import LiveModel
from studio.tasks.metric import OPTIONS
from studio.tasks.row_parts import MEASURED

ROWS = 64
"""Validation rows of each task that its expert is asked, at most."""
UNSURE = 0.5
"""Certainty below which an expert is unsure of its rows: half way from a guess to certain."""
_BATCH = 32


@dataclass(frozen=True)
class Certainty:
    """How sure an expert is.

    Attributes:
        value: mean over the questions of ``(p - 1/k) / (1 - 1/k)``, for the probability p of the
            likeliest of k options: 0 where all are alike, 1 where one is certain.
        n: questions.
    """

    value: float
    n: int

    @property
    def unsure(self) -> bool:
        """Whether it is below ``UNSURE``."""
        return self.value < UNSURE


def certainties(
    bench: Bench, names: Sequence[str], progress: Progress = silent
) -> dict[str, Certainty]:
    """Ask every expert the first of its validation rows; no label is read.

    Tasks without such rows, without a head or without options to choose from are passed by.

    Args:
        bench: the zoo; its live model ends wearing the last expert.
        names: of tasks.
        progress: told the share done; may raise to give up.
    """
    found, tasks = {}, bench.tasks
    asked = [n for n in names if tasks[n].head and tasks[n].metric in OPTIONS]
    asked = [n for n in asked if tasks[n].rows(MEASURED)]
    for place, name in enumerate(asked):
        progress(place / len(asked), f"how sure the expert of {name} is")
        bench.live.wear(bench.expert(name))
        rows = sampled(examples(bench.live, tasks[name], MEASURED, labelled=False), ROWS)
        head = tasks[name].head
        assert head is not None
        found[name] = _asked(bench.live, rows, head)
    return found


def unsure_words(found: Mapping[str, Certainty]) -> str:
    """The experts that are unsure, as a reason; empty where none is."""
    unsure = {name: each for name, each in found.items() if each.unsure}
    if not unsure:
        return ""
    every = ", ".join(f"'{name}' ({x.value:.2f}, n={x.n:,})" for name, x in unsure.items())
    return (
        f"unsure of their own validation rows are {every} (certainty from 0, a guess, to 1; sure "
        f"is {UNSURE} or more), whose answers others' changes turn first"
    )


def _asked(model: LiveModel, part: Examples, head: Head) -> Certainty:
    values: list[float] = []
    name, kind = part.task.name, part.task.kind
    order = sorted(part.order.tolist(), key=part.length)
    for start in range(0, len(order), _BATCH):
        rows = [(name, row) for row in order[start : start + _BATCH]]
        batch = batch_of(model, {name: part}, rows)
        output = model.states(batch.inputs)
        with torch.inference_mode():
            places = torch.arange(len(rows))
            scores = kind.scores(part.task.spec, head, output, batch, places).double()
            likeliest = scores.softmax(-1).amax(-1)
            chance = 1 / scores.isfinite().sum(-1)
            sure = (likeliest - chance) / (1 - chance)
            values += sure.where(chance < 1, 1.0).tolist()
    return Certainty(sum(values) / len(values), len(values))
