"""What enters a layer as rows that its weight multiplies: vectors, or patches of a convolution."""

from torch import Tensor, nn
from torch.nn import functional
from transformers.pytorch_utils import Conv1D

Convolution = nn.Conv1d | nn.Conv2d
LINEAR = (nn.Linear, Conv1D)
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d)


def patches(module: Convolution, states: Tensor) -> Tensor:
    """What a convolution's kernels see: one row per place of the output.

    Args:
        module: the convolution.
        states: ``(rows, channels, [height,] width)``, or without rows, as it is given them.

    Returns:
        ``(groups, rows * places, channels / groups * kernel)``; the columns lie as the weight
        ``(out, channels / groups, *kernel)`` flattened from its second dimension.
    """
    sides = len(module.kernel_size)
    states = states if states.dim() > sides + 1 else states.unsqueeze(0)
    mode = "constant" if module.padding_mode == "zeros" else module.padding_mode
    padded = functional.pad(states, _padding(module), mode=mode)
    kernel, stride, dilation = module.kernel_size, module.stride, module.dilation
    if sides == 1:  # a picture of one line
        padded = padded.unsqueeze(2)
        kernel, stride, dilation = (1, *kernel), (1, *stride), (1, *dilation)
    seen = functional.unfold(padded, kernel, dilation, 0, stride)  # (rows, columns, places)
    parts = seen.view(len(seen), module.groups, -1, seen.shape[-1])
    return parts.permute(1, 0, 3, 2).flatten(1, 2)


def _padding(module: Convolution) -> list[int]:
    """How much is added before and after each side, the last side first."""
    found: list[int] = []
    for side in reversed(range(len(module.kernel_size))):
        if isinstance(module.padding, str):
            whole = module.dilation[side] * (module.kernel_size[side] - 1)
            whole = whole if module.padding == "same" else 0
            found += [whole // 2, whole - whole // 2]
        else:
            found += [module.padding[side]] * 2
    return found


def add_products(total: Tensor | None, module: nn.Module, states: Tensor) -> tuple[Tensor, int]:
    """A sum of products of inputs with those of more rows.

    What pads a row within a convolution's picture or sound counts as it is.

    Args:
        total: what ``add_products`` gave so far; None for nothing, else it is changed.
        module: one of ``LINEAR``, or of ``CONVOLUTIONS``.
        states: of a linear layer ``(rows, in)``; of a convolution as ``patches`` takes them, one
            picture at a time to hold few patches.

    Returns:
        ``(in, in)`` float32, of a grouped convolution ``(groups, in, in)``; and how many rows or
        places were added.
    """
    if not isinstance(module, CONVOLUTIONS):
        total = states.new_zeros(states.shape[1], states.shape[1]) if total is None else total
        return total.addmm_(states.T, states), len(states)
    places = 0
    for one in states if states.dim() > len(module.kernel_size) + 1 else (states,):
        seen = patches(module, one)
        product = seen.mT @ seen
        product = product[0] if module.groups == 1 else product
        total = product if total is None else total.add_(product)
        places += seen.shape[1]
    assert total is not None, "a batch holds at least one row"
    return total, places
