"""The model card of an export: what was merged, what was measured, how to load it."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import yaml

from studio.disk.files import hub_id
from studio.errors import visible
from studio.export.licences import Licence, licence_fields
from studio.measure.intervals import Score
from studio.measure.metrics import means
from studio.methods import method_type, settings
from studio.recipe import KEEP_BASE, MIXTURE, GroupedCoefficient, Recipe, TaskEntry
from studio.tasks.metric import AGREEMENT, AGREEMENT_WORDS, LOSS
from studio.tasks.task import Task


def model_card(
    recipe: Recipe,
    tasks: Sequence[Task],
    scores: Mapping[str, Score],
    root: str,
    library: str = "transformers",
    rounding: str = "",
    notes: Sequence[str] = (),
    licence: Licence | None = None,
    index: Sequence[dict] = (),
) -> str:
    """README of an exported folder, with the hub's front matter.

    Args:
        recipe: what was merged, with digests.
        tasks: whose heads lie in ``heads/``.
        scores: measured on held-out rows; empty if none were.
        root: the weights root.
        library: that loads the folder.
        rounding: what the cast to the output dtype lost, as a sentence without its full stop.
        notes: what a reader should know, a sentence each.
        licence: of the merge, as far as its inputs' cards tell; None if they were not read.
        index: what was measured of the merged tasks, see ``model_index``.
    """
    sources = [recipe.base, *(task.checkpoint for task in recipe.tasks)]
    more: dict[str, object] = {**licence_fields(licence.name if licence else "")}
    more |= {"model-index": [*index]} if index else {}
    parts = [
        front_matter(sources, recipe.method, library, more),
        f"# Merge of {_count(len(recipe.tasks), 'task')}\n",
        _ingredients(recipe),
        *([f"Rounding: {rounding}.\n"] if rounding else []),
        measured_part(scores, recipe.names),
        f"{root_words(root)} `recipe.yaml` and `merge.json` hold all that is needed to compute "
        "these weights again.\n",
    ]
    if licence:
        parts.append(f"## Licence\n\n{escaped(licence.words)}\n")
    if tasks:
        parts.append("## Use\n\n" + tasks[0].kind.snippet(tasks[0].name, tasks[0].opened))
    parts.append(
        "## What this does not say\n\nThe weights were computed from the checkpoints listed and "
        "no others. This is no statement about the data that the base or those checkpoints were "
        "trained on.\n"
    )
    return "\n".join(parts) + notes_part(notes)


def notes_part(notes: Sequence[str]) -> str:
    """The part of a card that says what a reader should know; empty without notes."""
    lines = [f"- {escaped(note)}" for note in notes]
    return "\n".join(["\n## Notes\n", *lines]) + "\n" if notes else ""


def escaped(note: str) -> str:
    """A sentence that may quote file names, as Markdown that shows them as they are."""
    return re.sub(r"([\\`*_{}\[\]<>#|!])", r"\\\1", visible(note))


def quoted(name: str) -> str:
    """A name as code, or escaped where it holds what would end the code or the table's cell."""
    return f"`{name}`" if name.isprintable() and not set(name) & set("`|") else escaped(name)


def front_matter(
    sources: Sequence[str], method: str, library: str = "transformers",
    more: Mapping[str, object] = MappingProxyType({}),
) -> str:  # fmt: skip
    """What the hub reads of a card.

    Args:
        sources: folders or hub ids of the base and of what was merged into it.
        method: that merged them.
        library: that loads the folder.
        more: fields, such as its licence and what was measured.
    """
    front = {
        "base_model": [public_name(source) for source in sources],
        "base_model_relation": "merge",
        "library_name": library,
        "tags": ["merge", method],
        **more,
    }
    return "---\n" + yaml.safe_dump(front, sort_keys=False, allow_unicode=True) + "---\n"


def root_words(root: str) -> str:
    """A weights root, and what it is."""
    return f"Weights root: `{root}` (sha256 over sorted names, dtypes, shapes and tensor hashes)."


def public_name(source: str) -> str:
    """A hub id without its revision; a folder by its name, its path is nobody else's business."""
    path = Path(source)
    if not path.is_absolute():
        found = hub_id(source)
        return found[0] if found else source
    return path.parent.name if path.suffix in (".safetensors", ".json") else path.name


def _ingredients(recipe: Recipe) -> str:
    options = (
        f"{key} = {escaped(str(value))}"
        for key, value in settings(recipe.method, recipe.options).items()
    )
    listed = ", ".join(options) or "no options"
    lines = [
        f"Base {quoted(public_name(recipe.base))}, method `{recipe.method}` ({listed}), "
        f"dtype {recipe.dtype or 'of the base'}"
        + (f", batch_norm {recipe.batch_norm}" if recipe.batch_norm != MIXTURE else "")
        + (f", vocabulary {recipe.vocabulary}" if recipe.vocabulary != KEEP_BASE else "")
        + (f", {recipe.calibrate.words}" if recipe.calibrate else "")
        + (f", {recipe.heads.words}" if recipe.heads else "")
        + ".\n",
        "| task | coefficient | checkpoint digest |",
        "|---|---|---|",
    ]
    default = method_type(recipe.method).default_coefficient
    lines += [
        f"| {escaped(t.name)} | {_coefficient(t, default)} | `{t.digest}` |" for t in recipe.tasks
    ]
    if not recipe.tasks:
        lines.append("| none: these are the base's weights | | |")
    return "\n".join(lines) + "\n"


def _coefficient(task: TaskEntry, default: float) -> str:
    if isinstance(task.coefficient, GroupedCoefficient):
        groups = ", ".join(f"{quoted(pattern)}: {x:g}" for pattern, x in task.coefficient.groups)
        return f"{task.coefficient.default:g}; {groups}"
    return f"{default if task.coefficient is None else task.coefficient:g}"


def measured_part(scores: Mapping[str, Score], merged: Sequence[str]) -> str:
    """The part of a card that says what was measured.

    Args:
        scores: by task, on held-out rows; empty if none were measured.
        merged: names of the tasks that are in the model.
    """
    if not scores:
        return "No scores were measured for this export.\n"
    found = means(scores)
    what = " or ".join(mean.metric.name for mean in found)
    lines = [
        "## Measured on held-out rows\n",
        f"| task | merged | {what} | 95 % interval | n |",
        "|---|---|---|---|---|",
    ]
    for name, s in scores.items():
        state = "yes" if name in merged else "no"
        interval = f"{s.low:.3f} to {s.high:.3f} ({s.interval})"
        lines.append(
            f"| {escaped(name)} | {state} | {s.value:.3f}{_more(s)} | {interval} | {s.n} |"
        )
    if len(found) == 1:
        lines.append(f"\nUnweighted mean: {found[0].value:.3f}.\n")
    else:
        said = ", ".join(f"{mean.metric.name} {mean.value:.3f}" for mean in found)
        lines.append(f"\nUnweighted means: {said}.\n")
    if any(mean.metric is AGREEMENT for mean in found):
        lines.append(f"{AGREEMENT_WORDS}\n")
    if any(mean.metric is LOSS for mean in found):
        lines.append("Losses are in nats per token of the rows; less is better.\n")
    return "\n".join(lines)


def _more(score: Score) -> str:
    """What stands beside a score, where anything does."""
    more = score.metric.name if score.metric is AGREEMENT else score.more
    return f" ({more})" if more else ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
