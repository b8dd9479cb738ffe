import pytest
import torch

from studio.checkpoints.statistics import refuse_negative_variance
from studio.errors import NotFinite


def test_only_a_variance_may_not_be_negative():
    refuse_negative_variance("norm.running_var", torch.tensor([0.0, 0.5]))
    refuse_negative_variance("norm.running_mean", torch.tensor([-0.5]))
    refuse_negative_variance("norm.running_var", torch.tensor([]))
    with pytest.raises(NotFinite, match="norm.running_var: .* fall to -0.25"):
        refuse_negative_variance("norm.running_var", torch.tensor([1.0, -0.25]))
