"""The command that trains experts from a base and labelled files, and writes them as a zoo."""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.commands.tools import Commands, link_roots, show_progress, write_json
from studio.commands.zoo_words import given_data, given_pairs

if TYPE_CHECKING:
    from studio.new_zoo.plan import NewTask
    from studio.new_zoo.prepare import Prepared
    from studio.training.run import TrainedZoo, TrainingPlan

_COURSE = ("whole", "epochs", "rate", "rank", "batch", "decay", "warm_up", "patience",
           "longest", "steps", "bf16", "seed")  # fmt: skip


def add_train_command(level: Commands) -> None:
    """Add the command to those of ``zoo``."""
    each = level.add(
        "train", _train, "Fine-tune a base on labelled files, and write the experts as a zoo."
    )
    each.add_argument(
        "base", nargs="?", metavar="BASE",
        help="folder or hub id in the local cache; may be left out with --recipe",
    )  # fmt: skip
    each.add_argument(
        "--data", action="extend", nargs="+", default=[], metavar="[TASK[.SPLIT]=]FILE",
        help="labelled rows of a task: of a split (held_out, validation, train), or from which all "
        "are drawn",
    )  # fmt: skip
    each.add_argument(
        "--recipe", type=Path, metavar="FILE",
        help="a file of base, data sets, tasks and settings, such as those in assets/recipes",
    )  # fmt: skip
    each.add_argument(
        "--rows", action="append", default=[], metavar="NAME=FOLDER",
        help="where a data set of the recipe lies (default: in the Hub's local cache)",
    )  # fmt: skip
    each.add_argument(
        "--out", type=Path, metavar="DIR", help="a new folder for the zoo; without it, only look"
    )
    each.add_argument("--name", help="of the zoo (default: that of its folder, or the recipe's)")
    _add_tasks(each)
    _add_course(each)
    each.add_argument("--json", type=Path, metavar="FILE", help="curves and scores")


def table_arguments(each: argparse.ArgumentParser) -> None:
    """How tables are read, where a zoo is made of them."""
    each.add_argument(
        "--column", action="append", default=[], metavar="TASK.FIELD=COLUMN", dest="columns",
        help="the column of a field such as text, label or group; empty for none (default: guess)",
    )  # fmt: skip
    each.add_argument(
        "--drop-leaks", action="store_true",
        help="leave rows that are in two splits out of all but the held-out one",
    )  # fmt: skip


def _add_tasks(each: argparse.ArgumentParser) -> None:
    """What is to be known of tasks and their rows, if it is not guessed."""
    each.add_argument(
        "--type", action="append", default=[], metavar="TASK=KIND", dest="types",
        help="kind of a task (default: what the base and the columns say)",
    )  # fmt: skip
    table_arguments(each)
    each.add_argument(
        "--labels", action="append", default=[], metavar="TASK=A,B,C",
        help="in the order that the head is to have",
    )  # fmt: skip
    each.add_argument(
        "--draw", type=int, default=0, metavar="N", help="seed of the draw of rows (default: 0)"
    )


def _add_course(each: argparse.ArgumentParser) -> None:
    """How long and how fast; what is left out is the recipe's, or usual."""
    each.add_argument(
        "--whole", action="store_true", default=None,
        help="train all weights, and no LoRA adapter",
    )  # fmt: skip
    each.add_argument("--epochs", metavar="N", help="passes over the rows, at most (default: 10)")
    each.add_argument(
        "--rate", metavar="X",
        help="highest learning rate (default: 2e-4 of an adapter, 2e-5 of a whole model)",
    )  # fmt: skip
    each.add_argument("--rank", metavar="N", help="of the adapter (default: 16)")
    each.add_argument("--batch", metavar="N", help="rows of a step (default: 16)")
    each.add_argument("--decay", metavar="X", help="AdamW's weight decay (default: 0.01)")
    each.add_argument(
        "--warm-up", metavar="X", help="share of the steps in which the rate rises (default: 0.06)"
    )
    each.add_argument(
        "--patience", metavar="N",
        help="checks without a lower validation loss after which it ends (default: 3)",
    )  # fmt: skip
    each.add_argument("--steps", metavar="N", help="at most, if the epochs have more")
    each.add_argument(
        "--max-length", metavar="N", dest="longest", help="tokens after which texts are cut"
    )
    each.add_argument(
        "--bf16", action="store_true", default=None, help="multiply in bfloat16, on a GPU"
    )
    each.add_argument("--seed", metavar="N", help="of the training (default: 0)")


def _train(options: argparse.Namespace) -> None:
    from studio.device import resolve_device
    from studio.new_zoo.cost import note_make
    from studio.training.cost import training_cost, training_work
    from studio.training.run import checked_rows, train_zoo

    plan = _plan(options)
    rows = checked_rows(plan, show_progress)
    _print_rows(plan, rows)
    work = training_work(plan, rows, resolve_device(options.device))
    cost = training_cost(plan, work)
    how = f"as {cost.trainings} earlier here" if cost.trainings else "a guess from sizes"
    print(
        f"Training takes about {cost.seconds / 60:.1f} min at most ({how}), more than "
        f"{cost.memory / 2**20:,.0f} MiB of memory and about {cost.disk / 2**20:,.0f} MiB on disk."
    )
    if options.out is None:
        print("Nothing was written; --out DIR trains and writes the zoo.")
        return
    began = time.monotonic()
    made = train_zoo(
        plan, options.out.absolute(), options.device, show_progress,
        roots=link_roots(options, Path.cwd()),
    )  # fmt: skip
    note_make(work, time.monotonic() - began)
    _print_made(made)
    write_json(options.json, _as_json(made))


def _plan(options: argparse.Namespace) -> "TrainingPlan":
    from studio.errors import BadZoo
    from studio.training.course import course_of
    from studio.training.recipe import read_recipe
    from studio.training.recipe_rows import recipe_plan
    from studio.training.run import TrainingPlan

    asked = {key: getattr(options, key) for key in _COURSE if getattr(options, key) is not None}
    if options.recipe:
        if options.data or options.types or options.columns or options.labels:
            raise BadZoo("A recipe names rows, kinds, columns and labels itself: leave them out.")
        folders = {name: Path(each) for name, each in given_pairs(options.rows, "--rows").items()}
        recipe = read_recipe(options.recipe)
        return recipe_plan(recipe, options.base, folders, asked, options.name)
    if not options.base or not options.data:
        raise BadZoo("Name a base and the rows: zoo train BASE --data FILE.")
    base, source = _base(options)
    name = options.name or (options.out.absolute().name if options.out else "trained")
    tasks = _tasks(options, base)
    return TrainingPlan(
        name, base, source, tuple(tasks), course_of(asked), options.draw, options.drop_leaks
    )


def _base(options: argparse.Namespace) -> tuple[Any, str]:
    from studio.checkpoints.checkpoint import open_base
    from studio.disk.files import resolve_source

    source = resolve_source(options.base, Path.cwd())
    return open_base(source, link_roots(options, Path.cwd())), source


def _tasks(options: argparse.Namespace, base: Any) -> "list[NewTask]":
    from studio.errors import BadZoo
    from studio.training.tasks import kind_for, new_task, task_called, with_columns

    named = [each if "=" in each else f"{task_called(Path(each))}={each}" for each in options.data]
    files = given_data(named)
    columns = given_pairs(options.columns, "--column", empty=True)
    labels = given_pairs(options.labels, "--labels")
    types = given_pairs(options.types, "--type")
    for key in (*types, *labels, *(each.rpartition(".")[0] for each in columns)):
        if key not in files:
            raise BadZoo(f"There is no task '{key}'; named are {', '.join(files)}.")
    made = []
    for name, given in files.items():
        own = {
            key.rpartition(".")[2]: column for key, column in columns.items()
            if key.rpartition(".")[0] == name
        }  # fmt: skip
        kind = types.get(name) or kind_for(base, next(iter(given.values())))
        said = tuple(each.strip() for each in labels[name].split(",")) if name in labels else None
        task = new_task(name, kind, given, labels=said)
        made.append(with_columns(task, own, options.draw))
    return made


def _print_rows(plan: "TrainingPlan", rows: "dict[str, Prepared]") -> None:
    from studio.errors import visible

    for task in plan.tasks:
        made = rows[task.name]
        counts = ", ".join(
            f"{len(found):,} {split.replace('_', '-')}" for split, found in made.rows.items()
        )
        labels = f"; labels {', '.join(made.labels[:8])}" if made.labels else ""
        more = f" and {len(made.labels) - 8} more" if len(made.labels) > 8 else ""
        print(f"{visible(task.name)}: {task.kind}; {counts} rows{visible(labels)}{more}")
        for note in made.notes:
            print(f"  note: {visible(note)}")
    print(f"Trained is {plan.course.what}, with a learning rate of {plan.course.learning_rate:g}.")


def _print_made(made: "TrainedZoo") -> None:
    from studio.errors import visible

    for name, each in made.trained.items():
        print(visible(each.words))
        if name in made.compared:
            print(f"  {made.compared[name].words}")
    for note in made.saved.notes:
        print(visible(note))
    print(f"Written: {made.saved.file}\nOpen it: python app.py --zoo {made.saved.file}")


def _as_json(made: "TrainedZoo") -> dict[str, Any]:
    return {
        name: {"training": each.plain(), **_beside(made, name)}
        for name, each in made.trained.items()
    }


def _beside(made: "TrainedZoo", name: str) -> dict[str, Any]:
    return {"held_out": made.compared[name].plain()} if name in made.compared else {}
