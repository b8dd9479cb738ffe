"""Reports by tensor and layer: sums and means by hand, no NaN in what is written."""

import json

import pytest
import torch

from studio.geometry.conflict_report import TensorReport, by_layer, largest, report
from studio.geometry.overlap import Overlap
from studio.geometry.signs import SignConflict


def pair(value: float, own: float = 1.0) -> torch.Tensor:
    return torch.tensor([[own, value], [value, own]], dtype=torch.float64)


def tensor_report(opposite: int, both: int, columns: float | None, rows: float = 0.0):
    against, shared = pair(opposite, 0), pair(both, both)
    conflict = SignConflict(
        against.long(), shared.long(), against, shared, torn=opposite, shared=both
    )
    found = None if columns is None else Overlap(2, pair(columns), pair(rows), 0.1, 0.2)
    return TensorReport(conflict, found)


FOUND = {
    "layer.0.a": tensor_report(10, 100, 0.5, 0.3),
    "layer.0.bias": tensor_report(8, 20, None),
    "layer.0.b": tensor_report(0, 0, 0.1, 0.9),
    "layer.1.bias": tensor_report(0, 0, None),
}


def test_a_layer_counts_signs_over_its_elements_and_averages_its_matrices():
    layers = by_layer(FOUND)
    assert list(layers) == ["layer.0", "layer.1"]
    assert layers["layer.0"]["sign_conflict"] == pytest.approx(18 / 120)
    assert layers["layer.0"]["matrices"] == 2
    assert layers["layer.0"]["columns"] == pytest.approx(0.3)
    assert layers["layer.0"]["rows"] == pytest.approx(0.6)
    assert layers["layer.0"]["expected_rows"] == pytest.approx(0.2)
    assert layers["layer.1"] == dict.fromkeys(layers["layer.1"]) | {"matrices": 0}


def test_the_largest_overlap_names_tasks_and_tensor():
    assert largest(FOUND, ("red", "green"), "columns") == {
        "tensor": "layer.0.a", "tasks": ["red", "green"], "overlap": 0.5, "expected": 0.1,
    }  # fmt: skip
    assert (largest(FOUND, ("red", "green"), "rows") or {})["tensor"] == "layer.0.b"
    assert largest({"x": FOUND["layer.1.bias"]}, ("red", "green"), "rows") is None


def test_what_has_no_number_is_null_in_a_file(deltas):
    found = report(deltas)
    assert tuple(found) == deltas.names
    plain = {name: each.plain() for name, each in found.items()}
    json.dumps(plain, allow_nan=False)
    json.dumps(by_layer(found), allow_nan=False)
    bias = plain["layer.0.dense.bias"]  # the adapter leaves it alone
    assert bias["subspace_overlap"] is None
    assert bias["sign_conflict"]["pairs"][2] == [None, None, None]
    assert bias["sign_conflict"]["pairs"][0][1] is not None
    assert plain["layer.0.dense.weight"]["subspace_overlap"]["rank"] == 1


def test_progress_grows_and_may_stop_the_work(deltas):
    seen: list[float] = []
    report(deltas, lambda share, words: seen.append(share))
    assert seen == sorted(seen)
    assert seen[0] == 0.0
    assert seen[-1] < 1.0

    def stop(share: float, words: str) -> None:
        if share > 0.3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        report(deltas, stop)
