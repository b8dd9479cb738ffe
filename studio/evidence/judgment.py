"""Judgment: what was measured of an unmerge, what was carried over, and what may be said of it."""

from dataclasses import dataclass

from studio.evidence.checks import Check, checks, verdict
from studio.evidence.closure import Dependency, claim, closure, origin
from studio.evidence.measures import Measures
from studio.evidence.rebuild import Rebuild
from studio.merge import Merge


@dataclass(frozen=True)
class Judgment:
    """An unmerge, judged.

    Attributes:
        measures: of it.
        checks: every measure with what it is compared with.
        verdict: 'pass', 'fail', 'undeclared' or 'not run', and one sentence.
        closure: what was computed with which tasks.
    """

    measures: Measures
    checks: list[Check]
    verdict: tuple[str, str]
    closure: list[Dependency]

    @property
    def claim(self) -> str:
        """What the closure allows to say."""
        return claim(self.closure)


def judge(
    found: Measures,
    apart: Rebuild | None,
    merge: Merge,
    full: Merge,
    root: str | None = None,
    heads: tuple[str, ...] = (),
) -> Judgment:
    """Judge an unmerge.

    Args:
        found: what was measured of it.
        apart: the never-merged model, rebuilt by a separate process; None if that was not done.
        merge: of the unmerge's recipe, once its weights were computed.
        full: the merge with the tasks.
        root: weights root of what was written; None compares what was streamed.
        heads: tasks whose heads lie beside the weights.
    """
    table, dependencies = checks(found, apart, root), closure(merge, full, found.unmerged, heads)
    come_from = origin(merge, [each.digest for each in merge.deltas.checkpoints])
    judged = verdict(found, table, claim(dependencies), dependencies, come_from)
    return Judgment(found, table, judged, dependencies)
