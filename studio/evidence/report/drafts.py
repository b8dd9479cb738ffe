"""The report's second page: drafts of an answer and of a notice, and the words that are signed."""

from studio.evidence.report.catalogue import Words
from studio.evidence.report.first_page import is_shown, removed_names
from studio.evidence.report.paper import Paper
from studio.evidence.report.parts import text
from studio.evidence.wording import (
    ALGEBRAIC,
    BEFORE_AND_AFTER,
    CARRIED_OVER,
    COEFFICIENTS_REMAIN,
    COEFFICIENTS_UNDECLARED,
    GRANULARITY,
    UNDECLARED,
    approximate,
)


def drafts(told: dict, paper: Paper) -> str:
    """An answer to whoever asked and a notice to recipients, in the report's language."""
    say = Words(paper.language)
    return (
        f"<section class='one drafts' lang='{paper.language}'><h2>{say('h.answer')}</h2>"
        f"<p class='quiet'>{say('draft')}</p><div class='letter'>{_answer(told, say)}</div>"
        f"<h2>{say('h.notice')}</h2><div class='letter'>{_notice(told, say)}</div>"
        f"<div lang='en'><h2>{say('h.signed')}</h2>{_signed(told)}</div></section>"
    )


def _answer(told: dict, say: Words) -> str:
    """Nothing is told where nothing is shown."""
    if not is_shown(told):
        return f"<p>{say('answer.never')}</p>"
    request, copies = told["request"], told["copies"]
    alive = [each["name"] for each in copies["holding"] if each["state"] != "recalled"]
    listed = say("answer.copies", alive=", ".join(alive)) if alive else ""
    backups = copies["backups"]
    none, new = say("declared.not"), bool(told["added"])
    done = "answer.replaced" if new else "answer.done"
    words = [
        say("answer.to", reference=request["reference"], received=request["received"] or "[…]"),
        say(done, completed=request["completed"], tasks=removed_names(told)),
        say("answer.means.replaced" if new else "answer.means"),
        say("answer.limits", copies="{copies}",
            backups="{none}" if backups == "not declared" else backups.rstrip(".")),
        say("answer.rights"),
    ]  # fmt: skip
    filled = [each.replace("{copies}", listed).replace("{none}", none) for each in words]
    return "".join(f"<p>{each}</p>" for each in filled)


def _notice(told: dict, say: Words) -> str:
    """Nobody is told of a removal that is not shown."""
    if not is_shown(told):
        return f"<p>{say('answer.never')}</p>"
    copies = [f"{x['name']} ({x['made'][:10]})" for x in told["copies"]["holding"]]
    to, which = ", ".join(told["recipients"]) or "[…]", ", ".join(copies) or "[…]"
    request, body = told["request"], "notice.replaced" if told["added"] else "notice.body"
    words = [
        say("notice.to", recipients=to, reference=request["reference"]),
        say(body, tasks=removed_names(told), completed=request["completed"], copies=which),
        say("notice.ask"),
    ]
    return "".join(f"<p>{each}</p>" for each in words)


def _signed(told: dict) -> str:
    """What the statement says it shows and does not show, word by word."""
    shows = text(told["limits"]["shows"])
    failed = any(each["result"] == "fail" for each in told["checks"])
    of_weights = told["claim"] == ALGEBRAIC or (told["claim"] == CARRIED_OVER and not failed)
    if told["verdict"]["result"] in ("pass", "undeclared") or of_weights:
        title = "What this shows"  # of a subtraction no more than that it was one
    else:
        title = "What was claimed, and is <span class='bad'>not shown</span>"
        shows = f"<s>{shows}</s> A check failed, so nothing may be concluded from this."
    items = "".join(f"<li>{text(each)}</li>" for each in told["limits"]["does_not_show"])
    also = f"{text(told['request']['granularity'])}. {text(GRANULARITY)} {text(BEFORE_AND_AFTER)}"
    return (
        f"{_caution(told)}<h3>{title}</h3><p>{shows}</p><h3>What this does not show</h3>"
        f"<ol>{items}</ol><p class='quiet'>{also}</p>"
    )


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
