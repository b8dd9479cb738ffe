"""What a recipe would do: pre-flight, cosines before and after, order, residual, tensors."""

from collections.abc import Callable, Mapping, Sequence

import torch

from studio.checkpoints.deltas import Deltas, DerivedDeltas
from studio.checkpoints.no_change import refuse_copies, refuse_zero
from studio.checkpoints.quantized import base_notes
from studio.checkpoints.vectors import Vectors
from studio.errors import StudioError
from studio.geometry.conflict_report import by_layer, largest, report
from studio.geometry.gram import Beside, Gram, gram
from studio.geometry.hidden_directions import (
    Side,
    compared,
    hidden_width,
    random_side,
    side_of,
    turned,
)
from studio.geometry.maps import Directions, joint
from studio.geometry.order import Orders, order_sensitivity, reorder, sentence
from studio.geometry.orthogonal import SMALLEST_SHARE, Basis, residual_shares
from studio.geometry.prospects import prospect, reasons_of
from studio.geometry.random_deltas import random_deltas
from studio.merge import Merge
from studio.methods import method
from studio.methods.after import changes_of, counts_of, parted
from studio.methods.whole import Entries
from studio.parallel import in_order
from studio.progress import Progress, part, silent


def refuse_no_components(merge: Merge) -> None:
    """Refuse a method that forms one change of all tasks.

    Raises:
        StudioError: it has no component per task.
    """
    if not merge.method.has_components:
        raise StudioError(
            f"{merge.method.title} forms one merged change of all tasks and no component per "
            "task. Choose a method with components, such as mdm_oc or ties."
        )


def components_gram(merge: Merge, progress: Progress = silent) -> Gram:
    """Inner products of the components, measured by streaming them."""
    refuse_no_components(merge)
    return gram(merge.vectors, merge.basis.rows, progress)


def joint_gram(merge: Merge) -> Gram:
    """Inner products of the deltas followed by their components, ``(T, 2n, 2n)``, for maps."""
    refuse_no_components(merge)
    if not merge.method.derives:
        return joint(merge.gram, merge.basis)
    n = len(merge.deltas)
    beside = gram(DerivedDeltas(merge.deltas, lambda raw: Beside(raw, merge.vectors.at(raw.name))))
    rows = merge.basis.rows  # (T or 1, n, n)
    both = torch.zeros(len(rows), 2 * n, 2 * n, dtype=torch.float64)
    both[:, :n, :n], both[:, n:, n:] = torch.eye(n, dtype=torch.float64), rows
    return beside.combined(both)


def tensor_vectors(merge: Merge, name: str) -> tuple[torch.Tensor, torch.Tensor]:
    """``(n, numel)`` deltas of one tensor, and its components, in float32 or the deltas' dtype."""
    refuse_no_components(merge)
    t, rows = merge.deltas.names.index(name), merge.basis.rows
    raw, made = (
        _stacked(each.at(name), len(merge.deltas), each.dtype)
        for each in (merge.deltas, merge.vectors)
    )
    return raw, rows[t % len(rows)].to(made.dtype) @ made


def hidden_directions(
    merge: Merge, progress: Progress = silent
) -> tuple[Directions, Directions] | None:
    """What tasks do in the hidden space, before and after, and the same in random directions.

    None of a model without one width that most of its matrices share. One matrix of all tasks is
    held at a time.
    """
    shapes = {name: merge.deltas.at(name).shape for name in merge.deltas.names}
    width = hidden_width(shapes)
    seed = merge.recipe.seed % 2**63
    pairs: list[tuple[Side, Side]] = []
    for k, (name, shape) in enumerate(shapes.items()):
        reads = turned(name, shape, width) if width else None
        progress(k / len(shapes), f"directions of {name}")
        if reads is None:
            continue
        for task, *vectors in zip(merge.deltas.tasks, *tensor_vectors(merge, name), strict=True):
            drawn = torch.Generator().manual_seed(seed)
            before, after = (side_of(task, name, x.view(shape), reads, drawn) for x in vectors)
            pairs += [(before, after)] if before and after else []
    if len(pairs) < 2:
        return None
    drawn = torch.Generator().manual_seed(seed)
    random = [random_side(before, drawn) for before, _ in pairs]
    own = compared([x for x, _ in pairs], [x for _, x in pairs])
    return own, compared(random, random)


def _stacked(tensor: Vectors, n: int, dtype: torch.dtype) -> torch.Tensor:
    found = torch.zeros(n, tensor.numel, dtype=dtype)
    for task, there in enumerate(tensor.present):
        delta = tensor.delta(task, 0, tensor.numel, dtype) if there else None
        if delta is not None:
            found[task] = delta
    return found


def random_joint_gram(merge: Merge) -> Gram:
    """As ``joint_gram``, of random deltas with the same norms in every tensor.

    Raises:
        StudioError: the method forms its components from more than inner products.
    """
    if merge.method.derives:
        raise StudioError(
            "Random deltas are drawn as inner products, and this method forms its components from "
            "the elements of the deltas themselves. Choose a method of whole deltas for this map."
        )
    sizes = tuple(merge.base.weights.entries[name].numel for name in merge.deltas.names)
    drawn = random_deltas(merge.gram, sizes, merge.recipe.seed)
    return joint(drawn, _components(merge)(drawn))


def orders(merge: Merge) -> Orders | None:
    """The components in other orders of arrival; None if there is no algebra of whole deltas."""
    if not merge.method.ordered or merge.method.derives:
        return None
    return reorder(merge.gram, _components(merge), merge.recipe.seed)


def _components(merge: Merge) -> Callable[[Gram], Basis]:
    """The method's components of whole deltas that are known by their inner products alone."""
    n = len(merge.deltas)
    return lambda gram: merge.method.components(
        n, lambda rows=None: gram if rows is None else gram.combined(rows)
    )


def rotations(merge: Merge) -> list[dict] | None:
    """How the method turns each tensor, see ``LayerRotation``; None if it turns none."""
    found = merge.method.rotations(merge.given)
    return None if found is None else [layer.plain() for layer in found]


def inspect(
    merge: Merge,
    progress: Progress = silent,
    allow_duplicates: bool = False,
    overlaps: bool = False,
) -> dict:
    """What a recipe would do: pre-flight, cosines before and after, order, residual, tensors.

    Args:
        merge: of the recipe.
        progress: told the share done; may raise to give up.
        allow_duplicates: accept equal checkpoints and zero deltas.
        overlaps: also measure sign conflict and subspace overlap, which takes a pass over all
            deltas and a decomposition of every matrix.

    Raises:
        StudioError: the recipe cannot be merged.
    """
    if not allow_duplicates:
        refuse_copies(merge.deltas)
        refuse_zero(merge.deltas)
    _ = merge.mixing  # refuses what the method cannot merge
    measured = None
    if merge.method.has_components:
        measured = components_gram(merge, part(progress, 0.0, 0.3 if overlaps else 1.0))
    reasons = reasons_of(merge.deltas, merge.gram)
    found = {
        "tasks": list(merge.deltas.tasks),
        "method": merge.recipe.method,
        "base_notes": list(base_notes(merge.base)),
        "checkpoints": checkpoint_summaries(merge.deltas),
        "warnings": warnings(merge.gram),
        "prospect": prospect(len(merge.deltas), reasons),
        "reasons": list(reasons),
        "cosine_before": merge.gram.cosine().tolist(),
        "cosine_after": measured and merge.basis.weighed(measured).cosine().tolist(),
        "residual": measured and merge.residual(measured),
        "layers_weighed_alike": merge.basis.scales is not None,
        "norms": merge.gram.total().diagonal().sqrt().tolist(),
        "order": _order(merge),
        "tensors": {name: _tensor(merge, t) for t, name in enumerate(merge.deltas.names)},
    }
    if (turned := rotations(merge)) is not None:
        found["rotations"] = turned
    if overlaps:
        _add_overlaps(found, merge.deltas, part(progress, 0.3, 1.0))
        for name, counted in counted_directions(merge).items():
            found["tensors"][name]["counted"] = counted
    return found


def checkpoint_summaries(
    deltas: Deltas, notes: Mapping[str, Sequence[str]] | None = None
) -> list[dict]:
    """What will happen to each checkpoint, from its headers: one mapping per task.

    Args:
        deltas: of the checkpoints.
        notes: what else is known of tasks, a sentence each.
    """
    entries = deltas.base.weights.entries
    rows = []
    for task, checkpoint, join in zip(deltas.tasks, deltas.checkpoints, deltas.joins, strict=True):
        rows.append(
            {
                "task": task,
                "folder": str(checkpoint.folder),
                "kind": checkpoint.kind,
                "rank": checkpoint.adapter.rank if checkpoint.adapter else None,
                "tensors": len(join.shared),
                "parameters": sum(entries[name].numel for name in join.shared),
                "prefix": join.prefix,
                "private": sorted(join.private),
                "notes": [*checkpoint.notes, *join.notes, *(notes or {}).get(task, ())],
                "digest": checkpoint.known_digest,
            }
        )
    return rows


def warnings(gram: Gram) -> list[str]:
    """Sentences on tasks that add little of their own in the order they stand in."""
    found = []
    for i in range(1, len(gram.tasks)):
        earlier = gram.total()[: i + 1, : i + 1]
        share = float(residual_shares(earlier)[-1])
        other = gram.tasks[int(gram.cosine()[i, :i].abs().argmax())]
        if share < SMALLEST_SHARE:
            found.append(
                f"'{gram.tasks[i]}' is almost a copy of '{other}' or of a combination of earlier "
                f"tasks: {share:.1e} of its squared norm is its own. Orthogonal methods refuse it."
            )
        elif share < 0.5:
            found.append(
                f"Only {share:.1%} of the squared norm of '{gram.tasks[i]}' is new after "
                f"'{other}' and the tasks before it; to methods that make tasks orthogonal their "
                "order matters."
            )
    return found


def order_words(merge: Merge, others: Orders | None) -> str:
    """One sentence on how much the order of the tasks matters."""
    if others is None and merge.method.ordered:
        return (
            f"Order: it matters here ({merge.method.first_come}), but how much is measured for "
            "whole deltas only."
        )
    return sentence(others and order_sensitivity(merge.gram, others, merge.coefficients))


def _add_overlaps(found: dict, deltas: Deltas, progress: Progress) -> None:
    """Sign conflict and subspace overlap: by tensor, by layer, and the largest overlaps."""
    reports = report(deltas, progress)
    for name, each in reports.items():
        found["tensors"][name] |= each.plain()
    found["layers"] = by_layer(reports)
    sides = ("columns", "rows")
    found["largest_overlap"] = {side: largest(reports, deltas.tasks, side) for side in sides}


def counted_directions(merge: Merge, most: int = 8) -> dict[str, dict]:
    """How often a merge counts the leading directions that its tasks share, before any ``svc``.

    Args:
        merge: of the recipe.
        most: directions per matrix, the longest first.

    Returns:
        Per matrix that some task changes: tasks, lengths (singular values of what is added), and
        per direction and task how often it is counted for every once that the task asks for it;
        and per direction how often in all, see ``Counted``.
    """
    recipe = merge.recipe
    changes = changes_of(method(recipe.method, parted(recipe.options)[0]), merge.given)

    def of(name: str) -> dict | None:
        weights = merge.given.weights(name)
        entries = Entries(merge.deltas.at(name), weights, merge.deltas.dtype)
        if not entries.is_matrix or not entries.present:
            return None
        made = counts_of(entries, changes(name))
        return {
            "tasks": [merge.deltas.tasks[task] for task in entries.present],
            "lengths": made.s[:most].tolist(),
            "times": made.times[:most].tolist(),
            "often": made.often[:most].tolist(),
        }

    found = in_order(of, merge.deltas.names)
    return {name: each for name, each in zip(merge.deltas.names, found, strict=True) if each}


def _order(merge: Merge) -> dict:
    values = merge.coefficients  # refused alike, whatever the method
    others = orders(merge)
    found = {"ordered": merge.method.ordered, "words": order_words(merge, others)}
    if others is not None:
        found |= order_sensitivity(merge.gram, others, values).plain()
    return found


def _tensor(merge: Merge, t: int) -> dict:
    """What is known of one tensor from headers and inner products."""
    deltas, name = merge.deltas, merge.deltas.names[t]
    entry = merge.base.weights.entries[name]
    norms = merge.gram.blocks[t].diagonal().clamp(min=0).sqrt().tolist()
    changed = {
        task: norm
        for task, join, norm in zip(deltas.tasks, deltas.joins, norms, strict=True)
        if name in join.shared
    }
    return {
        "shape": list(entry.shape),
        "dtype": entry.code,
        "tasks": list(changed),
        "norms": changed,
    }
