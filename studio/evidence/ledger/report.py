"""What a ledger says: its state, its events and the copies it knows, for people and as JSON."""

from collections.abc import Sequence
from dataclasses import asdict

from studio.errors import BadLedger
from studio.evidence.ledger.copies import Copy, copies, unfound_words
from studio.evidence.ledger.keys import kept_public
from studio.evidence.ledger.log import Ledger
from studio.evidence.ledger.register import Removed, removed, unsalted_words


def problems(ledger: Ledger) -> list[str]:
    """What is wrong with the log, a sentence each; checked against the ledger's own key."""
    return ledger.verify(kept_public(ledger.folder))


def warnings(ledger: Ledger) -> list[str]:
    """A sentence on each thing that a sound log cannot know since a file beside it is damaged."""
    try:
        ledger.entries()
    except BadLedger:
        return []  # which is said wherever the log is read
    told = []
    for each in (unfound_words, unsalted_words):
        try:
            told += each(ledger)
        except BadLedger as problem:
            told.append(str(problem))
    return list(dict.fromkeys(told))


def lines(ledger: Ledger) -> list[str]:
    """The log for people, a line each."""
    wrong = problems(ledger)
    if wrong:
        return [f"FAILED: {words}" for words in wrong]
    head = ledger.head()
    told = [f"The log is a whole chain of {head.entries} entries with the head {head.hash}."]
    if ledger.unsigned:
        told.append(
            f"{ledger.unsigned} of them lie behind the signed head: they were written without the "
            "key, and the next entry that is signed with it covers them, too."
        )
    for entry in ledger.entries():
        about = ", ".join(
            f"{name} {entry.content[name]}"
            for name in ("name", "copy", "task", "certificate", "claim")
            if entry.content.get(name)
        )
        told.append(f"{entry.seq}  {entry.time}  {entry.event}  {about}")
    gone = removed(ledger)
    told += [f"removed: {each.task}, {each.root} ({each.time})" for each in gone]
    told += [copy_words(each, gone) for each in copies(ledger)]
    return told + [f"WARNING: {words}" for words in warnings(ledger)]


def copy_words(copy: Copy, gone: Sequence[Removed] = ()) -> str:
    """One line on a copy, and on what it holds of what was removed."""
    names = dict.fromkeys(each.task for each in gone if copy.holds([each.digest]))
    still = f"; HOLDS WHAT WAS REMOVED: {', '.join(names)}" if names else ""
    certified = f"certificate {copy.certificate[:16]}…" if copy.certificate else "uncertified"
    orphan = ", orphan export" if copy.orphan else ""
    return (
        f"copy {copy.id}  {copy.name}  {copy.state}{orphan}  {certified}  holds "
        f"{', '.join(copy.tasks) or 'no task'}{still if copy.state != 'recalled' else ''}"
    )


def plain(ledger: Ledger) -> dict:
    """The same as plain values; paths stay out of it."""
    wrong = problems(ledger)
    if wrong:
        return {"problems": wrong}
    return {
        "problems": wrong,
        "warnings": warnings(ledger),
        "head": asdict(ledger.head()),
        "entries": [asdict(each) for each in ledger.entries()],
        "copies": [asdict(each) | {"path": None} for each in copies(ledger)],
        "removed": [asdict(each) for each in removed(ledger)],
    }
