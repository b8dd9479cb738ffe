"""What transformers says of a model's class: names in memory, ties, layouts, what it ignores."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import torch

from studio.checkpoints.checkpoint import Checkpoint
from studio.checkpoints.stored_names import unwrapped

# Written by many releases and read by none of today's, whatever the class.
_BUFFERS = (
    r"(^|\.)position_ids$", r"rotary_emb\.inv_freq$", r"(^|\.)rotary_emb\.(cos|sin)_cached$",
    r"(^|\.)attn\.(bias|masked_bias)$", r"(^|\.)attention\.(bias|masked_bias)$",
)  # fmt: skip
_MOST = 10_000  # of anything that a configuration counts and that a model is built of one by one
_COUNTED = re.compile(r"(layers?|blocks?|depths?|experts?|stages?)$")


@dataclass(frozen=True)
class Fusion:
    """Where a stored tensor goes that a class puts together with others.

    Attributes:
        own: the class's name of the whole.
        part: which of the parts it belongs to.
        parts: how many there are.
        operations: how they are put together, each with the dimension that it works along.
    """

    own: str
    part: int
    parts: int
    operations: tuple[tuple[str, int | None], ...]


@dataclass(frozen=True, eq=False)
class Architecture:
    """A model's class as transformers builds it from a configuration, without any weights.

    Attributes:
        model_class: name of the class.
        prefix: what stands before the names of its body, with a dot; empty if it is a body.
        shapes: of what it holds in memory, by name; tied names too.
        ties: ``{name: name of the tensor that it is}``.
        turned: weights that are stored as ``(in, out)``, as GPT-2's are, and stacks of such.
        heads: first parts of names outside the body.
        modules: class of every module, by path.
        ignored: pattern of stored names that the class reads no longer.
        settings: its configuration, completed with the class's defaults.
        vocabulary: its names of tensors that have a row per token.
    """

    model_class: str
    prefix: str
    shapes: Mapping[str, tuple[int, ...]]
    ties: Mapping[str, str]
    turned: frozenset[str]
    heads: frozenset[str]
    modules: Mapping[str, str]
    ignored: re.Pattern
    settings: Mapping[str, Any]
    vocabulary: frozenset[str]
    _renamings: tuple[Any, ...]
    _converters: tuple[Any, ...]

    def name(self, stored: str) -> str:
        """The name in memory of a stored tensor, as far as it is only renamed.

        Tensors that transformers puts together, such as experts, keep names of their own.
        """
        from transformers.core_model_loading import apply_renamings

        return apply_renamings(unwrapped(stored), list(self._renamings))

    def own(self, name: str) -> str | None:
        """The class's own name of a tensor that may lack, or have, the prefix of its body."""
        found = (name, self.prefix + name, name.removeprefix(self.prefix))
        return next((each for each in found if each in self.shapes), None)

    def group(self, own: str) -> set[str]:
        """The class's names that are tied to one of its own, with itself; empty if none is."""
        source = self.ties.get(own, own)
        found = {name for name, each in self.ties.items() if each == source}
        return found | {source} if found else set()

    def reads(self, name: str) -> bool:
        """Whether the class reads a tensor of this name, whole or as a part of another one."""
        from transformers.core_model_loading import apply_converters

        if self.own(name) is not None:
            return True
        return apply_converters(name, list(self._converters))[1] is not None

    def fusion(self, name: str) -> Fusion | None:
        """Where a tensor goes that the class puts together with others; None for any other."""
        for each in self._converters:
            whole, pattern = each.rename_source_key(name)
            if pattern is None:
                continue
            own = self.own(whole)
            done = tuple((type(op).__name__, getattr(op, "dim", None)) for op in each.operations)
            patterns = list(each.source_patterns)
            return Fusion(own, patterns.index(pattern), len(patterns), done) if own else None
        return None

    @property
    def puts_together(self) -> bool:
        """Whether the class puts stored tensors together, such as experts."""
        return bool(self._converters)

    def ignores(self, name: str) -> bool:
        """Whether the class leaves a stored tensor aside without a word, as old buffers are."""
        return bool(self.ignored.search(name)) and self.own(name) is None

    def lacks(self, name: str) -> bool:
        """Whether the class has no tensor of this name, and none in other layers either."""
        return not self.reads(name) and _without_numbers(name) not in self._patterns

    @cached_property
    def _patterns(self) -> set[str]:
        bodies = {name.removeprefix(self.prefix) for name in self.shapes}
        return {_without_numbers(name) for name in {*self.shapes, *bodies}}


def _without_numbers(name: str) -> str:
    return re.sub(r"\d+", "#", name)


def architecture_of(checkpoint: Checkpoint) -> Architecture | None:
    """The class that a full model's ``config.json`` names; None if transformers knows none.

    No code of the folder is run, and nothing is fetched.
    """
    config = checkpoint.config
    if not isinstance(config.get("model_type"), str) or _too_large(config):
        return None
    return _built(json.dumps(config, sort_keys=True))


def turned(base: Checkpoint, name: str) -> bool | None:
    """Whether a base stores a weight as (in, out), by its class; else as far as shapes tell."""
    architecture = architecture_of(base)
    own = architecture.own(architecture.name(name)) if architecture else None
    if architecture is None or own is None:
        return base.turned
    return own in architecture.turned


def is_embedding(base: Checkpoint, name: str) -> bool:
    """Whether a base's weight is an embedding by its class."""
    architecture = architecture_of(base)
    own = architecture.own(architecture.name(name)) if architecture else None
    if architecture is None or own is None:
        return False
    return architecture.modules.get(own.rpartition(".")[0], "").endswith("Embedding")


@lru_cache(maxsize=32)
def _built(text: str) -> Architecture | None:
    import transformers

    content = json.loads(text)
    kind = content.pop("model_type")
    content.pop("quantization_config", None)
    content.pop("auto_map", None)
    try:
        config = transformers.AutoConfig.for_model(kind, **content)
        named = (content.get("architectures") or [""])[0]
        model_class = getattr(transformers, str(named), None)
        with torch.device("meta"):
            if isinstance(model_class, type) and issubclass(
                model_class, transformers.PreTrainedModel
            ):
                model = model_class._from_config(config)
            else:
                model = transformers.AutoModel.from_config(config)
    except Exception:  # transformers raises whatever its config classes raise
        return None
    return _described(model)


def _described(model: Any) -> Architecture:
    from transformers.conversion_mapping import get_model_conversion_mapping
    from transformers.core_model_loading import WeightConverter, WeightRenaming
    from transformers.pytorch_utils import Conv1D

    shapes = {name: tuple(each.shape) for name, each in model.state_dict().items()}
    prefix = f"{model.base_model_prefix}."
    if not any(name.startswith(prefix) for name in shapes):
        prefix = ""
    modules = {path: type(each).__name__ for path, each in model.named_modules()}
    turned = {f"{path}.weight" for path, each in model.named_modules() if isinstance(each, Conv1D)}
    turned |= {
        f"{path}.{name}"
        for path, each in model.named_modules()
        if getattr(each, "is_transposed", False) is True
        for name, value in each.named_parameters(recurse=False)
        if value.ndim == 3
    }
    output = model.get_output_embeddings() if hasattr(model, "get_output_embeddings") else None
    paths = {path for path, each in model.named_modules() if output is not None and each is output}
    ignored = [*_BUFFERS, *(getattr(model, "_keys_to_ignore_on_load_unexpected", None) or ())]
    conversions = get_model_conversion_mapping(model)
    return Architecture(
        type(model).__name__,
        prefix,
        shapes,
        dict(getattr(model, "all_tied_weights_keys", None) or {}),
        frozenset(turned),
        frozenset(path.split(".")[0] for path in paths),
        modules,
        re.compile("|".join(f"(?:{each})" for each in ignored)),
        model.config.to_dict(),
        _vocabulary(model, shapes, prefix),
        tuple(each for each in conversions if isinstance(each, WeightRenaming)),
        tuple(each for each in conversions if isinstance(each, WeightConverter)),
    )


def _vocabulary(model: Any, shapes: Mapping[str, tuple[int, ...]], prefix: str) -> frozenset[str]:
    """Names of what has a row per token: embeddings of tokens, output layers, their biases."""
    from transformers import PreTrainedModel

    parts = [each for each in model.modules() if isinstance(each, PreTrainedModel)]
    inputs = {id(found) for each in parts if (found := _asked(each.get_input_embeddings))}
    outputs = {id(found) for each in parts if (found := _asked(each.get_output_embeddings))}
    modules = list(model.named_modules(remove_duplicate=False))
    embeddings = {
        f"{path}.weight"
        for path, each in modules
        if id(each) in inputs and type(each).__name__.endswith("Embedding")
    }
    heights = {shapes[name][0] for name in embeddings & shapes.keys()}
    layers = {
        f"{path}.{part}" for path, each in modules if id(each) in outputs
        for part in ("weight", "bias")
    }  # fmt: skip
    found = {name for name in layers & shapes.keys() if shapes[name][0] in heights}
    biases = {(rows,) for rows in heights} | {(1, rows) for rows in heights}
    outside = {name for name in shapes if prefix and not name.startswith(prefix)}
    found |= {name for name in outside if shapes[name] in biases}
    return frozenset(found | (embeddings & shapes.keys()))


def _asked(ask: Any) -> Any:
    try:
        return ask()
    except (NotImplementedError, AttributeError):  # a model without embeddings of tokens
        return None


def _too_large(config: Any, key: str = "") -> bool:
    """Whether a configuration counts more of something than anybody builds."""
    if isinstance(config, Mapping):
        return any(_too_large(value, str(name)) for name, value in config.items())
    if isinstance(config, list):
        return len(config) > _MOST or any(_too_large(value, key) for value in config)
    return isinstance(config, int) and bool(_COUNTED.search(key)) and abs(config) > _MOST
