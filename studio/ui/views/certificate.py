"""Pure views of the Unmerge tab: copies, who signs, certificates and their verification."""

from base64 import b64encode
from collections.abc import Sequence
from html import escape
from pathlib import Path

from studio.evidence.bundle import KEY_FILE, REPORT_FILE, Certified
from studio.evidence.certificate import CERTIFICATE_FILE
from studio.evidence.ledger.copies import Copy
from studio.evidence.ledger.keys import DEMO_WORDS, SigningKey
from studio.evidence.ledger.log import LogHead
from studio.evidence.tamper import Tampered
from studio.evidence.verify import Verification, closing_words
from studio.ui.views.evidence import MARKS


def copies(known: Sequence[Copy], digests: Sequence[str], orphans: Sequence[str]) -> str:
    """Exports that the log knows; those that still hold a removed task in red until recalled."""
    notes = "".join(f"<p class='note'>{escape(words)}</p>" for words in orphans)
    if not known:
        return f"{notes}<p class='quiet'>This studio has exported nothing yet.</p>"
    body = "".join(_copy(each, each.holds(digests)) for each in known)
    return (
        f"{notes}<div class='scroll' tabindex='0' role='region' aria-label='Copies'><table "
        "class='studio copies'><caption>Copies that this ledger knows</caption><thead><tr>"
        "<th scope='col'>folder</th><th scope='col'>made (UTC)</th><th scope='col'>state</th>"
        "<th scope='col'>holds</th><th scope='col'>certificate (sha256)</th></tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def living(known: Sequence[Copy], digests: Sequence[str]) -> str:
    """How many copies still hold an unticked task, in red; empty while none is unticked."""
    red = sum(each.holds(digests) and each.state != "recalled" for each in known)
    if red:
        return (
            f"<p class='refusal' id='living'><b>{red} cop{'y' if red == 1 else 'ies'}</b> still "
            f"hold{'s' if red == 1 else ''} an unticked task. The removal counts only together "
            "with their recall.</p>"
        )
    return "<p class='fine' id='living'>No known copy holds an unticked task.</p>" * bool(digests)


def log(head: LogHead, unsigned: int, wrong: Sequence[str]) -> str:
    """Whether the log is whole and signed, and its head, to be written down elsewhere."""
    if wrong:
        return "".join(f"<p class='refusal' role='alert'>{escape(words)}</p>" for words in wrong)
    entries = "1 entry" if head.entries == 1 else f"{head.entries:,} entries"
    behind = ""
    if unsigned:
        few = "1 of them lies" if unsigned == 1 else f"{unsigned:,} of them lie"
        behind = (
            f"{few} behind the signed head: written while no key was unlocked, so somebody "
            "who can write on this computer could cut or change them unseen. Unlock your key "
            "under <b>The key that signs</b>: the next entry is then signed, and all before it "
            "with it. "
        )
    return (
        f"<p class='quiet' id='log'>The log is a whole chain of {entries}; its head is <code>"
        f"{head.hash[:16]}…</code>. {behind}Every certificate quotes the head at its time.</p>"
    )


def _copy(each: Copy, red: bool) -> str:
    states = {
        "alive": "alive", "missing": "not where it was written", "recalled": "recalled",
        "unknown": "place unknown, may be alive",
    }  # fmt: skip
    state = states[each.state] + (", orphan export" if each.orphan else "")
    css = "living" if red and each.state != "recalled" else ""
    mark = "⚠ " if css else ""
    signed = f"<code>{escape(each.certificate[:12])}</code>" if each.certificate else "none"
    return (
        f"<tr class='{css}' data-copy-id='{escape(each.id)}'><th scope='row'>"
        f"{escape(each.name)}</th><td>"
        f"{escape(each.made[:16].replace('T', ' '))}</td><td>{mark}{state}</td>"
        f"<td>{escape(', '.join(each.tasks)) or 'no task'}</td><td>{signed}</td></tr>"
    )


def key(signing: SigningKey, has_key: bool) -> str:
    """Who signs."""
    grouped = " ".join(signing.fingerprint[i : i + 4] for i in range(0, 64, 4))
    if signing.demo:
        next_ = "unlock the ledger's key" if has_key else "make a key"
        return (
            f"<div class='note' id='signer' data-demo='1'><b>{DEMO_WORDS}.</b> It is thrown away "
            "with this studio, and what it signs binds nothing. For evidence that lasts, "
            f"{next_} with a passphrase.</div>"
        )
    return (
        f"<div class='fine' id='signer' data-demo='0'>Signed with this ledger's key. Fingerprint "
        f"<code>{grouped}</code>; hand it out by another channel than the bundle. It signs for "
        "everyone who uses this studio until the studio is stopped.</div>"
    )


def key_line(signing: SigningKey) -> str:
    """Who signs, in one line above the button."""
    if signing.demo:
        return (
            "<p class='quiet'>A demo key signs, which binds nothing; your own is under <b>The key "
            "that signs</b>.</p>"
        )
    return f"<p class='quiet'>Your key <code>{signing.fingerprint[:16]}…</code> signs.</p>"


def certificate(made: Certified | None) -> str:
    """What was certified last, and what to take away of it."""
    if made is None or not made.folder.is_dir():
        return ""
    predicate = made.statement["predicate"]
    css, mark, word = MARKS[predicate["verdict"]["result"]]
    demo = f" <b>{DEMO_WORDS}.</b>" if predicate["signer"]["demo"] else ""
    links = " ".join(
        _download(made.folder / name, kind, words)
        for name, kind, words in (
            (CERTIFICATE_FILE, "application/json", "Certificate"),
            (REPORT_FILE, "text/html", "Report"),
            (KEY_FILE, "application/x-pem-file", "Public key"),
        )
        if (made.folder / name).is_file()
    )
    return (
        f"<div class='{css}' id='certified' data-result='{predicate['verdict']['result']}'>"
        f"<b>{mark} {word}.</b> {escape(predicate['verdict']['words'])}{demo}<p class='saves'>"
        f"{links} <button type='button' data-print>Print</button></p><p class='quiet'>Bundle "
        f"<code>{escape(made.folder.name)}</code>, certificate no. <code>{made.number}</code>, as "
        "its report says. The log knows it by the sha256 of what was signed: <code>"
        f"{made.digest[:16]}…</code>. An auditor checks it offline, with verifier and key of their "
        "own: <code>python -I "
        "verify_certificate.py BUNDLE BUNDLE/certificate.dsse.json public_key.pem</code></p>"
        f"{_successor(predicate)}</div>"
    )


def _successor(predicate: dict) -> str:
    """What a replacement asks for next."""
    if predicate["operation"] != "replace":
        return ""
    task = escape(predicate["removed"][0]["task"])
    return (
        f"<p>The earlier checkpoint of {task} stays out of this zoo's mixes, unless the key is a "
        "demo. To go on with its successor, name that folder in zoo.yaml.</p>"
    )


def _download(file: Path, kind: str, words: str) -> str:
    content = b64encode(file.read_bytes()).decode()
    return f"<a download='{file.name}' href='data:{kind};base64,{content}'>{words}</a>"


def verification(found: tuple[str, Verification] | None, own: str) -> str:
    """Green or red, with the reasons, of the bundle verified last."""
    if found is None:
        return ""
    name, checked = found
    css, mark, word = MARKS["pass" if checked.good else "fail"]
    lines = _findings(checked)
    extra = "".join(f"<p class='quiet'>{escape(words)}</p>" for words in closing_words(checked))
    signer = (checked.statement or {}).get("predicate", {}).get("signer", {})
    if checked.statement is not None and signer.get("fingerprint") != own:
        extra += (
            "<p class='quiet'>The key is the one inside the bundle, and not this studio's: compare "
            "its fingerprint with the one you were given.</p>"
        )
    return (
        f"<div class='{css}' id='verified' data-good='{int(checked.good)}'><b>{mark} "
        f"{escape(name)}: {word}.</b><ul>{lines}</ul>{extra}</div>"
    )


def tampered(shown: Tampered | None) -> str:
    """What the verification says of a copy with one byte changed."""
    if shown is None:
        return ""
    caught = not shown.found.good
    css = "fine" if caught else "refusal"
    words = "The check fails, as it must" if caught else "The change was not found"
    return (
        f"<div class='{css}' id='tampered' data-caught='{int(caught)}'><b>{words}.</b> In a copy, "
        f"byte {shown.place:,} of {escape(shown.file)} was changed from {shown.before} to "
        f"{shown.after}.<ul>{_findings(shown.found)}</ul></div>"
    )


def _findings(checked: Verification) -> str:
    return "".join(
        f"<li><b class='{'up' if each.good else 'down'}'>{'✓ ok' if each.good else '✗ failed'}</b> "
        f"{escape(each.words)}</li>"
        for each in checked.findings
    )
