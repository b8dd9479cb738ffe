"""The report of a task that left a state of sums: one page for everyone, in English."""

from html import escape

from studio.errors import BadCertificate
from studio.evidence.ledger.keys import DEMO_WORDS
from studio.evidence.report.page import page
from studio.evidence.report.paper import Paper
from studio.evidence.report.parts import digest, facts, grouped, moment, table, text
from studio.evidence.report.tables import builder_words, listed_checks, traces

_STEPS = (
    (
        "1. The signature and every file (Python and the package cryptography)",
        "python -I verify_certificate.py BUNDLE BUNDLE/certificate.dsse.json public_key.pem",
    ),
    (
        "2. The log: the chain, and every root that it quotes for the same tasks",
        "python -m studio verify BUNDLE --certificate BUNDLE/certificate.dsse.json \\\n"
        "  --public-key public_key.pem --log LEDGER/audit.jsonl",
    ),
    (
        "3. The state and its model, built again from the kept tasks; what left is not needed",
        "python -m studio verify BUNDLE --certificate BUNDLE/certificate.dsse.json \\\n"
        "  --public-key public_key.pem --rebuild --base BASE --tasks CHECKPOINT ... [--zoo ZOO]",
    ),
)


def removal_report(statement: dict, paper: Paper) -> str:
    """A statement as one HTML file without scripts, links or anything to load.

    Raises:
        BadCertificate: another language than English is asked for.
    """
    if paper.language != "en":
        raise BadCertificate("The report of a state of sums is written in English alone.")
    told = statement["predicate"]
    (gone,) = told["removed"]
    body = (
        f"<header class='top'><h1>Removal from a state of sums</h1><span class='quiet'>No. "
        f"{text(told['id'])}</span></header>{_verdict(told)}{_request(told, paper)}"
        f"<h2>What left, and what is left</h2>{_state(told, gone)}"
        f"<h2>Checks</h2>{listed_checks(told)}{_limits(told)}{_how_to_check()}{traces(told)}"
    )
    return page("en", f"Removal from a state of sums: {text(gone['task'])}", body)


def _verdict(told: dict) -> str:
    return (
        f"<div class='verdict good'><i aria-hidden='true'>✓</i><div><b>Exact removal</b>"
        f"<p>{text(told['verdict']['words'])}</p></div></div>"
    )


def _request(told: dict, paper: Paper) -> str:
    request, signer = told["request"], told["signer"]
    rows = [
        ("Reference", text(request["reference"])),
        ("Reason", text(request["reason"])),
        ("Legal basis, as declared", text(paper.basis) or "not declared"),
        ("In charge", text(paper.in_charge) or "not declared"),
        ("Received, completed", f"{text(request['received'] or 'not stated')}, "
         f"{text(request['completed'])}"),
        ("Signed", f"{text(signer['name']) or 'no name'}, {moment(signer['time'])}"
         + f" <b class='bad'>{DEMO_WORDS}</b>" * signer["demo"]),
        ("Key", grouped(signer["fingerprint"])),
        ("Backups", text(told["copies"]["backups"])),
        ("Recipients told", text(paper.told) or "not declared"),
        ("Looked at again; kept for", f"{text(paper.next_date) or 'not declared'}; "
         f"{text(paper.retention) or 'not declared'}"),
    ]  # fmt: skip
    return f"<h2>Request</h2>{facts(rows)}"


def _state(told: dict, gone: dict) -> str:
    state, result = told["state"], told["result"]
    options = ", ".join(f"{key} = {value}" for key, value in state["options"].items())
    rows = [
        ("Method", text(f"{state['method']} ({options or 'no options'})")),
        ("Base", digest(state["base"])),
        ("State before: root", digest(state["before"]["root"])),
        ("State before: file", digest(state["before"]["file"])),
        ("State after: root", digest(state["after"]["root"])),
        ("State after: file", digest(state["after"]["file"])),
        ("Left by", text(gone["by"]) + (f" {digest(gone['receipt'])}" if gone["receipt"] else "")),
        ("Model of the state after", f"weights root {digest(result['weights_root'])}"),
        ("Built with", text(builder_words(told["builder"]))),
    ]
    columns = ("task", "coefficient", "checkpoint digest", "root of its terms")
    return (
        f"{facts(rows)}{table('What left', columns, [_task(gone['task'], gone)], 'inputs')}"
        + table(
            "The kept tasks, which are in the sums", columns,
            [_task(each["name"], each) for each in state["after"]["tasks"]], "inputs",
        )
    )  # fmt: skip


def _task(name: str, each: dict) -> tuple[str, ...]:
    weight = float.fromhex(each["coefficient"])
    return f"<b>{text(name)}</b>", f"{weight:g}", digest(each["digest"]), digest(each["terms"])


def _limits(told: dict) -> str:
    limits = told["limits"]
    items = "".join(f"<li>{text(each)}</li>" for each in limits["does_not_show"])
    return (
        f"<h2>What this shows</h2><p>{text(limits['shows'])}</p>"
        f"<h2>What this does not show</h2><ul>{items}</ul>"
    )


def _how_to_check() -> str:
    steps = "".join(f"<h3>{title}</h3><pre>{escape(command)}</pre>" for title, command in _STEPS)
    return (
        "<h2>How to check this offline</h2><p>Take your own copies of verify_certificate.py and "
        "public_key.pem, by another channel: those in the bundle are only as trustworthy as the "
        f"bundle.</p>{steps}"
    )
