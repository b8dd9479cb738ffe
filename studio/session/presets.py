"""Presets: mixes of the open zoo that show one thing each, chosen from what was measured of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from studio.lesson.facts import MAIN, ZooFacts
from studio.methods import METHODS, SUM
from studio.recipe import DEFAULT_METHOD
from studio.session.learn_mixes import mixed
from studio.session.learn_steps import ONE_TASK
from studio.session.link import link_of
from studio.session.mix import Mix
from studio.zoo import Zoo

_APART, _ALIKE, _TWINS, _AGAINST = 0.1, 0.2, 0.5, -0.05
_TOO_MUCH = 3.0
_METHOD, _SUM = METHODS[DEFAULT_METHOD].title, METHODS[SUM].title


@dataclass(frozen=True)
class Preset:
    """A mix that shows one thing.

    Attributes:
        title: a few words.
        words: what to look at; of one that the zoo cannot show, why not.
        mix: that is shown; None where the zoo cannot show it.
        pinned: that it is compared with.
    """

    title: str
    words: str
    mix: Mix | None = None
    pinned: Mix | None = None

    def link(self, zoo: Zoo) -> str:
        """The page's address of it, from ``#`` on; empty where there is none."""
        if self.mix is None or self.pinned is None:
            return ""
        shown, pinned = link_of(self.mix, zoo), link_of(self.pinned, zoo)
        return f"#tab=Learn&mix={shown}&pinned={pinned}" if shown and pinned else ""


def presets(facts: ZooFacts, start: Mix) -> Sequence[Preset]:
    """All of them; those that a zoo cannot show say so."""
    every = mixed(start, dict.fromkeys(facts.tasks, facts.start))
    return (
        _no_interference(facts, start), _conflict(facts, start), _twins(facts, start),
        _order(facts, start), _baseline(facts, start, every), _withdrawn(facts, every),
        _rolled_back(facts, start, every),
    )  # fmt: skip


def _no_interference(facts: ZooFacts, start: Mix) -> Preset:
    title, pair = "No interference", facts.apart
    if not pair:
        return Preset(title, ONE_TASK)
    cosine = facts.cosine(*pair)
    if abs(cosine) > _APART:
        return Preset(
            title,
            f"This zoo cannot show it: even {pair[0]} and {pair[1]}, the least alike, have a "
            f"cosine of {cosine:.3f}.",
        )
    return Preset(
        title,
        f"{pair[0]} and {pair[1]} stand at {facts.angle(*pair):.0f} degrees and are added whole. "
        f"Look how close both bars come to the marks of the experts; pinned is {pair[0]} alone.",
        mixed(start, dict.fromkeys(pair, 1.0), SUM), mixed(start, {pair[0]: 1.0}, SUM),
    )  # fmt: skip


def _conflict(facts: ZooFacts, start: Mix) -> Preset:
    title, pair = "Conflict", facts.against
    if not pair:
        return Preset(title, ONE_TASK)
    cosine = facts.cosine(*pair)
    if cosine > _AGAINST:
        return Preset(
            title,
            f"This zoo cannot show it in its angles: no two deltas point against one another; the "
            f"lowest cosine is {cosine:.3f}, of {pair[0]} and {pair[1]}. Tasks can still be in "
            "each other's way: step 3.",
        )
    return Preset(
        title,
        f"{pair[0]} and {pair[1]} have a cosine of {cosine:.3f}: added, each takes back a part of "
        f"the other. Look at what {pair[0]} loses against the pinned mix, in which it is alone.",
        mixed(start, dict.fromkeys(pair, 1.0), SUM), mixed(start, {pair[0]: 1.0}, SUM),
    )  # fmt: skip


def _twins(facts: ZooFacts, start: Mix) -> Preset:
    title, pair = "Near-duplicates", facts.near
    if not pair:
        return Preset(title, ONE_TASK)
    cosine = facts.cosine(*pair)
    if cosine < _TWINS:
        return Preset(
            title,
            f"This zoo cannot show it: the most alike, {pair[0]} and {pair[1]}, have a cosine of "
            f"only {cosine:.3f}.",
        )
    both = dict.fromkeys(pair, 1.0)
    return Preset(
        title,
        f"{pair[0]} and {pair[1]} have a cosine of {cosine:.3f}. Pinned is their plain sum; here "
        f"what they share is taken out of {pair[1]}. Look whether it still lives on what "
        f"{pair[0]} brings.",
        mixed(start, both), mixed(start, both, options={MAIN: 0.0}),
    )  # fmt: skip


def _order(facts: ZooFacts, start: Mix) -> Preset:
    title, pair = "Order matters", facts.near
    if not pair:
        return Preset(title, ONE_TASK)
    cosine = facts.cosine(*pair)
    if abs(cosine) < _ALIKE:
        return Preset(
            title,
            f"This zoo cannot show it: who comes first keeps what is shared, and the largest "
            f"cosine is only {cosine:.3f}, of {pair[0]} and {pair[1]}.",
        )
    both = dict.fromkeys(pair, 1.0)
    return Preset(
        title,
        f"Here {pair[1]} comes before {pair[0]}, in the pinned mix after it. The first keeps its "
        f"whole delta, the second {1 - cosine**2:.0%} of its squared length. Look who loses.",
        mixed(start, both, order=pair[::-1]), mixed(start, both, order=pair),
    )  # fmt: skip


def _baseline(facts: ZooFacts, start: Mix, every: Mix) -> Preset:
    title = "A strong baseline"
    if not facts.near:
        return Preset(title, ONE_TASK)
    if not facts.scored:
        return Preset(title, "This zoo cannot show it: it has no rows to compare on.")
    plain = mixed(start, dict.fromkeys(facts.tasks, facts.start), SUM)
    return Preset(
        title,
        f"{_SUM}, which takes nothing out, against the pinned {_METHOD}, both with {facts.start:g} "
        "of every delta. Look at the line on top: it says worse, better, or that it cannot "
        "tell the simple method from the other.",
        plain, every,
    )  # fmt: skip


def _withdrawn(facts: ZooFacts, every: Mix) -> Preset:
    title = "A licence withdrawn"
    if len(facts.tasks) < 2:
        return Preset(title, ONE_TASK)
    task = facts.strong or facts.first
    floor = facts.base.get(task)
    falls = f"; the untouched base scores {floor.shown} on it" if floor else ""
    return Preset(
        title,
        f"Suppose the licence of {task} is withdrawn: it is unticked, and the merge is computed as "
        f"if it had never been there. Look at its row, and at what the others gain{falls}. The tab "
        "Unmerge proves it.",
        every.unticked([task]), every,
    )  # fmt: skip


def _rolled_back(facts: ZooFacts, start: Mix, every: Mix) -> Preset:
    task = facts.strong or facts.first
    amounts = dict.fromkeys(facts.tasks, facts.start) | {task: _TOO_MUCH}
    return Preset(
        "A bad update rolled back",
        f"An update of {task} has come in {_TOO_MUCH / facts.start:.0f} times too large. Look what "
        f"it does to {'the others' if len(facts.tasks) > 1 else 'it'}, then double click its "
        "number: the mix is the pinned one again, bit for bit.",
        mixed(start, amounts), every,
    )  # fmt: skip
