"""Pure views of the Unmerge tab: verdict, attack, coefficients, layers, checks, closure."""

from collections.abc import Mapping, Sequence
from html import escape

from studio.evidence import wording
from studio.evidence.attack import Attack
from studio.evidence.checks import BY_CONSTRUCTION, Check
from studio.evidence.judgment import Judgment
from studio.evidence.measures import Range, Ranges
from studio.evidence.rebuild import why_not_apart
from studio.evidence.residue import LayerResidue
from studio.evidence.unmerge import Unmerging
from studio.evidence.verify_certificate import ORIGINS
from studio.ui.views.track import track

NOTHING = (
    "<p class='quiet' id='verdict'>Nothing is taken out, so there is nothing to prove yet.</p>"
)
MARKS = {
    "pass": ("fine", "✓", "passed"),
    "fail": ("refusal", "✗", "failed"),
    "undeclared": ("note", "?", "undeclared"),
    "not run": ("note", "○", "not checked yet"),
}
_PLAINLY = {
    "set by a person": "a person set the weights of the kept tasks by hand.",
    "defaults": "no data chose the weights of the kept tasks; each is the number that a merge of "
    "as many tasks begins with.",
    "found without it": "a search chose the weights, on data of the kept tasks alone.",
}
_THREE = (("full", "with it"), ("subtracted", "subtracted"), ("rebuilt", "rebuilt"))


def verdict(shown: Unmerging | None, found: Mapping[str, Judgment]) -> str:
    """One sentence that a person who is no engineer can act on."""
    if shown is None:
        return NOTHING
    names = _names(shown.removed)
    if "exact" not in found:
        kept, several = len(shown.never.tasks), len(shown.removed) > 1
        return (
            f"<div class='note' id='verdict' data-result='not run'><b>○ not checked yet.</b> "
            f"<b>{names}</b> {'are' if several else 'is'} unticked: the weights shown are computed "
            f"from the base and {kept} other checkpoint{'' if kept == 1 else 's'}. "
            f"{_offered(shown)}{_foreseen(shown)}</div>"
        )
    result, words = found["exact"].verdict
    css, mark, word = MARKS[result]
    return (
        f"<div class='{css} large' id='verdict' data-result='{result}'><b>{mark} {word}.</b> "
        f"<span>{escape(words)}</span>{_in_other_words(words)}</div>"
    )


def _offered(shown: Unmerging) -> str:
    """What the checks will show, which is less where no separate process can repeat a merge."""
    if why := why_not_apart(shown.never):
        return (
            f"<b id='alone'>No separate process can repeat that, so there will be no proof and no "
            f"certificate:</b> {escape(why)} <b>Run the checks</b> to measure it here."
        )
    it = "them" if len(shown.removed) > 1 else "it"
    return f"<b>Run the checks</b> to have a separate process repeat that without {it}."


def _in_other_words(verdict: str) -> str:
    """What the signed sentence means by where the weights come from."""
    said = next((plain for of, plain in _PLAINLY.items() if ORIGINS[of] in verdict), "")
    return f"<span class='gloss'>In other words: {said}</span>" if said else ""


def _foreseen(shown: Unmerging) -> str:
    """What will keep the result from being called exact, and what to do, while it can be done."""
    taint, remedy = shown.never.taint, "Reset the mix, or set every number by hand, or search anew."
    part = [n for n in shown.removed if taint and n in dict(taint.tasks)]
    if taint and part:
        return (
            f" <b id='foreseen'>It will not be called exact:</b> numbers of this mix were found by "
            f"{escape(taint.by)} while {_names(tuple(part))} took part. {remedy}"
        )
    if shown.never.undeclared:
        names = _names(shown.never.undeclared)
        return (
            f" <b id='foreseen'>It will be called undeclared:</b> nothing says where the numbers "
            f"of {names} come from. {remedy}"
        )
    return ""


def bars(shown: Unmerging | None, ranges: Mapping[str, Ranges] | None) -> str:
    """Every task's raw coefficient in the three models; a removed one's is absent when rebuilt."""
    if shown is None:
        return ""
    if not ranges:
        words = "This method mixes no raw deltas, so there are no raw coefficients to show."
        return f"<p class='quiet'>{'Computing inner products …' if ranges is None else words}</p>"
    known = [abs(x) for three in ranges.values() for each in three if each for x in each]
    scale = max(known, default=0.0) or 1.0
    body = "".join(
        f"<tr class='{'gone' if task in shown.removed else ''}'><th scope='row'>{escape(task)}"
        f"{' <span class=quiet>removed</span>' if task in shown.removed else ''}</th>"
        + "".join(f"<td>{_bar(each, scale)}</td>" for each in three)
        + "</tr>"
        for task, three in ranges.items()
    )
    heads = "".join(f"<th scope='col'>{title}</th>" for _, title in _THREE)
    return (
        "<div class='scroll' tabindex='0' role='region' aria-label='Raw coefficients'>"
        "<table class='studio betas'><caption>How much of each task's own change is in the weights "
        f"</caption><thead><tr><th scope='col'>task</th>{heads}</tr></thead><tbody>{body}</tbody>"
        "</table></div><p class='quiet'>Coefficients of the raw deltas. Subtracting a component "
        "(Eq. 8) leaves the shares of it that later tasks carry, mostly negative ones: a hole in "
        "the task's shape. Rebuilt, the task has no coefficient at all.</p>"
    )


def _bar(span: Range | None, scale: float) -> str:
    if span is None:
        return "<span class='absent'>absent</span>"
    low, high = span
    left, right = sorted((0.0, low if abs(low) > abs(high) else high))
    start, width = 50 + 50 * left / scale, max(50 * (right - left) / scale, 0.6)
    words = f"{low:+.4f}" if high - low < 5e-5 else f"{low:+.3f} to {high:+.3f}"
    return (
        f"<div class='beta' role='img' aria-label='{words}'><i style='left:{start:.2f}%;"
        f"width:{width:.2f}%' class='{'minus' if left < 0 else 'plus'}'></i></div>"
        f"<span class='num'>{words}</span>"
    )


def layers(found: Mapping[str, Judgment]) -> str:
    """Distance from the never-merged model, layer by layer, by both operations."""
    if not found:
        return ""
    sub, exact = (found[mode].measures.residue.layers for mode in ("algebraic", "exact"))
    most = max((each.relative or 0.0 for each in sub.values()), default=0.0) or 1.0
    body = "".join(
        f"<tr><th scope='row'>{escape(name)}</th><td class='num heat' "
        f"style='--share:{100 * (each.relative or 0.0) / most:.0f}%'>{_distance(each)}</td>"
        f"<td class='num'>{_distance(exact.get(name))}</td></tr>"
        for name, each in sub.items()
    )
    return (
        "<div class='scroll' tabindex='0' role='region' aria-label='Residue by layer'>"
        "<table class='studio residue'><caption>Distance from the model that never had it, as a "
        "share of that model's change of the base</caption><thead><tr><th scope='col'>layer</th>"
        "<th scope='col'>subtracted</th><th scope='col'>rebuilt</th></tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def _distance(layer: LayerResidue | None) -> str:
    """Of a layer; one that only the removed task changed has nothing to be compared with."""
    if layer is None or layer.residue == 0:
        return "0"
    return "only it changed this" if layer.relative is None else share(layer.relative)


def checks(found: Mapping[str, Judgment]) -> str:
    """Both operations side by side, measure by measure."""
    if not found:
        return ""
    sub, exact = (found[mode].checks for mode in ("algebraic", "exact"))
    rows = "".join(
        f"<tr><th scope='row'><b>{left.id}</b> {escape(left.title)}"
        f"<span class='quiet'> vs {escape(left.reference)}</span></th>"
        f"<td data-of='subtracted'>{_check(left)}</td>"
        f"<td data-of='rebuilt'>{_check(right)}</td></tr>"
        for left, right in zip(sub, exact, strict=True)
        if left.result != "not run" or right.result != "not run"
    )
    reasons: dict[str, list[str]] = {}
    for each in exact:
        if each.result == "not run":
            reasons.setdefault(each.words, []).append(f"{each.id} {each.title}")
    left_out = " ".join(
        f"Not run: {escape('; '.join(titles))}. {escape(words)}"
        for words, titles in reasons.items()
    )
    return (
        "<div class='scroll' tabindex='0' role='region' aria-label='Checks'>"
        "<table class='studio checks'><caption>What was measured</caption><thead><tr>"
        "<th scope='col'>measure</th><th scope='col'>subtracted (Eq. 8)</th>"
        f"<th scope='col'>rebuilt (exact)</th></tr></thead><tbody>{rows}</tbody></table></div>"
        f"<p class='quiet'>Behaviour (B2 to C2): {escape(BY_CONSTRUCTION.lower())} A1 is the "
        f"evidence. {left_out}</p>"
    )


def _check(each: Check) -> str:
    word = {"pass": "✓ pass", "fail": "✗ fail", "not run": "not run", "information": ""}[
        each.result
    ]
    css = {"pass": "up", "fail": "down"}.get(each.result, "quiet")
    flag = f"<b class='{css}' data-check='{each.id}'>{word}</b> " if word else ""
    return f"{flag}{escape(each.words)}"


def attack(shown: Unmerging | None, found: Mapping[str, Judgment]) -> str:
    """The climax: what an insider brings back of the task from either model."""
    if shown is None or "algebraic" not in found or len(shown.removed) != 1:
        return ""
    (task,), sub = shown.removed, found["algebraic"].measures
    if sub.behaviour is None or task not in sub.behaviour.own:
        return ""
    one = sub.behaviour
    rows = [("its own model", one.own[task], "own"), ("untouched base", one.base[task], "base"),
            ("never merged", one.never[task], "base")]  # fmt: skip
    if sub.attack is not None:
        rows.append(("brought back from the subtracted model", sub.attack.score, "back"))
    own = one.own[task]
    bar = track(own.metric, (own.value, one.base[task].value), ())
    tracks = "".join(
        f"<tr><th scope='row'>{words}</th><td>"
        f"{bar.drawn(score.value, score.low, score.high, None, None, score.shown, css)}</td>"
        f"<td class='num'><b>{score.shown}</b></td>"
        f"<td class='num quiet wide'>{score.span}</td></tr>"
        for words, score, css in rows
    )
    tracks += (
        "<tr><th scope='row'>brought back from the rebuilt model</th><td colspan='3' id='nothing'>"
        "nothing: the difference is 0, there is nothing to amplify</td></tr>"
    )
    if sub.attack is None:
        tracks += (
            "<tr><th scope='row'>brought back from the subtracted model</th><td colspan='3'>"
            "nothing: here, subtracting the task gives the same bits as a rebuild</td></tr>"
        )
    what = f"Held-out {own.metric.name}" + ("" if own.metric.percent else f" ({own.metric.unit})")
    return (
        f"<section class='attack'><h3>Can <b>{escape(task)}</b> be brought back?</h3>"
        f"<p><b>{_answer(sub.attack)}</b></p><p class='quiet'>{what} on {escape(task)}, "
        f"n={own.n:,}:</p><table class='studio attack'><tbody>{tracks}</tbody></table>"
        "<p class='quiet'>How: an insider "
        "who holds the base, the kept checkpoints and the recipe builds the never-merged model, "
        "takes the difference to the model that was handed out, stretches it to the mean length of "
        "the kept tasks' changes, and adds it to the base, with the sign that does better on the "
        "task's validation rows, under its own head.</p></section>"
    )


def _answer(tried: Attack | None) -> str:
    if tried is None:
        return "Not from either model: here, both ways give the same bits."
    return (
        f"From a subtracted model an insider gets it back to {tried.score.shown}. From this one, "
        "which was rebuilt without it, nothing comes back: there is no difference to start from."
    )


def closure(found: Mapping[str, Judgment]) -> str:
    """What was computed with which tasks on the way to the exact removal."""
    if not found:
        return ""
    body = "".join(
        f"<tr><th scope='row'>{escape(row.artefact)}</th><td>{escape(row.state)}</td>"
        f"<td>{escape(', '.join(row.inputs)) or 'none'}</td><td>{escape(row.words)}</td></tr>"
        for row in found["exact"].closure
    )
    return (
        "<details class='terms'><summary>What was computed anew, and from which tasks</summary>"
        "<div class='scroll' tabindex='0' role='region' aria-label='Closure'><table class='studio "
        "checks'><thead><tr><th scope='col'>what</th><th scope='col'>state</th><th scope='col'>"
        f"from</th><th scope='col'>about</th></tr></thead><tbody>{body}</tbody></table></div>"
        "</details>"
    )


def limits() -> str:
    """What no certificate shows."""
    items = "".join(f"<li>{escape(words)}</li>" for words in wording.DOES_NOT_SHOW)
    help_ = "".join(
        f"<dt>{escape(term)}</dt><dd>{escape(words)}</dd>" for term, words in wording.HELP.items()
    )
    return (
        "<details class='fold' id='limits'><summary>What this does not show</summary>"
        f"<ol>{items}</ol>"
        f"<p>{escape(wording.GRANULARITY)}</p><p>{escape(wording.BEFORE_AND_AFTER)}</p></details>"
        "<details class='fold terms'><summary>What the words mean</summary>"
        f"<dl>{help_}</dl></details>"
    )


def _names(names: Sequence[str]) -> str:
    return escape(" and ".join(", ".join(names).rsplit(", ", 1)))


def share(part: float) -> str:
    """A share, however small, for people."""
    return "0" if part == 0 else f"{part:.2%}" if part >= 1e-4 else f"{part:.1e}"
