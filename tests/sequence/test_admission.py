"""What was certified as removed neither comes to a state nor stays in it unseen."""

import pytest

from studio.checkpoints.checkpoint import open_checkpoint
from studio.errors import NotAllowed
from studio.evidence.ledger import register
from studio.evidence.ledger.log import Ledger
from studio.sequence.admission import refuse_removed
from tests.sequence.sums import begun, four_tasks, grown, terms_of


def test_a_state_says_how_it_gets_rid_of_what_was_removed(zoo_folder, monkeypatch):
    folder = four_tasks(zoo_folder)
    ledger, state = Ledger(folder / "ledger"), grown(begun(folder, "average", {}), folder, "red")
    newcomer = terms_of(state, folder, "green").deltas
    refuse_removed(ledger, state, newcomer)
    told = {
        "red": "holds 'red', which was .*Let it leave the state first",
        "green": "'green' is the checkpoint that was .*Leave it out",
    }
    for name, words in told.items():
        gone = open_checkpoint(folder / name)
        entry = register.Removed("old", gone.digest, gone.weights.root, "2026-01-02T00:00:00Z")
        monkeypatch.setattr(register, "removed", lambda _, entry=entry: [entry])
        with pytest.raises(NotAllowed, match=words):
            refuse_removed(ledger, state, newcomer)
