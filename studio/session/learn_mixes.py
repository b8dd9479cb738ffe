"""Mixes that a lesson sets: some tasks, each with a number, the others unmerged."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from studio.recipe import DEFAULT, DEFAULT_METHOD
from studio.session.mix import Mix
from studio.session.mixer_strip import Strip


def mixed(
    start: Mix, on: Mapping[str, float], method: str = DEFAULT_METHOD,
    options: Mapping[str, float] | None = None, order: Sequence[str] = (),
) -> Mix:  # fmt: skip
    """A mix of some tasks of a zoo; the others are unmerged.

    Args:
        start: the mix that the zoo starts with.
        on: {task that is merged: its coefficient}.
        method: name.
        options: of the method that are no defaults.
        order: tasks that come first.
    """
    fresh = start.with_method(method)

    def strip(each: Strip) -> Strip:
        if each.name not in on:
            return replace(each, on=False)
        same = on[each.name] == each.coefficient
        return replace(each.even(on[each.name], DEFAULT if same else ""), on=True)

    first = {name: place for place, name in enumerate(order)}
    strips = sorted(fresh.strips, key=lambda each: first.get(each.name, len(first)))
    made = replace(fresh, strips=tuple(strip(each) for each in strips))
    return made.chosen_by({**made.options, **options}) if options else made
