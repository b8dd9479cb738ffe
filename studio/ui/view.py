"""What one look of a page sees, and the pieces of the page that follow from it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gradio.blocks import Block

from studio.session.session import Session
from studio.session.snapshot import Snapshot

Drawn = dict[Block, Any]  # components, and what each becomes


@dataclass(frozen=True)
class View:
    """What one look of a page sees.

    Attributes:
        session: of the browser that looks.
        snapshot: what its mix is at this moment.
        opened: title of the tab that is open; empty until one was chosen.
        chosen: what the page holds in the boxes that choose how something is drawn.
    """

    session: Session
    snapshot: Snapshot
    opened: str
    chosen: Mapping[Block, Any]

    @property
    def scores(self) -> object:
        """What the scores that are shown depend on."""
        now = self.snapshot
        return now.version, now.recipe.digest, now.busy, now.flipped

    @property
    def job(self) -> object:
        """What is shown of the long job depends on, apart from its time; None without one."""
        job = self.snapshot.job
        return job and (job.name, job.phase, job.share, job.words, job.tab)


@dataclass(frozen=True)
class Piece:
    """Components that are drawn anew together.

    Attributes:
        name: one of its own on the page.
        key: what they depend on; they are drawn where it differs from that of the last look.
        draw: makes them.
        pending: whether more is coming by itself.
    """

    name: str
    key: object
    draw: Callable[[], Drawn]
    pending: bool = False
