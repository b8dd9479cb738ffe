"""MDM-OC in the metric of activations on a zoo's held-out rows, against RegMean and itself.

    python -m tests.benchmarks.activation [--zoo FOLDER] [--only WORDS]

Every line is one merge of all tasks with one coefficient, scored on all held-out rows; changes
are paired. The last lines are negative controls, compared with the right statistics at the
default: those of another task in the place of a task's own; the task's own with inputs permuted,
rows and columns alike, which keeps every eigenvalue; and those of rows of another zoo, read by the
same experts. Nothing is tuned.
"""

import json
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from studio.demo import DEMOS
from studio.measure.bench import Bench
from studio.measure.evaluate import Evaluation, examples
from studio.measure.information import input_grams
from studio.measure.metrics import mean_score
from studio.methods.contract import Measured
from studio.recipe import Option, Recipe
from studio.tasks.kinds.text_rows import TextRow
from studio.tasks.row_parts import MEASURED, fair_order
from studio.zoo import load_zoo
from tests.benchmarks.controls import shifts, shuffled
from tests.benchmarks.tables import paired, print_table

ROWS = 256
_SHIFTED = "control: statistics of the task"
PERMUTED = "control: its own, inputs permuted"
STRANGE = "control: its own, on rows of another zoo"
Setting = tuple[str, dict[str, Option], float]
SETTINGS: tuple[Setting, ...] = (
    ("default", {}, 1.0),
    ("strength 0, which is the plain sum, at 0.5", {"strength": 0.0}, 0.5),
    ("strength 1 at 1, which is RegMean", {"strength": 1.0}, 1.0),
    ("strength 1 at 1.2", {"strength": 1.0}, 1.2),
    ("strength 0.25 at 0.8", {}, 0.8),
    ("strength 0.25 at 1.2", {}, 1.2),
    ("strength 0.5 at 1", {"strength": 0.5}, 1.0),
    ("in order of arrival", {"order": "arrival"}, 1.0),
    ("8 rows per task", {"rows": 8}, 1.0),
    ("32 rows per task", {"rows": 32}, 1.0),
    ("128 rows per task", {"rows": 128}, 1.0),
)


def recipe_of(bench: Bench, options: dict[str, Option], coefficient: float) -> Recipe:
    """All tasks of a zoo with one coefficient, in the metric of activations."""
    plain = bench.zoo.recipe("mdm_oc", coefficient)
    return replace(plain, options={"basis": "activation", **options})


def lines(bench: Bench, only: str = "") -> Iterator[str]:
    """One line of Markdown per setting, and then per control."""
    own = shifts(bench.zoo.recipe().names)
    against = shuffled(bench, bench.zoo.recipe("regmean", 1.0), own[0])
    yield _line("RegMean at 1", against, None)
    for words, options, coefficient in SETTINGS:
        if only in words:
            found = shuffled(bench, recipe_of(bench, options, coefficient), own[0])
            yield _line(words, found, against)
    yield from controls(bench, only)


def controls(bench: Bench, only: str = "") -> Iterator[str]:
    """The negative controls, against the right statistics."""
    recipe, own = recipe_of(bench, {}, 1.0), shifts(bench.zoo.recipe().names)
    if not any(only in each for each in (_SHIFTED, PERMUTED, STRANGE)):
        return
    right = shuffled(bench, recipe, own[0])
    for by, others in enumerate(own[1:], 1):
        words = f"{_SHIFTED} {by} further"
        if only in words:
            yield _line(words, shuffled(bench, recipe, others), right)
    look = bench.statistics.look(recipe.names, "gram", ROWS)
    if only in PERMUTED:
        found = given(bench, recipe, lambda task, name: turned(look(task, name), task, name))
        yield _line(PERMUTED, found, right)
    if only in STRANGE:
        yield _line(STRANGE, given(bench, recipe, strange(bench)), right)


def given(bench: Bench, recipe: Recipe, look: Measured) -> Evaluation:
    """Held-out rows by a merge that is given these statistics."""
    merge = replace(bench.merge(recipe), recall=None, measured=lambda kind, rows: look)
    bench.live.wear(merge)
    evaluation = bench.evaluation(bench.heads(bench.scored()), "held_out")
    for _ in evaluation.run(bench.live):
        pass
    return evaluation


def turned(gram: Tensor | None, task: str, name: str) -> Tensor | None:
    """A Gram whose inputs are permuted, drawn by task and tensor."""
    if gram is None:
        return None
    generator = torch.Generator().manual_seed(zlib.crc32(f"{task} {name}".encode()))
    order = torch.randperm(gram.shape[-1], generator=generator)
    return gram[..., order, :][..., order].contiguous()


def strange(bench: Bench) -> Measured:
    """Grams of every expert on rows that are no task's: texts of another zoo."""
    other = load_zoo(DEMOS["words"])
    texts = [
        str(json.loads(line)["text"])[:200]
        for task in other.tasks
        for line in Path(task.data["validation"]).read_text(encoding="utf-8").splitlines()
    ]
    drawn = [texts[at] for at in fair_order(len(texts))[:ROWS]]
    found = {}
    for name, task in bench.tasks.items():
        bench.live.wear(bench.expert(name))
        part = examples(bench.live, task, MEASURED, labelled=False)
        items = bench.live.encode(task, [TextRow(text, 0, None) for text in drawn])
        found[name] = input_grams(bench.live, replace(part, items=items), range(len(items)))
    return lambda task, name: found[task].get(name)


def _line(words: str, found: Evaluation, against: Evaluation | None) -> str:
    return f"| {words} | {mean_score(found.scores()):.4f} | {paired(found, against)} |"


if __name__ == "__main__":
    print_table(__doc__ or "", "| activations | held out | against RegMean, points |", lines)
