"""Pure view of the wall: eight beats for a presenter, each with a note and a place on the page."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class Beat:
    """One step of a presentation.

    Attributes:
        title: what those in front of the wall read.
        note: what the presenter says.
        place: CSS selector of what alone is shown.
        fold: of a fold that is opened; empty for none.
        act: 'back' puts the task into the mix, 'take' takes it out; empty leaves the mix.
        certified: whether it shows a certificate, which must have been written.
    """

    title: str
    note: str
    place: str
    fold: str = ""
    act: str = ""
    certified: bool = False


BEATS = (
    Beat("One model, several owners",
         "Each row is one owner's part. Together they are one model, and the large number is how "
         "well it does.", "#headline, #mixer", act="back"),
    Beat("{task} asks to be taken out",
         "One press. The rest is merged again from the base; nothing is subtracted.",
         "#headline, #taken-out", act="take"),
    Beat("What the model still does, and why",
         "Do not hide this number. Related parts teach some of it; a model that never had it does "
         "the same.", "#headline, #taken-out", act="take"),
    Beat("Is it really out?",
         "Read the sentence aloud: it says whether another process, never given it, computed the "
         "same.", "#verdict", act="take"),
    Beat("What was checked",
         "Five lines. The second one is the proof, the others support it.", "#five", act="take"),
    Beat("What mere subtraction would have left",
         "This is what many tools do. Let them look at the last bars: an insider gets it back.",
         "#evidence-attack", "#subtraction", "take"),
    Beat("Others can check it",
         "The certificate and its report, two pages for whoever answers for data protection. No "
         "studio and no network are needed.", "#certify, #evidence-certified", act="take",
         certified=True),
    Beat("Change one byte",
         "Press, and a changed copy must fail. Then say what this does not show.",
         "#tamper, #evidence-tampered, #limits", "#limits", "take", certified=True),
)  # fmt: skip


_NONE = (
    "No certificate says yet that {task} was taken out, and the last two beats show one: take it "
    "out and write one in step 3."
)
_THERE = "Certificate no. {number} says that it was taken out, and the last two beats show it."
_WAY = "<button type='button' data-wall='certify'>Take it out and go to step 3</button>"


def wall(
    tasks: Sequence[str], task: str, moment: str, ready: bool, story: str = "", number: str = ""
) -> str:
    """The strip of beats, and the way to prepare them.

    Args:
        tasks: of the mix, one of which is told about.
        task: that was prepared; '' for none.
        moment: when that was.
        ready: whether it is still of the mix that is shown.
        story: the task that is told about; '' for the one that was prepared, or the first.
        number: of the certificate of its removal; '' if there is none.
    """
    chosen = story or task or (tasks[0] if tasks else "")
    options = "".join(
        f"<option{' selected' * (name == chosen)}>{escape(name)}</option>" for name in tasks
    )
    words = "Prepare first: what takes minutes is computed now, and recalled on the wall."
    if ready:
        words = f"<b>{escape(task)}</b> was computed before, {escape(moment)}; on the wall it is "
        words += f"recalled. {_certificate(chosen, number)}"
    elif task:
        words = f"The mix is no longer the one that <b>{escape(task)}</b> was prepared of: put it "
        words += "back as it was, or prepare again."
    beats = "".join(_beat(place, each, chosen, number) for place, each in enumerate(BEATS, 1))
    return (
        f"<details class='fold' id='beats-fold'{' open' * bool(task)}>"
        "<summary>Show on a wall</summary>"
        f"<p class='quiet' id='wall-ready'>{words}</p><p class='takes'><label>Task "
        f"<select id='wall-task'>{options}</select></label>"
        "<button type='button' data-wall='prepare'>Prepare</button>"
        f"<button type='button' data-wall='start'{'' if ready else ' disabled'}>Start</button></p>"
        f"<div id='beats' hidden role='region' aria-label='Beats' data-task='{escape(chosen)}'>"
        f"{beats}<p class='takes'>"
        "<button type='button' data-wall='earlier'>Back</button>"
        "<button type='button' data-wall='later'>Next</button>"
        "<button type='button' data-wall='reset'>Reset</button>"
        "<button type='button' data-wall='end'>End</button></p></div></details>"
    )


def _certificate(task: str, number: str) -> str:
    """What the last two beats show, or how they come to show something."""
    if number:
        return _THERE.format(number=escape(number))
    return f"{_NONE.format(task=escape(task))} {_WAY}"


def _beat(number: int, beat: Beat, task: str, certificate: str) -> str:
    title = escape(beat.title.replace("{task}", task))
    lacks = beat.certified and not certificate
    note = _certificate(task, "") if lacks else escape(beat.note)
    return (
        f"<section class='beat' hidden data-place='{escape(beat.place)}' "
        f"data-fold='{escape(beat.fold)}' data-act='{beat.act}'><h3>{number} of {len(BEATS)}: "
        f"{title}</h3><p>{note}</p></section>"
    )
