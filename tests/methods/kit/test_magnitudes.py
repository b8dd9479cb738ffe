import pytest
import torch

from studio.methods.kit.magnitudes import kth_magnitude


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("cut", [1, 7, 1000])
def test_the_kth_magnitude_is_the_one_that_sorting_gives(dtype, cut):
    values = torch.randn(1000, generator=torch.Generator().manual_seed(0)).to(dtype)
    values[::3] = 0.25  # many equal ones
    values[1::5] = 0.0
    for k in (1, 2, 399, 400, 700, 999, 1000):
        found = kth_magnitude(lambda: values.split(cut), k, dtype)
        assert found == float(values.abs().sort().values[k - 1])


def test_none_is_kept_out_when_k_is_zero():
    assert kth_magnitude(list, 0, torch.float32) == 0.0
