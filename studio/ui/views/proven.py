"""Pure views of the second step of the Unmerge tab: five plain lines, and what lies behind them."""

from collections.abc import Mapping
from html import escape

from studio.evidence.checks import Check
from studio.evidence.closure import CARRIED, UNKNOWN
from studio.evidence.judgment import Judgment
from studio.evidence.measures import Ranges
from studio.evidence.shares import MOSTLY
from studio.evidence.unmerge import Unmerging
from studio.methods import method
from studio.ui.views import evidence

_SIGNS = {"pass": ("up", "✓"), "fail": ("down", "✗"), "not run": ("quiet", "○")}
WHO = (
    "Checked by this studio and by a second process on this computer that it started. What the "
    "model does on rows is support; the second line is the proof."
)


def five_lines(shown: Unmerging | None, found: Mapping[str, Judgment]) -> str:
    """What was checked, and by whom."""
    if shown is None or not found:
        return ""
    exact = found["exact"]
    first = {each.id: each for each in reversed(exact.checks)}
    it = "them" if len(shown.removed) > 1 else "it"
    kept = len(shown.never.tasks)
    weights = exact.measures.residue.weights
    lines = [
        _line(first["A2"], f"The recipe and its numbers name the base and {kept} other "
              f"checkpoint{'' if kept == 1 else 's'}, and not {it}."),
        _line(first["A1"], "Another process, which was given only those, computed the same "
              "weights, bit for bit."),
        _line(first["A3"], f"Of {weights:,} numbers in the model, none differs from a model that "
              f"never had {it}."),
        _shares(exact, it),
        _closure(exact, it),
    ]  # fmt: skip
    return f"<ol class='lines' id='five'>{''.join(lines)}</ol><p class='quiet'>{WHO}</p>"


def _line(check: Check, passed: str) -> str:
    """A check in plain words if it passed, else in its own."""
    return _item(check.result, passed if check.result == "pass" else check.words)


def _item(result: str, words: str) -> str:
    css, sign = _SIGNS.get(result, _SIGNS["not run"])
    return f"<li><b class='{css}'>{sign}</b> {escape(words)}</li>"


def _shares(exact: Judgment, it: str) -> str:
    """Whether the removed change came back under another name."""
    shares = exact.measures.shares
    if wrong := [each for each in shares if not each.passes]:
        return _item("fail", " ".join(each.words for each in wrong))
    if not shares:
        return _item("not run", "Whether a kept checkpoint holds its change was not measured.")
    most = max(each.left for each in shares)
    return _item(
        "pass",
        f"No kept checkpoint is {it} under another name: together they could make up "
        f"{most:.0%} of that change, and {MOSTLY:.0%} would be too much.",
    )


def _closure(exact: Judgment, it: str) -> str:
    """Whether anything that knew the removed task was kept."""
    carried = [row.artefact for row in exact.closure if row.state == CARRIED]
    unknown = [row.artefact for row in exact.closure if row.state == UNKNOWN]
    if carried:
        return _item("fail", f"Kept from when {it} took part: {', '.join(carried)}.")
    if unknown:
        return _item("not run", f"Nobody says where these come from: {', '.join(unknown)}.")
    return _item("pass", f"Nothing that was computed with {it} was kept on the way here.")


def subtraction(shown: Unmerging | None, found: Mapping[str, Judgment]) -> str:
    """What mere subtraction would have left, with the attack at its end; a fold.

    Empty for a method that forms one change of all tasks: there is no component to subtract.
    """
    if (
        shown is None
        or not found
        or not method(shown.full.method, shown.full.options).has_components
    ):
        return ""
    it = "it" if len(shown.removed) == 1 else "them"
    share = found["algebraic"].measures.residue.relative
    if share:
        away = (
            f"Merely subtracting {it} (Eq. 8) would leave the weights {evidence.share(share)} "
            "away from a model that never had that, measured by their own change of the base."
        )
    elif share == 0:
        away = f"Here, merely subtracting {it} (Eq. 8) would give the same bits."
    else:
        away = f"Merely subtracting {it} (Eq. 8) was measured, too."
    return (
        "<details class='fold' id='subtraction'><summary>What mere subtraction would have left"
        f"</summary><p>{away} Many tools stop there. This studio does not: what follows is about "
        "an operation that the model shown does not use.</p>"
        f"<div id='evidence-layers'>{evidence.layers(found)}</div>"
        f"<div id='evidence-attack'>{evidence.attack(shown, found)}</div></details>"
    )


def numbers(
    shown: Unmerging | None, found: Mapping[str, Judgment], ranges: Mapping[str, Ranges] | None
) -> str:
    """Every number: coefficients, checks of both operations, what was computed anew; a fold."""
    if shown is None:
        return ""
    return (
        "<details class='fold' id='numbers'><summary>All numbers</summary>"
        f"<div id='evidence-bars'>{evidence.bars(shown, ranges)}</div>"
        f"<div id='evidence-checks'>{evidence.checks(found)}{evidence.closure(found)}</div>"
        "</details>"
    )
