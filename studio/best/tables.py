"""Findings as plain text, JSON and CSV: a row per trial, and what the search has come to."""

from studio.best.findings import Findings, HeldOut, Tried, verdict
from studio.best.judge import AGREES
from studio.disk.csv import Cell, csv_text
from studio.measure.change import change_words, mean_change
from studio.measure.metrics import mean_column, scores_json
from studio.measure.outcomes import Outcome
from studio.methods import method

_HEAD = ("rank", "round", "trial", "rows")
_TAIL = ("against not merging", "half of that", "verdict", "seconds", "needs", "order matters")


def heading(found: Findings) -> str:
    """By what trials are ranked, in a sentence."""
    rows = " to ".join(f"{x:,}" for x in dict.fromkeys((found.plan[0], found.plan[-1])))
    how = "agreement with the experts" if found.criterion == AGREES else "accuracy by the labels"
    return (
        f"Ranked by {how} (tasks without options by their loss) on {rows} validation rows of each "
        "task, on which nothing was measured or fitted; ± is half of a 95 % interval."
    )


def findings_text(found: Findings) -> str:
    """The table and the verdict for a terminal."""
    lines = [[str(place), *_cells(each, found)] for place, each in enumerate(found.ranked, 1)]
    lines = [["", "round", "trial", "mean", "rows", "against not merging", "s"], *lines]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    table = "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
    refused = [f"{name}: {words}" for name, words in found.refusals.items()]
    return "\n".join([heading(found), "", table, *refused, "", *verdict(found)])


def findings_json(found: Findings) -> dict:
    """Everything as plain values.

    Returns:
        ``{"zoo", "criterion", "trials": [...], "refused", "best", "winner", "rival", "verdict",
        "left", "held_out"}``: trials with what they are, round, scores, recipe and seconds, the
        best first; best, winner and rival by what they are.
    """
    held = found.held_out
    return {
        "zoo": found.zoo,
        "criterion": found.criterion,
        "rows": list(found.plan),
        "trials": [_plain(each, found) for each in found.ranked],
        "refused": found.refusals,
        "best": found.best.trial.what if found.best else None,
        "winner": found.winner.trial.what if found.winner else None,
        "rival": found.rival.trial.what if found.rival else None,
        "verdict": list(verdict(found)),
        "left": list(found.left),
        "held_out": _held_out(held) if held else None,
    }


def findings_csv(found: Findings) -> str:
    """A row per trial, the best first; accuracies and differences as shares, 0 to 1."""
    metrics = [mean.metric for mean in found.ranked[0].means] if found.ranked else []
    named = [x for m in metrics for x in (mean_column(m), f"{mean_column(m)}, half of interval")]
    rows: list[list[Cell]] = []
    for place, each in enumerate(found.ranked, 1):
        against = found.against_floor(each)
        change = mean_change(against) if against else None
        about = (change.mean, change.half, change.verdict) if change else (None, None, None)
        means: list[Cell] = [x for mean in each.means for x in (mean.value, mean.half)]
        first = (place, each.level + 1, each.trial.what, each.rows)
        rows.append([*first, *means, *about, each.seconds, needs(each), ordered(each)])
    return csv_text([*_HEAD, *named, *_TAIL], rows)


def needs(tried: Tried) -> str:
    """What a trial measures on validation rows; 'no' for nothing."""
    recipe = tried.recipe
    if recipe is None:
        return "no"
    own = method(recipe.method, recipe.options).measures
    return own or ("calibration" if recipe.calibrate else "no")


def ordered(tried: Tried) -> str:
    """Whether the order of the tasks changes the merge."""
    recipe = tried.recipe
    return "yes" if recipe and method(recipe.method, recipe.options).ordered else "no"


def _cells(each: Tried, found: Findings) -> list[str]:
    against = found.against_floor(each)
    means = ", ".join(mean.words for mean in each.means)
    change = change_words(against) if against else ""
    return [
        str(each.level + 1), each.trial.what, means, f"{each.rows:,}", change,
        f"{each.seconds:.1f}",
    ]  # fmt: skip


def _plain(each: Tried, found: Findings) -> dict:
    against = found.against_floor(each)
    assert each.outcome is not None
    return {
        "what": each.trial.what,
        "round": each.level + 1,
        **scores_json(each.outcome.scores),
        "against_not_merging": mean_change(against).plain() if against else None,
        "recipe": each.recipe.plain() if each.recipe else None,
        "seconds": each.seconds,
    }


def _held_out(held: HeldOut) -> dict:
    name, floor = held.floor
    models: dict[str, Outcome] = {"best": held.best, name: floor, "experts": held.experts}
    models |= {"rival": held.rival} if held.rival else {}
    rival = held.against_rival
    return {
        **{key: scores_json(each.scores) for key, each in models.items()},
        "against_not_merging": mean_change(held.against_floor).plain(),
        "against_rival": mean_change(rival).plain() if rival else None,
        "gain_kept": held.gain,
    }
