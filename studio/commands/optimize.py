"""The command that finds coefficients."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from studio.commands.tools import (
    Commands,
    duplicates_argument,
    show_progress,
    write_json,
    zoo_bench,
)
from studio.errors import StudioError, visible
from studio.progress import Progress, part

if TYPE_CHECKING:
    from studio.measure.bench import Bench
    from studio.search.plan import SearchPlan
    from studio.search.run import Run
    from studio.search.verdict import Verdict


def add_optimize_command(commands: Commands) -> None:
    """Add the command."""
    each = commands.add(
        "optimize",
        _optimize,
        "Find a recipe's coefficients on validation rows, and say what they are worth.",
    )
    each.add_argument("zoo", type=Path, metavar="ZOO")
    each.add_argument("--recipe", type=Path, required=True, metavar="RECIPE")
    each.add_argument("--out", type=Path, required=True, metavar="RECIPE", help="a new file")
    each.add_argument("--optimizer", default="adam", choices=("adam", "cma"))
    each.add_argument(
        "--granularity", default="task", choices=("task", "group", "tensor"),
        help="a coefficient per task, per task and layer, or per task and tensor (default task)",
    )  # fmt: skip
    each.add_argument(
        "--budget", type=int, default=60, metavar="N",
        help="steps of Adam, or candidates of CMA-ES (default 60)",
    )  # fmt: skip
    _objective(each)
    each.add_argument("--seed", type=int, default=0, metavar="N")
    each.add_argument(
        "--at-once", type=int, default=32, metavar="N",
        help="rows that the model runs at once (default 32); fewer take less memory",
    )  # fmt: skip
    each.add_argument(
        "--record", type=Path, metavar="FILE",
        help="keep every step in this JSON file; if it is there already, go on from where it ends",
    )  # fmt: skip
    each.add_argument("--json", type=Path, metavar="FILE", help="write gains and recipe as JSON")
    duplicates_argument(each)


def _objective(each: argparse.ArgumentParser) -> None:
    each.add_argument(
        "--loss", default="labels", choices=("labels", "entropy", "expert"),
        help="cross-entropy of the labels (default); without labels the entropy of the "
        "predictions, or their divergence from each expert's",
    )  # fmt: skip
    each.add_argument(
        "--balance", default="uniform",
        choices=("uniform", "adaptive", "minimax", "uncertainty"),
        help="how the tasks' losses become one (default uniform)",
    )  # fmt: skip
    each.add_argument(
        "--ewc", type=float, default=0.0, metavar="X",
        help="strength of the penalty for leaving what matters to the anchors (default 0: none)",
    )  # fmt: skip
    each.add_argument("--anchor", default="experts", choices=("experts", "base"))
    each.add_argument(
        "--rows", type=int, default=400, metavar="N",
        help="validation rows per task, at most (default 400); a quarter decides when to stop",
    )  # fmt: skip
    each.add_argument(
        "--batch", type=int, default=16, metavar="N",
        help="rows per task of a step of Adam (default 16)",
    )  # fmt: skip


def _optimize(options: argparse.Namespace) -> None:
    from studio.disk.folders import refuse_existing
    from studio.recipe import load_recipe, save_recipe
    from studio.search.gain import gains
    from studio.search.verdict import verdict

    refuse_existing(options.out)
    recipe, bench = load_recipe(options.recipe), zoo_bench(options)
    run = _searched(options, bench, part(show_progress, 0.0, 0.8))
    found = run.recipe().with_digests(dict(run.digests))
    save_recipe(found, options.out)
    print(f"\nEnded after {run.steps[-1].number} of {run.plan.budget}: {run.ended}.")
    for task in found.tasks:
        values = run.free.of_task(run.steps[-1].best.point, task.name)
        spread = f"  ({min(values):.3f} to {max(values):.3f})" if len(values) > 1 else ""
        print(f"  {sum(values) / len(values):7.4f}{spread}  {task.name}")
    compared = verdict(bench, run, part(show_progress, 0.8, 0.9))
    measured = gains(bench, recipe, found, part(show_progress, 0.9, 1.0))
    for gain in measured:
        print(gain.words)
    print(f"{visible(str(options.out))}: the recipe with these coefficients.")
    print(_advice(run, compared, options))
    write_json(
        options.json,
        {
            "plan": run.plan.plain(),
            "ended": run.ended,
            "row_evaluations": run.spent,
            "recipe": found.plain(),
            "better": _better(run, compared),
            "verdict": compared.plain() if compared else None,
            "gains": {gain.split: gain.plain() for gain in measured},
        },
    )


def _better(run: "Run", compared: "Verdict | None") -> str:
    """Which of the two is to be used: 'recipe', or what was 'found'."""
    lower = run.best.value < run.steps[0].value
    return "found" if lower and (compared is None or compared.better) else "recipe"


def _advice(run: "Run", compared: "Verdict | None", options: argparse.Namespace) -> str:
    """What was compared, and which of the two files is the better one."""
    recipe, out = visible(str(options.recipe)), visible(str(options.out))
    better = out if _better(run, compared) == "found" else recipe
    if run.best.value >= run.steps[0].value:
        return f"Nothing better was found: the search has no lower loss. Keep {recipe}."
    if compared is None:
        return (
            f"Not all validation rows have labels, so no scores were compared; {better} has the "
            "lower loss."
        )
    return f"{compared.words(recipe)}. {'Use' if better == out else 'Keep'} {better}."


def _searched(options: argparse.Namespace, bench: "Bench", progress: Progress) -> "Run":
    """The finished run; each look at the deciding rows is printed, and kept in the record."""
    from studio.recipe import load_recipe
    from studio.search.record import load_answers, save_record
    from studio.search.run import optimize

    plan, recipe = _plan(options), load_recipe(options.recipe)
    known = ()
    if options.record and options.record.exists():
        known = load_answers(options.record, bench, recipe, plan)
        print(f"{visible(str(options.record))}: going on after {len(known)} answers.")
    run = None
    try:
        for run in optimize(bench, recipe, plan, progress, known):
            if run.steps[-1].checked or run.ended:
                if not run.ended:
                    print(_line(run), flush=True)
                if options.record and len(run.answers) > len(known):
                    save_record(run, options.record)
    except KeyboardInterrupt:
        if run is None or options.record is None:
            raise
        save_record(run, options.record)
        raise StudioError(
            f"stopped after {run.steps[-1].number} of {plan.budget}; the same command goes on "
            f"from {options.record}."
        ) from None
    assert run is not None
    return run


def _plan(options: argparse.Namespace) -> "SearchPlan":
    from dataclasses import fields

    from studio.search.plan import SearchPlan, checked

    return checked(
        SearchPlan(**{each.name: getattr(options, each.name) for each in fields(SearchPlan)})
    )


def _line(run: "Run") -> str:
    """The last step of a run, whose point was checked."""
    step = run.steps[-1]
    checked = step.checked
    assert checked is not None
    mean = run.mean_share(checked)
    share = "" if mean is None else f", {run.share} {mean:.4f}"
    best = "  best so far" if step.best is checked else ""
    return f"  {step.number:5}: joint loss {checked.value:.4f}{share}{best}"
