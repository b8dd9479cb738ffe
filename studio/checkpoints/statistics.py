"""Running statistics of batch normalization, which are no weights: what they must not become."""

from torch import Tensor

from studio.errors import NotFinite

_VARIANCE = ".running_var"


def refuse_negative_variance(name: str, values: Tensor) -> None:
    """Refuse merged statistics of batch normalization with which a model answers NaN.

    Raises:
        NotFinite: naming the tensor and its lowest variance.
    """
    if name.endswith(_VARIANCE) and values.numel() and float(values.min()) < 0:
        raise NotFinite(
            f"{name}: merged variances of batch normalization fall to {float(values.min()):.3g}; "
            "below 0 the model answers NaN. Choose smaller coefficients: such that sum to at most "
            "1 keep every variance above 0."
        )
