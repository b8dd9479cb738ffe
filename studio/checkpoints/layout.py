"""How a model stores its layers: as (out, in), or as (in, out) like GPT-2's Conv1D."""

from collections.abc import Mapping


def is_turned(shapes: Mapping[str, tuple[int, ...]]) -> bool | None:
    """Whether layers are stored as (in, out), by those whose bias tells inputs from outputs.

    An adapter's own ``fan_in_fan_out`` is no evidence: PEFT, too, goes by the class of the layer.

    Args:
        shapes: of a model's tensors, by name.

    Returns:
        None if no layer tells, or if they disagree.
    """
    found = set()
    for name, shape in shapes.items():
        if name.endswith(".weight") and len(shape) == 2 and shape[0] != shape[1]:
            outputs = shapes.get(name.removesuffix("weight") + "bias")
            if outputs in ((shape[0],), (shape[1],)):
                found.add(outputs == (shape[1],))
    return found.pop() if len(found) == 1 else None
