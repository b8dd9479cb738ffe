"""A kept checkpoint is rewritten in place, with its old time of change, at every step of a removal.

Whenever it happens, nothing is certified: not the old digest with new bytes, nor the reverse.
"""

import os
from pathlib import Path

import pytest

from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.weights import Weights
from studio.errors import StudioError
from studio.evidence import bundle
from studio.evidence.bundle import Operator, certify
from studio.evidence.certificate import Request
from studio.evidence.ledger.keys import demo_key
from studio.evidence.ledger.log import Ledger
from studio.evidence.rebuild import rebuild_apart
from studio.evidence.unmerge import unmerging
from studio.export import model
from studio.merge import open_merge

STEPS = {
    "once the merges are open": (bundle, "refuse_still_there"),
    "once it was measured": (bundle, "_scores"),
    "once digests were taken": (Weights, "take_root"),
    "before the weights are written": (model, "write_weights"),
    "once the weights are written": (model, "copy_companions"),
    "before the separate rebuild": (bundle, "rebuild_of"),
    "once it is sealed": (bundle, "_sealed"),
}


def rewrite(file: Path) -> None:
    """Other bytes of the same size, and the time of change that the file had."""
    before = file.stat()
    content = bytearray(file.read_bytes())
    content[-3] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file.stat().st_mtime_ns == before.st_mtime_ns


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("victim", ["green", "base"])
@pytest.mark.usefixtures("rebuilt_here")
def test_a_rewrite_at_any_step_is_found(
    make_recipe, zoo_folder, tmp_path, monkeypatch, step, victim
):
    owner, name = STEPS[step]
    done, real = [], getattr(owner, name)

    def hooked(*args, **kwargs):
        made = real(*args, **kwargs) if owner is Weights else None
        if not done:
            done.append(rewrite(zoo_folder / victim / "model.safetensors"))
        return real(*args, **kwargs) if owner is not Weights else made

    monkeypatch.setattr(owner, name, hooked)
    operator = Operator(Ledger(tmp_path / "ledger"), demo_key(), Request())
    unmerged = unmerging(make_recipe("red", "green"), ("red",))
    with pytest.raises(StudioError, match="changed"):
        certify(open_merge, unmerged, tmp_path / "out", operator)
    assert done
    assert not (tmp_path / "out").exists()
    assert [each.event for each in operator.ledger.entries()] == []


@pytest.mark.slow
def test_the_separate_rebuild_refuses_another_checkpoint_than_it_was_told(make_recipe, zoo_folder):
    recipe = make_recipe("green")
    digest = open_checkpoint(zoo_folder / "green").digest
    base = open_checkpoint(zoo_folder / "base").digest
    assert rebuild_apart(recipe.with_digests({"green": digest}), True, base=base).root
    rewrite(zoo_folder / "green" / "model.safetensors")
    with pytest.raises(StudioError, match="the recipe records digest"):
        rebuild_apart(recipe.with_digests({"green": digest}), True, base=base)
    rewrite(zoo_folder / "base" / "model.safetensors")
    with pytest.raises(StudioError, match="another base than the one that was merged"):
        rebuild_apart(recipe, True, base=base)
