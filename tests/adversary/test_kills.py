"""A kill at any write, flush, link or rename: the next start works, and nothing torn looks whole.

Every point of a small operation is tried, and a sample of the long ones; all with ``--all``.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from studio.checkpoints.checkpoint import open_checkpoint
from studio.errors import BadCertificate
from studio.evidence.bundle import Operator, certify
from studio.evidence.certificate import CERTIFICATE_FILE, Request
from studio.evidence.ledger import keys
from studio.evidence.ledger.copies import copies
from studio.evidence.ledger.keys import has_key, kept_public, make_key, open_key
from studio.evidence.ledger.log import Ledger
from studio.evidence.ledger.pending import adopt_orphans
from studio.evidence.logged_export import Account, export_merge
from studio.evidence.unmerge import unmerging
from studio.evidence.verify import verify
from studio.export.plan import ExportPlan
from studio.merge import open_merge
from studio.recipe import Recipe
from studio.sequence.state import add_task, init_state, open_state
from tests.adversary.crashes import Crash, Disk, crashing

PASSPHRASE = "three blind mice"
SAMPLE = 14  # points of a long operation that the normal run tries

pytestmark = pytest.mark.usefixtures("rebuilt_here")


@dataclass(frozen=True)
class Operation:
    """What is killed, in a folder of its own, and what must hold at the next start.

    Attributes:
        before: makes what is there already.
        work: is killed.
        after: looks at what it left, and does the same again.
        long: whether the normal run tries a sample.
    """

    before: Callable[[Path], None]
    work: Callable[[Path], object]
    after: Callable[[Path], None]
    long: bool = False


@pytest.fixture(autouse=True)
def few_rounds(monkeypatch) -> None:
    """Of the derivation of a key: it is made a hundred times here."""
    monkeypatch.setattr(keys, "ROUNDS", 70_000)  # of as many bytes as the real number


def nothing(folder: Path) -> None:
    """Nothing is there."""


def a_log(folder: Path) -> None:
    Ledger(folder / "ledger").append("begun", {}, make_key(folder / "ledger", PASSPHRASE))


def append(folder: Path) -> None:
    Ledger(folder / "ledger").append("merged", {"name": "out"})


def append_signed(folder: Path) -> None:
    ledger = Ledger(folder / "ledger")
    ledger.append("merged", {"name": "out"}, open_key(ledger.folder, PASSPHRASE))


def log_goes_on(folder: Path) -> None:
    ledger = Ledger(folder / "ledger")
    before = len(ledger.entries())
    ledger.append("again", {})
    assert len(ledger.entries()) in (before + 1, before + 2)  # one tells of a torn line
    assert ledger.verify(kept_public(ledger.folder)) == []


def signed_log_goes_on(folder: Path) -> None:
    append_signed(folder)
    log_goes_on(folder)


def new_key(folder: Path) -> object:
    return make_key(folder / "ledger", PASSPHRASE)


def key_opens(folder: Path) -> None:
    ledger = folder / "ledger"
    made = (open_key if has_key(ledger) else make_key)(ledger, PASSPHRASE)
    assert kept_public(ledger) == made.public_pem
    with pytest.raises(BadCertificate, match="exists already"):
        make_key(ledger, PASSPHRASE)


def exports(recipe: Recipe) -> Operation:
    root = open_merge(recipe)

    def work(folder: Path) -> None:
        ledger = Ledger(folder / "ledger")
        export_merge(root, ExportPlan(folder / "out"), account=Account(ledger))

    def after(folder: Path) -> None:
        whole = looked_at(folder)
        if not whole:
            work(folder)
        assert [each.state for each in copies(Ledger(folder / "ledger"))] == ["alive"]
        log_goes_on(folder)

    return Operation(nothing, work, after, long=True)


def looked_at(folder: Path) -> bool:
    """Start again; whether the export is there, which must be whole and known then."""
    ledger, out = Ledger(folder / "ledger"), folder / "out"
    adopt_orphans(ledger)
    assert list(folder.glob(".out*")) == []
    assert not list((ledger.folder / "pending").glob("*.json"))
    known = [each for each in copies(ledger) if each.state == "alive"]
    assert len(known) == out.exists()
    if out.exists():
        assert open_checkpoint(out).digest == known[0].root
    return out.exists()


def certificates(recipe: Recipe) -> Operation:
    def work(folder: Path, name: str = "out") -> None:
        ledger = Ledger(folder / "ledger")
        operator = Operator(ledger, open_key(ledger.folder, PASSPHRASE), Request("other"))
        certify(open_merge, unmerging(recipe, ("red",)), folder / name, operator)

    def after(folder: Path) -> None:
        out, ledger = folder / "out", Ledger(folder / "ledger")
        if looked_at(folder):
            found = verify(out, out / CERTIFICATE_FILE, out / "public_key.pem")
            assert all(each.good for each in found.findings), found.findings
            log = ledger.folder / "audit.jsonl"
            logged = verify(out, out / CERTIFICATE_FILE, out / "public_key.pem", log)
            assert logged.good == bool(copies(ledger)[0].certificate)
        work(folder, "again")
        assert copies(ledger)[0].certificate
        log_goes_on(folder)

    return Operation(a_log, work, after, long=True)


def states(zoo: Path) -> Operation:
    def before(folder: Path) -> None:
        init_state(open_checkpoint(zoo / "base"), folder / "s.safetensors", {})

    def work(folder: Path) -> None:
        base, red = open_checkpoint(zoo / "base"), open_checkpoint(zoo / "red")
        add_task(open_state(folder / "s.safetensors"), base, red, "red")

    def after(folder: Path) -> None:
        state = open_state(folder / "s.safetensors")  # its seal is checked
        if not state.tasks:
            work(folder)
        found = open_state(folder / "s.safetensors")
        assert [each.name for each in found.tasks] == ["red"]
        assert [each.name for each in folder.iterdir()] == ["s.safetensors"] or state.tasks

    return Operation(before, work, after)


@pytest.fixture
def operation(request, make_recipe, zoo_folder) -> Operation:
    small = {
        "a first entry of the log": Operation(nothing, append, log_goes_on),
        "an entry of the log": Operation(a_log, append, log_goes_on),
        "a signed entry of the log": Operation(a_log, append_signed, signed_log_goes_on),
        "a key": Operation(nothing, new_key, key_opens),
    }
    if request.param in small:
        return small[request.param]
    if request.param == "a state":
        return states(zoo_folder)
    return {"an export": exports, "a certificate": certificates}[request.param](make_recipe())


def points(calls: int, sampled: bool) -> Iterator[tuple[int, bool]]:
    """(call, whether it is still carried out); of many calls the first, the last and some."""
    chosen = range(calls)
    if sampled and calls > SAMPLE:
        chosen = sorted({round(i * (calls - 1) / (SAMPLE - 1)) for i in range(SAMPLE)})
    for number in chosen:
        yield number, False
        if not sampled:
            yield number, True


@pytest.mark.slow
@pytest.mark.parametrize(
    "operation",
    ["a first entry of the log", "an entry of the log", "a signed entry of the log", "a key",
     "a state", "an export", "a certificate"],
    indirect=True,
)  # fmt: skip
def test_a_kill_leaves_what_the_next_start_goes_on_with(
    operation, tmp_path, request, record_property, capsys, one_thread
):
    sampled = operation.long and not request.config.getoption("--all", default=False)
    started = tmp_path / "started"
    started.mkdir()
    operation.before(started)
    counted = Disk()
    operation.work(Path(shutil.copytree(started, tmp_path / "first")))  # fills the cache
    shutil.copytree(started, tmp_path / "counted")
    with crashing(counted):
        operation.work(tmp_path / "counted")
    tried = 0
    for number, late in points(len(counted.calls), sampled):
        folder = Path(shutil.copytree(started, tmp_path / "killed"))
        disk = Disk(number, late)
        with crashing(disk), suppress(Crash):
            operation.work(folder)
        if not disk.dead:  # a few calls depend on what the cache forgot
            assert number > 0.9 * len(counted.calls)
            shutil.rmtree(folder)
            continue
        operation.after(folder)
        shutil.rmtree(folder)
        tried += 1
    assert tried >= min(len(counted.calls), SAMPLE) - 1
    record_property("kill points", f"{tried} of {2 * len(counted.calls)}")
    with capsys.disabled():
        print(f" {tried} of {2 * len(counted.calls)} points held", end="")
