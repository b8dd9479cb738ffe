"""A recipe of the studio as a configuration of mergekit, where its methods say the same."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import yaml
from torch import Tensor

from studio.checkpoints.deltas import Deltas
from studio.checkpoints.lora import CONFIG_FILE
from studio.disk.files import source_folder
from studio.errors import BadRecipe, StudioError
from studio.methods import method
from studio.methods.after import parted
from studio.methods.contract import Method
from studio.methods.mergekit.filters import setting_of
from studio.methods.mergekit.reference import Reference
from studio.methods.mergekit.writings import FIRST, NOTHING, WRITINGS, Written
from studio.recipe import KEEP_BASE, MIXTURE, Coefficient, GroupedCoefficient, Recipe

UNSEEN = (
    "The checkpoints were not looked at, so that each is taken for a full model, and dtypes are "
    "left to mergekit, which then computes in the stored one."
)


@dataclass(frozen=True)
class Opened:
    """What is asked of an opened merge.

    Attributes:
        deltas: of the recipe's tasks.
        mixing: computes ``(T, n)``, the coefficients of the raw deltas.
    """

    deltas: Deltas
    mixing: Callable[[], Tensor]


def configuration_of(recipe: Recipe, opened: Callable[[], Opened]) -> tuple[str, tuple[str, ...]]:
    """The text of a configuration that mergekit merges to the recipe's model, and notes.

    Args:
        recipe: to write.
        opened: opens its checkpoints; what it refuses is refused here only if values depend on
            the tensor, or must be computed.

    Raises:
        BadRecipe: mergekit has no method that says the same, by name.
        StudioError: the checkpoints are needed, and cannot be opened.
    """
    chosen = method(recipe.method, recipe.options)
    if not recipe.tasks:
        raise BadRecipe("The recipe has no tasks; mergekit merges at least one model.")
    merge, problem = _tried(opened)
    _refuse_statistics(recipe, merge)
    written = _written(recipe, chosen, merge, problem)
    models = _models(recipe, merge)
    plain: dict = {"merge_method": written.method}
    if written.base != NOTHING:
        base = models[0] if written.base == FIRST else Reference(recipe.base).plain()
        plain["base_model"] = base
    plain["models"] = [
        {"model": model} | ({"parameters": own} if own else {})
        for model, own in zip(models, written.own, strict=True)
    ]
    if written.shared:
        plain["parameters"] = dict(written.shared)
    plain |= _dtypes(recipe, merge)
    text = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, default_flow_style=None)
    return text, (*written.notes, *([] if merge else [UNSEEN]))


def _tried(opened: Callable[[], Opened]) -> tuple[Opened | None, StudioError | None]:
    try:
        return opened(), None
    except StudioError as problem:
        return None, problem


def _refuse_statistics(recipe: Recipe, merge: Opened | None) -> None:
    if recipe.heads:
        raise BadRecipe(
            "The recipe refits heads on rows, which mergekit cannot do. Leave 'heads' out."
        )
    if recipe.calibrate:
        raise BadRecipe(
            "The mix is calibrated on rows, which mergekit cannot do. Leave 'calibrate' out."
        )
    if recipe.batch_norm not in (MIXTURE, KEEP_BASE) or (merge and merge.deltas.statistics):
        raise BadRecipe(
            "The merge has running statistics of batch normalization of its own, which mergekit "
            "does not form."
        )


def _written(
    recipe: Recipe, chosen: Method, merge: Opened | None, problem: StudioError | None
) -> Written:
    after = parted(recipe.options)[1]
    write = None if after else WRITINGS.get(recipe.method)
    usual = chosen.default_coefficient
    given = [usual if each.coefficient is None else each.coefficient for each in recipe.tasks]
    grouped = any(isinstance(each, GroupedCoefficient) for each in given)
    if merge is None and (grouped or write is None) and problem is not None:
        raise problem
    found = write(chosen, _by_tensor(given, merge)) if write else None
    if found is not None:
        return found
    if chosen.derives:
        raise BadRecipe(
            f"{recipe.method} with these options has no method of mergekit that says the same; "
            f"{', '.join(WRITINGS)} and methods that mix whole deltas have."
        )
    if merge is None:
        assert problem is not None
        raise problem
    return _mixed(recipe, merge)


def _by_tensor(given: Sequence[Coefficient], merge: Opened | None) -> list[Mapping[str, float]]:
    """Per task, its coefficient by tensor; under the empty name where names do not matter."""
    if merge is None or not any(isinstance(each, GroupedCoefficient) for each in given):
        return [{"": each} for each in given if not isinstance(each, GroupedCoefficient)]
    return [
        {
            name: each.of(name) if isinstance(each, GroupedCoefficient) else each
            for name in merge.deltas.names
        }
        for each in given
    ]


def _mixed(recipe: Recipe, merge: Opened) -> Written:
    """Any combination of whole deltas is task arithmetic with the numbers that it leads to."""
    names, columns = merge.deltas.names, merge.mixing().T.tolist()
    own = [{"weight": setting_of(dict(zip(names, each, strict=True)))} for each in columns]
    note = (
        f"The weights are what {recipe.method} makes of these checkpoints; without one of them "
        "they would be others, so unmerge here and convert again."
    )
    return Written("task_arithmetic", own, {"normalize": False}, (note,))


def _models(recipe: Recipe, merge: Opened | None) -> list[str | Mapping[str, object]]:
    """Checkpoints as mergekit calls them; an adapter stands behind its base."""
    if merge is not None:
        worn = [bool(each.adapter) for each in merge.deltas.checkpoints]
    else:
        worn = [_is_adapter(task.checkpoint) for task in recipe.tasks]
    return [
        (Reference(recipe.base, task.checkpoint) if adapter else Reference(task.checkpoint)).plain()
        for task, adapter in zip(recipe.tasks, worn, strict=True)
    ]


def _is_adapter(checkpoint: str) -> bool:
    try:
        return (source_folder(checkpoint) / CONFIG_FILE).is_file()
    except StudioError:
        return False


def _dtypes(recipe: Recipe, merge: Opened | None) -> dict[str, str]:
    """What to compute in, and what to write."""
    target = recipe.dtype
    if target is None and merge is not None:
        entries = merge.deltas.base.weights.entries.values()
        found = [str(e.dtype).removeprefix("torch.") for e in entries if e.floating]
        target = max(found, key=found.count, default=None)
    if target is None:
        return {}
    return {"dtype": "float64" if target == "float64" else "float32", "out_dtype": target}
