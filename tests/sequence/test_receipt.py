"""Receipts: small, checked against what was added, and strict about what they are for."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from studio.errors import BadCheckpoint, BadState, OutputExists
from studio.sequence.arrivals import come, leave, leave_by_receipt
from studio.sequence.receipt import KEY, open_receipt, refuse_other
from studio.sequence.sealed import seal_of
from tests.sequence.sums import begun, four_tasks, grown, terms_of


@pytest.fixture
def arrived(zoo_folder):
    """A folder, and a state in which 'red' came with a receipt."""
    folder = four_tasks(zoo_folder)
    return folder, grown(begun(folder, "regmean", {}), folder, "red", "green", receipts=True)


def notes_of(path) -> dict:
    content = path.read_bytes()
    return json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]


def resealed(path, change, tensors=None) -> None:
    """Write a receipt again with something else in it, and seals that fit."""
    notes = notes_of(path)
    said = json.loads(notes[KEY])
    change(said)
    text = json.dumps(said)
    save_file(tensors or load_file(path), path, notes | {KEY: text, "seal": seal_of(text)})


def test_a_receipt_needs_no_more_bytes_than_its_largest_numbers(arrived):
    folder, state = arrived
    widths = {t: e.shape[-1] for t, e in open_receipt(folder / "red.receipt").terms.entries.items()}
    assert {*widths} == {*state.counts}
    assert 0 < max(widths.values()) < 8
    assert (folder / "red.receipt").stat().st_size < state.path.stat().st_size


@pytest.mark.parametrize("value", [0, 1, -1, 127, -128, 128, -129, 2**40, -(2**61)])
def test_every_whole_number_comes_back_from_its_bytes(value):
    from studio.sequence.receipt import _bytes  # pyright: ignore[reportPrivateUsage]

    width = _bytes(torch.tensor([value, 0]))
    assert value == int.from_bytes(
        value.to_bytes(8, "little", signed=True)[:width], "little", signed=True
    )
    assert width == 0 or not -(2 ** (8 * width - 9)) <= value < 2 ** (8 * width - 9)


def test_a_receipt_of_another_arrival_is_refused(arrived):
    folder, state = arrived
    receipt = open_receipt(folder / "red.receipt")
    state = leave_by_receipt(state, receipt)
    state = come(state, terms_of(state, folder, "red", 2.0))
    with pytest.raises(
        BadState, match=r"is of 'red' with terms .*0.5, but in .* it has .*, 2. Give"
    ):
        leave_by_receipt(state, receipt)
    leave(state, terms_of(state, folder, "red", 2.0))


@pytest.mark.parametrize(
    ("method", "options", "coarser", "words"),
    [
        ("average", {}, 0, "with method regmean, but .* has average"),
        ("regmean", {"off_diagonal": 0.5}, 0, "with options {}, but .* has {'off_diagonal': 0.5}"),
        ("regmean", {}, 3, "with units coarser by 0, but .* has 3"),
    ],
)
def test_a_receipt_of_another_kind_of_state_is_refused(arrived, method, options, coarser, words):
    folder, _ = arrived
    other = begun(folder, method, options, "other", coarser)
    with pytest.raises(BadState, match=words):
        refuse_other(open_receipt(folder / "red.receipt"), other)


def test_a_receipt_on_another_base_is_refused(arrived):
    folder, _ = arrived
    (folder / "base").rename(folder / "old")
    (folder / "gold").rename(folder / "base")
    with pytest.raises(BadState, match=r"with base \w{60}, but .* has \w{60}"):
        refuse_other(open_receipt(folder / "red.receipt"), begun(folder, "regmean", {}, "other"))


def test_what_is_no_receipt_or_was_edited_is_refused(arrived):
    folder, state = arrived
    path = folder / "red.receipt"
    content = path.read_bytes()
    with pytest.raises(BadState, match="is not a receipt of a task; give the one"):
        open_receipt(state.path)
    path.write_bytes(content.replace(b'\\"name\\": \\"red\\"', b'\\"name\\": \\"rod\\"'))
    with pytest.raises(BadState, match=r"damaged: its header has the digest \w{12}…, not"):
        open_receipt(path)
    path.write_bytes(content[:-3])
    with pytest.raises(BadCheckpoint, match="cut off or damaged"):
        open_receipt(path)


def test_terms_that_are_not_those_that_were_added_are_refused(arrived):
    folder, state = arrived
    path, before = folder / "red.receipt", state.path.read_bytes()
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(BadState, match=r"damaged: its terms have the root \w{12}…, not \w{12}…"):
        leave_by_receipt(state, open_receipt(path))
    path.write_bytes(content)
    fewer = load_file(path)
    fewer.popitem()
    resealed(path, lambda said: None, fewer)
    with pytest.raises(BadState, match="its terms have the root"):
        leave_by_receipt(state, open_receipt(path))
    resealed(path, lambda said: None, {"deltas/other": torch.zeros(2, 3, dtype=torch.uint8)})
    with pytest.raises(BadState, match=r"it holds deltas/other as \(2, 3\)"):
        leave_by_receipt(state, open_receipt(path))
    resealed(
        path, lambda said: None, {"deltas/layer.0.dense.bias": torch.zeros(6, 9, dtype=torch.uint8)}
    )
    with pytest.raises(BadState, match=r"it holds deltas/layer.0.dense.bias as \(6, 9\)"):
        leave_by_receipt(state, open_receipt(path))
    resealed(path, lambda said: None, {"deltas/layer.0.dense.bias": torch.zeros(6, 2)})
    with pytest.raises(BadState, match="1 of its terms are not in bytes"):
        open_receipt(path)
    assert state.path.read_bytes() == before


def test_a_header_that_says_what_cannot_be_is_refused(arrived):
    folder, _ = arrived
    path = folder / "red.receipt"
    content = path.read_bytes()
    for change, words in [
        (lambda said: said.update(version=9), "receipt of a task of version 9"),
        (lambda said: said.update(more=1), "unknown key 'more'"),
        (lambda said: said["task"].update(coefficient="nan"), "has the coefficient 'nan'"),
        (lambda said: said["task"].update(terms="xyz"), "has the digest 'xyz'"),
        (lambda said: said["task"].update(digest=3), "has values that are no text"),
    ]:
        resealed(path, change)
        with pytest.raises(BadState, match=words):
            open_receipt(path)
        path.write_bytes(content)


def test_a_receipt_is_never_written_over(arrived):
    folder, state = arrived
    with pytest.raises(OutputExists):
        come(state, terms_of(state, folder, "gold"), folder / "red.receipt")
    assert open_receipt(folder / "red.receipt").task.name == "red"
