"""The architecture's own class for a task: its pooling, its layers, its answer, from one body.

A class of transformers for one task is a body with something behind it: a pooler, one layer or two,
a normalisation. Here it is built without weights, its body gives what the shared body has computed
already, and the checkpoint's own tensors are put into the rest. So the answer is transformers' own,
and the body runs once for the rows of all tasks.
"""

import copy
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from studio.errors import BadData

_NO_PADDING = -1  # the token of padding where a configuration names none; no token is called so


class _Given(nn.Module):
    """In place of a body: what a body has given before, through a pooler of the task's own."""

    def __init__(self, pooler: nn.Module | None = None) -> None:
        super().__init__()
        self.pooler = pooler
        self.given: Any = None
        self.asked: set[str] = set()

    @property
    def decoder(self) -> "_Given":
        """What classes such as OPT's call in place of their whole body."""
        return self

    def forward(self, *_: object, **inputs: object) -> Any:
        """What was given; keeps the names of what the body would have been called with."""
        self.asked = {name for name, each in inputs.items() if isinstance(each, Tensor)}
        if self.pooler is None:
            return self.given
        states = self.given.last_hidden_state
        linear = isinstance(self.pooler, nn.Linear)  # ALBERT's, of the first token
        pooled = self.pooler(states[:, 0]).tanh() if linear else self.pooler(states)
        return replace(self.given, pooler_output=pooled)


@dataclass(frozen=True, eq=False)
class OwnHead:
    """What a class has behind its body, with a task's own tensors in it.

    Attributes:
        model_class: name of transformers' class.
        config: of that class, as ``config.json`` has it.
        tensors: by the class's own names.
        order: for every label the place of its score; None if they stand in that order.
    """

    model_class: str
    config: Mapping[str, Any]
    tensors: Mapping[str, Tensor]
    order: tuple[int, ...] | None = None

    @property
    def about(self) -> str:
        """What reads the tensors."""
        return json.dumps([self.model_class, self.config, self.order], sort_keys=True)

    @property
    def options(self) -> int:
        """Labels that it chooses between."""
        return labels_of(self.config)

    def reordered(self, order: Sequence[int]) -> "OwnHead":
        """The head whose label ``i`` is this one's ``order[i]``."""
        before = self.order or range(self.options)
        return replace(self, order=tuple(before[place] for place in order))

    def named(self, labels: Sequence[str]) -> dict[str, Any]:
        """The configuration of the class, with its labels, if any, in its own order."""
        config = {**self.config, "architectures": [self.model_class]}
        if not labels:
            return config
        order = self.order or range(len(labels))
        names = {str(place): labels[i] for i, place in enumerate(order)}
        own: dict[str, dict] = {
            "id2label": dict(sorted(names.items(), key=lambda each: int(each[0])))
        }
        own["label2id"] = {name: int(place) for place, name in own["id2label"].items()}
        return config | own

    @property
    def body(self) -> str:
        """What stands before the names of the class's body, with a dot."""
        return f"{self._path}."

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Of all tensors of the class, its body's too, by its own names."""
        return {
            n: tuple(x.shape) for n, x in built(self.model_class, self.config).state_dict().items()
        }

    @cached_property
    def _path(self) -> str:
        return body_of(built(self.model_class, self.config))

    def logits(self, output: Any, inputs: Mapping[str, Tensor], rows: Tensor) -> Tensor:
        """``(m, …, options)`` scores of some rows.

        Args:
            output: of the body.
            inputs: that it was called with.
            rows: ``(m,)`` of the rows, in the batch.

        Raises:
            BadData: the class gives its body more than the shared body was given.
        """
        with self._lock:  # a page and a job may ask the same head
            found = answered(self._model, chosen(output, rows), self._inputs(inputs, rows))
            more = _given(self._model).asked - {*inputs}
        if more:
            raise BadData(
                f"{self.model_class} calls its body with {', '.join(sorted(more))} of its own "
                "making, which the body that all tasks share is not given, so its answers would be "
                "others. Leave the data of such tasks out to merge them without scores."
            )
        scores = found.logits.float()
        return scores if self.order is None else scores[..., list(self.order)]

    def _inputs(self, inputs: Mapping[str, Tensor], rows: Tensor) -> dict[str, Tensor]:
        """With padding called as the class calls it, which may look for the last token by it."""
        own = {name: each[rows.to(each.device)] for name, each in inputs.items()}
        if "input_ids" in own and "attention_mask" in own:
            padding = self._model.config.pad_token_id
            own["input_ids"] = own["input_ids"].masked_fill(own["attention_mask"] == 0, padding)
        return own

    @cached_property
    def _lock(self) -> threading.Lock:
        return threading.Lock()

    @cached_property
    def _model(self) -> Any:
        model = built(self.model_class, self.config)
        assert model is not None
        body = body_of(model)
        pooler = getattr(_at(model, body), "pooler", None)
        own = any(name.startswith(f"{body}.pooler.") for name in self.tensors)
        if own and isinstance(pooler, nn.Module):
            for name, _ in list(pooler.named_parameters()):
                _put(pooler, name, self.tensors[f"{body}.pooler.{name}"])
        model.set_submodule(body, _Given(pooler if own else None))
        for name in model.state_dict():
            if not name.startswith(f"{body}."):
                _put(model, name, self.tensors[name])
        if getattr(model.config, "pad_token_id", None) is None:
            model.config.pad_token_id = _NO_PADDING
        return model.eval()


def given_body(model: Any, path: str | None = None) -> Any:
    """A model that shares all layers with another one but its body: see ``answered``.

    Args:
        model: that it shares them with.
        path: of what is given; None for the body.
    """
    first, _, rest = (path or body_of(model)).partition(".")
    made = copy.copy(model)
    made._modules = dict(model._modules)
    made._modules[first] = given_body(model._modules[first], rest) if rest else _Given()
    return made


def answered(model: Any, output: Any, inputs: Mapping[str, Any], asked: str = "forward") -> Any:
    """What a model says whose body has given an output before.

    Args:
        model: of ``given_body``, or an ``OwnHead``'s.
        output: of the body.
        inputs: that the whole model is called with.
        asked: which of its functions.
    """
    given = _given(model)
    given.given = output
    device = output[0].device
    model.to(device)
    try:
        return getattr(model, asked)(**{name: x.to(device) for name, x in inputs.items()})
    finally:
        given.given = None


def _given(model: Any) -> _Given:
    return next(each for each in model.modules() if isinstance(each, _Given))


def chosen(output: Any, rows: Tensor) -> Any:
    """A body's output for some rows, in float32."""
    rows = rows.to(output[0].device)
    count = len(output[0])

    def part(value: Any) -> Any:
        if isinstance(value, Tensor) and value.ndim and len(value) == count:
            return value[rows].float() if value.is_floating_point() else value[rows]
        return value

    return type(output)(**{name: part(value) for name, value in output.items()})


def class_for(auto: str, config: Mapping[str, Any], named: str = "") -> str:
    """The name of transformers' class for a task; empty if it has none.

    Args:
        auto: name of one of transformers' auto classes, such as AutoModelForSequenceClassification.
        config: of the model.
        named: a class that a checkpoint names, which counts if it is of the task.
    """
    import transformers

    if named.endswith(auto.removeprefix("AutoModel")) and _class(named) is not None:
        return named
    try:
        own = transformers.AutoConfig.for_model(**_plain(config))
        known = getattr(transformers, auto)._model_mapping[type(own)]
    except (KeyError, ValueError, TypeError):
        return ""
    return (known[0] if isinstance(known, tuple) else known).__name__


def is_known(name: str) -> bool:
    """Whether transformers has a model class of a name."""
    return _class(name) is not None


def _class(name: str) -> Any:
    """A class of transformers by its name; None if it has none of that name. Runs no other code."""
    import transformers

    found = getattr(transformers, name, None) if name.isidentifier() else None
    of_models = isinstance(found, type) and issubclass(found, transformers.PreTrainedModel)
    return found if of_models else None


def _plain(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration without what transformers would want a quantizer or foreign code for."""
    return {k: v for k, v in config.items() if k not in ("quantization_config", "auto_map")}


def built(model_class: str, config: Mapping[str, Any]) -> Any:
    """A class on no weights; None if it cannot be built of a configuration."""
    found = _class(model_class)
    if found is None:
        return None
    try:
        plain = {k: v for k, v in _plain(config).items() if k != "model_type"}
        with torch.device("meta"):
            return found._from_config(found.config_class(**plain))
    except Exception:  # transformers raises whatever its config classes raise
        return None


def labels_of(config: Mapping[str, Any]) -> int:
    """How many labels a configuration has."""
    return len(config.get("id2label") or {}) or int(config.get("num_labels", 0))


def body_of(model: Any) -> str:
    """The path of a class's body: its prefix, or else the child that holds the most."""
    prefix = model.base_model_prefix
    if prefix in model._modules:
        return prefix
    sizes = {n: sum(p.numel() for p in child.parameters()) for n, child in model.named_children()}
    return max(sizes, key=lambda name: sizes[name])


def _at(model: nn.Module, path: str) -> nn.Module:
    return model.get_submodule(path)


def _put(model: nn.Module, name: str, values: Tensor) -> None:
    """Put values in place of a parameter or buffer that holds none."""
    path, _, own = name.rpartition(".")
    module = model.get_submodule(path)
    if own in module._parameters:
        module._parameters[own] = nn.Parameter(values, requires_grad=False)
    else:
        module._buffers[own] = values
