"""Pure views of the Files tab: checkpoints, sizes, pre-flights, programs to copy."""

from collections.abc import Sequence
from html import escape
from urllib.parse import quote

from studio.errors import SeveralProblems, StudioError
from studio.preflight import Look, Preflight
from studio.session.export import EXPORTS
from studio.session.export_plan import ExportCost
from studio.session.jobs import JobState
from studio.ui.remedies import told
from studio.ui.views import notices
from studio.ui.views.units import size

_RESTART = "restart-zoo-text"


def checkpoints(rows: list[dict], warnings: list[str], recipe_text: str) -> str:
    """What is in the zoo, in plain words, and the recipe to take away."""
    body = "".join(
        f"<tr><th scope='row'>{escape(row['task'])}</th><td>{_kind(row)}</td>"
        f"<td class='num'>{row['tensors']}</td><td class='num'>{row['parameters']:,}</td>"
        f"<td>{escape(', '.join(row['private'])) or 'nothing'}</td>"
        f"<td><code>{row['digest'][:12]}</code></td></tr>"
        for row in rows
    )
    told = _notes([(row["task"], _join(row)) for row in rows])
    notes = "".join(f"<p class='note'>{escape(each)}</p>" for each in warnings)
    link = "data:application/yaml;charset=utf-8," + quote(recipe_text)
    return (
        "<div class='scroll' tabindex='0' role='region' aria-label='Checkpoints'>"
        "<table class='studio'><caption>What each checkpoint would change in "
        "the base</caption><thead><tr><th scope='col'>task</th><th scope='col'>kind</th>"
        "<th scope='col'>tensors</th><th scope='col'>parameters</th><th scope='col'>kept private"
        "</th><th scope='col'>digest</th></tr></thead>"
        f"<tbody>{body}</tbody></table></div>{told}{notes}"
        f"<p><a class='download' download='recipe.yaml' href='{link}'>Download this recipe</a> "
        "<span class='quiet'>for <code>python -m studio merge</code></span></p>"
    )


def opening(path: str) -> str:
    """In the place of what a look found: the zoo is being opened, which may still fail."""
    return (
        f"<p class='note' id='opening'>Opening {escape(path)}: how far that is, and what became of "
        "it, stands at the top of the page.</p>"
    )


def written(job: JobState | None, name: str | None) -> str:
    """What came of the last export, beside its button: its words, a warning, the download."""
    if job is None or job.running or not job.name.startswith(EXPORTS):
        return ""
    if job.phase != "done":
        words = told(job.problem) if job.problem else job.words
        return f"<p class='refusal' role='alert'>{escape(words)} {escape(job.advice)}</p>"
    loud = f"<p class='refusal' role='alert'>{escape(job.warning)}</p>" if job.warning else ""
    return f"{loud}<p class='fine'>{escape(job.words)}</p>{download(name)}"


def download(name: str | None) -> str:
    """A link to what was exported, as an archive that is made on its way; empty without one."""
    if name is None:
        return ""
    return (
        f"<p><a class='download' download href='download/{name}.zip'>Download the export (zip)</a> "
        "<span class='quiet'>it is packed on its way: no copy is kept</span></p>"
    )


def forecast(found: ExportCost) -> str:
    """What an export would write, against what is free."""
    words = (
        f"Writes <b id='forecast-size' data-bytes='{found.size}'>{size(found.size)}</b> of weights "
        f"({found.size:,} bytes); {size(found.free)} are free on that disk"
    )
    if found.needed <= found.free:
        return f"<p class='quiet' id='forecast'>{words}.</p>"
    return (
        f"<p class='refusal' id='forecast' role='alert'>{words}, and {size(found.needed)} are "
        "needed with a margin. Make room, or choose another disk or dtype.</p>"
    )


def no_forecast(sentence: str) -> str:
    """Why there would be no export."""
    return f"<p class='note' id='forecast'>{escape(sentence)}</p>"


def programs(command: str, python: str) -> str:
    """The shown merge as a command and as Python, each to be copied."""
    both = (
        (
            "command",
            "As a command",
            "for a POSIX shell; writes recipe.yaml, then merges it",
            command,
        ),
        ("python", "As Python", "writes the same weights, without heads and scores", python),
    )
    return "".join(
        f"<section class='program'><h3 id='{key}-title'>{title} <span class='quiet'>{words}</span>"
        f"</h3><button type='button' class='copy' data-copy='{key}-text'>Copy"
        f"<span class='hidden'> {title.lower()}</span></button> "
        "<span role='status' class='quiet'></span>"
        f"<pre id='{key}-text' tabindex='0' role='region' aria-labelledby='{key}-title'>"
        f"{escape(text)}</pre></section>"
        for key, title, words, text in both
    )


def preflight(found: Preflight, command: str = "python app.py") -> str:
    """A row per checkpoint, everything that is wrong, and the memory it takes.

    Args:
        found: by looking at the zoo.
        command: with which the studio was started.
    """
    problems = found.problems
    rows = "".join(_look(look, problems) for look in found.looks)
    listed = "".join(f"<li>{escape(told(each))}</li>" for each in problems)
    notes = _notes([(look.name, " ".join(look.notes)) for look in found.looks])
    state = (
        f"<p class='refusal' role='alert'>{len(problems)} "
        f"{'problem' if len(problems) == 1 else 'problems'}; the open zoo stays.</p>"
        f"<ol class='problems'>{listed}</ol>{notices.restart(problems, _RESTART, command)}"
        if problems
        else "<p class='fine'>Everything fits. The open zoo stays until this one is ready.</p>"
    )
    return (
        f"<div id='preflight' data-problems='{len(problems)}'>{state}"
        "<div class='scroll' tabindex='0' role='region' aria-label='Pre-flight'>"
        f"<table class='studio'><caption>'{escape(found.zoo.name)}', from headers, heads and first "
        "rows</caption><thead><tr><th scope='col'>checkpoint</th><th scope='col'>fits the base</th>"
        "<th scope='col'>kind</th><th scope='col'>tensors</th><th scope='col'>parameters</th>"
        f"<th scope='col'>on disk</th></tr></thead><tbody>{rows}</tbody></table></div>{notes}"
        f"<p class='quiet'>{_memory_words(found)}</p></div>"
    )


def refused(problem: StudioError, command: str = "python app.py") -> str:
    """A zoo that could not even be looked at."""
    said = notices.refused(problem, _RESTART, command)
    return f"<div id='preflight' data-problems='1'>{said}</div>"


def _look(look: Look, problems: list[StudioError]) -> str:
    kind = f"LoRA, rank {look.rank}" if look.rank else {"": "unreadable"}.get(look.kind, look.kind)
    fits = "is the base" if look.name == "base" else "<span class='up'>yes</span>"
    if look.problem:
        each = look.problem
        several = each.found if isinstance(each, SeveralProblems) else (each,)
        numbered = ", ".join(str(problems.index(one) + 1) for one in several)
        fits = f"<b class='down'>no</b>, problem{'s' if len(several) > 1 else ''} {numbered}"
    numbers = (f"{look.tensors:,}", f"{look.parameters:,}") if look.tensors else ("", "")
    cells = (*numbers, size(look.size) if look.size else "")
    return (
        f"<tr><th scope='row'>{escape(look.name)}</th><td>{fits}</td><td>{escape(kind)}</td>"
        + "".join(f"<td class='num'>{cell}</td>" for cell in cells)
        + "</tr>"
    )


def _notes(rows: Sequence[tuple[str, str]]) -> str:
    """What is to be known of each checkpoint, below its table, where there is room for it."""
    items = "".join(f"<li><b>{escape(name)}</b>: {escape(x)}</li>" for name, x in rows if x)
    return f"<ul class='notes' aria-label='Notes'>{items}</ul>" if items else ""


def _memory_words(found: Preflight) -> str:
    deltas = size(found.deltas)
    held = f"{deltas} of deltas" if found.held else f"the {deltas} of deltas stay on the disk"
    model = f"{size(found.model)} for the live model" if found.model else "no live model"
    return (
        f"Needs about {size(found.needed)} of memory ({model}, {held}); "
        f"{size(found.free)} are free."
    )


def _kind(row: dict) -> str:
    if row["kind"] == "full":
        return "full fine-tune"
    return f"{row['kind']}, rank {row['rank']}" if row["rank"] else row["kind"]


def _join(row: dict) -> str:
    prefix = [f"names start with '{row['prefix']}'."] if row["prefix"] else []
    return " ".join([*prefix, *row["notes"]])
