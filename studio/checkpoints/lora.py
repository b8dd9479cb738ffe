"""LoRA adapters as PEFT saves them: which options are understood, and the factors per tensor."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from studio.checkpoints.adapter import (
    HARMLESS,
    Adapter,
    Module,
    Read,
    Shapes,
    Sorted,
    refuse_unknown,
    sort_parts,
)
from studio.checkpoints.bias import Bias
from studio.checkpoints.low_rank import Dora, Factors
from studio.checkpoints.patterns import NO_PATTERNS, Patterns, read_patterns
from studio.checkpoints.starts import read_start, refuse_layout, start_note, without_start
from studio.checkpoints.stored import Stored
from studio.checkpoints.stored_names import COPY
from studio.checkpoints.tokens import SUFFIXES, Tokens, read_tokens, token_modules
from studio.errors import BadCheckpoint, ShapeMismatch

WEIGHTS_FILE = "adapter_model.safetensors"
CONFIG_FILE = "adapter_config.json"
LARGEST_RANK = 4096
_SCALE, _DEFAULT = ("r", "lora_alpha"), 8
_PARTS = {
    ".lora_A.weight": "a", ".lora_B.weight": "b", ".lora_B.bias": "bias",
    ".lora_embedding_A": "a", ".lora_embedding_B": "b",
    ".lora_magnitude_vector": "magnitude", ".lora_magnitude_vector.weight": "magnitude",
} | SUFFIXES  # fmt: skip
_KNOWN = HARMLESS | {
    "alpha_pattern", "corda_config", "ensure_weight_tying", "eva_config", "fan_in_fan_out",
    "init_lora_weights", "lora_alpha", "lora_bias", "lora_dropout", "lora_ga_config",
    "megatron_core", "qalora_group_size", "r", "rank_pattern", "target_parameters",
    "trainable_token_indices", "use_dora", "use_rslora",
}  # fmt: skip


@dataclass(frozen=True)
class LoraConfig(Adapter):
    """The options of a LoRA adapter that determine its delta.

    Attributes:
        usual_rank: of modules that no pattern names.
        alpha: likewise.
        rank_pattern: of the modules that it names.
        alpha_pattern: likewise.
        rslora: whether the scale is alpha / sqrt(rank).
        fan_in_fan_out: whether weights are stored as (in, out), where their shape does not tell.
        dora: whether magnitudes are trained too.
        bias: whether the second factors have trained biases.
        tokens: rows of embeddings that are trained themselves.
        parameters: ends of the names of parameters that have factors themselves.
        start: what the factors started as and the base was left without, or empty.
        assumed: options that the config does not have, as PEFT has them then.
    """

    usual_rank: int
    alpha: float
    rank_pattern: Patterns = NO_PATTERNS
    alpha_pattern: Patterns = NO_PATTERNS
    rslora: bool = False
    fan_in_fan_out: bool = False
    dora: bool = False
    bias: bool = False
    tokens: Tokens = ()
    parameters: tuple[str, ...] = ()
    start: str = ""
    assumed: tuple[str, ...] = ()

    kind = "LoRA"

    @property
    def rank(self) -> int:
        """See ``Adapter``."""
        return self.usual_rank

    @property
    def portable(self) -> bool:
        """See ``Adapter``."""
        return not self.dora and not self.start

    def rank_of(self, module: str) -> int:
        """Rank of a module's factors, by the options."""
        return int(self.rank_pattern.of(module, self.rank))

    def scale_of(self, module: str) -> float:
        """What B A is multiplied by (LoRA, Sec. 4.1: alpha / r; rsLoRA: alpha / sqrt(r))."""
        alpha, rank = self.alpha_pattern.of(module, self.alpha), self.rank_of(module)
        return alpha / math.sqrt(rank) if self.rslora else alpha / rank

    def plain(self) -> dict:
        """See ``Adapter``: rank, alpha, and each other option that is used."""
        others = {
            "alpha_pattern": list(map(list, self.alpha_pattern.pairs)),
            "bias": self.bias,
            "dora": self.dora,
            "fan_in_fan_out": self.fan_in_fan_out,
            "parameters": sorted(self.parameters),
            "rank_pattern": list(map(list, self.rank_pattern.pairs)),
            "rslora": self.rslora,
            "start": self.start,
            "tokens": [[end, list(rows)] for end, rows in self.tokens],
        }
        used = {name: value for name, value in others.items() if value}
        return {"alpha": self.alpha, "kind": "lora", "rank": self.rank} | used

    def sort_names(self, shapes: Shapes, folder: Path) -> Sorted:
        """See ``Adapter``."""
        parts = sort_parts(shapes, _PARTS, self.kind, "lora_", folder)
        rows = token_modules(parts.modules, self.tokens, folder)
        modules: dict[str, Module] = {**rows}
        for path, found in parts.modules.items():
            modules[path] = _factors(path, found, self, folder)
            if "bias" in found:
                modules[path + ".bias"] = Bias(path, found["bias"], self.scale_of(path))
        if not modules:
            raise BadCheckpoint(f"{folder} holds no LoRA factors.")
        others = {}
        for name, stored in parts.others.items():
            # with a suffix of its own if it is the base's weight that lies below the factors
            below = name.replace(".token_adapter.base_layer.", ".base_layer.")
            copied = below.endswith(COPY) and below.removesuffix(COPY) in modules
            others[below if copied else name.replace(".base_layer.", ".")] = stored
        if clash := sorted({*others.values()} & {*modules}):
            raise BadCheckpoint(f"{folder} names {clash[0]} both as a tensor and as a module.")
        notes = [*parts.notes, *start_note(self.start)]
        if self.assumed:
            notes.append(f"{CONFIG_FILE} lacks {' and '.join(self.assumed)}, PEFT's default.")
        return Sorted(modules, others, tuple(notes))


@dataclass(frozen=True)
class LoraModule(Module):
    """The stored names of one module's factors.

    Attributes:
        path: of the module in the model that was trained.
        a: name of ``(rank, in)``, of a convolution ``(rank, in, ...)``; for an embedding
            ``(rank, entries)``.
        b: name of ``(out, rank)``, of a convolution ``(out, rank, 1, ...)``.
        magnitude: name of DoRA's magnitudes, or None.
        embedding: whether it is an embedding, whose delta is ``(B A)^T``.
        rank: that the options give it.
        scale: what B A is multiplied by.
        fan_in_fan_out: whether the base stores ``(in, out)``, where nothing else tells.
        start: see ``LoraConfig``.
    """

    path: str
    a: str
    b: str
    magnitude: str | None
    embedding: bool
    rank: int
    scale: float
    fan_in_fan_out: bool
    start: str = ""

    @property
    def whole_rank(self) -> int:
        """Rank of its delta."""
        return self.rank * 2 if self.start else self.rank

    @property
    def stored(self) -> tuple[str, ...]:
        """See ``Module``."""
        return (self.a, self.b, self.magnitude) if self.magnitude else (self.a, self.b)

    def is_transposed(
        self,
        a: tuple[int, ...],
        b: tuple[int, ...],
        shape: tuple[int, ...],
        turned: bool | None,
    ) -> bool | None:
        """Whether the delta is ``(B A)^T``; None if factors of these shapes do not fit at all.

        Args:
            a: shape of A.
            b: shape of B.
            shape: of the base's tensor.
            turned: whether the base stores its layers as (in, out); None if that is not known.
        """
        alike = len(shape) == len(a) == len(b) >= 2
        if not alike or not a[0] == b[1] == self.rank:
            return None
        if len(shape) > 2:
            return False if (b[0], *a[1:]) == shape and set(b[2:]) == {1} else None
        straight, across = (b[0], a[1]) == shape, (a[1], b[0]) == shape
        if self.embedding:
            return True if across else None
        if straight and across:
            return self.fan_in_fan_out if turned is None else turned
        return across if straight or across else None

    def check(self, shapes: Shapes, shape: tuple[int, ...], name: str, task: str) -> None:
        """See ``Module``."""
        a, b = shapes[self.a], shapes[self.b]
        if empty := [each for each in (self.a, self.b) if 0 in shapes[each]]:
            raise ShapeMismatch(
                f"'{task}': {empty[0]} is empty, of shape {shapes[empty[0]]}: the adapter was "
                "saved while DeepSpeed ZeRO-3 or FSDP held its factors in shards. Gather them and "
                "save it again."
            )
        across = self.is_transposed(a, b, shape, None)
        if across is None:
            raise ShapeMismatch(_misfit(self, a, b, shape, name, task))
        refuse_layout(self.start, shape, across, name, task)
        outputs = shape[1] if across else shape[0]
        if self.magnitude and math.prod(shapes[self.magnitude]) != outputs:
            raise ShapeMismatch(
                f"'{task}': {self.magnitude} is {shapes[self.magnitude]}, but {name} has "
                f"{outputs} outputs."
            )

    def delta(self, base: Stored, read: Read, turned: bool | None) -> Factors | Dora:
        """See ``Module``."""
        a, b = read(self.a), read(self.b)
        across = self.is_transposed(tuple(a.shape), tuple(b.shape), base.entry.shape, turned)
        a, b = a.flatten(1), b.flatten(1)
        factors = Factors(b, a, self.scale)
        factors = factors.turned() if across else factors
        if self.start:
            return without_start(factors, base, self.start, self.rank)
        if self.magnitude is None:
            return factors
        return Dora(factors, base, read(self.magnitude).flatten(), by_row=not across)


def read_config(file: Path, config: Mapping) -> LoraConfig:
    """Options of a LoRA adapter.

    Args:
        file: for words.
        config: what it holds.

    Raises:
        BadCheckpoint: it uses an option that is not understood.
    """
    refuse_unknown(file, config, "LoRA", _KNOWN)
    start = read_start(config, file)
    names = ("use_rslora", "fan_in_fan_out", "use_dora", "lora_bias")
    flags = {key: config.get(key) for key in names}
    for key, value in flags.items():
        if value is not None and not isinstance(value, bool):
            raise BadCheckpoint(f"{file}: {key} is {value!r}; it must be true or false.")
    rank, alpha = (config.get(key, _DEFAULT) for key in _SCALE)
    if not is_rank(rank) or not is_scale(alpha):
        raise BadCheckpoint(
            f"{file}: r={rank!r} and lora_alpha={alpha!r} are no rank (1 to {LARGEST_RANK}) and "
            "scale."
        )
    patterns = read_patterns(config.get("alpha_pattern"), f"{file}: alpha_pattern", is_scale)
    if alpha == 0 or any(each == 0 for _, each in patterns.pairs):
        raise BadCheckpoint(
            f"{file}: lora_alpha is 0 ({'of every module' if alpha == 0 else 'in alpha_pattern'}), "
            "so the factors would change nothing. A converter that does not know the alpha writes "
            "0: set it to the one the adapter was trained with (the rank for a scale of 1)."
        )
    return LoraConfig(
        rank,  # type: ignore[arg-type]
        float(alpha),  # type: ignore[arg-type]
        read_patterns(config.get("rank_pattern"), f"{file}: rank_pattern", is_rank),
        patterns,
        rslora=bool(flags["use_rslora"]),
        fan_in_fan_out=bool(flags["fan_in_fan_out"]),
        dora=bool(flags["use_dora"]),
        bias=bool(flags["lora_bias"]),
        tokens=read_tokens(
            config.get("trainable_token_indices"), f"{file}: trainable_token_indices"
        ),
        parameters=_read_parameters(config.get("target_parameters"), file),
        start=start,
        assumed=tuple(f"{key}, read as {_DEFAULT}" for key in _SCALE if key not in config),
    )


def is_rank(rank: object) -> bool:
    """Whether a value of a file is a rank."""
    return type(rank) is int and 1 <= rank <= LARGEST_RANK


def is_scale(alpha: object) -> bool:
    """Whether a value of a file is a number to scale by."""
    return isinstance(alpha, int | float) and not isinstance(alpha, bool) and abs(alpha) < 1e30


def _read_parameters(value: object, file: Path) -> tuple[str, ...]:
    names = [] if value is None else value
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise BadCheckpoint(f"{file}: target_parameters must be a list of names of parameters.")
    return tuple(sorted(names))


def _misfit(
    module: LoraModule,
    a: tuple[int, ...],
    b: tuple[int, ...],
    shape: tuple[int, ...],
    name: str,
    task: str,
) -> str:
    """Why factors do not fit the base's tensor, as a sentence."""
    found = f"'{task}': lora_B {b} and lora_A {a}"
    if len(shape) == len(a) == len(b) > 2 and b[0] == shape[0] and a[1] != shape[1]:
        return f"{found} are of a grouped convolution, {name} {shape}, which PEFT cannot merge."
    if module.embedding and len(shape) == len(a) == 2 and a[1] != shape[0] and b[0] == shape[1]:
        return (
            f"{found} are of a vocabulary of {a[1]:,} rows; {name} has {shape[0]:,} rows in the "
            "base. Resize the base's embeddings to the adapter's vocabulary and save it first."
        )
    if a[:1] == b[1:2] != (module.rank,):
        return (
            f"{found} of {name} have rank {a[0]}, but the options (r, rank_pattern) give it rank "
            f"{module.rank}. PEFT cannot load them so, and the scale would be a guess: correct the "
            "options."
        )
    return (
        f"{found} of rank {module.rank} do not fit {name}, which the base has as {shape}. The "
        "adapter belongs to another base model."
    )


def _factors(path: str, found: dict[str, str], config: LoraConfig, folder: Path) -> LoraModule:
    if missing := [part for part in "ab" if part not in found]:
        partner = next(iter(found.values()))
        raise BadCheckpoint(f"{folder}: {partner} has no partner lora_{missing[0].upper()}.")
    embedding = [".lora_embedding_" in found[part] for part in "ab"]
    if embedding[0] != embedding[1]:
        raise BadCheckpoint(f"{folder}: {found['a']} and {found['b']} are of two kinds.")
    for part, option, flag, called in (
        ("magnitude", "use_dora", config.dora, "lora_magnitude_vector"),
        ("bias", "lora_bias", config.bias, "lora_B.bias"),
    ):
        if flag != (part in found):
            raise BadCheckpoint(
                f"{folder}: {option}={flag} in {CONFIG_FILE}, but {path} has "
                f"{'a' if part in found else 'no'} {called}."
            )
    scale = config.scale_of(path)
    names = found["a"], found["b"], found.get("magnitude")
    rank = config.rank_of(path)
    start = "" if embedding[0] else config.start  # PEFT starts embeddings as ever
    return LoraModule(path, *names, embedding[0], rank, scale, config.fan_in_fan_out, start)
