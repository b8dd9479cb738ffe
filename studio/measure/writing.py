"""What models write after a prompt, piece by piece, and how likely each finds what it reads."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from statistics import fmean
from typing import Any

import torch

from studio.errors import StudioError
from studio.measure.bench import Bench
from studio.merge import Merge
from studio.tasks.kinds.writing import Manner, Pen, Prompt, Writer, taken
from studio.tasks.live_model import LiveModel
from studio.tasks.task import Task

ENDED, FULL, REFUSED = "ended", "full", "refused"


@dataclass(frozen=True)
class Asked:
    """What is to be gone on with, and how.

    Attributes:
        task: by whose kind the prompt is read; see ``writers``.
        text: of the prompt.
        manner: of writing.
    """

    task: str
    text: str
    manner: Manner


@dataclass(frozen=True)
class Piece:
    """A token as a person reads it.

    Attributes:
        text: that it adds; empty for a part of a letter, and for an end.
        probability: that the model gives it where it stands, 0 to 1; None where it predicts none,
            or where its configuration puts the token.
    """

    text: str
    probability: float | None


@dataclass(frozen=True)
class Written:
    """What one model has made of a prompt so far.

    Attributes:
        prompt: as the model reads it.
        read: its pieces.
        pieces: that were written; the last is the end, where the model has ended.
        ending: 'ended' (by the model), 'full' (as many as were asked for) or 'refused'; empty
            while more is to come.
        refusal: why nothing is written.
    """

    prompt: Prompt = field(default_factory=lambda: Prompt(()))
    read: tuple[Piece, ...] = ()
    pieces: tuple[Piece, ...] = ()
    ending: str = ""
    refusal: str = ""
    _costs: tuple[float, ...] = ()
    _ids: tuple[int, ...] = ()

    @property
    def text(self) -> str:
        """All that was written."""
        return "".join(piece.text for piece in self.pieces)

    @property
    def loss(self) -> float | None:
        """Nats that the prompt costs per piece behind the first; None if there is none."""
        return fmean(self._costs) if self._costs else None


class Scribe:
    """Has a live model write, one piece at a time; of one text it keeps what the model has read.

    Args:
        live: the model; whoever calls has it wear what shall write.
        tasks: by name.
    """

    def __init__(self, live: LiveModel, tasks: Mapping[str, Task]) -> None:
        self._live, self._tasks = live, tasks
        self._pen: tuple[object, Pen | None] = (None, None)
        self._writers: dict[str, Writer] = {}

    def step(self, model: str, asked: Asked, known: Written | None) -> Written:
        """What is known of a text with the prompt read, or with one more piece.

        Args:
            model: a name that no other weights have; the live model wears them.
            asked: what is written.
            known: so far, by the same weights; None to begin.

        Raises:
            StudioError: the prompt cannot be read, or the model says nothing.
        """
        with torch.inference_mode():
            if known is None:
                return self._begun(model, asked)
            return self._continued(self._held(model, asked, known.prompt), asked, known)

    def _begun(self, model: str, asked: Asked) -> Written:
        task, live = self._tasks[asked.task], self._live
        writer, speller = self._writer(asked), self._speller(task)
        task.kind.refuse_long(task.spec, live.encoder)
        prompt = writer.prompt(speller, live.whole, asked.text, asked.manner.most)
        costs = self._held(model, asked, prompt).costs()
        said = writer.read(speller, prompt)
        first = [None] * (len(said) - len(costs))
        shares = [*first, *(math.exp(-cost) for cost in costs)]
        return Written(prompt, tuple(map(Piece, said, shares)), _costs=costs)

    def _continued(self, pen: Pen, asked: Asked, known: Written) -> Written:
        manner, task = asked.manner, self._tasks[asked.task]
        place = len(known._ids)
        if place in known.prompt.given:
            token, share, said = known.prompt.given[place], None, ""
        else:
            token, share = taken(pen.logits(known._ids), manner, place)
            ids, ended = (*known._ids, token), token in known.prompt.ends
            writer = self._writer(asked)
            said = "" if ended else writer.said(self._speller(task), known.prompt, ids)
        ending = FULL if place + 1 >= manner.most else ""
        if token in known.prompt.ends and share is not None:
            ending = ENDED
        pieces = (*known.pieces, Piece(said, share))
        return replace(known, pieces=pieces, ending=ending, _ids=(*known._ids, token))

    def _held(self, model: str, asked: Asked, prompt: Prompt) -> Pen:
        """The pen of a text; whichever was held before is let go, and can be made again."""
        key = model, asked
        if self._pen[0] != key or self._pen[1] is None:
            self._pen = (None, None)
            self._pen = key, self._writer(asked).pen(self._live.whole, prompt)
        assert self._pen[1] is not None
        return self._pen[1]

    def _writer(self, asked: Asked) -> Writer:
        if asked.task not in self._writers:  # asked for at every token
            writer = self._tasks[asked.task].kind.writer(self._live.base)
            assert writer is not None, f"{asked.task} writes nothing"
            self._writers[asked.task] = writer
        return self._writers[asked.task]

    def _speller(self, task: Task) -> Any:
        return task.kind.speller(self._live.readers[task.kind.name])


def writers(bench: Bench) -> dict[str, str]:
    """Tasks whose models write, each with the first of its kind, by which its prompts are read."""
    found, firsts = {}, {}
    for name, task in bench.tasks.items():
        if task.kind.writer(bench.base) is not None:
            found[name] = firsts.setdefault(task.kind.name, name)
    return found


def openings(task: Task, most: int) -> list[str]:
    """Prompts made of the first held-out rows of a task, each once; none without rows."""
    rows = task.rows("held_out")[:most]
    return list(dict.fromkeys(task.kind.opening(row) for row in rows))


def written(
    scribe: Scribe, live: LiveModel, merge: Merge | None, model: str, asked: Asked
) -> Written:
    """What a merge writes, to its end.

    Raises:
        StudioError: the merge or the prompt is refused.
    """
    live.wear(merge)
    found = scribe.step(model, asked, None)
    while not found.ending:
        found = scribe.step(model, asked, found)
    return found


def differing(pieces: Sequence[Piece], beside: Sequence[Piece]) -> list[bool]:
    """Which pieces have no counterpart in another text, in the longest common order of both."""
    own, other = ([piece.text for piece in each] for each in (pieces, beside))
    found = [True] * len(own)
    for block in SequenceMatcher(None, own, other, autojunk=False).get_matching_blocks():
        found[block.a : block.a + block.size] = [False] * block.size
    return found


def refused(problem: StudioError | str) -> Written:
    """What is known of a text that cannot be written."""
    return Written(ending=REFUSED, refusal=str(problem))
