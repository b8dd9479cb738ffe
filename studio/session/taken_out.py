"""What a browser takes out of its mix and puts back, and who teaches what is left of it."""

from dataclasses import dataclass, replace

from studio.errors import BadCheckpoint, BadLedger, BadRecipe, StudioError
from studio.evidence.ledger.events import CERTIFICATE
from studio.evidence.ledger.log import Ledger
from studio.evidence.teachers import Teachers, teachers
from studio.evidence.unmerge import Unmerging
from studio.evidence.wording import ALGEBRAIC
from studio.progress import Progress
from studio.session.bounded_store import BoundedStore
from studio.session.context import Context
from studio.session.evidence import Evidence

_KEPT = 32


@dataclass(frozen=True)
class Returned:
    """A task in the shown mix that a certificate of this ledger says was taken out.

    Attributes:
        task: in the mix.
        date: of the certificate.
        certificate: its digest.
        demo: whether a throw-away key signed it.
        failed: whether it says itself that the removal is not shown.
    """

    task: str
    date: str
    certificate: str
    demo: bool
    failed: bool = False


class TakenOut:
    """Taking out, putting back, and what was measured of it, by recipe and by what is out.

    Args:
        context: of the session.
        evidence: knows what is unticked.

    Attributes:
        version: grows with every answer.
    """

    def __init__(self, context: Context, evidence: Evidence) -> None:
        self._context, self._evidence = context, evidence
        self._found: BoundedStore[tuple[str, str, str], Teachers] = BoundedStore(_KEPT)
        self.version = 0

    def take_out(self, task: object) -> None:
        """Untick a task; undo brings it back.

        Raises:
            BadRecipe: there is no such task.
        """
        self._tick(task, False)

    def put_back(self, task: object) -> None:
        """Tick a task again.

        Raises:
            BadRecipe: there is no such task.
            NotAllowed: it was certified as removed.
        """
        self._tick(task, True)

    def returned(self) -> list[Returned]:
        """Tasks of the shown mix that were certified as taken out, whichever key signed.

        Of each the last certificate; none of a log that was edited, or where a checkpoint's file
        was, both of which are said elsewhere.
        """
        context = self._context
        try:
            gone = _certified(context.engine.ledger)
            deltas, ticked = context.bench.deltas, context.mix().ticked if gone else ()
            named = dict(zip(deltas.tasks, deltas.checkpoints, strict=True))
            digests = {name: named[name].known_digest for name in ticked}
        except (BadLedger, BadCheckpoint):
            return []
        return [replace(gone[x], task=name) for name, x in digests.items() if x in gone]

    def teachers(self, task: str) -> Teachers | None:
        """Who teaches an unticked task in the shown mix, once that was measured."""
        shown = self._evidence.unmerging()
        return self._found.get(_key(shown, task)) if shown else None

    def keep(self, shown: Unmerging, found: Teachers) -> None:
        """Keep who teaches a task that was taken out."""
        self._found[_key(shown, found.task)] = found
        self.version += 1

    def scored(self) -> list[str]:
        """Unticked tasks that have a head and held-out rows."""
        shown, scored = self._evidence.unmerging(), self._context.bench.scored()
        return [name for name in shown.removed if name in scored] if shown else []

    def start_teachers(self) -> None:
        """Leave out each kept task in turn, and score what is unticked, as a job.

        Raises:
            StudioError: nothing is unticked, it has no rows, or a job is running.
        """
        shown, context, asked = self._evidence.unmerging(), self._context, self.scored()
        if shown is None:
            raise StudioError("Nothing is unmerged: untick a task in the mixer first.")
        if not asked:
            raise StudioError("What is unticked has no held-out rows to measure it on.")

        def work(progress: Progress) -> tuple[str, str]:
            bench = context.own_bench()
            for task in asked:
                self.keep(shown, teachers(bench, bench.live, shown, task, progress))
            return f"Measured who teaches {', '.join(asked)}.", ""

        takes = context.pace.scored("teachers", len(asked) * max(len(shown.recipe.tasks), 1))
        context.jobs.start(f"Who teaches {', '.join(asked)}", work, takes)

    def _tick(self, task: object, on: bool) -> None:
        mix = self._context.current()
        if task not in mix.names:
            raise BadRecipe("The page asked for something unknown; reload the page.")
        strips = tuple(replace(s, on=on) if s.name == task else s for s in mix.strips)
        self._context.show(replace(mix, strips=strips))


def _certified(ledger: Ledger) -> dict[str, Returned]:
    """{digest of a checkpoint: the last certificate that says it was taken out}."""
    found = {}
    for each in ledger.entries():
        content = each.content
        if each.event == CERTIFICATE and content["claim"] != ALGEBRAIC:
            for gone in content["removed"]:
                found[gone["digest"]] = Returned(
                    gone["task"], each.time[:10], content["certificate"], content["demo"],
                    content["verdict"] == "fail",
                )  # fmt: skip
    return found


def _key(shown: Unmerging, task: str) -> tuple[str, str, str]:
    return shown.full.digest, " ".join(shown.removed), task
