"""LoRA adapters as PEFT saves them: which options are understood, and the factors per tensor."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from torch import Tensor

from studio.checkpoints.low_rank import Dora, Factors
from studio.checkpoints.stored import Stored
from studio.disk.files import mapping
from studio.errors import BadCheckpoint, ShapeMismatch

WEIGHTS_FILE = "adapter_model.safetensors"
CONFIG_FILE = "adapter_config.json"
LARGEST_RANK = 4096
ROOT = "base_model.model."
_PARTS = {
    ".lora_A.weight": "a", ".lora_B.weight": "b",
    ".lora_embedding_A": "a", ".lora_embedding_B": "b",
    ".lora_magnitude_vector": "magnitude", ".lora_magnitude_vector.weight": "magnitude",
}  # fmt: skip
# Keys that say where an adapter was trained or how, or whose meaning its tensors show.
_HARMLESS = {
    "auto_mapping", "base_model_name_or_path", "bias", "ensure_weight_tying", "exclude_modules",
    "inference_mode", "layers_pattern", "layers_to_transform",
    "lora_dropout", "megatron_core", "modules_to_save", "peft_type", "peft_version",
    "qalora_group_size", "revision", "target_modules", "task_type",
}  # fmt: skip
_READ = {"r", "lora_alpha", "use_rslora", "rank_pattern", "alpha_pattern", "fan_in_fan_out",
         "use_dora"}  # fmt: skip
# Initializations that leave the base's weights alone; the others (PiSSA, LoftQ, …) change them.
_INITIALIZATIONS = (True, False, None, "gaussian", "orthogonal", "eva")
_NEUTRAL = (None, False, "none", 0, {}, [], "")
# PEFT reads patterns as regular expressions; module paths are looked up, and nothing is run.
_PATH = re.compile(r"\^?[\w-]+(\\?\.[\w-]+)*")


@dataclass(frozen=True)
class Patterns:
    """Values for modules whose path ends with a key, from a dot on; ``^`` asks for the whole path.

    Attributes:
        pairs: (key, value); the first whose key fits counts, as in PEFT.
    """

    pairs: tuple[tuple[str, float], ...] = ()

    def of(self, module: str, default: float) -> float:
        """The value for a module's path."""
        parts = module.split(".")
        ends = {".".join(parts[i:]) for i in range(len(parts))} | {f"^{module}"}
        places = [self._places[end] for end in ends if end in self._places]
        return self.pairs[min(places)][1] if places else default

    @cached_property
    def _places(self) -> dict[str, int]:
        keys = [key.replace("\\.", ".") for key, _ in self.pairs]
        return {key: place for place, key in reversed(list(enumerate(keys)))}


@dataclass(frozen=True)
class LoraConfig:
    """The options of a LoRA adapter that determine its delta.

    Attributes:
        rank: of modules that no pattern names.
        alpha: likewise.
        rank_pattern: of the modules that it names.
        alpha_pattern: likewise.
        rslora: whether the scale is alpha / sqrt(rank).
        fan_in_fan_out: whether weights are stored as (in, out), where their shape does not tell.
        dora: whether magnitudes are trained too.
    """

    rank: int
    alpha: float
    rank_pattern: Patterns = Patterns()
    alpha_pattern: Patterns = Patterns()
    rslora: bool = False
    fan_in_fan_out: bool = False
    dora: bool = False

    kind = "LoRA"
    part = "factors"

    @property
    def portable(self) -> bool:
        """Whether its dense delta has the same bits on every machine."""
        return not self.dora

    def rank_of(self, module: str) -> int:
        """Rank of a module's factors."""
        return int(self.rank_pattern.of(module, self.rank))

    def scale_of(self, module: str) -> float:
        """What B A is multiplied by (LoRA, Sec. 4.1: alpha / r; rsLoRA: alpha / sqrt(r))."""
        alpha, rank = self.alpha_pattern.of(module, self.alpha), self.rank_of(module)
        return alpha / math.sqrt(rank) if self.rslora else alpha / rank

    def plain(self) -> dict:
        """What a digest depends on: rank, alpha, and each other option that is used."""
        others = {
            "alpha_pattern": list(map(list, self.alpha_pattern.pairs)),
            "dora": self.dora,
            "fan_in_fan_out": self.fan_in_fan_out,
            "rank_pattern": list(map(list, self.rank_pattern.pairs)),
            "rslora": self.rslora,
        }
        used = {name: value for name, value in others.items() if value}
        return {"alpha": self.alpha, "kind": "lora", "rank": self.rank} | used


@dataclass(frozen=True)
class Module:
    """The stored names of one module's trained tensors.

    Attributes:
        path: of the module in the model that was trained.
        a: name of ``(rank, in)``; for an embedding ``(rank, entries)``.
        b: name of ``(out, rank)``.
        magnitude: name of DoRA's magnitudes, or None.
        embedding: whether it is an embedding, whose delta is ``(B A)^T``.
    """

    path: str
    a: str
    b: str
    magnitude: str | None
    embedding: bool

    @property
    def stored(self) -> tuple[str, ...]:
        """Names of its tensors."""
        return (self.a, self.b, self.magnitude) if self.magnitude else (self.a, self.b)


def read_config(file: Path, config: Mapping) -> LoraConfig:
    """Options of a LoRA adapter.

    Args:
        file: for words.
        config: what it holds.

    Raises:
        BadCheckpoint: it uses an option that is not understood.
    """
    used = [key for key, value in config.items() if not _understood(key, value)]
    if used:
        raise BadCheckpoint(
            f"{file}: the LoRA option {', '.join(f'{key}={config[key]!r}' for key in used)} "
            "is not supported; merge the adapter into its base and use the full model instead."
        )
    flags = {key: config.get(key) for key in ("use_rslora", "fan_in_fan_out", "use_dora")}
    for key, value in flags.items():
        if value is not None and not isinstance(value, bool):
            raise BadCheckpoint(f"{file}: {key} is {value!r}; it must be true or false.")
    rank, alpha = config.get("r"), config.get("lora_alpha")
    if not _is_rank(rank) or not _is_scale(alpha):
        raise BadCheckpoint(
            f"{file}: r={rank!r} and lora_alpha={alpha!r} are no rank (1 to {LARGEST_RANK}) and "
            "scale."
        )
    return LoraConfig(
        rank,  # type: ignore[arg-type]
        float(alpha),  # type: ignore[arg-type]
        _patterns(config.get("rank_pattern"), f"{file}: rank_pattern", _is_rank),
        _patterns(config.get("alpha_pattern"), f"{file}: alpha_pattern", _is_scale),
        *(bool(value) for value in flags.values()),
    )


def sort_names(
    names: tuple[str, ...], config: LoraConfig, folder: Path
) -> tuple[dict[str, Module], dict[str, str]]:
    """Sort an adapter's tensor names.

    Returns:
        Modules with factors by their path, and every other tensor, as {name in the model:
        stored name}.

    Raises:
        BadCheckpoint: a factor without its partner, magnitudes that the options do not announce,
            or a kind of tensor that is not understood.
    """
    parts: dict[str, dict[str, str]] = {}
    others: dict[str, str] = {}
    for name in names:
        plain = name.removeprefix(ROOT)
        suffix = next((suffix for suffix in _PARTS if name.endswith(suffix)), None)
        if suffix:
            found = parts.setdefault(plain.removesuffix(suffix), {})
            if _PARTS[suffix] in found:
                raise BadCheckpoint(f"{folder}: {name} and {found[_PARTS[suffix]]} are both there.")
            found[_PARTS[suffix]] = name
        elif "lora_" in plain:
            raise BadCheckpoint(
                f"{folder}: {name} is a kind of LoRA tensor that is not supported; merge the "
                "adapter into its base and use the full model instead."
            )
        else:
            others[plain.replace(".base_layer.", ".")] = name
    if clash := sorted({*others.values()} & {*parts}):
        raise BadCheckpoint(f"{folder} names {clash[0]} both as a tensor and as a module.")
    modules = {path: _module(path, found, config, folder) for path, found in parts.items()}
    if not modules:
        raise BadCheckpoint(f"{folder} holds no LoRA factors.")
    return modules, others


def is_transposed(
    module: Module,
    a: tuple[int, ...],
    b: tuple[int, ...],
    config: LoraConfig,
    shape: tuple[int, ...],
) -> bool | None:
    """Whether a module's delta is ``(B A)^T``; None if its factors do not fit the tensor at all."""
    rank = config.rank_of(module.path)
    if len(shape) != 2 or len(a) != 2 or len(b) != 2 or a[0] != rank or b[1] != rank:
        return None
    straight, turned = (b[0], a[1]) == shape, (a[1], b[0]) == shape
    if module.embedding:
        return True if turned else None
    if straight and turned:
        return config.fan_in_fan_out
    return turned if straight or turned else None


def check_shapes(
    module: Module,
    shapes: Mapping[str, tuple[int, ...]],
    config: LoraConfig,
    shape: tuple[int, ...],
    name: str,
    task: str,
) -> None:
    """Refuse factors or magnitudes that do not fit the base tensor they change.

    Raises:
        ShapeMismatch: naming the shapes found and expected.
    """
    a, b = shapes[module.a], shapes[module.b]
    turned = is_transposed(module, a, b, config, shape)
    if turned is None:
        raise ShapeMismatch(
            f"'{task}': lora_B {b} and lora_A {a} of rank {config.rank_of(module.path)} do not fit "
            f"{name}, which the base has as {shape}. The adapter belongs to another base model."
        )
    outputs = (shape[1] if turned else shape[0],)
    if module.magnitude and math.prod(shapes[module.magnitude]) != outputs[0]:
        raise ShapeMismatch(
            f"'{task}': {module.magnitude} is {shapes[module.magnitude]}, but {name} has "
            f"{outputs[0]} outputs."
        )


def delta_of(
    module: Module, config: LoraConfig, base: Stored, tensor: Callable[[str], Tensor]
) -> Factors | Dora:
    """What a module adds to the base's tensor.

    Args:
        module: of the adapter, whose shapes were checked.
        config: of the adapter.
        base: the tensor that it changes.
        tensor: reads a stored tensor of the adapter.
    """
    a, b = tensor(module.a), tensor(module.b)
    turned = is_transposed(module, tuple(a.shape), tuple(b.shape), config, base.entry.shape)
    scale = config.scale_of(module.path)
    factors = Factors(a.T.contiguous(), b.T.contiguous(), scale) if turned else Factors(b, a, scale)
    if module.magnitude is None:
        return factors
    return Dora(factors, base, tensor(module.magnitude).flatten(), by_row=not turned)


def _module(path: str, found: dict[str, str], config: LoraConfig, folder: Path) -> Module:
    if missing := [part for part in "ab" if part not in found]:
        partner = next(iter(found.values()))
        raise BadCheckpoint(f"{folder}: {partner} has no partner lora_{missing[0].upper()}.")
    embedding = [".lora_embedding_" in found[part] for part in "ab"]
    if embedding[0] != embedding[1]:
        raise BadCheckpoint(f"{folder}: {found['a']} and {found['b']} are of two kinds.")
    if config.dora != ("magnitude" in found):
        raise BadCheckpoint(
            f"{folder}: use_dora={config.dora} in {CONFIG_FILE}, but {path} has "
            f"{'a' if 'magnitude' in found else 'no'} lora_magnitude_vector."
        )
    return Module(path, found["a"], found["b"], found.get("magnitude"), embedding[0])


def _patterns(value: object, where: str, is_value: Callable[[object], bool]) -> Patterns:
    found = mapping({} if value is None else value, where, BadCheckpoint)
    for key, number in found.items():
        if not _PATH.fullmatch(key):
            raise BadCheckpoint(
                f"{where}: {key[:100]!r} is a regular expression or no module path; only paths "
                "are looked up. Merge the adapter into its base and use the full model instead."
            )
        if not is_value(number):
            raise BadCheckpoint(f"{where}: {key} is {number!r}, which is out of range.")
    return Patterns(tuple(found.items()))


def _is_rank(rank: object) -> bool:
    return type(rank) is int and 1 <= rank <= LARGEST_RANK


def _is_scale(alpha: object) -> bool:
    return isinstance(alpha, int | float) and not isinstance(alpha, bool) and abs(alpha) < 1e30


def _understood(key: str, value: object) -> bool:
    if key == "init_lora_weights":
        return value in _INITIALIZATIONS
    return key in _HARMLESS or key in _READ or value in _NEUTRAL
