"""Pure views of the Files tab and the footer: sizes, pre-flights, programs to copy, jobs."""

from html import escape

from studio.errors import StudioError
from studio.preflight import Look, Preflight
from studio.session.engine import Memory
from studio.session.export_plan import ExportCost
from studio.session.jobs import JobState
from studio.ui.remedies import told


def size(count: int) -> str:
    """Bytes in a unit that people read."""
    number, unit = float(count), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if number < 1000:
            break
        number, unit = number / 1000, larger
    return f"{count:,} bytes" if unit == "bytes" else f"{number:.3g} {unit}"


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


def preflight(found: Preflight) -> str:
    """A row per checkpoint, everything that is wrong, and the memory it takes."""
    problems = found.problems
    rows = "".join(_look(look, problems) for look in found.looks)
    listed = "".join(f"<li>{escape(told(each))}</li>" for each in problems)
    state = (
        f"<p class='refusal' role='alert'>{len(problems)} "
        f"{'problem' if len(problems) == 1 else 'problems'}; the open zoo stays.</p>"
        f"<ol class='problems'>{listed}</ol>"
        if problems
        else "<p class='fine'>Everything fits. The open zoo stays until this one is ready.</p>"
    )
    return (
        f"<div id='preflight' data-problems='{len(problems)}'>{state}"
        "<div class='scroll' tabindex='0' role='region' aria-label='Pre-flight'>"
        f"<table class='studio'><caption>'{escape(found.zoo.name)}', from its headers alone"
        "</caption><thead><tr><th scope='col'>checkpoint</th><th scope='col'>fits the base</th>"
        "<th scope='col'>kind</th><th scope='col'>tensors</th><th scope='col'>parameters</th>"
        "<th scope='col'>on disk</th><th scope='col'>notes</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></div><p class='quiet'>{_memory_words(found)}</p></div>"
    )


def refused(sentence: str) -> str:
    """A zoo that could not even be looked at."""
    return (
        "<div id='preflight' data-problems='1'><p class='refusal' role='alert'>"
        f"{escape(sentence)}</p></div>"
    )


def footer(state: JobState | None, memory: Memory) -> str:
    """The job strip, and the memory in use."""
    used = f"<div class='quiet' id='memory'>{_memory(memory)}</div>"
    return f"<div class='footer'>{_job(state)}{used}</div>"


def _look(look: Look, problems: list[StudioError]) -> str:
    kind = f"LoRA, rank {look.rank}" if look.rank else {"": "unreadable"}.get(look.kind, look.kind)
    fits = "<b class='down'>no</b>" if look.problem else "<span class='up'>yes</span>"
    if look.name == "base" and not look.problem:
        fits = "is the base"
    notes = " ".join(look.notes)
    if look.problem:
        notes = f"problem {problems.index(look.problem) + 1}"
    numbers = (f"{look.tensors:,}", f"{look.parameters:,}") if look.tensors else ("", "")
    cells = (*numbers, size(look.size) if look.size else "")
    return (
        f"<tr><th scope='row'>{escape(look.name)}</th><td>{fits}</td><td>{escape(kind)}</td>"
        + "".join(f"<td class='num'>{cell}</td>" for cell in cells)
        + f"<td class='words'>{escape(notes) or 'none'}</td></tr>"
    )


def _memory_words(found: Preflight) -> str:
    deltas = size(found.deltas)
    held = f"{deltas} of deltas" if found.held else f"the {deltas} of deltas stay on the disk"
    model = f"{size(found.model)} for the live model" if found.model else "no live model"
    return (
        f"Needs about {size(found.needed)} of memory ({model}, {held}); "
        f"{size(found.free)} are free."
    )


def _memory(memory: Memory) -> str:
    words = f"Memory: <b>{size(memory.process)}</b>, of it deltas {size(memory.deltas)}"
    if memory.device is not None:
        total = f" of {size(memory.device_total)}" if memory.device_total else ""
        words += f"; device {size(memory.device)}{total}"
    return words


def _job(state: JobState | None) -> str:
    if state is None:
        return "<div class='job quiet' id='job' data-phase='none'>No job is running.</div>"
    words = escape(told(state.problem) if state.problem else state.words)
    name = escape(state.name)
    if state.running:
        middle = (
            f"<progress max='1' value='{state.share:.3f}' aria-label='{name}'></progress>"
            f"{state.share:.0%} <span class='words'>{words}</span>"
        )
    else:
        css = {"done": "up", "failed": "down"}.get(state.phase, "quiet")
        advice = f" <span class='advice'>{escape(state.advice)}</span>" if state.advice else ""
        middle = f"<b class='{css}'>{state.phase}</b>: <span class='words'>{words}</span>{advice}"
    alert = " role='alert'" if state.phase == "failed" else ""
    return (
        f"<div class='job {state.phase}' id='job' data-phase='{state.phase}'{alert}>"
        f"{name} {middle} <span class='quiet'>{state.seconds:.0f} s</span></div>"
    )
