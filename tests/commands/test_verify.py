"""``verify`` as a user calls it."""

import base64
import hashlib
import json
import shutil

import pytest

from studio.evidence.verify_certificate import PAYLOAD_TYPE
from studio.recipe import save_recipe
from tests.commands.conftest import run


@pytest.fixture
def certified(make_recipe, tmp_path, capsys, rebuilt_here):
    """A folder with a certificate that a throw-away key signed."""
    save_recipe(make_recipe(), tmp_path / "recipe.json")
    asked = ("unmerge", tmp_path / "recipe.json", "--task", "red", "--certify", "--demo-key")
    assert run(capsys, *asked, "--ledger", tmp_path / "ledger", "--out", tmp_path / "out")[0] == 0
    return tmp_path / "out"


def verify(capsys, folder, *more):
    certificate = ("--certificate", folder / "certificate.dsse.json")
    return run(
        capsys, "verify", folder, *certificate, "--public-key", folder / "public_key.pem", *more
    )


def test_every_check_is_printed_and_written(capsys, certified, tmp_path):
    code, out, err = verify(capsys, certified, "--json", tmp_path / "v.json")
    found = json.loads((tmp_path / "v.json").read_text())
    assert (code, err, found["good"]) == (0, "", True)
    assert out.count("ok: ") == len(found["findings"])
    assert found["statement"]["predicate"]["signer"]["demo"] is True


def test_a_bundle_that_was_changed_leaves_with_1(capsys, certified, tmp_path):
    (certified / "recipe.yaml").write_text("mine")
    code, out, err = verify(capsys, certified, "--json", tmp_path / "v.json")
    assert (code, err) == (1, "studio: The bundle does not pass; see the lines above.\n")
    assert "FAILED: " in out
    assert json.loads((tmp_path / "v.json").read_text())["good"] is False


def test_a_rebuild_wants_the_base(capsys, certified):
    code, _, err = verify(capsys, certified, "--rebuild")
    assert (code, "--rebuild needs --base" in err) == (1, True)


def test_a_predecessor_is_named_by_what_was_signed(capsys, certified, tmp_path):
    file = certified / "certificate.dsse.json"
    asked = (
        "unmerge", tmp_path / "recipe.json", "--task", "blue", "--certify", "--demo-key",
        "--ledger", tmp_path / "ledger", "--out", tmp_path / "next", "--predecessor",
    )  # fmt: skip
    assert run(capsys, *asked, file)[0] == 0
    payload, told = (
        base64.b64decode(json.loads(each.read_text())["payload"])
        for each in (file, tmp_path / "next/certificate.dsse.json")
    )
    assert json.loads(told)["predicate"]["predecessor"] == hashlib.sha256(payload).hexdigest()
    shutil.rmtree(tmp_path / "next")
    code, _, err = run(capsys, *asked, tmp_path / "recipe.json")
    assert (code, err) == (1, f"studio: The payloadType is None, not '{PAYLOAD_TYPE}'.\n")
