"""What was done to a log is found: by its chain, by its signed head, by a head kept elsewhere."""

import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from studio.disk import durable
from studio.errors import BadCertificate, BadLedger
from studio.evidence.ledger.keys import SigningKey, canonical, demo_key
from studio.evidence.ledger.log import NOTHING, Ledger, LogHead, verify_log
from tests.conftest import ROOT, refusal

KEY = SigningKey(demo_key().private, demo=False)
OTHER = SigningKey(demo_key().private, demo=False)
START = 1_795_590_000  # 2026-11-25T07:00:00Z


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """Five entries, all behind a signed head."""
    made = Ledger(tmp_path / "log", lambda: START)
    for i in range(5):
        made.append("merged", {"number": i}, KEY)
    return made


def lines(ledger: Ledger) -> list[bytes]:
    return (ledger.folder / "audit.jsonl").read_bytes().splitlines(keepends=True)


def write(ledger: Ledger, found: list[bytes]) -> None:
    (ledger.folder / "audit.jsonl").write_bytes(b"".join(found))


def anew(found: list[bytes]) -> list[bytes]:
    """The same lines with seq, prev and hash computed again: what somebody would write."""
    made, prev = [], NOTHING
    for seq, line in enumerate(found, 1):
        data = json.loads(line) | {"seq": seq, "prev": prev}
        del data["hash"]
        prev = hashlib.sha256(canonical(data)).hexdigest()
        made.append(canonical(data | {"hash": prev}) + b"\n")
    return made


def test_entries_are_chained_and_say_when_and_what_and_not_who(ledger):
    entries = ledger.entries()
    assert [entry.seq for entry in entries] == [1, 2, 3, 4, 5]
    signed_by = {"signed_by": KEY.fingerprint}
    assert [entry.content for entry in entries] == [{"number": i} | signed_by for i in range(5)]
    assert entries[0].prev == NOTHING == "0" * 64
    assert [entry.prev for entry in entries[1:]] == [entry.hash for entry in entries[:-1]]
    assert {entry.time for entry in entries} == {"2026-11-25T07:00:00Z"}
    assert {entry.actor for entry in entries} == {(ledger.folder / "actor").read_text()}
    assert len(entries[0].actor) == 32
    assert ledger.head() == LogHead(5, entries[-1].hash)
    assert ledger.verify(KEY.public_pem, [ledger.head(), LogHead(0, NOTHING)]) == []
    assert ledger.unsigned == 0
    for data in map(json.loads, lines(ledger)):
        claimed = data.pop("hash")
        plain = json.dumps(data, sort_keys=True, separators=(",", ":"))
        assert hashlib.sha256(plain.encode()).hexdigest() == claimed


def test_an_empty_log_has_a_head_and_reading_makes_no_files(tmp_path):
    ledger = Ledger(tmp_path / "none")
    assert ledger.entries() == ()
    assert ledger.head() == LogHead(0, NOTHING)
    assert ledger.verify(None) == []
    assert ledger.unsigned == 0
    assert not ledger.folder.exists()


def test_only_the_owner_can_read_the_log(ledger):
    for file in (ledger.folder, *ledger.folder.iterdir()):
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0


def test_content_comes_back_as_json_would_write_it(tmp_path):
    ledger = Ledger(tmp_path)
    entry = ledger.append("größer\n", {"Ω": "\u2028", "a": {2: 1e300, 10: [0.1, None]}})
    assert entry.content == {"Ω": "\u2028", "a": {"2": 1e300, "10": [0.1, None]}}
    assert Ledger(tmp_path).entries() == (entry,)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"value": float("inf")}, "The event 'merged' cannot be written as JSON"),
        ({"half": "\ud800"}, "which is not Unicode text"),
    ],
)
def test_what_could_not_be_read_again_is_not_written(content, words, ledger):
    with pytest.raises(BadLedger) as error:
        ledger.append("merged", content, KEY)
    assert words in refusal(error)
    assert len(Ledger(ledger.folder).entries()) == 5
    assert ledger.verify(KEY.public_pem) == []


def edited(found: list[bytes]) -> list[bytes]:
    return [*found[:2], found[2].replace(b'"number":2', b'"number":7'), *found[3:]]


def edited_with_its_hash(found: list[bytes]) -> list[bytes]:
    data = json.loads(edited(found)[2])
    del data["hash"]
    digest = hashlib.sha256(canonical(data)).hexdigest()
    return [*found[:2], canonical(data | {"hash": digest}) + b"\n", *found[3:]]


BROKEN: dict[str, tuple[Callable, str]] = {
    "edit": (edited, "Line 3 was edited: its hash does not fit what it says."),
    "edit with its hash": (edited_with_its_hash, "Line 4 is entry 4 and does not continue"),
    "deletion": (lambda x: [*x[:1], *x[2:]], "Line 2 is entry 3 and does not continue"),
    "deletion at the start": (lambda x: x[1:], "Line 1 is entry 2 and does not continue"),
    "swap": (lambda x: [x[0], x[2], x[1], *x[3:]], "Line 2 is entry 3 and does not continue"),
    "repetition": (lambda x: [*x[:2], *x[1:]], "Line 3 is entry 2 and does not continue"),
    "blank": (lambda x: [x[0].replace(b":", b": "), *x[1:]], "Line 1 was edited: its hash"),
    "empty line": (lambda x: [*x[:2], b"\n", *x[2:]], "Line 3 is not JSON"),
    "another field": (lambda x: [*x[:4], b'{"seq":5}\n'], "Line 5 was edited: it does not have"),
    "key twice": (lambda x: [x[0].replace(b"{", b'{"seq":1,', 1), *x[1:]], "names seq twice"),
}


@pytest.mark.parametrize("way", BROKEN)
@pytest.mark.parametrize("known", [True, False], ids=["seen before", "opened after"])
def test_a_broken_chain_is_found_and_nothing_is_appended(way, known, ledger):
    change, words = BROKEN[way]
    write(ledger, change(lines(ledger)))
    before = lines(ledger)
    ledger = ledger if known else Ledger(ledger.folder)
    assert words in ledger.verify(None)[0]
    for act in (ledger.entries, ledger.head, lambda: ledger.append("merged", {}, KEY)):
        with pytest.raises(BadLedger) as error:
            act()
        assert "audit.jsonl: " in refusal(error)
        assert words in refusal(error)
    assert lines(ledger) == before


def test_a_cut_log_is_found_by_its_signed_head_and_not_signed_again(ledger):
    head = (ledger.folder / "head.json").read_bytes()
    write(ledger, lines(ledger)[:3])
    text = b"".join(lines(ledger))
    (sentence,) = verify_log(text, head, KEY.public_pem)
    assert sentence.startswith("The signed head is entry 5 with the hash ")
    assert sentence.endswith("but the log has 3 entries: it was cut or rolled back.")
    for again in (ledger, Ledger(ledger.folder)):
        for key in (KEY, None, demo_key()):
            with pytest.raises(BadLedger, match="Nothing is appended"):
                again.append("merged", {}, key)
    assert (ledger.folder / "head.json").read_bytes() == head


def test_a_log_hashed_again_from_the_start_is_found_only_by_its_signed_head(ledger):
    write(ledger, anew(edited(lines(ledger))))
    text, head = b"".join(lines(ledger)), (ledger.folder / "head.json").read_bytes()
    (sentence,) = verify_log(text, head, KEY.public_pem)
    assert sentence.endswith("but in the log it is another: the log was written anew.")
    with pytest.raises(BadLedger, match="The 5 entries read before are not its start any more"):
        ledger.append("merged", {}, KEY)
    with pytest.raises(BadLedger, match="the log was written anew. Nothing is appended."):
        Ledger(ledger.folder).append("merged", {}, KEY)


def test_a_log_rolled_back_with_its_head_is_found_only_by_a_head_kept_elsewhere(ledger, tmp_path):
    shutil.copytree(ledger.folder, tmp_path / "old")
    ledger.append("merged", {}, KEY)
    quoted = ledger.head()
    old = Ledger(tmp_path / "old")
    assert old.verify(KEY.public_pem) == []
    (sentence,) = old.verify(KEY.public_pem, [quoted])
    assert sentence == (
        f"A certificate quotes entry 6 with the hash {quoted.hash[:12]}…, but the log has "
        "5 entries: it was cut or rolled back."
    )
    old.append("something else", {}, KEY)
    assert old.verify(KEY.public_pem) == []
    (sentence,) = old.verify(KEY.public_pem, [quoted])
    assert sentence.endswith("but in the log it is another: the log was written anew.")
    write(ledger, lines(old))
    shutil.copy(old.folder / "head.json", ledger.folder)
    with pytest.raises(BadLedger, match="The 6 entries read before are not its start any more"):
        ledger.entries()


def test_a_forged_head_is_found(ledger):
    file, fields = ledger.folder / "head.json", ("entries", "head", "time", "sig", "fingerprint")
    data = json.loads(file.read_bytes())
    assert set(data) == set(fields)
    write(ledger, lines(ledger)[:3])
    again = Ledger(ledger.folder)
    short = data | {"entries": 3, "head": again.head().hash}
    file.write_bytes(canonical(short))
    words = "The signature of the head (head.json) does not fit: it was edited."
    assert again.verify(KEY.public_pem) == [words]
    assert again.verify(None) == []
    with pytest.raises(BadLedger) as error:
        again.append("merged", {}, KEY)
    assert words in refusal(error)
    again._sign(again.head(), OTHER)
    words = f"The head is signed by the key {OTHER.fingerprint}, not by {KEY.fingerprint}."
    assert again.verify(KEY.public_pem) == [words]
    with pytest.raises(BadLedger) as error:
        again.append("merged", {}, KEY)
    assert words in refusal(error)


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"\xff", b'{"entries":true}', b'{"a":1,"a":1}', b"[]"],
)
def test_a_head_that_cannot_be_read_is_told(content, ledger):
    (ledger.folder / "head.json").write_bytes(content)
    words = "The signed head (head.json) was edited: it cannot be read."
    assert ledger.verify(KEY.public_pem) == [words]
    with pytest.raises(BadLedger) as error:
        ledger.append("merged", {})
    assert words in refusal(error)
    with pytest.raises(BadLedger):
        _ = ledger.unsigned


@pytest.mark.parametrize("left", [5, 2, 1])
def test_a_removed_head_is_found_by_the_entries_that_were_signed(left, ledger):
    (ledger.folder / "head.json").unlink()
    write(ledger, lines(ledger)[:left])
    before = lines(ledger)
    again = Ledger(ledger.folder)
    words = (
        f"head.json is missing although entry {left} was signed: somebody removed it. Keep a copy "
        "of the folder and put the latest head back, or begin another log."
    )
    assert again.verify(None) == again.verify(KEY.public_pem) == [words]
    for key in (KEY, OTHER, None, demo_key()):
        with pytest.raises(BadLedger) as error:
            again.append("merged", {}, key)
        assert refusal(error) == f"{ledger.folder}: {words} Nothing is appended."
    assert lines(ledger) == before
    assert not (ledger.folder / "head.json").exists()
    assert again.unsigned == left
    with pytest.raises(BadCertificate, match="must be a PEM file"):
        ledger.verify(b"no key")


def test_a_head_removed_with_all_that_was_signed_is_found_only_by_a_head_kept_elsewhere(tmp_path):
    ledger = Ledger(tmp_path)
    ledger.append("merged", {})
    ledger.append("merged", {}, KEY)
    quoted = ledger.head()
    (tmp_path / "head.json").unlink()
    write(ledger, lines(ledger)[:1])
    again = Ledger(tmp_path)
    assert again.verify(KEY.public_pem) == []
    (sentence,) = again.verify(KEY.public_pem, [quoted])
    assert sentence.endswith("but the log has 1 entries: it was cut or rolled back.")


def test_a_log_that_nobody_signed_is_healthy_with_a_key_and_signed_from_there(tmp_path):
    ledger = Ledger(tmp_path)
    assert ledger.verify(KEY.public_pem) == []
    ledger.append("merged", {})
    assert ledger.append("merged", {}, demo_key()).content == {}
    assert ledger.verify(KEY.public_pem) == []
    assert ledger.unsigned == 2
    assert ledger.append("merged", {}, KEY).content == {"signed_by": KEY.fingerprint}
    assert ledger.verify(KEY.public_pem) == []
    assert ledger.unsigned == 0
    with pytest.raises(BadCertificate, match="must be a PEM file"):
        Ledger(tmp_path / "none").verify(b"no key")


def test_only_the_log_says_who_signed(ledger):
    with pytest.raises(BadLedger) as error:
        ledger.append("merged", {"signed_by": "me"})
    assert refusal(error) == "The event 'merged' may not have a 'signed_by'; the log adds it."
    assert len(ledger.entries()) == 5


@pytest.mark.parametrize("working", [0, 1], ids=["before the entry", "after the entry"])
def test_a_first_signature_that_breaks_off_leaves_a_log_that_goes_on(
    working, tmp_path, monkeypatch
):
    ledger, really, calls = Ledger(tmp_path), durable.replace_file, []

    def full(*given):
        calls.append(given)
        if len(calls) > working:
            raise OSError(28, "No space left on device")
        really(*given)

    monkeypatch.setattr(durable, "replace_file", full)
    with pytest.raises(BadLedger, match="No space left on device"):
        ledger.append("merged", {}, KEY)
    monkeypatch.undo()
    again = Ledger(tmp_path)
    assert len(again.entries()) == again.unsigned == working
    assert again.verify(KEY.public_pem) == []
    assert again.append("merged", {}, KEY).seq == working + 1
    assert again.verify(KEY.public_pem) == []


def test_a_log_that_another_key_signed_is_refused(ledger):
    words = f"The head is signed by the key {KEY.fingerprint}, not by {OTHER.fingerprint}."
    assert ledger.verify(OTHER.public_pem) == [words]
    with pytest.raises(BadLedger) as error:
        ledger.append("merged", {}, OTHER)
    assert refusal(error) == f"{ledger.folder}: {words} Nothing is appended."
    assert len(ledger.entries()) == 5


def test_a_demo_key_signs_no_head_and_entries_behind_it_are_counted(ledger):
    before = (ledger.folder / "head.json").read_bytes()
    ledger.append("merged", {}, demo_key())
    ledger.append("merged", {})
    assert (ledger.folder / "head.json").read_bytes() == before
    assert ledger.unsigned == 2
    assert ledger.verify(KEY.public_pem) == []
    ledger.append("merged", {}, KEY)
    assert ledger.unsigned == 0


@pytest.mark.parametrize(
    "torn", [b'{"seq":6,"act', b"\0" * 40 + b"\n", b"x", b"\xff\xfe\n"], ids=repr
)
def test_a_torn_line_is_copied_aside_and_told(torn, ledger):
    before = lines(ledger)
    write(ledger, [*before, torn])
    assert len(ledger.entries()) == 5
    (sentence,) = ledger.verify(KEY.public_pem)
    assert sentence == f"Line 6 is torn: {len(torn)} bytes that are no whole entry."
    assert lines(ledger) != before, "reading repairs nothing"
    again = Ledger(ledger.folder)
    entry = again.append("merged", {"number": 5}, KEY)
    recovered = again.entries()[5]
    assert entry.seq == 7
    assert recovered.event == "recovered"
    assert recovered.content == {
        "file": "audit.torn-1",
        "bytes": len(torn),
        "sha256": hashlib.sha256(torn).hexdigest(),
    }
    assert (ledger.folder / "audit.torn-1").read_bytes() == torn
    assert lines(ledger)[:5] == before
    assert again.verify(KEY.public_pem) == ledger.verify(KEY.public_pem) == []
    write(ledger, [*lines(ledger), torn])
    assert ledger.append("merged", {}).seq == 9
    assert ledger.entries()[7].content["file"] == "audit.torn-2"


def test_a_line_without_its_end_was_never_acknowledged_even_if_it_is_whole(ledger, tmp_path):
    shutil.copytree(ledger.folder, tmp_path / "other")
    ledger.append("merged", {})
    write(ledger, [*lines(ledger)[:5], lines(ledger)[5].rstrip()])
    again = Ledger(ledger.folder)
    assert len(again.entries()) == 5
    again.append("merged", {})
    assert [entry.event for entry in again.entries()[5:]] == ["recovered", "merged"]


def test_a_line_that_was_signed_is_damaged_and_not_torn(ledger):
    write(ledger, [*lines(ledger)[:4], lines(ledger)[4][:30]])
    before = lines(ledger)
    with pytest.raises(BadLedger, match="The signed head is entry 5 .* the log has 4 entries"):
        Ledger(ledger.folder).append("merged", {}, KEY)
    with pytest.raises(BadLedger, match="The 5 entries read before"):
        ledger.append("merged", {})
    assert lines(ledger) == before
    assert not list(ledger.folder.glob("audit.torn-*"))


def test_a_disk_that_fails_leaves_the_log_as_it_was(ledger, monkeypatch):
    before, really, sizes = lines(ledger), os.write, []

    def full(handle: int, content: bytes) -> int:
        if sizes:
            raise OSError(28, "No space left on device")
        really(handle, content[:20])
        sizes.append((ledger.folder / "audit.jsonl").stat().st_size)
        return 20

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(BadLedger, match="could not be written: No space left on device"):
        ledger.append("merged", {}, KEY)
    monkeypatch.undo()
    assert sizes == [len(b"".join(before)) + 20]
    assert lines(ledger) == before
    assert ledger.append("merged", {}, KEY).seq == 6


def test_a_head_that_cannot_be_signed_is_told_with_the_event_that_is_written(ledger, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(durable, "replace_file", full)
    with pytest.raises(BadLedger, match="event 6 is in the log, but its head could not be signed"):
        ledger.append("merged", {}, KEY)
    monkeypatch.undo()
    assert ledger.unsigned == 1
    assert ledger.append("merged", {}, KEY).seq == 7
    assert ledger.verify(KEY.public_pem) == []


@pytest.mark.slow
def test_no_event_is_lost_when_four_processes_append_ten_each(tmp_path):
    program = (
        "import sys; from pathlib import Path; from studio.evidence.ledger.log import Ledger\n"
        "ledger = Ledger(Path(sys.argv[1]))\n"
        "for i in range(10): ledger.append('merged', {'by': sys.argv[2], 'number': i})\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "log"), name], cwd=ROOT)
        for name in "abcd"
    ]
    assert [each.wait(timeout=60) for each in running] == [0, 0, 0, 0]
    entries = Ledger(tmp_path / "log").entries()
    assert Ledger(tmp_path / "log").verify(None) == []
    assert [entry.seq for entry in entries] == list(range(1, 41))
    assert len({entry.actor for entry in entries}) == 1
    for name in "abcd":
        found = [e.content["number"] for e in entries if e.content["by"] == name]
        assert found == list(range(10))


@pytest.fixture
def restless():
    """Threads that take turns every ten microseconds."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("restless")
def test_threads_may_read_a_log_at_once_while_it_grows(tmp_path):
    writer = Ledger(tmp_path)
    for i in range(300):
        writer.append("merged", {"number": i})
    for _ in range(5):
        fresh = Ledger(tmp_path)
        with ThreadPoolExecutor(5) as pool:
            grown = pool.submit(writer.append, "merged", {})
            found = [pool.submit(fresh.entries) for _ in range(4)]
            sizes = {len(each.result()) for each in found}
            assert sizes <= {grown.result().seq - 1, grown.result().seq}
        assert fresh.entries() == writer.entries()


def test_a_read_that_was_overtaken_does_not_take_back_what_was_read(ledger, monkeypatch):
    fresh, really, old = Ledger(ledger.folder), durable.read_if_there, []

    def overtaken(path: Path, error: type) -> bytes | None:
        found = really(path, error)
        if not old:  # another thread, where nothing locks, reads what was appended meanwhile
            old.append(found)
            write(ledger, [*lines(ledger), line])
            assert len(fresh.entries()) == 6
        return found

    ledger.append("merged", {})
    line = lines(ledger)[5]
    write(ledger, lines(ledger)[:5])
    monkeypatch.setattr(durable, "read_if_there", overtaken)
    assert len(fresh.entries()) == 5
    monkeypatch.undo()
    write(ledger, lines(ledger)[:5])
    with pytest.raises(BadLedger, match="The 6 entries read before are not its start any more"):
        fresh.entries()


def test_two_ledgers_of_one_folder_see_what_the_other_appends(ledger):
    other = Ledger(ledger.folder)
    for i in range(6, 10, 2):
        assert other.append("merged", {}, KEY).seq == i
        assert ledger.append("merged", {}, KEY).seq == i + 1
    assert other.entries() == ledger.entries()


def test_a_broken_log_is_compared_with_heads_as_far_as_it_holds(ledger):
    early, late = LogHead(2, "f" * 64), ledger.head()
    write(ledger, edited(lines(ledger)))
    found = ledger.verify(KEY.public_pem, [early, late])
    assert len(found) == 2
    assert found[0].startswith("Line 3 was edited")
    assert found[1].startswith("A certificate quotes entry 2 with the hash ffffffffffff…")


def test_a_pipe_or_a_strange_actor_is_refused(ledger):
    (ledger.folder / "actor").write_text("Erika Mustermann")
    with pytest.raises(BadLedger, match="is not 32 hex digits"):
        ledger.append("merged", {})
    (ledger.folder / "actor").write_text("")
    with pytest.raises(BadLedger, match="actor is empty: a program was stopped .* Remove it; anot"):
        ledger.append("merged", {})
    (ledger.folder / "audit.jsonl").unlink()
    os.mkfifo(ledger.folder / "audit.jsonl")
    with pytest.raises(BadLedger, match="is not a regular file"):
        ledger.entries()
