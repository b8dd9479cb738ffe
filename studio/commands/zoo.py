"""The command that makes a zoo of models and tables that lie in folders."""

import argparse
import time
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from studio.commands.hub import fetched_from_hub
from studio.commands.tools import Commands, link_roots, show_progress
from studio.commands.zoo_train import add_train_command, table_arguments
from studio.commands.zoo_words import given_data, given_pairs

if TYPE_CHECKING:
    import torch

    from studio.new_zoo.cost import Work
    from studio.new_zoo.finding import Found
    from studio.new_zoo.grouping import Member, Proposal
    from studio.new_zoo.plan import NewTask
    from studio.new_zoo.saving import Saved
    from studio.new_zoo.tables import Table


def add_zoo_command(commands: Commands) -> None:
    """Add the level and its command."""
    level = commands.add_level("zoo", "Make a zoo of models and tables that lie in folders.")
    each = level.add(
        "new", _new, "Find models that share a base, join them with tables, and write a zoo."
    )
    each.add_argument(
        "places",
        nargs="+",
        metavar="FOLDER",
        help="searched with all below it; or an id of the Hub, owner/name, which is fetched",
    )
    each.add_argument(
        "--out", type=Path, metavar="DIR", help="a new folder for the zoo; without it, only look"
    )
    each.add_argument("--name", help="of the zoo (default: that of its folder)")
    each.add_argument("--base", metavar="SOURCE", help="folder or hub id (default: find it out)")
    each.add_argument(
        "--task", action="append", default=[], metavar="TASK", dest="tasks",
        help="take only these (may be repeated; default: all that fit)",
    )  # fmt: skip
    each.add_argument(
        "--version", action="append", default=[], metavar="TASK=FOLDER", dest="versions",
        help="take another checkpoint of the same training, such as checkpoint-500",
    )  # fmt: skip
    each.add_argument(
        "--data", action="append", default=[], metavar="TASK[.SPLIT]=FILE",
        help="rows: of a split (held_out, validation, train), or from which all are drawn",
    )  # fmt: skip
    table_arguments(each)
    each.add_argument(
        "--labels", action="append", default=[], metavar="TASK=A,B,C",
        help="in the order of the head, where the checkpoint does not name them",
    )  # fmt: skip
    _add_draws(each)
    add_train_command(level)


def _add_draws(each: argparse.ArgumentParser) -> None:
    """How rows are drawn, and what is agreed to beforehand."""
    each.add_argument("--yes", action="store_true", help="do not ask before fetching")
    each.add_argument("--seed", type=int, default=0, metavar="N", help="of draws (default: 0)")
    each.add_argument(
        "--digests", action="store_true",
        help="name the digest of each checkpoint in the zoo file: opened with another, it refuses",
    )  # fmt: skip


def _new(options: argparse.Namespace) -> None:
    from studio.device import resolve_device
    from studio.errors import BadZoo
    from studio.new_zoo.cost import note_make
    from studio.new_zoo.finding import find
    from studio.new_zoo.grouping import propose
    from studio.new_zoo.plan import Plan, planned
    from studio.new_zoo.saving import save_zoo
    from studio.new_zoo.tables import read_table

    roots = link_roots(options, Path.cwd())
    found = find(_places(options), progress=show_progress, roots=roots)
    proposals = propose(found, options.base, roots=roots)
    _print_found(found, proposals)
    chosen = proposals[0]
    if chosen.base is None:
        raise BadZoo(f"{chosen.notes[0]} Write it as --base SOURCE.")
    members = _members(chosen, options)
    tasks = planned(chosen.base, members, found, _data(options, members), chosen.members)
    tasks = tuple(_said(task, options) for task in tasks)
    for task in tasks:
        _print_task(task, options.seed)
    read, device = cache(read_table), resolve_device(options.device)
    work = _checked(chosen, members, tasks, options, read, device)
    _print_cost(work)
    if options.out is None:
        print("Nothing was written; --out DIR writes the zoo.")
        return
    out = options.out.absolute()
    plan = Plan(
        options.name or out.name, chosen.base, chosen.source, tasks, options.seed, options.digests
    )  # fmt: skip
    began = time.monotonic()
    saved = save_zoo(
        plan, out, device, show_progress, roots=roots, drop_leaks=options.drop_leaks, read=read
    )
    note_make(work, time.monotonic() - began)
    _print_saved(saved)


def _print_saved(saved: "Saved") -> None:
    from studio.errors import visible

    looks = saved.found.looks
    for note in [*saved.notes, *(f"{look.name}: {note}" for look in looks for note in look.notes)]:
        print(visible(note))
    print(f"Written: {saved.file}\nOpen it: python app.py --zoo {saved.file}")


def _checked(
    proposal: "Proposal", members: "Sequence[Member]", tasks: "Sequence[NewTask]",
    options: argparse.Namespace, read: "Callable[[Path, int], Table]", device: "torch.device",
) -> "Work":  # fmt: skip
    """What is to be done, after the rows of all tasks were put into splits.

    Raises:
        StudioError: those of a task cannot be; without a place to write to, notes come before.
    """
    from studio.errors import Findings, visible
    from studio.new_zoo.cost import rows_of, work_of
    from studio.new_zoo.prepare import prepared

    wrong, found = Findings("The new zoo"), []
    for member, task in zip(members, tasks, strict=True):
        prepare = partial(prepared, task, options.seed, options.drop_leaks, read)
        if made := wrong.tried(prepare):
            found.append((task, rows_of(made), member.parameters))
        for note in made.notes if made and options.out is None else ():
            print(visible(f"'{task.name}': {note}"))
    wrong.refuse()
    assert proposal.base
    return work_of(proposal.base, found, device)


def _print_cost(work: "Work") -> None:
    from studio.new_zoo.cost import make_cost

    needed = make_cost(work)
    how = f"as {needed.makes} earlier on this computer" if needed.makes else "a guess from sizes"
    print(
        f"Writing it takes about {max(needed.seconds, 1):.0f} s ({how}) and about "
        f"{needed.memory / 2**20:,.0f} MiB of memory."
    )


def _places(options: argparse.Namespace) -> list[Path]:
    """The folders that were named; of the Hub, where they were fetched to."""
    from studio.new_zoo.finding import is_remote

    remote = [each for each in options.places if is_remote(each)]
    fetched = fetched_from_hub(remote, options.yes) if remote else []
    return [*(Path(each) for each in options.places if each not in remote), *fetched]


def _members(proposal: "Proposal", options: argparse.Namespace) -> "list[Member]":
    """The models that become tasks, in the versions that were asked for."""
    from dataclasses import replace

    from studio.errors import BadZoo

    by_name = {member.name: member for member in proposal.members}
    versions = given_pairs(options.versions, "--version")
    for name in [*options.tasks, *versions]:
        if name not in by_name:
            raise BadZoo(f"There is no task '{name}'; found were {', '.join(by_name)}.")
    members = []
    for name, member in by_name.items():
        if options.tasks and name not in options.tasks:
            continue
        if member.problem is not None:
            if options.tasks:
                raise member.problem
            continue
        if name in versions:
            called = [v for v in member.versions if v.folder.name == versions[name]]
            if not called:
                known = ", ".join(v.folder.name for v in member.versions)
                raise BadZoo(f"'{name}' has no version '{versions[name]}'; it has {known}.")
            member = replace(member, model=called[0])
        members.append(member)
    if not members:
        count = len(by_name)
        raise BadZoo(
            f"None of the {count} models fits the base {proposal.source}." if count else
            f"Nothing can be merged into {proposal.source}: it is the only model that was found. "
            "Name the folders of its fine-tuned models, too."
        )  # fmt: skip
    return members


def _columns(options: argparse.Namespace) -> dict[str, str]:
    return given_pairs(options.columns, "--column", empty=True)


def _data(
    options: argparse.Namespace, members: "Sequence[Member]"
) -> dict[str, dict[str, Path]]:  # fmt: skip
    """By task, the files that were named, by split; all that is said is of a task that is taken."""
    from studio.errors import BadZoo

    found = given_data(options.data)
    columns = {name.rpartition(".")[0] for name in _columns(options)}
    known = [member.name for member in members]
    for task in (*found, *columns, *given_pairs(options.labels, "--labels")):
        if task not in known:
            raise BadZoo(f"There is no task '{task}'; taken are {', '.join(known)}.")
    return found


def _said(task: "NewTask", options: argparse.Namespace) -> "NewTask":
    """The task with the columns and labels that were named."""
    from dataclasses import replace

    from studio.new_zoo.plan import columns_of
    from studio.new_zoo.tables import read_table

    chosen = {
        name.rpartition(".")[2]: column
        for name, column in _columns(options).items()
        if name.rpartition(".")[0] == task.name
    }
    if chosen and task.files:
        table = read_table(next(iter(task.files.values())), options.seed)
        guessed = columns_of(task, table).items()
        kept = {field: column for field, column in guessed if column not in chosen.values()}
        task = replace(task, columns=kept | chosen)
    labels = given_pairs(options.labels, "--labels").get(task.name)
    named = tuple(label.strip() for label in labels.split(",")) if labels else None
    return replace(task, labels=named)


def _print_found(found: "Found", proposals: "Sequence[Proposal]") -> None:
    from studio.errors import visible

    for place, problem in found.refused:
        print(f"not read: {visible(str(place))}: {problem}")
    for note in found.notes:
        print(f"note: {visible(note)}")
    for proposal in proposals:
        _print_proposal(proposal)
    if len(proposals) > 1:
        print(f"Taken is the first of {len(proposals)}; --base SOURCE takes another.")


def _print_proposal(proposal: "Proposal") -> None:
    from studio.errors import visible

    base = proposal.source or "not named"
    print(f"base: {visible(base)}. {proposal.why}".rstrip())
    for note in proposal.notes:
        print(f"  note: {visible(note)}")
    for member in proposal.members:
        if member.problem is not None:
            print(f"  {visible(member.name)}: does not fit: {member.problem}")
            continue
        more = f", {len(member.versions)} versions" if len(member.versions) > 1 else ""
        print(
            f"  {visible(member.name)}: {member.model.checkpoint.kind}, changes {member.tensors} "
            f"tensors of {member.parameters:,} numbers{more} ({visible(str(member.model.folder))})"
        )


def _print_task(task: "NewTask", seed: int) -> None:
    from studio.errors import visible
    from studio.new_zoo.fields import ANSWER
    from studio.new_zoo.plan import columns_of
    from studio.new_zoo.tables import read_table

    head = "a head is fitted" if task.needs_head else "answers by itself"
    if task.refused is not None:
        print(f"note: {task.refused}")
    if not task.files:
        print(f"{visible(task.name)}: {task.kind}; no rows, so no accuracy.")
        return
    for split, file in task.files.items():
        columns = columns_of(task, read_table(file, seed))
        said = ", ".join(f"{name} = {column}" for name, column in columns.items())
        rows = f"{split}: {file} ({said or 'no column is known'})"
        if ANSWER.get(task.kind, split) not in {*columns, split}:
            rows += "; not labelled: agreement with its own expert, and no accuracy"
        print(f"{visible(task.name)}: {task.kind}, {head}; {visible(rows)}")
