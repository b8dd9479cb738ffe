"""The footer: the job that runs or ran last, and the memory in use."""

from html import escape

from studio.session.engine import Memory
from studio.session.jobs import JobState
from studio.ui.remedies import told
from studio.ui.views.units import size


def footer(state: JobState | None, memory: Memory) -> str:
    """The job strip, and the memory in use."""
    used = f"<div class='quiet' id='memory'>{_memory(memory)}</div>"
    return f"<div class='footer'>{_job(state)}{used}</div>"


def _job(state: JobState | None) -> str:
    if state is None:
        return "<div class='job quiet' id='job' data-phase='none'>No long job is running.</div>"
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
        loud = f"<b class='down'>Warning: {escape(state.warning)}</b> " if state.warning else ""
        middle = (
            f"<b class='{css}'>{state.phase}</b>: {loud}<span class='words'>{words}</span>{advice}"
        )
    alert = " role='alert'" if state.phase == "failed" or state.warning else ""
    return (
        f"<div class='job {state.phase}' id='job' data-phase='{state.phase}'{alert}>"
        f"{name} {middle} <span class='quiet'>{state.seconds:.0f} s</span></div>"
    )


def _memory(memory: Memory) -> str:
    words = f"Memory: <b>{size(memory.process)}</b>, of it deltas {size(memory.deltas)}"
    if memory.device is not None:
        total = f" of {size(memory.device_total)}" if memory.device_total else ""
        words += f"; device {size(memory.device)}{total}"
    if memory.worn:
        words += f"; the live model computes in {memory.worn}, since float32 would not fit"
    return words
