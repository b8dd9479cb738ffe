"""What no certificate is written for: cases in which what is taken out is in the result still."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from studio.checkpoints.checkpoint import Checkpoint
from studio.errors import BadRecipe
from studio.evidence.ledger.lineage import Lineage, held_in
from studio.evidence.measures import Measures
from studio.evidence.rebuild import rebuilt_root, why_not_apart
from studio.evidence.shares import SAME_CHANGE
from studio.evidence.unmerge import Unmerging
from studio.merge import Merge
from studio.tasks.task import Task


def refuse_uncheckable(unmerged: Unmerging) -> None:
    """Refuse a method that a separate process cannot rebuild."""
    if reason := why_not_apart(unmerged.never):
        raise BadRecipe(
            f"{reason} Nobody could check a certificate of it. Unmerge without one, or certify a "
            "method that needs no data."
        )


def refuse_still_there(unmerged: Unmerging, full: Merge, result: Merge, lineage: Lineage) -> None:
    """Refuse to call a checkpoint removed that is merged by another name, folder or export."""
    if unmerged.mode != "exact":
        return
    tasks = zip(result.deltas.tasks, result.deltas.checkpoints, strict=True)
    sources = (("The base", result.base), *((f"'{n}'", c) for n, c in tasks))
    gone = {full.deltas.checkpoints[i].weights.root: i for i in _places(full, unmerged)}
    for name, source in sources:
        if source.weights.root in gone:
            old = full.deltas.tasks[gone[source.weights.root]]
            raise BadRecipe(
                f"{name} has the weights of the checkpoint '{old}' that is taken out, so it "
                "would still be merged. Take both out, or give a checkpoint that differs."
            )
    digests = {full.deltas.checkpoints[i].digest: i for i in _places(full, unmerged)}
    for name, source in sources:
        if inside := held_in(source, lineage) & digests.keys():
            old = ", ".join(full.deltas.tasks[digests[each]] for each in sorted(inside))
            raise BadRecipe(
                f"{name} was merged from '{old}', by the log or its own record, so what is taken "
                "out would still be in the result. Take it out as well, or merge that model anew."
            )


def refuse_same_change(found: Measures) -> None:
    """Refuse to call a checkpoint removed whose change of the base is merged still."""
    for share in found.shares if found.unmerged.mode == "exact" else ():
        if share.left < SAME_CHANGE:
            continue
        them = "them" if share.several else "it"
        what = f"{share.share_words} of what '{share.task}' changes, which is taken out, is still "
        what += f"merged: it lies in what {share.by} change{'s' * (not share.several)}."
        if share.in_result:
            what = f"{share.share_words} of what '{share.task}' changes, which is taken out, is in "
            what += f"the result: its coefficients bring it out of what {share.by} change."
        if share.of_kept:
            what = f"What {share.by} changes is made of what {share.task} change."
        raise BadRecipe(f"{what} Take {them} out as well, or give a checkpoint that differs.")


def refuse_no_difference(full: Merge, root: str) -> None:
    """Refuse an unmerge whose result is the model with the task, bit for bit."""
    if rebuilt_root(full) == root:
        raise BadRecipe(
            "The result has the same weights as the model before, so nothing was removed: what is "
            "taken out had no part in it, or is still merged in another form. Where its "
            "coefficient is 0, leave it out of the recipe: the weights stay the same."
        )


def refuse_their_heads(
    full: Merge, unmerged: Unmerging, written: Sequence[Task], of_zoo: Sequence[Task]
) -> None:
    """Refuse heads beside the weights that are those of what is taken out, by their content.

    Args:
        full: the merge with the removed tasks, whose private tensors are compared.
        unmerged: what is taken out.
        written: tasks whose heads lie in the folder.
        of_zoo: all tasks, with the head files that the zoo names.

    Raises:
        BadRecipe: a tensor of one is a removed task's own, and not the base's either.
    """
    if unmerged.mode != "exact":
        return
    theirs = [(n, x.float()) for n in unmerged.removed for x in full.deltas.private(n).values()]
    gone = [task for task in of_zoo if task.name in unmerged.removed]
    theirs += [(task.name, each) for task in gone for each in _tensors(task)]
    for task in written:
        for each in _tensors(task):
            old = next((name for name, x in theirs if _same(each, x)), None)
            if old is not None and not _is_of_base(full.base, each):
                raise BadRecipe(
                    f"The head of '{task.name}' that would lie beside the weights is that of the "
                    f"checkpoint '{old}', which is taken out, number for number. Give "
                    f"'{task.name}' a head of its own."
                )


def _tensors(task: Task) -> Iterator[Tensor]:
    """The tensors of a task's heads that say something: in one of equal numbers nothing is kept."""
    for head in (task.head, task.head_only):
        for each in head.tensors.values() if head else ():
            if each.numel() and bool((each != each.flatten()[0]).any()):
                yield each.float()


def _same(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.equal(one, other)


def _is_of_base(base: Checkpoint, tensor: Tensor) -> bool:
    """Whether the base has these numbers, in some tensor: then they tell of no task."""
    names = (n for n, each in base.weights.entries.items() if each.shape == tuple(tensor.shape))
    return any(_same(base.tensor(name).float(), tensor) for name in names)


def _places(full: Merge, unmerged: Unmerging) -> list[int]:
    return [full.deltas.tasks.index(name) for name in unmerged.removed]
