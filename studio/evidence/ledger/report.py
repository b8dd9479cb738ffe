"""What a ledger says: its state, its events and the copies it knows, for people and as JSON."""

from dataclasses import asdict

from studio.evidence.ledger.copies import Copy, copies
from studio.evidence.ledger.keys import kept_public
from studio.evidence.ledger.log import Ledger
from studio.evidence.ledger.register import removed


def problems(ledger: Ledger) -> list[str]:
    """What is wrong with the log, a sentence each; checked against the ledger's own key."""
    return ledger.verify(kept_public(ledger.folder))


def lines(ledger: Ledger) -> list[str]:
    """The log for people, a line each."""
    wrong = problems(ledger)
    if wrong:
        return [f"FAILED: {words}" for words in wrong]
    head = ledger.head()
    told = [f"The log is a whole chain of {head.entries} entries with the head {head.hash}."]
    if ledger.unsigned:
        told.append(f"{ledger.unsigned} of them lie behind the signed head.")
    for entry in ledger.entries():
        about = ", ".join(
            f"{name} {entry.content[name]}"
            for name in ("name", "copy", "task", "certificate", "claim")
            if entry.content.get(name)
        )
        told.append(f"{entry.seq}  {entry.time}  {entry.event}  {about}")
    told += [f"removed: {each.task}, {each.root} ({each.time})" for each in removed(ledger)]
    return told + [copy_words(each) for each in copies(ledger)]


def copy_words(copy: Copy) -> str:
    """One line on a copy."""
    certified = f"certificate {copy.certificate[:16]}…" if copy.certificate else "uncertified"
    orphan = ", orphan export" if copy.orphan else ""
    return (
        f"copy {copy.id}  {copy.name}  {copy.state}{orphan}  {certified}  holds "
        f"{', '.join(copy.tasks) or 'no task'}"
    )


def plain(ledger: Ledger) -> dict:
    """The same as plain values; paths stay out of it."""
    wrong = problems(ledger)
    if wrong:
        return {"problems": wrong}
    return {
        "problems": wrong,
        "head": asdict(ledger.head()),
        "entries": [asdict(each) for each in ledger.entries()],
        "copies": [asdict(each) | {"path": None} for each in copies(ledger)],
        "removed": [asdict(each) for each in removed(ledger)],
    }
