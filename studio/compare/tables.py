"""A comparison as JSON, CSV, Markdown and plain text."""

from collections.abc import Sequence
from dataclasses import asdict

from studio.compare.comparison import Table
from studio.compare.standings import Standing
from studio.disk.csv import Cell, csv_text
from studio.measure.change import Change
from studio.measure.general import general_json
from studio.measure.metrics import Mean, marked, mean_column, means, means_over, scores_json
from studio.measure.outcomes import Outcome
from studio.tasks.metric import AGREEMENT, AGREEMENT_WORDS, LOSS

NOTES = (
    "Half-widths and brackets are 95 % intervals; differences are paired on the same rows.",
    "Best rival: the row of another method with the best mean. A tie: the interval holds 0. "
    "No interval is widened for the number of methods.",
    "Seconds: to compute the merged weights and put them on, with the deltas' inner products, and "
    "what a method measures on validation rows, at hand. Peak memory: resident memory of the "
    "process above that before the merge, sampled.",
    "Unmerging is exact for every row, since each is a recipe: it is merged again without the "
    "task. A running state of continual merging could not do that.",
)
BOTH_NOTE = (
    "Two means are shown, one of each metric. Where one number must decide, a point of accuracy "
    "counts as a percent of a loss, and differences of the means are of these, better above 0."
)
OVER_NOTE = (
    "Differences of the mean, and gain kept, are of the {over}; a point of agreement counts as a "
    "point of accuracy."
)
LOSS_NOTE = (
    "Losses are in nats per token: less is better, and a difference below 0 is a gain. Perplexity "
    "is the exponential of the loss."
)
MARK = "worse than not merging"
_HEADER = (
    "vs best rival", "gain kept", "worst task, vs expert", "vs not merging",
    "s to merge", "ms per row", "peak MB", "needs data", "order matters", "exact unmerge",
)  # fmt: skip
_FIRST = ("method", "tuned", "factor")
_COLUMNS = (
    "best rival", "change from it",
    "half of that", "verdict", "gain kept", "worst task", "change from its expert", "half of that",
    "change from not merging", "half of that", MARK, "seconds to merge", "seconds per row",
    "peak bytes", "needs", "order matters", "exact unmerge",
)  # fmt: skip


def comparison_json(table: Table) -> dict:
    """Everything as plain values.

    Returns:
        ``{"methods": {NAME: ...}, "experts", "base", "head_only", "refused": {NAME: sentence},
        "proposal", "budget", "warnings": [sentence]}``. NAME is the method, with ' (tuned)' behind
        it for the row of the scale that was searched, ' + calibrated' for one whose layers are
        fitted to the experts, and ' + heads' for one whose heads are; each holds tasks, mean,
        recipe, tuned and seconds, and what it is compared with. Differences are
        ``{"mean", "half", "n", "verdict"}``.
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
            "method": None if proposal.worse_than_not_merging else proposal.row.name,
            "rival": proposal.rival.name if proposal.rival else None,
            "change": proposal.change.plain() if proposal.change else None,
            "words": proposal.words,
        }
    rest = [name for name in refs.base.marks if name not in refs.tasks]
    if rest:
        found["general_base"] = scores_json(_only(refs.base, rest).scores)["tasks"]
    return found


def comparison_csv(table: Table) -> str:
    """A row per method, references behind them; accuracies and differences as shares, 0 to 1."""
    tasks = table.references.tasks
    general = list(table.standings[0].general) if table.standings else []
    named = [mean_column(mean.metric) for mean in _means(table)]
    columns = [*_FIRST, *(x for name in named for x in (name, "half of its interval")), *_COLUMNS]
    columns += [f"{name} on validation rows" for name in named]
    header = [*columns, *_named(table)]
    for name in general:
        header += [f"general: {name}", f"general: {name}, change from the base", "half of that"]
    header.append("refusal")
    rows = [[*_numbers(each), None] for each in table.standings]
    blank = [None] * (len(header) - 2)
    rows += [[name, *blank, words] for name, words in table.refusals.items()]
    rest = [None] * (len(header) - len(columns) - len(tasks))
    rows += [
        [name, *blank[: len(columns) - 1], *(scores[task] for task in tasks), *rest]
        for name, scores in _references(table).items()
    ]
    return csv_text(header, rows)


def comparison_markdown(table: Table) -> str:
    """The table, scores per task, the proposal and what the numbers mean."""
    parts = [f"## Methods compared on {_escaped(table.zoo)}", f"Validation: {table.budget.words}."]
    if table.proposal:
        parts.append(_escaped(table.proposal.words))
    parts += [_grid(_header(table), _cells(table)), _grid(*by_task(table))]
    parts += [f"- {_escaped(name)}: {_escaped(words)}" for name, words in table.refusals.items()]
    return "\n\n".join([*parts, "\n".join(f"- {note}" for note in notes(table))]) + "\n"


def comparison_text(table: Table) -> str:
    """The same for a terminal."""
    parts = [_columns(_header(table), _cells(table)), _columns(*by_task(table))]
    parts += [f"{name}: {words}" for name, words in table.refusals.items()]
    parts += [f"warning: {words}" for words in table.references.doubts]
    if table.proposal:
        parts.append(table.proposal.words)
    return "\n\n".join([*parts, "\n".join(notes(table))])


def notes(table: Table) -> tuple[str, ...]:
    """What the numbers mean, a sentence or two each."""
    found = [mean.metric for mean in _means(table)]
    more = (LOSS_NOTE,) if LOSS in found else ()
    more += (BOTH_NOTE,) if LOSS in found and len(found) > 1 else ()
    more += (AGREEMENT_WORDS,) if AGREEMENT in found else ()
    over = means_over(table.references.experts.scores)
    return (*NOTES, *more, *((OVER_NOTE.format(over=over),) if over else ()))


def by_task(table: Table) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the scores per task, with intervals; general rows behind them."""
    refs = table.references
    rest = [name for name in refs.base.marks if name not in refs.tasks]
    what = " or ".join(mean.metric.name for mean in _means(table))
    header = [what, *_named(table), *(f"general: {name}, vs base" for name in rest)]
    rows = []
    for each in table.standings:
        cells = [_interval(each, task) for task in refs.tasks]
        cells += [f"{s.shown} ({change.shown}, n={change.n:,})"
                  for s, change in each.general.values()]  # fmt: skip
        rows.append([each.row.name, *cells])
    for name, scores in _references(table).items():
        cells = [refs.experts.scores[task].metric.shown(scores[task]) for task in refs.tasks]
        base = [refs.base.scores[each].shown if name == "base" else "" for each in rest]
        rows.append([name, *cells, *base])
    return header, rows


def against(name: str, change: Change) -> str:
    """A difference in words: ties are called ties."""
    tie = ", tie" if change.verdict == "cannot tell" else ""
    return f"{change.shown} ({name}{tie})"


def _method(each: Standing) -> dict:
    row, held = each.row, each.outcome
    found = scores_json(each.scores) | {
        "recipe": row.recipe.plain(),
        "tuned": row.tuned,
        "seconds": held.seconds,
        "factor": row.factor,
        "half": each.means[0].half if len(each.means) == 1 else None,
        "rival": {"name": each.rival[0]} | each.rival[1].plain() if each.rival else None,
        "gain_kept": each.gain,
        "worst": {"task": each.worst[0]} | each.worst[1].plain(),
        "not_merging": each.floor.plain(),
        "worse_than_not_merging": each.worse_than_not_merging,
        "latency": held.latency,
        "peak_memory": held.peak,
        "needs": row.needs or None,
        "ordered": row.ordered,
        "exactly_reversible": True,
        "reversed_by": "rebuild",
        "validation": scores_json(row.validation.scores) if row.validation else None,
        "agreement": scores_json(row.agreement.scores) if row.agreement else None,
    }
    if each.general:
        found["general"] = general_json(each.general)
    return found


def _means(table: Table) -> tuple[Mean, ...]:
    """The experts' mean of every metric that the tasks have."""
    return means(table.references.experts.scores)


def _named(table: Table) -> list[str]:
    """The tasks, as columns of their scores are called: one of agreement says so."""
    experts = table.references.experts.scores
    return [marked(name, experts[name].metric) for name in table.references.tasks]


def _header(table: Table) -> list[str]:
    """Headings of ``_cells``."""
    return ["method", *(mean_column(mean.metric) for mean in _means(table)), *_HEADER]


def _references(table: Table) -> dict[str, dict[str, float]]:
    """Scores of what methods are compared with, by task."""
    refs = table.references
    found = {"experts": refs.experts, "head-only": refs.head_only, "base": refs.base}
    return {
        name: {task: outcome.scores[task].value for task in refs.tasks}
        for name, outcome in found.items()
        if outcome
    }


def _numbers(each: Standing) -> list[Cell]:
    row, held = each.row, each.outcome
    rival = (None,) * 4
    if each.rival:
        rival = (each.rival[0], *_pair(each.rival[1]), _verdict(each.rival[1]))
    checked = means(row.validation.scores) if row.validation else ()
    cells: list[Cell] = [row.name, _yes(row.tuned), row.factor]
    cells += [x for mean in each.means for x in (mean.value, mean.half)]
    cells += [
        *rival,
        each.gain,
        marked(each.worst[0], each.worst[1].metric),
        *_pair(each.worst[1]),
        *_pair(each.floor),
    ]
    cells += [_yes(each.worse_than_not_merging), held.seconds, held.latency, held.peak]
    cells += [row.needs, _yes(row.ordered), "rebuild"]
    cells += [mean.value for mean in checked] or [None] * len(each.means)
    cells += [score.value for score in each.scores.values()]
    for own, change in each.general.values():
        cells += [own.value, *_pair(change)]
    return cells


def _cells(table: Table) -> list[list[str]]:
    """The cells below ``_header``, for people."""
    floor, rows = table.references.floor[0], []
    for each in table.standings:
        held = each.outcome
        mark = f", {MARK}" if each.worse_than_not_merging else ""
        rows.append([
            each.row.name + (f", scale x {each.row.factor:g}" if each.row.tuned else ""),
            *(mean.words for mean in each.means),
            against(*each.rival) if each.rival else "",
            "" if each.gain is None else f"{each.gain:.0%}",
            f"{marked(each.worst[0], each.worst[1].metric)} {each.worst[1].shown}",
            f"{each.floor.shown} ({floor}{mark})",
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
    return f"{own.shown} [{own.metric.amount(own.low)}, {own.metric.amount(own.high)}]"


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
