"""The report's first page: what whoever answers for data protection wants to know, on one A4."""

import calendar
from datetime import date, timedelta

from studio.evidence.report.catalogue import Words
from studio.evidence.report.paper import Paper
from studio.evidence.report.parts import facts, grouped, moment, text
from studio.evidence.report.qr import qr_svg
from studio.evidence.wording import (
    ALGEBRAIC,
    CACHES,
    CARRIED_OVER,
    EXACT,
    UNDECLARED,
)

_SHOWN_COPIES = 3
_FRIDAY = 4  # as Python counts weekdays
_ROOT = 12  # digits of a digest that are enough to tell two apart by eye
_CHECK = "python -I verify_certificate.py BUNDLE BUNDLE/certificate.dsse.json public_key.pem"
URGENCY = {"alive": 0, "unknown": 0, "missing": 1, "recalled": 2}
_GOOD, _BAD, _WARN = "good", "bad", "warn"
_VERDICTS = {
    "exact": (_GOOD, "✓"), "most": (_WARN, "!"), "algebraic": (_BAD, "≈"), "carried": (_BAD, "!"),
    "undeclared": (_WARN, "?"), "failed": (_BAD, "✗"),
}  # fmt: skip
_SAME_MEANING = {"most": "exact"}
_EVERYWHERE = "the same bits on every machine"  # as the statement promises it


def first_page(told: dict, paper: Paper) -> str:
    """Request, verdict, what was removed and what was not, who checked, what risk remains."""
    say = Words(paper.language)
    head = (
        f"<header class='top'><h1>{say('title')}</h1><span class='quiet'>"
        f"{say('number', id=told['id'])}<br>{say('for_whom')}</span></header>"
    )
    return (
        f"<section class='one' lang='{paper.language}'>{head}{_request(told, paper, say)}"
        f"{_verdict(told, say)}"
        f"<div class='two'><div>{_removed(told, say)}{_checked(told, say)}{_risk(told, say)}</div>"
        f"<div>{_left(told, paper, say)}<h3>{say('h.not_shown')}</h3><p>{say('not_shown')}</p>"
        f"</div></div>{_key(told, paper, say)}</section>"
    )


def case(told: dict) -> str:
    """Which of the verdicts it is; green only for an exact removal of which no check failed."""
    failed = any(each["result"] == "fail" for each in told["checks"])
    result = told["verdict"]["result"]
    if told["claim"] == ALGEBRAIC:
        return "algebraic"
    if told["claim"] == CARRIED_OVER:
        return "failed" if failed else "carried"
    if told["claim"] == UNDECLARED and result == "undeclared":
        return "undeclared"
    if told["claim"] != EXACT or result != "pass":
        return "failed"
    return "most" if failed else "exact"


def is_shown(told: dict) -> bool:
    """Whether an exact removal is shown; else nobody is told of one."""
    return case(told) in ("exact", "most")


def removed_names(told: dict) -> str:
    """What was removed, for a sentence."""
    return ", ".join(f"'{each['task']}'" for each in told["removed"])


def due(received: str) -> date:
    """A month after a date, or the last day of a shorter month; of a weekend, the Monday after."""
    day = date.fromisoformat(received)
    year, month = (day.year + 1, 1) if day.month == 12 else (day.year, day.month + 1)
    end = date(year, month, min(day.day, calendar.monthrange(year, month)[1]))
    return end + timedelta(days=7 - end.weekday() if end.weekday() > _FRIDAY else 0)


def _request(told: dict, paper: Paper, say: Words) -> str:
    request = told["request"]
    reason = f"reason.{request['reason']}"
    why = say(reason) if say.known(reason) else text(request["reason"])
    basis = text(paper.basis) or say("basis.not")
    dates = f"{text(request['received'] or '') or say('stated.not')}, {text(request['completed'])}"
    rows = [
        (say("f.reference"), text(request["reference"])),
        (say("f.in_charge"), text(paper.in_charge) or say("declared.not")),
        (say("f.dates"), dates + _clock(told, say)),
        (say("f.reason"), f"{why}; {basis}"),
    ]
    return f"<div class='facts' aria-label='{say('h.request')}'>{facts(rows)}</div>"


def _clock(told: dict, say: Words) -> str:
    """How the month from receipt stands, of a request that has one."""
    request = told["request"]
    if request["reason"] != "erasure request":
        return ""
    try:
        end, done = due(request["received"]), date.fromisoformat(request["completed"])
    except (TypeError, ValueError):
        return f"; {say('clock.none')}"
    days = max((done - date.fromisoformat(request["received"])).days, 0)
    css, key = ("quiet", "clock.kept") if done <= end else ("bad", "clock.late")
    if not is_shown(told):
        css, key = "warn", "clock.open"
    return f"; <span class='{css}'>{say.counted(key, days, due=end.isoformat(), days=days)}</span>"


def _verdict(told: dict, say: Words) -> str:
    found, words = case(told), told["verdict"]["words"]
    css, sign = _VERDICTS[found]
    sentence, signed = text(words), ""
    if say.language != "en":
        kept = sum(each["role"] == "task" for each in told["resolvedDependencies"])
        key = f"s.{_SAME_MEANING.get(found, found)}"
        if told["added"] and is_shown(told):
            key = "s.replaced"
        sentence = say.counted(key, kept, tasks=removed_names(told), kept=kept)
        signed = f"<span class='quiet'>{say('signed_words', words=words)}</span>"
    origin = f"origin.{told['counterfactual']['coefficients'].get('origin', '')}"
    everywhere = told["counterfactual"]["promise"] == _EVERYWHERE
    where = "" if everywhere else f" {say('m.one_kind')}"
    means = say(f"m.{_SAME_MEANING.get(found, found)}", where="{where}").replace("{where}", where)
    means += f" {say(origin)}" if say.known(origin) else ""
    return (
        f"<div class='verdict {css}'><i aria-hidden='true'>{sign}</i><div>"
        f"<b>{say(f'v.{found}')}</b>"
        f"<p>{sentence}</p><span>{means}</span> {signed}</div></div>"
    )


def _removed(told: dict, say: Words) -> str:
    base = next((x["name"] for x in told["resolvedDependencies"] if x["role"] == "base"), "?")
    gone = [
        say("removed", task=x["task"], kind=x["kind"], position=x["position"], of=x["of"],
            base=base)
        for x in told["removed"]
    ]  # fmt: skip
    gone += [say("came", task=each["task"]) for each in told["added"]]
    way = say("way.algebraic" if told["claim"] == ALGEBRAIC else "way.exact")
    used = told["counterfactual"]
    how = say(
        "procedure", way="{way}", studio=told["builder"]["studio"],
        method=used["recipe"]["method"], recipe=used["recipe_digest"][:_ROOT],
    ).replace("{way}", way)  # fmt: skip
    return f"<h3>{say('h.removed')}</h3><p>{' '.join(gone)} {how}</p>"


def _checked(told: dict, say: Words) -> str:
    built = told["builder"]
    found = next((each["result"] for each in told["checks"] if each["id"] == "A1"), "not run")
    key = {"pass": "checked.pass", "fail": "checked.fail"}.get(found, "checked.none")
    words = say(
        key, system=built["system"], machine=built["machine"], date=told["signer"]["time"][:10],
        root=told["result"]["weights_root"][:_ROOT],
    )  # fmt: skip
    return f"<h3>{say('h.checked')}</h3><p>{words}</p>"


def _risk(told: dict, say: Words) -> str:
    items = [say("risk.task"), say("risk.pair"), _score(told, say)]
    tests = {"pass": "tests.passed", "fail": "tests.failed", "not run": "tests.left"}
    lines = []
    for result, key in tests.items():
        names = dict.fromkeys(x["id"] for x in told["checks"] if x["result"] == result)
        if names:
            listed = ", ".join(say(f"test.{x}") if say.known(f"test.{x}") else x for x in names)
            lines.append(say(key, tests="{tests}").replace("{tests}", listed))
    body = "".join(f"<li>{each}</li>" for each in (*items, " ".join(lines)))
    return f"<h3>{say('h.risk')}</h3><ul>{body}</ul>"


def _score(told: dict, say: Words) -> str:
    """What the model still does on the removed task; never a percentage without its rows."""
    rows = [each for each in told["checks"] if each["id"] == "C1" and each["n"]]
    if not rows:
        return say("risk.unmeasured")
    each = rows[0]
    if len(rows) > 1 or each["unit"] != "accuracy" or not isinstance(each["value"], float):
        return say("risk.table")
    low, high = (f"{100 * (x or 0.0):.0f}" for x in (each["low"], each["high"]))
    key = "risk.equal" if each["result"] == "pass" else "risk.other"
    if key == "risk.equal" and is_shown(told) and not told["added"]:
        key = "risk.same"
    return say(key, n=f"{each['n']:,}", value=f"{100 * each['value']:.1f} %", low=low, high=high)


def _left(told: dict, paper: Paper, say: Words) -> str:
    base = next((x["name"] for x in told["resolvedDependencies"] if x["role"] == "base"), "?")
    kept = sum(each["role"] == "task" for each in told["resolvedDependencies"])
    copies, caches = told["copies"], told["copies"]["caches"]
    backups = copies["backups"]
    to = text(", ".join(told["recipients"])) or say("declared.not")
    if told["recipients"]:
        to += f"; {say('told', told=paper.told) if paper.told.strip() else say('told.not')}"
    rows = [
        (say("f.copies"), _copies(copies["holding"], say)),
        (say("f.backups"), say("declared.not") if backups == "not declared" else text(backups)),
        (say("f.recipients"), to),
        (say("f.caches"), say("caches") if caches == CACHES else text(caches)),
    ]
    inputs = say.counted("left.inputs", kept, base=base, n=kept)
    return f"<h3>{say('h.left')}</h3><p>{inputs}</p>{facts(rows)}"


def _copies(holding: list[dict], say: Words) -> str:
    """Earlier exports that hold the task, those alive first."""
    if not holding:
        return say("copies.none")
    living = sum(each["state"] in ("alive", "unknown") for each in holding)
    css, key = ("bad", "copies.alive") if living else ("good", "copies.gone")
    if not living and any(each["state"] != "recalled" for each in holding):
        css, key = "warn", "copies.unsure"
    lines = [
        f"<li>{text(each['name'])}, {text(each['made'][:10])}: {state(each['state'], say)}</li>"
        for each in sorted(holding, key=lambda each: URGENCY.get(each["state"], 0))
    ]
    if len(lines) > _SHOWN_COPIES:
        more = len(lines) - _SHOWN_COPIES
        lines = [*lines[:_SHOWN_COPIES], f"<li>{say('copies.more', n=more)}</li>"]
    count = say(key, alive=living, all=len(holding))
    return f"<b class='{css}'>{count}</b><ul class='copies'>{''.join(lines)}</ul>"


def state(of: str, say: Words) -> str:
    """A copy's state in words; an unknown one as it is."""
    key = f"state.{of}"
    css = "bad" if of in ("alive", "unknown") else "good" if of == "recalled" else "warn"
    return f"<b class='{css}'>{say(key) if say.known(key) else text(of)}</b>"


def _key(told: dict, paper: Paper, say: Words) -> str:
    """Who signed, how to check that, the log's head as a code, and the next date."""
    signer, log = told["signer"], told["log"]
    name = signer["name"].strip() or "{nobody}"
    by = say("key.by", name=name, time=moment(signer["time"])).replace(
        "{nobody}", say("key.nobody")
    )
    demo = f"<p><b class='bad'>✗ {say('key.demo')}</b></p>" if signer["demo"] else ""
    none = say("declared.not")
    after = say("next", date="{date}", retention="{kept}")
    after = after.replace("{date}", text(paper.next_date) or none)
    after = after.replace("{kept}", text(paper.retention) or none)
    head = log["head"][:64]
    code = qr_svg(f"mdm-oc-studio log {log['entries']} {head}", f"log head {head}")
    return (
        f"<div class='keyed keep'><div><h3>{say('h.key')}</h3><p>{by}</p>"
        f"{grouped(signer['fingerprint'])}{demo}<p>{say('key.check')} <code>{_CHECK}</code></p>"
        f"<p>{after}</p></div><figure>{code}"
        f"<figcaption>{say('key.qr', entries=log['entries'])}</figcaption></figure></div>"
    )
