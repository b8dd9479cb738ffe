"""What a test needs that runs its work in a fork of itself."""

import pytest
import torch


@pytest.fixture
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # a forked process may not use the threads of its parent
    yield
    torch.set_num_threads(before)
