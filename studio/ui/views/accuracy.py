"""Pure views of scores, files and jobs: values to HTML strings, tested without a browser."""

from collections.abc import Mapping
from html import escape
from math import sqrt
from urllib.parse import quote

from studio.disk.csv import csv_text
from studio.measure.change import Change, mean_change
from studio.measure.scores import Score, gain_kept, mean_accuracy
from studio.session.snapshot import Snapshot
from studio.ui.charts.saves import table_saves
from studio.zoo import Zoo


def headline(now: Snapshot) -> str:
    """The mean over tasks, what it is compared with, and how sure it is."""
    parts = []
    if now.scores:
        mean, half = mean_accuracy(now.scores), _half_width(now.scores)
        rows = sum(score.n for score in now.scores.values())
        total = sum(now.rows.values())
        state = f"n={rows:,}" if rows == total else f"n={rows:,} of {total:,} so far"
        early = "" if now.share >= 1 else f" class='early' title='{_EARLY[now.seen]}'"
        parts.append(
            f"mean accuracy <b id='mean' data-n='{rows}'{early}>{mean:.1%}</b> "
            f"<span class='quiet'>± {half:.1%}, {state}</span>"
        )
    elif now.measuring and not now.refusal:
        parts.append(f"<span class='quiet' id='measuring'>{escape(now.measuring)} …</span>")
    elif now.rows and not now.refusal:
        parts.append("<span class='quiet'>scoring the first rows …</span>")
    parts.append(f"merged <b id='merged'>{len(now.recipe.tasks)}</b> of {len(now.mix.strips)}")
    if _complete(now.experts, now.rows):
        parts.append(f"experts <b>{mean_accuracy(now.experts):.1%}</b>")
    name, floor = _floor(now)
    if _complete(floor, now.rows):
        parts.append(f"{name} <b>{mean_accuracy(floor):.1%}</b>")
    parts += [f"<span id='change'>{words}</span>"] if (words := _changed(now)) else []
    gain = _gain(now)
    if gain is not None:
        parts.append(f"<span title='{_GAIN}'>gain kept <b id='gain'>{gain:.0%}</b></span>")
    spans = "".join(f"<span>{each}</span>" for each in parts)
    stamp = (
        f"<i id='stamp' hidden data-busy='{int(now.busy)}' data-recipe='{now.recipe.digest}'></i>"
    )
    return f"<div class='headline'>{spans}{stamp}</div>{_verdict(now)}"


def status(now: Snapshot) -> str:
    """What a screen reader says once the numbers have come to rest."""
    if now.refusal:
        return escape(now.refusal)
    if not now.scores or not now.seen:
        return ""
    change = "" if now.is_pinned or not now.changes else f", {_against(mean_change(now.changes))}"
    return f"Mean accuracy {mean_accuracy(now.scores):.1%}{change}."


_EARLY = {
    False: "preliminary: few rows yet",
    True: "every row, computed quickly in bfloat16; the float32 scores follow",
}
_GAIN = "share of the experts&#39; gain over head-only that this merge keeps, all tasks together"


def accuracy(now: Snapshot) -> str:
    """A row per task: bar for now, ticks for expert and floor, interval, rows."""
    if not now.rows:
        return (
            "<p>This zoo names no held-out rows, so there is no accuracy to show. "
            "Geometry and export work; add <code>data</code> to zoo.yaml for scores.</p>"
        )
    name, floor = _floor(now)
    on = set(now.recipe.names)
    body = "".join(_accuracy_row(now, task, task in on, floor) for task in _in_order(now))
    partial = "" if now.seen else " partial"
    return (
        f"<table class='studio accuracy{partial}'><caption>Held-out accuracy by task, with 95 % "
        "intervals</caption><thead><tr><th scope='col'>task</th><th scope='col'>0 to 100 %</th>"
        "<th scope='col'>now</th><th scope='col'>since pinned</th>"
        "<th scope='col' class='wide'>interval</th>"
        f"<th scope='col'>expert</th><th scope='col' class='wide'>{name}</th>"
        f"<th scope='col' class='wide'>rows</th></tr></thead><tbody>{body}</tbody></table>"
        "<p class='legend'><span class='l-now'>now</span><span class='l-interval'>95 % interval"
        f"</span><span class='l-expert'>expert alone</span><span class='l-floor'>{name}</span></p>"
        f"{table_saves('accuracy', _csv(now)) if now.seen else ''}"
        f"<p class='quiet'>{_FLOORS[name]} A task that is not merged is still scored, with its own "
        "head. Intervals resample groups of related rows where the data has groups. "
        "<b>Since pinned</b>: the mean change on the same rows, in points; pale numbers stand on "
        "few rows.</p>"
    )


_FLOORS = {
    "head-only": "Head-only: the untouched base with a head fitted on it.",
    "base": "Base: the untouched base with the expert's own head.",
}


def files(rows: list[dict], warnings: list[str], recipe_text: str) -> str:
    """What is in the zoo, in plain words, and the recipe to take away."""
    body = "".join(
        f"<tr><th scope='row'>{escape(row['task'])}</th><td>{_kind(row)}</td>"
        f"<td class='num'>{row['tensors']}</td><td class='num'>{row['parameters'] / 1e6:.1f} M</td>"
        f"<td>{escape(', '.join(row['private'])) or 'nothing'}</td>"
        f"<td>{escape(_join(row)) or 'none'}</td><td><code>{row['digest'][:12]}</code></td></tr>"
        for row in rows
    )
    notes = "".join(f"<p class='note'>{escape(each)}</p>" for each in warnings)
    link = "data:application/yaml;charset=utf-8," + quote(recipe_text)
    return (
        "<div class='scroll' tabindex='0' role='region' aria-label='Checkpoints'>"
        "<table class='studio'><caption>What each checkpoint would change in "
        "the base</caption><thead><tr><th scope='col'>task</th><th scope='col'>kind</th>"
        "<th scope='col'>tensors</th><th scope='col'>parameters</th><th scope='col'>kept private"
        "</th><th scope='col'>notes</th><th scope='col'>digest</th></tr></thead>"
        f"<tbody>{body}</tbody></table></div>{notes}"
        f"<p><a class='download' download='recipe.yaml' href='{link}'>Download this recipe</a> "
        "<span class='quiet'>for <code>python -m studio merge</code></span></p>"
    )


def refusal(sentence: str) -> str:
    """A refusal that stays on the page."""
    return f"<p class='refusal' role='alert'>{escape(sentence)}</p>" if sentence else ""


def nothing_to_show(now: Snapshot) -> str:
    """Why there are no matrices and no map, and never will be for this mix; empty if there are."""
    if now.refused:
        return "This mix cannot be merged; the reason stands above."
    return "" if now.recipe.tasks else "Nothing is merged, so there is nothing to show."


def order(now: Snapshot) -> str:
    """How much the order of the tasks matters."""
    if nothing_to_show(now) or len(now.recipe.tasks) < 2:
        return ""
    words = now.order or "Order: comparing …"
    return f"<p class='quiet' id='order-words'>{escape(words)}</p>"


def _accuracy_row(now: Snapshot, task: str, on: bool, floor: Mapping[str, Score]) -> str:
    score, expert, least = (x.get(task) for x in (now.scores, now.experts, floor))
    label = f"{task}: " + (f"{score.accuracy:.1%} now" if score else "not scored yet")
    bar = ""
    if score:
        width = max(score.high - score.low, 0.004)
        bar += f"<i style='width:{score.accuracy:.2%}'></i>"
        bar += f"<s style='left:{score.low:.2%};width:{width:.2%}'></s>"
    if least:
        bar += f"<u style='left:{least.accuracy:.2%}'></u>"
        label += f", floor {least.accuracy:.1%}"
    if expert:
        bar += f"<b style='left:{expert.accuracy:.2%}'></b>"
        label += f", expert {expert.accuracy:.1%}"
    state = "" if on else " <span class='quiet'>unmerged</span>"
    interval = f"{score.low:.1%} to {score.high:.1%}" if score else ""
    rows = _rows(score, now.rows[task])
    return (
        f"<tr class='{'' if on else 'off'}' data-task='{escape(task)}'>"
        f"<th scope='row'><span>{escape(task)}</span>{state}</th>"
        f"<td><div class='track' role='img' aria-label='{escape(label)}'>{bar}</div></td>"
        f"<td class='num now'>{_percent(score)}</td>"
        f"<td class='num since'>{_since(now.changes.get(task))}</td>"
        f"<td class='num wide'>{interval}</td>"
        f"<td class='num'>{_percent(expert)}</td><td class='num wide'>{_percent(least)}</td>"
        f"<td class='num wide'>{rows}</td></tr>"
    )


def _csv(now: Snapshot) -> str:
    """The table's numbers, and those of the references."""
    name, floor = _floor(now)
    mean = "mean coefficient" if any(s.groups for s in now.mix.strips) else "coefficient"
    header = [
        "task", "merged", mean, "accuracy", "low", "high", "n", "interval",
        "change since pinned", "half of its interval", "expert", name,
    ]  # fmt: skip
    rows = []
    for strip in now.mix.strips:
        if (score := now.scores.get(strip.name)) is None:
            continue
        change = now.changes.get(strip.name)
        compared = (change.mean, change.half) if change else (None, None)
        others = (each.accuracy if each else None
                  for each in (now.experts.get(strip.name), floor.get(strip.name)))  # fmt: skip
        own = (score.accuracy, score.low, score.high, score.n, score.interval)
        merged = ("yes" if strip.on else "no", strip.mean)
        rows.append((strip.name, *merged, *own, *compared, *others))
    return csv_text(header, rows)


_ARROWS = {"better": ("up", "▲"), "worse": ("down", "▼"), "cannot tell": ("quiet", "·")}


def _since(change: Change | None) -> str:
    """A task's change since the pinned mix: points with their interval, and what that says."""
    if change is None:
        return ""
    css, arrow = _ARROWS[change.verdict]
    points = f"{100 * change.mean + 0.0:+.1f} ± {100 * change.half:.1f}"
    return f"<span class='{css}' title='{change.verdict}, n={change.n:,}'>{arrow} {points}</span>"


def _changed(now: Snapshot) -> str:
    """The mean change since the pinned mix, in words."""
    if now.flipped:
        return "<b class='flipped'>pinned mix</b>"
    if now.is_pinned:
        return "<span class='quiet'>this mix is pinned</span>"
    if not now.rows or set(now.changes) != set(now.rows):
        return ""
    change = mean_change(now.changes)
    css, arrow = _ARROWS[change.verdict]
    return (
        f"<span class='{css}' data-mean='{change.mean:.6f}' data-half='{change.half:.6f}' "
        f"data-n='{change.n}'>{arrow} {_against(change)}</span>"
    )


def _against(change: Change) -> str:
    points = f"{100 * change.mean + 0.0:+.1f} ± {100 * change.half:.1f} points"
    if change.verdict == "cannot tell":
        return f"cannot tell from the pinned mix: {points}"
    return f"{change.verdict} than the pinned mix: {points}"


def _verdict(now: Snapshot) -> str:
    """The sentence that a user must not miss, if there is one."""
    if now.refusal:
        return refusal(now.refusal)
    name, floor = _floor(now)
    if now.recipe.tasks and now.seen and _complete(floor, now.rows):
        loss = mean_accuracy(floor) - mean_accuracy(now.scores)
        if loss > 0:
            return (
                f"<p class='note'>This merge scores {100 * loss:.1f} points below {name}: on "
                "average the tasks would do better unmerged. Try smaller coefficients.</p>"
            )
    return ""


def _floor(now: Snapshot) -> tuple[str, dict[str, Score]]:
    if _complete(now.head_only, now.rows):
        return "head-only", now.head_only
    return "base", now.base


def _gain(now: Snapshot) -> float | None:
    """Gain kept; not for a single task whose gain may be none at all."""
    known = _complete(now.experts, now.rows) and _complete(now.head_only, now.rows)
    if not known or not now.seen:
        return None
    if len(now.rows) == 1 and all(
        now.experts[name].low <= now.head_only[name].accuracy for name in now.rows
    ):
        return None
    return gain_kept(now.scores, now.experts, now.head_only)


def _complete(scores: Mapping[str, Score], rows: Mapping[str, int]) -> bool:
    return bool(rows) and set(scores) == set(rows)


def _half_width(scores: Mapping[str, Score]) -> float:
    """Half of the mean's 95 % interval; the tasks' rows are independent of one another."""
    return sqrt(sum(((s.high - s.low) / 2) ** 2 for s in scores.values())) / len(scores)


def _in_order(now: Snapshot) -> list[str]:
    return [strip.name for strip in now.mix.strips if strip.name in now.rows]


def _rows(score: Score | None, total: int) -> str:
    if score is None:
        return ""
    return f"{total:,}" if score.n == total else f"{score.n:,}/{total:,}"


def _percent(score: Score | None) -> str:
    return f"{score.accuracy:.1%}" if score else "…"


def _kind(row: dict) -> str:
    if row["kind"] == "full":
        return "full fine-tune"
    return f"{row['kind']}, rank {row['rank']}" if row["rank"] else row["kind"]


def _join(row: dict) -> str:
    prefix = [f"names start with '{row['prefix']}'."] if row["prefix"] else []
    return " ".join([*prefix, *row["notes"]])


def title(zoo: Zoo, device: str) -> str:
    """The header: what is open and where it runs."""
    return (
        f"<h1>MDM-OC merge studio</h1><p>Zoo: <b>{escape(zoo.name)}</b>, {len(zoo.tasks)} tasks on "
        f"one base. Everything runs on this computer ({escape(device)}).</p>"
    )
