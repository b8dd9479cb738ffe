"""The model that is trained on: one adapter for all tasks, or the tensors that experts change."""

import math
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial

import torch
from torch import Tensor, nn

from studio.errors import StudioError
from studio.fusion.fusion import adapted_layers, added, refuse_unfusable
from studio.measure.bench import Bench
from studio.measure.supervision import frozen
from studio.tasks.live_model import LiveModel

ADAPTER, WHOLE = "one LoRA adapter", "the tensors that the experts change"


class LoraLayer(nn.Module):
    """``scale * up @ down`` times what enters a linear layer.

    Attributes:
        down: ``(r, in)``.
        up: ``(out, r)``, zeros at the start.
    """

    def __init__(self, width: int, height: int, rank: int, scale: float) -> None:
        super().__init__()
        self.down = nn.Parameter(torch.zeros(rank, width))
        self.up = nn.Parameter(torch.zeros(height, rank))
        self._scale = scale

    def begin(self, generator: torch.Generator) -> None:
        """Draw it anew; it adds nothing yet. Source: LoRA (arXiv 2106.09685), as PEFT draws it."""
        with torch.no_grad():
            self.up.zero_()
            nn.init.kaiming_uniform_(self.down, a=math.sqrt(5), generator=generator)

    def forward(self, entered: Tensor) -> Tensor:
        """``(..., out)`` float32."""
        return self._scale * (entered @ self.down.T @ self.up.T)


class Learner:
    """A live model of its own in float32, and what of it is trained.

    It is as the zoo's tasks are: of a zoo of LoRA adapters one adapter of their largest rank at
    the same layers, else the tensors that the experts change. Heads are the experts' and stay as
    they are, as for a merge; running statistics of batch normalization stay the base's.

    Attributes:
        live: the model.
        what: is trained, in words.
        parameters: by name.
    """

    def __init__(self, bench: Bench) -> None:
        self.live = LiveModel(bench.base, bench.device, bench.kinds, torch.float32)
        self._layers: dict[str, LoraLayer] = {}
        self._base = bench.base
        self.what = ADAPTER if is_adapted(bench) else WHOLE
        self._whole: dict[str, str] = {}  # by the base's names the model's own
        if self.what == ADAPTER:
            self._layers = {n: x.to(bench.device) for n, x in _layers(self.live, bench).items()}
            self.parameters: Mapping[str, nn.Parameter] = {
                f"{name}.{part}": each
                for name, layer in self._layers.items()
                for part, each in layer.named_parameters()
            }
            return
        every = dict(self.live.whole.named_parameters(remove_duplicate=False))
        own = self.live.own_names(bench.deltas.names)
        self._whole = {name: mine for name, mine in own.items() if mine in every}
        self.parameters = {mine: every[mine] for mine in self._whole.values()}

    @property
    def numbers(self) -> int:
        """That are trained."""
        return sum(each.numel() for each in self.parameters.values())

    @property
    def values(self) -> list[nn.Parameter]:
        """What is trained, in a fixed order."""
        return list(self.parameters.values())

    def reset(self, seed: int) -> None:
        """Begin anew from the base."""
        generator = torch.Generator().manual_seed(seed)
        for layer in self._layers.values():
            layer.begin(generator)
        with torch.no_grad():
            for name, place in self.live.places(self._whole).items():
                place.copy_(self._base.tensor(name))

    @contextmanager
    def training(self) -> Iterator[None]:
        """The model answers with what is trained, and only that collects gradients."""
        modules = dict(self.live.whole.named_modules())
        with ExitStack() as stack:
            stack.enter_context(frozen(self.live.whole))
            for each in self.values:
                each.requires_grad_(True)
            for name, layer in self._layers.items():
                hook = modules[name].register_forward_hook(partial(added, layer))
                stack.callback(hook.remove)
            yield


def is_adapted(bench: Bench) -> bool:
    """Whether all tasks of a zoo are LoRA adapters of linear layers; reads headers."""
    try:
        refuse_unfusable(bench)
    except StudioError:
        return False
    return True


def _layers(live: LiveModel, bench: Bench) -> dict[str, LoraLayer]:
    """A layer where any adapter has one, of the largest rank there and that adapter's scale."""
    found = {}
    for module, (name, width, height, _) in adapted_layers(live, bench.deltas).items():
        factors = [each for each in bench.deltas.at(name).factors if each is not None]
        largest = max(factors, key=lambda each: len(each.a))
        found[module] = LoraLayer(width, height, len(largest.a), largest.scale)
    return found
