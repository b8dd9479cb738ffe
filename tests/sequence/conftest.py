"""What several files about states look at."""

import pytest

from studio.checkpoints.checkpoint import open_checkpoint
from studio.evidence.bundle import Operator
from studio.evidence.certificate import Request
from studio.evidence.ledger.keys import demo_key
from studio.evidence.ledger.log import Ledger
from studio.sequence.arrivals import come
from studio.sequence.receipt import open_receipt
from studio.sequence.removal import by_receipt, certify_removal
from studio.sequence.sums import init_sums
from studio.sequence.sums_check import CAME, log_change
from studio.sequence.terms import Terms
from tests.conftest import draw, save_model


@pytest.fixture(scope="session")
def certified_removal(tmp_path_factory):
    """What was signed, and its folder: 'green' left, 'red' stays; the log had quoted its root."""
    folder = tmp_path_factory.mktemp("removal")
    save_model(folder / "base", draw(0))
    for seed, name in ((1, "red"), (2, "green")):
        more = draw(seed, scale=0.1)
        save_model(folder / name, {key: each + more[key] for key, each in draw(0).items()})
    base, ledger = open_checkpoint(folder / "base"), Ledger(folder / "ledger")
    state = init_sums(base, folder / "s", "average", {})
    for name in ("red", "green"):
        terms = Terms.of(state, base, (name, open_checkpoint(folder / name)), 1.0, None)
        state = come(state, terms, folder / f"{name}.receipt")
        log_change(ledger, state, state.member(name), CAME)
    leaver = by_receipt(state, open_receipt(folder / "green.receipt"))
    operator = Operator(ledger, demo_key(), Request(reference="T-1", recipients=("a partner",)))
    return certify_removal(state, leaver, base, folder / "out", operator, {}, lambda *_: None)
