"""A comparison as JSON, CSV, Markdown and plain text."""

from collections.abc import Sequence
from dataclasses import asdict

from studio.compare.comparison import Table
from studio.compare.standings import Standing
from studio.disk.csv import Cell, csv_text
from studio.measure.change import Change
from studio.measure.general import general_json
from studio.measure.metrics import scores_json
from studio.measure.outcomes import Outcome

NOTES = (
    "Half-widths and brackets are 95 % intervals; differences are paired on the same rows.",
    "Best rival: the row of another method with the highest mean. A tie: the interval holds 0. "
    "No interval is widened for the number of methods.",
    "Seconds: to compute the merged weights and put them on, with the deltas' inner products, and "
    "what a method measures on validation rows, at hand. Peak memory: resident memory of the "
    "process above that before the merge, sampled.",
    "Unmerging is exact for every row, since each is a recipe: it is merged again without the "
    "task. A running state of continual merging could not do that.",
)
MARK = "worse than not merging"
_HEADER = (
    "method", "mean", "vs best rival", "gain kept", "worst task, vs expert", "vs not merging",
    "s to merge", "ms per row", "peak MB", "needs data", "order matters", "exact unmerge",
)  # fmt: skip
_COLUMNS = (
    "method", "tuned", "factor", "mean", "half of its interval", "best rival", "change from it",
    "half of that", "verdict", "gain kept", "worst task", "change from its expert", "half of that",
    "change from not merging", "half of that", MARK, "seconds to merge", "seconds per row",
    "peak bytes", "needs", "order matters", "exact unmerge", "mean on validation rows",
)  # fmt: skip


def comparison_json(table: Table) -> dict:
    """Everything as plain values.

    Returns:
        ``{"methods": {NAME: ...}, "experts", "base", "head_only", "refused": {NAME: sentence},
        "proposal", "budget", "warnings": [sentence]}``. NAME is the method, with ' (tuned)' behind
        it for the row of the scale that was searched; each holds tasks, mean, recipe, tuned and
        seconds, and what it is compared with. Differences are ``{"mean", "half", "n", "verdict"}``.
    """
    refs, proposal = table.references, table.proposal
    found: dict = {
        "methods": {each.row.name: _method(each) for each in table.standings},
        "experts": scores_json(refs.experts.scores),
        "base": scores_json(refs.base.only(refs.tasks).scores),
        "head_only": scores_json(refs.head_only.scores) if refs.head_only else None,
        "refused": table.refusals,
        "proposal": None,
        "budget": asdict(table.budget) | {"evaluations": table.budget.evaluations},
        "warnings": list(refs.doubts),
    }
    if proposal:
        found["proposal"] = {
            "method": proposal.row.name,
            "rival": proposal.rival.name if proposal.rival else None,
            "change": _change(proposal.change) if proposal.change else None,
            "words": proposal.words,
        }
    rest = [name for name in refs.base.correct if name not in refs.tasks]
    if rest:
        found["general_base"] = scores_json(_only(refs.base, rest).scores)["tasks"]
    return found


def comparison_csv(table: Table) -> str:
    """A row per method, references behind them; accuracies and differences as shares, 0 to 1."""
    tasks = table.references.tasks
    general = list(table.standings[0].general) if table.standings else []
    header = [*_COLUMNS, *tasks]
    for name in general:
        header += [f"general: {name}", f"general: {name}, change from the base", "half of that"]
    header.append("refusal")
    rows = [[*_numbers(each), None] for each in table.standings]
    blank = [None] * (len(header) - 2)
    rows += [[name, *blank, words] for name, words in table.refusals.items()]
    rest = [None] * (len(header) - len(_COLUMNS) - len(tasks))
    rows += [
        [name, *blank[: len(_COLUMNS) - 1], *(scores[task] for task in tasks), *rest]
        for name, scores in _references(table).items()
    ]
    return csv_text(header, rows)


def comparison_markdown(table: Table) -> str:
    """The table, accuracies per task, the proposal and what the numbers mean."""
    parts = [f"## Methods compared on {_escaped(table.zoo)}", f"Validation: {table.budget.words}."]
    if table.proposal:
        parts.append(_escaped(table.proposal.words))
    parts += [_grid(_HEADER, _cells(table)), _grid(*by_task(table))]
    parts += [f"- {_escaped(name)}: {_escaped(words)}" for name, words in table.refusals.items()]
    return "\n\n".join([*parts, "\n".join(f"- {note}" for note in NOTES)]) + "\n"


def comparison_text(table: Table) -> str:
    """The same for a terminal."""
    parts = [_columns(_HEADER, _cells(table)), _columns(*by_task(table))]
    parts += [f"{name}: {words}" for name, words in table.refusals.items()]
    parts += [f"warning: {words}" for words in table.references.doubts]
    if table.proposal:
        parts.append(table.proposal.words)
    return "\n\n".join([*parts, "\n".join(NOTES)])


def by_task(table: Table) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the accuracies per task, with intervals; general rows behind them."""
    refs = table.references
    rest = [name for name in refs.base.correct if name not in refs.tasks]
    header = ["accuracy", *refs.tasks, *(f"general: {name}, vs base" for name in rest)]
    rows = []
    for each in table.standings:
        cells = [_interval(each, task) for task in refs.tasks]
        cells += [f"{s.accuracy:.1%} ({points(change)}, n={change.n:,})"
                  for s, change in each.general.values()]  # fmt: skip
        rows.append([each.row.name, *cells])
    for name, scores in _references(table).items():
        cells = [f"{scores[task]:.1%}" for task in refs.tasks]
        base = [f"{refs.base.scores[each].accuracy:.1%}" if name == "base" else "" for each in rest]
        rows.append([name, *cells, *base])
    return header, rows


def points(change: Change) -> str:
    """A difference in points with its half-width."""
    return f"{100 * change.mean + 0.0:+.1f} ± {100 * change.half:.1f}"


def against(name: str, change: Change) -> str:
    """A difference in words: ties are called ties."""
    tie = ", tie" if change.verdict == "cannot tell" else ""
    return f"{points(change)} ({name}{tie})"


def _method(each: Standing) -> dict:
    row, held = each.row, each.outcome
    found = scores_json(each.scores) | {
        "recipe": row.recipe.plain(),
        "tuned": row.tuned,
        "seconds": held.seconds,
        "factor": row.factor,
        "half": each.half,
        "rival": {"name": each.rival[0]} | _change(each.rival[1]) if each.rival else None,
        "gain_kept": each.gain,
        "worst": {"task": each.worst[0]} | _change(each.worst[1]),
        "not_merging": _change(each.floor),
        "worse_than_not_merging": each.worse_than_not_merging,
        "latency": held.latency,
        "peak_memory": held.peak,
        "needs": row.needs or None,
        "ordered": row.ordered,
        "exactly_reversible": True,
        "reversed_by": "rebuild",
        "validation": scores_json(row.validation.scores) if row.validation else None,
    }
    if each.general:
        found["general"] = general_json(each.general)
    return found


def _change(change: Change) -> dict:
    return asdict(change) | {"verdict": change.verdict}


def _references(table: Table) -> dict[str, dict[str, float]]:
    """Accuracies of what methods are compared with, by task."""
    refs = table.references
    found = {"experts": refs.experts, "head-only": refs.head_only, "base": refs.base}
    return {
        name: {task: outcome.scores[task].accuracy for task in refs.tasks}
        for name, outcome in found.items()
        if outcome
    }


def _numbers(each: Standing) -> list[Cell]:
    row, held = each.row, each.outcome
    rival = (None,) * 4
    if each.rival:
        rival = (each.rival[0], *_pair(each.rival[1]), _verdict(each.rival[1]))
    checked = row.validation and scores_json(row.validation.scores)["mean"]
    cells: list[Cell] = [row.name, _yes(row.tuned), row.factor, each.mean, each.half, *rival]
    cells += [each.gain, each.worst[0], *_pair(each.worst[1]), *_pair(each.floor)]
    cells += [_yes(each.worse_than_not_merging), held.seconds, held.latency, held.peak]
    cells += [row.needs, _yes(row.ordered), "rebuild", checked]
    cells += [score.accuracy for score in each.scores.values()]
    for own, change in each.general.values():
        cells += [own.accuracy, *_pair(change)]
    return cells


def _cells(table: Table) -> list[list[str]]:
    """The cells below ``_HEADER``, for people."""
    floor, rows = table.references.floor[0], []
    for each in table.standings:
        held = each.outcome
        mark = f", {MARK}" if each.worse_than_not_merging else ""
        rows.append([
            each.row.name + (f", scale x {each.row.factor:g}" if each.row.tuned else ""),
            f"{each.mean:.1%} ± {100 * each.half:.1f}",
            against(*each.rival) if each.rival else "",
            "" if each.gain is None else f"{each.gain:.0%}",
            f"{each.worst[0]} {points(each.worst[1])}",
            f"{points(each.floor)} ({floor}{mark})",
            f"{held.seconds:.2f}",
            f"{1000 * held.latency:.2f}",
            f"{held.peak / 1e6:.0f}",
            each.row.needs or "no",
            _yes(each.row.ordered),
            "by rebuild",
        ])  # fmt: skip
    return rows


def _interval(each: Standing, task: str) -> str:
    own = each.scores[task]
    return f"{own.accuracy:.1%} [{100 * own.low:.1f}, {100 * own.high:.1f}]"


def _grid(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(_escaped, line)) + " |" for line in lines)


def _columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [list(header), *map(list, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _escaped(text: str) -> str:
    """Text that Markdown takes for text: names come from strangers' files."""
    kept = text.replace("\\", "\\\\").replace("<", "&lt;")
    for letter in "|*_`[]":
        kept = kept.replace(letter, f"\\{letter}")
    return kept


def _pair(change: Change) -> tuple[float, float]:
    return change.mean, change.half


def _verdict(change: Change) -> str:
    return "tie" if change.verdict == "cannot tell" else change.verdict


def _only(outcome: Outcome, names: Sequence[str]) -> Outcome:
    return outcome.only(tuple(names))


def _yes(it: bool) -> str:
    return "yes" if it else "no"
