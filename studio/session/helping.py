"""What the page can do about a trouble of a task in the making: offered, and done when asked."""

from collections.abc import Mapping, Sequence

from studio.errors import Remedy, StudioError
from studio.new_zoo.plan import NewTask

Offer = tuple[Remedy, object]
"""What helps, and what it is about."""
_CHANGES = (Remedy.TAKE_COLUMN, Remedy.NAME_LABELS, Remedy.NO_GROUP, Remedy.GUESS_COLUMNS)


def offers(task: NewTask, trouble: StudioError | None) -> list[Offer]:
    """What can be done about a task's trouble by a press of a button, the likeliest first.

    Args:
        task: in the making.
        trouble: why its rows cannot be taken, or None.
    """
    found: list[Offer] = []
    if trouble and _can_be_done(trouble):
        assert trouble.remedy
        found.append((trouble.remedy, trouble.about))
    if task.files and task.refused is None:
        found.append((Remedy.WITHOUT_ROWS, ""))
    return [*found, (Remedy.LEAVE_TASK_OUT, task.name)]


def zoo_offers(problem: StudioError | None) -> list[Offer]:
    """What can be done about a zoo that could not be written: tasks to leave out, each once."""
    each = problem.each() if problem else ()
    named = [one.about for one in each if one.remedy is Remedy.LEAVE_TASK_OUT]
    return [(Remedy.LEAVE_TASK_OUT, about) for about in dict.fromkeys(named)]


def change_for(remedy: Remedy, about: object, columns: Mapping[str, str]) -> dict[str, object]:
    """What is changed of a task, as of ``changed``.

    Args:
        remedy: that changes a task's rows, columns or labels.
        about: of it.
        columns: that are read, by field.
    """
    if remedy is Remedy.TAKE_COLUMN:
        return {"fields": {**columns, "label": about}}
    if remedy is Remedy.NO_GROUP:
        return {"fields": {**columns, "group": ""}}
    if remedy is Remedy.NAME_LABELS:
        return {"labels": about}
    return {"rows": ""} if remedy is Remedy.WITHOUT_ROWS else {"fields": None}


def _can_be_done(trouble: StudioError) -> bool:
    """Whether a button could do what a trouble advises; an order needs all labels of a head."""
    if trouble.remedy is Remedy.NAME_LABELS:
        return isinstance(trouble.about, Sequence) and len(trouble.about) > 0
    return trouble.remedy in (*_CHANGES, Remedy.DROP_LEAKS, Remedy.READ_ROWS)
