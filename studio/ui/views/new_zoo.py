"""Pure views of the New zoo tab: what was found, what each task is scored by, its first rows."""

from collections.abc import Mapping, Sequence
from html import escape

from studio.errors import StudioError, some
from studio.hub.fitting import Fit
from studio.hub.look import RemoteLook
from studio.new_zoo.cost import MakeCost
from studio.new_zoo.finding import Found
from studio.new_zoo.grouping import Member, Proposal
from studio.new_zoo.plan import ALL, NewTask
from studio.new_zoo.tables import Table, plain
from studio.session.helping import Offer, offers, zoo_offers
from studio.session.jobs import JobState
from studio.ui.remedies import button, told
from studio.ui.views.units import duration, size

_LISTED, _ROWS, _LETTERS = 12, 4, 90
_READY, _WRONG = "<span class='up'>yes</span>", "<b class='down'>no</b>"
_BEING_READ = "<span class='quiet'>being read</span>"
_SPLITS = {ALL: "held-out, validation", "held_out": "held-out", "train": "training"}


def job(state: JobState | None) -> str:
    """How far a search or a writing is, or why it ended otherwise than well."""
    if state is None or state.phase == "done":
        return ""
    if state.running:
        return (
            f"<p class='job quiet' role='status'><progress max='1' value='{state.share:.3f}'>"
            f"</progress> {escape(state.words)}</p>"
        )
    words = told(state.problem) if state.problem else state.words
    return _refusal(f"{words} {state.advice}", "", zoo_offers(state.problem))


def _refusal(sentence: str, task: str, offered: Sequence[Offer]) -> str:
    """What is wrong, and a button for all that the page can do about it."""
    buttons = " ".join(
        f"<button type='button' data-task='{escape(task or str(about))}' "
        f"data-remedy='{remedy.name}'>{escape(button(remedy, about))}</button>"
        for remedy, about in offered
    )
    saves = f"<div class='saves'>{buttons}</div>" if buttons else ""
    return f"<div class='refusal' role='alert'>{escape(sentence)}{saves}</div>"


def remote(looks: Sequence[RemoteLook], fits: Mapping[str, Fit]) -> str:
    """What would be fetched from the Hub, and what of it would merge, as its headers say.

    Args:
        looks: at repositories.
        fits: by id, what of a model would merge; none where no base is known.
    """
    if not looks:
        return ""
    rows = "".join(
        f"<tr><th scope='row'>{escape(look.hub_id)}</th><td>{_would_merge(look, fits)}</td>"
        f"<td class='num'>{size(look.size)}</td><td>{escape(look.licence) or 'not said'}</td>"
        f"<td>{look.kind}</td><td class='num'>{f'{look.parameters:,}' if look.tensors else ''}</td>"
        f"<td>{escape(some(look.base_models)) or 'not said'}</td>"
        f"<td><code>{look.commit[:12]}</code></td></tr>"
        for look in looks
    )
    heads = "".join(
        f"<th scope='col'>{words}</th>"
        for words in ("repository", "would merge", "size", "licence", "kind", "numbers",
                      "made from", "commit")
    )  # fmt: skip
    return (
        "<div class='scroll' tabindex='0' role='region' aria-label='On the Hub'><table "
        "class='studio' id='new-remote'><caption>On the Hub, not here yet: what its headers say"
        f"</caption><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _would_merge(look: RemoteLook, fits: Mapping[str, Fit]) -> str:
    """What of a repository would merge, and into what."""
    if look.kind == "dataset":
        return "rows"
    found = fits.get(look.hub_id)
    if found is None:
        bases = {each.base for each in fits.values()}
        return "the base" if look.hub_id in bases else "name the base above, and search again"
    if found.problem:
        return f"<b class='down'>no</b>: {escape(found.problem)}"
    return f"<span class='up'>yes</span>, into {escape(found.base)}: {escape(found.words)}"


def cost(needed: MakeCost | None, free: int) -> str:
    """What writing the zoo takes, about, and how that is known; a place for it until then."""
    if needed is None:
        return "<p class='quiet' id='new-cost'>What it takes is told once the rows were read.</p>"
    how = (
        f"as {needed.makes} earlier on this computer took" if needed.makes > 1
        else "as the one before on this computer took" if needed.makes
        else "a guess from sizes: none was written on this computer before"
    )  # fmt: skip
    return (
        f"<p class='quiet' id='new-cost'>Writing it takes about {duration(needed.seconds)} ({how}) "
        f"and about {size(needed.memory)} of memory; {size(free)} are free.</p>"
    )


def proposal_name(proposal: Proposal) -> str:
    """A proposal in one line, to choose it by."""
    count = len(proposal.members)
    base = proposal.source or "a base that is not named"
    return f"{count} {'model' if count == 1 else 'models'} on {base}"


def member_name(member: Member) -> str:
    """A model in one line, to choose it by."""
    rank = member.model.checkpoint.adapter.rank if member.model.checkpoint.adapter else None
    kind = member.model.checkpoint.kind + (f" of rank {rank}" if rank else "")
    versions = f", {len(member.versions)} versions" if len(member.versions) > 1 else ""
    return f"{member.name} ({kind}, {size(member.model.size)}{versions})"


def found(searched: Found | None, proposal: Proposal | None) -> str:
    """What the search has found, what it could not read, and the base with the reason for it."""
    if searched is None:
        return ""
    if proposal is None:
        return "<p class='note'>No two of the models share a base.</p>"
    base = f"Base: <b>{escape(proposal.source)}</b>. {escape(proposal.why)}"
    head = f"<p>{base}</p>" if proposal.base else ""
    notes = [*proposal.notes, *searched.notes]
    loud = "refusal" if proposal.base is None else "note"
    said = "".join(f"<p class='{loud}'>{escape(each)}</p>" for each in notes)
    wrong = [(m.name, m.problem.problem) for m in proposal.members if m.problem]
    wrong += [(str(place), problem.problem) for place, problem in searched.refused]
    return head + said + _folded("cannot be used", wrong)


def _folded(words: str, items: Sequence[tuple[str, str]]) -> str:
    if not items:
        return ""
    lines = "".join(f"<li><b>{escape(n)}</b>: {escape(w)}</li>" for n, w in items[:_LISTED])
    more = f"<li>and {len(items) - _LISTED} more</li>" if len(items) > _LISTED else ""
    return f"<details><summary>{len(items)} {words}</summary><ul>{lines}{more}</ul></details>"


def tasks(
    made: Mapping[str, NewTask], troubles: Mapping[str, StudioError],
    notes: Mapping[str, Sequence[str]], unread: Sequence[str] = (),
) -> str:  # fmt: skip
    """A row for each task: its kind, what answers, its rows; what is wrong with them, and notes."""
    if not made:
        return "<p class='quiet'>No model is ticked.</p>"
    states = {name: _WRONG for name in troubles} | {name: _BEING_READ for name in unread}
    body = "".join(_task(task, states.get(name, _READY)) for name, task in made.items())
    wrong = "".join(
        _refusal(told(trouble), name, offers(made[name], trouble))
        for name, trouble in troubles.items() if name in made
    )  # fmt: skip
    said = [(made[name].name, " ".join(notes[name])) for name in made if notes.get(name)]
    read = f"{'task' if len(said) == 1 else 'tasks'} with notes on how the rows were read"
    return (
        "<div class='scroll' tabindex='0' role='region' aria-label='Tasks of the new zoo'>"
        "<table class='studio' id='new-tasks'><caption>What each task is scored by</caption><thead>"
        "<tr><th scope='col'>task</th><th scope='col'>ready</th><th scope='col'>rows</th>"
        "<th scope='col'>answers</th><th scope='col'>kind</th></tr></thead>"
        f"<tbody>{body}</tbody></table></div>{wrong}" + _folded(read, said)
    )


def _task(task: NewTask, state: str) -> str:
    head = "a head is fitted on its rows" if task.needs_head else "its own"
    if not task.files:
        head, state = ("nothing" if task.needs_head else "its own"), "no rows: no accuracy"
    files = "<br>".join(
        escape(path.name if {*task.files} == {ALL} else f"{_SPLITS.get(split, split)}: {path.name}")
        for split, path in task.files.items()
    )
    cells = f"<td>{state}</td><td>{files or 'none'}</td><td>{head}</td><td>{escape(task.kind)}</td>"
    name = escape(task.name)
    return f"<tr data-task='{name}'><th scope='row'>{name}</th>{cells}</tr>"


def first_rows(table: Table | None, columns: Mapping[str, str]) -> str:
    """The first rows of a table; the columns that are read are marked."""
    if table is None:
        return ""
    fields = {column: name for name, column in columns.items() if column}
    ordered = sorted(table.columns, key=lambda column: column not in fields)
    head = "".join(
        f"<th scope='col'>{escape(c)}"
        + (f" <span class='up'>{escape(fields[c])}</span>" if c in fields else "") + "</th>"
        for c in ordered
    )  # fmt: skip
    body = "".join(
        "<tr>" + "".join(f"<td{_quiet(c in fields)}>{_cell(row.get(c))}</td>" for c in ordered)
        + "</tr>" for row in table.rows[:_ROWS]
    )  # fmt: skip
    return (
        "<div class='scroll' tabindex='0' role='region' aria-label='First rows'>"
        f"<table class='studio' id='new-rows'><caption>The first of {table.total:,} rows of "
        f"{escape(table.path.name)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
        "</table></div>"
    )


def _quiet(read: bool) -> str:
    return "" if read else " class='quiet'"


def _cell(cell: object) -> str:
    if isinstance(cell, bytes) or (isinstance(cell, dict) and "bytes" in cell):
        return "a picture"
    text = str(plain(cell)) if cell is not None else ""
    return escape(text if len(text) <= _LETTERS else text[:_LETTERS] + "…")
