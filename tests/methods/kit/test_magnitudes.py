import pytest
import torch

from studio.methods.kit.magnitudes import kth_magnitude, kth_values


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


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("cut", [7, 1000])
def test_the_kth_value_of_several_series_is_the_one_that_sorting_gives(dtype, cut):
    g = torch.Generator().manual_seed(0)
    first, second = (torch.randn(200, generator=g).to(dtype) for _ in range(2))
    first[::3], first[1::5], second[:150] = -0.25, 0.0, -second[:150].abs()

    def stream():
        for one, other in zip(first.split(cut), second.split(cut), strict=True):
            yield [one, other, None, one]

    for k in (1, 2, 67, 100, 150, 199, 200):
        found = kth_values(stream, (k, 201 - k, 0, k), dtype)
        expected = float(first.sort().values[k - 1])
        assert found == [expected, float(second.sort().values[200 - k]), 0.0, expected]
