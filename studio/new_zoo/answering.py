"""Rows that nobody has labelled, with what the task's own expert answers in place of labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from studio.measure.bench import Bench
from studio.measure.evaluate import Evaluation
from studio.measure.examples import examples
from studio.new_zoo.fields import ANSWER
from studio.new_zoo.tables import Cells
from studio.progress import Progress, silent
from studio.tasks.task import open_task
from studio.zoo import SPLITS, load_zoo

Answers = Sequence[Sequence[int]]
"""Of each row, the chosen option of each of its questions."""


@dataclass(frozen=True)
class Answered:
    """What one expert has said.

    Attributes:
        digest: of its checkpoint.
        answers: by split, of its rows.
    """

    digest: str
    answers: Mapping[str, Answers]


def expert_answers(
    folder: Path, names: Sequence[str], device: torch.device, progress: Progress = silent,
    roots: tuple[Path, ...] = (),
) -> dict[str, Answered]:  # fmt: skip
    """What each expert alone answers, with all of a zoo's own settings.

    Args:
        folder: of the zoo, whose rows of these tasks have no labels.
        names: of the tasks.
        device: of the model.
        progress: told after every batch; raises to stop.
        roots: folders into which links of files may lead.

    Returns:
        By task, its answers and whose they are.

    Raises:
        StudioError: an expert cannot be asked, or its rows cannot be read.
    """
    bench = Bench(load_zoo(folder), device, True, roots)  # copies are refused with the whole zoo
    found: dict[str, Answered] = {}
    experts = dict(zip(bench.deltas.tasks, bench.deltas.checkpoints, strict=True))
    for at, name in enumerate(names):
        spec, head = bench.tasks[name].spec, bench.tasks[name].head
        bench.live.wear(bench.expert(name))
        answers: dict[str, Answers] = {}
        for split, file in spec.data.items():
            bare = replace(spec, data={"validation": file})  # of a split that needs no labels
            task = open_task(bare, bench.deltas.private(name), bench.base)
            part = examples(bench.live, task, "validation", labelled=False)
            asked = Evaluation([part], {name: head} if head else {})
            for share in asked.run(bench.live):
                progress((at + share / len(SPLITS)) / len(names), f"'{name}' answers its rows")
            chosen = asked.predictions[name].tolist()
            spans = zip(part.starts[:-1].tolist(), part.starts[1:].tolist(), strict=True)
            answers[split] = [chosen[begin:end] for begin, end in spans]
        found[name] = Answered(experts[name].digest, answers)
    return found


def answered(
    kind: str, rows: Mapping[str, Sequence[Cells]], labels: Sequence[str],
    answers: Mapping[str, Answers],
) -> dict[str, list[Cells]]:  # fmt: skip
    """The rows of every split with their answers, by a kind's own names.

    Args:
        kind: name of the kind of task.
        rows: by split.
        labels: in the order of the head; empty where an answer is an index.
        answers: by split, of ``expert_answers``.
    """
    field = ANSWER[kind]

    def cell(chosen: Sequence[int]) -> object:
        said = [labels[each] if labels else each for each in chosen]
        return said if field == "tags" else said[0]

    return {
        split: [{**row, field: cell(own)} for row, own in zip(found, answers[split], strict=True)]
        for split, found in rows.items()
    }
