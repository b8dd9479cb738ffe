"""The strip of the long job, which is always in view, and the memory in use."""

from html import escape

from studio.session.engine import Memory
from studio.session.jobs import JobState
from studio.ui.remedies import told
from studio.ui.views.units import size

_EARLY = 0.04  # share of a job that tells too little of how long the rest takes


def job_strip(state: JobState | None) -> str:
    """The job that runs, or what became of the last one; empty without one."""
    if state is None:
        return "<div class='job none' id='job' data-phase='none'></div>"
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
    left = _time(state) if _left(state) is not None else ""
    told_at_button = ", ".join(filter(None, (f"{state.share:.0%}", left)))
    where = (
        f" data-tab='{escape(state.tab)}' data-control='{escape(state.control)}' "
        f"data-share='{state.share:.3f}' data-told='{told_at_button}'"
    )
    return (
        f"<div class='job {state.phase}' id='job' data-phase='{state.phase}'{where}{alert}>"
        f"<b>{name}</b> {middle} <span class='quiet'>{_time(state)}</span></div>{_notes(state)}"
    )


def _notes(state: JobState) -> str:
    """What else there is to know of what it made, in a fold; empty without."""
    if not state.notes:
        return ""
    count = "1 note" if len(state.notes) == 1 else f"{len(state.notes)} notes"
    items = "".join(f"<li>{escape(each)}</li>" for each in state.notes)
    return f"<details id='job-notes'><summary>{count}</summary><ul>{items}</ul></details>"


def _time(state: JobState) -> str:
    """How long it took, or about how long it still takes."""
    left = _left(state)
    if left is None:
        return f"{state.seconds:.0f} s"
    return f"about {left:.0f} s left" if left < 90 else f"about {left / 60:.0f} min left"


def _left(state: JobState) -> float | None:
    """Seconds that it still takes: as earlier jobs tell at first, as its own share does later."""
    if not state.running:
        return None
    by_share = None
    if state.share >= _EARLY:
        by_share = state.seconds * (1 - state.share) / state.share
    by_past = state.expected - state.seconds if state.expected is not None else None
    if by_past is None or by_past < 0:  # what takes longer than ever tells by itself
        return by_share
    if by_share is None:
        return by_past
    return state.share * by_share + (1 - state.share) * by_past


def memory_line(memory: Memory) -> str:
    """The memory in use."""
    words = f"Memory: <b>{size(memory.process)}</b>, of it deltas {size(memory.deltas)}"
    if memory.device is not None:
        total = f" of {size(memory.device_total)}" if memory.device_total else ""
        words += f"; device {size(memory.device)}{total}"
    if memory.worn:
        words += f"; the live model computes in {memory.worn}, since float32 would not fit"
    return f"<div class='quiet' id='memory'>{words}</div>"
