"""One browser's mixer: the mix with undo and redo, the pinned mix, and every button and key."""

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from studio.checkpoints.deltas import Deltas
from studio.checkpoints.statistics import statistics_among
from studio.checkpoints.token_union import bring_tokens
from studio.disk import cache
from studio.errors import BadRecipe, StudioError
from studio.methods import METHODS, method
from studio.methods.after import AFTER
from studio.methods.contract import Method, describe
from studio.recipe import BATCH_NORMS, KEEP_BASE, MIXTURE, VOCABULARIES, Option
from studio.session.admission import Admission
from studio.session.bounded_store import BoundedStore
from studio.session.history import History, moved
from studio.session.link import link_of, mix_of_link
from studio.session.method_menu import method_menu
from studio.session.mix import (
    BATCH_NORM,
    CALIBRATE,
    HEADS,
    OFF,
    ON,
    VOCABULARY,
    Mix,
    mix_from_page,
    mix_from_plain,
    starting_mix,
)
from studio.session.mixer_strip import listed
from studio.tasks.kinds import KINDS
from studio.tasks.row_parts import VALIDATION
from studio.zoo import Zoo

_KEPT_SHOWN = 256  # mixes that a page may have been drawn from
_LONGEST_GESTURE = 40  # letters
_BATCH_NORM = {
    "name": BATCH_NORM, "default": MIXTURE, "choices": list(BATCH_NORMS), "low": None,
    "high": None, "whole": False, "label": "running averages",
    "words": "Averages that layers keep of their inputs are mixed, measured anew on validation "
    "rows, or those of the base.",
    "exactly": "Running statistics of batch normalization: a mixture of the tasks', measured anew "
    "on validation rows, or the base's.",
}  # fmt: skip
_VOCABULARY = {
    "name": VOCABULARY, "default": KEEP_BASE, "choices": list(VOCABULARIES), "low": None,
    "high": None, "whole": False, "label": "added words",
    "words": "Pieces of text that a task added to the vocabulary stay with it, or go into the "
    "export as well.",
    "exactly": "Tokens that tasks added: left with their owners, or in the export as well, each "
    "with its owner's row. The scores here are read without them.",
}  # fmt: skip
_CALIBRATE = {
    "name": CALIBRATE, "default": OFF, "choices": [OFF, ON], "low": None, "high": None,
    "whole": False, "label": "calibrate",
    "words": "Fits every layer of the mix to what the experts do, on up to 256 unlabelled rows of "
    "each task. It costs two passes over these rows and starts anew after every move.",
    "exactly": "FeatCal (arXiv 2605.13030): layer by layer, a ridge regression of the mix's layers "
    "on the experts' outputs, pulled toward the mix.",
}  # fmt: skip
_HEADS = {
    "name": HEADS, "default": OFF, "choices": [OFF, ON], "low": None, "high": None,
    "whole": False, "label": "refit heads",
    "words": "Fits each task's head to what its expert says of up to 256 unlabelled rows, as the "
    "mix sees them. Heads are exported so. It costs two passes over these rows, one of them anew "
    "after every move.",
    "exactly": "The last layer of every head: cross-entropy to the expert's probabilities on the "
    "merged model's features, pulled toward the old layer; after calibration, where that is on.",
}  # fmt: skip
_ACTIONS = (
    "equal", "halve", "reset", "undo", "redo", "pin", "flip", "unflip", "earlier", "dtype",
)  # fmt: skip


class Mixer:
    """What one browser mixes of a zoo; whoever calls holds the lock of its session.

    Args:
        zoo: that is open.
        deltas: of its tasks.
        admission: keeps out what was certified as removed.
        browser: id of the browser; '' or with a space for one whose mix is not kept on disk.

    Attributes:
        start: the mix that the zoo starts with.
        history: of the mix that is worked on.
        pinned: the mix that it is compared with.
        flipped: whether the pinned mix is shown for a moment in its place.
        overruled: how often the admission has changed the mix behind the page's back.
    """

    def __init__(self, zoo: Zoo, deltas: Deltas, admission: Admission, browser: str) -> None:
        self._zoo = zoo
        self._normalized = bool(statistics_among(deltas.base.names))
        self._extended = bring_tokens(deltas)
        joined = zip(deltas.tasks, deltas.joins, strict=True)
        self._tensors = {name: tuple(join.shared) for name, join in joined}
        self._admission = admission
        self._lasting = bool(browser) and " " not in browser
        self.key = cache.cache_key("mix", browser, str(zoo.folder), zoo.name)
        self.start = self.pinned = admission.without(starting_mix(zoo))
        self.history = History(self.start)
        self.flipped = False
        self.overruled = 0
        self._shown: BoundedStore[str, Mix] = BoundedStore(_KEPT_SHOWN)
        self._recall()

    @property
    def mix(self) -> Mix:
        """The mix that is shown."""
        return self.pinned if self.flipped else self.current

    @property
    def current(self) -> Mix:
        """The mix that is worked on, whichever is shown."""
        return self.history.current

    @property
    def before(self) -> Mix:
        """What the shown mix is to be told from: the one before the last move, or the pinned."""
        earlier = self.current if self.flipped else self.history.before
        return earlier or self.pinned

    def move(self, value: object) -> None:
        """Take over what the page sent.

        Args:
            value: as the page's mixer sends it.

        Raises:
            BadRecipe: it holds something that cannot be merged; nothing changes.
            NotAllowed: a task of it was certified as removed; nothing changes.
        """
        before = self._drawn_from(value)
        made, order = mix_from_page(value, before), self.mix.names
        if before is not self.mix and made.method == before.method:
            strips = sorted(made.strips, key=lambda strip: order.index(strip.name))
            made = replace(made, strips=tuple(strips), dtype=self.mix.dtype)
        elif made.method != before.method:
            made = self.mix.with_method(made.method)
        gesture = value.get("gesture") if isinstance(value, dict) else None
        self._push(made, moved(self.mix, made), str(gesture or "")[:_LONGEST_GESTURE])
        self.flipped = False

    def _drawn_from(self, value: object) -> Mix:
        """The mix that a page showed when somebody moved something on it.

        What the page sends back as it was is no person's, whatever became of the mix since.

        Raises:
            BadRecipe: it is not known any more.
        """
        of = value.get("of") if isinstance(value, dict) else None
        if of is None:
            return self.mix
        if of not in self._shown:
            raise BadRecipe(
                "The page was drawn by an earlier studio, or long ago; it is drawn anew. Make the "
                "change again."
            )
        return self._shown[of]

    def show(self, mix: Mix) -> None:
        """Work on another mix of the zoo's tasks; undo brings the one before back.

        Raises:
            NotAllowed: a task of it was certified as removed; nothing changes.
        """
        self._push(mix, "")

    @property
    def links(self) -> tuple[str, str]:
        """What an address says of the mix that is worked on, and of the pinned one."""
        return link_of(self.current, self._zoo), link_of(self.pinned, self._zoo)

    def open_link(self, shown: str, pinned: str) -> None:
        """Show the mix of an address, and pin the other one; one that was here, as it was then.

        Raises:
            BadRecipe: it is no link of this zoo's tasks; nothing changes.
            NotAllowed: a task of it was certified as removed; nothing changes.
        """
        known = {link_of(mix, self._zoo): mix for mix in (*self.history.every, self.pinned)}
        mixes = [known.get(x) or mix_of_link(x, self._zoo, self.start) for x in (shown, pinned)]
        self._admission.refuse(mixes[1].ticked)
        self.show(mixes[0])
        self.pinned, self.flipped = mixes[1], False

    def edit(self, action: str) -> None:
        """What one of the buttons and keys does; see ``Session.edit``.

        Raises:
            BadRecipe: there is no such button; nothing changes.
        """
        name, _, about = action.partition(":") if isinstance(action, str) else ("", "", "")
        known = {"earlier": self.mix.names, "dtype": (about,)}.get(name, ("",))
        if name not in _ACTIONS or about not in known:
            raise BadRecipe("The page asked for something unknown; reload the page.")
        self.flipped = name == "flip"
        if name in ("undo", "redo"):
            self.leave_out_removed()
            getattr(self.history, name)()
        elif name == "pin":
            self.pinned = self.mix
        elif name not in ("flip", "unflip"):
            self.history.push(self._edited(name, about), "", time.monotonic())

    def leave_out_removed(self) -> bool:
        """Untick what was certified as removed, in every mix; whether a shown one had it."""
        before = self.pinned, self.current
        self.pinned = self._admission.without(self.pinned)
        self.history.change_all(self._admission.without)
        self.overruled += self.current != before[1]  # the mixer is drawn anew
        return (self.pinned, self.current) != before

    def keep(self) -> None:
        """Keep the mix and the pinned one for a later start, if they are not yet."""
        if self._lasting and not self.flipped and self._text() != self._kept:
            self._kept = self._text()
            cache.keep(self.key, self._kept.encode())

    def value(self, moving: Mix | None) -> dict:
        """What the page's mixer is drawn from.

        Args:
            moving: where a running search has its sliders; None if there is none.
        """
        shown = (None if self.flipped else moving) or self.mix
        of = cache.cache_key("mix", shown.plain())
        self._shown[of] = shown
        drawn = _drawn(shown, self._tensors)
        _add_fits(drawn, shown, self._zoo)
        if self._normalized:
            _add(drawn, _BATCH_NORM, shown.batch_norm)
        if self._extended:
            _add(drawn, _VOCABULARY, shown.vocabulary)
        return drawn | {
            "of": of,
            "locked": moving is not None and not self.flipped,
            "flipped": self.flipped,
            "can_pin": self.mix != self.pinned,
            "can_undo": self.history.can_undo,
            "can_redo": self.history.can_redo,
        }

    def _edited(self, name: str, about: str) -> Mix:
        return {
            "equal": self.mix.equal,
            "halve": self.mix.halved,
            "reset": lambda: self._admission.without(starting_mix(self._zoo)),
            "earlier": lambda: self.mix.earlier(about),
            "dtype": lambda: self.mix.with_dtype(about or None),
        }[name]()

    def _push(self, mix: Mix, control: str, gesture: str = "") -> None:
        self._admission.refuse(mix.ticked)
        self.history.push(mix, control, time.monotonic(), gesture)

    def _recall(self) -> None:
        """Take up the mix last kept; one that makes no sense is left aside whole."""
        if known := cache.recall(self.key):
            with suppress(
                StudioError, KeyError, TypeError, AttributeError, ValueError, RecursionError
            ):
                kept = json.loads(known)
                mix, pinned = (mix_from_plain(kept[each], self.start) for each in ("mix", "pinned"))
                self.pinned, self.history = pinned, History(mix)
        self._kept = self._text()
        self.leave_out_removed()

    def _text(self) -> str:
        return json.dumps({"mix": self.current.plain(), "pinned": self.pinned.plain()})


def _add(drawn: dict, switch: dict, value: str) -> None:
    """Draw a choice that is no option of a method beside them."""
    drawn["schema"].append(switch)
    drawn["options"][switch["name"]] = value


def _add_fits(drawn: dict, shown: Mix, zoo: Zoo) -> None:
    """Draw the switches of what is fitted to experts, where it could be, or is asked for."""
    rows = all(VALIDATION in task.data for task in zoo.tasks)
    heads = any(KINDS[task.type].scores_labels for task in zoo.tasks)
    if shown.calibrate or rows:
        _add(drawn, _CALIBRATE, ON if shown.calibrate else OFF)
    if shown.heads or (rows and heads):
        _add(drawn, _HEADS, ON if shown.heads else OFF)


def _drawn(mix: Mix, tensors: Mapping[str, tuple[str, ...]]) -> dict:
    """A mix as plain values: strips, their layers, and the methods with their options."""
    chosen, options = METHODS[mix.method], dict(mix.options)
    formula, source = chosen.exactly()
    idle = chosen.idle(options)
    return {
        "rows": [vars(strip) for strip in mix.strips],
        "layers": {strip.name: listed(strip, tensors[strip.name]) for strip in mix.strips},
        "method": mix.method,
        "methods": method_menu(),
        "about": chosen.plainly,
        "formula": formula,
        "source": source,
        "begins": _begins(chosen, options, len(mix.strips)),
        "ordered": method(mix.method, options).ordered,
        "schema": [
            each | {"main": each["name"] == chosen.main}
            for each in (*describe(chosen, options), *AFTER.values())
            if len(each["choices"]) != 1 and each["name"] not in idle
        ],
        "options": {name: each["default"] for name, each in AFTER.items()} | options,
        "dtype": mix.dtype,
        "start": chosen.starting_coefficient(len(mix.strips), options),
    }


def _begins(chosen: type[Method], options: Mapping[str, Option], n: int) -> str:
    """Where weights begin, of a method whose files mean another number if they leave it out."""
    start, usual = chosen.starting_coefficient(n, options), chosen.default_coefficient
    if start == usual:
        return f"Weights begin at {usual:g}."
    return (
        f"With {n} tasks, weights begin at {start:g} wherever the studio starts this method. "
        f"A recipe file that leaves them out means {usual:g}."
    )
