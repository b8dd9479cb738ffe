"""The report of a removal: one page for everyone, then the pages that an auditor reads."""

from studio.evidence.report.parts import facts, grouped, mark, moment, number, text
from studio.evidence.report.style import STYLE
from studio.evidence.report.tables import (
    bars,
    checks,
    closure,
    definitions,
    how_to_check,
    inputs,
    procedure,
    questions,
    traces,
)
from studio.evidence.verify_certificate import DEMO_WORDS
from studio.evidence.wording import (
    ALGEBRAIC,
    BEFORE_AND_AFTER,
    CARRIED_OVER,
    COEFFICIENTS_REMAIN,
    COEFFICIENTS_UNDECLARED,
    EXACT,
    GRANULARITY,
    UNDECLARED,
    approximate,
)

_SHOWN_COPIES = 4
_DEMO = (
    f"<div class='alarm bad'><b class='bad'>✗ {DEMO_WORDS}.</b> Anyone can sign with this key; the "
    "signature says nothing about who did.</div>"
)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def report(statement: dict) -> str:
    """A statement as one HTML file without scripts, links or anything to load.

    The report is itself a file of the bundle, whose digests are the statement's ``subject``;
    so it reads the predicate only, and the same predicate gives the same bytes.

    Args:
        statement: an in-toto statement whose predicate is an unmerge certificate.
    """
    told = statement["predicate"]
    title = f"Unmerge report: {', '.join(each['task'] for each in told['removed'])}"
    sections = (bars, checks, closure, procedure, inputs, how_to_check, questions, traces)
    rest = "".join(section(told) for section in sections)
    return (
        "<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'>"
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>{text(title)}</title><style>{STYLE}</style></head>\n<body>"
        f"{_page_one(told)}\n<div class='rest'>{rest}{definitions()}</div></body></html>\n"
    )


def _page_one(told: dict) -> str:
    return (
        "<section class='one'><header class='top'><h1>Unmerge report</h1>"
        f"<span class='quiet'>{text(told['request']['completed'])}, certificate "
        f"<code>{text(told['id'])}</code></span></header>"
        f"{_verdict(told)}{_caution(told)}{_what(told)}{_shown(told)}{_copies(told)}"
        f"{_signer(told['signer'])}</section>"
    )


def _verdict(told: dict) -> str:
    """Green only for an exact removal of which no check failed."""
    results = [each["result"] for each in told["checks"]]
    failed = results.count("fail")
    if told["claim"] == ALGEBRAIC:
        css, sign, word = "bad", "≈", "APPROXIMATE REMOVAL, NOT EXACT"
    elif told["claim"] == CARRIED_OVER:
        css, sign, word = "bad", "!", "WEIGHTS REBUILT, COEFFICIENTS CARRIED OVER"
    elif told["claim"] == UNDECLARED and told["verdict"]["result"] == "undeclared":
        css, sign, word = "warn", "?", "WEIGHTS REBUILT, COEFFICIENTS UNDECLARED"
    elif told["claim"] != EXACT or told["verdict"]["result"] != "pass":
        css, sign, word = "bad", "✗", "FAILED"
    elif failed:
        css, sign, word = "warn", "!", "PASSED, BUT NOT EVERY CHECK"
    else:
        css, sign, word = "good", "✓", "EXACT REMOVAL: PASSED"
    tally = ", ".join(
        f"{results.count(state)} {words}"
        for state, words in _TALLY.items()
        if state in ("pass", "fail") or state in results
    )
    return (
        f"<div class='verdict {css}'><i aria-hidden='true'>{sign}</i><div><b>{word}</b>"
        f"<p>{text(told['verdict']['words'])}</p><span class='quiet'>Checks: {tally}.</span>"
        "</div></div>"
    )


_TALLY = {
    "pass": "passed",
    "fail": "failed",
    "not run": "not run",
    "information": "for information",
}


def _caution(told: dict) -> str:
    """What stands in the way of calling the removal exact."""
    if told["claim"] == ALGEBRAIC:
        words = told["limits"]["approximate"]
        words = words or approximate([each["task"] for each in told["removed"]], None)
        lead, _, rest = words.partition(". ")
        return f"<p class='alarm'><b class='warn'>{text(lead)}.</b> {text(rest)}</p>"
    if told["claim"] == CARRIED_OVER:
        return f"<p class='alarm'>{text(COEFFICIENTS_REMAIN)}</p>"
    if told["claim"] == UNDECLARED:
        return f"<p class='alarm'>{text(COEFFICIENTS_UNDECLARED)}</p>"
    return ""


def _what(told: dict) -> str:
    request = told["request"]
    received = request["received"] or "not stated"
    rows = [("Removed", _gone(each)) for each in told["removed"]]
    rows += [("Came in", _came(each)) for each in told["added"]]
    rows += [
        ("When", f"received {text(received)}, completed {text(request['completed'])}"),
        ("Why", f"{text(request['reason'])}, reference {text(request['reference'])}"),
        ("How much", f"{text(request['granularity'])}. {text(GRANULARITY)}"),
    ]
    return facts(rows)


def _gone(task: dict) -> str:
    given = task["coefficient"]
    words = number(given) if isinstance(given, int | float) else "by group of tensors"
    return (
        f"<b>{text(task['task'])}</b> ({text(task['kind'])} checkpoint, {task['position']} of "
        f"{task['of']} in the merge, coefficient {words})"
    )


def _came(task: dict) -> str:
    return f"<b>{text(task['task'])}</b> ({text(task['kind'])} checkpoint)"


def _shown(told: dict) -> str:
    shows = text(told["limits"]["shows"])
    failed = any(each["result"] == "fail" for each in told["checks"])
    of_weights = told["claim"] == ALGEBRAIC or (told["claim"] == CARRIED_OVER and not failed)
    if told["verdict"]["result"] in ("pass", "undeclared") or of_weights:
        title = "What this shows"  # of a subtraction no more than that it was one
    else:
        title = "What was claimed, and is <span class='bad'>not shown</span>"
        shows = f"<s>{shows}</s> A check failed, so nothing may be concluded from this."
    items = "".join(f"<li>{text(each)}</li>" for each in told["limits"]["does_not_show"])
    return (
        f"<div class='two'><div><h3>{title}</h3><p>{shows}</p></div>"
        f"<div><h3>What this does not show</h3><ol>{items}</ol></div></div>"
    )


def _copies(told: dict) -> str:
    """Earlier exports that hold the task, those alive first and all of them told."""
    copies = told["copies"]
    holding = sorted(copies["holding"], key=lambda each: _URGENCY.get(each["state"], 0))
    lines = [f"<li>{mark(each['state'])}: {_copy(each)}</li>" for each in holding]
    if len(lines) > _SHOWN_COPIES:
        more = f"<li>and {len(lines) - _SHOWN_COPIES} more, listed under Traces.</li>"
        lines = [*lines[:_SHOWN_COPIES], more]
    alive = sum(each["state"] in ("alive", "unknown") for each in holding)
    count = f"<b class='bad'>{alive} of {len(holding)} ALIVE</b>" if alive else "none alive"
    title = f"Earlier copies that hold what was removed: {count}"
    none = "<li>No earlier export is on record. Copies made elsewhere are not known here.</li>"
    warning = f"<p>{text(BEFORE_AND_AFTER)}</p>" if holding else ""
    return (
        f"<div class='copies keep {'alarm bad' if alive else ''}'><h3>{title}</h3>"
        f"<ul>{''.join(lines) or none}</ul>{warning}</div>"
        f"<div class='copies'><p>Caches: {text(copies['caches'])}</p>"
        f"<p>Backups: {text(copies['backups'])}</p></div>"
    )


_URGENCY = {"alive": 0, "unknown": 0, "missing": 1, "recalled": 2}


def _copy(each: dict) -> str:
    return f"{text(each['name'])}, made {text(each['made'][:10])}"


def _signer(signer: dict) -> str:
    name = text(signer["name"])
    about = "The name is what the signer calls itself. " if name else ""
    return (
        f"<div class='keep'><h3 class='gap'>Signed</h3><p>by {name or 'a signer who is not named'}"
        f", {moment(signer['time'])} ({text(signer['time_source'])}). {about}"
        "Compare the fingerprint over another channel:</p>"
        f"{grouped(signer['fingerprint'])}{_DEMO if signer['demo'] else ''}</div>"
    )
