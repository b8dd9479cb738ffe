"""The command that merges a recipe."""

import argparse
from pathlib import Path

from studio.commands.hub import own_hub, push_arguments, push_folder
from studio.commands.tools import (
    Commands,
    count_of_tasks,
    link_roots,
    opened_ledger,
    output_arguments,
    print_checked,
    print_notes,
    show_progress,
    zoo_bench,
)
from studio.errors import StudioError, visible


def add_merge_command(commands: Commands) -> None:
    """Add the command."""
    each = commands.add("merge", _merge, "Merge a recipe into a new folder.")
    each.add_argument("recipe", type=Path, metavar="RECIPE")
    output_arguments(each)
    each.add_argument(
        "--as-lora", action="store_true",
        help="write one LoRA adapter for PEFT; the method must be linear and all tasks LoRAs",
    )  # fmt: skip
    each.add_argument(
        "--lora-rank", type=int, metavar="R",
        help="compress that adapter to R directions per tensor (default: exact, all factors)",
    )  # fmt: skip
    each.add_argument(
        "--each-task", action="store_true",
        help="beside that adapter write each task's own, as the merge reads it, and how to serve "
        "all of them at once (vLLM, LoRAX)",
    )  # fmt: skip
    each.add_argument(
        "--push-to", metavar="REPO", help="also push it to the Hub as a new repository, owner/name"
    )
    push_arguments(each)


def _merge(options: argparse.Namespace) -> None:
    from studio.disk.folders import refuse_existing
    from studio.evidence.logged_export import Account, export_merge
    from studio.export.plan import ExportPlan
    from studio.merge import open_merge
    from studio.recipe import load_recipe

    if options.lora_rank is not None and not options.as_lora:
        raise StudioError("--lora-rank is the rank of the adapter that --as-lora writes; add it.")
    if options.each_task and not options.as_lora:
        raise StudioError("--each-task writes adapters beside that of --as-lora; add it.")
    if options.as_lora and options.classifiers:
        raise StudioError("--classifiers writes complete models; leave it or --as-lora out.")
    hub = own_hub()
    if options.push_to:
        hub.refuse_push(options.push_to)
    elif options.public or options.licence:
        raise StudioError("--public and --licence are of what --push-to pushes; add it.")
    recipe = load_recipe(options.recipe)
    refuse_existing(options.out)
    bench, folder = zoo_bench(options) if options.zoo else None, options.recipe.absolute().parent
    merge = bench.merge(recipe) if bench else open_merge(recipe, link_roots(options, folder))
    rank, duplicates = options.lora_rank, options.allow_duplicates
    plan = ExportPlan(
        options.out, options.as_lora, rank, options.classifiers, duplicates, options.check,
        options.each_task,
    )  # fmt: skip
    account = Account(opened_ledger(options), options.allow_removed)
    made = export_merge(merge, plan, bench, account=account, progress=show_progress)
    if not options.as_lora:
        print(f"Rounding: {made.words}.")
    print_notes(made.notes)
    print_checked(made.checked, made.warnings)
    adapter = f"one adapter, {made.words}, " if options.as_lora else ""
    words = f"{adapter}weights root {made.root}"
    print(f"{visible(str(options.out))}: {count_of_tasks(len(merge.deltas))} merged, {words}")
    if made.serving:
        print(visible(made.serving))
    if options.push_to:
        push_folder(hub, options.out, options.push_to, options)
