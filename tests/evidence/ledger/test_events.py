"""An entry that its readers cannot read is refused with its line, and nobody stops with a fault."""

import pytest

from studio.__main__ import main
from studio.errors import BadLedger
from studio.evidence.ledger import log as log_module
from studio.evidence.ledger.events import CERTIFICATE, EXPORT, ORPHAN, lacking
from studio.evidence.ledger.log import Ledger, verify_log
from tests.evidence.ledger.entries import certified, exported

GONE = {"task": "red", "digest": "d" * 64, "weights_root": "e" * 64}
WRONG = [
    (EXPORT, {}, "copy"),
    (ORPHAN, exported(tasks={"red": 5}), "tasks"),
    (EXPORT, exported(base=None), "base"),
    (CERTIFICATE, {}, "copy"),
    (CERTIFICATE, certified(certificate=5), "certificate"),
    (CERTIFICATE, certified(inputs=[]), "inputs"),
    (CERTIFICATE, certified(inputs=[5]), "inputs"),
    (CERTIFICATE, certified(demo="no"), "demo"),
    (CERTIFICATE, certified(removed=["red"]), "removed"),
    (CERTIFICATE, certified(removed=[GONE | {"digest": 5}]), "removed"),
    (CERTIFICATE, certified(removed=[GONE | {"fingerprint": 5}]), "removed"),
]


def test_what_the_studio_writes_lacks_nothing_and_other_events_are_free():
    assert lacking(EXPORT, exported(tasks={"red": "d" * 64})) == ""
    assert lacking(CERTIFICATE, certified(removed=[GONE, GONE | {"fingerprint": "AA"}])) == ""
    assert lacking("looked for by a visitor", {}) == ""


@pytest.mark.parametrize(("event", "content", "field"), WRONG)
def test_an_entry_without_its_fields_is_refused_by_every_reader(
    event, content, field, tmp_path, monkeypatch, capsys
):
    ledger = Ledger(tmp_path / "ledger")
    words = f"Line 1 is no entry '{event}' of this studio: its field '{field}' is missing or has"
    with pytest.raises(BadLedger, match=words):
        ledger.append(event, content)
    with monkeypatch.context() as patch:
        patch.setattr(log_module, "lacking", lambda *given: "")
        ledger.append(event, content)  # as another program chains it well
    with pytest.raises(BadLedger, match=words):
        Ledger(ledger.folder).entries()
    (wrong,) = verify_log((ledger.folder / "audit.jsonl").read_bytes(), None, None)
    assert wrong.startswith(words)
    assert main(["log", "--ledger", str(ledger.folder)]) == 1
    said = capsys.readouterr()
    assert f"FAILED: {words}" in said.out
    assert "Traceback" not in said.err
