"""Fingerprints: parallel changes have parallel sketches, and only the salt tells the signs."""

import base64
import hashlib
import struct

import pytest
import torch
from safetensors.torch import load_file

from studio.checkpoints.deltas import Deltas
from studio.disk.cache import cache_key, keep
from studio.evidence.ledger import fingerprint as fingerprints
from studio.evidence.ledger.fingerprint import (
    SAME,
    UNSALTED,
    alike,
    fingerprint,
    made_of,
    numbers,
    salted,
    scheme_id,
    sketch,
)
from studio.merge import open_merge
from studio.recipe import Recipe, TaskEntry
from tests.conftest import draw, save_adapter, save_model

SALTED = salted(b"1" * 32)
SCHEMES = pytest.mark.parametrize("scheme", [UNSALTED, SALTED], ids=["unsalted", "salted"])
SHAPES = {
    "embeddings.word.weight": (64, 32),
    "layer.0.dense.weight": (64, 32),
    "layer.1.dense.weight": (64, 32),
}


@pytest.fixture
def open_changes(tmp_path):
    """Opens a base and full models that change it by {task: {tensor: change}}."""

    def opened(**changes) -> Deltas:
        base = draw(0, SHAPES)
        save_model(tmp_path / "base", base)
        for task, change in changes.items():
            save_model(tmp_path / task, {name: x + change.get(name, 0) for name, x in base.items()})
        tasks = tuple(TaskEntry(task, str(tmp_path / task)) for task in changes)
        return open_merge(Recipe(str(tmp_path / "base"), tasks)).deltas

    return opened


def known(deltas: Deltas, wanted: str, *others: str, scheme=SALTED) -> list[str]:
    text = fingerprint(deltas, wanted, scheme)
    return made_of(text, {name: sketch(deltas, name, scheme) for name in others})


@SCHEMES
def test_fingerprints_of_unrelated_changes_are_not_alike_and_of_equal_ones_are(make_recipe, scheme):
    deltas = open_merge(make_recipe()).deltas
    red, green = (fingerprint(deltas, name, scheme) for name in ("red", "green"))
    assert not known(deltas, "red", "green", scheme=scheme)
    assert fingerprint(deltas.subset(("red",)), "red", scheme) == red
    assert alike(red, red) == pytest.approx(1.0)
    assert abs(alike(red, green)) < 0.5
    assert alike(red, "") == alike(red, "no base64") == 0.0
    assert made_of("", {"red": sketch(deltas, "red", scheme)}) == []
    assert made_of(red, {"green": None}) == []


@SCHEMES
def test_a_sketch_says_what_a_dense_projection_says(make_recipe, scheme):
    """A second computation: signs drawn alike, element by element."""
    deltas = open_merge(make_recipe()).deltas
    total = torch.zeros(scheme.groups, scheme.sums, dtype=torch.float64)
    for name in deltas.names:
        tensor = deltas.at(name)
        delta = tensor.delta(0, 0, tensor.numel, deltas.dtype)
        assert delta is not None
        seed = int.from_bytes(hashlib.sha256(scheme.salt + name.encode()).digest()[:8], "little")
        signs = torch.randint(
            0, 2, (2**20,), generator=torch.Generator().manual_seed(seed >> 1), dtype=torch.int8
        )
        kind = name.replace("0", "#").replace("1", "#").encode()
        group = hashlib.sha256(kind).digest()[0] % scheme.groups
        for place, value in enumerate(delta.tolist()):
            total[group, place % scheme.sums] += value * (2 * int(signs[place]) - 1)
    expected = (total / total.norm()).flatten()
    text = fingerprint(deltas, "red", scheme)
    assert scheme_id(text) == scheme.id
    found = struct.unpack(f"<{len(expected)}e", base64.b64decode(text.split(":")[-1]))
    torch.testing.assert_close(torch.tensor(found).double(), expected, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(sketch(deltas, "red", scheme), expected, rtol=1e-9, atol=1e-12)


def test_the_id_tells_salts_apart_and_does_not_tell_them():
    assert (UNSALTED.id, SALTED.id) == ("", hashlib.sha256(b"salt " + b"1" * 32).hexdigest()[:8])
    assert salted(b"2" * 32).id != SALTED.id
    assert b"1" * 32 not in repr(SALTED.id).encode()


def test_fingerprints_of_two_salts_cannot_be_compared(make_recipe):
    deltas = open_merge(make_recipe()).deltas
    one, two = (fingerprint(deltas, "red", salted(each * 32)) for each in (b"1", b"2"))
    first, second = numbers(one), numbers(two)
    assert first is not None
    assert second is not None
    assert abs(float(first.dot(second))) < 0.6
    assert alike(one, two) == 0.0
    assert alike(one, fingerprint(deltas, "red")) == 0.0


def along_signs(change: dict, salt: bytes, share: float) -> dict:
    """A change to which a share of it was added along the signs that a salt draws."""
    made = {}
    for name, x in change.items():
        seed = int.from_bytes(hashlib.sha256(salt + name.encode()).digest()[:8], "little") >> 1
        signs = torch.randint(
            0, 2, (x.numel(),), generator=torch.Generator().manual_seed(seed), dtype=torch.int8
        )
        made[name] = x + share * x.std() * (2.0 * signs.view(x.shape) - 1)
    return made


def test_what_is_added_along_public_signs_moves_only_a_fingerprint_without_salt(open_changes):
    red = draw(1, SHAPES, 0.1)
    deltas = open_changes(red=red, twin=along_signs(red, b"", 0.1))
    assert alike(fingerprint(deltas, "red"), fingerprint(deltas, "twin")) < SAME
    assert known(deltas, "red", "twin") == ["twin"]


def test_groups_of_tensors_that_are_scaled_apart_are_known(open_changes):
    red = draw(1, SHAPES, 0.1)
    scaled = {name: x * (2 if "layer" in name else 1) for name, x in red.items()}
    without = {name: x for name, x in red.items() if "layer" in name}
    deltas = open_changes(red=red, scaled=scaled, without=without, green=draw(2, SHAPES, 0.1))
    assert known(deltas, "red", "scaled", "green") == ["scaled"]
    assert known(deltas, "red", "without", "green") == ["without"]
    assert known(deltas, "red", "green") == []


def test_a_small_group_alone_makes_no_change_known(open_changes):
    red, green = draw(1, SHAPES, 0.1), draw(2, SHAPES, 0.1)
    word = "embeddings.word.weight"
    red[word] *= 0.3
    deltas = open_changes(red=red, other=green | {word: red[word]})
    assert known(deltas, "red", "other") == []


def test_two_pieces_that_differ_by_a_thousandth_of_the_change_are_known(open_changes):
    red, cover = draw(1, SHAPES, 0.1), draw(3, SHAPES, 0.1)
    near = {name: cover[name] + 1e-3 * x for name, x in red.items()}
    deltas = open_changes(red=red, cover=cover, near=near, green=draw(2, SHAPES, 0.1))
    assert known(deltas, "red", "cover", "near", "green") == ["cover", "near"]


@SCHEMES
@pytest.mark.parametrize("scale", [1e-20, 1e-170, 1e-200, 1e160])
def test_a_change_however_small_or_large_is_known(tmp_path, scheme, scale):
    save_model(tmp_path / "base", {name: x.double() for name, x in draw(0, SHAPES).items()})
    drawn = {n.removesuffix(".weight"): x.double() for n, x in draw(1, SHAPES).items()}
    for task, root in (("red", 1.0), ("tiny", scale**0.5), ("zero", 0.0)):
        factors = {n: (root * x[:4], root * x[:, :4]) for n, x in drawn.items() if "dense" in n}
        save_adapter(tmp_path / task, factors)
    tasks = tuple(TaskEntry(task, str(tmp_path / task)) for task in ("red", "tiny", "zero"))
    deltas = open_merge(Recipe(str(tmp_path / "base"), tasks)).deltas
    assert known(deltas, "red", "tiny", "zero", scheme=scheme) == ["tiny"]
    assert known(deltas, "zero", "red", scheme=scheme) == []


@pytest.mark.parametrize("scale", [1e-170, 1e-320, 1e160, 1e300])
def test_sums_are_scaled_before_they_are_squared(scale):
    sums = torch.arange(1.0, 20, dtype=torch.float64)
    found = fingerprints._unit(sums * scale)
    assert found is not None
    torch.testing.assert_close(found, sums / sums.norm(), rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("value", [0.0, float("inf"), float("nan")])
def test_sums_that_say_nothing_have_no_direction(value):
    assert fingerprints._unit(torch.full((20,), value, dtype=torch.float64)) is None
    assert fingerprints._unit(torch.ones(7, dtype=torch.float64)) is None


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"AAAA", b"\0" * 8192, b"\xff" * 8192])
def test_a_damaged_cache_is_none(make_recipe, monkeypatch, content):
    deltas = open_merge(make_recipe()).deltas
    expected = sketch(deltas, "red", SALTED)
    monkeypatch.setattr(fingerprints, "_seen", {})
    both = deltas.base.known_digest, deltas.checkpoints[0].known_digest
    keep(cache_key("fingerprint 2", SALTED.id, *both), content)
    torch.testing.assert_close(sketch(deltas, "red", SALTED), expected)


def test_a_fingerprint_that_an_older_studio_wrote_is_read(make_recipe, zoo_folder):
    """It has 256 numbers and no id; the change is known by it as before."""
    deltas = open_merge(make_recipe()).deltas
    text = fingerprint(deltas, "red")
    assert (":" in text, len(base64.b64decode(text))) == (False, 512)
    base = load_file(zoo_folder / "base" / "model.safetensors")
    red = load_file(zoo_folder / "red" / "model.safetensors")
    half = {name: x + (red[f"bert.{name}"] - x) / 2 for name, x in base.items()}
    save_model(zoo_folder / "half", half)
    entry = TaskEntry("half", str(zoo_folder / "half"))
    again = open_merge(Recipe(str(zoo_folder / "base"), (entry,))).deltas
    assert made_of(text, {"half": sketch(again, "half")}) == ["half"]
