"""A checkpoint's own tensors in the class that they are of, or why they do not fit it."""

import json
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from studio.checkpoints.architecture import architecture_of
from studio.checkpoints.checkpoint import Checkpoint
from studio.checkpoints.names import PRETRAINING
from studio.errors import BadData, some
from studio.tasks.heads import LinearHead
from studio.tasks.own_class import OwnHead, body_of, built, labels_of

_CHOOSES = (None, "single_label_classification")
_BY_OPTION = "ForMultipleChoice"  # which gives one number, of each option of a row


def own_head(
    task: str,
    model_class: str,
    config: Mapping[str, Any],
    private: Mapping[str, Tensor],
    base: Checkpoint,
    beside: str = "",
) -> OwnHead:
    """A task's own tensors in the class that they are of.

    Args:
        task: its name.
        model_class: name of transformers' class.
        config: of the checkpoint; an adapter's, its base's.
        private: the checkpoint's tensors that are not merged.
        base: of the zoo.
        beside: words on a full model that lies beside an adapter.

    Raises:
        BadData: the tensors are not those of the class, or it does not choose between labels.
    """
    where = f"'{task}': {model_class}"
    model = _fitting(model_class, config, private)
    if model is None:
        raise BadData(f"{where} cannot be built from the checkpoint's config.json.")
    written = json.loads(json.dumps(model.config.to_dict(), default=str))  # as in config.json
    chooses = labels_of(written) > 1 and model.config.problem_type in _CHOOSES
    if not chooses and not model_class.endswith(_BY_OPTION):
        kind = model.config.problem_type or "one number"
        raise BadData(f"{where} answers with {kind}; scored is the choice of one label.")
    body, shapes = body_of(model), {n: tuple(x.shape) for n, x in model.state_dict().items()}
    named = {name: _named(name, shapes, body) for name in private}
    missing = _missing(model, body, shapes, {each for each in named.values() if each}, base)
    if missing:
        raise BadData(
            f"{where} needs {some(missing, 3)}, which neither the base nor the checkpoint holds: "
            "drawn at random for the training and not saved, or of another class, so its answers "
            "cannot be repeated. Train an adapter with that module among its modules_to_save, name "
            f"the full model that it was merged into{beside}, or give the task a head file."
        )
    strange = [n for n, full in named.items() if not full and n.split(".")[0] not in PRETRAINING]
    if strange:
        words = some(sorted(strange), 3)
        raise BadData(f"{where} has no {words}, which the checkpoint keeps to itself.")
    tensors = {full: private[name].float() for name, full in named.items() if full}
    _refuse_unfit(where, tensors, shapes)
    return OwnHead(model_class, written, dict(sorted(tensors.items())))


def _refuse_unfit(
    where: str, tensors: Mapping[str, Tensor], shapes: Mapping[str, tuple[int, ...]]
) -> None:
    for name, tensor in tensors.items():
        if tuple(tensor.shape) != shapes[name]:
            found, wanted = tuple(tensor.shape), shapes[name]
            raise BadData(f"{where} has {name} of shape {wanted}, the checkpoint {found}.")
        if not bool(tensor.isfinite().all()):
            raise BadData(f"{where}: {name} holds values that are NaN or infinite.")


def _missing(
    model: Any, body: str, shapes: Mapping[str, object], own: set[str], base: Checkpoint
) -> list[str]:
    """Names of a class's that neither the base holds nor the checkpoint by itself."""
    inner = {n.removeprefix(f"{body}."): n for n in shapes if n.startswith(f"{body}.")}
    architecture = architecture_of(base)
    held = {architecture.name(n) if architecture else n for n in base.names}
    if architecture and architecture.puts_together:
        held |= {found.own for n in held if (found := architecture.fusion(n))}
    prefix = architecture.prefix if architecture else ""
    held |= {name.removeprefix(prefix) for name in held}
    ties = {*(getattr(model, "all_tied_weights_keys", None) or {})}
    outer = {n for n in shapes if not n.startswith(f"{body}.")}
    lacking = {n for n, full in inner.items() if n not in held and full not in held | own | ties}
    return sorted((outer - own) | lacking)


def as_own(
    model_class: str, config: Mapping[str, Any], head: LinearHead
) -> dict[str, Tensor] | None:
    """The tensors of a linear head by a class's own names; None if its head is none."""
    model = built(model_class, {**config, "num_labels": head.options})
    if model is None:
        return None
    body = body_of(model)
    own = [name for name in model.state_dict() if not name.startswith(f"{body}.")]
    layer = own[0].rpartition(".")[0] if own else ""
    if not layer or {*own} - {f"{layer}.weight", f"{layer}.bias"}:
        return None
    if f"{layer}.bias" not in own and bool(head.bias.any()):
        return None
    found = {f"{layer}.{name}": head.tensors[name] for name in (x.rpartition(".")[2] for x in own)}
    pooler = head.pooler or ()
    names = (f"{body}.pooler.dense.weight", f"{body}.pooler.dense.bias")
    return found | dict(zip(names, pooler, strict=False))


def _fitting(model_class: str, config: Mapping[str, Any], private: Mapping[str, Tensor]) -> Any:
    """The class with as many labels as its own tensors have; see ``_built``.

    An adapter's are not in a configuration, but its last layer has as many rows.
    """
    model = built(model_class, config)
    if model is None or "num_labels" in config or "id2label" in config:
        return model
    body = body_of(model)
    for count in sorted({len(x) for x in private.values() if x.ndim}):
        made = built(model_class, {**config, "num_labels": count})
        shapes = {n: tuple(x.shape) for n, x in made.state_dict().items()} if made else {}
        full = {_named(name, shapes, body): x for name, x in private.items()}
        if all(n is None or tuple(x.shape) == shapes[n] for n, x in full.items()):
            return made
    return model


def _named(name: str, shapes: Mapping[str, object], body: str) -> str | None:
    """A class's own name of a checkpoint's tensor, which may lack, or have, the body's prefix."""
    forms = name, f"{body}.{name}", name.removeprefix(f"{body}.")
    return next((each for each in forms if each in shapes), None)
